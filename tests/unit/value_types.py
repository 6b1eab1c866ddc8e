"""The names that annotations in tests/vectors/values.jsonl use."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal, NotRequired, Optional, TypedDict
from uuid import UUID

__all__ = [
    "UUID",
    "Address",
    "Any",
    "Colour",
    "Decimal",
    "Level",
    "Literal",
    "Movie",
    "Optional",
    "Point",
    "date",
    "datetime",
    "time",
    "timedelta",
]


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


@dataclass
class Address:
    street: str
    at: Point


class Movie(TypedDict):
    title: str
    year: NotRequired[int]

"""Values that travel as text: instants, lengths of time, ids, exact numbers, bytes. Each form is one grammar.

The grammars are narrower than what Python's own parsers accept, so that Rust judges every text alike (one vector file).
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from workaday.values.codec import Codec
from workaday.values.refused import ValueRefused


class Format(Codec):
    """A text form: `grammar` is matched in full before Python reads the value."""

    kinds = frozenset({"string"})
    name: str
    form: str
    python: type
    grammar: re.Pattern[str]

    def __init__(self) -> None:
        self.schema = {"type": "string", "format": self.name}

    def encode(self, value: Any) -> Any:
        # Exact: a datetime is a date to Python, and would come back as one.
        if type(value) is not self.python:
            raise ValueRefused(value, self.expected)
        return self.write(value)

    def decode(self, value: Any) -> Any:
        if type(value) is not str or not self.grammar.fullmatch(value):
            raise ValueRefused(value, self._written())
        try:
            return self.read(value)
        except (ValueError, OverflowError, ArithmeticError):
            raise ValueRefused(value, self._written()) from None

    def _written(self) -> str:
        return f'{self.expected}, in JSON text such as "{self.form}"'

    def write(self, value: Any) -> str:
        return str(value)

    def read(self, text: str) -> Any:
        return self.python(text)


class Date(Format):
    name, python = "date", date
    expected, form = "a date", "2030-01-31"
    grammar = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

    def read(self, text: str) -> date:
        return date.fromisoformat(text)


class DateTime(Format):
    name, python = "date-time", datetime
    expected, form = "an aware datetime", "2030-01-31T08:00:00+01:00"
    grammar = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")

    def write(self, value: datetime) -> str:
        offset = value.utcoffset()
        if offset is None:
            raise ValueRefused(value, self.expected, "a naive datetime names no instant: give it a tzinfo")
        # Offsets with seconds (local mean time before 1900) have no ISO form: the instant is kept, in UTC.
        return (value if offset.microseconds == 0 == offset.seconds % 60 else value.astimezone(UTC)).isoformat()

    def read(self, text: str) -> datetime:
        return datetime.fromisoformat(text)


class Time(Format):
    name, python = "time", time
    expected, form = "a time of day without a zone", "08:00:00"
    grammar = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?")

    def write(self, value: time) -> str:
        if value.tzinfo is not None:
            raise ValueRefused(value, self.expected)
        return value.isoformat()

    def read(self, text: str) -> time:
        return time.fromisoformat(text)


class Duration(Format):
    name, python = "duration", timedelta
    expected, form = "a timedelta", "P1DT2H30M"
    grammar = re.compile(
        r"(?P<sign>-?)P(?=[0-9T])((?P<d>[0-9]{1,9})D)?"
        r"(T(?=[0-9])((?P<h>[0-9]{1,9})H)?((?P<m>[0-9]{1,9})M)?((?P<s>[0-9]{1,9})(\.(?P<f>[0-9]{1,6}))?S)?)?"
    )

    def write(self, value: timedelta) -> str:
        sign, value = ("-", -value) if value < timedelta(0) else ("", value)
        minutes, seconds = divmod(value.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        fraction = f".{value.microseconds:06d}".rstrip("0") if value.microseconds else ""
        day = f"{value.days}D" if value.days else ""
        clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        if seconds or fraction or not (day or clock):
            clock += f"{seconds}{fraction}S"
        return f"{sign}P{day}" + (f"T{clock}" if clock else "")

    def read(self, text: str) -> timedelta:
        match = self.grammar.fullmatch(text)
        part = match.groupdict(default="0") if match else {}
        length = timedelta(
            days=int(part["d"]),
            hours=int(part["h"]),
            minutes=int(part["m"]),
            seconds=int(part["s"]),
            microseconds=int(part["f"].ljust(6, "0")),
        )
        return -length if part["sign"] == "-" else length


class Uuid(Format):
    name, python = "uuid", UUID
    expected, form = "a UUID", "0190f3a1-7c3e-7b1a-8d2f-000000000000"
    grammar = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Exact(Format):
    name, python = "decimal", Decimal
    expected, form = "a finite Decimal", "12.50"
    grammar = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,6})?")

    def write(self, value: Decimal) -> str:
        text = str(value)
        if not self.grammar.fullmatch(text):
            raise ValueRefused(value, self.expected)
        return text


class Bytes(Format):
    name, python = "base64", bytes
    expected, form = "bytes", "d29ya2FkYXk="
    grammar = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")

    def write(self, value: bytes) -> str:
        return base64.b64encode(value).decode()

    def read(self, text: str) -> bytes:
        return base64.b64decode(text)


FORMATS: dict[type, type[Format]] = {kind.python: kind for kind in (Date, DateTime, Time, Duration, Uuid, Exact, Bytes)}

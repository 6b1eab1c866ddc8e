"""Lists, tuples, sets and dictionaries of other values."""

from __future__ import annotations

from typing import Any

from workaday.values.codec import DICT, LIST, TUPLE, Codec
from workaday.values.plain import check_text, encode_text
from workaday.values.refused import ValueRefused


class Sequence(Codec):
    """`list[T]` and `tuple[T, ...]`."""

    kinds = frozenset({"array"})

    def __init__(self, item: Codec, python: type) -> None:
        self.item = item
        self.python = python
        self.hashable = python is tuple and item.hashable
        self.expected = f"a {python.__name__} of {item.expected}"
        self.schema = {"type": "array", "items": item.schema}

    def encode(self, value: Any) -> Any:
        if type(value) is not self.python:
            raise ValueRefused(value, self.expected)
        return _each(self.item.encode, value)

    def decode(self, value: Any) -> Any:
        if type(value) is not LIST:
            raise ValueRefused(value, self.expected)
        return self.python(_each(self.item.decode, value))


class FixedTuple(Codec):
    """`tuple[A, B]`: as many items as types."""

    kinds = frozenset({"array"})

    def __init__(self, items: list[Codec]) -> None:
        self.items = items
        self.hashable = all(item.hashable for item in items)
        self.expected = f"a tuple of {len(items)} items"
        self.schema = {
            "type": "array",
            "prefixItems": [item.schema for item in items],
            "minItems": len(items),
            "maxItems": len(items),
        }

    def encode(self, value: Any) -> Any:
        if type(value) is not TUPLE or len(value) != len(self.items):
            raise ValueRefused(value, self.expected)
        return _pairs([item.encode for item in self.items], value)

    def decode(self, value: Any) -> Any:
        if type(value) is not LIST or len(value) != len(self.items):
            raise ValueRefused(value, self.expected)
        return tuple(_pairs([item.decode for item in self.items], value))


class Unordered(Codec):
    """`set[T]` and `frozenset[T]`: an array without repeats, written in one order so that equal sets are equal JSON."""

    kinds = frozenset({"array"})

    def __init__(self, item: Codec, python: type) -> None:
        self.item = item
        self.python = python
        self.hashable = python is frozenset
        self.expected = f"a {python.__name__} of {item.expected}"
        self.schema = {"type": "array", "items": item.schema, "uniqueItems": True}

    def encode(self, value: Any) -> Any:
        if type(value) is not self.python:
            raise ValueRefused(value, self.expected)
        return sorted(_each(self.item.encode, value), key=encode_text)

    def decode(self, value: Any) -> Any:
        if type(value) is not LIST:
            raise ValueRefused(value, self.expected)
        members = self.python(_each(self.item.decode, value))
        if len(members) != len(value):
            raise ValueRefused(value, "an array without repeated items")
        return members


class Mapping(Codec):
    """`dict[str, T]`."""

    kinds = frozenset({"object"})
    hashable = False

    def __init__(self, item: Codec) -> None:
        self.item = item
        self.expected = f"a dict of text to {item.expected}"
        self.schema = {"type": "object", "additionalProperties": item.schema}

    def encode(self, value: Any) -> Any:
        return self._each(self.item.encode, value)

    def decode(self, value: Any) -> Any:
        return self._each(self.item.decode, value)

    def _each(self, turn: Any, value: Any) -> dict[str, Any]:
        if type(value) is not DICT:
            raise ValueRefused(value, self.expected)
        turned: dict[str, Any] = {}
        for key, item in value.items():
            if type(key) is not str:
                raise ValueRefused(key, "text as the key of an object")
            check_text(key)
            try:
                turned[key] = turn(item)
            except ValueRefused as refused:
                raise refused.under(f".{key}") from None
        return turned


def _each(turn: Any, values: Any) -> list[Any]:
    turned: list[Any] = []
    try:
        for value in values:
            turned.append(turn(value))
    except ValueRefused as refused:
        raise refused.under(f"[{len(turned)}]") from None
    return turned


def _pairs(turns: list[Any], values: Any) -> list[Any]:
    turned: list[Any] = []
    try:
        for turn, value in zip(turns, values, strict=True):
            turned.append(turn(value))
    except ValueRefused as refused:
        raise refused.under(f"[{len(turned)}]") from None
    return turned

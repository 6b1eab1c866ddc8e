"""Values with names of their own: enumerations, literals, dataclasses, typed dictionaries."""

from __future__ import annotations

from typing import Any

from workaday.values.codec import DICT, LIST, Codec, kind_of
from workaday.values.plain import encode_text
from workaday.values.refused import ValueRefused


class Choice(Codec):
    """`Enum` and `Literal`: one of a fixed list of JSON values. `1`, `1.0` and `true` are three different values."""

    def __init__(self, members: list[Any], values: list[Any], name: str) -> None:
        # JSON text tells apart what Python calls equal (1 and True).
        self.by_json = {encode_text(value): member for member, value in zip(members, values, strict=True)}
        self.choices: list[tuple[type, Any, Any]] = [(type(member), member, value) for member, value in zip(members, values, strict=True)]
        self.kinds = frozenset(kind_of(value) for value in values)
        self.expected = f"{name}one of {', '.join(encode_text(value) for value in values)}"
        self.schema = {"enum": values}

    def encode(self, value: Any) -> Any:
        for kind, member, json in self.choices:
            if type(value) is kind and value == member:
                return json
        raise ValueRefused(value, self.expected)

    def decode(self, value: Any) -> Any:
        if type(value) in (LIST, DICT):
            raise ValueRefused(value, self.expected)
        try:
            return self.by_json[encode_text(value)]
        except (KeyError, ValueError):
            raise ValueRefused(value, self.expected) from None


class Record(Codec):
    """An object of named fields. `python` is the dataclass to build, or `dict` for a `TypedDict`."""

    kinds = frozenset({"object"})

    def __init__(self, python: type, name: str, fields: dict[str, Codec], required: list[str], *, hashable: bool) -> None:
        self.python = python
        self.fields = fields
        self.required = required
        self.hashable = hashable
        self.expected = f"a {name}"
        self.schema = {
            "type": "object",
            "properties": {key: codec.schema for key, codec in fields.items()},
            "required": required,
            "additionalProperties": False,
        }

    def encode(self, value: Any) -> Any:
        if type(value) is not self.python:
            raise ValueRefused(value, self.expected)
        given = value if self.python is dict else {key: getattr(value, key) for key in self.fields}
        return self._each(given, "encode")

    def decode(self, value: Any) -> Any:
        if type(value) is not DICT:
            raise ValueRefused(value, self.expected)
        fields = self._each(value, "decode")
        if self.python is dict:
            return fields
        try:
            return self.python(**fields)
        except (ValueError, TypeError) as error:  # what the class itself refuses, in __post_init__
            raise ValueRefused(value, self.expected, str(error)) from None

    def _each(self, given: dict[Any, Any], direction: str) -> dict[str, Any]:
        for key in self.required:
            if key not in given:
                raise ValueRefused(given, f"{self.expected} with its field `{key}`")
        turned: dict[str, Any] = {}
        for key, item in given.items():
            codec = self.fields.get(key)
            if codec is None:
                raise ValueRefused(given, f"{self.expected} without a field `{key}`")
            try:
                turned[key] = getattr(codec, direction)(item)
            except ValueRefused as refused:
                raise refused.under(f".{key}") from None
        return turned

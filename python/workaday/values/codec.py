"""What a codec is, and those of plain values: null, boolean, integer, number, text, anything."""

from __future__ import annotations

from typing import Any

from workaday.values.plain import check_float, check_int, check_plain, check_text
from workaday.values.refused import ValueRefused

Schema = dict[str, Any]
# Named without their items, so that a comparison tells a type checker nothing it would have to guess on.
LIST: type = list
DICT: type = dict
TUPLE: type = tuple
ALL_KINDS = frozenset({"null", "boolean", "number", "string", "array", "object"})


class Codec:
    """Turns values of one annotation into JSON and back, strictly: what is not in the table is refused, never converted.

    `schema` is the JSON Schema of its JSON, `expected` the words of an error, `kinds` the JSON kinds it uses (a union
    may not share them), `hashable` whether its values may be members of a set.
    """

    schema: Schema
    expected: str
    kinds: frozenset[str] = ALL_KINDS
    hashable: bool = True

    def encode(self, value: Any) -> Any:
        """JSON of the value, or `ValueRefused`."""
        raise NotImplementedError

    def decode(self, value: Any) -> Any:
        """The value of this JSON, or `ValueRefused`."""
        raise NotImplementedError


class Plain(Codec):
    """No annotation, `Any` or `object`: plain JSON, as it is."""

    expected = "plain JSON: None, bool, int, float, str, list, dict with text keys"
    hashable = False

    def __init__(self) -> None:
        self.schema = {}

    def encode(self, value: Any) -> Any:
        check_plain(value)
        return value

    decode = encode


class Null(Codec):
    expected = "None"
    kinds = frozenset({"null"})

    def __init__(self) -> None:
        self.schema = {"type": "null"}

    def encode(self, value: Any) -> Any:
        if value is not None:
            raise ValueRefused(value, self.expected)
        return None

    decode = encode


class Boolean(Codec):
    expected = "True or False"
    kinds = frozenset({"boolean"})

    def __init__(self) -> None:
        self.schema = {"type": "boolean"}

    def encode(self, value: Any) -> Any:
        if value is not True and value is not False:
            raise ValueRefused(value, self.expected)
        return value

    decode = encode


class Integer(Codec):
    expected = "an integer"
    kinds = frozenset({"number"})

    def __init__(self) -> None:
        self.schema = {"type": "integer", "format": "int64"}

    def encode(self, value: Any) -> Any:
        if type(value) is not int:
            if not isinstance(value, int) or isinstance(value, bool):
                raise ValueRefused(value, self.expected)
            value = int(value)  # an IntEnum where an int is asked for is that int
        check_int(value)
        return value

    def decode(self, value: Any) -> Any:
        if type(value) is not int:
            raise ValueRefused(value, self.expected)
        check_int(value)
        return value


class Number(Codec):
    expected = "a finite number"
    kinds = frozenset({"number"})

    def __init__(self) -> None:
        self.schema = {"type": "number"}

    def encode(self, value: Any) -> Any:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise ValueRefused(value, self.expected)
        try:
            number = float(value)
        except OverflowError:
            raise ValueRefused(value, self.expected) from None
        check_float(number)
        return number

    decode = encode


class Text(Codec):
    expected = "text"
    kinds = frozenset({"string"})

    def __init__(self) -> None:
        self.schema = {"type": "string"}

    def encode(self, value: Any) -> Any:
        if type(value) is not str:
            if not isinstance(value, str):
                raise ValueRefused(value, self.expected)
            value = str.__str__(value)  # a StrEnum where text is asked for is that text
        if not value.isascii():
            check_text(value)
        return value

    decode = encode


def kind_of(value: Any) -> str:
    """The JSON kind of a decoded value."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType] - anything may be given
    return _KINDS.get(kind, "")  # pyright: ignore[reportUnknownArgumentType] - anything may be given


_KINDS: dict[Any, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}

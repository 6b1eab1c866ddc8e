"""pydantic models: pydantic alone decides inside them, and only there. Stored JSON is the same without it elsewhere."""

from __future__ import annotations

from typing import Any, cast

from workaday.values.codec import Codec
from workaday.values.plain import check_plain, encode_text
from workaday.values.refused import AnnotationRefused, ValueRefused


def is_model(annotation: object) -> bool:
    """A pydantic model or pydantic dataclass, recognised without importing pydantic."""
    return isinstance(annotation, type) and (
        hasattr(annotation, "__pydantic_core_schema__") or hasattr(annotation, "__pydantic_validator__")
    )


class Model(Codec):
    """Written with the model's aliases, and read back once before it is stored: a model that cannot is refused early."""

    hashable = False

    def __init__(self, model: type) -> None:
        from pydantic import TypeAdapter  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - pydantic may not be there

        self.model = model
        self.adapter: Any = cast("Any", TypeAdapter)(model)
        self.expected = f"a {model.__name__}"
        try:
            schema = self.adapter.json_schema(by_alias=True)
        except Exception as error:
            raise AnnotationRefused(model, f"pydantic has no JSON Schema for it: {error}") from None
        self.schema = {"x-workaday": "pydantic", **schema}
        if schema.get("type") == "object":
            self.kinds = frozenset({"object"})

    def encode(self, value: Any) -> Any:
        if type(value) is not self.model:
            raise ValueRefused(value, self.expected)
        try:
            encoded = self.adapter.dump_python(value, mode="json", by_alias=True, round_trip=True)
            check_plain(encoded)
            self.adapter.validate_json(encode_text(encoded))
        except ValueError as error:
            raise _told(value, self.expected, error) from None
        return encoded

    def decode(self, value: Any) -> Any:
        try:
            return self.adapter.validate_json(encode_text(value))
        except ValueError as error:
            raise _told(value, self.expected, error) from None


def _told(value: object, expected: str, error: ValueError) -> ValueRefused:
    """The first complaint of pydantic, with its place."""
    errors: Any = getattr(error, "errors", None)
    if errors is None:
        return ValueRefused(value, expected, str(error))
    first = errors()[0]
    refused = ValueRefused(first.get("input"), f"{expected}: {first['msg']}")
    refused.path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return refused

"""From an annotation to its codec: the table of docs/protocol.md, read once when a task is registered."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from typing import Any

from workaday.values import codec as scalar
from workaday.values.codec import Codec
from workaday.values.containers import FixedTuple, Mapping, Sequence, Unordered
from workaday.values.foreign import Model, is_model
from workaday.values.formats import FORMATS
from workaday.values.plain import check_plain
from workaday.values.records import Choice, Record
from workaday.values.refused import AnnotationRefused, ValueRefused
from workaday.values.unions import Union, clash

_SCALARS: dict[Any, type[Codec]] = {
    None: scalar.Null,
    type(None): scalar.Null,
    typing.NoReturn: scalar.Null,
    typing.Never: scalar.Null,
    Any: scalar.Plain,
    object: scalar.Plain,
    bool: scalar.Boolean,
    int: scalar.Integer,
    float: scalar.Number,
    str: scalar.Text,
    **FORMATS,
}
_BARE: dict[Any, Any] = {list: list[Any], tuple: tuple[Any, ...], dict: dict[str, Any]}
_CONSTRAINTS = ("pydantic", "annotated_types", "fastapi")
_TABLE = (
    "Any, None, bool, int, float, str, list, tuple, set, dict[str, …], date, datetime, time, timedelta, UUID, Decimal, bytes, "
    "Enum, Literal, a dataclass, a TypedDict, Optional, unions of these, or a pydantic model"
)


def build(annotation: Any, seen: tuple[Any, ...] = ()) -> Codec:
    """The codec of this annotation, or `AnnotationRefused`. `seen` are the records around it."""
    annotation = _BARE.get(annotation, annotation) if _hashable(annotation) else annotation
    if _hashable(annotation) and annotation in _SCALARS:
        return _SCALARS[annotation]()
    if isinstance(annotation, typing.NewType):
        return build(annotation.__supertype__, seen)
    if type(annotation).__name__ == "TypeAliasType":
        return build(annotation.__value__, _inside(annotation, seen))
    origin = typing.get_origin(annotation)
    if origin is not None:
        return _generic(annotation, origin, typing.get_args(annotation), seen)
    if is_model(annotation):
        return Model(annotation)
    if isinstance(annotation, type):
        return _class(annotation, seen)
    raise AnnotationRefused(annotation, "it is not in the table", f"use one of: {_TABLE}")


def _hashable(annotation: Any) -> bool:
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


def _inside(record: Any, seen: tuple[Any, ...]) -> tuple[Any, ...]:
    if record in seen:
        raise AnnotationRefused(record, "it contains itself", "pass a flat list, or plain JSON (Any)")
    return (*seen, record)


def _generic(annotation: Any, origin: Any, args: tuple[Any, ...], seen: tuple[Any, ...]) -> Codec:
    if origin is typing.Annotated:
        return _annotated(annotation, args, seen)
    if origin in {typing.Union, types.UnionType}:
        return _union(annotation, [build(arg, seen) for arg in args])
    if origin is typing.Literal:
        return _literal(annotation, args)
    if origin is list:
        return Sequence(build(args[0], seen), list)
    if origin is tuple:
        return _tuple(args, seen)
    if origin in {set, frozenset}:
        return _set(annotation, build(args[0], seen), origin)
    if origin is dict:
        if args[0] is not str:
            raise AnnotationRefused(annotation, "keys of a JSON object are text", "use dict[str, …]")
        return Mapping(build(args[1], seen))
    if is_model(annotation):
        return Model(annotation)
    raise AnnotationRefused(annotation, "it is not in the table", _instead(origin))


def _instead(origin: Any) -> str:
    name = getattr(origin, "__name__", "")
    if name in {"Sequence", "Iterable", "Collection", "MutableSequence"}:
        return "use list[…]"
    if name in {"Mapping", "MutableMapping", "defaultdict", "OrderedDict"}:
        return "use dict[str, …]"
    return f"use one of: {_TABLE}"


def _annotated(annotation: Any, args: tuple[Any, ...], seen: tuple[Any, ...]) -> Codec:
    for extra in args[1:]:
        if type(extra).__module__.partition(".")[0] in _CONSTRAINTS:
            raise AnnotationRefused(annotation, "its constraints would not be checked here", "put them inside a pydantic model")
    return build(args[0], seen)


def _tuple(args: tuple[Any, ...], seen: tuple[Any, ...]) -> Codec:
    if len(args) == 2 and args[1] is Ellipsis:
        return Sequence(build(args[0], seen), tuple)
    return FixedTuple([build(arg, seen) for arg in args if arg != ()])


def _set(annotation: Any, item: Codec, python: type) -> Codec:
    if not item.hashable:
        raise AnnotationRefused(annotation, "members of a set must be hashable", "use list[…]")
    return Unordered(item, python)


def _union(annotation: Any, members: list[Codec]) -> Codec:
    plain = [member for member in members if isinstance(member, scalar.Plain)]
    if plain and all(isinstance(member, (scalar.Plain, scalar.Null)) for member in members):
        return plain[0]
    nulls = [member for member in members if isinstance(member, scalar.Null)]
    if len(members) == 2 and nulls and isinstance(members[1 - members.index(nulls[0])], Model):
        return Union([nulls[0], members[1 - members.index(nulls[0])]])
    clashing = clash(members)
    if clashing:
        one, other = (member.expected for member in clashing)
        why = f"{one} and {other} share a JSON form, so the value could not be told apart when it is read back"
        raise AnnotationRefused(annotation, why, _one_instead(clashing))
    return Union(members)


def _one_instead(clashing: tuple[Codec, Codec]) -> str:
    if all(isinstance(member, (scalar.Integer, scalar.Number)) for member in clashing):
        return "use float: an int passes for it"
    if all(isinstance(member, Record) for member in clashing):
        return "use a pydantic model with a discriminator, or one parameter for each"
    return "use one of them, or one parameter for each"


def _literal(annotation: Any, args: tuple[Any, ...]) -> Codec:
    return _choice(annotation, list(args), [arg.value if isinstance(arg, enum.Enum) else arg for arg in args], "")


def _choice(annotation: Any, members: list[Any], values: list[Any], name: str) -> Codec:
    for value in values:
        if type(value) not in {str, int, bool, float, type(None)}:
            raise AnnotationRefused(annotation, "its values must be JSON scalars", "use text or numbers as values")
        try:
            check_plain(value)
        except ValueRefused as refused:
            raise AnnotationRefused(annotation, f"its value {refused.got} is not {refused.expected}") from None
    return Choice(members, values, name)


def _class(annotation: Any, seen: tuple[Any, ...]) -> Codec:
    if issubclass(annotation, enum.Flag):
        raise AnnotationRefused(annotation, "combined flags are no fixed list of values", "use int, or a set of an Enum")
    if issubclass(annotation, enum.Enum):
        members = list(annotation)
        if not members:
            raise AnnotationRefused(annotation, "it has no members")
        return _choice(annotation, members, [member._value_ for member in members], f"{annotation.__name__}, ")
    if dataclasses.is_dataclass(annotation):
        return _dataclass(annotation, seen)
    if typing.is_typeddict(annotation):
        return _typed_dict(annotation, seen)
    if annotation in {set, frozenset}:
        raise AnnotationRefused(annotation, "its members have no type", "use set[str], set[int] …")
    raise AnnotationRefused(annotation, "it is not in the table", f"use a dataclass, or one of: {_TABLE}")


def _dataclass(annotation: Any, seen: tuple[Any, ...]) -> Codec:
    seen = _inside(annotation, seen)
    hints = _hints(annotation)
    fields: dict[str, Codec] = {}
    required: list[str] = []
    for field in dataclasses.fields(annotation):
        if not field.init:
            raise AnnotationRefused(annotation, f"its field `{field.name}` is not set by its constructor")
        fields[field.name] = build(hints[field.name], seen)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            required.append(field.name)
    if any(getattr(kind, "_field_type", None) is getattr(dataclasses, "_FIELD_INITVAR", 0) for kind in _pseudo(annotation)):
        raise AnnotationRefused(annotation, "an InitVar cannot be read back from it")
    hashable = annotation.__hash__ is not None and all(codec.hashable for codec in fields.values())  # pyright: ignore[reportUnnecessaryComparison] - a class may set it to None
    return Record(annotation, annotation.__name__, fields, required, hashable=hashable)


def _pseudo(annotation: Any) -> list[Any]:
    return list(getattr(annotation, "__dataclass_fields__", {}).values())


def _typed_dict(annotation: Any, seen: tuple[Any, ...]) -> Codec:
    seen = _inside(annotation, seen)
    fields: dict[str, Codec] = {}
    required: list[str] = []
    for name, hint in _hints(annotation).items():
        needed = name in annotation.__required_keys__
        # Under `from __future__ import annotations` __required_keys__ has not seen these marks.
        while getattr(typing.get_origin(hint), "_name", None) in {"Required", "NotRequired", "ReadOnly"}:
            mark = getattr(typing.get_origin(hint), "_name", None)
            needed = needed if mark == "ReadOnly" else mark == "Required"
            hint = typing.get_args(hint)[0]  # noqa: PLW2901 - peeled like an onion
        fields[name] = build(hint, seen)
        if needed:
            required.append(name)
    return Record(dict, f"{annotation.__name__} (a dict)", fields, required, hashable=False)


def _hints(annotation: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(annotation, include_extras=True)
    except NameError as error:
        raise AnnotationRefused(annotation, f"a name in it is not defined where it stands: {error}") from None

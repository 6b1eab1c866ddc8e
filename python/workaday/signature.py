"""A task's parameters: arguments to JSON when it is enqueued, JSON to a call when it runs.

Everything that can be known from the signature is worked out once, at registration.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from workaday.context import Context
from workaday.lengths import shortened
from workaday.values.build import build
from workaday.values.codec import DICT, Codec
from workaday.values.containers import Mapping, Sequence
from workaday.values.plain import ARGUMENT_BYTES_MAX, RESULT_BYTES_MAX, canonical_text, dump, load
from workaday.values.records import Record
from workaday.values.refused import AnnotationRefused, Misfit, ValueRefused

Kind = inspect._ParameterKind  # pyright: ignore[reportPrivateUsage] - inspect names this type no other way
Turns = dict[str, Callable[[Any], Any]]
NO_ARGUMENTS = "{}"


class Parameter:
    """One parameter that travels."""

    __slots__ = ("codec", "decode", "default_json", "encode", "kind", "name", "required")

    def __init__(self, parameter: inspect.Parameter, codec: Codec) -> None:
        self.name = parameter.name
        self.kind = parameter.kind
        self.codec = codec
        # Python collects *args in a tuple; they travel as a list.
        self.encode: Callable[[Any], Any] = codec.encode if self.kind is not Kind.VAR_POSITIONAL else lambda args: codec.encode(list(args))
        self.decode: Callable[[Any], Any] = codec.decode
        self.required = parameter.default is parameter.empty and self.kind not in {Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD}
        self.default_json = self._default_json(parameter.default)

    def _default_json(self, default: Any) -> Any:
        """JSON of the default, for unique keys; `MISSING` where the default is no value of the table."""
        if default is inspect.Parameter.empty:
            return MISSING
        try:
            return self.encode(default)
        except ValueRefused:
            return MISSING

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the parameter, its default with it: who enqueues in another language compares by it too."""
        return self.codec.schema if self.default_json is MISSING else {**self.codec.schema, "default": self.default_json}


MISSING = object()


class Signature:
    """How a function takes its arguments, with the parameters annotated `Context` left out."""

    def __init__(self, function: Callable[..., Any], local_names: dict[str, Any] | None = None) -> None:
        self.function = function
        hints = _hints(function, local_names)
        inspected = inspect.signature(function)
        self.context_name: str | None = None
        self.parameters: dict[str, Parameter] = {}
        plain: list[inspect.Parameter] = []
        for parameter in inspected.parameters.values():
            hint = hints.get(parameter.name, Any)
            if _is_context(hint):
                self._take_context(parameter)
                continue
            self.parameters[parameter.name] = Parameter(parameter, _codec(parameter, hint))
            plain.append(parameter.replace(annotation=parameter.empty))
        self._bindable = inspected.replace(parameters=plain, return_annotation=inspected.empty)
        self._context_at = self._context_position(inspected)
        self.result = _result_codec(hints.get("return", Any))
        self._positional = [p.name for p in plain if p.kind in {Kind.POSITIONAL_ONLY, Kind.POSITIONAL_OR_KEYWORD}]
        self._encoders: Turns = {name: parameter.encode for name, parameter in self.parameters.items()}
        self._decoders: Turns = {name: parameter.decode for name, parameter in self.parameters.items()}
        self._required = frozenset(p.name for p in self.parameters.values() if p.required)
        # Arguments go by name, which is quicker and simpler, unless one of these kinds wants its place.
        placed = {Kind.POSITIONAL_ONLY, Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD}
        self._by_name = not any(parameter.kind in placed for parameter in inspected.parameters.values())

    def _take_context(self, parameter: inspect.Parameter) -> None:
        if self.context_name is not None or parameter.kind in {Kind.VAR_POSITIONAL, Kind.VAR_KEYWORD}:
            raise AnnotationRefused(parameter, "a task has one Context, as a parameter of its own")
        self.context_name = parameter.name

    def _context_position(self, inspected: inspect.Signature) -> int | None:
        """The place of the context when it can only be given by place."""
        for place, parameter in enumerate(inspected.parameters.values()):
            if parameter.name == self.context_name and parameter.kind is not Kind.KEYWORD_ONLY:
                return place
        return None

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments: an object with one property a parameter."""
        return {
            "type": "object",
            "properties": {name: parameter.schema() for name, parameter in self.parameters.items()},
            "required": [name for name, parameter in self.parameters.items() if parameter.required],
            "additionalProperties": False,
        }

    # -- enqueue -------------------------------------------------------------------------------------------------------

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """JSON text of these arguments, or `Misfit`."""
        if not args and not kwargs and not self._required:
            return NO_ARGUMENTS
        return _within(self._encoded(args, kwargs), ARGUMENT_BYTES_MAX)

    def encode_some(self, given: dict[str, Any]) -> dict[str, Any]:
        """JSON of some named arguments, as a pause of one argument value names them."""
        unknown = sorted(given.keys() - self.parameters.keys())
        if unknown:
            known = ", ".join(f"`{name}`" for name in self.parameters) or "no parameter"
            raise Misfit(f"it has no parameter `{unknown[0]}`", known)
        return _turned(self._encoders, given)

    def decode_some(self, given: dict[str, Any]) -> dict[str, Any]:
        """The values of some named arguments in JSON."""
        return _turned(self._decoders, given)

    def canonical(self, text: str) -> str:
        """One text for equal arguments, defaults written out: what `unique="args"` compares."""
        given = load(text, ARGUMENT_BYTES_MAX)
        for name, parameter in self.parameters.items():
            if name not in given and parameter.default_json is not MISSING:
                given[name] = parameter.default_json
        return canonical_text(given)

    def _encoded(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        return _turned(self._encoders, self._bound(args, kwargs))

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if self._by_name and len(args) <= len(self._positional):
            bound = dict(zip(self._positional, args, strict=False))
            if bound.keys().isdisjoint(kwargs):
                bound.update(kwargs)
                if bound.keys() <= self.parameters.keys() and self._required <= bound.keys():
                    return bound
        # Python itself words the mistake: "missing a required argument: 'order_id'".
        try:
            return dict(self._bindable.bind(*args, **kwargs).arguments)
        except TypeError as error:
            raise Misfit(str(error), self.described()) from None

    def described(self) -> str:
        """The signature in words for an error: `(order_id, *, copy=…)`."""
        return f"arguments for {self._bindable}"

    # -- run -----------------------------------------------------------------------------------------------------------

    def bound_call(self, text: str, context: Context | None) -> Callable[[], Any]:
        """The call, ready to be made: all that can misfit is judged here, so user code's own errors stay its own."""
        if text == NO_ARGUMENTS and not self._required and self.context_name is None:
            return self.function
        values = self.decode(text)
        args, kwargs = ([], values) if self._by_name else self._placed(values)
        if self.context_name is not None:
            if not self._by_name and self._context_at is not None and len(args) >= self._context_at:
                args.insert(self._context_at, context)
            else:
                kwargs[self.context_name] = context
        function = self.function
        return lambda: function(*args, **kwargs)

    def decode(self, text: str) -> dict[str, Any]:
        """The values of JSON arguments by parameter name, or `Misfit`."""
        try:
            given = load(text, ARGUMENT_BYTES_MAX)
        except ValueRefused as refused:
            raise Misfit(f"its arguments are {refused.got}", refused.expected, refused.note) from None
        if type(given) is not DICT:
            raise Misfit(f"its arguments are {shortened(given)}", "a JSON object, parameter name to value")
        if not given.keys() <= self.parameters.keys():
            extra = sorted(given.keys() - self.parameters.keys())[0]
            raise Misfit(f"it takes no argument `{extra}`", self.described())
        if not self._required <= given.keys():
            missing = sorted(self._required - given.keys())[0]
            raise Misfit(f"its argument `{missing}` is missing", self.described())
        return _turned(self._decoders, given)

    def _placed(self, values: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        places_end = False
        for name, parameter in self.parameters.items():
            if parameter.kind is Kind.VAR_POSITIONAL:
                args.extend(values.get(name, ()))
            elif parameter.kind is Kind.VAR_KEYWORD:
                kwargs.update(values.get(name, {}))
            elif name not in values:
                places_end = True
            elif parameter.kind is Kind.KEYWORD_ONLY or (places_end and parameter.kind is Kind.POSITIONAL_OR_KEYWORD):
                kwargs[name] = values[name]
            elif places_end:
                raise Misfit(f"its argument `{name}` is given by place, and one before it is missing", self.described())
            else:
                args.append(values[name])
        return args, kwargs

    def encode_result(self, value: Any) -> str:
        """JSON text of what the task returned, or `ValueRefused`."""
        return dump(self.result.encode(value), RESULT_BYTES_MAX)

    def decode_result(self, text: str) -> Any:
        """The value of a stored result."""
        return self.result.decode(load(text, RESULT_BYTES_MAX))


def _turned(turns: Turns, given: dict[str, Any]) -> dict[str, Any]:
    turned: dict[str, Any] = {}
    name = ""
    try:
        for name, value in given.items():
            turned[name] = turns[name](value)
    except ValueRefused as refused:
        raise Misfit(f"`{name}{refused.path}` is {refused.got}", refused.expected, refused.note) from None
    return turned


def _within(value: dict[str, Any], bytes_max: int) -> str:
    try:
        return dump(value, bytes_max)
    except ValueRefused as refused:
        raise Misfit(f"the arguments are {refused.got}", refused.expected, refused.note) from None


def _hints(function: Callable[..., Any], local_names: dict[str, Any] | None) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, localns=local_names, include_extras=True)
    except NameError as error:
        raise AnnotationRefused(
            function,
            f"a name in its annotations is not defined where the task is registered: {error}",
            "import it at run time (not under TYPE_CHECKING), and define it above the task",
        ) from None


def _is_context(hint: Any) -> bool:
    if hint is Context:
        return True
    members = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    return typing.get_origin(hint) is not None and members == [Context]


def _codec(parameter: inspect.Parameter, hint: Any) -> Codec:
    try:
        if parameter.kind is Kind.VAR_POSITIONAL:
            return Sequence(build(hint), list)
        if parameter.kind is Kind.VAR_KEYWORD:
            unpacked = getattr(typing.get_origin(hint), "_name", None) == "Unpack"
            return _unpacked(hint) if unpacked else Mapping(build(hint))
        return build(hint)
    except AnnotationRefused as refused:
        raise _at(refused, f"parameter `{parameter.name}`") from None


def _unpacked(hint: Any) -> Codec:
    codec = build(typing.get_args(hint)[0])
    if not isinstance(codec, Record):
        raise AnnotationRefused(hint, "**kwargs unpacks a TypedDict only")
    return codec


def _result_codec(hint: Any) -> Codec:
    try:
        return build(hint)
    except AnnotationRefused as refused:
        raise _at(refused, "the result") from None


def _at(refused: AnnotationRefused, place: str) -> AnnotationRefused:
    refused.place = place
    return refused

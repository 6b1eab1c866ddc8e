"""Plain JSON: its limits, and text in and out. What neither side of the wire would read alike is refused here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from workaday.values.refused import ValueRefused

DEPTH_MAX = 64
ARGUMENT_BYTES_MAX = 256 * 1024
RESULT_BYTES_MAX = 1024 * 1024
DICT: type = dict
INT_MIN, INT_MAX = -(2**63), 2**63 - 1

_PLAIN = "plain JSON: None, bool, int, float, str, list, dict with text keys"
_INTEGER = "an integer of 64 bits, from -2^63 to 2^63-1"
_FINITE = "a finite number"
_TEXT = "text without lone surrogates"
_DEPTH = f"at most {DEPTH_MAX} levels of lists and objects"

encode_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode

canonical_text = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), sort_keys=True).encode
"""One text for equal values: the keys of every object sorted. `core::values::canonical` writes the same in Rust."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_decoder = json.JSONDecoder(parse_constant=_no_constant)
_scan: Callable[[str, int], tuple[Any, int]] = vars(_decoder)["scan_once"]


def decode_text(text: str) -> Any:
    """The value of a JSON text. Compact text, as we write it, needs one call into C."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        end = -1
        value = None
    return value if end == len(text) else _decoder.decode(text)


def check_int(value: int) -> None:
    if not INT_MIN <= value <= INT_MAX:
        raise ValueRefused(value, _INTEGER)


def check_float(value: float) -> None:
    # NaN and the infinities are the only floats whose difference with themselves is not zero.
    if value - value != 0.0:
        raise ValueRefused(value, _FINITE)


def check_text(value: str) -> None:
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueRefused(value, _TEXT) from None


def check_plain(value: Any, depth: int = 0) -> None:
    """Refuses what is not plain JSON, naming the place. Subclasses too: they would come back as something else."""
    kind = type(value)  # pyright: ignore[reportUnknownVariableType] - anything may be given
    if kind is str:
        if not value.isascii():
            check_text(value)
    elif kind is int:
        check_int(value)
    elif kind is float:
        check_float(value)
    elif kind is dict:
        _check_object(value, depth + 1)
    elif kind is list:
        if depth >= DEPTH_MAX:
            raise ValueRefused("…", _DEPTH)
        index = 0
        try:
            for item in value:
                check_plain(item, depth + 1)
                index += 1
        except ValueRefused as refused:
            raise refused.under(f"[{index}]") from None
    elif value is not None and kind is not bool:
        raise ValueRefused(value, _PLAIN, "annotate the parameter with its type, or convert the value first")


def _check_object(value: dict[Any, Any], depth: int) -> None:
    if depth > DEPTH_MAX:
        raise ValueRefused("…", _DEPTH)
    for key, item in value.items():
        if type(key) is not str:
            raise ValueRefused(key, "text as the key of an object")
        check_text(key)
        try:
            check_plain(item, depth)
        except ValueRefused as refused:
            raise refused.under(f".{key}") from None


def dump(value: Any, bytes_max: int) -> str:
    """Compact JSON text of an encoded value, within the limits of size and depth."""
    text = encode_text(value)
    size = len(text) if text.isascii() else len(text.encode())
    if size > bytes_max:
        refused = ValueRefused(None, f"at most {bytes_max} bytes", "store the content and pass its name or id")
        refused.got = f"{size} bytes of JSON"  # a size, and no text in quotes
        raise refused
    if text.count("[") + text.count("{") > DEPTH_MAX:
        check_depth(value)
    return text


def load(text: str, bytes_max: int) -> Any:
    """The value of a JSON text from outside, within the limits; still to be judged against a type."""
    if len(text) > bytes_max or (not text.isascii() and len(text.encode()) > bytes_max):
        raise ValueRefused(f"{len(text)} characters of JSON", f"at most {bytes_max} bytes")
    try:
        value = decode_text(text)
    except (ValueError, RecursionError) as error:
        raise ValueRefused(text, "JSON", str(error)) from None
    if text.count("[") + text.count("{") > DEPTH_MAX:
        check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Walks level by level, so that a deep value cannot exhaust the stack."""
    level = _containers((value,))
    for _ in range(DEPTH_MAX):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return
    raise ValueRefused("…", _DEPTH)


def _containers(value: Any) -> list[Any]:
    items = value.values() if type(value) is DICT else value
    return [item for item in items if isinstance(item, (dict, list))]

"""Reads what people write: lengths of time (`"90s"`), sizes (`"512M"`) and instants, into integers that cannot be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workaday.errors import RegistrationError, WorkadayError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_UNITS_US = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_UNITS_BYTES = {"K": 1024, "M": 1024**2, "G": 1024**3}
LENGTH_US_MAX = 100 * 366 * 86_400_000_000


def length_us(value: str | timedelta, what: str, *, zero: bool = True, error: type[WorkadayError] = RegistrationError) -> int:
    """Microseconds of a length such as `"250ms"`, `"90s"`, `"5m"`, `"2h"`, `"1d"`, or of a `timedelta`.

    `what` names the option in the error. Lengths are not negative, and zero only where `zero` allows it.
    """
    micros = _length_us(value)
    if micros is None or micros < 0 or micros > LENGTH_US_MAX or (micros == 0 and not zero):
        least = "0s or more" if zero else "more than 0s"
        raise error(
            "option.length_invalid",
            f"{what} is {shortened(value)}",
            expected=f'a length such as "250ms", "90s", "5m", "2h", "1d", or a timedelta; {least}, 100 years at most',
            retry_note="safe after the length is mended",
            hint=_length_hint(value),
        )
    return micros


def _length_us(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        unit = text.lstrip("0123456789.")
        number = text[: len(text) - len(unit)]
        if unit not in _UNITS_US or not number.isascii():
            return None
        try:
            return round(int(number) * _UNITS_US[unit] if number.isdigit() else float(number) * _UNITS_US[unit])
        except ValueError:
            return None
    if hasattr(value, "total_seconds"):
        return (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    return None


def _length_hint(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f'write the unit: "{value}s" are seconds'
    return None


def size_bytes(value: str | int, what: str) -> int:
    """Bytes of a size such as `"256M"` (1024 based) or of a plain number of bytes."""
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str):
        text = value.strip()
        factor = _UNITS_BYTES.get(text[-1:])
        digits = text[:-1] if factor else text
        number = int(digits) * (factor or 1) if digits.isascii() and digits.isdigit() else None
    if number is None or not 0 < number < 2**62:
        raise RegistrationError(
            "option.size_invalid",
            f"{what} is {shortened(value)}",
            expected='a size such as "256M", "1G", or a number of bytes above 0',
            retry_note="safe after the size is mended",
        )
    return number


def instant_us(value: datetime | str, what: str, error: type[WorkadayError] = RegistrationError) -> int:
    """Microseconds since 1970 of an aware `datetime` or an ISO 8601 text with an offset."""
    from datetime import UTC, datetime

    instant: Any = value
    if isinstance(value, str):
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = None
    if not isinstance(instant, datetime) or instant.utcoffset() is None:
        raise error(
            "option.instant_invalid",
            f"{what} is {shortened(value)}",
            expected='an aware datetime, or ISO 8601 with an offset such as "2030-01-31T08:00:00+01:00"',
            retry_note="safe after the instant is mended",
            hint="a naive datetime names no instant: give it a tzinfo" if isinstance(instant, datetime) else None,
        )
    since = instant.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def shortened(value: object, limit: int = 60) -> str:
    """The value as an error shows it: JSON-like quotes for text, cut to `limit` characters."""
    if isinstance(value, str):
        text = '"' + value[: limit + 1].replace("\n", "\\n") + '"'
        text = text.encode("utf-8", "backslashreplace").decode()
    else:
        try:
            text = repr(value)
        except Exception:  # a broken __repr__ must not hide the error that is being told
            text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"

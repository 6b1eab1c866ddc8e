"""A clock that stands still until the test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workaday import clock
from workaday.lengths import instant_us, length_us

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class VirtualClock:
    """Time for a test: `clock.advance("1d")`, `clock.now`, `clock.set("2030-03-31T01:30:00+01:00")`. It never goes back."""

    def __init__(self) -> None:
        self._now_us = clock.wall_us()

    @property
    def now(self) -> datetime:
        """The instant, in UTC."""
        return _EPOCH + timedelta(microseconds=self._now_us)

    def now_us(self) -> int:
        return self._now_us

    def advance(self, length: str | timedelta) -> datetime:
        """Moves on. Nothing runs by that: say `run_due()` or `drain()` afterwards."""
        self._now_us += length_us(length, "clock.advance(length)")
        return self.now

    def set(self, instant: datetime | str) -> datetime:
        """Moves to a later instant."""
        self.advance_to_us(instant_us(instant, "clock.set(instant)"))
        return self.now

    def advance_to_us(self, micros: int) -> None:
        self._now_us = max(self._now_us, micros)

"""What a task raises to end its attempt in another way than by a result or a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workaday.lengths import length_us

if TYPE_CHECKING:
    from datetime import timedelta


class Snooze(Exception):
    """Postpone this job: `raise Snooze("10m")`. The attempt is given back, so a job may snooze for ever."""

    def __init__(self, delay: str | timedelta) -> None:
        super().__init__(delay)
        self.delay_us = length_us(delay, "Snooze(delay)")


class Cancel(Exception):
    """End this job as cancelled: `raise Cancel("the order was withdrawn")`. Not a failure; nobody is alerted."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


class Discard(Exception):
    """Give this job up at once, whatever attempts are left: `raise Discard("the address does not exist")`. Alerts."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


class TaskTimedOut(BaseException):
    """Raised inside a task whose `timeout` has passed. Let it through: a task that stays is killed a little later.

    A `BaseException`, so that `except Exception` in user code does not swallow it.
    """

    def __init__(self, why: str = "it ran longer than its timeout") -> None:
        super().__init__(why)


class JobStopped(BaseException):
    """Raised inside a running sync task that somebody has cancelled, or that a drain could not wait for. Let it through.

    A coroutine is stopped by `asyncio.CancelledError` instead, as coroutines are.
    """

    def __init__(self, reason: str = "cancel") -> None:
        super().__init__(reason)
        self.reason = reason

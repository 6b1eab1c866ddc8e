"""Where "now" comes from: the one place of the client that reads the wall clock.

Everything takes the time from `now_us()`, so a test moves it (`workaday_test.clock`) and nothing sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def wall_us() -> int:
    """Microseconds since 1970-01-01 UTC, by this machine's clock."""
    return time.time_ns() // 1000


_source: Callable[[], int] = wall_us


def now_us() -> int:
    """Microseconds since 1970-01-01 UTC, from the source that is set."""
    return _source()


def set_source(source: Callable[[], int] | None) -> None:
    """Takes the time from `source` from now on; `None` goes back to the wall clock."""
    global _source  # noqa: PLW0603 - one clock a process is the point
    _source = source or wall_us

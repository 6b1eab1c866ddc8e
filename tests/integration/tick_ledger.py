"""What the ledger of ticks has to be, from the written rules alone: the second opinion on the scheduler.

It shares no code with the engine: ticks come from the oracle on `zoneinfo`, decisions from docs/guides/scheduled-tasks.md.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[2] / "crates/workaday-core/tests/oracle"))

from ticks_oracle import Expression

SECOND = 1_000_000
DAY = 86_400 * SECOND
ON_TIME = 10 * SECOND
Row = tuple[int, int, int, str, bool]
"""(first, last, count, `job` or the reason, late)"""


def micros(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@dataclass
class Schedule:
    """One schedule as it is declared, and what became of it so far."""

    declared: dict[str, Any]
    begin: int
    end: int
    ticks: list[int] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    cursor: int = 0
    active: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    early: set[int] = field(default_factory=set)
    """Released after the clock was set back: not due again before their time."""

    def __post_init__(self) -> None:
        self.cursor = self.begin
        if every := self.declared.get("every"):
            length = int(every.removesuffix("s")) * SECOND
            self.ticks = list(range(self.begin + length, self.end, length))
            return
        start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.begin)
        for tick in Expression(self.declared["cron"][0]).ticks(start, ZoneInfo(self.declared.get("tz", "UTC"))):
            if micros(tick) >= self.end:
                break
            self.ticks.append(micros(tick))

    def look(self, now: int, running: set[int]) -> None:
        """Somebody decides what is due. `running`: ticks whose job runs and cannot be taken back."""
        due = self.ticks[bisect_right(self.ticks, self.cursor) : bisect_right(self.ticks, now)]
        if due:
            self.cursor = due[-1]
            wanted = self.wanted(due, now)
            reason = "superseded" if wanted and self.declared["catch_up"] == "latest" else "missed"
            self.silence(due[: len(due) - len(wanted)], reason)
            if wanted:
                self.place(wanted, now, running)
        self.early = {tick for tick in self.early if tick > now}
        self.release(now)

    def release(self, now: int) -> None:
        """The oldest that waits is free once nothing else of the schedule is unfinished."""
        if not self.active and self.waiting:
            self.active.append(self.waiting.pop(0))
            self.early |= {tick for tick in self.active if tick > now}

    def finish(self, now: int) -> None:
        """Everything that can run runs to its end, one after the other."""
        while self.active:
            self.active = [tick for tick in self.active if tick in self.early]
            if self.active:
                return
            self.release(now)

    def wanted(self, due: list[int], now: int) -> list[int]:
        catch_up, window, newest = self.declared["catch_up"], self.declared.get("catch_up_window_us"), due[-1]
        if catch_up == "all":
            oldest = now - max(DAY if window is None else window, ON_TIME)
            return [tick for tick in due if tick >= oldest][-self.declared["catch_up_limit"] :]
        if catch_up == "none":
            window = 0
        elif window is None:
            window = min(self.ticks[bisect_right(self.ticks, newest)] - newest, DAY)
        return [newest] if now - newest <= max(window, ON_TIME) else []

    def place(self, wanted: list[int], now: int, running: set[int]) -> None:
        overlap, busy = self.declared["overlap"], bool(self.active or self.waiting)
        if (overlap == "skip" and busy) or (overlap == "queue" and self.waiting):
            return self.silence(wanted, "skipped_overlap")
        if overlap == "cancel_running":
            self.silence(wanted[:-1], "superseded")
            wanted = wanted[-1:]
            self.active, self.waiting = [tick for tick in self.active if tick in running], []
            self.waiting.append(wanted[0])
        elif overlap == "allow":
            self.active.extend(wanted)
        else:
            self.waiting.extend(wanted)
        self.ledger.extend((tick, tick, 1, "job", now - tick > ON_TIME) for tick in wanted)
        return None

    def silence(self, ticks: list[int], reason: str) -> None:
        if ticks:
            self.ledger.append((ticks[0], ticks[-1], len(ticks), reason, False))


def differences(expected: list[Row], found: list[Row]) -> list[str]:
    """One line for each row that is only in one of the two."""
    wanted, there = list(expected), list(found)
    for row in expected:
        if row in there:
            there.remove(row)
            wanted.remove(row)
    return [f"missing {row}" for row in wanted] + [f"not expected {row}" for row in there]

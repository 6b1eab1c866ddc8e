"""What a running task may know and say about its own job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

StopReason = Literal["cancel", "timeout", "drain"]


class Context:
    """Given to a task that has a parameter annotated `Context`; it is no part of the enqueued arguments.

        @app.task()
        def nightly_report(ctx: Context, store: str) -> int:
            ctx.log.info("report of %s", ctx.tick.date())
            ctx.progress(0.4, "rendering")
            ...

    Put it first and call it `ctx`: then a type checker knows that `enqueue` does not take it.
    """

    __slots__ = ("_id", "_on_progress", "_tick", "attempt", "run_at_us", "stop_reason", "task_name")

    def __init__(
        self,
        job_id: bytes,
        task_name: str,
        *,
        attempt: int = 1,
        run_at_us: int = 0,
        meta: str = "",
        on_progress: Callable[[float, str], None] | None = None,
    ) -> None:
        self._id = job_id
        self.task_name = task_name
        self.attempt = attempt
        """Tries spent, this one included."""
        self.run_at_us = run_at_us
        self._tick = meta
        self._on_progress = on_progress
        self.stop_reason: StopReason | None = None
        """Set by the child when this job is asked to stop; the runner reads it to name the outcome."""

    @property
    def job_id(self) -> UUID:
        """The id of this job."""
        from uuid import UUID

        return UUID(bytes=self._id)

    @property
    def run_at(self) -> datetime:
        """When the job was due, in UTC."""
        return _instant(self.run_at_us)

    @property
    def tick(self) -> datetime:
        """The due instant of the schedule on its zone's clock, also when the job runs late; without a schedule `run_at`.

        `ctx.tick.date()` is the day that the run is for, not the day on which it happens to run.
        """
        tick = self._told_tick()
        return self.run_at if tick is None else _in_zone(tick)

    @property
    def tick_nominal(self) -> datetime:
        """The time that the schedule names, without a zone: 02:30 also in the night in which the clock leapt over it."""
        from datetime import datetime

        tick = self._told_tick()
        return self.run_at.replace(tzinfo=None) if tick is None else datetime.fromisoformat(tick["nominal"])

    @property
    def schedule(self) -> str | None:
        """The name of the schedule that made this job, or `None`."""
        tick = self._told_tick()
        return None if tick is None else tick["schedule"]

    def _told_tick(self) -> dict[str, Any] | None:
        if not self._tick:
            return None
        import json

        return json.loads(self._tick).get("tick")

    @property
    def cancelled(self) -> bool:
        """Has this job been asked to stop? A long loop looks here and ends tidily."""
        return self.stop_reason is not None

    @property
    def log(self) -> logging.Logger:
        """A logger named after the task; what it writes is kept with the attempt."""
        import logging

        return logging.getLogger(self.task_name)

    def progress(self, share: float, note: str = "") -> None:
        """Says how far the job is: `share` from 0 to 1 (clamped), and a few words."""
        if self._on_progress is not None:
            self._on_progress(min(1.0, max(0.0, float(share))), note)


def _instant(micros: int) -> datetime:
    from datetime import UTC, datetime, timedelta

    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _in_zone(tick: dict[str, Any]) -> datetime:
    from datetime import timedelta, timezone
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        zone: Any = ZoneInfo(tick["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # No zone data for Python here: the offset at the instant is known all the same.
        zone = timezone(timedelta(seconds=tick["offset"]))
    return _instant(tick["at"]).astimezone(zone)

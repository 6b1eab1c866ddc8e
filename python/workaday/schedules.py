"""Schedules at run time: `app.schedules.add(…)`, `remove`, `pause`, `resume`, `list`.

A schedule of this kind belongs to the data of an application, not to its code: one digest a customer, one reminder an
appointment. No deploy touches it. Everything is guarded SQL in one transaction with its line in the audit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from workaday.app import App
    from workaday.schedule import Schedule
    from workaday.task import Task


class ScheduleStatus(NamedTuple):
    """One schedule and how it stands."""

    name: str
    task: str
    source: str
    """`code`, `config` or `dynamic`."""
    state: str
    """`active`, `absent` (no longer declared) or `broken` (`problem` says why)."""
    problem: str | None
    next_at: datetime | None
    paused: bool
    paused_until: datetime | None
    failures: int
    """Runs that failed in a row."""
    owner: str | None
    reason: str | None
    declared: dict[str, Any]
    """The whole declaration, as `workaday schedule show --json` has it."""


class Schedules:
    """The schedules of an app's store. Reached as `app.schedules`."""

    __slots__ = ("_app",)

    def __init__(self, app: App) -> None:
        self._app = app

    def add(
        self,
        name: str,
        task: Task[..., Any] | str,
        schedule: Schedule,
        *,
        reason: str,
        owner: str | None = None,
        args: Mapping[str, Any] | None = None,
        queue: str | None = None,
        finish_within: str | timedelta | None = None,
    ) -> bool:
        """Adds a schedule; `True` when it is new, `False` when it stands already, word for word.

            app.schedules.add("digest:42", send_digest, cron("0 8 * * *", tz="Europe/Lisbon"), args={"user_id": 42},
                              reason="the customer asked for a morning digest", owner="crm@shop.example")

        It begins now. Expression, zone, policies and arguments are judged first; on any refusal nothing was stored. A name
        that another schedule has is refused: `remove` it first. `finish_within`: alarm when a run has not finished by then.
        """
        from workaday.client import schedules

        return schedules.add(
            self._app, name, task, schedule, reason=reason, owner=owner, args=args, queue=queue, finish_within=finish_within
        )

    def remove(self, name: str, *, reason: str | None = None) -> None:
        """Takes away a schedule that was added at run time. Its jobs stay. One of the code or workaday.toml is refused."""
        from workaday.client import schedules

        schedules.remove(self._app, name, reason=reason)

    def pause(self, name: str, *, reason: str, until: datetime | str | timedelta | None = None) -> None:
        """No ticks from now on, until `resume` or `until`; those that come are recorded as paused. A run that goes on is left alone."""
        from workaday.client import schedules

        schedules.pause(self._app, name, reason=reason, until=until)

    def resume(self, name: str, *, reason: str | None = None) -> bool:
        """Ends a pause; `False` when there was none. What came in it does not run."""
        from workaday.client import schedules

        return schedules.resume(self._app, name, reason=reason)

    def list(self) -> list[ScheduleStatus]:
        """Every schedule of the store, by name, those of code and workaday.toml among them."""
        from workaday.client import schedules

        return schedules.everything(self._app)

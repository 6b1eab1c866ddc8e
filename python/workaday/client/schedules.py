"""Adds, removes, pauses and resumes schedules by guarded SQL. What one means is judged by the native judge alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from workaday import clock, config
from workaday.client.by_hand import audit
from workaday.errors import ScheduleError
from workaday.lengths import instant_us, length_us, shortened
from workaday.policy import checked_name
from workaday.schedule import Schedule, arguments
from workaday.schedules import ScheduleStatus
from workaday.task import Task

if TYPE_CHECKING:
    from workaday.app import App
    from workaday.client.database import Database


def add(
    app: App,
    name: str,
    task: Task[..., Any] | str,
    schedule: Schedule,
    *,
    reason: str,
    owner: str | None,
    args: Any,
    queue: Any,
    finish_within: Any,
) -> bool:
    name = checked_name(name, "the name of a schedule")
    _words("reason", reason)
    if not isinstance(schedule, Schedule):  # pyright: ignore[reportUnnecessaryIsInstance] - not everybody has a type checker
        raise _refused("schedule", shortened(schedule), 'cron("15 3 * * *", tz="…"), every("90m") or at("…")')
    if args is not None and schedule.args:
        raise _refused("args", "given twice", "in add(…) or in the schedule, one of the two")
    if args is not None:
        schedule = schedule.with_args(args)
    entry = _task_entry(app, task)
    known = task if isinstance(task, Task) else app.find_task(task)
    given = dict(schedule.args) if known is None else arguments(schedule, known.name, known.signature)
    declared = schedule.added(name, entry["name"], given) | {"owner": owner}
    if queue is not None:
        declared["queue"] = checked_name(queue, "queue")
    if finish_within is not None:
        declared["finish_within_us"] = length_us(finish_within, "finish_within", zero=False)
    elif known is not None and known.policy.expects is not None and known.policy.expects.within_us is not None:
        declared["finish_within_us"] = known.policy.expects.within_us
    now = clock.now_us()
    text = _judged(declared, entry, now)
    row = {"name": name, "task": entry["name"], "declared": text, "now": now, "owner": owner, "reason": reason}

    def operation(database: Database) -> bool:
        if database.execute("add_schedule", row) > 0:
            audit(database, app, "add", f"schedule {name}", reason, now, text)
            return True
        [there] = database.query("one_schedule", {"name": name})
        if there["source"] == "dynamic" and json.loads(there["declared"]) == json.loads(text):
            return False
        raise ScheduleError(
            "schedule.name_taken",
            f"schedule {name} was not added: one of this name stands, made by {_MAKERS[there['source']]}",
            expected="a name of its own, or the same declaration once more",
            retry_note="safe under another name; nothing was stored",
            hint="a dynamic one is taken away with app.schedules.remove(…)",
        )

    return app.store.write(operation)


def remove(app: App, name: str, *, reason: str | None) -> None:
    now = clock.now_us()

    def operation(database: Database) -> None:
        if database.execute("remove_schedule", {"name": name, "now": now}) > 0:
            audit(database, app, "remove", f"schedule {name}", reason, now)
            return
        there = _row(database, name)
        if there["source"] == "dynamic":  # removed before
            raise _unknown(name)
        raise ScheduleError(
            "schedule.not_dynamic",
            f"schedule {name} was not removed: {_MAKERS[there['source']]} states it",
            expected="a schedule made by `schedule add` or `app.schedules.add`",
            retry_note="nothing was changed",
            hint="take it out there and deploy, or pause it",
        )

    app.store.write(operation)


def pause(app: App, name: str, *, reason: str, until: Any) -> None:
    _words("reason", reason)
    now = clock.now_us()
    end = None if until is None else _until(until, now)
    if end is not None and end <= now:
        raise _refused("until", shortened(until), "an instant to come, or a length")

    def operation(database: Database) -> None:
        if database.execute("pause_schedule", {"name": name, "now": now, "until": end, "note": reason}) == 0:
            raise _unknown(name)
        audit(database, app, "pause", f"schedule {name}", reason, now, json.dumps({"until": end}))

    app.store.write(operation)


def resume(app: App, name: str, *, reason: str | None) -> bool:
    now = clock.now_us()

    def operation(database: Database) -> bool:
        # The engine writes down what came in the pause, as if it had ended by itself.
        if database.execute("end_pause", {"name": name, "now": now}) == 0:
            _row(database, name)
            return False
        audit(database, app, "resume", f"schedule {name}", reason, now)
        return True

    return app.store.write(operation)


def everything(app: App) -> list[ScheduleStatus]:
    now = clock.now_us()
    return [_status(row, now) for row in app.store.read("all_schedules", {})]


_MAKERS = {"code": "the code", "config": "workaday.toml", "dynamic": "`schedule add` or `app.schedules.add`"}


def _status(row: Any, now: int) -> ScheduleStatus:
    until = row["paused_until"]
    return ScheduleStatus(
        name=row["name"],
        task=row["task"],
        source=row["source"],
        state=row["state"],
        problem=row["broken_reason"],
        next_at=_instant(row["next_at"]),
        paused=row["paused_at"] is not None and (until is None or until > now),
        paused_until=_instant(until),
        failures=row["failures"],
        owner=row["owner"],
        reason=row["reason"],
        declared=json.loads(row["declared"]),
    )


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _task_entry(app: App, task: Task[..., Any] | str) -> dict[str, Any]:
    """What this process, else the catalogue of the store, says of the task."""
    known = task if isinstance(task, Task) else app.find_task(task)
    if known is not None:
        return known.entry()
    app.store.check()
    rows = app.store.read("task_entry", {"name": task})
    if not rows:
        raise ScheduleError(
            "task.unknown",
            f"no task is named {shortened(task)}",
            expected="a task of this app, or one that a worker has stated",
            retry_note="safe after the name is mended; nothing was stored",
        )
    return json.loads(rows[0]["entry"])


def _judged(declared: dict[str, Any], entry: dict[str, Any], now: int) -> str:
    from workaday._core import judge_schedule

    answer = json.loads(judge_schedule(json.dumps(declared), json.dumps(entry), now, config.schedules_tz()))
    if "declared" in answer:
        return json.dumps(answer["declared"], separators=(",", ":"), ensure_ascii=False)
    problem = answer["problem"]
    raise ScheduleError(
        problem["code"],
        problem["message"],
        expected=problem["expected"],
        got=problem.get("got"),
        retry=problem["retry"],
        retry_note=problem.get("retry_note"),
        hint=problem.get("hint"),
    )


def _row(database: Database, name: str) -> Any:
    rows = database.query("one_schedule", {"name": name})
    if not rows:
        raise _unknown(name)
    return rows[0]


def _unknown(name: str) -> ScheduleError:
    return ScheduleError(
        "schedule.unknown",
        f"there is no schedule {shortened(name)}",
        expected="a schedule of app.schedules.list()",
        retry_note="safe once the name is fixed; nothing was changed",
    )


def _until(until: Any, now: int) -> int:
    if hasattr(until, "tzinfo") or (isinstance(until, str) and "T" in until):
        return instant_us(until, "until", ScheduleError)
    return now + length_us(until, "until", zero=False, error=ScheduleError)


def _words(what: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise _refused(what, shortened(value), "a few words for the person who finds it later")


def _refused(what: str, got: str, expected: str) -> ScheduleError:
    return ScheduleError(
        "schedule.option_invalid", f"{what} is {got}", expected=expected, retry_note="safe after that is mended; nothing was stored"
    )

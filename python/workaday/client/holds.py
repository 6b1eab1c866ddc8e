"""Switches off a task, one argument value of it, or a queue; the engine judges the rules inside its claim."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workaday import clock
from workaday.client.by_hand import audit
from workaday.errors import JobError
from workaday.lengths import instant_us, length_us, shortened
from workaday.policy import checked_name
from workaday.task import Task
from workaday.values.plain import check_plain, encode_text
from workaday.values.refused import Misfit, ValueRefused

if TYPE_CHECKING:
    from workaday.app import App
    from workaday.client.database import Database


def pause(
    app: App,
    task: str | Task[..., Any] | None,
    *,
    queue: str | None,
    where: dict[str, Any] | None,
    reason: str,
    owner: str | None,
    until: Any,
) -> None:
    name, queue = _target(task, queue)
    values = _where(app, name, where)
    if not isinstance(reason, str) or not reason.strip():  # pyright: ignore[reportUnnecessaryIsInstance] - not everybody has a type checker
        raise _refused("reason", shortened(reason), "a few words for the person who finds it off")
    now = clock.now_us()
    row = {
        "task": name,
        "queue": queue,
        "where_args": encode_text(values) if values else None,
        "reason": reason,
        "owner": owner,
        "until": None if until is None else _until(until, now),
        "now": now,
    }

    def operation(database: Database) -> None:
        database.execute("write_hold", row)
        detail = encode_text({"where": values, "until": row["until"]})
        audit(database, app, "pause", _shown(name, queue), reason, now, detail)

    app.store.write(operation)


def resume(app: App, task: str | Task[..., Any] | None, *, queue: str | None, where: dict[str, Any] | None, reason: str | None) -> int:
    name, queue = _target(task, queue)
    wanted = None if where is None else _where(app, name, where)
    now = clock.now_us()

    def operation(database: Database) -> int:
        rules = database.query("unreleased_holds", {"task": name, "queue": queue})
        ended = [rule["rule"] for rule in rules if wanted is None or json.loads(rule["where_args"] or "{}") == wanted]
        for rule in ended:
            database.execute("end_hold", {"rule": rule, "now": now})
        if ended:
            detail = encode_text({"where": wanted, "rules": len(ended)})
            audit(database, app, "resume", _shown(name, queue), reason, now, detail)
        return len(ended)

    return app.store.write(operation)


def _target(task: str | Task[..., Any] | None, queue: str | None) -> tuple[str | None, str | None]:
    name = task.name if isinstance(task, Task) else task
    if (name is None) == (queue is None):
        raise JobError(
            "hold.target_unclear",
            "a hold names a task or a queue, one of the two",
            expected="a task, with argument values if it must be narrower, or a queue",
            retry_note="safe after that is mended; nothing was stored",
        )
    return (checked_name(name, "task"), None) if name is not None else (None, checked_name(queue, "queue"))


def _where(app: App, name: str | None, where: dict[str, Any] | None) -> dict[str, Any]:
    """The argument values as JSON; judged against the signature where the task is known here."""
    if not where:
        return {}
    if name is None:
        raise _refused("where", shortened(where), "a task beside it: a queue is paused whole")
    task = app.find_task(name)
    try:
        if task is not None:
            return task.signature.encode_some(where)
        check_plain(where)
    except Misfit as misfit:
        raise _refused("where", misfit.what, misfit.expected) from None
    except ValueRefused as refused:
        raise _refused("where", f"{refused.path} {refused.got}".strip(), refused.expected) from None
    return where


def _until(until: Any, now: int) -> int:
    if hasattr(until, "tzinfo") or (isinstance(until, str) and "T" in until):
        return instant_us(until, "until", JobError)
    return now + length_us(until, "until", zero=False, error=JobError)


def _refused(name: str, got: str, expected: str) -> JobError:
    return JobError(
        "hold.option_invalid",
        f"pause({name}=) is {got}",
        expected=expected,
        retry_note="safe after the option is mended; nothing was stored",
    )


def _shown(task: str | None, queue: str | None) -> str:
    return f"queue {queue}" if task is None else f"task {task}"

"""Writes jobs: one, or many in one transaction; on our own connection, or inside the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from workaday import clock
from workaday.call import Prepared
from workaday.client import transaction
from workaday.errors import EnqueueError
from workaday.job import Job

if TYPE_CHECKING:
    from workaday.app import App
    from workaday.client.database import Database

T = TypeVar("T")
MANY_MAX = 100_000


class Written:
    """What became of one row: its id (another job's, when that one holds the unique key) and whether it is new."""

    __slots__ = ("created", "id", "state")

    def __init__(self, job_id: bytes, *, created: bool, state: str | None) -> None:
        self.id = job_id
        self.created = created
        self.state = state


def one(prepared: Prepared[T]) -> Job[T]:
    app = prepared.task.app
    connection = prepared.call.connection
    row = prepared.row(clock.now_us())
    if connection is not None:
        written = transaction.run(app.store, connection, lambda database: write(database, row, prepared))
    else:
        store = app.store
        store.check_space()
        written = store.write(lambda database: write(database, row, prepared))
    return _job(prepared, written)


async def aone(prepared: Prepared[T]) -> Job[T]:
    app = prepared.task.app
    connection = prepared.call.connection
    row = prepared.row(clock.now_us())
    if connection is not None:
        written = await transaction.arun(app.store, connection, lambda database: write(database, row, prepared))
    else:
        store = app.store
        store.check_space()
        written = await store.awrite(lambda database: write(database, row, prepared))
    return _job(prepared, written)


def many(app: App, prepared: list[Prepared[T]], connection: Any) -> list[Job[T]]:
    if not _checked_many(prepared):
        return []
    operation = _write_many(prepared)
    if connection is not None:
        written = transaction.run(app.store, connection, operation)
    else:
        app.store.check_space()
        written = app.store.write(operation)
    return [_job(*pair) for pair in zip(prepared, written, strict=True)]


async def amany(app: App, prepared: list[Prepared[T]], connection: Any) -> list[Job[T]]:
    if not _checked_many(prepared):
        return []
    operation = _write_many(prepared)
    if connection is not None:
        written = await transaction.arun(app.store, connection, operation)
    else:
        app.store.check_space()
        written = await app.store.awrite(operation)
    return [_job(*pair) for pair in zip(prepared, written, strict=True)]


def _checked_many(prepared: list[Prepared[Any]]) -> int:
    for one_of_many in prepared:
        if not isinstance(one_of_many, Prepared):  # pyright: ignore[reportUnnecessaryIsInstance] - not everybody has a type checker
            raise EnqueueError(
                "enqueue.not_prepared",
                f"enqueue_many was given {one_of_many!r}",
                expected="calls made by task.prepare(…)",
                retry_note="safe after that is mended; nothing was stored",
            )
    if len(prepared) > MANY_MAX:
        raise EnqueueError(
            "enqueue.too_many",
            f"enqueue_many was given {len(prepared)} jobs",
            expected=f"at most {MANY_MAX} in one transaction, so that others get their turn",
            retry_note="safe in parts; nothing was stored",
        )
    return len(prepared)


def _write_many(prepared: list[Prepared[Any]]) -> Any:
    now = clock.now_us()
    rows = [one_of_many.row(now) for one_of_many in prepared]

    def operation(database: Database) -> list[Written]:
        if all(row["unique_key"] is None for row in rows) and database.execute_many("enqueue", rows) == len(rows):
            return [Written(row["id"], created=True, state=_first_state(row)) for row in rows]
        # Some were known, or have unique keys: asked one by one. Those just written answer "known", which they are.
        return [write(database, row, one) for row, one in zip(rows, prepared, strict=True)]

    return operation


def write(database: Database, row: dict[str, Any], prepared: Prepared[Any]) -> Written:
    """One row, inside a transaction that somebody else ends."""
    if database.execute("enqueue", row) == 1:
        return Written(row["id"], created=True, state=_first_state(row))
    if row["unique_key"] is None or database.query("id_known", {"id": row["id"]})[0]["known"]:
        return Written(row["id"], created=False, state=None)
    return _unique_taken(database, row, prepared)


def _unique_taken(database: Database, row: dict[str, Any], prepared: Prepared[Any]) -> Written:
    holder = database.query("find_unique_holder", {"unique_key": row["unique_key"]})[0]
    on_conflict = prepared.call.on_conflict
    if on_conflict == "return":
        return Written(holder["id"], created=False, state=holder["state"])
    if on_conflict == "error" or holder["state"] == "running":
        raise _conflict(prepared, holder)
    reason = {"key": holder["key"], "reason": "replaced", "cancel_reason": None, "now": row["now"]}
    database.execute("finish_waiting", reason)
    database.execute("delete_job", {"key": holder["key"]})
    database.execute("enqueue", row)
    return Written(row["id"], created=True, state=_first_state(row))


def _conflict(prepared: Prepared[Any], holder: Any) -> EnqueueError:
    from uuid import UUID

    running = holder["state"] == "running" and prepared.call.on_conflict == "replace"
    return EnqueueError(
        "enqueue.unique_taken",
        f"{prepared.task.name} was not enqueued: job {UUID(bytes=holder['id'])} ({holder['state']}) holds its unique key",
        expected="no unfinished job with this key" if not running else "a waiting job to replace; this one runs already",
        retry="safe_after_fix",
        retry_note="safe once that job has finished or was cancelled; nothing was stored",
        hint='while_="waiting" frees the key when the job starts' if running else 'on_conflict="return" gives you that job instead',
    )


def _first_state(row: dict[str, Any]) -> str:
    return "scheduled" if row["run_at"] > row["now"] else "available"


def _job(prepared: Prepared[T], written: Written) -> Job[T]:
    task = prepared.task
    return Job(task.app, written.id, task, written.state, created=written.created)

"""Looks jobs up, cancels them, runs them again. What may be done to a job in which state is guarded in the SQL itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from workaday import clock
from workaday.client.by_hand import audit
from workaday.errors import JobError, JobNotFound
from workaday.ids import id_bytes, new_id
from workaday.job import Job

if TYPE_CHECKING:
    from workaday.app import App
    from workaday.client.database import Database
    from workaday.task import Task

T = TypeVar("T")
DEFAULT_ATTEMPTS = 5


def find(app: App, job_id: Any, task: Task[..., Any] | None) -> Job[Any]:
    job: Job[Any] = Job(app, id_bytes(job_id), task)
    return job.refresh()


def look(app: App, job_id: bytes) -> Any:
    """The row of `find_job.sql`, or `JobNotFound`."""
    rows = app.store.read("find_job", {"id": job_id})
    if not rows:
        raise _not_found(job_id)
    return rows[0]


def cancel(job: Job[Any], reason: str | None) -> bool:
    now = clock.now_us()

    def operation(database: Database) -> Any:
        row = _row(database, job.id_bytes)
        if row["state"] in {"completed", "discarded"}:
            raise _refused(job.id_bytes, "cancelled", row["state"], "a job that has not finished")
        if row["state"] == "cancelled":
            return row
        if row["state"] == "running":
            database.execute("mark_cancel", {"key": row["key"], "reason": reason, "now": now})
        else:
            finished = {"key": row["key"], "reason": "by_hand", "cancel_reason": reason, "now": now}
            database.execute("finish_waiting", finished)
            database.execute("delete_job", {"key": row["key"]})
        _attended(database, job, now)
        audit(database, job.app, "cancel", f"job {job.id}", reason, now)
        return _row(database, job.id_bytes)

    # Seen in the transaction: a look after its COMMIT may fail, and would tell as refused what is done.
    job.seen(job.app.store.write(operation))
    return job.state == "cancelled"


def retry(job: Job[T], reason: str | None) -> Job[T]:
    now, again = clock.now_us(), new_id()

    def operation(database: Database) -> tuple[bytes, Any]:
        row = _row(database, job.id_bytes)
        if row["state"] == "completed":
            rerun = {"id": again, "key": row["key"], "now": now, "enqueued_release": job.app.release}
            database.execute("rerun_job", rerun)
            audit(database, job.app, "rerun", f"job {job.id}", reason, now)
            return again, _row(database, again)
        if row["state"] not in {"discarded", "cancelled"}:
            raise _refused(job.id_bytes, "retried", row["state"], "a job that has finished")
        _revive(database, job, row, now)
        _attended(database, job, now)
        audit(database, job.app, "retry", f"job {job.id}", reason, now)
        return job.id_bytes, _row(database, job.id_bytes)

    job_id, row = job.app.store.write(operation)
    found = Job(job.app, job_id, job.task)
    found.seen(row)
    return found


def _attended(database: Database, job: Job[Any], now: int) -> None:
    """Somebody has dealt with this job: what was said about it alone is said no longer."""
    for code in ("job.quarantined", "job.outcome_unknown"):
        database.execute("close_alert", {"code": code, "subject": str(job.id), "now": now})


def _revive(database: Database, job: Job[Any], row: Any, now: int) -> None:
    # Enough budget for at least one more try, also when the policy has shrunk meanwhile.
    extra = max(row["attempt_extra"] + 1, row["attempt"] + 1 - _attempts(database, job, row["task"]))
    try:
        database.execute("revive_job", {"key": row["key"], "now": now, "attempt_extra": extra})
    except Exception as error:
        if "unique" not in str(error).lower():
            raise
        raise JobError(
            "job.unique_taken",
            f"job {job.id} was not retried: another unfinished job holds its unique key",
            expected="its unique key to be free",
            retry_note="safe once the other job has finished or was cancelled; nothing was changed",
            hint="`workaday job list` shows the job that holds the key",
        ) from None
    database.execute("delete_finished", {"key": row["key"]})


def _attempts(database: Database, job: Job[Any], task: str) -> int:
    """What the task's own policy allows: as registered here, else as the catalogue says."""
    registered = job.app.find_task(task)
    if registered is not None:
        return registered.policy.retry.attempts
    entries = database.query("task_entry", {"name": task})
    if entries:
        import json

        return int(json.loads(entries[0]["entry"]).get("retry", {}).get("attempts", DEFAULT_ATTEMPTS))
    return DEFAULT_ATTEMPTS


def _row(database: Database, job_id: bytes) -> Any:
    rows = database.query("find_job", {"id": job_id})
    if not rows:
        raise _not_found(job_id)
    return rows[0]


def _not_found(job_id: bytes) -> JobNotFound:
    return JobNotFound(
        "job.not_found",
        f"there is no job {UUID(bytes=job_id)} in the store",
        expected="the id of a job that was enqueued here and not pruned yet",
        retry="safe_after_fix",
        retry_note="safe after its id, the store, and the retention of finished jobs have been looked at",
        hint="a job enqueued in a transaction of yours is seen once that is committed",
    )


def _refused(job_id: bytes, what: str, state: str, expected: str) -> JobError:
    return JobError(
        "job.state_refuses",
        f"job {UUID(bytes=job_id)} was not {what}: it is {state}",
        expected=expected,
        got=state,
        retry="never",
        retry_note="not in this state; nothing was changed",
    )

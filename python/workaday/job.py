"""The handle of a job: where it stands, its result, and what may be asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from workaday.app import App
    from workaday.task import Task

T = TypeVar("T")
State = Literal["pending", "scheduled", "available", "running", "retryable", "completed", "cancelled", "discarded"]
FINISHED = frozenset({"completed", "cancelled", "discarded"})


class Job(Generic[T]):
    """One piece of work: a task, arguments, a state. Made by `enqueue`, or found with `app.job(id)`.

    `state` and `attempt` are as last seen; `refresh()` looks again.
    """

    __slots__ = ("_attempt", "_id", "_state", "app", "created", "held", "task")

    def __init__(
        self, app: App, job_id: bytes, task: Task[..., T] | None, state: Any = None, attempt: int = 0, *, created: bool = False
    ) -> None:
        self.app = app
        self.task = task
        self.created = created
        """Did this call write it? `False`: a job with this id or unique key was there already."""
        self.held: str | None = None
        """Why a waiting job is kept back (`paused`, `quarantine` …), as last seen."""
        self._id = job_id
        self._state: State | None = state
        self._attempt = attempt

    @property
    def id(self) -> UUID:
        """Its public name, a UUIDv7."""
        from uuid import UUID

        return UUID(bytes=self._id)

    @property
    def state(self) -> State:
        """Where it stands, as last seen."""
        if self._state is None:
            self.refresh()
        assert self._state is not None
        return self._state

    @property
    def attempt(self) -> int:
        """Tries spent, as last seen."""
        return self._attempt

    @property
    def finished(self) -> bool:
        """Is it completed, cancelled or discarded, as last seen?"""
        return self.state in FINISHED

    def refresh(self) -> Job[T]:
        """Looks again where it stands."""
        from workaday.client import jobs

        self.seen(jobs.look(self.app, self._id))
        return self

    def seen(self, row: Any) -> None:
        """Takes over a row of `find_job.sql`."""
        self._state, self._attempt, self.held = row["state"], row["attempt"], row["held"]
        if self.task is None:
            self.task = self.app.find_task(row["task"])

    def result(self, timeout: str | timedelta = "30s") -> T:
        """Waits for the end and returns what the task returned.

        Raises `JobTimeout` when it is not there in time (the job goes on), `JobFailed` when it ended without a result.
        """
        from workaday.client import results

        return results.wait(self, timeout)

    async def aresult(self, timeout: str | timedelta = "30s") -> T:  # noqa: ASYNC109 - the same words as `result`
        """`result` for coroutines."""
        from workaday.client import results

        return await results.await_(self, timeout)

    def cancel(self, reason: str | None = None) -> bool:
        """Cancels it: at once while it waits (`True`), or by asking the running job to stop (`False`)."""
        from workaday.client import jobs

        return jobs.cancel(self, reason)

    def retry(self, reason: str | None = None) -> Job[T]:
        """Runs a discarded or cancelled job again, with one more attempt. A completed one is run again as a new, linked job."""
        from workaday.client import jobs

        return jobs.retry(self, reason)

    @property
    def id_bytes(self) -> bytes:
        """The id as the store keeps it."""
        return self._id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other._id == self._id  # pyright: ignore[reportUnknownMemberType] - a job of any task

    def __hash__(self) -> int:
        return hash(self._id)

    def __repr__(self) -> str:
        name = self.task.name if self.task else "job"
        return f"<{name} {self.id} {self._state or 'not seen'}>"

"""The app: a name, its tasks, and the store they are written to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload
from weakref import WeakValueDictionary

from workaday.errors import JobError, RegistrationError
from workaday.policy import Policy, checked_name
from workaday.task import AsyncContextTask, AsyncTask, Register, SyncContextTask, SyncTask, Task, WithContext

if TYPE_CHECKING:
    import os
    from datetime import datetime, timedelta

    from workaday.call import Prepared
    from workaday.client.store import Store
    from workaday.expects import Expect
    from workaday.job import Job
    from workaday.retry import Retry
    from workaday.schedule import Schedule
    from workaday.schedules import Schedules

P = ParamSpec("P")
T = TypeVar("T")
_registered: WeakValueDictionary[str, App] = WeakValueDictionary()


class App:
    """A service's jobs: `app = App("shop")`.

    `name` prefixes the names of its tasks. `database` is where jobs are written; left out, it is read from
    `WORKADAY_DATABASE`, else from the nearest `workaday.toml` upwards, else it is `.workaday/workaday.db` in the current
    folder. Nothing is opened before the first enqueue.
    """

    def __init__(self, name: str, *, database: str | os.PathLike[str] | None = None) -> None:
        self.name = checked_name(name, "App(name)")
        self._database = database
        self._tasks: dict[str, Task[..., Any]] = {}
        self._release: str | None = None
        self._store: tuple[int, Store] | None = None
        _registered[name] = self

    @staticmethod
    def registered() -> list[App]:
        """The apps of this process, the newest of each name: what the pytest plugin runs."""
        return list(_registered.values())

    @overload
    def task(self, function: WithContext[P, Coroutine[Any, Any, T]], /) -> AsyncContextTask[P, T]: ...  # pyright: ignore[reportOverlappingOverload] - a coroutine is also a T; the first that fits wins
    @overload
    def task(self, function: WithContext[P, T], /) -> SyncContextTask[P, T]: ...
    @overload
    def task(self, function: Callable[P, Coroutine[Any, Any, T]], /) -> AsyncTask[P, T]: ...
    @overload
    def task(self, function: Callable[P, T], /) -> SyncTask[P, T]: ...
    @overload
    def task(
        self,
        /,
        *,
        name: str | None = ...,
        queue: str = ...,
        priority: int = ...,
        retry: Retry | None = ...,
        timeout: str | timedelta | None = ...,
        memory: str | int | None = ...,
        owner: str | None = ...,
        expects: str | Expect | None = ...,
        rollback: str | None = ...,
        retry_safe: bool | None = ...,
        at_most_once: bool = ...,
        schedule: Schedule | Sequence[Schedule] | None = ...,
    ) -> Register: ...
    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        queue: str = "default",
        priority: int = 0,
        retry: Retry | None = None,
        timeout: str | timedelta | None = "1h",
        memory: str | int | None = None,
        owner: str | None = None,
        expects: str | Expect | None = None,
        rollback: str | None = None,
        retry_safe: bool | None = None,
        at_most_once: bool = False,
        schedule: Schedule | Sequence[Schedule] | None = None,
    ) -> Any:
        """Registers a function as a task: `@app.task` as it stands, or `@app.task(queue="mail", …)`.

        - `name`: default `app.function`; a name is taken once. Jobs find their task by it: keep it when you rename.
        - `queue`, `priority` (-100 … 100, higher first): where its jobs wait.
        - `retry`: default `Retry()`, five attempts. `timeout`: default one hour, `None` never. `memory`: a limit such as
          "256M"; such jobs run alone in their process.
        - `owner`, `expects`, `rollback`: shown wherever the task fails. `retry_safe`: may it run twice?
        - `at_most_once`: for work that must never run twice. If its process dies, the job is not tried again.
        - `schedule`: when it is due by itself, `cron("15 3 * * *", tz="Europe/Lisbon")`, `every("90m")`, `at(…)`, or a list
          of them. Importing the app runs nothing: only `workaday up` decides ticks, each once.
        """
        schedules = () if schedule is None else _schedules(schedule)
        policy = Policy(
            queue=queue,
            priority=priority,
            retry=retry,
            timeout=timeout,
            memory=memory,
            owner=owner,
            expects=expects,
            rollback=rollback,
            retry_safe=retry_safe,
            at_most_once=at_most_once,
        )
        # Annotations may name what stands beside the task, inside a function too.
        local_names = sys._getframe(1).f_locals  # pyright: ignore[reportPrivateUsage]

        def register(function: Callable[..., Any]) -> Task[..., Any]:
            return self._register(function, name, policy, dict(local_names), schedules)

        return register if function is None else register(function)

    def _register(
        self,
        function: Callable[..., Any],
        name: str | None,
        policy: Policy,
        local_names: dict[str, Any],
        schedules: tuple[Schedule, ...],
    ) -> Task[..., Any]:
        from workaday.signature import Signature
        from workaday.values.refused import AnnotationRefused

        _check_function(function)
        full = checked_name(name if name is not None else f"{self.name}.{function.__name__}", "the name of a task")
        self._check_free(full, function)
        try:
            signature = Signature(function, local_names)
        except AnnotationRefused as refused:
            raise RegistrationError(
                "task.annotation_unsupported",
                f"{full} cannot be a task: {refused.place or 'it'} is annotated `{refused.annotation}`",
                expected=f"an annotation of the table of values; {refused.why}",
                retry_note="safe after the annotation is changed",
                hint=refused.hint,
            ) from None
        task = _task_class(function, signature)(self, full, function, _kind(function), signature, policy, schedules)
        for schedule in schedules:
            _judge_arguments(schedule, task)
        self._tasks[full] = task
        return task

    def _check_free(self, name: str, function: Callable[..., Any]) -> None:
        taken = self._tasks.get(name)
        if taken is None:
            return
        there = f"{taken.function.__module__}.{taken.function.__qualname__}"
        here = f"{function.__module__}.{function.__qualname__}"
        if there == here and taken.function.__code__.co_filename == function.__code__.co_filename:
            return  # the same module once more: a reload, or `python -m` beside an import
        raise RegistrationError(
            "task.name_taken",
            f"the task name `{name}` of {here} belongs to {there} already",
            expected="one function for a name: waiting jobs find their task by it",
            retry_note="safe after one of the two is renamed",
            hint='@app.task(name="…") gives a name of its own',
        )

    # -- tasks ---------------------------------------------------------------------------------------------------------

    @property
    def tasks(self) -> dict[str, Task[..., Any]]:
        """The registered tasks by name (a copy)."""
        return dict(self._tasks)

    def task_named(self, name: str) -> Task[..., Any]:
        """The task of this name."""
        task = self._tasks.get(name)
        if task is None:
            from difflib import get_close_matches

            near = get_close_matches(name, self._tasks, n=1)
            known = ", ".join(f"`{one}`" for one in sorted(self._tasks)[:10]) or "none: is the module with the tasks imported?"
            raise JobError(
                "task.unknown",
                f"no task is named `{name}` in app `{self.name}`",
                expected=f"one of the registered tasks: {known}",
                retry_note="safe after the name is mended; nothing was stored",
                hint=f"did you mean `{near[0]}`?" if near else None,
            )
        return task

    def find_task(self, name: str) -> Task[..., Any] | None:
        """The task of this name, or `None`: the quick look-up of a child."""
        return self._tasks.get(name)

    def catalogue(self) -> list[dict[str, Any]]:
        """What each task says of itself, as docs/protocol.md writes it, by name."""
        return [task.entry() for _, task in sorted(self._tasks.items())]

    # -- jobs ----------------------------------------------------------------------------------------------------------

    @overload
    def job(self, id: object) -> Job[Any]: ...
    @overload
    def job(self, id: object, task: Task[..., T]) -> Job[T]: ...
    def job(self, id: object, task: Task[..., Any] | None = None) -> Job[Any]:
        """The job of this id, looked up; `task` gives its result a type."""
        from workaday.client import jobs

        return jobs.find(self, id, task)

    def enqueue_many(self, prepared: Iterable[Prepared[T]], *, connection: Any = None) -> list[Job[T]]:
        """Writes many prepared calls in one transaction: all or none, on disk when this returns."""
        from workaday.client import enqueue

        return enqueue.many(self, list(prepared), connection)

    async def aenqueue_many(self, prepared: Iterable[Prepared[T]], *, connection: Any = None) -> list[Job[T]]:
        """`enqueue_many` for coroutines."""
        from workaday.client import enqueue

        return await enqueue.amany(self, list(prepared), connection)

    # -- switches ------------------------------------------------------------------------------------------------------

    def pause(
        self,
        task: str | Task[..., Any] | None = None,
        *,
        queue: str | None = None,
        where: dict[str, Any] | None = None,
        reason: str,
        owner: str | None = None,
        until: datetime | str | timedelta | None = None,
    ) -> None:
        """Switches off a task, one argument value of it, or a queue, until `resume` or `until`.

            app.pause("shop.send_invoice", where={"order_id": 42}, reason="the customer disputes it", until="2d")

        Jobs wait and keep their state; running ones are left alone. No matching job starts once this has returned.
        """
        from workaday.client import holds

        holds.pause(self, task, queue=queue, where=where, reason=reason, owner=owner, until=until)

    def resume(
        self,
        task: str | Task[..., Any] | None = None,
        *,
        queue: str | None = None,
        where: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> int:
        """Ends pauses of a task (all of them, or the one with this `where`) or of a queue; returns how many."""
        from workaday.client import holds

        return holds.resume(self, task, queue=queue, where=where, reason=reason)

    @property
    def schedules(self) -> Schedules:
        """Schedules at run time: add, remove, pause, resume, list."""
        from workaday.schedules import Schedules

        return Schedules(self)

    # -- store ---------------------------------------------------------------------------------------------------------

    def setup(self) -> None:
        """Creates the tables where they are missing. Needed once before an enqueue inside your own transaction."""
        self.store.check()

    @property
    def store(self) -> Store:
        """The open store of this app."""
        from workaday import config

        found = self._store
        if found is None or found[0] != config.epoch:
            from workaday.client.stores import store_of

            found = self._store = (config.epoch, store_of(self._database))
        return found[1]

    @property
    def release(self) -> str | None:
        """`WORKADAY_RELEASE`, kept with each job that is enqueued."""
        if self._release is None:
            import os

            self._release = os.environ.get("WORKADAY_RELEASE", "")
        return self._release or None

    def __repr__(self) -> str:
        return f"<App {self.name}: {len(self._tasks)} tasks>"


def _schedules(given: Any) -> tuple[Schedule, ...]:
    from workaday.schedule import declared

    return declared(given)


def _judge_arguments(schedule: Schedule, task: Task[..., Any]) -> None:
    from workaday.schedule import arguments

    arguments(schedule, task.name, task.signature)


def _check_function(function: Any) -> None:
    if isinstance(function, Task) or not hasattr(function, "__code__"):
        raise RegistrationError(
            "task.not_a_function",
            f"@app.task was put on {function!r}",
            expected="a function written with `def` or `async def`",
            hint="@app.task stands above every other decorator; for a method, register a function that calls it",
        )
    if function.__code__.co_flags & 0x220:  # CO_GENERATOR, CO_ASYNC_GENERATOR
        raise RegistrationError(
            "task.not_a_function",
            f"{function.__qualname__} is a generator",
            expected="a function that returns: a job has one result",
        )


def _kind(function: Callable[..., Any]) -> Any:
    import inspect

    return "async" if inspect.iscoroutinefunction(function) else "sync"


def _task_class(function: Callable[..., Any], signature: Any) -> Any:
    if signature.context_name is not None:
        return AsyncContextTask if _kind(function) == "async" else SyncContextTask
    return AsyncTask if _kind(function) == "async" else SyncTask

"""A task: a registered function that can be called as written, or enqueued."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, Protocol, TypeVar, cast, overload

from workaday.call import Call, Prepared

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from workaday.app import App
    from workaday.context import Context
    from workaday.job import Job
    from workaday.policy import Policy
    from workaday.schedule import Schedule
    from workaday.signature import Signature

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Kind = Literal["sync", "async"]


class Task(Generic[P, T]):
    """A function that is called as written, `send_invoice(42)`, or written down to run later, `send_invoice.enqueue(42)`.

    Made by `@app.task`. `P` are the arguments that travel (without the `Context`), `T` is the result.
    """

    def __init__(
        self,
        app: App,
        name: str,
        function: Callable[..., Any],
        kind: Kind,
        signature: Signature,
        policy: Policy,
        schedules: tuple[Schedule, ...] = (),
    ) -> None:
        self.app = app
        self.name = name
        self.function = function
        self.kind: Kind = kind
        self.signature = signature
        self.policy = policy
        self.schedules = schedules
        self.lane = policy.lane(kind)
        self.wants_context = signature.context_name is not None
        judges = policy.expects is not None and policy.expects.judges_result
        self.none_fits = "null" in signature.result.kinds and not judges
        self._plain: Call[P, T] = Call(cast("Task[P, T]", self))
        for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(self, attribute, getattr(function, attribute, None))
        self.__wrapped__ = function

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[T]:
        """Writes a job for this call and returns once it is on disk.

        Arguments are judged against the signature first; on any error nothing was stored, unless the error says that
        the outcome is unknown, and then a retry with the same id is safe (`options(id=…)`).
        """
        return self._plain.enqueue(*args, **kwargs)

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Job[T]:
        """`enqueue` for coroutines: the loop goes on while the job is written."""
        return await self._plain.aenqueue(*args, **kwargs)

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> Prepared[T]:
        """The call, judged but not yet written: for `app.enqueue_many`."""
        return self._plain.prepare(*args, **kwargs)

    def options(
        self,
        *,
        delay: str | timedelta | None = None,
        at: datetime | str | None = None,
        queue: str | None = None,
        priority: int | None = None,
        unique: bool | str | None = None,
        while_: Literal["unfinished", "waiting"] = "unfinished",
        on_conflict: Literal["return", "replace", "error"] = "return",
        id: Any = None,
        tags: list[str] | tuple[str, ...] | None = None,
        connection: Any = None,
        expires: str | timedelta | datetime | None = None,
    ) -> Call[P, T]:
        """The same task with options for one job: `send_invoice.options(delay="5m").enqueue(42)`.

        - `delay` or `at`: not before then. `expires`: not after then; a waiting job is then cancelled (`expired`).
        - `unique`: `True` one unfinished job of this task, `"args"` one for equal arguments, other text one for that key.
          `while_="waiting"` gives the key up when the job starts. `on_conflict` returns the job that is there, replaces it
          (waiting jobs only), or raises.
        - `id`: a UUID made by you; the same id again, unfinished or finished, writes no second job.
        - `connection`: a `sqlite3.Connection`, or a SQLAlchemy `Session`, `Connection`, `AsyncSession` or
          `AsyncConnection` on the store's own file: the job is part of your transaction.
        """
        return Call(
            self,
            delay=delay,
            at=at,
            queue=queue,
            priority=priority,
            unique=unique,
            while_=while_,
            on_conflict=on_conflict,
            id=id,
            tags=tags,
            connection=connection,
            expires=expires,
        )

    def entry(self) -> dict[str, Any]:
        """What the catalogue says of this task (docs/protocol.md)."""
        doc = (self.__doc__ or "").strip().partition("\n")[0] or None
        return {
            "name": self.name,
            "kind": self.kind,
            **self.policy.to_json(),
            "doc": doc,
            "params": self.signature.schema(),
            **self._schedules(),
        }

    def _schedules(self) -> dict[str, Any]:
        if not self.schedules:
            return {}
        from workaday.schedule import to_json

        expects = self.policy.expects
        within_us = None if expects is None else expects.within_us
        return {"schedules": to_json(self.schedules, self.name, self.signature, within_us)}

    def __repr__(self) -> str:
        return f"<task {self.name}>"


class SyncTask(Task[P, T]):
    """A task made from a plain function."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.function(*args, **kwargs)


class AsyncTask(Task[P, T]):
    """A task made from a coroutine function."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return self.function(*args, **kwargs)


class SyncContextTask(Task[P, T]):
    """A task made from a plain function whose first parameter is `ctx: Context`."""

    def __call__(self, ctx: Context, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.function(ctx, *args, **kwargs)


class AsyncContextTask(Task[P, T]):
    """A task made from a coroutine function whose first parameter is `ctx: Context`."""

    def __call__(self, ctx: Context, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        return self.function(ctx, *args, **kwargs)


class WithContext(Protocol[P, T_co]):
    # A named parameter: `def f(payload: Any)` is not mistaken for a function that takes a context.
    def __call__(self, ctx: Context, *args: P.args, **kwargs: P.kwargs) -> T_co: ...


class Register(Protocol):
    """What `@app.task(…)` gives: takes the function, returns the task with its types kept."""

    @overload
    def __call__(self, function: WithContext[P, Coroutine[Any, Any, T]], /) -> AsyncContextTask[P, T]: ...  # pyright: ignore[reportOverlappingOverload] - a coroutine is also a T; the first that fits wins
    @overload
    def __call__(self, function: WithContext[P, T], /) -> SyncContextTask[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]], /) -> AsyncTask[P, T]: ...
    @overload
    def __call__(self, function: Callable[P, T], /) -> SyncTask[P, T]: ...

"""Runs one task once: JSON arguments in, an outcome out. Pure of processes, sockets and databases.

A worker's child and the pytest plugin share this module, so a job means the same in both:

    outcome = call_sync(task, args_json, ctx)          # on this thread
    outcome = await call_async(task, args_json, ctx)   # on the running loop; sync tasks are called on it too

`task` is a `workaday.task.Task`, `args_json` the text from the store, `ctx` a `Context` (may be `None` when
`task.wants_context` is false). They never raise for what the task did; only `KeyboardInterrupt`, and a cancellation of
the surrounding asyncio task that nobody explained in `ctx.stop_reason`, pass through. A `TaskTimedOut` sent from another
thread may arrive after the task has returned: then it passes through too, and the caller decides.

An `Outcome` carries what the wire's frame 10 carries: `kind` (protocol number; `outcome.word` is its word), `payload`
(result JSON for completed, else `{"type","message","traceback"}` as JSON, empty for snoozed), `retry` (the policy retries
this exception), `until_us` (snoozed) and `mark` (`result.not_stored: why`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workaday import clock
from workaday.outcomes import Cancel, Discard, JobStopped, Snooze, TaskTimedOut
from workaday.values.plain import encode_text
from workaday.values.refused import Misfit, ValueRefused

if TYPE_CHECKING:
    from workaday.context import Context
    from workaday.task import Task

COMPLETED, FAILED, TIMED_OUT, OVER_MEMORY, SNOOZED, CANCELLED, DISCARDED, GIVEN_BACK, MISFIT, UNKNOWN_TASK = range(1, 11)
WORDS = (
    "",
    "completed",
    "failed",
    "timed_out",
    "over_memory",
    "snoozed",
    "cancelled",
    "discarded",
    "given_back",
    "misfit",
    "unknown_task",
)
MESSAGE_CHARACTERS_MAX = 4_000
TRACEBACK_CHARACTERS_MAX = 16_000


class Outcome:
    """How one attempt ended, as far as the process that ran it can say."""

    __slots__ = ("kind", "mark", "payload", "retry", "unexpected", "until_us")

    def __init__(
        self, kind: int, payload: str = "", *, retry: bool = False, until_us: int = 0, mark: str = "", unexpected: str = ""
    ) -> None:
        self.kind = kind
        self.payload = payload
        self.retry = retry
        self.until_us = until_us
        self.mark = mark
        self.unexpected = unexpected
        """Why the result is not what `expects=` says; empty when it is."""

    @property
    def word(self) -> str:
        return WORDS[self.kind]

    def __repr__(self) -> str:
        return f"Outcome({self.word}, {self.payload[:80]!r}, retry={self.retry}, until_us={self.until_us}, mark={self.mark!r})"


# The commonest outcome of all. Shared: nobody changes an outcome.
_NOTHING = Outcome(COMPLETED, "null")


def call_sync(task: Task[..., Any], args_json: str, ctx: Context | None = None) -> Outcome:
    """Runs a sync task on this thread."""
    try:
        result = task.signature.bound_call(args_json, ctx)()
    except BaseException as error:
        return _ended(task, error, ctx)
    return _NOTHING if result is None and task.none_fits else _completed(task, result)


async def call_async(task: Task[..., Any], args_json: str, ctx: Context | None = None) -> Outcome:
    """Runs a task on the running loop; to stop it, set `ctx.stop_reason` and cancel the asyncio task around this."""
    try:
        result = task.signature.bound_call(args_json, ctx)()
        if task.kind == "async":
            result = await result
    except BaseException as error:
        return _ended(task, error, ctx)
    return _NOTHING if result is None and task.none_fits else _completed(task, result)


def unknown_task(name: str, known: list[str]) -> Outcome:
    """A job whose task this process does not have: held until a catalogue that has it arrives."""
    message = f"no task `{name}` in this release; it has {len(known)} tasks"
    return Outcome(UNKNOWN_TASK, _payload("UnknownTask", message, ""))


def _completed(task: Task[..., Any], result: Any) -> Outcome:
    expects = task.policy.expects
    unexpected = None if expects is None else expects.missed(result)
    if unexpected is not None:
        return _unexpected(task, result, _clean(unexpected)[:500])
    return _encoded(task, result)


def _unexpected(task: Task[..., Any], result: Any, why: str) -> Outcome:
    expects = task.policy.expects
    if expects is not None and expects.retry:
        payload = _payload("Unexpected", f"{task.name} succeeded, but {why} (expected: {expects.text})", "")
        return Outcome(FAILED, payload, retry=True, unexpected=why)
    outcome = _encoded(task, result)
    return Outcome(outcome.kind, outcome.payload, mark=outcome.mark, unexpected=why)


def _encoded(task: Task[..., Any], result: Any) -> Outcome:
    try:
        return Outcome(COMPLETED, task.signature.encode_result(result))
    except ValueRefused as refused:
        # The work is done and cannot be undone by a result that does not fit: completed, and marked.
        why = f"the result{refused.path} is {refused.got}; expected {refused.expected}"
        return Outcome(COMPLETED, "null", mark=f"result.not_stored: {_clean(why)[:500]}")


def _ended(task: Task[..., Any], error: BaseException, ctx: Context | None) -> Outcome:
    if isinstance(error, Snooze):
        return Outcome(SNOOZED, until_us=clock.now_us() + error.delay_us)
    if isinstance(error, Misfit):
        return Outcome(MISFIT, _payload("Misfit", f"{task.name}: {error}", ""))
    if isinstance(error, (Cancel, Discard)):
        kind = CANCELLED if isinstance(error, Cancel) else DISCARDED
        return Outcome(kind, _payload(type(error).__name__, error.why, ""))
    if isinstance(error, TaskTimedOut):
        return Outcome(TIMED_OUT, told(error), retry=True)
    if isinstance(error, JobStopped):
        return Outcome(GIVEN_BACK) if error.reason == "drain" else Outcome(CANCELLED, told(error))
    if isinstance(error, Exception):
        if isinstance(error, MemoryError) and task.policy.memory_bytes is not None:
            return Outcome(OVER_MEMORY, told(error), retry=True)
        return Outcome(FAILED, told(error), retry=task.policy.retry.retries(error))
    return _stopped(task, error, ctx)


def _stopped(task: Task[..., Any], error: BaseException, ctx: Context | None) -> Outcome:
    """SystemExit, KeyboardInterrupt, CancelledError and their like."""
    reason = None if ctx is None else ctx.stop_reason
    if type(error).__name__ == "CancelledError" and type(error).__module__.startswith("asyncio"):
        if reason == "timeout":
            return Outcome(TIMED_OUT, told(error), retry=True)
        if reason == "drain":
            return Outcome(GIVEN_BACK)
        if reason == "cancel":
            return Outcome(CANCELLED, told(error))
        if _cancelled_from_outside():
            raise error
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        raise error
    # sys.exit() in a task, or a CancelledError that leaked from a task of its own, ends the job and not the child.
    return Outcome(FAILED, told(error), retry=task.policy.retry.retries(error))


def _cancelled_from_outside() -> bool:
    import asyncio

    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is not None and task.cancelling() > 0


def told(error: BaseException) -> str:
    """Type, message and traceback of an exception, as text; never to be rebuilt into a class."""
    import traceback

    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception:  # a broken __str__ must not hide the failure
        message = "(its message could not be read)"
    # The first frames are ours; the user's begin behind them.
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") in _OURS:
        frames = frames.tb_next
    text = "".join(traceback.format_exception(kind, error, frames))
    return _payload(name, message, text)


_OURS = frozenset({"workaday.runner", "workaday.signature"})


def _payload(kind: str, message: str, trace: str) -> str:
    message, trace = _clean(message)[:MESSAGE_CHARACTERS_MAX], _clean(trace)
    if len(trace) > TRACEBACK_CHARACTERS_MAX:
        half = TRACEBACK_CHARACTERS_MAX // 2
        trace = f"{trace[:half]}\n… {len(trace) - 2 * half} characters left out …\n{trace[-half:]}"
    return encode_text({"type": kind, "message": message, "traceback": trace})


def _clean(text: str) -> str:
    """Text that UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()

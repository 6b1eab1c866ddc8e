"""One job at a time, on the main thread: sync and solo children.

To stop a job the post thread sends a signal, whose handler raises in the task, wherever it is: also inside
`time.sleep`. The reason is handed out by `child.interrupt` only while that very job runs, and once. So an exception
can come late (after the task has returned, before its outcome is written) but never hits the next job; the loop
below catches a late one and settles the job it was meant for.

While an event loop runs nothing is raised: an exception in the loop's own machinery would be logged there and
forgotten, and with it the callback that ends the loop. A stop cancels the coroutine instead, in the loop's next turn.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from workaday._child.run import REASONS, Bench, ended_outside, over_memory
from workaday.measure.counters import Counters, current
from workaday.outcomes import JobStopped, TaskTimedOut
from workaday.runner import Outcome, call_async, call_sync

if TYPE_CHECKING:
    import asyncio

    from workaday._core import Job
    from workaday.context import Context, StopReason
    from workaday.task import Task


class SerialWorker:
    """Runs jobs until drained."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._context: Context | None = None
        self._counters: Counters | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._coroutine: asyncio.Task[Outcome] | None = None

    def serve(self) -> None:
        child = self._bench.child
        signal.signal(child.interrupt_signal, self._interrupt)
        while True:
            try:
                job = child.wait_next()
                if job is None:
                    break
                counters = self._counters = Counters()
                current.set(counters)
                self._bench.finish(job[0], self._run(job), counters)
            except BaseException as error:  # whatever ends a job, the next one runs
                self._settle(error)
        self._bench.goodbye()

    def _settle(self, error: BaseException) -> None:
        seq = self._bench.child.current()
        if not seq:
            raise error
        try:
            self._bench.finish(seq, ended_outside(error), self._counters)
        except (TaskTimedOut, JobStopped) as late:
            # It came while another exception was being settled. No second one follows.
            self._bench.finish(seq, ended_outside(late), self._counters)

    def _run(self, job: Job) -> Outcome:
        seq, name, args, attempt, job_id, run_at, memory_bytes, meta = job
        task = self._bench.app.find_task(name)
        if task is None:
            return self._bench.unknown(name)
        if memory_bytes:
            return self._run_limited(task, job)
        if task.kind == "async":
            return self._run_coroutine(task, job)
        if not task.wants_context:
            return call_sync(task, args)
        self._context = self._bench.context(seq, name, attempt, job_id, run_at, meta)
        return call_sync(task, args, self._context)

    def _run_limited(self, task: Task[..., Any], job: Job) -> Outcome:
        """An allocation that would go above the limit raises MemoryError in the task."""
        seq, name, args, attempt, job_id, run_at, memory_bytes, meta = job
        self._context = self._bench.context(seq, name, attempt, job_id, run_at, meta)
        limit = self._bench.child.limit_memory(memory_bytes)
        try:
            return self._run_coroutine(task, job) if task.kind == "async" else call_sync(task, args, self._context)
        except MemoryError:
            # Not even the traceback found room.
            return over_memory(memory_bytes)
        finally:
            self._bench.child.restore_memory(limit)

    def _run_coroutine(self, task: Task[..., Any], job: Job) -> Outcome:
        """A loop of its own for each job: nothing that one leaves behind meets the next."""
        import asyncio

        seq, name, args, attempt, job_id, run_at, _memory, meta = job
        context = self._context = self._bench.context(seq, name, attempt, job_id, run_at, meta)

        async def main() -> Outcome:
            self._coroutine = asyncio.current_task()
            if context.stop_reason is not None:
                raise _stopped(context.stop_reason)  # it came before there was anything to cancel
            return await call_async(task, args, context)

        runner = asyncio.Runner()
        lost: list[BaseException] = []
        try:
            self._loop = runner.get_loop()
            lost = _watch_memory(self._loop)
            return runner.run(main())
        except MemoryError as error:
            lost.append(error)  # the loop's: the task's own has become its outcome
            raise
        except RuntimeError as error:
            if lost:
                raise MemoryError from error  # stopped before the task was done, which nothing would have woken
            raise
        finally:
            self._close(runner, lost)
            self._loop = self._coroutine = None

    def _close(self, runner: asyncio.Runner, lost: list[BaseException]) -> None:
        """What a loop has lost never comes, so its tasks are not waited for."""
        import asyncio

        if lost and self._loop is not None:
            self._loop.close()
            asyncio.set_event_loop(None)
            return
        try:
            runner.close()
        except (MemoryError, RuntimeError) as error:
            # The outcome is decided, and the loop itself is closed.
            if not (lost or isinstance(error, MemoryError)):
                raise

    def _interrupt(self, _signal: int, _frame: object) -> None:
        why = self._bench.child.interrupt()
        if not why:
            return
        if self._context is not None:
            self._context.stop_reason = REASONS[why]
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel)
        else:
            raise _stopped(REASONS[why])

    def _cancel(self) -> None:
        if self._coroutine is not None:
            self._coroutine.cancel()


def _watch_memory(loop: asyncio.AbstractEventLoop) -> list[BaseException]:
    """Ends a loop that lost something to a MemoryError of its own machinery; the list then holds it.

    asyncio logs what a callback raises and goes on. What that callback had to schedule, the task's next step or the end of
    the loop itself, would never come, and the loop would wait for ever.
    """
    lost: list[BaseException] = []
    tell = loop.call_exception_handler

    def hear(context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, MemoryError) and "handle" in context:
            lost.append(error)
            loop.stop()
        tell(context)

    try:
        loop.call_exception_handler = hear  # type: ignore[method-assign]
    except AttributeError:  # a loop that is not Python's own: only a handler of the user's could come between
        loop.set_exception_handler(lambda _loop, context: hear(context))
        tell = loop.default_exception_handler
    return lost


def _stopped(reason: StopReason) -> TaskTimedOut | JobStopped:
    return TaskTimedOut() if reason == "timeout" else JobStopped(reason)

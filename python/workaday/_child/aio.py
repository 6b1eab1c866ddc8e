"""Many jobs on one event loop: async children.

The post thread rings once for all jobs that came together; each gets an asyncio task, and takes its job from the desk
in its own first step. So a job begins exactly when its code does: until then `recall` can take it back, and its
timeout does not run. Outcomes of one turn of the loop leave in one write.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from workaday._child import capture
from workaday._child.run import REASONS, Bench, ended_outside
from workaday.measure.counters import Counters
from workaday.measure.counters import current as counting
from workaday.measure.cpu import Timed
from workaday.runner import call_async

if TYPE_CHECKING:
    from workaday.context import Context

BEAT_SECONDS = 1.0


class AsyncWorker:
    """Runs jobs until drained."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._running: dict[int, tuple[asyncio.Task[None], Context]] = {}
        self._spawned: set[asyncio.Task[None]] = set()
        self._flush_planned = False
        self._beating = False
        self._draining = False

    def serve(self) -> None:
        with asyncio.Runner() as asyncio_runner:
            loop = asyncio_runner.get_loop()
            serving = loop.create_task(self._serve(), name="workaday")
            while not serving.done():
                try:
                    loop.run_until_complete(serving)
                except (SystemExit, KeyboardInterrupt) as error:
                    # asyncio lets these two out of any task that a job has started; they end no child.
                    logging.getLogger("workaday").error("%r in a background task; the worker goes on", error)
            # Before the loop closes: from here on a thread of the executor that hangs is the kernel's affair.
            self._bench.goodbye()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._drained = self._loop.create_future()
        self._loop.add_reader(self._bench.child.wake_fd, self._look)
        self._look()
        await self._drained
        self._loop.remove_reader(self._bench.child.wake_fd)

    def _look(self) -> None:
        arrived, stops, self._draining = self._bench.child.arrivals()
        for _ in range(arrived):
            task = self._loop.create_task(self._run_next())
            self._spawned.add(task)
            task.add_done_callback(self._ended)
        for seq, why in stops:
            self._stop(seq, why)
        if arrived and not self._beating:
            self._beating = True
            self._loop.call_later(BEAT_SECONDS, self._beat, self._loop.time() + BEAT_SECONDS)
        self._check_drained()

    async def _run_next(self) -> None:
        bench = self._bench
        job = bench.child.next()
        if job is None:
            return  # recalled in the meantime
        seq, name, args, attempt, job_id, run_at, _memory, meta = job
        capture.job.set(seq)
        task = bench.app.find_task(name)
        if task is None:
            bench.finish(seq, bench.unknown(name))
        else:
            context = bench.context(seq, name, attempt, job_id, run_at, meta)
            current = asyncio.current_task()
            assert current is not None, "a coroutine runs in a task"
            self._running[seq] = (current, context)
            counters = Counters()
            counting.set(counters)
            timed = Timed(call_async(task, args, context))
            try:
                outcome = await timed
            except BaseException as error:  # whatever ends a job, the others run on
                outcome = ended_outside(error)
            del self._running[seq]
            bench.finish(seq, outcome, counters, timed.cpu_ns // 1000 or 1)
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)

    def _stop(self, seq: int, why: int) -> None:
        if seq in self._running:
            task, context = self._running[seq]
            context.stop_reason = REASONS[why]
            task.cancel()

    def _flush(self) -> None:
        self._flush_planned = False
        self._bench.child.flush()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._spawned.discard(task)
        if self._draining:
            self._check_drained()

    def _check_drained(self) -> None:
        if self._draining and not self._spawned and not self._drained.done():
            self._drained.set_result(None)

    def _beat(self, due: float) -> None:
        """How late the loop is: the supervisor sees a task that blocks it."""
        now = self._loop.time()
        self._bench.child.heartbeat(int((now - due) * 1e6))
        self._beating = bool(self._spawned)
        if self._beating:
            self._loop.call_later(BEAT_SECONDS, self._beat, now + BEAT_SECONDS)

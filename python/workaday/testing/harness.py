"""What a test holds in its hand: jobs enqueued by the code under test, run here and now by the real engine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from workaday import config, runner
from workaday.app import App
from workaday.client import stores
from workaday.context import Context
from workaday.errors import JobError
from workaday.job import Job
from workaday.outcomes import TaskTimedOut
from workaday.task import Task
from workaday.testing.engine import Engine
from workaday.testing.virtual_clock import VirtualClock
from workaday.values.plain import encode_text

T = TypeVar("T")
DRAIN_JOBS_MAX = 10_000


class Ran:
    """A job that was run: which, with what outcome, and where that left it."""

    __slots__ = ("attempt", "id", "outcome", "state", "task")

    def __init__(self, claimed: dict[str, Any], outcome: str, state: str) -> None:
        self.id: str = claimed["id"]
        self.task: str = claimed["task"]
        self.attempt: int = claimed["attempt"]
        self.outcome = outcome
        self.state = state

    def __repr__(self) -> str:
        return f"<ran {self.task} attempt {self.attempt}: {self.outcome} -> {self.state}>"


class Harness:
    """The fixture `workaday_test`.

        def test_an_order_sends_its_invoice(workaday_test):
            place_order(42)
            workaday_test.assert_enqueued(send_invoice, order_id=42)
            workaday_test.drain()
            assert outbox == ["invoice 42"]

    Jobs run on the thread that calls `run_due` or `drain` (or on the running loop: `arun_due`, `adrain`), so monkeypatching
    works. Time stands still until `clock.advance`.
    """

    def __init__(self, engine: Engine, database: Path) -> None:
        self.clock = VirtualClock()
        self.database = database
        self._engine = engine
        self._apps: dict[str, App] = {}
        self._stated: list[str] = []
        self._crashing: set[str] = set()
        self._opened = False

    # -- looking -------------------------------------------------------------------------------------------------------

    def enqueued(self, task: Task[..., Any]) -> list[dict[str, Any]]:
        """The arguments of this task's unfinished jobs, in the order they were enqueued, as the task will get them."""
        self._know(task.app)
        rows = task.app.store.read("jobs_of_task", {"task": task.name})
        return [task.signature.decode(row["args"]) for row in rows]

    def assert_enqueued(self, task: Task[..., Any], **arguments: Any) -> None:
        """Is there an unfinished job of this task with (at least) these arguments?"""
        __tracebackhide__ = True
        given = self.enqueued(task)
        # Through JSON and back, as the job's own arguments went.
        wanted = task.signature.decode_some(task.signature.encode_some(arguments))
        if not any(all(name in job and job[name] == value for name, value in wanted.items()) for job in given):
            asked = f" with {arguments}" if arguments else ""
            there = "\n".join(f"  {job}" for job in given) or "  none"
            raise AssertionError(f"no job of {task.name}{asked} is enqueued; there are:\n{there}")

    # -- running -------------------------------------------------------------------------------------------------------

    def run_due(self, *apps: App) -> list[Ran]:
        """Runs what is due now, including what these jobs enqueue for now. Time does not move."""
        self._open(apps)
        ran: list[Ran] = []
        while claimed := self._claim(len(ran)):
            ran.append(self._run(claimed))
        return ran

    async def arun_due(self, *apps: App) -> list[Ran]:
        """`run_due` on the running loop."""
        self._open(apps)
        ran: list[Ran] = []
        while claimed := self._claim(len(ran)):
            ran.append(await self._arun(claimed))
        return ran

    def drain(self, *apps: App) -> list[Ran]:
        """Runs until nothing is left, moving the clock to each retry and delay that waits."""
        ran = self.run_due(*apps)
        while self._skip_to_next_due():
            ran += self.run_due()
            _bounded(len(ran))
        return ran

    async def adrain(self, *apps: App) -> list[Ran]:
        """`drain` on the running loop."""
        ran = await self.arun_due(*apps)
        while self._skip_to_next_due():
            ran += await self.arun_due()
            _bounded(len(ran))
        return ran

    def crash_on(self, job: Job[Any]) -> None:
        """The process of this job's next attempt dies at its start, as by `kill -9`: the engine hears no outcome."""
        self._crashing.add(str(job.id))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _know(self, app: App) -> None:
        if app.name not in self._apps:
            self._apps[app.name] = app
            app.setup()

    def _open(self, apps: Iterable[App]) -> None:
        for app in (*apps, *App.registered()):
            self._know(app)
        entries = [entry for app in self._apps.values() for entry in app.catalogue()]
        names = [json.dumps(entry, sort_keys=True) for entry in entries]
        if not self._opened or names != self._stated:
            self._engine.ask("open", database=str(self.database), catalogue=entries)
            self._opened, self._stated = True, names

    def _claim(self, so_far: int) -> dict[str, Any] | None:
        _bounded(so_far)
        jobs = self._engine.ask("claim", limit=1)["jobs"]
        if not jobs:
            return None
        claimed: dict[str, Any] = jobs[0]
        # The engine states them as JSON; a task gets them as text, as in a child.
        if not isinstance(claimed["args"], str):
            claimed["args"] = encode_text(claimed["args"])
        return claimed

    def _task(self, name: str) -> Task[..., Any] | None:
        return next((task for app in self._apps.values() if (task := app.find_task(name))), None)

    def _run(self, claimed: dict[str, Any]) -> Ran:
        if claimed["id"] in self._crashing:
            return self._crash(claimed)
        task = self._task(claimed["task"])
        if task is None:
            return self._settle(claimed, runner.unknown_task(claimed["task"], []))
        context = _context(claimed, task)
        if task.kind == "async":
            return self._settle(claimed, _on_a_loop(task, claimed, context))
        return self._settle(claimed, _guarded(task, claimed, context))

    async def _arun(self, claimed: dict[str, Any]) -> Ran:
        task = self._task(claimed["task"])
        if claimed["id"] in self._crashing or task is None or task.kind == "sync":
            return self._run(claimed)
        return self._settle(claimed, await _timed(task, claimed, _context(claimed, task)))

    def _settle(self, claimed: dict[str, Any], outcome: runner.Outcome) -> Ran:
        fields: dict[str, Any] = {"kind": outcome.word, "retry": outcome.retry}
        if outcome.kind == runner.COMPLETED:
            fields["result"] = json.loads(outcome.payload)
        elif outcome.payload:
            fields["error"] = json.loads(outcome.payload)
        if outcome.kind == runner.SNOOZED:
            fields["until_us"] = outcome.until_us
        if outcome.mark:
            fields["mark"] = outcome.mark
        if outcome.unexpected:
            fields["evidence"] = {"unexpected": outcome.unexpected}
        answer = self._engine.ask("outcome", seq=claimed["seq"], **fields)
        return Ran(claimed, outcome.word, answer.get("state", ""))

    def _crash(self, claimed: dict[str, Any]) -> Ran:
        self._crashing.discard(claimed["id"])
        from uuid import UUID

        self._engine.ask("crash", seqs=[claimed["seq"]])
        store = stores.store_of(self.database)
        return Ran(claimed, "crashed", store.read("find_job", {"id": UUID(claimed["id"]).bytes})[0]["state"])

    def _skip_to_next_due(self) -> bool:
        peek = self._engine.ask("peek")
        if peek.get("ready"):
            return True
        due = peek.get("next_due_at")
        if due is None:
            return False
        self.clock.advance_to_us(due)
        return True

    def close(self) -> None:
        """Ends this test's store."""
        if self._opened:
            self._engine.ask("close")
        stores.close(config.database_path())


def nobody_runs(job: Job[Any]) -> None:
    """Waiting for a result in a test would only pass the time: nothing runs by itself there."""
    raise JobError(
        "test.nobody_runs",
        f"job {job.id} is {job.state}, and in a test nothing runs by itself",
        expected="workaday_test.run_due() or .drain() before its result is asked for",
        retry_note="safe after that",
    )


def _context(claimed: dict[str, Any], task: Task[..., Any]) -> Context:
    from uuid import UUID

    return Context(
        UUID(claimed["id"]).bytes,
        task.name,
        attempt=claimed["attempt"],
        run_at_us=claimed.get("run_at") or 0,
        meta=claimed.get("meta") or "",
    )


def _guarded(task: Task[..., Any], claimed: dict[str, Any], context: Context) -> runner.Outcome:
    """Timeouts are soft here, and a sync function cannot be stopped from its own thread: it runs to its end."""
    try:
        return runner.call_sync(task, claimed["args"], context)
    except TaskTimedOut as late:
        return runner.Outcome(runner.TIMED_OUT, json.dumps({"type": "TaskTimedOut", "message": str(late), "traceback": ""}))


async def _timed(task: Task[..., Any], claimed: dict[str, Any], context: Context) -> runner.Outcome:
    import asyncio

    running = asyncio.ensure_future(runner.call_async(task, claimed["args"], context))
    timeout_us = claimed.get("timeout_us") or 0
    if timeout_us:
        await asyncio.wait([running], timeout=timeout_us / 1_000_000)
        if not running.done():
            context.stop_reason = "timeout"
            running.cancel()
    return await running


def _on_a_loop(task: Task[..., Any], claimed: dict[str, Any], context: Context) -> runner.Outcome:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_timed(task, claimed, context))
    raise JobError(
        "test.loop_running",
        f"{task.name} is async, and this thread has a running loop already",
        expected="`await workaday_test.arun_due()` or `.adrain()` in an async test",
        retry_note="safe with these; the job was claimed and is given back when the test ends",
    )


def _bounded(count: int) -> None:
    if count >= DRAIN_JOBS_MAX:
        raise JobError(
            "test.runs_without_end",
            f"{count} jobs ran in one call",
            expected="jobs that come to an end: does one enqueue itself, or snooze for ever?",
            retry="safe_after_fix",
            retry_note="safe after that job is found",
        )

"""Settles one job: the task is found, called, and its outcome written. What is the same for every kind of child."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from workaday import runner
from workaday.context import Context
from workaday.outcomes import JobStopped, TaskTimedOut
from workaday.runner import CANCELLED, FAILED, GIVEN_BACK, OVER_MEMORY, TIMED_OUT, Outcome

if TYPE_CHECKING:
    from workaday._child.capture import Capture
    from workaday._core import Child
    from workaday.app import App
    from workaday.context import StopReason
    from workaday.measure.counters import Counters

REASONS: tuple[StopReason, ...] = ("cancel", "cancel", "timeout", "drain")
"""Why a job is stopped, by the number of frame 11."""

TIMEOUT = 2

DRAINED = '{"reason":"drained"}'

EXIT_WITHIN_US = 10_000_000
"""After the goodbye, `atexit` handlers and threads of the user have this long; then the kernel ends the process."""


class Bench:
    """What a job needs to run here."""

    __slots__ = ("app", "capture", "child")

    def __init__(self, child: Child, app: App, capture: Capture) -> None:
        self.child = child
        self.app = app
        self.capture = capture

    def context(self, seq: int, name: str, attempt: int, job_id: bytes, run_at_us: int, meta: str) -> Context:
        on_progress = partial(self.child.progress, seq)
        return Context(job_id, name, attempt=attempt, run_at_us=run_at_us, meta=meta, on_progress=on_progress)

    def unknown(self, name: str) -> Outcome:
        return runner.unknown_task(name, list(self.app.tasks))

    def finish(self, seq: int, outcome: Outcome, counters: Counters | None = None, cpu_us: int = 0) -> None:
        """The last line first, then the evidence, then the outcome: whoever sees a job ended has all it said and did."""
        self.capture.finish(seq)
        if outcome.unexpected or not (counters is None or counters.is_empty()):
            self.child.evidence(seq, evidence(outcome, counters))
        self.child.finish(seq, outcome.kind, outcome.payload, outcome.retry, outcome.until_us, outcome.mark, cpu_us)

    def goodbye(self) -> None:
        """All that had begun is settled, and nothing more comes."""
        self.child.bye(DRAINED, EXIT_WITHIN_US)


def evidence(outcome: Outcome, counters: Counters | None) -> str:
    """The body of frame 9."""
    import json

    told = {} if counters is None else counters.evidence()
    if outcome.unexpected:
        told["unexpected"] = outcome.unexpected
    return json.dumps(told)


def ended_outside(error: BaseException) -> Outcome:
    """The outcome for an exception that the runner let through: a stop that came after the task had returned, a
    `KeyboardInterrupt`, or a mistake of ours. No attempt may stay without an outcome."""
    if isinstance(error, TaskTimedOut):
        return Outcome(TIMED_OUT, runner.told(error), retry=True)
    if isinstance(error, JobStopped):
        return Outcome(GIVEN_BACK) if error.reason == "drain" else Outcome(CANCELLED, runner.told(error))
    return Outcome(FAILED, runner.told(error), retry=True)


def over_memory(memory_bytes: int) -> Outcome:
    """The outcome when not even the traceback found room."""
    return Outcome(OVER_MEMORY, runner.told(MemoryError(f"more than {memory_bytes} bytes")), retry=True)

"""Waits for a job's end and reads its result. Polls from 1 ms up to 50 ms apart; a look costs some ten microseconds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from workaday.client import jobs
from workaday.errors import JobError, JobFailed, JobTimeout
from workaday.job import FINISHED, Job
from workaday.lengths import length_us
from workaday.values.plain import RESULT_BYTES_MAX, load
from workaday.values.refused import ValueRefused

T = TypeVar("T")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.05

nobody_runs: Callable[[Job[Any]], None] | None = None
"""Set by the pytest plugin: nothing runs by itself there, so a wait would only pass the time."""


def wait(job: Job[T], timeout: Any) -> T:
    for pause in _pauses(job, timeout):
        time.sleep(pause)
    return _result(job)


async def await_(job: Job[T], timeout: Any) -> T:  # noqa: ASYNC109 - the same words as `wait`
    import asyncio

    for pause in _pauses(job, timeout):
        await asyncio.sleep(pause)
    return _result(job)


def _pauses(job: Job[Any], timeout: Any) -> Iterator[float]:
    """The pauses between looks, until the job has finished; `JobTimeout` at the end of the time.

    SQLite tells other processes nothing of a commit: it is asked soon at first, then twenty times a second.
    """
    deadline = time.monotonic() + length_us(timeout, "result(timeout)", error=JobError) / 1_000_000
    pause = _FIRST_PAUSE_S
    while job.refresh().state not in FINISHED:
        if nobody_runs is not None:
            nobody_runs(job)
        left = deadline - time.monotonic()
        if left <= 0:
            raise _timed_out(job, timeout)
        yield min(pause, left)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _result(job: Job[T]) -> T:
    row = jobs.look(job.app, job.id_bytes)
    if row["state"] != "completed":
        raise _failed(job, row)
    if row["result"] is None or (row["reason"] or "").startswith("result.not_stored"):
        raise JobFailed(
            "job.result_not_stored",
            f"job {job.id} completed, but its result was not kept: {row['reason'] or 'no result'}",
            expected="a result of the table of values, at most 1 MiB of JSON",
            retry="never",
            retry_note="the work itself is done",
        )
    try:
        return job.task.signature.decode_result(row["result"]) if job.task else load(row["result"], RESULT_BYTES_MAX)
    except ValueRefused as refused:
        raise JobError(
            "job.result_misfit",
            f"the result{refused.path} of job {job.id} is {refused.got}",
            expected=f"{refused.expected}, as the task is annotated in this release",
            retry="safe_after_fix",
            retry_note="safe after the annotation fits; the job is done, and another release wrote this result",
        ) from None


def _failed(job: Job[Any], row: Any) -> JobFailed:
    told = _last_error(job, row["key"])
    why = row["cancel_reason"] or told or row["reason"]
    return JobFailed(
        f"job.{row['state']}",
        f"job {job.id} ({row['task']}) was {row['state']} after {row['attempt']} attempts" + (f": {why}" if why else ""),
        expected="a completed job",
        got=row["state"],
        retry="check_first",
        retry_note=_retry_note(job),
        hint=f"`workaday job show {job.id}` has its attempts and logs; job.retry() runs it again",
    )


def _last_error(job: Job[Any], key: int) -> str | None:
    rows = job.app.store.read("last_error", {"key": key})
    if not rows or not rows[0]["error"]:
        return None
    error = json.loads(rows[0]["error"])
    return f"{error.get('type', '')}: {error.get('message', '')}".strip(": ")


def _retry_note(job: Job[Any]) -> str:
    said = job.task.policy.retry_safe if job.task else None
    if said is None:
        return "its owner has not said whether it may run twice"
    return "safe: its owner says that it may run twice" if said else "its owner says that it must not run twice"


def _timed_out(job: Job[Any], timeout: Any) -> JobTimeout:
    return JobTimeout(
        "job.result_timeout",
        f"job {job.id} was still {job.state} after {timeout}" + (f" (held: {job.held})" if job.held else ""),
        expected="its end within that time",
        retry="safe",
        retry_note="safe: the job goes on; ask again for its result",
        hint=f"is `workaday up` running on {job.app.store.path}? `workaday status` names the store it serves"
        if job.state in {"available", "scheduled"}
        else None,
    )

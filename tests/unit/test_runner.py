"""One call of a task: every way to end is an outcome, and none of them takes the process down."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
import reached
from workaday import App, Cancel, Context, Discard, Retry, Snooze, TaskTimedOut, clock
from workaday.runner import Outcome, call_async, call_sync, unknown_task

app = App("shop")


def ended_by(error: BaseException | type[BaseException], **options: Any) -> Outcome:
    def fail() -> None:
        raise error

    task = app.task(name=f"shop.fail{len(app.tasks)}", **options)(fail)
    return call_sync(task, "{}", None)


def test_a_result_is_kept_as_json() -> None:
    @app.task(name="shop.total")
    def total(a: int) -> dict[str, int]:
        return {"total": a}

    outcome = call_sync(total, '{"a":1}')
    assert (outcome.word, outcome.payload, outcome.mark) == ("completed", '{"total":1}', "")


@pytest.mark.parametrize("result", [object(), float("nan"), {1: 2}, "x" * (1024 * 1024), "\ud800"], ids=lambda _: "result")
def test_a_result_that_cannot_be_kept_is_completed_and_marked(result: Any) -> None:
    task = app.task(name=f"shop.result{len(app.tasks)}")(lambda: result)
    outcome = call_sync(task, "{}")
    assert outcome.word == "completed"
    assert outcome.payload == "null"
    assert outcome.mark.startswith("result.not_stored: ")
    reached.scan(f"`{outcome.mark}")


def test_a_failure_tells_type_message_and_the_users_own_frames() -> None:
    @app.task(name="shop.broken")
    def broken(a: int) -> None:
        raise LookupError(f"no order {a}")

    outcome = call_sync(broken, '{"a":7}')
    told = json.loads(outcome.payload)
    assert (outcome.word, outcome.retry, told["type"], told["message"]) == ("failed", True, "LookupError", "no order 7")
    assert "def broken" not in told["traceback"]
    assert "in broken" in told["traceback"]
    assert "workaday/runner" not in told["traceback"]


@pytest.mark.parametrize(
    ("policy", "error", "retried"),
    [
        (Retry(), ValueError(), True),
        (Retry(never=ValueError), UnicodeError(), False),
        (Retry(on=(OSError,)), ConnectionError(), True),
        (Retry(on=(OSError,)), ValueError(), False),
        (Retry(on=(OSError,), never=(ConnectionError,)), ConnectionError(), False),
        (Retry(), SystemExit(1), True),
    ],
)
def test_the_policy_judges_the_exception_where_it_was_raised(policy: Retry, error: BaseException, retried: bool) -> None:
    outcome = ended_by(error, retry=policy)
    assert (outcome.word, outcome.retry) == ("failed", retried)


def test_outcomes_that_a_task_asks_for() -> None:
    snoozed = ended_by(Snooze("10m"))
    assert snoozed.word == "snoozed"
    assert abs(snoozed.until_us - clock.now_us() - 600_000_000) < 60_000_000
    cancelled, discarded = ended_by(Cancel("withdrawn")), ended_by(Discard("no such address"))
    assert (cancelled.word, json.loads(cancelled.payload)["message"]) == ("cancelled", "withdrawn")
    assert (discarded.word, json.loads(discarded.payload)["message"]) == ("discarded", "no such address")
    late = ended_by(TaskTimedOut())
    assert (late.word, json.loads(late.payload)["message"]) == ("timed_out", "it ran longer than its timeout")
    assert ended_by(MemoryError(), memory="64M").word == "over_memory"
    assert ended_by(MemoryError()).word == "failed"


def test_ctrl_c_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        ended_by(KeyboardInterrupt)


def test_text_that_utf_8_cannot_carry_does_not_break_the_outcome() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "\\\\ud800" in ended_by(ValueError("\ud800")).payload
    assert "could not be read" in ended_by(Odd()).payload


def test_a_long_traceback_is_cut_in_the_middle() -> None:
    def deeper(depth: int, tag: str) -> None:
        if depth:
            exec(
                f"def f{depth}(g, d, t): g(d, t + 'x' * 40)\nf{depth}(deeper, depth - 1, tag)",
                {"deeper": deeper, "depth": depth, "tag": tag},
            )
        else:
            raise ValueError(tag * 20)

    task = app.task(name="shop.deep")(lambda: deeper(200, ""))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(5000)
    try:
        payload = call_sync(task, "{}").payload
    finally:
        sys.setrecursionlimit(limit)
    assert len(payload) < 40_000
    assert "characters left out" in payload


def test_a_coroutine_runs_on_the_loop_and_sync_tasks_too() -> None:
    @app.task(name="shop.later")
    async def later(a: int) -> int:
        await asyncio.sleep(0)
        return a

    @app.task(name="shop.now")
    def now(a: int) -> int:
        return a

    async def main() -> list[str]:
        return [(await call_async(task, '{"a":1}')).payload for task in (later, now)]

    assert asyncio.run(main()) == ["1", "1"]


@pytest.mark.parametrize(("reason", "word"), [("timeout", "timed_out"), ("cancel", "cancelled"), ("drain", "given_back")])
def test_a_coroutine_that_is_stopped_ends_as_the_reason_says(reason: Any, word: str) -> None:
    @app.task(name=f"shop.wait_{reason}")
    async def wait(ctx: Context) -> None:
        await asyncio.Event().wait()

    async def main() -> Outcome:
        context = Context(bytes(16), wait.name)
        running = asyncio.ensure_future(call_async(wait, "{}", context))
        await asyncio.sleep(0)
        context.stop_reason = reason
        running.cancel()
        return await running

    assert asyncio.run(main()).word == word


def test_a_cancellation_that_nobody_explained_passes_through() -> None:
    @app.task(name="shop.wait_plain")
    async def wait() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        running = asyncio.ensure_future(call_async(wait, "{}"))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())


def test_a_cancelled_error_that_leaked_from_user_code_is_a_failure() -> None:
    @app.task(name="shop.leak")
    async def leak() -> None:
        raise asyncio.CancelledError

    assert asyncio.run(call_async(leak, "{}")).word == "failed"


def test_a_context_knows_its_job() -> None:
    said: list[tuple[float, str]] = []
    context = Context(bytes(15) + b"\1", "shop.x", attempt=2, run_at_us=86_400_000_000, on_progress=lambda *a: said.append(a))
    context.progress(7, "nearly")
    assert said == [(1.0, "nearly")]
    assert str(context.job_id).endswith("0001")
    assert context.tick.isoformat() == context.run_at.isoformat() == "1970-01-02T00:00:00+00:00"
    assert not context.cancelled
    assert context.log.name == "shop.x"


def test_a_task_of_another_release_is_unknown() -> None:
    outcome = unknown_task("shop.gone", ["shop.here"])
    assert outcome.word == "unknown_task"

"""The fixture `workaday_test`: jobs of the code under test run here and now, on a clock that the test moves.

With WORKADAY_BIN set these facts are asked of the real engine, else of a stand-in that speaks the same lines.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from workaday import App, Context, JobError, Retry, Snooze, WorkadayError, clock
from workaday.testing import binary
from workaday.testing.engine import Engine
from workaday.testing.harness import Harness
from workaday.testing.plugin import workaday_test

__all__ = ["workaday_test"]


@pytest.fixture(scope="session")
def workaday_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    named = os.environ.get("WORKADAY_BIN")
    if not named:
        script = tmp_path_factory.mktemp("bin") / "workaday"
        script.write_text(f"#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name('stand_in_engine.py')}\n")
        script.chmod(0o755)
        os.environ["WORKADAY_BIN"] = str(script)
    engine = Engine()
    if not named:
        del os.environ["WORKADAY_BIN"]
    yield engine
    engine.stop()


@pytest.fixture
def shop() -> Any:
    app = App("shop")
    app.outbox = []  # type: ignore[attr-defined]
    return app


@pytest.fixture
def send(shop: Any) -> Any:
    @shop.task(retry=Retry(jitter=0))
    def send(order_id: int, *, copy: bool = False) -> int:
        shop.outbox.append((order_id, copy))
        return order_id * 2

    return send


def test_what_was_enqueued_can_be_asked(workaday_test: Harness, send: Any) -> None:
    send.enqueue(42)
    send.options(delay="1h").enqueue(43, copy=True)
    assert workaday_test.enqueued(send) == [{"order_id": 42}, {"order_id": 43, "copy": True}]
    workaday_test.assert_enqueued(send)
    workaday_test.assert_enqueued(send, order_id=43, copy=True)
    with pytest.raises(AssertionError, match=r"no job of shop.send with \{'order_id': 44\}"):
        workaday_test.assert_enqueued(send, order_id=44)


def test_what_is_due_runs_on_this_thread_and_no_more(workaday_test: Harness, shop: Any, send: Any) -> None:
    job = send.enqueue(1)
    later = send.options(delay="1h").enqueue(2)
    (ran,) = workaday_test.run_due()
    assert (ran.task, ran.outcome, ran.state, ran.id) == ("shop.send", "completed", "completed", str(job.id))
    assert (shop.outbox, job.result(), later.refresh().state) == ([(1, False)], 2, "scheduled")


def test_time_moves_only_when_the_test_says_so(workaday_test: Harness, shop: Any, send: Any) -> None:
    send.options(delay="1d").enqueue(2)
    before = workaday_test.clock.now
    assert clock.now_us() == workaday_test.clock.now_us()
    workaday_test.clock.advance("23h")
    assert workaday_test.run_due() == []
    assert workaday_test.clock.advance("1h") - before == timedelta(days=1)
    assert len(workaday_test.run_due()) == 1


def test_a_drain_moves_on_to_every_retry_and_delay(workaday_test: Harness, shop: Any, send: Any) -> None:
    tries: list[int] = []

    @shop.task(retry=Retry(attempts=3, jitter=0))
    def flaky(ctx: Context) -> str:
        tries.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ConnectionError
        return "at last"

    send.options(delay="2h").enqueue(7)
    job = flaky.enqueue()
    ran = workaday_test.drain()
    assert [one.outcome for one in ran] == ["failed", "failed", "completed", "completed"]
    assert (tries, job.result(), shop.outbox) == ([1, 2, 3], "at last", [(7, False)])


def test_jobs_that_enqueue_jobs_are_run_with_them(workaday_test: Harness, shop: Any, send: Any) -> None:
    @shop.task()
    def fan_out(count: int) -> None:
        for number in range(count):
            send.enqueue(number)

    fan_out.enqueue(3)
    assert len(workaday_test.run_due()) == 4


def test_a_snooze_waits_for_its_time(workaday_test: Harness, shop: Any) -> None:
    @shop.task()
    def sleepy(until: int) -> None:
        if clock.now_us() < until:
            raise Snooze("10m")

    sleepy.enqueue(clock.now_us() + 1_200_000_000)
    assert [one.outcome for one in workaday_test.drain()] == ["snoozed", "snoozed", "completed"]


def test_coroutines_run_on_a_loop_or_on_the_running_one(workaday_test: Harness, shop: Any) -> None:
    loops: list[Any] = []

    @shop.task()
    async def later(number: int) -> int:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        return number

    async def main() -> None:
        await later.aenqueue(2)
        await workaday_test.arun_due()
        assert loops[-1] is asyncio.get_running_loop()
        await later.options(delay="1h").aenqueue(3)
        assert len(await workaday_test.adrain()) == 1
        await later.aenqueue(4)
        with pytest.raises(JobError) as refused:
            workaday_test.run_due()
        assert refused.value.code == "test.loop_running"

    later.enqueue(1)
    assert len(workaday_test.run_due()) == 1
    asyncio.run(main())


def test_a_crash_is_tried_again(workaday_test: Harness, shop: Any, send: Any) -> None:
    job = send.enqueue(1)
    workaday_test.crash_on(job)
    (crashed,) = workaday_test.run_due()
    assert (crashed.outcome, crashed.state, shop.outbox) == ("crashed", "retryable", [])
    assert workaday_test.drain()[-1].outcome == "completed"
    assert job.result() == 2


def test_waiting_for_a_result_that_nobody_works_on_is_refused_at_once(workaday_test: Harness, send: Any) -> None:
    with pytest.raises(JobError) as refused:
        send.enqueue(1).result()
    assert refused.value.code == "test.nobody_runs"


def test_a_job_without_end_is_stopped(workaday_test: Harness, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from workaday.testing import harness

    monkeypatch.setattr(harness, "DRAIN_JOBS_MAX", 20)

    @shop.task()
    def again() -> None:
        again.enqueue()

    again.enqueue()
    with pytest.raises(JobError) as refused:
        workaday_test.run_due()
    assert refused.value.code == "test.runs_without_end"


def test_each_test_has_a_store_of_its_own(workaday_test: Harness, send: Any) -> None:
    assert workaday_test.enqueued(send) == []
    assert workaday_test.run_due() == []


def test_the_fixture_leaves_no_trace(database: Path) -> None:
    from workaday import config

    assert config.database_path(database) == database
    assert clock._source is clock.wall_us


def test_an_engines_refusal_is_raised_with_its_code(workaday_engine: Engine) -> None:
    with pytest.raises(WorkadayError) as refused:
        workaday_engine.ask("dance")
    assert refused.value.code


def test_an_engine_that_has_ended_is_said_to_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKADAY_BIN", "/bin/true")
    engine = Engine()
    engine._process.wait(10)
    with pytest.raises(WorkadayError) as refused:
        engine.ask("open")
    assert refused.value.code == "test.engine_ended"


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKADAY_BIN", str(tmp_path / "gone"))
    with pytest.raises(WorkadayError) as refused:
        binary.find()
    assert refused.value.code == "test.binary_missing"

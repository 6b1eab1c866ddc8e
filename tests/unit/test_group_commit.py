"""Group commit: many waiters share one COMMIT, and each learns what became of its own work."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_enqueue import rows
from workaday import App, OutcomeUnknown, StoreBusy, StoreFull
from workaday.client.batch import Writer
from workaday.client.group_commit import GroupCommit


class Gate:
    """Holds a transaction open until the test says so: an operation that waits."""

    def __init__(self, app: App) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.error: Any = None
        self.app = app
        self.thread = threading.Thread(target=self._write)
        self.thread.start()
        assert self.entered.wait(10)

    def _write(self) -> None:
        try:
            self.app.store.write(self._hold)
        except BaseException as error:
            self.error = error

    def _hold(self, _: Any) -> None:
        self.entered.set()
        assert self.leave.wait(10)

    def open(self) -> None:
        self.leave.set()
        self.thread.join(10)


class Faulty:
    """A connection whose COMMIT answers as it is told."""

    def __init__(self, real: sqlite3.Connection, code: int, *, after: bool) -> None:
        self.real, self.code, self.after = real, code, after

    def execute(self, sql: str, *parameters: Any) -> Any:
        if sql == "COMMIT" and self.code:
            if self.after:
                self.real.execute(sql)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode, self.code = self.code, 0
            raise error
        return self.real.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.fixture
def send(app: App) -> Any:
    @app.task()
    def send(number: int) -> None: ...

    send.enqueue(-1)
    return send


@pytest.fixture
def commits(send: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sizes of the batches that were committed."""
    sizes: list[int] = []
    real = Writer.run

    def counted(self: Writer, batch: Any, more: Any) -> None:
        real(self, batch, more)
        sizes.append(len(batch))

    monkeypatch.setattr(Writer, "run", counted)
    return sizes


def queued(app: App, count: int) -> None:
    """Waits until so many works wait behind the gate."""
    group: GroupCommit = app.store._group
    for _ in range(10_000):
        if len(group._pending) == count:
            return
        threading.Event().wait(0.001)
    raise AssertionError(f"{len(group._pending)} wait, not {count}")


def in_threads(count: int, call: Any) -> tuple[list[threading.Thread], list[Any]]:
    answers: list[Any] = [None] * count

    def work(number: int) -> None:
        try:
            answers[number] = call(number)
        except BaseException as error:
            answers[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_threads_that_wait_together_share_one_commit(app: App, send: Any, commits: list[int], database: Path) -> None:
    gate = Gate(app)
    threads, jobs = in_threads(20, send.enqueue)
    queued(app, 20)
    gate.open()
    for thread in threads:
        thread.join(10)
    assert commits == [21]  # those who come before COMMIT join the transaction that is open
    assert {job.id.bytes for job in jobs} <= {row["id"] for row in rows(database)}


def test_coroutines_share_commits_with_each_other(app: App, send: Any, commits: list[int], database: Path) -> None:
    async def main() -> list[Any]:
        return await asyncio.gather(*(send.aenqueue(number) for number in range(300)))

    jobs = asyncio.run(main())
    assert len({job.id for job in jobs}) == 300
    assert len(rows(database)) == 301
    assert len(commits) < 30


def test_threads_and_coroutines_share_them_too(app: App, send: Any, commits: list[int], database: Path) -> None:
    gate = Gate(app)
    threads, _ = in_threads(5, send.enqueue)
    queued(app, 5)

    async def main() -> None:
        waiting = [asyncio.ensure_future(send.aenqueue(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert len(app.store._group._pending) == 10
        gate.leave.set()
        await asyncio.gather(*waiting)

    asyncio.run(main())
    for thread in threads:
        thread.join(10)
    assert commits == [11]
    assert len(rows(database)) == 11


def test_a_bad_work_does_not_take_its_neighbours_down(app: App, send: Any, commits: list[int], database: Path) -> None:
    def bad(database: Any) -> None:
        database.execute("enqueue", {**send.prepare(1).row(1), "priority": 1000})

    gate = Gate(app)
    threads, answers = in_threads(9, lambda number: app.store.write(bad) if number == 4 else send.enqueue(number))
    queued(app, 9)
    gate.open()
    for thread in threads:
        thread.join(10)
    assert commits == [10]
    assert answers[4].code == "store.statement_failed"
    assert len(rows(database)) == 9


def test_a_row_of_a_bad_work_is_taken_back_with_it(app: App, send: Any, database: Path) -> None:
    def half(database: Any) -> None:
        database.execute("enqueue", send.prepare(1).row(1))
        raise ValueError("in the middle")

    gate = Gate(app)
    threads, answers = in_threads(2, lambda number: app.store.write(half) if number else send.enqueue(7))
    queued(app, 2)
    gate.open()
    for thread in threads:
        thread.join(10)
    assert isinstance(answers[1], ValueError)
    assert [row["args"] for row in rows(database)] == ['{"number":-1}', '{"number":7}']


@pytest.mark.parametrize("stored", [True, False])
def test_a_failed_commit_is_unknown_and_the_same_id_repairs_it(app: App, send: Any, database: Path, stored: bool) -> None:
    writer = app.store._writer
    writer._connection = Faulty(writer._connection, 10, after=stored)  # type: ignore[assignment, arg-type]
    prepared = send.prepare(1)
    with pytest.raises(OutcomeUnknown) as unknown:
        app.enqueue_many([prepared])
    assert (unknown.value.code, unknown.value.retry) == ("store.outcome_unknown", "safe")
    assert writer._connection is None  # what the old handle believes is no longer to be trusted
    app.enqueue_many([prepared])
    assert [row["id"] for row in rows(database)][1:] == [prepared.id]


def test_each_waiter_gets_an_error_of_its_own(app: App, send: Any) -> None:
    writer = app.store._writer
    writer._connection = Faulty(writer._connection, 10, after=False)  # type: ignore[assignment, arg-type]
    gate = Gate(app)
    threads, answers = in_threads(3, send.enqueue)
    queued(app, 3)
    gate.open()
    for thread in threads:
        thread.join(10)
    assert [answer.code for answer in (*answers, gate.error)] == ["store.outcome_unknown"] * 4
    assert len({id(answer) for answer in answers}) == 3


def test_busy_and_full_at_the_commit_are_certainly_not_stored(app: App, send: Any, database: Path) -> None:
    writer = app.store._writer
    for code, kind in [(5, StoreBusy), (13, StoreFull)]:
        send.enqueue(0)
        real = writer._connection
        writer._connection = Faulty(real, code, after=False)  # type: ignore[assignment, arg-type]
        before = len(rows(database))
        with pytest.raises(kind):
            send.enqueue(1)
        assert len(rows(database)) == before


def test_a_transaction_that_was_rolled_back_beneath_us_is_not_called_stored(app: App, send: Any, database: Path) -> None:
    def sabotage(database: Any) -> None:
        database.connection.execute("ROLLBACK")

    with pytest.raises(Exception, match=r"store\.io"):
        app.store.write(sabotage)
    send.enqueue(1)
    assert len(rows(database)) == 2


class TestCancellation:
    def test_cancelled_before_its_batch_began_it_is_withdrawn(self, app: App, send: Any, database: Path) -> None:
        async def main() -> None:
            gate = Gate(app)
            first, second = (asyncio.ensure_future(send.aenqueue(number)) for number in (1, 2))
            await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await first
            assert not hasattr(cancelled.value, "__notes__")
            gate.leave.set()
            await second

        asyncio.run(main())
        assert [row["args"] for row in rows(database)] == ['{"number":-1}', '{"number":2}']

    def test_cancelled_later_its_outcome_is_unknown_and_said(self, app: App, send: Any, database: Path) -> None:
        gates: list[Any] = [threading.Event(), threading.Event()]

        def hold(_: Any) -> None:
            gates[0].set()
            assert gates[1].wait(10)

        async def main() -> None:
            running = asyncio.ensure_future(app.store.awrite(hold))
            await asyncio.to_thread(gates[0].wait, 10)
            running.cancel()
            with pytest.raises(asyncio.CancelledError) as cancelled:
                await running
            assert "same id is safe" in cancelled.value.__notes__[0]
            gates[1].set()
            await send.aenqueue(2)

        asyncio.run(main())
        assert len(rows(database)) == 2

    def test_a_storm_of_cancellations_loses_no_acknowledged_job(self, app: App, send: Any, database: Path) -> None:
        acknowledged: set[bytes] = set()

        async def one(number: int) -> None:
            acknowledged.add((await send.aenqueue(number)).id.bytes)

        async def main() -> None:
            for round_ in range(20):
                tasks = [asyncio.ensure_future(one(number)) for number in range(20)]
                for _ in range(round_ % 5):
                    await asyncio.sleep(0)
                for task in tasks[round_ % 3 :: 3]:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(main())
        stored = [row["id"] for row in rows(database)]
        assert acknowledged <= set(stored)
        assert len(acknowledged) >= 200
        assert len(stored) == len(set(stored))

    def test_a_loop_that_ended_does_not_stop_the_others(self, app: App, send: Any, database: Path) -> None:
        gate = Gate(app)

        async def leave() -> None:
            asyncio.ensure_future(send.aenqueue(1))  # noqa: RUF006 - abandoned on purpose
            await asyncio.sleep(0)

        asyncio.run(leave())
        threads, answers = in_threads(1, send.enqueue)
        gate.open()
        for thread in threads:
            thread.join(10)
        assert answers[0].created


def test_ctrl_c_in_the_leader_frees_the_lock_and_tells_the_followers(app: App, send: Any, database: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def interrupted(_: Any) -> None:
        entered.set()
        assert leave.wait(10)
        raise KeyboardInterrupt

    threads, answers = in_threads(1, lambda _: app.store.write(interrupted))
    assert entered.wait(10)
    more, later = in_threads(3, send.enqueue)
    queued(app, 3)
    leave.set()
    for thread in threads + more:
        thread.join(10)
    assert isinstance(answers[0], KeyboardInterrupt)
    assert all(job.created for job in later)
    assert len(rows(database)) == 4

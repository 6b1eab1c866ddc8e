"""Enqueue: what returned is stored, once; what was refused is not."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from workaday import App, EnqueueError, Job, JobNotFound, WorkadayError, clock
from workaday.client.jobs import look
from workaday.ids import new_id


def rows(database: Path, sql: str = "SELECT * FROM workaday_jobs ORDER BY key") -> list[dict[str, Any]]:
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql)]
    finally:
        connection.close()


@pytest.fixture
def send(app: App) -> Any:
    @app.task(queue="mail", priority=5)
    async def send(order_id: int, *, copy: bool = False) -> str: ...  # type: ignore[empty-body]

    return send


def test_an_enqueued_job_is_a_row_with_everything_the_engine_needs(send: Any, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKADAY_RELEASE", "v7")
    before = clock.now_us()
    job = send.enqueue(42, copy=True)
    (row,) = rows(database)
    assert row["id"] == job.id.bytes
    assert before <= row["created_at"] == row["run_at"] <= clock.now_us()
    wanted = {
        "task": "shop.send", "queue": "mail", "priority": 5, "lane": "async", "state": "available", "attempt": 0,
        "args": '{"order_id":42,"copy":true}', "unique_key": None, "unique_held": 0, "enqueued_release": "v7", "tags": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert (job.state, job.attempt, job.created) == ("available", 0, True)


def test_options_are_kept_with_the_job(send: Any, database: Path) -> None:
    at = datetime(2100, 1, 1, tzinfo=UTC)
    job = send.options(at=at, queue="slow", priority=-3, tags=["a", "b"], expires="1h").enqueue(1)
    (row,) = rows(database)
    assert (row["queue"], row["priority"], row["state"], job.state) == ("slow", -3, "scheduled", "scheduled")
    assert row["run_at"] == int(at.timestamp()) * 1_000_000
    assert row["expires_at"] - row["created_at"] == 3_600_000_000
    assert json.loads(row["tags"]) == ["a", "b"]


def test_a_delay_counts_from_the_enqueue(send: Any, database: Path) -> None:
    send.options(delay=timedelta(minutes=5)).enqueue(1)
    (row,) = rows(database)
    assert (row["run_at"] - row["created_at"], row["state"]) == (300_000_000, "scheduled")


OPTION_CODES = {
    "enqueue.option_invalid",
    "job.id_invalid",
    "option.instant_invalid",
    "option.length_invalid",
    "option.name_invalid",
    "option.priority_invalid",
}


@pytest.mark.parametrize(
    "options",
    [
        {"delay": "5"},
        {"delay": "1s", "at": "2100-01-01T00:00:00Z"},
        {"at": datetime(2100, 1, 1)},
        {"at": "tomorrow"},
        {"expires": "never"},
        {"expires": "0s"},
        {"queue": "a b"},
        {"priority": 1.5},
        {"unique": ""},
        {"unique": 5},
        {"while_": "ever"},
        {"on_conflict": "ignore"},
        {"id": "order-42"},
        {"tags": "a"},
        {"tags": [1]},
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused_and_nothing_is_stored(send: Any, database: Path, options: Any) -> None:
    with pytest.raises(WorkadayError) as refused:
        send.options(**options)
    assert refused.value.expected
    # What can be given in several places has a code of its own, the same everywhere.
    assert refused.value.code in OPTION_CODES
    assert not database.exists()


def test_a_refused_option_is_told_as_it_was_given(send: Any) -> None:
    with pytest.raises(WorkadayError, match=r'options\(tags=\) is "abc"'):
        send.options(tags="abc")
    with pytest.raises(WorkadayError, match=r"options\(delay=, at=\) is "):
        send.options(delay="1s", at="2100-01-01T00:00:00Z")


def test_the_same_id_again_writes_no_second_job(send: Any, database: Path) -> None:
    chosen = uuid4()
    first = send.options(id=chosen).enqueue(1)
    again = send.options(id=str(chosen)).enqueue(1)
    assert first == again
    assert (first.created, again.created, again.state) == (True, False, "available")
    assert len(rows(database)) == 1


def test_an_id_that_finished_is_known_too(send: Any, database: Path) -> None:
    job = send.enqueue(1)
    job.cancel()
    again = send.options(id=job.id).enqueue(1)
    assert (again.created, again.state) == (False, "cancelled")
    assert rows(database) == []


def test_ids_are_version_7_and_sort_as_they_were_made() -> None:
    ids = [UUID(bytes=new_id()) for _ in range(2000)]
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in ids)
    assert len(set(ids)) == 2000
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
    assert abs((ids[0].int >> 80) - clock.now_us() // 1000) < 10_000


class TestUnique:
    def test_one_unfinished_job_for_a_task(self, send: Any, database: Path) -> None:
        first = send.options(unique=True).enqueue(1)
        second = send.options(unique=True).enqueue(2)
        assert second == first
        assert not second.created
        assert len(rows(database)) == 1

    def test_equal_arguments_are_equal_however_they_are_written(self, send: Any, database: Path) -> None:
        once = send.options(unique="args")
        jobs = [once.enqueue(1), once.enqueue(order_id=1), once.enqueue(1, copy=False)]
        assert len(set(jobs)) == 1
        assert once.enqueue(1, copy=True) != jobs[0]
        assert len(rows(database)) == 2

    def test_a_key_of_ones_own_belongs_to_its_task(self, app: App, send: Any, database: Path) -> None:
        @app.task()
        def other() -> None: ...

        assert send.options(unique="order-1").enqueue(1) == send.options(unique="order-1").enqueue(2)
        other.options(unique="order-1").enqueue()
        assert [row["unique_key"] for row in rows(database)] == ["shop.send key=order-1", "shop.other key=order-1"]

    def test_a_conflict_may_be_an_error(self, send: Any, database: Path) -> None:
        first = send.options(unique=True).enqueue(1)
        with pytest.raises(EnqueueError) as refused:
            send.options(unique=True, on_conflict="error").enqueue(2)
        assert refused.value.code == "enqueue.unique_taken"
        assert str(first.id) in refused.value.message
        assert len(rows(database)) == 1

    def test_a_waiting_job_may_be_replaced(self, send: Any, database: Path) -> None:
        first = send.options(unique=True, delay="1h").enqueue(1)
        second = send.options(unique=True, on_conflict="replace").enqueue(2)
        assert second.created
        assert [row["args"] for row in rows(database)] == ['{"order_id":2}']
        assert first.refresh().state == "cancelled"
        assert look(send.app, first.id_bytes)["reason"] == "replaced"

    def test_a_running_job_is_not_replaced(self, send: Any, database: Path) -> None:
        send.options(unique=True).enqueue(1)
        run(database)
        with pytest.raises(EnqueueError, match="running"):
            send.options(unique=True, on_conflict="replace").enqueue(2)

    def test_the_key_is_free_once_the_job_has_finished(self, send: Any) -> None:
        first = send.options(unique=True).enqueue(1)
        first.cancel()
        assert send.options(unique=True).enqueue(2) != first

    def test_a_known_id_wins_over_the_key(self, send: Any) -> None:
        first = send.options(unique=True).enqueue(1)
        again = send.options(unique=True, on_conflict="error", id=first.id).enqueue(1)
        assert again == first


def run(database: Path) -> None:
    """What a claim does to a row."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE workaday_jobs SET state = 'running', generation = 1, attempt = 1, fence = 1")
    connection.commit()
    connection.close()


class TestMany:
    def test_many_are_one_transaction_in_their_order(self, app: App, send: Any, database: Path) -> None:
        jobs = app.enqueue_many([send.prepare(number) for number in range(500)])
        stored = rows(database)
        assert [row["id"] for row in stored] == [job.id.bytes for job in jobs]
        assert [json.loads(row["args"])["order_id"] for row in stored] == list(range(500))

    def test_a_bad_call_among_many_stores_none(self, app: App, send: Any, database: Path) -> None:
        with pytest.raises(WorkadayError):
            app.enqueue_many([send.prepare(1), send.options(unique="k", on_conflict="error").prepare(2),
                              send.options(unique="k", on_conflict="error").prepare(3)])  # fmt: skip
        assert rows(database) == []

    def test_many_again_write_nothing_twice(self, app: App, send: Any, database: Path) -> None:
        prepared = [send.prepare(number) for number in range(5)]
        app.enqueue_many(prepared[:3])
        app.enqueue_many(prepared)
        assert len(rows(database)) == 5

    def test_none_is_nothing(self, app: App, database: Path) -> None:
        assert app.enqueue_many([]) == []
        assert not database.exists()

    def test_what_was_not_prepared_is_refused(self, app: App) -> None:
        with pytest.raises(EnqueueError) as refused:
            app.enqueue_many([42])  # type: ignore[list-item]
        assert refused.value.code == "enqueue.not_prepared"

    def test_too_many_for_one_transaction_are_refused(self, app: App, send: Any) -> None:
        with pytest.raises(EnqueueError) as refused:
            app.enqueue_many([send.prepare(1)] * 100_001)
        assert refused.value.code == "enqueue.too_many"

    def test_coroutines_may_write_many_too(self, app: App, send: Any, database: Path) -> None:
        asyncio.run(app.aenqueue_many([send.prepare(number) for number in range(5)]))
        assert len(rows(database)) == 5


def test_a_job_that_is_not_there_is_not_found(app: App) -> None:
    app.setup()
    with pytest.raises(JobNotFound) as refused:
        app.job(uuid4())
    assert refused.value.code == "job.not_found"


def test_a_job_is_found_by_its_id_with_its_task(app: App, send: Any) -> None:
    job: Job[Any] = send.enqueue(1)
    found = app.job(str(job.id))
    assert found == job
    assert found.task is send
    assert repr(found) == f"<shop.send {job.id} available>"

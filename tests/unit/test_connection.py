"""Enqueue inside the caller's own transaction: commit, and the job is there; roll back, and it never was."""

from __future__ import annotations

import asyncio
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from test_enqueue import rows
from workaday import App, EnqueueError, JobNotFound, StoreBusy, WorkadayWarning
from workaday.client import transaction


@pytest.fixture
def send(app: App) -> Any:
    @app.task()
    def send(number: int) -> None: ...

    app.setup()
    return send


@pytest.fixture
def theirs(database: Path, send: Any) -> Iterator[sqlite3.Connection]:
    """The user's own connection, with a table of theirs in the same file."""
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.execute("PRAGMA synchronous=FULL")
    connection.commit()
    yield connection
    connection.close()


def numbers(database: Path) -> list[str]:
    return [row["args"] for row in rows(database)]


def test_the_job_and_the_row_are_committed_together(theirs: sqlite3.Connection, send: Any, database: Path) -> None:
    theirs.execute("INSERT INTO orders VALUES (1)")
    job = send.options(connection=theirs).enqueue(1)
    assert numbers(database) == []
    assert (job.state, job.created) == ("available", True)
    with pytest.raises(JobNotFound):
        job.refresh()
    theirs.commit()
    assert job.refresh().state == "available"


def test_rolled_back_the_job_never_was(theirs: sqlite3.Connection, send: Any, database: Path) -> None:
    send.options(connection=theirs).enqueue(1)
    assert theirs.in_transaction
    theirs.rollback()
    assert numbers(database) == []


def test_many_and_unique_jobs_go_into_the_transaction_too(app: App, theirs: sqlite3.Connection, send: Any, database: Path) -> None:
    app.enqueue_many([send.prepare(1), send.prepare(2)], connection=theirs)
    first = send.options(connection=theirs, unique=True).enqueue(3)
    assert send.options(connection=theirs, unique=True).enqueue(4) == first
    theirs.commit()
    assert len(numbers(database)) == 3


def test_a_row_factory_of_theirs_is_no_obstacle(theirs: sqlite3.Connection, send: Any) -> None:
    theirs.row_factory = lambda cursor, row: {"row": row}
    send.options(connection=theirs, unique=True).enqueue(1)
    assert not send.options(connection=theirs, unique=True).enqueue(1).created
    theirs.rollback()


def test_another_database_is_refused(tmp_path: Path, send: Any) -> None:
    for other in (sqlite3.connect(tmp_path / "other.db"), sqlite3.connect(":memory:")):
        other.execute("CREATE TABLE t (a)")
        with pytest.raises(EnqueueError) as refused:
            send.options(connection=other).enqueue(1)
        assert refused.value.code == "enqueue.connection_other_database"
        other.close()


def test_a_store_without_tables_is_named_with_the_fix(app: App, database: Path) -> None:
    task = app.task(name="shop.t")(lambda: None)
    _ = app.store
    theirs = sqlite3.connect(database)
    with pytest.raises(EnqueueError) as refused:
        task.options(connection=theirs).enqueue()
    assert refused.value.code == "enqueue.store_missing"
    assert "app.setup()" in str(refused.value)
    theirs.close()


def test_a_transaction_that_read_first_is_told_to_begin_immediate(theirs: sqlite3.Connection, send: Any) -> None:
    theirs.isolation_level = None
    theirs.execute("BEGIN")
    theirs.execute("SELECT count(*) FROM orders").fetchall()
    send.enqueue(1)
    with pytest.raises(EnqueueError) as refused:
        send.options(connection=theirs).enqueue(2)
    assert (refused.value.code, refused.value.hint) == ("enqueue.snapshot_stale", "begin it with BEGIN IMMEDIATE")
    theirs.execute("ROLLBACK")


def test_a_lock_held_elsewhere_is_busy_and_not_retried_here(database: Path, theirs: sqlite3.Connection, send: Any) -> None:
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    theirs.execute("PRAGMA busy_timeout=0")
    with pytest.raises(StoreBusy) as refused:
        send.options(connection=theirs).enqueue(1)
    assert "run your transaction again" in str(refused.value)
    other.execute("ROLLBACK")
    other.close()


def test_an_enqueue_without_it_while_it_is_open_is_refused_at_once(theirs: sqlite3.Connection, send: Any) -> None:
    send.options(connection=theirs).enqueue(1)
    with pytest.raises(EnqueueError) as refused:
        send.enqueue(2)
    assert refused.value.code == "enqueue.own_transaction_open"
    theirs.commit()
    send.enqueue(2)


def test_weaker_durability_is_said_once(theirs: sqlite3.Connection, send: Any, database: Path) -> None:
    theirs.execute("PRAGMA synchronous=NORMAL")
    transaction._warned.discard(str(database))
    with pytest.warns(WorkadayWarning, match="enqueue.weaker_synchronous") as said:
        send.options(connection=theirs).enqueue(1)
    assert Path(said[0].filename).name == "test_connection.py"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        send.options(connection=theirs).enqueue(2)
    theirs.rollback()


@pytest.mark.parametrize("thing", ["a string", 42, object()], ids=["text", "number", "object"])
def test_what_is_no_connection_is_refused(send: Any, thing: Any) -> None:
    with pytest.raises(EnqueueError) as refused:
        send.options(connection=thing).enqueue(1)
    assert refused.value.code == "enqueue.connection_unknown"


class TestSqlAlchemy:
    @pytest.fixture
    def engine(self, database: Path, theirs: sqlite3.Connection) -> Iterator[sqlalchemy.Engine]:
        engine = sqlalchemy.create_engine(f"sqlite:///{database}")

        @sqlalchemy.event.listens_for(engine, "connect")
        def full(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA synchronous=FULL")

        yield engine
        engine.dispose()

    def test_a_session_commits_the_job_with_its_rows(self, engine: sqlalchemy.Engine, send: Any, database: Path) -> None:
        class Own(Session):  # as SQLModel does
            pass

        with Own(engine) as session:
            session.execute(sqlalchemy.text("INSERT INTO orders VALUES (1)"))
            send.options(connection=session).enqueue(1)
            assert numbers(database) == []
            session.commit()
            send.options(connection=session, unique=True).enqueue(2)
            assert not send.options(connection=session, unique=True).enqueue(3).created
            session.rollback()
        assert numbers(database) == ['{"number":1}']

    def test_a_connection_and_its_savepoints(self, engine: sqlalchemy.Engine, send: Any, database: Path) -> None:
        with engine.begin() as connection:
            send.options(connection=connection).enqueue(1)
            savepoint = connection.begin_nested()
            send.options(connection=connection).enqueue(2)
            savepoint.rollback()
        assert numbers(database) == ['{"number":1}']

    def test_async_sessions_and_connections(self, database: Path, theirs: sqlite3.Connection, app: App, send: Any) -> None:
        async def main() -> None:
            engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
            async with AsyncSession(engine) as session:
                await session.execute(sqlalchemy.text("PRAGMA synchronous=FULL"))
                job = await send.options(connection=session).aenqueue(1)
                assert job.created
                await session.commit()
                await send.options(connection=session).aenqueue(2)
                await session.rollback()
            async with engine.begin() as connection:
                await app.aenqueue_many([send.prepare(3), send.prepare(4)], connection=connection)
            with pytest.raises(EnqueueError) as refused:
                send.options(connection=session).enqueue(5)
            assert refused.value.code == "enqueue.connection_needs_await"
            await engine.dispose()

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WorkadayWarning)
            asyncio.run(main())
        assert numbers(database) == ['{"number":1}', '{"number":3}', '{"number":4}']

    def test_a_stale_snapshot_is_seen_through_the_wrapping(self, engine: sqlalchemy.Engine, send: Any) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("SELECT count(*) FROM orders").fetchall()
            send.enqueue(1)
            with pytest.raises(EnqueueError) as refused:
                send.options(connection=connection).enqueue(2)
            assert refused.value.code == "enqueue.snapshot_stale"

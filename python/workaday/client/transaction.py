"""Enqueue inside the caller's own transaction: commit, and the job is there; roll back, and it never was.

Here we never begin, commit, retry or wake: the transaction is not ours. Connections are recognised by the name of their
module, so nothing is imported that the caller has not.
"""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workaday.client import failures
from workaday.client.database import Database, SqliteDatabase
from workaday.client.statements import statement
from workaday.errors import EnqueueError, WorkadayError, WorkadayWarning
from workaday.lengths import shortened

if TYPE_CHECKING:
    from workaday.client.store import Store

T = TypeVar("T")
_FULL = 2
_warned: set[str] = set()


class SqlAlchemyDatabase:
    """A SQLAlchemy `Connection`: its own `exec_driver_sql` runs ours, so its events and its begin apply."""

    def __init__(self, connection: Any, path: str) -> None:
        self.connection = connection
        self.path = path

    def execute(self, name: str, parameters: dict[str, Any]) -> int:
        return self.connection.exec_driver_sql(statement(name), parameters).rowcount

    def execute_many(self, name: str, rows: Iterable[dict[str, Any]]) -> int:
        return sum(self.execute(name, row) for row in rows)

    def query(self, name: str, parameters: dict[str, Any]) -> list[Any]:
        return list(self.connection.exec_driver_sql(statement(name), parameters).mappings())


def run(store: Store, connection: Any, operation: Callable[[Database], T]) -> T:
    """Runs the operation in the transaction of a sync connection."""
    if isinstance(connection, sqlite3.Connection):
        return _inside(store, SqliteDatabase(connection, str(store.path)), _pragma_of(connection), operation)
    kind = _sqlalchemy_kind(connection)
    if kind in {"Session", "scoped_session"}:
        connection, kind = connection.connection(), "Connection"
    if kind == "Connection":
        return _inside_sqlalchemy(store, connection, operation)
    if kind in {"AsyncSession", "async_scoped_session", "AsyncConnection"}:
        raise EnqueueError(
            "enqueue.connection_needs_await",
            f"enqueue was given an async connection ({kind})",
            expected="`await task.options(connection=…).aenqueue(…)`",
            retry_note="safe with aenqueue; nothing was stored",
        )
    raise _unknown(connection)


async def arun(store: Store, connection: Any, operation: Callable[[Database], T]) -> T:
    """Runs the operation in the transaction of an async connection, or of a sync one on this thread."""
    kind = _sqlalchemy_kind(connection)
    if kind in {"AsyncSession", "async_scoped_session"}:
        connection, kind = await connection.connection(), "AsyncConnection"
    if kind == "AsyncConnection":
        return await connection.run_sync(_inside_sqlalchemy_of(store, operation))
    return run(store, connection, operation)


def _sqlalchemy_kind(connection: Any) -> str:
    """The name of the SQLAlchemy class this is, subclasses (SQLModel's Session) included; empty for anything else."""
    for kind in type(connection).__mro__:
        if kind.__module__.partition(".")[0] == "sqlalchemy" and kind.__name__ in _KINDS:
            return kind.__name__
    return ""


_KINDS = frozenset({"Session", "scoped_session", "Connection", "AsyncSession", "async_scoped_session", "AsyncConnection"})


def _inside_sqlalchemy_of(store: Store, operation: Callable[[Database], T]) -> Callable[[Any], T]:
    def inside(connection: Any) -> T:
        return _inside_sqlalchemy(store, connection, operation)

    return inside


def _inside_sqlalchemy(store: Store, connection: Any, operation: Callable[[Database], T]) -> T:
    if connection.dialect.name != "sqlite":
        raise _other_database(store, connection.dialect.name)

    def pragma(name: str) -> list[Any]:
        return list(connection.exec_driver_sql(f"PRAGMA {name}"))

    return _inside(store, SqlAlchemyDatabase(connection, str(store.path)), pragma, operation)


def _pragma_of(connection: sqlite3.Connection) -> Callable[[str], list[Any]]:
    def pragma(name: str) -> list[Any]:
        cursor = connection.cursor()
        cursor.row_factory = None
        return cursor.execute(f"PRAGMA {name}").fetchall()

    return pragma


def _inside(store: Store, database: Database, pragma: Callable[[str], list[Any]], operation: Callable[[Database], T]) -> T:
    try:
        _same_file(store, pragma)
        _warn_weaker(store, pragma)
        return operation(database)
    except WorkadayError:
        raise
    except Exception as error:
        raise _told(store, error) from error


def _same_file(store: Store, pragma: Callable[[str], list[Any]]) -> None:
    """By inode, which says more than two spellings of a path. `stat` opens nothing."""
    file = next((row[2] for row in pragma("database_list") if row[1] == "main"), "")
    try:
        found = os.stat(file) if file else None
    except OSError:
        found = None
    ours = os.stat(store.path)
    if found is None or (found.st_dev, found.st_ino) != (ours.st_dev, ours.st_ino):
        raise _other_database(store, file or "a database in memory")


def _warn_weaker(store: Store, pragma: Callable[[str], list[Any]]) -> None:
    path = str(store.path)
    if path in _warned or pragma("synchronous")[0][0] >= _FULL:
        return
    _warned.add(path)
    warnings.warn(
        f"enqueue.weaker_synchronous: your connection on `{path}` has synchronous below FULL: a job enqueued in its "
        "transaction may be lost with the power, together with your own rows. `PRAGMA synchronous=FULL` keeps both.",
        WorkadayWarning,
        stacklevel=6,
    )


def _told(store: Store, error: Exception) -> Exception:
    """What went wrong in the caller's transaction, which is still open and theirs to end."""
    # SQLAlchemy wraps the driver's exception.
    raw: Any = getattr(error, "orig", None) or error
    if not isinstance(raw, failures.Failed):
        return error
    path = str(store.path)
    if failures.is_snapshot_stale(raw):
        return EnqueueError(
            "enqueue.snapshot_stale",
            "the job was not written: your transaction read first, and another writer has committed since",
            expected="a transaction that takes the write lock before it reads",
            retry="safe_after_fix",
            retry_note="roll back and run your transaction again; nothing of it can be committed now",
            hint="begin it with BEGIN IMMEDIATE",
        )
    if "no such table: workaday_" in str(raw):
        return EnqueueError(
            "enqueue.store_missing",
            f"`{path}` has no tables of workaday, and they cannot be made inside your transaction",
            expected="the tables, made beforehand",
            retry_note="safe after `app.setup()`; nothing was stored",
            hint="call app.setup() at start, or run `workaday up` once",
        )
    told = failures.explain(path, raw)
    if failures.is_busy(raw):
        told.retry_note = "roll back and run your transaction again; certainly nothing was stored"
        told.hint = "BEGIN IMMEDIATE waits for the lock at the start, for as long as your connection's busy timeout says"
    return told


def _other_database(store: Store, got: str) -> EnqueueError:
    return EnqueueError(
        "enqueue.connection_other_database",
        "the job was not written: your connection is on another database than the store",
        expected=f"a connection on `{store.path}`",
        got=str(Path(got)) if got.startswith("/") else got,
        retry_note="safe after that is mended; nothing was stored",
        hint='let workaday.toml name your own file: database = "sqlite:///app.db"',
    )


def _unknown(connection: Any) -> EnqueueError:
    return EnqueueError(
        "enqueue.connection_unknown",
        f"options(connection=) is {shortened(connection)}",
        expected="a sqlite3.Connection, or a SQLAlchemy Session, Connection, AsyncSession or AsyncConnection",
        retry_note="safe after that is mended; nothing was stored",
    )

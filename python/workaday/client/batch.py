"""One transaction for many operations: begin in turn, isolate bad ones, commit once, tell each what became of it."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workaday.client import failures, own_lock, schema
from workaday.client.connection import connect
from workaday.client.database import Database, SqliteDatabase
from workaday.client.turn import Turn
from workaday.client.wake import Wake
from workaday.errors import WorkadayError

LOCK_WAIT_S = 5.0
OWN_LOCK_GRACE_S = 0.1
"""How long another thread of this process may hold the write lock before that counts as our own open transaction."""

Operation = Callable[[Database], Any]


class Work:
    """One operation and what became of it: `done` says that `result` or `error` is final."""

    __slots__ = ("begun", "done", "error", "operation", "result")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.result: Any = None
        self.error: BaseException | None = None
        self.begun = False
        self.done = False

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result


class Writer:
    """The writing connection of one process. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._file = path
        self._connection: sqlite3.Connection | None = None
        self._turn = Turn(self.path)
        self._wake = Wake(self.path)
        self._app_file = False
        self.committing = False
        """Has COMMIT been sent? Before it, what happens is certainly not stored."""

    def run(self, batch: list[Work], more: Callable[[], list[Work]] = list) -> None:
        """Runs the batch in one transaction. Every work is done afterwards, whatever happened.

        `more` is asked before COMMIT for works that arrived meanwhile: they join the batch, and nobody waits for them.
        """
        self.committing = False
        try:
            connection = self._ready()
            self._turn.take(app_file=self._app_file)
            try:
                self._write(connection, batch, more)
            finally:
                self._turn.give_back()
        except (WorkadayError, *failures.Failed) as error:
            _fail(batch, error if isinstance(error, WorkadayError) else failures.explain(self.path, error))
        for work in batch:
            work.done = True

    # -- connection ----------------------------------------------------------------------------------------------------

    def _ready(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = connect(self._file, writes=True)
            try:
                self._prepare_tables(connection)
            except BaseException:
                connection.close()
                raise
            self._app_file = schema.has_other_tables(connection)
            # From here on BEGIN waits by itself, in turn and with its own jitter; SQLite's handler would starve it.
            connection.execute("PRAGMA busy_timeout=0").close()
            self._connection = connection
        return self._connection

    def _prepare_tables(self, connection: sqlite3.Connection) -> None:
        found = schema.version(connection)
        if found is None:
            self._begin(connection)
            try:
                schema.create(connection)
                connection.execute("COMMIT").close()
            except BaseException:
                _roll_back(connection)
                raise
            found = schema.version(connection) or {}
        schema.check(self.path, found)

    def replace_connection(self) -> None:
        """After a COMMIT of unknown outcome: what the old handle believes is no longer to be trusted."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*failures.Failed):
                connection.close()

    def close(self) -> None:
        """Gives everything back (tests; a program keeps its store for life)."""
        self.replace_connection()
        self._turn.forget()
        self._wake.close()

    def forget(self) -> None:
        """After a fork, in the child: the handle belongs to the parent, so it is leaked, never closed."""
        self._connection = None
        self._turn.forget()
        self._wake.close()

    # -- the transaction -----------------------------------------------------------------------------------------------

    def _write(self, connection: sqlite3.Connection, batch: list[Work], more: Callable[[], list[Work]]) -> None:
        try:
            self._begin(connection)
            self._check_writer(connection)
            fine = self._all_at_once(connection, batch)
            while fine and (joining := more()):
                batch += joining
                fine = self._all_at_once(connection, joining)
            if not fine:
                _roll_back(connection)
                self._begin(connection)
                self._one_by_one(connection, batch)
            if all(work.error is not None for work in batch):
                _roll_back(connection)
                return
            self._commit(connection, batch)
        except BaseException:
            # Ctrl-C included: before COMMIT nothing is stored, and the lock must not stay.
            _roll_back(connection)
            raise

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Tries for 5 s, 0.1 to 0.8 ms apart: SQLite's own handler sleeps up to 100 ms and starves."""
        started = time.monotonic()
        own_lock_seen = 0
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE").close()
                return
            except sqlite3.OperationalError as error:
                if not failures.is_busy(error):
                    raise
            waited = time.monotonic() - started
            if waited > LOCK_WAIT_S:
                raise failures.busy(self.path, int(waited * 1000))
            if waited > OWN_LOCK_GRACE_S * (1 + own_lock_seen / 10):
                # Seen ten times in a row over 100 ms: no short transaction of another thread.
                own_lock_seen = own_lock_seen + 1 if own_lock.held_by_this_process(self.path) else 0
                if own_lock_seen >= 10:
                    raise own_lock.own_transaction_open(self.path)
            time.sleep(random.uniform(0.000_1, 0.000_8))

    def _all_at_once(self, connection: sqlite3.Connection, batch: list[Work]) -> bool:
        """Runs them without savepoints. `False`: one failed, so all begin again, each isolated from the others."""
        database = SqliteDatabase(connection, self.path)
        try:
            for work in batch:
                work.result = work.operation(database)
        except Exception:  # told by the second run, to the one whom it concerns
            return False
        return True

    def _one_by_one(self, connection: sqlite3.Connection, batch: list[Work]) -> None:
        database = SqliteDatabase(connection, self.path)
        for work in batch:
            work.result = work.error = None
            connection.execute("SAVEPOINT one").close()
            try:
                work.result = work.operation(database)
            except Exception as error:
                # After some failures SQLite has rolled back by itself: then the whole batch has failed.
                if not connection.in_transaction:
                    raise
                work.error = failures.explain(self.path, error) if isinstance(error, failures.Failed) else error
                connection.execute("ROLLBACK TO one").close()
            connection.execute("RELEASE one").close()

    def _check_writer(self, connection: sqlite3.Connection) -> None:
        """A newer program may have migrated the store while we were running."""
        row = connection.execute("SELECT CAST(value AS INTEGER) FROM workaday_meta WHERE name = 'min_writer'").fetchone()
        if row is not None and row[0] > schema.NEWEST:
            schema.check(self.path, schema.version(connection) or {})

    def _commit(self, connection: sqlite3.Connection, batch: list[Work]) -> None:
        if not connection.in_transaction:
            raise failures.io(self.path, "the transaction was rolled back before its commit; nothing was stored")
        self.committing = True
        try:
            connection.execute("COMMIT").close()
        except failures.Failed as error:
            told = failures.explain_commit(self.path, error)
            _roll_back(connection)
            if not failures.is_busy(error):
                self.replace_connection()
            _fail([work for work in batch if work.error is None], told)
            return
        self._wake.ping()


def _roll_back(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(*failures.Failed):
        if connection.in_transaction:
            connection.execute("ROLLBACK").close()


def _fail(batch: list[Work], error: WorkadayError) -> None:
    for work in batch:
        work.result, work.error = None, error.copy()

"""The store of one process: one writing connection behind the group commit, one for reading, both made on first use."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from workaday.client import failures, place, schema
from workaday.client.batch import Operation, Writer
from workaday.client.connection import connect
from workaday.client.group_commit import GroupCommit
from workaday.client.statements import statement

FREE_BYTES_MIN = 64 * 1024 * 1024
"""Below this much free space new jobs are refused, so that running ones can still be finished."""
_LOOK_EVERY_S = 1.0


class Store:
    """Where jobs are written and looked up. Shared by all apps of a process that name the same file."""

    def __init__(self, path: Path) -> None:
        self.path = place.prepare(path)
        self._pid = os.getpid()
        self._writer = Writer(self.path)
        self._group = GroupCommit(self._writer)
        self._reader: sqlite3.Connection | None = None
        self._read_lock = threading.Lock()
        self._looked_at = -_LOOK_EVERY_S
        self._free = True

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self, operation: Operation) -> Any:
        """Runs the operation in a transaction, together with whoever else waits; durable when this returns."""
        return self._group.submit(operation)

    async def awrite(self, operation: Operation) -> Any:
        """`write` for coroutines."""
        return await self._group.asubmit(operation)

    def check(self) -> None:
        """Opens the store and makes its tables, or says why not."""
        self.write(lambda _: None)

    def check_space(self) -> None:
        """Refuses new work early while the disk is nearly full. Looks at most once a second."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_S:
            found = os.statvfs(self.path.parent)
            self._free = found.f_bavail * found.f_frsize >= FREE_BYTES_MIN
            self._looked_at = now
        if not self._free:
            mebibytes = FREE_BYTES_MIN // 1024**2
            why = f"less than {mebibytes} MiB are free beside `{self.path}`: new jobs are refused so that running ones can finish"
            raise failures.full(str(self.path), why)

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, name: str, parameters: dict[str, Any]) -> list[Any]:
        """The rows of a canonical reading statement, each to be asked by column name."""
        with self._read_lock:
            try:
                connection = self._reader or self._open_reader()
                return connection.execute(statement(name), parameters).fetchall()
            except failures.Failed as error:
                raise failures.explain(str(self.path), error) from None

    def _open_reader(self) -> sqlite3.Connection:
        connection = connect(self.path, writes=False)
        connection.row_factory = sqlite3.Row
        found = schema.version(connection)
        if found is None:
            connection.close()
            raise schema.missing(str(self.path))
        schema.check(str(self.path), found, what="read")
        self._reader = connection
        return connection

    # -- life ----------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Gives the connections back. For tests: a program keeps its store for the life of the process."""
        with self._read_lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        self._writer.close()

    def quiesce(self, seconds: float) -> list[threading.Lock]:
        """Before a fork: waits until no call into SQLite is under way. Returns the locks that are now held."""
        return [lock for lock in (self._group.busy, self._read_lock) if lock.acquire(timeout=seconds)]

    def after_fork(self) -> None:
        """In the child: leaks what was inherited and starts anew. Closing it would drop the parent's jobs."""
        self._pid = os.getpid()
        self._writer.forget()
        self._writer = Writer(self.path)
        self._group.forget()
        self._group = GroupCommit(self._writer)
        self._reader = None
        self._read_lock = threading.Lock()

"""Opening a connection: settings first, then read back. One that differs is a refusal, since the promise rests on it."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from pathlib import Path

from workaday.client import failures
from workaday.errors import StoreError

SQLITE_VERSION_MIN = (3, 37, 0)

# Pragma, value to set, what it must read back as.
_PRAGMAS = (
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    # Checkpoints belong to the supervisor alone: an automatic one would land in somebody's enqueue.
    ("wal_autocheckpoint", "0", 0),
    ("mmap_size", "0", 0),
    ("cell_size_check", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("temp_store", "MEMORY", 2),
    ("recursive_triggers", "OFF", 0),
)
_NO_CHECKPOINT_ON_CLOSE = 1006
_BUSY_WAIT_MS = 5_000


def connect(path: Path, *, writes: bool) -> sqlite3.Connection:
    """A connection with our settings. It is never closed by accident, only by `close()`."""
    check_version(sqlite3.sqlite_version_info)
    shown = str(path)
    # mode=rw: a file that has gone is an error, not a new empty store that nobody serves.
    quoted = shown.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        # Past the counting of statements: what we write is no statement of the task or request.
        connection = getattr(sqlite3.connect, "__wrapped__", sqlite3.connect)(
            f"file:{quoted}?mode=rw", uri=True, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=128
        )
    except failures.Failed as error:
        raise failures.explain(shown, error) from None
    _keep(connection)
    try:
        connection.execute(f"PRAGMA busy_timeout={_BUSY_WAIT_MS}").close()
        _set(connection, shown)
        _write_ahead(connection, shown)
        if not writes:
            connection.execute("PRAGMA query_only=ON").close()
    except failures.Failed as error:
        connection.close()
        raise failures.explain(shown, error) from None
    except StoreError:
        connection.close()
        raise
    return connection


def check_version(version: tuple[int, ...]) -> None:
    if version < SQLITE_VERSION_MIN:
        raise StoreError(
            "store.sqlite_too_old",
            f"this Python has SQLite {'.'.join(map(str, version))}",
            expected="SQLite 3.37 or newer: the tables are STRICT",
            retry="never",
            retry_note="not with this Python",
            hint="install a newer Python, or one built with a newer SQLite",
        )


def _set(connection: sqlite3.Connection, path: str) -> None:
    for name, value, expected in _PRAGMAS:
        connection.execute(f"PRAGMA {name}={value}").close()
        row = connection.execute(f"PRAGMA {name}").fetchone()
        # A build without memory mapping answers nothing to mmap_size, which is as good as 0.
        got = 0 if row is None else row[0]
        if got != expected:
            raise _refused(path, name, str(expected), str(got))
    # Python 3.12+: the last close of an old SQLite would checkpoint.
    if hasattr(connection, "setconfig"):
        connection.setconfig(_NO_CHECKPOINT_ON_CLOSE, True)  # type: ignore[attr-defined]


def _write_ahead(connection: sqlite3.Connection, path: str) -> None:
    before = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if before == "wal":
        return
    got = _switch(connection)
    if got != "wal":
        raise _refused(path, "journal_mode", "wal", got)
    if connection.execute("SELECT EXISTS (SELECT 1 FROM sqlite_schema)").fetchone()[0]:
        logging.getLogger("workaday").warning(
            "the journal mode of the app's file `%s` was changed from %s to wal, for all who open it", path, before
        )


def _switch(connection: sqlite3.Connection) -> str:
    """Needs the file alone for a moment, and SQLite does not wait for that by itself: others may be opening it too."""
    started = time.monotonic()
    while True:
        try:
            return connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if not failures.is_busy(error) or time.monotonic() - started > _BUSY_WAIT_MS / 1000:
                raise
        time.sleep(random.uniform(0.000_5, 0.005))


def _refused(path: str, name: str, expected: str, got: str) -> StoreError:
    return StoreError(
        "store.setting_refused",
        f"SQLite did not take the setting {name} on the store `{path}`",
        expected=f"{name} = {expected}",
        got=got,
        retry="never",
        retry_note="not with this build: the setting is part of what makes an acknowledged job safe",
    )


_kept: list[sqlite3.Connection] = []


def _keep(connection: sqlite3.Connection) -> None:
    """Makes the object immortal.

    Python would close it at exit, and again in every forked child: the first lets an old SQLite checkpoint, the second
    touches a handle that belongs to the parent. The kernel cleans up after a process; that is enough.
    """
    try:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
    except (ImportError, AttributeError):
        _kept.append(connection)

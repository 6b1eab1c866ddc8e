"""What SQLite answered, as the error on which a caller can act. The words are those of `workaday-store` in Rust."""

from __future__ import annotations

import os
import sqlite3
import time
from urllib.parse import quote

from workaday.errors import OutcomeUnknown, StoreBusy, StoreCorrupt, StoreError, StoreFull

_BUSY, _LOCKED, _FULL, _CORRUPT, _NOTADB = 5, 6, 13, 11, 26
_IOERR, _READONLY, _CANTOPEN, _PERM, _AUTH = 10, 8, 14, 3, 23
_PROTOCOL = 15
"""What a lock comes back as that the system answers with an error."""
_BUSY_SNAPSHOT = 5 | (2 << 8)
_LOOK_SECONDS_MAX = 5.0

Failed = (sqlite3.Error, UnicodeDecodeError)
"""What a statement may end with. Python reads SQLite's message as UTF-8, and the message about a damaged schema quotes it."""


def code_of(error: BaseException) -> int:
    """SQLite's extended code, 0 when there is none."""
    return getattr(error, "sqlite_errorcode", 0) or 0


def is_busy(error: BaseException) -> bool:
    return code_of(error) & 0xFF in {_BUSY, _LOCKED}


def is_snapshot_stale(error: BaseException) -> bool:
    return code_of(error) == _BUSY_SNAPSHOT


def cause(error: BaseException) -> str:
    """SQLite's own words with its code, which is what one searches for."""
    return f"{error}, SQLite code {code_of(error)}" if code_of(error) else str(error)


def explain(path: str, error: BaseException, waited_ms: int = 0) -> StoreError:
    """The kind of a failure outside COMMIT. Nothing of the transaction it happened in is stored."""
    kind = code_of(error) & 0xFF
    if isinstance(error, UnicodeDecodeError) or str(error).startswith("Could not decode to UTF-8"):
        return corrupt(path, "text in it is not UTF-8")
    if kind in {_BUSY, _LOCKED}:
        return busy(path, waited_ms)
    if kind == _FULL:
        return full(path)
    if code_of(error) == _CORRUPT:
        return _second_look(path, cause(error))
    if kind in {_CORRUPT, _NOTADB}:
        return corrupt(path, cause(error))
    if kind in {_IOERR, _PROTOCOL}:
        return io(path, cause(error))
    if kind == _READONLY:
        return read_only(path)
    if kind in {_CANTOPEN, _PERM, _AUTH}:
        return cannot_open(path, cause(error))
    return StoreError(
        "store.statement_failed",
        f"a statement on the store `{path}` failed: {cause(error)}",
        expected="tables as the migrations made them",
        retry="check_first",
        retry_note="nothing of this transaction was stored; it will fail again until the cause is found",
        hint="`workaday migrate --check` compares the tables with what this version expects",
    )


def _second_look(path: str, why: str) -> StoreError:
    """Damaged, or not read? While it learns the tables, SQLite answers CORRUPT for whatever goes wrong below it.

    The file is looked at again, on a connection of its own and for a few seconds at most; undecided, SQLite is believed.
    """
    until = time.monotonic() + _LOOK_SECONDS_MAX
    connection = None
    try:
        connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_LOOK_SECONDS_MAX)
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        connection.execute("PRAGMA schema_version").fetchone()  # before the tables are learned an error has its own name
        if connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
            return io(path, f"{why}; read again, the file is whole")
    except Failed as again:
        kind = code_of(again) & 0xFF
        if kind == _IOERR or (kind == _CANTOPEN and os.path.exists(path)):
            return io(path, f"{why}; {again}")
    finally:
        if connection is not None:
            connection.close()
    return corrupt(path, why)


def explain_commit(path: str, error: BaseException) -> StoreError:
    """A COMMIT that failed: busy and full are certainly not stored, of anything else nobody knows."""
    if is_busy(error):
        return busy(path, 0)
    if code_of(error) & 0xFF == _FULL:
        return full(path)
    return outcome_unknown(path, cause(error))


def busy(path: str, waited_ms: int) -> StoreBusy:
    return StoreBusy(
        "store.busy",
        f"the store `{path}` was busy for {waited_ms} ms",
        expected="the write lock within 5 s",
        retry="safe",
        retry_note="safe now; certainly nothing was stored",
        hint="`workaday doctor` names processes that hold the lock long",
    )


def full(path: str, why: str | None = None) -> StoreFull:
    return StoreFull(
        "store.full",
        why or f"the disk of the store `{path}` is full",
        expected=f"free space on the file system of `{path}`",
        retry_note="safe after space is freed; nothing was stored",
    )


def outcome_unknown(path: str, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        "store.outcome_unknown",
        f"the commit on `{path}` failed ({why}); whether it was stored is unknown",
        expected="a COMMIT that says yes or busy",
        retry="safe",
        retry_note="safe with the same id: a job that is there already is not written twice",
    )


def corrupt(path: str, why: str) -> StoreCorrupt:
    aside = f"copy `{path}`, `{path}-wal` and `{path}-shm` aside, then put the newest backup in place (docs/runbooks/store-corrupt.md)"
    # A file whose first bytes are no database's may as well be one that `database` names by a slip.
    slip = f"if `{path}` never was the store, `database` names the wrong file; if it was: {aside}"
    return StoreCorrupt(
        "store.corrupt",
        f"the store `{path}` is damaged: {why}",
        expected="a whole SQLite file",
        retry="never",
        retry_note="a retry cannot help; nothing more is written to this file",
        hint=slip if "not a database" in why else aside,
    )


def io(path: str, why: str) -> StoreError:
    return StoreError(
        "store.io",
        f"the store `{path}` could not be read or written: {why}",
        expected="a readable and writable file on a healthy disk",
        retry="check_first",
        retry_note="after the disk has been looked at; an enqueue may be retried with the same id",
    )


def read_only(path: str) -> StoreError:
    return StoreError(
        "store.read_only",
        f"the store `{path}` cannot be written",
        expected="a file, and the folder around it, that this user may write (SQLite keeps `-wal` and `-shm` beside it)",
        retry_note="safe once it is writable; nothing was stored",
        hint=f"`ls -ld $(dirname {path}) {path}` and `id` show who may write; is the file system mounted read-only?",
    )


def cannot_open(path: str, why: str) -> StoreError:
    return StoreError(
        "store.cannot_open",
        f"the store `{path}` cannot be opened: {why}",
        expected="a SQLite file in a folder that this user may read and write",
        retry_note="safe once it can be opened; nothing was stored",
        hint=f"`ls -ld $(dirname {path}) {path}` and `id` show who may write",
    )

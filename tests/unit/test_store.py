"""Opening a store: private, durable, the right version, the right disk; every refusal has its words."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sqlite3
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_enqueue import rows
from workaday import App, StoreBusy, StoreCorrupt, StoreError, StoreFull
from workaday.client import connection as connections
from workaday.client import failures, place, schema, store
from workaday.client.statements import migrations


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_use_makes_a_private_store_with_every_table(tmp_path: Path) -> None:
    folder = tmp_path / "new" / ".workaday"
    App("shop", database=folder / "workaday.db").setup()
    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir() if "shm" not in path.name} == {
        "workaday.db": 0o600,
        "workaday.db-wal": 0o600,
        "workaday.db-turn": 0o600,
    }
    meta = {row["name"]: row["value"] for row in rows(folder / "workaday.db", "SELECT * FROM workaday_meta")}
    assert {name: meta[name] for name in ("schema", "min_reader", "min_writer", "instance_bound", "generation")} == {
        "schema": str(schema.NEWEST), "min_reader": "1", "min_writer": "1", "instance_bound": "0", "generation": "0",
    }  # fmt: skip
    assert len(meta["instance_id"]) == 36


def test_every_setting_reads_back(app: App, database: Path) -> None:
    app.setup()
    ours = connections.connect(database, writes=True)
    found = {name: ours.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "wal_autocheckpoint")}
    ours.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 0}


def test_a_setting_that_was_not_taken_is_a_refusal(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_PRAGMAS", (("synchronous", "NORMAL", 2),))
    with pytest.raises(StoreError) as refused:
        app.setup()
    assert (refused.value.code, refused.value.got) == ("store.setting_refused", "1")


def test_an_old_sqlite_is_refused() -> None:
    with pytest.raises(StoreError) as refused:
        connections.check_version((3, 36, 9))
    assert refused.value.code == "store.sqlite_too_old"


def test_the_schema_is_the_newest_migration() -> None:
    assert migrations()[-1][0] == schema.NEWEST


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ({"schema": 9, "min_reader": 9, "min_writer": 9}, "store.newer_schema"),
        ({"schema": 9, "min_reader": 1, "min_writer": 9}, "store.newer_schema"),
        ({"schema": 0}, "store.older_schema"),
    ],
    ids=str,
)
def test_a_store_of_another_age_is_refused(app: App, database: Path, numbers: dict[str, int], code: str) -> None:
    prepare(database, numbers)
    with pytest.raises(StoreError) as refused:
        app.setup()
    assert refused.value.code == code
    assert "nothing was stored" in str(refused.value)


def test_a_newer_store_that_old_clients_may_write_is_written(app: App, database: Path) -> None:
    prepare(database, {"schema": 9, "min_reader": 1, "min_writer": 1})
    app.setup()


def test_a_migration_while_we_run_stops_our_writing(app: App, database: Path) -> None:
    task = app.task(name="shop.t")(lambda: None)
    task.enqueue()
    prepare(database, {"schema": 9, "min_writer": 9})
    with pytest.raises(StoreError) as refused:
        task.enqueue()
    assert refused.value.code == "store.newer_schema"
    assert len(rows(database)) == 1


def prepare(database: Path, numbers: dict[str, int]) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    schema.create(connection)
    for name, number in numbers.items():
        connection.execute("UPDATE workaday_meta SET value = ? WHERE name = ?", (str(number), name))
    connection.execute("COMMIT")
    connection.close()


def test_an_apps_own_file_is_used_and_what_changes_is_said(app: App, database: Path, caplog: pytest.LogCaptureFixture) -> None:
    theirs = sqlite3.connect(database)
    theirs.execute("CREATE TABLE orders (id INTEGER)")
    theirs.execute("PRAGMA user_version=7")
    theirs.commit()
    with caplog.at_level(logging.WARNING, "workaday"):
        app.setup()
    assert "was changed from delete to wal" in caplog.text
    assert theirs.execute("PRAGMA user_version").fetchone() == (7,)
    theirs.close()


def test_a_file_that_is_no_database_is_corrupt_and_left_alone(app: App, database: Path) -> None:
    database.write_bytes(b"not a database at all" * 100)
    before = database.read_bytes()
    with pytest.raises(StoreCorrupt) as refused:
        app.setup()
    assert (refused.value.code, refused.value.retry) == ("store.corrupt", "never")
    assert "newest backup" in (refused.value.hint or "") and "names the wrong file" in (refused.value.hint or "")
    assert database.read_bytes() == before


def test_a_damaged_schema_is_corrupt_even_when_its_words_are_no_text(app: App, database: Path) -> None:
    """SQLite quotes the damaged word in its message, and Python cannot decode the message."""
    app.setup()
    app.store.close()
    theirs = sqlite3.connect(database)
    theirs.execute("PRAGMA writable_schema=ON")
    theirs.execute("UPDATE sqlite_schema SET name = CAST(x'776f726b61646179ba' AS TEXT), sql = 'nonsense' WHERE name = 'workaday_jobs'")
    theirs.commit()
    theirs.close()
    for act in (app.setup, lambda: app.store.read("all_schedules", {})):
        with pytest.raises(StoreCorrupt) as refused:
            act()
        assert refused.value.code == "store.corrupt"
    app.store.close()


def test_a_file_that_is_whole_when_it_is_read_again_was_not_read(app: App, database: Path) -> None:
    """SQLite says "malformed" of an I/O error too, while it learns the tables."""
    app.setup()
    app.store.close()
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    told = failures.explain(str(database), error)
    assert told.code == "store.io" and "read again, the file is whole" in str(told)
    with database.open("r+b") as file:
        file.seek(100)
        file.write(b"\x5a" * 400)
    assert failures.explain(str(database), error).code == "store.corrupt"
    assert failures.explain(str(database) + "-none", error).code == "store.corrupt", "nothing to look at decides nothing"


def test_text_that_is_not_utf_8_is_corrupt() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.Error) as unreadable:
        connection.execute("SELECT CAST(x'ba' AS TEXT)").fetchone()
    connection.close()
    assert failures.explain("w.db", unreadable.value).code == "store.corrupt"


@pytest.mark.parametrize(
    ("kind", "code"), [(sqlite3.SQLITE_IOERR, "store.io"), (sqlite3.SQLITE_PROTOCOL, "store.io"), (sqlite3.SQLITE_FULL, "store.full")]
)
def test_an_error_of_the_machine_is_told_as_one(kind: int, code: str) -> None:
    error = sqlite3.OperationalError("words")
    error.sqlite_errorcode = kind
    assert failures.explain("w.db", error).code == code


def test_a_second_name_for_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    with pytest.raises(StoreError) as refused:
        App("shop", database=tmp_path / "link.db").setup()
    assert refused.value.code == "store.not_a_file"


def test_a_folder_in_the_place_of_the_file_is_refused_with_a_file_in_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder, not a file") as refused:
        App("shop", database=tmp_path).setup()
    assert refused.value.code == "store.not_a_file"
    assert f'database = "{tmp_path}/workaday.db"' in (refused.value.hint or "")


def test_two_spellings_of_the_folder_are_one_store(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    one = App("shop", database=tmp_path / "real" / "w.db").store
    other = App("shop", database=tmp_path / "link" / "w.db").store
    assert one is other


def test_what_may_not_be_written_is_refused(app: App, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database.touch()
    monkeypatch.setattr(place.os, "access", lambda path, _: path != database)
    with pytest.raises(StoreError) as refused:
        app.setup()
    assert refused.value.code == "store.read_only"
    monkeypatch.setattr(place.os, "access", lambda path, _: path == database)
    with pytest.raises(StoreError) as refused:
        app.setup()
    assert refused.value.code == "store.folder_unwritable"


@pytest.mark.parametrize("deep", [".", "jobs/deep"])
def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path, deep: str) -> None:
    in_the_way = tmp_path / "data"
    in_the_way.touch()
    with pytest.raises(StoreError) as refused:
        App("shop", database=in_the_way / deep / "workaday.db").setup()
    assert refused.value.code == "store.folder_unwritable"
    assert f"`{in_the_way}` is a file: move it away" in (refused.value.hint or "")


@pytest.mark.parametrize(("kind", "shown"), [("nfs4", "NFS"), ("cifs", "CIFS/SMB"), ("9p", "9p"), ("fuse.sshfs", "FUSE")])
def test_a_network_file_system_is_refused(app: App, database: Path, monkeypatch: pytest.MonkeyPatch, kind: str, shown: str) -> None:
    monkeypatch.setattr(place, "file_system_of", lambda _: kind)
    with pytest.raises(StoreError) as refused:
        app.setup()
    assert (refused.value.code, refused.value.got) == ("store.network_file_system", shown)
    assert not database.exists()


def test_the_file_system_is_that_of_the_longest_mount_point(tmp_path: Path) -> None:
    assert place.file_system_of(Path("/proc/self")) == "proc"
    assert place.file_system_of(tmp_path) not in {"", "proc"}


def test_no_space_for_the_file_is_a_full_disk(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(place.os, "open", refuse)
    with pytest.raises(StoreFull):
        app.setup()


def test_new_work_is_refused_before_the_disk_is_full(app: App, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = app.task(name="shop.t")(lambda: None)
    job = task.enqueue()
    monkeypatch.setattr(store.os, "statvfs", lambda _: SimpleNamespace(f_bavail=10, f_frsize=4096))
    monkeypatch.setattr(app.store, "_looked_at", -1.0)
    with pytest.raises(StoreFull, match="64 MiB"):
        task.enqueue()
    assert job.cancel() is True  # what ends work still goes
    assert rows(database) == []


def test_a_full_disk_stores_nothing_and_says_so(app: App, database: Path) -> None:
    @app.task()
    def keep(text: str) -> None: ...

    keep.enqueue("x")
    writer = app.store._writer._connection
    assert writer is not None
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreFull) as refused:
        app.enqueue_many([keep.prepare("x" * 20_000) for _ in range(50)])
    assert refused.value.code == "store.full"
    writer.execute("PRAGMA max_page_count=1000000")
    stored = len(rows(database))
    keep.enqueue("x")
    assert len(rows(database)) == stored + 1


def test_a_store_that_was_taken_away_is_an_error_and_not_a_new_empty_one(app: App, database: Path) -> None:
    _ = app.store
    database.unlink()
    with pytest.raises(StoreError) as refused:
        app.setup()
    assert refused.value.code == "store.cannot_open"
    assert not database.exists()


def test_looking_into_a_file_without_tables_says_so(app: App, database: Path) -> None:
    _ = app.store
    with pytest.raises(StoreError) as refused:
        app.store.read("find_job", {"id": bytes(16)})
    assert refused.value.code == "store.tables_missing"


def test_a_busy_store_is_said_to_be_certainly_not_stored(app: App, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workaday.client import batch, own_lock

    task = app.task(name="shop.t")(lambda: None)
    task.enqueue()
    monkeypatch.setattr(batch, "LOCK_WAIT_S", 0.02)
    monkeypatch.setattr(own_lock, "held_by_this_process", lambda _: False)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy) as refused:
        task.enqueue()
    assert "certainly nothing was stored" in str(refused.value)
    other.execute("ROLLBACK")
    task.enqueue()
    assert len(rows(database)) == 2
    other.close()


def test_our_own_open_transaction_is_named_instead_of_waited_for(app: App, database: Path) -> None:
    from time import monotonic

    task = app.task(name="shop.t")(lambda: None)
    task.enqueue()
    ours = sqlite3.connect(database, isolation_level=None)
    ours.execute("BEGIN IMMEDIATE")
    began = monotonic()
    with pytest.raises(Exception, match=r"enqueue\.own_transaction_open") as refused:
        task.enqueue()
    assert monotonic() - began < 2
    assert "options(connection=…)" in str(refused.value)
    ours.execute("COMMIT")
    task.enqueue()
    ours.close()


@pytest.mark.parametrize("folder", ["short", "long" * 30], ids=["short", "longer than a socket address"])
def test_a_commit_wakes_the_supervisor(tmp_path: Path, folder: str) -> None:
    database = tmp_path / folder / "w.db"
    app = App("shop", database=database)
    app.setup()
    inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    inbox.settimeout(10)
    here = os.open(database.parent, os.O_PATH | os.O_DIRECTORY)
    inbox.bind(f"/proc/self/fd/{here}/w.db-wake")
    app.task(name="shop.t")(lambda: None).enqueue()
    assert inbox.recv(10) == b"w"
    inbox.close()
    os.close(here)


def test_a_folder_that_cannot_be_synced_is_an_answer_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.open

    def refuses(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_DIRECTORY:
            raise OSError(errno.EIO, "Input/output error")
        return really(path, flags, *rest, **more)

    monkeypatch.setattr(place.os, "open", refuses)
    with pytest.raises(StoreError) as caught:
        place.prepare(tmp_path / "w.db")
    assert caught.value.code == "store.io"

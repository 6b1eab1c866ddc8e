"""Beside Litestream: a process that holds a read lock on the WAL for good, keeps tables of its own in the file and checkpoints it itself.

Litestream is not needed for it: what is held against us here is what it does to a database, as its documentation tells.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator

import pytest
from harness import Project, wait_until

JOBS = """
    from workaday import App

    app = App("shop")

    @app.task(owner="office@shop.example")
    def work(n: int, text: str = "") -> int:
        return n
"""
BULK = "app.enqueue_many([work.prepare(n, text='x' * 500) for n in range(2000)])"


class Replica:
    """What Litestream does: a read transaction that never ends, but for the moments in which it checkpoints."""

    def __init__(self, project: Project) -> None:
        self.store = sqlite3.connect(project.database, isolation_level=None, timeout=5, check_same_thread=False)
        self.store.execute("PRAGMA wal_autocheckpoint = 0")
        self.store.execute("CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        self.store.execute("CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER)")
        self.hold()

    def hold(self) -> None:
        self.store.execute("INSERT INTO _litestream_seq (id, seq) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET seq = seq + 1")
        self.store.execute("BEGIN")
        self.store.execute("SELECT count(1) FROM _litestream_seq").fetchall()

    def checkpoint(self, mode: str) -> None:
        self.store.execute("ROLLBACK")
        self.store.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        self.hold()


@pytest.fixture
def replica(project: Project) -> Iterator[Replica]:
    project.write("jobs.py", JOBS)
    project.enqueue("work.enqueue(0)")
    replica = Replica(project)
    yield replica
    replica.store.close()


def wal(project: Project) -> int:
    return project.database.with_name("workaday.db-wal").stat().st_size


def completed(project: Project) -> int:
    return project.one("SELECT count(*) FROM workaday_finished WHERE state = 'completed'")


def test_jobs_go_on_while_it_holds_its_read_lock_and_checkpoints_by_itself(project: Project, replica: Replica) -> None:
    up = project.up()
    up.wait_children()
    project.python(f"from jobs import app, work; {BULK}")
    stop = threading.Event()

    def checkpoint() -> None:
        modes = ["PASSIVE", "RESTART", "TRUNCATE"]
        turn = 0
        while not stop.wait(0.05):
            with contextlib.suppress(sqlite3.OperationalError):  # busy: it tries again, as Litestream does
                replica.checkpoint(modes[turn % 3])
            turn += 1

    thread = threading.Thread(target=checkpoint)
    thread.start()
    try:
        wait_until(lambda: completed(project) == 2001, within=60, what="all jobs", seen=lambda: str(completed(project)))
    finally:
        stop.set()
        thread.join()
    checks = {check["name"]: check for check in project.workaday("doctor", "--json", code=None).json["checks"]}
    assert checks["store.schema"]["state"] == "ok", checks["store.schema"]
    assert project.workaday("backup", "--json").json
    assert up.stop() == 0
    assert project.one("PRAGMA integrity_check") == "ok"


def test_what_it_has_not_read_is_not_taken_from_the_wal(project: Project, replica: Replica) -> None:
    """Its lock has to keep the WAL from being begun anew: frames that it has not copied would be lost to the replica."""
    up = project.up()
    up.wait_children()
    with open(project.database.with_name("workaday.db-wal"), "rb") as file:
        salt = file.read(32)[16:24]
        project.python(f"from jobs import app, work; {BULK}")
        wait_until(lambda: completed(project) == 2001, within=60, what="all jobs")
        grown = wal(project)
        assert up.stop() == 0
        file.seek(0)
        assert file.read(32)[16:24] == salt, "the WAL was begun anew under a reader"
    assert grown > 1 << 20 and wal(project) >= grown, "nothing was cut off while it was read"
    # Once the replica has read it, a supervisor that stops leaves a short one.
    replica.checkpoint("TRUNCATE")
    assert wal(project) < 100_000


@pytest.mark.skipif(shutil.which("litestream") is None, reason="litestream is not installed (no package of the distribution)")
def test_a_replica_of_the_real_one_restores(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.enqueue("work.enqueue(0)")
    copy = project.root / "replica"
    running = subprocess.Popen(
        ["litestream", "replicate", str(project.database), f"file://{copy}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        up = project.up()
        project.python(f"from jobs import app, work; {BULK}")
        wait_until(lambda: completed(project) == 2001, within=60, what="all jobs")
        up.stop()
        restored = project.root / "restored.db"

        def has_all() -> bool:
            restored.unlink(missing_ok=True)
            words = ["litestream", "restore", "-o", str(restored), f"file://{copy}"]
            if subprocess.run(words, capture_output=True, check=False).returncode != 0:
                return False
            with contextlib.closing(sqlite3.connect(restored)) as store:
                return store.execute("SELECT count(*) FROM workaday_finished").fetchone()[0] == 2001

        wait_until(has_all, within=60, what="the replica has all")
    finally:
        running.terminate()
        running.wait()

"""The process matrix: fork, spawn, preload, threads, `kill -9`, and the user's own `sqlite3` on the same file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from test_enqueue import rows
from workaday import App

HERE = Path(__file__).parent
PYTHON = str(Path(sys.modules["workaday"].__file__ or "").parent.parent)


@pytest.fixture
def send(app: App) -> Any:
    @app.task()
    def send(number: int) -> None: ...

    return send


def in_child(work: Any) -> None:
    """Runs the work in a forked child and fails when it does."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def enqueue_some(database: Path, count: int) -> list[str]:
    """For spawned processes: an app of their own on the same file."""
    app = App("shop", database=database)
    task = app.task(name="shop.send")(lambda number=0: None)
    return [str(task.enqueue().id) for _ in range(count)]


def test_parent_and_forked_child_both_enqueue_and_nothing_is_lost(send: Any, database: Path) -> None:
    for number in range(5):
        send.enqueue(number)
    in_child(lambda: [send.enqueue(100 + number) for number in range(50)])
    for number in range(5):
        send.enqueue(200 + number)
    assert len(rows(database)) == 60
    assert rows(database, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_a_preloaded_store_serves_every_forked_worker(send: Any, database: Path) -> None:
    """gunicorn --preload: the parent opens, forks, and never enqueues again; the workers run side by side."""
    send.enqueue(0)
    send.app.job(send.enqueue(0).id)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=lambda: [send.enqueue(number) for number in range(25)]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert len(rows(database)) == 102


def test_the_parent_may_end_before_its_child_enqueues(database: Path) -> None:
    """The child's acknowledgements must not rest on a handle that its parent's end has emptied."""
    script = f"""
import os, sys, time
sys.path[:0] = [{PYTHON!r}, {str(HERE)!r}]
from pathlib import Path
from workaday import App
app = App("shop", database=Path({str(database)!r}))
task = app.task(name="shop.send")(lambda number=0: None)
task.enqueue()
parent = os.getpid()
if os.fork():
    sys.exit(0)
while os.getppid() == parent:
    time.sleep(0.001)
for _ in range(100):
    print(task.enqueue().id, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    acknowledged = {UUID(line).bytes for line in done.stdout.split()}
    assert len(acknowledged) == 100
    assert acknowledged < {row["id"] for row in rows(database)}


def test_a_fork_while_threads_enqueue_leaves_both_sides_working(send: Any, database: Path) -> None:
    stop = threading.Event()
    counts = [0] * 4

    def work(slot: int) -> None:
        while not stop.is_set():
            send.enqueue(slot)
            counts[slot] += 1

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        in_child(lambda: send.enqueue(9))
    stop.set()
    for thread in threads:
        thread.join(30)
    assert len(rows(database)) == sum(counts) + 10


def test_a_child_that_never_enqueues_takes_nothing_from_its_parent(send: Any, database: Path) -> None:
    send.enqueue(1)
    script = "import sys; sys.exit(0)"
    for _ in range(3):
        in_child(lambda: None)
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
        send.enqueue(2)
    other = sqlite3.connect(database)
    assert other.execute("SELECT count(*) FROM workaday_jobs").fetchone() == (4,)
    other.close()


def test_spawned_processes_create_one_store_together(database: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        ids = [one for some in pool.starmap(enqueue_some, [(database, 20)] * 4) for one in some]
    assert {UUID(one).bytes for one in ids} == {row["id"] for row in rows(database)}
    assert len(ids) == 80


def test_the_users_own_sqlite3_may_come_and_go_on_the_same_file(send: Any, database: Path) -> None:
    """Opening and closing it drops no lock of ours: one library, one process."""
    send.enqueue(0)
    stop = threading.Event()

    def visit() -> None:
        while not stop.is_set():
            theirs = sqlite3.connect(database, timeout=20)
            theirs.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER)")
            theirs.execute("INSERT INTO orders VALUES (1)")
            theirs.commit()
            theirs.execute("SELECT count(*) FROM workaday_jobs").fetchone()
            theirs.close()

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        ids = {send.enqueue(number).id.bytes for number in range(100)}
    finally:
        stop.set()
        visitor.join(30)
    assert ids <= {row["id"] for row in rows(database)}
    assert rows(database, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


ENQUEUER = """
import os, sys, threading
sys.path[:0] = [{python!r}]
from pathlib import Path
from workaday import App
app = App("shop", database=Path({database!r}))
task = app.task(name="shop.send")(lambda number=0: None)
def work():
    while True:
        job = task.enqueue()
        os.write(1, (str(job.id) + "\\n").encode())
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
work()
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9_of_an_enqueuer_loses_no_acknowledged_job(database: Path, seed: int) -> None:
    """Kills at points that the seed draws; `KILLS=200` for the long run."""
    import random

    chance = random.Random(seed)
    acknowledged: list[bytes] = []
    script = ENQUEUER.format(python=PYTHON, database=str(database))
    for _ in range(int(os.environ.get("KILLS", "5"))):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                acknowledged.append(UUID(process.stdout.readline().decode().strip()).bytes)
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                if line.endswith(b"\n"):
                    acknowledged.append(UUID(line.decode().strip()).bytes)
    stored = [row["id"] for row in rows(database)]
    assert set(acknowledged) <= set(stored)
    assert len(acknowledged) == len(set(acknowledged))
    assert len(stored) == len(set(stored))
    assert rows(database, "PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_every_enqueue_is_synced_before_it_returns(database: Path) -> None:
    """What strace would show, asked of SQLite itself: the writer commits with synchronous=FULL in WAL."""
    enqueue_some(database, 1)
    app = App("shop", database=database)
    app.setup()
    connection = app.store._writer._connection
    assert connection is not None
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

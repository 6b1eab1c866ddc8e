"""The end of `workaday up`: told to go, it goes within what it promises, whatever still talks to it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Project, Supervisor, alive, parent_of, program, wait_until

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from chaos.scene import Fault  # noqa: E402

SHORT = '[worker]\nprocesses = 1\ngrace = "500ms"\nkill_after = "200ms"\n'
"""An end within 3.9 s of the signal, and within 5.9 s when the supervisor is stuck."""

JOBS = """
    import os, time
    from workaday import App
    from effects import effect

    app = App("ends")

    @app.task
    def work(n: int) -> int:
        effect("work", n=n)
        return n

    @app.task
    def slow() -> None:
        effect("slow")
        while not os.path.exists("go"):
            time.sleep(0.01)

    @app.task
    def elsewhere() -> None:
        os.setpgid(0, os.getpgid(os.getppid()))  # out of the group that a kill goes to
        effect("elsewhere")
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass

    @app.task
    def daemon() -> None:
        if pid := os.fork():
            os.waitpid(pid, 0)
            return
        os.setsid()
        if os.fork() == 0:
            effect("daemon")
            os.execv("/bin/sh", ["sh", "-c", "exec </dev/null >/dev/null 2>&1; while [ ! -e go ]; do sleep 0.05; done"])
        os._exit(0)
"""


def test_it_hears_of_deaths_when_whoever_starts_it_ignores_them(project: Project) -> None:
    project.write("jobs.py", JOBS)
    [job] = project.enqueue("work.enqueue(1)")
    log = project.root / "up-0.log"
    began, wall = time.monotonic(), time.time()
    ignoring = f"import os, signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv({program()!r}, ['workaday', 'up'])"
    process = project.start(sys.executable, "-c", ignoring, log=log.name)
    supervisor = Supervisor(project, process, log, began, wall)
    project.wait_state(job, "completed")
    assert supervisor.stop(within=15) == 0


def test_what_a_job_left_behind_is_collected_when_it_dies(project: Project) -> None:
    project.write("jobs.py", JOBS)
    supervisor = project.up()
    [job] = project.enqueue("daemon.enqueue()")
    project.wait_state(job, "completed")
    [left] = {effect["pid"] for effect in project.wait_effect("daemon")}
    wait_until(lambda: parent_of(left) == supervisor.pid, within=10, what="it is the supervisor's now")
    (project.root / "go").touch()
    wait_until(lambda: not Path(f"/proc/{left}").exists(), within=10, what="it is gone, and no corpse of it is kept", seen=project.tell)
    assert len(supervisor.children()) == 2, "its own children were not collected with it"
    assert supervisor.stop(within=15) == 0


@contextlib.contextmanager
def busy_service(project: Project) -> Iterator[None]:
    """It hands over its figures without a pause, so that some are there whenever one looks."""
    ends = threading.Event()

    def hand_over() -> None:
        one = {"minute": int(time.time() // 60), "kind": "route", "name": "GET /", "count": 1}
        told = json.dumps({"v": 1, "release": "web", "series": [one]}).encode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1)
            while not ends.is_set():
                try:
                    sender.sendto(told, f"{project.database}-measures")
                except OSError:
                    ends.wait(0.01)  # the inbox is full, or gone

    threads = [threading.Thread(target=hand_over) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join()


def test_a_service_that_hands_over_figures_all_the_time_does_not_hold_up_the_end(project: Project) -> None:
    project.write("jobs.py", JOBS)
    [job] = project.enqueue("work.enqueue(1)")
    supervisor = project.up()
    project.wait_state(job, "completed")
    with busy_service(project):
        arrived = "SELECT count FROM workaday_measures WHERE kind = 'route'"
        wait_until(lambda: project.one(arrived), within=20, what="figures arrive", seen=project.tell)
        os.kill(supervisor.pid, signal.SIGTERM)
        assert supervisor.wait_exit(within=10) == 0


@pytest.mark.skipif(not shutil.which("cc"), reason="the seam between program and kernel is compiled with cc")
def test_an_end_that_a_disk_holds_up_says_so_and_is_cut_short(new_project, tmp_path: Path) -> None:
    project = new_project(config=SHORT)
    project.write("jobs.py", JOBS)
    stall = tmp_path / "stall"
    fault = Fault(stall=str(stall)).environment(project.database.parent, tmp_path / "count")
    supervisor = project.up(**fault)
    [job] = project.enqueue("slow.enqueue()")
    project.wait_effect("slow")
    stall.touch()
    (project.root / "go").touch()
    os.kill(supervisor.pid, signal.SIGTERM)
    assert supervisor.wait_exit(within=20) == 75
    told = supervisor.output()
    assert "has to wait: it is in the middle of a turn, with the store, for 2s now" in told, told
    assert "error[supervisor.cut_short]" in told
    # What the disk did not take is given back, and runs again.
    stall.unlink()
    project.up()
    project.wait_state(job, "completed")


def test_an_end_that_somebody_holds_up_who_has_the_store_is_cut_short(new_project) -> None:
    project = new_project(config=SHORT)
    project.write("jobs.py", JOBS)
    supervisor = project.up()
    [job] = project.enqueue("slow.enqueue()")
    project.wait_effect("slow")
    with contextlib.closing(sqlite3.connect(project.database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        (project.root / "go").touch()
        os.kill(supervisor.pid, signal.SIGTERM)
        assert supervisor.wait_exit(within=30) == 75
        told = supervisor.output()
        assert "error[supervisor.cut_short]" in told and ("to be written" in told or "with the store" in told), told
        holder.execute("ROLLBACK")
    project.up()
    project.wait_state(job, "completed")


def test_a_task_that_leaves_its_group_and_swallows_every_exception_is_killed_all_the_same(new_project) -> None:
    project = new_project(config=SHORT)
    project.write("jobs.py", JOBS)
    [job] = project.enqueue("elsewhere.enqueue()")
    supervisor = project.up()
    [began] = project.wait_effect("elsewhere")
    assert supervisor.stop(within=20) == 0
    assert not alive(began["pid"])
    assert project.job(job)["state"] == "available"


def full_pipe() -> tuple[int, int]:
    """A pipe that nobody reads, with room for nothing more: what to read from, what to write to."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    return reader, writer


@pytest.mark.parametrize("reader_is", ["stuck", "gone"])
def test_whoever_reads_its_log_can_neither_stop_nor_end_it(new_project, reader_is: str) -> None:
    project = new_project(config=SHORT)
    project.write("jobs.py", JOBS)
    reader, writer = full_pipe() if reader_is == "stuck" else os.pipe()
    if reader_is == "gone":
        os.close(reader)
    up = subprocess.Popen([program(), "up"], cwd=project.root, env=project.environment, stdin=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    project.started.append(up)
    [job] = project.enqueue("work.enqueue(1)")
    project.wait_state(job, "completed")
    up.send_signal(signal.SIGTERM)
    assert up.wait(20) == 0

"""What `workaday up` says to the service manager, heard as systemd hears it."""

from __future__ import annotations

import os
import select
import signal
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Project

JOBS = """
    import os
    from effects import effect
    from workaday import App

    app = App("shop")

    @app.task
    def speak():
        effect("speak", knows=sorted(name for name in os.environ if name.startswith(("NOTIFY_", "WATCHDOG_"))))
"""


class Manager:
    """Hears what is said, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))

    def hear(self, *, within: float = 20) -> str:
        ready, _, _ = select.select([self.socket], [], [], within)
        assert ready, f"nothing was said within {within:g} s"
        return self.socket.recv(4096).decode()

    def wait_for(self, begins: str) -> list[str]:
        """All that is said up to this."""
        heard = []
        while not heard or not heard[-1].startswith(begins):
            heard.append(self.hear())
        return heard

    def forget(self) -> None:
        """What was said until now does not count."""
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.recv(4096)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.socket.close()


def test_ready_reloading_stopping_are_said_in_their_order_and_jobs_cannot_speak(project: Project, manager: Manager) -> None:
    project.write("jobs.py", JOBS)
    project.enqueue("speak.enqueue()")
    up = project.up(NOTIFY_SOCKET=str(manager.path))
    ready = manager.hear()
    assert ready.splitlines()[0] == "READY=1" and f"MAINPID={up.pid}" in ready.splitlines()
    assert project.one("SELECT count(*) FROM workaday_workers WHERE kind = 'supervisor' AND ended_at IS NULL") == 1
    assert project.wait_effect("speak")[0]["knows"] == [], "a job that speaks would speak in the name of the service"
    os.kill(up.pid, signal.SIGHUP)
    reloading = manager.hear().splitlines()
    assert reloading[0] == "RELOADING=1" and int(reloading[1].removeprefix("MONOTONIC_USEC=")) > 0
    assert manager.hear() == "READY=1"
    os.kill(up.pid, signal.SIGTERM)
    assert manager.hear().splitlines()[0] == "STOPPING=1"
    up.wait_exit()


def test_signs_of_life_come_in_time_and_from_the_loop_alone(project: Project, manager: Manager) -> None:
    project.write("jobs.py", JOBS)
    up = project.up(NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="400000")
    manager.wait_for("READY=1")
    for _ in range(5):
        assert manager.hear(within=10) == "WATCHDOG=1", "also while nothing else happens"
    # The loop hangs, its threads do not: nobody says in its place that it lives.
    thread = up.pid
    os.kill(thread, signal.SIGSTOP)
    manager.forget()
    assert not select.select([manager.socket], [], [], 1.0)[0]
    os.kill(thread, signal.SIGCONT)
    assert manager.hear() == "WATCHDOG=1"
    # A lock that somebody holds is waited for: a restart would not take it away, and would cost the jobs that run.
    with sqlite3.connect(project.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        project_jobs_wait = [manager.hear() for _ in range(4)]
        other.execute("ROLLBACK")
    assert set(project_jobs_wait) == {"WATCHDOG=1"}
    up.stop()


def test_signs_of_life_that_are_asked_of_another_process_are_not_given(project: Project, manager: Manager) -> None:
    project.write("jobs.py", JOBS)
    up = project.up(NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="200000", WATCHDOG_PID="1")
    manager.wait_for("READY=1")
    os.kill(up.pid, signal.SIGTERM)
    assert manager.hear().splitlines()[0] == "STOPPING=1", "and nothing between"
    up.wait_exit()

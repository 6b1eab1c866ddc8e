"""The end of `workaday up`: told to go, it goes within what it promises, whatever still talks to it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from harness import Project, Supervisor, parent_of, program, wait_until

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

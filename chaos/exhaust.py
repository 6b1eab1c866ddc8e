"""No descriptors, no processes: the supervisor stays up, says what it lacks, loses nothing, and goes on when it can.

Two ways in turn. Its limit of open files falls (prlimit) to just what it has open, or below. Or its group may hold no
more processes than it has (the `pids` controller of a cgroup, where one can be made; else RLIMIT_NPROC, which the kernel
does not ask of root). Meanwhile children die and jobs come in, also commands, which are a process each. Every job has one attempt only: a
start that the machine refused must not be the job's failure.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time

from chaos.cgroup import Group
from chaos.frame import Run, main
from chaos.live import CONFIG, TASKS, Live, LiveError
from chaos.scene import program, scratch

ONCE = TASKS.replace("attempts=20", "attempts=1")
COMMAND = """
[command.tool]
run = ["sh", "-c", "echo $WORKADAY_JOB_ID >> ended"]
retry = { attempts = 1 }
"""
LACKS = ("could not be started", "Too many open files", "Resource temporarily unavailable")
"""Its words, one of which has to be said while children are missing."""


class Machine:
    """What the supervisor is refused, and how it is given back."""

    def __init__(self, live: Live, pids: Group | None) -> None:
        self.live, self.pids = live, pids

    def limit(self, lack: str) -> None:
        assert self.live.up
        pid = self.live.up.pid
        if lack == "no descriptors":
            soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            self.restore = lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            open_now = len(os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.live.chance.choice((4, open_now, open_now + 1, open_now + 2)), hard))
        elif self.pids:
            pids = self.pids
            self.restore = lambda: pids.write("pids.max", "max")
            # Not below what is there without the children that are about to die.
            pids.write("pids.max", str(max(1, pids.read("pids.current") - len(self.live.children()))))
        else:
            soft, hard = resource.prlimit(pid, resource.RLIMIT_NPROC)
            self.restore = lambda: resource.prlimit(pid, resource.RLIMIT_NPROC, (soft, hard))
            resource.prlimit(pid, resource.RLIMIT_NPROC, (1, hard))


def cycle(live: Live, machine: Machine, lack: str, planted: str) -> None:
    """Children die while there is nothing to make new ones of; then there is again."""
    assert live.up
    live.wait(live.children, "children")
    before = len((live.root / "up.log").read_text())
    machine.limit(lack)
    try:
        if planted == "dies":
            live.up.kill()
            live.up.wait()
        for child in live.children():
            os.kill(child, signal.SIGKILL)
        jobs = live.enqueue("work", live.chance.randrange(1, 4))
        commands = [command(live) for _ in range(live.chance.randrange(1, 3))]
        live.wait(lambda: any(word in (live.root / "up.log").read_text()[before:] for word in LACKS), f"a word about {lack}", 20)
        time.sleep(live.chance.uniform(0, 0.5))
        if live.up.poll() is not None:
            raise LiveError(f"the supervisor ended by itself with {live.up.returncode}: {live.words()}")
    finally:
        if live.up.poll() is None:
            machine.restore()
    live.wait_through([*jobs, *commands], f"jobs that came while there were {lack}")
    live.run.tried(lack)


def command(live: Live) -> str:
    """A job of the command, enqueued as a shell would."""
    one = next(live.ids)
    ended = subprocess.run(
        [program(), "enqueue", "command.tool", "--id", one, "--json"], cwd=live.root, env=live.environment, capture_output=True, text=True
    )
    if ended.returncode:
        raise LiveError(f"enqueue ended with {ended.returncode}: {ended.stderr[-300:]}")
    live.told.enqueued([json.loads(ended.stdout)["id"]])
    return one


def body(run: Run, arguments: argparse.Namespace) -> None:
    with scratch() as root, Group.made("pids") as pids:
        if pids is None and os.getuid() == 0:
            run.extra["skipped"] = "no processes: no cgroup can be made here, and the kernel does not count those of root"
        live = Live(run, root / "project", tasks=ONCE, config=CONFIG + COMMAND)
        lacks = ["no descriptors"] + (["no processes"] if pids or os.getuid() else [])
        try:
            live.start(within=pids.enter if pids else None)
            live.wait_through(live.enqueue("work"), "the first job")
            machine = Machine(live, pids)
            while not run.is_over():
                cycle(live, machine, lacks[run.count % len(lacks)], arguments.plant)
            live.stop()
            live.count()
        except LiveError as error:
            run.broke(f"seed {run.seed}, cycle {run.count}", [f"broken: {error}"])
        finally:
            live.end()


if __name__ == "__main__":
    sys.exit(main("exhaust", "cycles", body, n=10, plant=""))

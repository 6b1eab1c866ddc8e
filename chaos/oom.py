"""The kernel kills for want of memory: it takes the hungry child, not the supervisor, and every other job goes on.

In a memory cgroup of our own the kill is the kernel's. Where none can be made, the harness sends the SIGKILL in its stead,
and counts it apart. Each round lets one or two tasks eat until they are killed, among good jobs and a command that eats.
The hungry job must be told as killed (for want of memory, where the kernel did it), never as completed; the supervisor
lives; good jobs run to their end with no failure of their own in their history.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from uuid import UUID

from chaos.cgroup import Group
from chaos.frame import Run, main
from chaos.live import TASKS, Live, LiveError
from chaos.scene import scratch

ROOM = 160 << 20
"""Bytes above what supervisor and children have when idle."""

HUNGRY = """

@app.task(retry=Retry(attempts=1))
def hungry(one: str) -> None:
    kept = []
    with open(f"eats-{one}", "w") as file:
        file.write(str(os.getpid()))
    while True:
        kept.append(bytearray(os.urandom(1 << 20)))
        if not os.path.exists("kernel") and len(kept) > 32:
            select.select([], [], [], 60)  # enough: the harness kills it
"""
FINISHED = "SELECT state, key FROM workaday_finished WHERE id = ?"
HELD = "SELECT held, key FROM workaday_jobs WHERE id = ?"


def round_of(live: Live, group: Group | None, planted: str) -> None:
    good = live.enqueue("work", live.chance.randrange(1, 5))
    [eater] = live.enqueue("hungry")
    live.told.present.discard(eater)  # it never comes to a good end: looked at here
    good += live.enqueue("long", live.chance.randrange(1, 3))
    if group is None or planted == "other":  # planted: somebody's SIGKILL, which must not pass for the kernel's
        live.wait(lambda: (live.root / f"eats-{eater}").exists() and (live.root / f"eats-{eater}").read_text(), "the hungry job eats")
        os.kill(int((live.root / f"eats-{eater}").read_text()), signal.SIGKILL)
    live.wait(lambda: judged(live, eater), "a verdict about the hungry job")
    causes = live.rows("SELECT outcome, cause FROM workaday_attempts WHERE job = ?", live.rows(*judged(live, eater))[0][1])
    problems = []
    for outcome, cause in causes:
        kind = json.loads(cause or "{}").get("kind")
        if outcome not in ("crashed", "suspect", "over_memory"):
            problems.append(f"broken: a job that the kernel killed is told as {outcome}")
        if group and kind != "oom":
            problems.append(f"broken: the kernel killed it for want of memory, and its cause is {cause}")
    live.run.broke(f"seed {live.run.seed}, round {live.run.count}", problems)
    live.wait_through(good, "good jobs beside a hungry one")


def judged(live: Live, one: str) -> tuple[str, bytes] | None:
    """Where the job is told of: finished, or held with its evidence."""
    key = UUID(one).bytes
    if live.rows(FINISHED, key):
        return FINISHED, key
    held = live.rows(HELD, key)
    return (HELD, key) if held and held[0][0] else None


def body(run: Run, arguments: argparse.Namespace) -> None:
    with scratch() as root, Group.made("memory") as group:
        live = Live(run, root / "project", tasks=TASKS + HUNGRY)
        if group and arguments.plant != "other":
            (live.root / "kernel").touch()
        fault = "killed by the kernel (OOM)" if group else "killed in the kernel's stead (no memory cgroup here)"
        try:
            live.start(within=group.enter if group else None)
            live.wait_through(live.enqueue("work", 4), "the first jobs")
            if group:
                group.limit_memory(group.memory() + ROOM)
            before = group.oom_kills() if group else 0
            while not run.is_over():
                round_of(live, group, arguments.plant)
                run.tried(fault)
            if group:
                run.extra["oom_kills"] = group.oom_kills() - before
                group.limit_memory(None)
            live.stop()
            live.count()
        except LiveError as error:
            run.broke(f"seed {run.seed}, round {run.count}", [f"broken: {error}"])
        finally:
            live.end()


if __name__ == "__main__":
    sys.exit(main("oom", "kills", body, n=6, plant=""))

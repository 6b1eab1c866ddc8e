"""kill -9 of the supervisor, thousands of times, with enqueuers that are killed beside it; and how long a rescue takes.

The jobs are commands, so a new supervisor needs no Python before it works: a cycle is start, rescue, claim, kill. Each job
leaves one line when it ends. At the end all run out, and then: every acknowledged job is completed, with one completed
attempt; it left a line; and each rescue was counted from the exec of the new supervisor to the job being available.
`make chaos` also runs the storms of tests/acceptance/test_kills.py, which do this to Python children.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from chaos import check
from chaos import told as telling
from chaos.frame import Run, main
from chaos.paths import new_ids
from chaos.scene import ClientServer, Fault, program, scratch
from chaos.told import Told

WAIT_SECONDS_MAX = 60.0
RESCUE_SECONDS_MAX = 2.0
LOAD_MAX = 1.5
"""Processes a core that wait or run; above it times are not judged."""
RESCUES_RUN_OUT = 7
"""A job rescued ten times in a row is held as suspicious, which is right and not what is counted here."""
WORN = f"SELECT count(*) FROM workaday_jobs WHERE rescue_count >= {RESCUES_RUN_OUT}"

CONFIG = """
database = "store/w.db"
[worker]
commands = 4
grace = "1s"
[command.work]
run = ["sh", "-c", "sleep 0.02; echo $WORKADAY_JOB_ID >> ended"]
retry = { attempts = 20, base = "20ms", backoff = "fixed" }
"""


class Storm:
    def __init__(self, run: Run, root: Path, hold_lock: bool) -> None:
        self.run, self.root, self.hold_lock = run, root, hold_lock
        self.chance = random.Random(run.seed)
        self.load_before = os.getloadavg()[0]
        self.store = root / "store"
        self.store.mkdir()
        (root / "workaday.toml").write_text(CONFIG)
        self.client = ClientServer()
        self.told = Told()
        self.ids = iter(new_ids(self.chance, 1_000_000 if run.n > 20_000 else 100_000))
        self.execs: list[float] = []
        self.up: subprocess.Popen[bytes] | None = None
        self.reader: sqlite3.Connection | None = None

    # ---- what goes on ----

    def enqueue(self, count: int, fault: Fault) -> None:
        """Some jobs, by a process of its own that may be killed at any call."""
        steps = [{"do": "command", "id": next(self.ids)} for _ in range(count)]
        ended = self.client.run(steps, self.store, fault)
        telling.by_client(self.told, steps, ended.answers, has_ended=not ended.was_killed)
        if ended.was_killed:
            self.run.tried("enqueuer killed")
        self.run.broke("an enqueuer", ended.panics)

    def start(self) -> None:
        self.execs.append(time.time())
        with (self.root / "up.log").open("ab") as log:
            self.up = subprocess.Popen([program(), "up"], cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.up
        before, done = self.generation(), self.one("SELECT count(*) FROM workaday_finished")
        with keeping_lock(self.up.pid) if self.hold_lock else contextlib.nullcontext():
            self.up.kill()
            self.up.wait()
            self.run.tried("supervisor killed")
            self.start()
            self.wait(lambda: self.goes_on(before, done), "work goes on")

    def goes_on(self, before: int, done: int) -> bool:
        """The next supervisor has the store, and runs or has ended a job, or there is none."""
        return self.generation() > before and bool(
            self.one("SELECT count(*) FROM workaday_jobs WHERE generation > ?", before)
            or self.one("SELECT count(*) FROM workaday_finished") > done
            or self.one("SELECT count(*) FROM workaday_jobs") == 0
        )

    def generation(self) -> int:
        """That of the supervisor that last took the store; each takes a new one."""
        return int(self.one("SELECT CAST(value AS INTEGER) FROM workaday_meta WHERE name = 'generation'"))

    def one(self, sql: str, *values: object) -> int:
        if self.reader is None:
            self.reader = sqlite3.connect(f"file:{self.store / 'w.db'}?mode=ro", uri=True, timeout=5, isolation_level=None)
        return self.reader.execute(sql, values).fetchone()[0]

    def wait(self, fact: Callable[[], bool], what: str) -> None:
        ends = time.monotonic() + WAIT_SECONDS_MAX
        while not fact():
            if self.up and self.up.poll() is not None:
                raise StormError(f"the supervisor ended by itself with {self.up.returncode}: {self.words()}")
            if time.monotonic() > ends:
                raise StormError(f"not within {WAIT_SECONDS_MAX:g} s: {what}: {self.words()}")
            time.sleep(0.001)

    def words(self) -> str:
        return (self.root / "up.log").read_text(errors="replace")[-600:]

    # ---- the run ----

    def go(self) -> None:
        self.enqueue(20, Fault(act="0"))
        self.start()
        self.wait(lambda: self.one("SELECT count(*) FROM workaday_jobs WHERE state = 'running'") > 0, "the first job runs")
        while not self.run.is_over():
            if self.chance.random() < 0.2 or self.one("SELECT count(*) FROM workaday_jobs") < 20:
                at = self.chance.randrange(1, 700) if self.chance.random() < 0.5 else 0
                self.enqueue(12, Fault(at=at))
            time.sleep(self.chance.uniform(0, 0.03))  # where in the work the kill lands is part of the storm
            self.kill()
            if self.one(WORN):
                self.wait(lambda: self.one(WORN) == 0, "the jobs that were rescued often come to their end")
        self.wait(lambda: self.one("SELECT count(*) FROM workaday_jobs") == 0, "every job ends")
        assert self.up
        self.up.send_signal(signal.SIGTERM)
        if code := self.up.wait(30):
            raise StormError(f"the last supervisor ended with {code}: {self.words()}")

    def count(self) -> None:
        """Holds the store and the lines left against what was acknowledged."""
        if self.reader:
            self.reader.close()
        seen, problems = check.look(self.store / "w.db")
        problems += check.hold(seen, self.told)
        lines = set((self.root / "ended").read_text().split())
        for one in self.told.present:
            if seen and seen.states.get(one) == ["completed"] and one not in lines:
                problems.append(f"lost: job {one} is completed and left no line")
            if seen and seen.states.get(one) not in (["completed"], None):
                problems.append(f"broken: job {one} ended as {seen.states[one]}")
        self.run.broke("at the end", problems)
        self.run.extra.update(acknowledged=len(self.told.present))
        self.judge(self.rescues())

    def rescues(self) -> dict[str, float]:
        reader = sqlite3.connect(f"file:{self.store / 'w.db'}?mode=ro", uri=True)
        ended = sorted(row[0] / 1e6 for row in reader.execute("SELECT ended_at FROM workaday_attempts WHERE outcome = 'rescued'"))
        reader.close()
        took, last = [], 0
        for at in ended:
            while last + 1 < len(self.execs) and self.execs[last + 1] <= at:
                last += 1
            took.append(at - self.execs[last])
        took.sort()
        if not took:
            return {}
        figures = {"rescued": len(took), "p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)], "max": took[-1]}
        return {name: round(value, 4) for name, value in figures.items()}

    def judge(self, figures: dict[str, float]) -> None:
        """Seconds say something only where the processors were not others': else they are kept apart, and not judged."""
        load = max(self.load_before, os.getloadavg()[0])
        if load > LOAD_MAX * (os.cpu_count() or 1) or os.nice(0) > 0:
            self.run.extra["rescue_not_judged"] = {**figures, "load": round(load, 1), "nice": os.nice(0)}
            return
        self.run.extra["rescue"] = figures
        if figures and figures["p99"] > RESCUE_SECONDS_MAX:
            slow = f"p99 {figures['p99']:.3f} s from exec to available, the promise is {RESCUE_SECONDS_MAX} s"
            self.run.broke("rescue", [f"broken: {slow}"])


class StormError(Exception):
    """The supervisor did not do what it promises."""


@contextlib.contextmanager
def keeping_lock(pid: int) -> Iterator[None]:
    """A planted bug: somebody inherits the supervisor's lock, as a grandchild would if it were not closed on exec."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(434, pid, 0)  # pidfd_open
    kept = []
    for entry in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{entry}").endswith("-lock"):
                kept.append(libc.syscall(438, pidfd, int(entry), 0))  # pidfd_getfd
    assert kept, "the supervisor has no lock open"
    assert kept[0] >= 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        for descriptor in [*kept, pidfd]:
            os.close(descriptor)


def body(run: Run, arguments: argparse.Namespace) -> None:
    with scratch() as root:
        storm = Storm(run, root, bool(arguments.hold_lock))
        try:
            storm.go()
            storm.count()
        except StormError as error:
            run.broke("the storm", [f"broken: {error}"])
        finally:
            if storm.up and storm.up.poll() is None:
                storm.up.kill()
                storm.up.wait()
            storm.client.stop()
    run.extra.setdefault("acknowledged", len(storm.told.present))


if __name__ == "__main__":
    sys.exit(main("kills", "kills", body, n=200, hold_lock=0))

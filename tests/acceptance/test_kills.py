"""kill -9 of the supervisor, of children and of enqueuers, again and again, and then a count.

`make test` kills a few times; `make chaos` asks for KILLS=200 a target over SEEDS=3, with long jobs of 5 s. The
promise counted here: no acknowledged job is lost, none is settled twice, and a new supervisor gives rescued jobs back
within 2 s of its start. A held job counts as not finished.
"""

from __future__ import annotations

import collections
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field

import pytest
from harness import Project, Supervisor, alive, wait_until

FIRST_SEED = int(os.environ.get("STORM_SEED", "1"))
SEEDS = range(FIRST_SEED, FIRST_SEED + int(os.environ.get("SEEDS", "1")))
RESCUE_SECONDS_MAX = 2.0
IN_FLIGHT = 100

JOBS = """
    import asyncio, os, time
    from workaday import App, Retry
    from effects import effect

    app = App("storm")
    LONG = float(os.environ["LONG_SECONDS"])
    patient = Retry(attempts=20, backoff="fixed", base="20ms")

    @app.task(retry=patient)
    def short(n: int) -> int:
        effect("begin", n=n, task="short")
        time.sleep(0.005)
        effect("end", n=n, task="short")
        return n

    @app.task(retry=patient, priority=10)
    def long(n: int) -> int:
        effect("begin", n=n, task="long")
        ends = time.monotonic() + LONG
        while time.monotonic() < ends:
            time.sleep(0.01)
        effect("end", n=n, task="long")
        return n

    @app.task(retry=patient, priority=10)
    async def waiting(n: int) -> int:
        effect("begin", n=n, task="waiting")
        await asyncio.sleep(LONG)
        effect("end", n=n, task="waiting")
        return n
"""

ENQUEUER = """
    import itertools, json, os, sys, time
    from jobs import short, long, waiting

    first, every_long, gap = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    acknowledged = os.open("acknowledged.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for n in itertools.count(first):
        task = long if n % every_long == 0 else waiting if n % every_long == 1 else short
        job = task.enqueue(n)
        os.write(acknowledged, (json.dumps({"n": n, "id": str(job.id)}) + "\\n").encode())
        if os.path.exists("enough"):
            break
        time.sleep(gap)
"""

CONFIG = """
[worker]
processes = 2
async_slots = 200
grace = "1s"
"""


@dataclass
class Storm:
    """One target, one seed: the load, the kills and the count."""

    project: Project
    seed: int
    long_seconds: float
    chance: random.Random = field(init=False)
    execs: list[float] = field(default_factory=list)
    enqueuers: int = 0
    killed: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.project.extra_environment["LONG_SECONDS"] = str(self.long_seconds)
        self.project.write("jobs.py", JOBS)
        self.enqueue_script = self.project.write("enqueuer.py", ENQUEUER)

    # ---- load ----

    def start_enqueuer(self, gap: float = 0.008) -> subprocess.Popen[bytes]:
        # Less work than two children can do, however fast enqueueing is: 0.6 s of short and at most 1 s of long jobs a second.
        every_long = max(50, round(125 * self.long_seconds))
        first = 1_000_000 * self.enqueuers + 2
        self.enqueuers += 1
        arguments = (str(first), str(every_long), str(gap))
        return self.project.start(sys.executable, str(self.enqueue_script), *arguments, log="enqueuer.log")

    def fill_the_loop(self) -> None:
        """100 async jobs that will be in flight together."""
        source = f"""
            import json
            from jobs import app, waiting
            numbers = range(900_000_000, {900_000_000 + IN_FLIGHT})
            jobs = app.enqueue_many([waiting.prepare(n) for n in numbers])
            with open("acknowledged.jsonl", "a") as acknowledged:
                for n, job in zip(numbers, jobs, strict=True):
                    print(json.dumps({{"n": n, "id": str(job.id)}}), file=acknowledged)
        """
        self.project.python(source)

    def up(self) -> Supervisor:
        supervisor = self.project.up()
        self.execs.append(supervisor.began_wall)
        return supervisor

    # ---- what is going on ----

    def acknowledged(self) -> dict[int, str]:
        path = self.project.root / "acknowledged.jsonl"
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        return {line["n"]: line["id"] for line in map(json.loads, whole.splitlines())}

    def running(self, pid: int | None = None) -> set[int]:
        """Numbers begun and not ended by living processes (of `pid` alone when given)."""
        open_runs: dict[int, set[int]] = collections.defaultdict(set)
        for line in self.project.effects():
            if line["what"] == "begin":
                open_runs[line["pid"]].add(line["n"])
            elif line["what"] == "end":
                open_runs[line["pid"]].discard(line["n"])
        chosen = open_runs if pid is None else {pid: open_runs[pid]}
        return {n for owner, numbers in chosen.items() if pid is not None or alive(owner) for n in numbers}

    def wait_progress(self, within: float = 20) -> None:
        """A new line after now: work goes on."""
        before = len(self.project.effects())
        wait_until(lambda: len(self.project.effects()) > before, within=within, what="work goes on", seen=self.project.tell)

    def pause(self, seconds_max: float) -> None:
        """Part of the storm's schedule, not of its checks: where in the work the kill lands."""
        time.sleep(self.chance.uniform(0, seconds_max))

    # ---- the end ----

    def settle_down(self, supervisor: Supervisor) -> None:
        (self.project.root / "enough").touch()
        for process in self.project.started:
            if process.args[0] == sys.executable:  # type: ignore[index]
                process.wait(10)
        self.project.wait_all_finished(within=60 + 40 * self.long_seconds)
        assert supervisor.stop() == 0

    def count(self) -> dict[str, object]:
        """Hold the store and the effects against what was acknowledged."""
        acknowledged = self.acknowledged()
        finished = {row["id"]: row for row in self.project.rows("SELECT id, key, state FROM workaday_finished")}
        unfinished = self.project.rows("SELECT id, state, held FROM workaday_jobs")
        lost = [n for n, job_id in acknowledged.items() if uuid.UUID(job_id).bytes not in finished]
        assert not unfinished, f"{len(unfinished)} jobs did not finish: {unfinished[:5]}"
        assert not lost, f"{len(lost)} acknowledged jobs are gone: {lost[:5]}"
        assert {row["state"] for row in finished.values()} == {"completed"}

        claims: dict[int, list[str]] = collections.defaultdict(list)
        for row in self.project.rows("SELECT job, outcome FROM workaday_attempts ORDER BY job, fence"):
            claims[row["job"]].append(row["outcome"])
        twice = [key for key, outcomes in claims.items() if outcomes.count("completed") != 1]
        assert not twice, f"{len(twice)} jobs were not settled exactly once: {[claims[key] for key in twice[:5]]}"

        began = collections.Counter(line["n"] for line in self.project.effects("begin"))
        ended = collections.Counter(line["n"] for line in self.project.effects("end"))
        for n, job_id in acknowledged.items():
            outcomes = claims[finished[uuid.UUID(job_id).bytes]["key"]]
            assert ended[n] >= 1, f"job {n} is completed and left no effect"
            assert began[n] <= len(outcomes), f"job {n} ran {began[n]} times in {len(outcomes)} claims: {outcomes}"

        rescues = [
            row["ended_at"] / 1e6 - max(wall for wall in self.execs if wall <= row["ended_at"] / 1e6)
            for row in self.project.rows("SELECT ended_at FROM workaday_attempts WHERE outcome = 'rescued'")
        ]
        slowest = max(rescues, default=0.0)
        assert slowest < RESCUE_SECONDS_MAX, f"a rescue took {slowest:.2f} s after the new supervisor's start"
        outcomes_seen = collections.Counter(outcome for outcomes in claims.values() for outcome in outcomes)
        return {
            "kills": self.killed,
            "acknowledged": len(acknowledged),
            "finished": len(finished),
            "outcomes": dict(outcomes_seen),
            "rescued": len(rescues),
            "slowest_rescue_seconds": round(slowest, 3),
        }


@pytest.fixture
def storm(new_project, long_seconds: float, request: pytest.FixtureRequest) -> Storm:
    return Storm(new_project(config=CONFIG), request.param, long_seconds)


def report(target: str, storm: Storm) -> None:
    print(f"\nkills of {target}, seed {storm.seed}: {json.dumps(storm.count())}")


@pytest.mark.timeout(3600 if "KILLS" in os.environ else 240)
@pytest.mark.parametrize("storm", SEEDS, indirect=True)
def test_a_killed_supervisor_loses_nothing_and_settles_nothing_twice(storm: Storm, kills: int) -> None:
    storm.fill_the_loop()
    supervisor = storm.up()
    storm.project.wait_effect("begin", IN_FLIGHT)
    storm.start_enqueuer()
    while storm.killed < kills:
        # A job rescued ten times in a row is held as suspicious: between bursts the long ones may end.
        for _ in range(min(6, kills - storm.killed)):
            storm.wait_progress()
            storm.pause(0.3)
            supervisor.kill()
            storm.killed += 1
            supervisor = storm.up()
        begun = storm.running() | {line["n"] for line in storm.project.effects("begin")}
        ended = {line["n"] for line in storm.project.effects("end")}
        stuck = begun - ended
        wait_until(
            lambda stuck=stuck: not (stuck - {line["n"] for line in storm.project.effects("end")}),
            within=30 + 30 * storm.long_seconds,
            what="the work of the killed supervisors ends",
            seen=storm.project.tell,
        )
    storm.settle_down(supervisor)
    report("the supervisor", storm)


@pytest.mark.timeout(3600 if "KILLS" in os.environ else 240)
@pytest.mark.parametrize("storm", SEEDS, indirect=True)
def test_a_killed_child_takes_down_only_its_own_jobs(storm: Storm, kills: int) -> None:
    storm.fill_the_loop()
    supervisor = storm.up()
    storm.project.wait_effect("begin", IN_FLIGHT)
    storm.start_enqueuer()
    deaths: collections.Counter[int] = collections.Counter()

    def victim() -> int | None:
        # Three crashes alone are a quarantine, which is right and not what is counted here.
        able = [pid for pid in supervisor.children() if all(deaths[n] < 2 for n in storm.running(pid))]
        return storm.chance.choice(able) if able else None

    while storm.killed < kills:
        storm.wait_progress(within=20 + 4 * storm.long_seconds)
        storm.pause(0.2)
        pid = wait_until(victim, within=30 + 30 * storm.long_seconds, what="a child to kill", seen=storm.project.tell)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        wait_until(lambda pid=pid: not alive(pid), within=5, what=f"child {pid} is dead")
        deaths.update(storm.running(pid))
        storm.killed += 1
    storm.settle_down(supervisor)
    report("children", storm)


@pytest.mark.timeout(3600 if "KILLS" in os.environ else 240)
@pytest.mark.parametrize("storm", SEEDS, indirect=True)
def test_a_killed_enqueuer_loses_nothing_it_was_told_is_stored(storm: Storm, kills: int) -> None:
    supervisor = storm.up()
    while storm.killed < kills:
        process = storm.start_enqueuer(gap=0.001)
        before = len(storm.acknowledged())
        wait_until(
            lambda before=before: len(storm.acknowledged()) > before + 5,
            within=20,
            what="the enqueuer is told that jobs are stored",
            seen=storm.project.tell,
        )
        storm.pause(0.1)
        process.kill()
        process.wait(10)
        storm.killed += 1
    storm.settle_down(supervisor)
    report("enqueuers", storm)

"""The wall clock is set while `workaday up` and a client run: hours forward, hours back, minutes, fractions of a second.

libfaketime stands between both, their children, and the clock; steady clocks stay true, as when somebody sets the time of
a machine. After each step work goes on within seconds: ready jobs, jobs that wait for their retry, jobs that ran over the
step. No tick is decided twice, none is passed over, none comes again after the clock went back.
"""

from __future__ import annotations

import argparse
import itertools
import sqlite3
import sys
import time
from pathlib import Path

from chaos.frame import Run, main
from chaos.live import TASKS, Live, LiveError
from chaos.scene import scratch

LIBRARIES = ["/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1"]
GOES_ON_SECONDS_MAX = 20.0
"""Of the true clock, for all that waits: half a second of work and a retry, on a machine that may be busy."""
OFFSET_MAX = 2 * 86_400.0

SCHEDULES = """

@app.task(schedule=cron("* * * * *", tz="UTC"))
def minute() -> None:
    pass


@app.task(schedule=every("2s"))
def pulse() -> None:
    pass
"""
PERIOD_US = {"live.minute": 60_000_000, "live.pulse": 2_000_000}

STEPS = {
    "hours forward": (3_600, 6 * 3_600),
    "hours back": (-6 * 3_600, -3_600),
    "minutes forward": (60, 600),
    "minutes back": (-600, -60),
    "less than two seconds forward": (0.01, 1.9),
    "less than two seconds back": (-1.9, -0.01),
}


def library() -> Path | None:
    return next((path for pattern in LIBRARIES for path in sorted(Path("/").glob(pattern[1:]))), None)


class Clock:
    """The machine's time, as far as the project can tell."""

    def __init__(self, root: Path) -> None:
        self.file = root / "clock"
        self.offset = 0.0
        self.set(0.0)

    def set(self, offset: float) -> None:
        self.offset = offset
        partial = self.file.with_suffix(".new")
        partial.write_text(f"{offset:+.3f}\n")
        partial.replace(self.file)

    def now_us(self) -> int:
        return int((time.time() + self.offset) * 1e6)

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


def step(live: Live, clock: Clock, planted: str) -> None:
    """Jobs before, the step, jobs after; then all of them are through and every schedule has caught up."""
    chance = live.chance
    kinds = [name for name, (low, high) in STEPS.items() if abs(clock.offset + low) < OFFSET_MAX and abs(clock.offset + high) < OFFSET_MAX]
    kind = chance.choice(kinds)
    jobs = [one for task in ("work", "shaky", "long") for one in live.enqueue(task, chance.randrange(1, 3))]
    time.sleep(chance.uniform(0, 0.4))  # where in their work the step comes is what is tried
    clock.set(clock.offset + chance.uniform(*STEPS[kind]))
    jobs += [one for task in ("work", "shaky") for one in live.enqueue(task)]
    if planted == "stuck":
        hold_back(live)
    live.wait_through(jobs, f"jobs around a step of the clock ({kind})", GOES_ON_SECONDS_MAX)
    live.wait(lambda: caught_up(live, clock), f"schedules after a step of the clock ({kind})", GOES_ON_SECONDS_MAX)
    live.run.tried(kind)


def hold_back(live: Live) -> None:
    """A planted bug: a retry that waits for the time that the clock had before it went back."""
    live.wait(lambda: live.one("SELECT count(*) FROM workaday_jobs WHERE state = 'retryable'"), "a retry waits")
    with sqlite3.connect(live.store / "w.db", timeout=10) as writer:
        writer.execute("UPDATE workaday_jobs SET run_at = run_at + 3600000000 WHERE state = 'retryable'")
    writer.close()


def decide_again(live: Live) -> None:
    """A planted bug: a decision that covers the next tick too, which was decided by itself."""
    with sqlite3.connect(live.store / "w.db") as writer:
        writer.execute("PRAGMA ignore_check_constraints = 1")  # the schema itself refuses the most of it
        writer.execute(
            "UPDATE workaday_ticks SET until = until + 2000000, count = count + 1 "
            "WHERE schedule = 'live.pulse' AND at = (SELECT min(at) FROM workaday_ticks WHERE schedule = 'live.pulse')"
        )
    writer.close()


def caught_up(live: Live, clock: Clock) -> bool:
    """Every schedule has decided up to now, or further: the clock went back and its ticks are not due again."""
    decided = dict(live.rows("SELECT name, cursor FROM workaday_schedules"))
    return all(decided.get(name, 0) >= clock.now_us() - 2 * period for name, period in PERIOD_US.items())


def ticks(live: Live) -> list[str]:
    """Each schedule's decisions follow each other without a gap and without covering a tick twice."""
    wrong = []
    connection = sqlite3.connect(live.store / "w.db")
    for name, period in PERIOD_US.items():
        rows = connection.execute("SELECT at, until, count FROM workaday_ticks WHERE schedule = ? ORDER BY at, until", (name,)).fetchall()
        if not rows:
            wrong.append(f"lost: {name} decided nothing at all")
        for at, until, count in rows:
            if (until - at) // period + 1 != count:
                wrong.append(f"broken: {name}: a row of ticks from {at} to {until} counts {count}")
        for (_, until, _), (at, _, _) in itertools.pairwise(rows):
            if at <= until:
                wrong.append(f"doubled: {name}: the ticks from {at} to {until} were decided twice")
            elif at != until + period:
                wrong.append(f"lost: {name}: no decision about the ticks between {until} and {at}")
    for tick, count in connection.execute(
        "SELECT tick, count(*) FROM (SELECT schedule, tick FROM workaday_jobs UNION ALL SELECT schedule, tick FROM workaday_finished) "
        "WHERE tick IS NOT NULL GROUP BY schedule, tick HAVING count(*) > 1"
    ):
        wrong.append(f"doubled: {count} jobs for the tick {tick}")
    connection.close()
    return wrong


def body(run: Run, arguments: argparse.Namespace) -> None:
    if library() is None:
        run.broke("the machine", ["broken: libfaketime is missing: apt-get install libfaketime"])
        return
    with scratch() as root:
        clock = Clock(root)
        live = Live(run, root / "project", tasks=TASKS + SCHEDULES, environment=clock.environment())
        try:
            live.start()
            live.wait_through(live.enqueue("work"), "the first job")
            while not run.is_over():
                step(live, clock, arguments.plant)
            live.stop()
            if arguments.plant == "doubled":
                decide_again(live)
            live.count()
            run.broke("at the end", ticks(live))
        except LiveError as error:
            run.broke(f"seed {run.seed}, step {run.count}", [f"broken: {error}"])
        finally:
            live.end()


if __name__ == "__main__":
    sys.exit(main("clock", "steps", body, n=40, plant=""))

"""Fifty schedules under the real program while it is killed and restarted: each tick is decided once, and the oracle agrees.

A few kills in CI; `KILLS=100 pytest tests/acceptance/test_schedule_kills.py -s` is the storm. The oracle works on
`zoneinfo` from the written rules, and shares no code with the engine.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from harness import Project, wait_until

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))

from tick_cover import faults
from tick_ledger import Expression, micros

SECOND = 1_000_000
KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("SEED", "1"))
EXPRESSIONS = (
    "* * * * * *",
    "*/2 * * * * *",
    "*/7 * * * * *",
    "1-59/5 * * * * *",
    "10,11,12,40 * * * * *",
    "*/15 * * * * *",
    "* * * * *",
    "30 * * * * *",
    "*/20 * * * * *",
    "0-29 */2 * * * *",
)
ZONES = ("UTC", "Europe/Lisbon", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York")
CATCH_UPS = ({"catch_up": "all", "limit": 1000}, {"catch_up": "latest"}, {"catch_up": "none"}, {"catch_up": "all", "limit": 2})
OVERLAPS = ("allow", "skip", "queue", "cancel_running")
COUNT = 50

JOBS = """
    from workaday import App, cron

    app = App("shop")

    @app.task(schedule=[cron(expr, tz=tz, name=name, overlap=overlap, **catch_up) for name, expr, tz, overlap, catch_up in {stated}])
    async def work() -> None: ...
"""


def schedules() -> list[tuple[str, str, str, str, dict[str, object]]]:
    """Every expression in each zone; catch-ups and overlaps change with another period, so that all meet."""
    return [(f"s{n}", EXPRESSIONS[n % 10], ZONES[n // 10], OVERLAPS[n % 4], dict(CATCH_UPS[n // 4 % 4])) for n in range(COUNT)]


def oracle(expression: str, zone: str, begin: int, end: int) -> list[int]:
    """The ticks after `begin` and not after `end`: each civil time near them is asked for its instants.

    Near is three hours on either side: no zone of these changes its clock by more.
    """
    rule, tz, epoch = Expression(expression), ZoneInfo(zone), datetime(1970, 1, 1, tzinfo=UTC)
    first, last = ((epoch + timedelta(microseconds=at)).astimezone(tz).replace(tzinfo=None) for at in (begin, end))
    first, last = first - timedelta(hours=3), last + timedelta(hours=3)
    ticks = set()
    for number in range((last.date() - first.date()).days + 1):
        midnight = datetime.combine(first.date() + timedelta(days=number), datetime.min.time())
        if rule.on(midnight.date()):
            near = (midnight + time for time in rule.times if first <= midnight + time <= last)
            ticks.update(micros(tick) for civil in near for tick in rule.instants(civil, tz))
    return sorted(tick for tick in ticks if begin < tick <= end)


def storm(project: Project, chance: random.Random) -> Counter[str]:
    """Lives of the program, each ended in one way or another before long."""
    ends: Counter[str] = Counter()
    for _ in range(KILLS):
        up = project.up()
        up.wait_lock()
        time.sleep(chance.uniform(0.1, 1.5))  # any moment of its life
        how = chance.choice(["killed", "killed", "child killed", "stopped"])
        ends[how] += 1
        if how == "child killed":
            for child in up.children():
                os.kill(child, signal.SIGKILL)
            time.sleep(chance.uniform(0.0, 0.5))
        if how == "stopped":
            up.wait_line("is up on")
            assert up.stop() == 0
        else:
            up.kill()
        if chance.random() < 0.2:
            time.sleep(chance.uniform(0.5, 3.0))  # ticks fall into a time without anybody
    return ends


def test_the_ledger_of_fifty_schedules_is_the_oracles_over_kills_and_restarts(project: Project) -> None:
    stated = schedules()
    project.write("jobs.py", JOBS.format(stated=stated))
    up = project.up()
    up.wait_line("is up on")
    known = "SELECT count(*) FROM workaday_schedules WHERE state = 'active'"
    wait_until(lambda: project.one(known) == COUNT, within=60, what="fifty schedules", seen=project.tell)
    up.kill()
    ends = storm(project, random.Random(SEED))
    up = project.up()
    up.wait_line("is up on")
    now = time.time_ns() // 1000
    behind = "SELECT count(*) FROM workaday_schedules WHERE next_at <= ?"
    wait_until(lambda: project.one(behind, now) == 0, within=60, what="every tick up to now decided", seen=project.tell)
    assert up.stop() == 0

    rows = project.rows("SELECT schedule, at, until, count, reason, job_id FROM workaday_ticks")
    begins = {row["name"]: row for row in project.rows("SELECT name, created_at, cursor FROM workaday_schedules")}
    total, wrong = 0, []
    for name, expression, zone, _, _ in stated:
        row = begins[f"shop.work:{name}"]
        ticks = oracle(expression, zone, row["created_at"], row["cursor"])
        decided = [(one["at"], one["until"], one["count"]) for one in rows if one["schedule"] == row["name"]]
        wrong += [f"{name} `{expression}` {zone}: {fault}" for fault in faults(ticks, decided)]
        total += len(ticks)
    assert not wrong, "\n".join(wrong)

    # A tick with a job has exactly that one, and no other job is a tick's.
    jobs = project.rows("SELECT id, schedule, tick FROM workaday_jobs UNION ALL SELECT id, schedule, tick FROM workaday_finished")
    fired = {one["job_id"]: (one["schedule"], one["at"]) for one in rows if one["reason"] is None}
    assert Counter(job["id"] for job in jobs) == Counter(list(fired))
    assert all((job["schedule"], json.loads(job["tick"])["at"]) == fired[job["id"]] for job in jobs)
    reasons = Counter(one["reason"] or "job" for one in rows)
    assert total > KILLS
    print(f"\nseed {SEED}: {KILLS} lives ended {dict(ends)}; {total} ticks of {COUNT} schedules decided once: {dict(reasons)}")


def test_the_comparison_sees_a_dropped_a_doubled_and_a_shifted_tick() -> None:
    begin = micros(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    ticks = oracle("*/20 * * * *", "Europe/Berlin", begin, begin + 3 * 3600 * SECOND)
    single = [(tick, tick, 1) for tick in ticks]
    right = [*single[:2], (ticks[2], ticks[5], 4), *single[6:]]
    assert len(ticks) == 9
    assert faults(ticks, right) == []
    assert faults(ticks, single[:4] + single[5:]) == [f"never decided: [{ticks[4]}]"]
    assert faults(ticks, [*single, single[4]]) == [f"decided twice: from {ticks[4]}"]
    shifted = [*single[:4], (ticks[4] + SECOND, ticks[4] + SECOND, 1), *single[5:]]
    assert faults(ticks, shifted) == [f"no tick at {ticks[4] + SECOND}", f"never decided: [{ticks[4]}]"]
    assert faults(ticks, [*single[:2], (ticks[2], ticks[5], 3), *single[6:]]) != [], "a range that counts wrong"
    assert faults(ticks, single[:-1]) == [f"never decided: [{ticks[-1]}]"], "the last one, too"

"""The whole policy matrix through weeks of accelerated time, stepped clocks and real kills: the ledger is the oracle's."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from tick_ledger import DAY, SECOND, Row, Schedule, differences, micros
from workaday.testing import binary

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
BEGIN = micros(datetime(2026, 3, 20, 12, 0, 30, tzinfo=UTC))
END = BEGIN + 20 * DAY  # over the night of 29 March, when Berlin and Lisbon leap
DUE = [
    {"cron": ["30 2 * * *"], "tz": "Europe/Berlin"},
    {"cron": ["*/20 * * * *"], "tz": "Europe/Lisbon"},
    {"cron": ["0 */2 * * *"], "tz": "Australia/Lord_Howe"},
    {"cron": ["15,45 1-3 * * *"], "tz": "Europe/Berlin"},
    {"cron": ["0 8 * * MON-FRI"], "tz": "America/New_York"},
    {"cron": ["0 0 1,15 * *"], "tz": "Asia/Tehran"},
    {"cron": ["*/30 * * * * *"], "tz": "UTC"},
    {"every": "5400s"},
    {"every": "7s"},
]
CATCH_UP: list[dict[str, Any]] = [
    {"catch_up": "none"},
    {"catch_up": "latest"},
    {"catch_up": "latest", "catch_up_window_us": HOUR},
    {"catch_up": "all", "catch_up_limit": 3},
]
STEPS = int(os.environ.get("STORM_STEPS", "150"))


def schedules() -> list[Schedule]:
    """Four catch-ups by four overlaps, three of each with another timetable: 48 schedules."""
    due, made = cycle(DUE), []
    for number in range(48):
        overlap = ("skip", "queue", "cancel_running", "allow")[number % 4]
        declared = {"name": f"s{number}", "task": "shop.work", **next(due), **CATCH_UP[number // 4 % 4], "overlap": overlap}
        made.append(Schedule(declared, BEGIN, END + 40 * DAY if "every" not in declared else END + 2 * DAY))
    return made


class Engine:
    """The real engine in its test mode; a kill is a kill."""

    def __init__(self, database: Path, catalogue: list[dict[str, Any]], now: int) -> None:
        self.process = subprocess.Popen([binary.find(), "test-engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("open", now, database=str(database), catalogue=catalogue)

    def ask(self, op: str, now: int, **fields: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"op": op, "now": now, **fields}).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer["ok"], answer
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def told(job: dict[str, Any]) -> tuple[str, int]:
    tick = json.loads(job["meta"])["tick"]
    return tick["schedule"], tick["at"]


def storm(folder: Path, seed: int) -> tuple[list[Schedule], dict[str, list[Row]], int]:
    chance, stated = random.Random(seed), schedules()
    entry = {"name": "shop.work", "kind": "sync", "timeout_us": None, "schedules": [one.declared for one in stated]}
    database, now, kills = folder / "storm.db", BEGIN, 0
    engine = Engine(database, [entry], now)
    running: dict[tuple[str, int], int] = {}

    def look() -> None:
        for one in stated:
            one.look(now, {at for name, at in running if name == one.declared["name"]})

    look()
    furthest = now
    for _ in range(STEPS):
        step = chance.choice(
            [chance.randint(0, 20) * SECOND, chance.randint(1, 90) * MINUTE, chance.randint(1, 30) * HOUR, -chance.randint(1, 120) * MINUTE]
        )
        now = min(now + step, END)
        furthest = max(furthest, now)
        if not running and chance.random() < 0.3:
            engine.kill()
            kills += 1
            engine = Engine(database, [entry], now)
        claimed = engine.ask("claim", now)["jobs"]
        look()
        running |= {told(job): job["seq"] for job in claimed}
        if chance.random() < 0.6:  # all that waits runs to its end before anything else happens
            while running:
                for key, seq in list(running.items()):
                    engine.ask("outcome", now, seq=seq, kind="completed", result=None)
                    del running[key]
                running |= {told(job): job["seq"] for job in engine.ask("claim", now)["jobs"]}
            for one in stated:
                one.finish(now)
        if now >= END:
            break
    engine.kill()
    found: dict[str, list[Row]] = {one.declared["name"]: [] for one in stated}
    with sqlite3.connect(database) as store:
        for name, *row in store.execute(
            "SELECT schedule, at, until, count, coalesce(reason, 'job'), late FROM workaday_ticks ORDER BY schedule, at"
        ):
            found[name].append((row[0], row[1], row[2], row[3], bool(row[4])))
    return stated, found, kills


def test_the_ledger_of_a_storm_is_the_one_of_the_rules(tmp_path: Path) -> None:
    for seed in range(int(os.environ.get("STORMS", "2"))):
        folder = tmp_path / str(seed)
        folder.mkdir()
        stated, found, kills = storm(folder, seed)
        wrong = {one.declared["name"]: differences(one.ledger, found[one.declared["name"]]) for one in stated}
        wrong = {name: lines for name, lines in wrong.items() if lines}
        first = next(iter(wrong), None)
        declared = next((one.declared for one in stated if one.declared["name"] == first), None)
        assert not wrong, f"seed {seed}: {len(wrong)} schedules differ; {declared}: {wrong[first or ''][:6]}"
        rows = sum(len(one.ledger) for one in stated)
        reasons = {row[3] for one in stated for row in one.ledger}
        assert reasons == {"job", "missed", "superseded", "skipped_overlap"}
        print(f"seed {seed}: {rows} rows, {sum(row[2] for one in stated for row in one.ledger)} ticks, {kills} kills")


def test_the_oracle_sees_a_dropped_a_doubled_and_a_shifted_tick() -> None:
    one = Schedule({"cron": ["*/20 * * * *"], "catch_up": "latest", "overlap": "allow"}, BEGIN, BEGIN + DAY)
    for now in range(BEGIN, BEGIN + 6 * HOUR, MINUTE):
        one.look(now, set())
    right = one.ledger
    shifted = [(right[3][0] + SECOND, right[3][1] + SECOND, *right[3][2:])]
    assert differences(right, right) == []
    assert differences(right, right[:4] + right[5:]) == [f"missing {right[4]}"]
    assert differences(right, [*right, right[4]]) == [f"not expected {right[4]}"]
    assert len(differences(right, right[:3] + shifted + right[4:])) == 2

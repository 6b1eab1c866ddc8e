"""Is what users were told true of this store? Everything is asked of the file by SQLite, nothing of Workaday.

Never on a store that a live process of ours has open by another library; each file is looked at under a name of its own.
"""

from __future__ import annotations

import collections
import functools
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from chaos.app import MINUTE_US
from chaos.told import Told

ROWS = """
SELECT id, state, key FROM workaday_jobs UNION ALL SELECT id, state, key FROM workaday_finished
"""


@dataclass
class Seen:
    """The rows of a store."""

    states: dict[str, list[str]] = field(default_factory=lambda: collections.defaultdict(list))
    completed: collections.Counter[str] = field(default_factory=collections.Counter)
    attempts: collections.Counter[str] = field(default_factory=collections.Counter)
    ticks: list[tuple[int, int, int, str | None]] = field(default_factory=list)
    tick_jobs: collections.Counter[str] = field(default_factory=collections.Counter)
    schema: int = 0


def look(database: Path, *, deep: bool = True) -> tuple[Seen | None, list[str]]:
    """The rows, and what SQLite itself finds wrong. No rows: there are no tables (yet)."""
    connection = sqlite3.connect(f"file:{database}?mode=rw", uri=True, isolation_level=None)
    try:
        # Alone, so no shared memory is needed: that is faster, and recovers the WAL all the same.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        return read(connection, deep=deep)
    except sqlite3.Error as error:
        return None, [f"broken: SQLite says {error}"]
    finally:
        connection.close()


@functools.lru_cache(100_000)
def named(job_id: bytes) -> str:
    return str(UUID(bytes=job_id))


def read(connection: sqlite3.Connection, *, deep: bool) -> tuple[Seen | None, list[str]]:
    problems = []
    if deep:
        answers = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
        problems += [f"broken: integrity_check says {answer}" for answer in answers if answer != "ok"]
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'workaday_%' AND type = 'table'")}
    if "workaday_meta" not in tables:
        return None, problems
    seen = Seen()
    seen.schema = int(connection.execute("SELECT value FROM workaday_meta WHERE name = 'schema'").fetchone()[0])
    of_key = {}
    for job_id, state, key in connection.execute(ROWS):
        name = named(job_id)
        seen.states[name].append(state)
        of_key[key] = name
    for key, outcome in connection.execute("SELECT job, outcome FROM workaday_attempts"):
        seen.attempts[of_key.get(key, f"key {key}")] += 1
        seen.completed[of_key.get(key, f"key {key}")] += outcome == "completed"
    if "workaday_ticks" in tables:
        seen.ticks = connection.execute("SELECT at, until, count, job_id FROM workaday_ticks ORDER BY at").fetchall()
        for (tick,) in connection.execute(
            "SELECT tick FROM workaday_jobs WHERE schedule IS NOT NULL UNION ALL SELECT tick FROM workaday_finished WHERE schedule IS NOT NULL"
        ):
            seen.tick_jobs[tick] += 1
    return seen, problems


def hold(seen: Seen | None, told: Told, *, has_minute_ticks: bool = True) -> list[str]:
    """Every way in which the store and what was told differ; empty when all holds. Its ticks are those of `chaos.app`, or not looked at."""
    if seen is None:
        lost = told.present | set(told.settled)
        return [f"lost: {len(lost)} acknowledged jobs, and every table with them"] if lost else []
    return [*_jobs(seen, told), *_endings(seen, told), *(_ticks(seen, told) if has_minute_ticks else [])]


def _jobs(seen: Seen, told: Told) -> list[str]:
    wrong = [f"lost: acknowledged job {one}" for one in told.present if one not in seen.states]
    wrong += [f"doubled: job {one} is there {len(states)} times" for one, states in seen.states.items() if len(states) > 1]
    wrong += [f"broken: job {one} is there, and its caller was told that it is not" for one in told.absent if one in seen.states]
    return wrong


def _endings(seen: Seen, told: Told) -> list[str]:
    wrong = []
    for one, state in told.settled.items():
        if one not in told.unsure and seen.states.get(one, [state]) != [state]:
            wrong.append(f"lost: the outcome of job {one}, acknowledged as {state}, is {seen.states[one]}")
    for one, count in told.attempts.items():
        if seen.attempts[one] < count:
            wrong.append(f"lost: {count} outcomes of job {one} were acknowledged, its history has {seen.attempts[one]}")
    for one in told.cancelled - told.unsure:
        if one in seen.states and seen.states[one] != ["cancelled"]:
            wrong.append(f"lost: the cancellation of job {one} was acknowledged, and it is {seen.states[one]}")
    for one in told.live - told.unsure:
        if seen.states.get(one) == ["cancelled"]:
            wrong.append(f"lost: the retry of job {one} was acknowledged, and it is cancelled still")
    for one, count in seen.completed.items():
        if count > 1:
            wrong.append(f"doubled: job {one} has {count} completed attempts")
    for one, states in seen.states.items():
        if states == ["completed"] and seen.completed[one] != 1:
            wrong.append(f"broken: job {one} is completed with {seen.completed[one]} completed attempts")
    return wrong


def _ticks(seen: Seen, told: Told) -> list[str]:
    wrong = [f"doubled: {count} jobs for the tick {tick}" for tick, count in seen.tick_jobs.items() if count > 1]
    covered: collections.Counter[int] = collections.Counter()
    for at, until, count, job in seen.ticks:
        if (until - at) // MINUTE_US + 1 != count:
            wrong.append(f"broken: a row of ticks from {at} to {until} counts {count}")
        covered.update(range(at, until + 1, MINUTE_US))
        if job is not None and named(job) not in seen.states:
            wrong.append(f"lost: the tick at {at} was decided for a job that is not there")
    wrong += [f"doubled: the tick at {at} was decided {count} times" for at, count in covered.items() if count > 1]
    if told.began_at is not None and told.decided_to is not None:
        due = range((told.began_at // MINUTE_US + 1) * MINUTE_US, told.decided_to + 1, MINUTE_US)
        wrong += [f"lost: the tick at {at} was decided, and there is no trace of it" for at in due if at not in covered]
    return wrong

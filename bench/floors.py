"""What the machine itself gives in the same run: bare SQLite with our durability, and none of our code."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from scratch import scratch, spread

BATCH = 512


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def single_commits(path: Path, count: int) -> dict[str, object]:
    """One row, one transaction, one fsync: what any enqueue that was acknowledged alone must cost."""
    connection = connect(path)
    connection.execute("CREATE TABLE rows (key INTEGER PRIMARY KEY, text TEXT)")
    took = []
    for n in range(count):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows VALUES (?, ?)", (n, "x" * 100))
        connection.execute("COMMIT")
        took.append(1000 * (time.perf_counter() - began))
    connection.close()
    return {"per_second": round(1000 * count / sum(took)), "commit_ms": spread(took)}


def drain_floor(path: Path, count: int) -> int:
    """Claim and complete on the real schema in batches, FULL, one thread, no Python task: the ceiling of throughput."""
    connection = connect(path)
    migrations = files("workaday") / "sql" / "sqlite" / "migrations"
    for migration in sorted((m for m in migrations.iterdir() if m.name.endswith(".up.sql")), key=lambda m: m.name):
        connection.executescript(migration.read_text())
    insert = "INSERT INTO workaday_jobs (id, task, queue, lane, state, run_at, args, created_at) VALUES (?, 'bench.noop', 'default', 'sync', 'available', ?, '{\"n\":1}', 0)"
    connection.execute("BEGIN")
    connection.executemany(insert, ((n.to_bytes(16, "big"), n) for n in range(count)))
    connection.execute("COMMIT")
    began = time.perf_counter()
    while drain_batch(connection):
        pass
    took = time.perf_counter() - began
    connection.close()
    return round(count / took)


def drain_batch(connection: sqlite3.Connection) -> int:
    connection.execute("BEGIN IMMEDIATE")
    claimed = connection.execute(
        """UPDATE workaday_jobs SET state = 'running', attempt = attempt + 1, fence = fence + 1, generation = 1, claimed_at = 1
           WHERE key IN (SELECT key FROM workaday_jobs WHERE lane = 'sync' AND queue = 'default' AND state = 'available'
                         AND held IS NULL ORDER BY priority DESC, run_at, key LIMIT ?)
           RETURNING key, fence""",
        (BATCH,),
    ).fetchall()
    connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        """INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, started_at, ended_at, ran_us)
           VALUES (?, ?, 1, 'completed', 1, 1, 1, 1)""",
        claimed,
    )
    connection.executemany(
        """INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, reason, run_at, args, result,
           attempt, attempt_extra, fence, unique_key, unique_while, tags, rerun_of, enqueued_release, cancel_reason, created_at, finished_at)
           SELECT key, id, task, queue, priority, lane, 'completed', NULL, run_at, args, 'null',
           attempt, attempt_extra, fence, unique_key, unique_while, tags, rerun_of, enqueued_release, NULL, created_at, 1
           FROM workaday_jobs WHERE key = ? AND fence = ?""",
        claimed,
    )
    connection.executemany("DELETE FROM workaday_jobs WHERE key = ? AND fence = ?", claimed)
    connection.execute("COMMIT")
    return len(claimed)


def measure(quick: bool) -> dict[str, object]:
    part = 10 if quick else 1

    def on_disk(floor: Callable[[Path, int], object], count: int) -> object:
        with scratch() as project:
            return floor(project.root / "floor.db", count // part)

    return {
        "sqlite_full_commit": on_disk(single_commits, 4_000),
        "drain_floor_per_second": on_disk(drain_floor, 100_000),
        "sqlite": sqlite3.sqlite_version,
    }

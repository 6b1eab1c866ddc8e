"""Fills a store fast: a shop's week, from nothing to a million jobs, without running one of them.

python tests/browser/fill.py STORE 1000000
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

TREE = Path(__file__).parents[2]
try:
    from workaday.client import schema
    from workaday.measure.histogram import Histogram
except ImportError:
    sys.path.insert(0, str(TREE / "python"))
    from workaday.client import schema
    from workaday.measure.histogram import Histogram

SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
SECRET = "a-session-of-the-tests-that-is-long-enough-to-be-one"
"""What the cookie of the tests holds; the store keeps its hash."""

LINK = "a-link-of-the-tests-that-is-long-enough-to-be-one"
"""A one-time link that nobody has used yet."""

TASKS: list[dict[str, Any]] = [
    {
        "name": "mail.send_invoice",
        "queue": "mail",
        "kind": "async",
        "timeout_us": 30 * SECOND,
        "owner": "payments@shop.example",
        "expects": "the mail server answers 250",
        "rollback": "workaday task pause mail.send_invoice; resend from the ledger",
        "retry_safe": True,
        "doc": "Sends the invoice of an order to its customer.",
    },
    {
        "name": "shop.charge",
        "queue": "default",
        "kind": "sync",
        "timeout_us": 60 * SECOND,
        "owner": "payments@shop.example",
        "expects": "one row in charges for the order",
        "rollback": "refund the order in the ledger",
        "retry_safe": False,
        "at_most_once": True,
    },
    {
        "name": "shop.render_invoice",
        "queue": "default",
        "kind": "sync",
        "timeout_us": 120 * SECOND,
        "owner": "office@shop.example",
        "retry_safe": True,
    },
    {"name": "pictures.thumbnail", "queue": "pictures", "kind": "sync", "memory_bytes": 512 << 20, "retry_safe": True},
    {
        "name": "reports.daily_sales",
        "queue": "reports",
        "kind": "sync",
        "timeout_us": 300 * SECOND,
        "owner": "data@shop.example",
        "expects": "one row per store in daily_sales",
        "rollback": "delete the day's rows, then enqueue the same day again",
        "retry_safe": True,
    },
    {
        "name": "search.index_product",
        "queue": "default",
        "kind": "async",
        "timeout_us": 20 * SECOND,
        "owner": "search@shop.example",
        "retry_safe": True,
    },
]
WEIGHTS = [28, 16, 20, 14, 1, 21]
TRACE = (
    'Traceback (most recent call last):\n  File "/srv/shop/{file}", line {line}, in {function}\n    {code}\n'
    '  File "/usr/lib/python3.11/site-packages/lib.py", line 88, in call\n    raise error\n{type}: {message}'
)
ERRORS = [
    ("mail.send_invoice", "SMTPAuthenticationError", "535 bad credentials", "mail.py", "send_invoice", "smtp.login(user, password)"),
    (
        "mail.send_invoice",
        "TimeoutError",
        "mail.shop.example:587 did not answer in 10 s",
        "mail.py",
        "connect",
        "socket.create_connection()",
    ),
    (
        "pictures.thumbnail",
        "UnidentifiedImageError",
        "cannot identify image file '/srv/in/4711.jpg'",
        "pictures.py",
        "thumbnail",
        "Image.open(path)",
    ),
    ("shop.charge", "CardDeclined", "card ending 4242 was declined: insufficient funds", "charge.py", "charge", "gateway.charge(order)"),
    (
        "search.index_product",
        "ConnectionRefusedError",
        "[Errno 111] Connection refused",
        "search.py",
        "index_product",
        "client.put(document)",
    ),
    (
        "reports.daily_sales",
        "IntegrityError",
        'duplicate key value violates unique constraint "daily_sales_pkey"',
        "reports.py",
        "build",
        "cursor.execute(sql)",
    ),
]
RELEASES = ["a91be02", "7c01d5e", "3f2c1a9"]


def error_json(number: int) -> str:
    _, kind, message, file, function, code = ERRORS[number]
    trace = TRACE.format(file=file, line=41, function=function, code=code, type=kind, message=message)
    return json.dumps({"type": kind, "message": message, "traceback": trace})


def fingerprint(number: int) -> str:
    """As the core makes it: FNV-1a of task, `failed`, type and place."""
    task, kind, _message, file, function, _code = ERRORS[number]
    value = 0xCBF29CE484222325
    for part in (task, "failed", kind, f"shop/{file} in {function}"):
        for byte in (*part.encode(), 0xFF):
            value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    return f"{value:016x}"


def uuid7(at: int, chance: random.Random) -> bytes:
    value = (at // 1000) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return value.to_bytes(16, "big")


def args_of(task: str, number: int) -> str:
    if task == "reports.daily_sales":
        return json.dumps({"day": "2026-11-21"})
    if task == "search.index_product":
        return json.dumps({"sku": f"SKU-{number % 9000:05}", "fields": ["title", "price"]})
    return json.dumps({"order_id": 10_000 + number, **({"copy": True} if number % 9 == 0 else {})})


def moments(count: int, now: int, chance: random.Random) -> list[int]:
    """Instants of a week, busy by day and calm by night, in order; the last one is close to now."""
    shares = [1.1 + math.sin((hour - 9) / 24 * 2 * math.pi) for hour in range(168)]
    chosen = chance.choices(range(168), shares, k=count)
    return sorted(now - 3 * SECOND - int((hour + chance.random()) * HOUR) for hour in chosen)


def create(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    schema.create(connection)
    path.chmod(0o600)
    return connection


def fill(path: Path, jobs: int, now: int | None = None, seed: int = 7) -> None:
    """A store with so many jobs, as it stands at `now` (microseconds)."""
    now = now or time.time_ns() // 1000
    chance = random.Random(seed)
    connection = create(path)
    connection.execute("BEGIN")
    session(connection, now)
    if jobs:
        people(connection, now)
        finished = jobs * 97 // 100 if jobs > 100 else max(jobs - 4, 0)
        schedules(connection, now, chance)
        history(connection, finished, now, chance)
        waiting(connection, jobs - finished, now, chance)
        measures(connection, now)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def session(connection: sqlite3.Connection, now: int) -> None:
    for role in ("admin", "viewer"):
        secret = hashlib.sha256((SECRET + ("" if role == "admin" else role)).encode()).digest()
        connection.execute(
            "INSERT INTO workaday_sessions (hash, who, role, is_user, created_at, seen_at, ends_at) VALUES (?, ?, ?, 0, ?, ?, ?)",
            (secret, "ada" if role == "admin" else "grace", role, now, now, now + 7 * DAY),
        )

    connection.execute(
        "INSERT INTO workaday_links (hash, who, role, created_at, ends_at) VALUES (?, 'ada', 'admin', ?, ?)",
        (hashlib.sha256(LINK.encode()).digest(), now, now + HOUR),
    )


def people(connection: sqlite3.Connection, now: int) -> None:
    for task in TASKS:
        entry = {"params": {"type": "object", "properties": {"order_id": {"type": "integer"}}}, **task}
        lane = "solo" if task.get("at_most_once") or task.get("memory_bytes") else task["kind"]
        connection.execute(
            "INSERT INTO workaday_tasks (name, queue, lane, entry, release, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
            (task["name"], task["queue"], lane, json.dumps(entry), RELEASES[-1], now - HOUR),
        )
    starts = [now - 6 * DAY, now - 2 * DAY, now - 2 * HOUR]
    for number, (release, start) in enumerate(zip(RELEASES, starts, strict=True)):
        end = starts[number + 1] if number + 1 < len(starts) else None
        for child, kind in enumerate(("supervisor", "sync", "async", "sync")):
            connection.execute(
                "INSERT INTO workaday_workers (generation, kind, pid, boot_id, process_started_at, release, started_at, seen_at, ended_at, end_cause)"
                " VALUES (?, ?, ?, 'boot', 0, ?, ?, ?, ?, ?)",
                (number + 1, kind, 4100 + number * 10 + child, release, start, end or now - 2 * SECOND, end, "drained" if end else None),
            )
    for pid, cause in ((4118, "killed by SIGKILL sent by somebody else, or by its own dead-man timer"), (4129, "left with exit code 3")):
        connection.execute(
            "INSERT INTO workaday_workers (generation, kind, pid, boot_id, process_started_at, release, started_at, seen_at, ended_at, end_cause)"
            " VALUES (3, 'sync', ?, 'boot', 0, ?, ?, ?, ?, ?)",
            (pid, RELEASES[-1], now - 2 * HOUR, now - HOUR, now - HOUR, cause),
        )
    alerts = [
        (
            "job.discarded",
            "mail.send_invoice",
            "mail.send_invoice is discarded after 8 attempts: SMTPAuthenticationError: 535 bad credentials",
            37,
            3 * HOUR,
            8 * 60 * SECOND,
        ),
        ("schedule.missed", "nightly_report", "nightly_report missed its tick of 03:15: nobody was there to run it", 1, 6 * HOUR, 6 * HOUR),
    ]
    for code, subject, message, count, first, last in alerts:
        connection.execute(
            "INSERT INTO workaday_alerts (code, subject, message, count, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?)",
            (code, subject, message, count, now - first, now - last),
        )
    for number, (action, target, why) in enumerate(
        [
            ("pause", "queue reports", "the warehouse is read-only until noon"),
            ("retry", "job 019a", None),
            ("cancel", "job 019b", "sent by hand"),
        ]
    ):
        connection.execute(
            "INSERT INTO workaday_audit (at, who, action, target, why) VALUES (?, 'ada', ?, ?, ?)",
            (now - (3 - number) * HOUR, action, target, why),
        )
    connection.execute(
        "INSERT INTO workaday_holds (queue, reason, owner, until, created_at) VALUES ('reports', 'the warehouse is read-only until noon', 'ada', ?, ?)",
        (now + 4 * HOUR, now - 3 * HOUR),
    )


def history(connection: sqlite3.Connection, count: int, now: int, chance: random.Random) -> None:
    ended = moments(count, now, chance)
    errors = [error_json(number) for number in range(len(ERRORS))]
    prints = [fingerprint(number) for number in range(len(ERRORS))]
    by_name = {task["name"]: task for task in TASKS}
    attempts: list[tuple[Any, ...]] = []
    logs: list[tuple[Any, ...]] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for key, at in enumerate(ended, 1_000):
            release = RELEASES[0 if at < now - 2 * DAY else 1 if at < now - 2 * HOUR else 2]
            task = by_name[chance.choices([task["name"] for task in TASKS], WEIGHTS)[0]] if key % 3 else TASKS[key % len(TASKS)]
            luck = chance.random()
            state, wrong = "completed", None
            if luck < 0.004 or (count < 100 and key in (1_001, 1_004)):
                candidates = [number for number, error in enumerate(ERRORS) if error[0] == task["name"]]
                if candidates:
                    state, wrong = "discarded", chance.choice(candidates)
            elif luck < 0.006:
                state = "cancelled"
            ran = int(chance.lognormvariate(12.2, 0.8))
            waited = int(chance.lognormvariate(9.5, 1.2) * (2.2 if release == RELEASES[1] else 1))
            tries = 3 if wrong is not None else 1
            created = at - ran - waited - (tries - 1) * 10 * SECOND
            yield (
                key,
                uuid7(created, chance),
                task["name"],
                task["queue"],
                0,
                task["kind"],
                state,
                created,
                args_of(task["name"], key),
                '"sent"' if state == "completed" else None,
                tries,
                0,
                tries,
                '["black-friday"]' if key % 400 == 0 else None,
                release,
                created,
                at,
            )
            if state == "cancelled":
                continue
            for fence in range(1, tries + 1):
                end = at - (tries - fence) * 10 * SECOND
                failed = wrong is not None
                attempts.append(
                    (
                        key,
                        fence,
                        fence,
                        "failed" if failed else "completed",
                        end - ran - waited,
                        end - ran,
                        end,
                        waited,
                        ran,
                        ran // 2,
                        38_000 + int(chance.random() * 30_000),
                        errors[wrong] if wrong is not None else None,
                        f"sync-{key % 3}",
                        release,
                        2 if failed else 0,
                        prints[wrong] if wrong is not None else None,
                    )
                )
                if failed:
                    logs.append((key, fence, 1, end - ran, "log", "INFO", "shop.mail", f"order {10_000 + key}: try {fence}"))
                    logs.append((key, fence, 2, end, "log", "WARNING", "shop.mail", "the other side refused; giving up this attempt"))
            if len(attempts) > 50_000:
                flush()

    def flush() -> None:
        connection.executemany(
            "INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, started_at, ended_at, waited_us, ran_us, cpu_us,"
            " memory_peak_kib, error, child, release, log_lines, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            attempts,
        )
        attempts.clear()

    connection.executemany(
        "INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, run_at, args, result, attempt, attempt_extra, fence,"
        " tags, enqueued_release, created_at, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows(),
    )
    flush()
    connection.executemany(
        "INSERT INTO workaday_logs (job, fence, seq, at, stream, level, logger, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", logs
    )
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'workaday_jobs'")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('workaday_jobs', ?)", (count + 1_000,))


def measures(connection: sqlite3.Connection, now: int) -> None:
    """Run times of the last hour, minute by minute, as the engine adds them up."""
    runs: dict[tuple[int, str, str], list[int]] = {}
    rows = connection.execute(
        "SELECT f.task, f.queue, a.ended_at, a.ran_us FROM workaday_attempts a JOIN workaday_finished f ON f.key = a.job"
        " WHERE f.finished_at >= ? AND a.ran_us IS NOT NULL",
        (now - HOUR,),
    )
    for task, queue, ended, ran in rows:
        for kind, name in (("task", task), ("queue", queue)):
            runs.setdefault((ended // (60 * SECOND), kind, name), []).append(ran)
    for (minute, kind, name), values in runs.items():
        histogram = Histogram()
        histogram.record_all(values)
        connection.execute(
            "INSERT INTO workaday_measures (minute, kind, name, release, count, run_us) VALUES (?, ?, ?, ?, ?, ?)",
            (minute, kind, name, RELEASES[-1], len(values), histogram.encode()),
        )


def waiting(connection: sqlite3.Connection, count: int, now: int, chance: random.Random) -> None:
    def rows() -> Iterator[tuple[Any, ...]]:
        for number in range(count):
            task = chance.choices(TASKS, WEIGHTS)[0]
            created = now - int(chance.random() * 20 * 60 * SECOND) if number > 3 else now - number * 2 * SECOND
            state, run_at, attempt, generation, held = "available", created, 0, None, None
            share = number / max(count, 1)
            if number == 0:
                state, attempt, generation = "running", 1, 3
            elif number == 1 or share > 0.97:
                state, attempt, run_at = "retryable", 3, now + int(chance.random() * 300 * SECOND)
                task = TASKS[0]
            elif number == 2 or share > 0.9:
                state, run_at = "scheduled", now + int(chance.random() * 12 * HOUR)
            elif share > 0.895:
                held = "paused"
            lane = task["kind"]
            yield (
                uuid7(created, chance),
                task["name"],
                task["queue"],
                number % 3,
                lane,
                state,
                run_at,
                args_of(task["name"], number),
                attempt,
                attempt,
                generation,
                1 if generation else None,
                now - 4 * SECOND if generation else None,
                held,
                0.42 if generation else None,
                "rendering page 3 of 7" if generation else None,
                created,
            )

    connection.executemany(
        "INSERT INTO workaday_jobs (id, task, queue, priority, lane, state, run_at, args, attempt, fence, generation, worker, claimed_at, held,"
        " progress, progress_note, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows(),
    )
    # The retrying ones failed before.
    for (key,) in connection.execute("SELECT key FROM workaday_jobs WHERE state = 'retryable' LIMIT 2000").fetchall():
        for fence in (1, 2, 3):
            connection.execute(
                "INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, started_at, ended_at, waited_us, ran_us, error, child, release, fingerprint)"
                " VALUES (?, ?, ?, 'failed', ?, ?, ?, 9000, 812000, ?, 'async-0', ?, ?)",
                (
                    key,
                    fence,
                    fence,
                    now - (5 - fence) * 60 * SECOND,
                    now - (5 - fence) * 60 * SECOND,
                    now - (5 - fence) * 60 * SECOND + 812_000,
                    error_json(0),
                    RELEASES[2],
                    fingerprint(0),
                ),
            )


def due_times(due: dict[str, Any], period: int, now: int) -> list[int]:
    """The last thirty ticks, the newest first: a schedule that names an hour has them on its own clock."""
    fields = due.get("cron", ["* *"])[0].split()
    if not fields[1].isdigit():
        return [now - now % period - number * period for number in range(30)]
    zone = ZoneInfo(due["tz"])
    today = datetime.fromtimestamp(now // SECOND, zone).replace(hour=int(fields[1]), minute=int(fields[0]), second=0, microsecond=0)
    days = (today - timedelta(days=number) for number in range(60))
    weekdays = range(5) if fields[4] == "1-5" else range(7)
    past = [int(day.timestamp()) * SECOND for day in days if day.weekday() in weekdays]
    return [at for at in past if at <= now][:30]


def schedules(connection: sqlite3.Connection, now: int, chance: random.Random) -> None:
    known = [
        (
            "nightly_report",
            "reports.daily_sales",
            {"cron": ["15 3 * * *"], "tz": "Europe/Berlin", "late_after_us": 1_200 * SECOND, "jitter_us": 30 * SECOND},
            DAY,
            "data@shop.example",
        ),
        ("hourly_index", "search.index_product", {"cron": ["0 * * * *"], "tz": "UTC", "args": {"sku": "all"}}, HOUR, None),
        ("clean_pictures", "pictures.thumbnail", {"every": "90m"}, 90 * 60 * SECOND, None),
        (
            "morning_mail",
            "mail.send_invoice",
            {"cron": ["0 9 * * 1-5"], "tz": "America/New_York", "overlap": "queue"},
            DAY,
            "payments@shop.example",
        ),
    ]
    for number, (name, task, due, period, owner) in enumerate(known):
        times = due_times(due, period, now)
        last, following = times[0], times[0] + period
        declared = json.dumps({"name": name, "task": task, **due})
        paused = (now - HOUR, now + 20 * HOUR, "the mail server moves house") if number == 3 else (None, None, None)
        connection.execute(
            "INSERT INTO workaday_schedules (name, task, declared, source, state, anchor, cursor, next_at, paused_at, paused_until, pause_note, owner, created_at, updated_at)"
            " VALUES (?, ?, ?, 'code', 'active', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (name, task, declared, last - 100 * period, last, following, *paused, owner, now - 30 * DAY, now - HOUR),
        )
        for tick in range(30):
            at = times[tick]
            nominal = datetime.fromtimestamp(at // SECOND, ZoneInfo(due.get("tz", "UTC"))).strftime("%Y-%m-%dT%H:%M:%S")
            reason = {2: "missed", 9: "skipped_overlap"}.get(tick) if number < 2 else None
            job = None if reason else uuid7(at, chance)
            connection.execute(
                "INSERT INTO workaday_ticks (schedule, at, until, count, reason, job_id, late, nominal, offset_s, decided_at) VALUES (?, ?, ?, 1, ?, ?, ?, ?, 0, ?)",
                (name, at, at, reason, job, tick == 5, nominal, at + SECOND),
            )
            if job:
                state = "discarded" if tick == 13 and number == 0 else "completed"
                key = connection.execute(
                    "INSERT INTO workaday_jobs (id, task, queue, lane, state, run_at, args, created_at) VALUES (?, ?, 'reports', 'sync', 'available', 0, '{}', 0)",
                    (job, task),
                ).lastrowid
                connection.execute("DELETE FROM workaday_jobs WHERE key = ?", (key,))
                ran = int(250 * SECOND * (0.8 + chance.random() * 0.5))
                connection.execute(
                    "INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, run_at, args, attempt, attempt_extra, fence, created_at, finished_at, schedule)"
                    " VALUES (?, ?, ?, 'reports', 0, 'sync', ?, ?, '{}', 1, 0, 1, ?, ?, ?)",
                    (key, job, task, state, at, at, at + ran, name),
                )
                connection.execute(
                    "INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, started_at, ended_at, waited_us, ran_us, release) VALUES (?, 1, 1, ?, ?, ?, ?, 4000, ?, ?)",
                    (key, "completed" if state == "completed" else "failed", at, at, at + ran, ran, RELEASES[1]),
                )


if __name__ == "__main__":
    began = time.monotonic()
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    fill(target, int(sys.argv[2]))
    print(f"{sys.argv[2]} jobs in {time.monotonic() - began:.1f} s: {target}")

"""What a release costs beyond the user's own commands and the watch: seconds a step, on a store of real size.

    python bench/release.py [--jobs 1000000] [--days 14] [--program workaday]

A repository with a service that has finished a million jobs and measured five series a minute for two weeks is released with
everything on: checks, backup and its proof, baseline, drain, deploy, health, comparison. Deploy only starts `workaday up` again,
and the watch is 0, so all that takes time is ours. One JSON line a step, and the sum, whose bar is 60 s.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from workaday.measure.histogram import Histogram

BAR = 60.0
SERIES = [("route", "GET /prices"), ("route", "GET /orders"), ("route", "POST /orders"), ("task", "shop.work"), ("task", "shop.mail")]

CONFIG = """
app = "jobs:app"
[worker]
processes = 1
[web]
bind = "127.0.0.1:0"
[release]
owner = "ops@shop.example"
expects = "the jobs go on"
checks = {{ compiles = ["{python}", "-m", "py_compile", "jobs.py"] }}
deploy = ["sh", "deploy.sh"]
rollback = ["sh", "deploy.sh"]
watch = "0s"
on_worse = "keep"
"""
JOBS = """
from workaday import App

app = App("shop")


@app.task(owner="office@shop.example", expects="a line", rollback="nothing to undo", retry_safe=True)
def work(n: int) -> int:
    return n
"""
FINISHED = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :jobs)
INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, run_at, args, result, attempt, attempt_extra, fence, created_at, finished_at)
SELECT 1000 + i, randomblob(16), 'shop.work', 'default', 0, 'sync', 'completed', :now - (:jobs - i) * 600000,
       '{"args":[' || i || '],"kwargs":{"text":"' || hex(randomblob(60)) || '"}}', '"' || hex(randomblob(20)) || '"', 1, 0, 1,
       :now - (:jobs - i) * 600000, :now - (:jobs - i) * 600000 + 90000
FROM n
"""
ATTEMPTS = """
INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, started_at, ended_at, waited_us, ran_us, cpu_us)
SELECT key, 1, 1, 'completed', run_at, run_at + 1000, finished_at, 1000, 89000, 5000 FROM workaday_finished WHERE key > 1000
"""


class Shop:
    def __init__(self, root: Path, program: str) -> None:
        self.root, self.program = root, program
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WORKADAY_")}
        self.environment = {**kept, "WORKADAY_PYTHON": sys.executable, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
        self.database = root / ".workaday/workaday.db"
        (root / "workaday.toml").write_text(CONFIG.format(python=sys.executable))
        (root / "jobs.py").write_text(JOBS)
        (root / "deploy.sh").write_text(f"setsid {program} up >> up.log 2>&1 < /dev/null &\n")
        (root / ".gitignore").write_text(".workaday/\n*.log\n__pycache__/\n")
        self.run("git", "init", "-q")
        self.commit("first")
        self.run(sys.executable, "-c", "import jobs; jobs.work.enqueue(1)")

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(words, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode not in codes:
            raise SystemExit(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def commit(self, message: str) -> None:
        self.run("git", "add", "-A")
        self.run("git", "-c", "user.name=b", "-c", "user.email=b@shop.example", "commit", "-q", "--allow-empty", "-m", message)

    def release(self, reason: str) -> dict[str, Any]:
        return json.loads(self.run(self.program, "release", "run", "--reason", reason, "--json", codes=(0, 4, 5)))

    def fill(self, jobs: int, days: int) -> None:
        now = time.time_ns() // 1000
        store = sqlite3.connect(self.database, isolation_level=None)
        store.execute("PRAGMA synchronous = OFF")
        store.execute("BEGIN")
        store.execute(FINISHED, {"jobs": jobs, "now": now})
        store.execute(ATTEMPTS)
        last = now // 60_000_000
        store.executemany(*self.measures(store, range(last - days * 1440, last)))
        store.execute("COMMIT")
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()

    def measures(self, store: sqlite3.Connection, minutes: range) -> tuple[str, list[tuple[Any, ...]]]:
        columns = [(row[1], row[2]) for row in store.execute("PRAGMA table_info(workaday_measures)")]
        known: dict[str, Any] = {"release": "r1", "count": 30, "errors": 0}
        blobs = []
        for shift in range(20):
            histogram = Histogram()
            for value in range(30):
                histogram.record(80_000 + 1_000 * ((value * 37 + shift * 11) % 40))
            blobs.append(histogram.encode())

        def value(name: str, kind: str, minute: int, series: tuple[str, str]) -> Any:
            fixed = {"minute": minute, "kind": series[0], "name": series[1], **known}
            if name in fixed:
                return fixed[name]
            if kind == "BLOB":
                return blobs[minute % 20] if name == "run_us" else None
            return None if kind == "TEXT" else 0

        rows = [tuple(value(name, kind, minute, series) for name, kind in columns) for minute in minutes for series in SERIES]
        return f"INSERT INTO workaday_measures VALUES ({', '.join('?' * len(columns))})", rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--program", default=str(Path(sys.executable).parent / "workaday"))
    parser.add_argument("--fill-only", metavar="FOLDER", help="make the repository and its store there, and leave it")
    parser.add_argument("--filled", metavar="FOLDER", help="take the one that --fill-only made")
    given = parser.parse_args()
    if given.fill_only:
        made = Shop(Path(given.fill_only), given.program)
        made.fill(given.jobs, given.days)
        return 0
    with tempfile.TemporaryDirectory(prefix="workaday-bench-") as folder:
        if given.filled:
            shop = Shop.__new__(Shop)
            shop.root, shop.program = Path(given.filled), given.program
            shop.database = shop.root / ".workaday/workaday.db"
            kept = {name: value for name, value in os.environ.items() if not name.startswith("WORKADAY_")}
            shop.environment = {**kept, "WORKADAY_PYTHON": sys.executable, "PYTHONPATH": str(shop.root), "PYTHONDONTWRITEBYTECODE": "1"}
        else:
            shop = Shop(Path(folder), given.program)
            shop.fill(given.jobs, given.days)
        try:
            return measure(shop)
        finally:
            subprocess.run([given.program, "worker", "drain"], cwd=shop.root, env=shop.environment, capture_output=True, check=False)


def measure(shop: Shop) -> int:
    shop.run("sh", "deploy.sh")
    deadline = time.monotonic() + 60
    while "supervisor" not in shop.run(shop.program, "worker", "list", "--json", codes=(0, 1, 3)) and time.monotonic() < deadline:
        time.sleep(0.1)
    shop.commit("second")
    size = shop.database.stat().st_size
    began = time.monotonic()
    done = shop.release("measured")
    took = time.monotonic() - began
    shown = json.loads(shop.run(shop.program, "release", "show", str(done["release"]), "--json"))
    for step in shown["steps"]:
        print(json.dumps({"what": step["step"], "seconds": round(seconds(step), 2), "state": step["state"]}), flush=True)
    steps = sum(seconds(step) for step in shown["steps"])
    print(json.dumps({"what": "checks and gate before, note after", "seconds": round(took - steps, 2)}))
    print(
        json.dumps({"what": "whole release", "seconds": round(took, 2), "bar": BAR, "store_mb": size // 1_000_000, "state": done["state"]})
    )
    return 0 if took < BAR else 1


def seconds(step: dict[str, Any]) -> float:
    from datetime import datetime

    began, ended = (datetime.fromisoformat(step[name].replace("Z", "+00:00")) for name in ("began_at", "ended_at"))
    return (ended - began).total_seconds()


if __name__ == "__main__":
    sys.exit(main())

"""What schedules cost: how late an every-second command starts, and the CPU of 10,000 schedules with nothing due.

`python bench/schedules.py` prints JSON and a line for each bar; `--seconds 30 --schedules 10000` are the defaults.
Timing figures mean something on an idle machine only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "acceptance"))

from harness import Project, cpu_seconds, wait_until
from scratch import scratch, spread

BEAT = '[command.beat]\nrun = ["sh", "-c", "date +%s%N >> beats.txt"]\nschedule = "* * * * * *"\noverlap = "allow"\n'
LATENESS_P99_MS, CPU_PERCENT = 20.0, 2.0
MANY = """
    import sys
    from concurrent.futures import ThreadPoolExecutor
    from jobs import app
    from workaday import cron

    def add(n):
        app.schedules.add(f"yearly:{n}", "bench.noop", cron(f"{n % 60} 3 1 1 *", tz="UTC"), args={"n": n}, reason="a measurement")

    with ThreadPoolExecutor(32) as threads:  # their commits are shared
        list(threads.map(add, range(int(sys.argv[1]))))
"""


def lateness(seconds: int) -> dict[str, object]:
    """From the tick to the start of the process, as the supervisor recorded it, and to its first line."""
    with scratch() as project:
        project.write("workaday.toml", BEAT)
        up = project.up()
        up.wait_line("is up on")
        ended = "SELECT count(*) FROM workaday_finished WHERE task = 'command.beat'"
        wait_until(lambda: project.one(ended) >= seconds, within=seconds + 60, what=f"{seconds} runs", seen=project.tell)
        up.stop()
        started = project.rows(
            "SELECT t.at, a.started_at FROM workaday_ticks AS t JOIN workaday_finished AS f ON f.id = t.job_id"
            " JOIN workaday_attempts AS a ON a.job = f.key WHERE t.late = 0 AND a.attempt = 1 ORDER BY t.at"
        )
        lines = [int(line) / 1e6 for line in (project.root / "beats.txt").read_text().split()]
    # The first tick meets a program that is still starting.
    starts = [(row["started_at"] - row["at"]) / 1000 for row in started[1:]]
    first_lines = [at_ms % 1000 for at_ms in lines[1:]]
    return {"runs": len(starts), "start_ms": spread(starts), "first_line_ms": spread(first_lines)}


def idle(count: int, seconds: int) -> dict[str, object]:
    """CPU of the supervisor with so many schedules of which none is due, and with none."""
    shares = []
    with scratch() as project:
        up = project.up()
        up.wait_line("is up on")
        up.wait_children(1)
        shares.append(share_of(up.pid, seconds))
        began = time.monotonic()
        add(project, count)
        adding = time.monotonic() - began
        wait_until(
            lambda: project.one("SELECT count(*) FROM workaday_schedules WHERE next_at > cursor + 1000000000") == count,
            within=120,
            what="every first tick worked out",
            seen=project.tell,
        )
        time.sleep(3)  # idling is measured, not the end of the start
        shares.append(share_of(up.pid, seconds))
        up.stop()
    return {
        "schedules": count,
        "cpu_percent": round(shares[1], 3),
        "cpu_percent_without": round(shares[0], 3),
        "added_per_second": round(count / adding),
    }


def add(project: Project, count: int) -> None:
    wait_until(lambda: project.rows("SELECT 1 FROM workaday_tasks"), within=30, what="the task", seen=project.tell)
    project.python(MANY, str(count), within=600)


def share_of(pid: int, seconds: int) -> float:
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)


def measure(quick: bool) -> dict[str, object]:
    seconds, count = (10, 1_000) if quick else (60, 10_000)
    return {"lateness": lateness(seconds), "idle": idle(count, 10 if quick else 30)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--schedules", type=int, default=10_000)
    given = options.parse_args()
    load = os.getloadavg()[0]
    found = {"load_before": round(load, 2), "lateness": lateness(given.seconds), "idle": idle(given.schedules, given.seconds)}
    print(json.dumps(found, indent=2))
    late, cpu = found["lateness"]["start_ms"]["p99"], found["idle"]["cpu_percent"]
    print(f"lateness p99 {late} ms (bar {LATENESS_P99_MS:g}); {given.schedules} idle schedules {cpu} % of a core (bar {CPU_PERCENT:g})")


if __name__ == "__main__":
    main()

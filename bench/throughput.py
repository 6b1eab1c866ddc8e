"""No-op jobs, enqueued before the supervisor starts, with shipped defaults. Counted from the attempt rows."""

from __future__ import annotations

from scratch import scratch

FILL = """
    import sys
    import jobs
    task, count = getattr(jobs, sys.argv[1]), int(sys.argv[2])
    for first in range(0, count, 1000):
        jobs.app.enqueue_many([task.prepare(n) for n in range(first, min(first + 1000, count))])
"""


def drain(task: str, count: int) -> dict[str, object]:
    with scratch() as project:
        project.python(FILL, task, str(count), within=300)
        supervisor = project.up()
        project.wait_all_finished(within=300)
        supervisor.stop()
        rows = project.rows("SELECT claimed_at, ended_at, outcome FROM workaday_attempts")
    assert len(rows) == count, f"{len(rows)} attempts for {count} jobs"
    assert {row["outcome"] for row in rows} == {"completed"}
    ended = sorted(row["ended_at"] for row in rows)
    first, last = count // 10, count - count // 10 - 1
    return {
        "jobs_per_second": round(count / ((ended[-1] - min(row["claimed_at"] for row in rows)) / 1e6)),
        "jobs_per_second_middle_80_percent": round((last - first) / ((ended[last] - ended[first]) / 1e6)),
        "jobs": count,
    }


def measure(quick: bool) -> dict[str, object]:
    count = 10_000 if quick else 100_000
    return {"sync": drain("noop", count), "async": drain("noop_async", count)}

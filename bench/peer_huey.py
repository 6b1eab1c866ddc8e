"""huey on SQLite, the nearest peer: no server, one file, fsync on. Measured in the same run, as its own docs start it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys

from harness import wait_until
from latency import PRODUCER, first_lines
from scratch import Project, scratch, spread

TASKS = """
    import os, time
    from huey import SqliteHuey

    huey = SqliteHuey("bench", filename="huey.db", fsync=True, results=False)

    @huey.task()
    def noop(n):
        pass

    @huey.task()
    def mark(n):
        now = time.monotonic_ns()
        file = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, f"{n} {now}\\n".encode())
        os.close(file)
"""

ENQUEUE = """
    import json, sys, time
    from tasks import noop
    count = int(sys.argv[1])
    began = time.perf_counter()
    for n in range(count):
        noop(n)
    print(json.dumps(count / (time.perf_counter() - began)))
"""

DRAIN = """
    import json, time
    from tasks import huey
    whole, marks = huey.pending_count(), []
    ends = time.monotonic() + 200
    while (left := huey.pending_count()) and time.monotonic() < ends:
        marks.append((time.perf_counter(), left))
        time.sleep(0.01)
    inside = [(at, left) for at, left in marks if 0.1 * whole < left < 0.9 * whole]
    (first, more), (last, fewer) = inside[0], inside[-1]
    print(json.dumps((more - fewer) / (last - first)))
"""


def consumer(project: Project, *options: str):
    return project.start(sys.executable, "-m", "huey.bin.huey_consumer", "tasks.huey", *options, log="huey.log")


def pick_up(count: int, *options: str) -> dict[str, float]:
    with scratch() as project:
        project.write("tasks.py", TASKS)
        project.write("jobs.py", "from tasks import mark\nmark.enqueue = mark\n")
        consumer(project, *options)
        project.python("from tasks import mark; mark(-1)")
        wait_until(project.effects_file.exists, within=20, what="the consumer works", seen=project.tell)
        project.effects_file.unlink()
        called = project.python(PRODUCER, "mark", str(count), within=300).json["called"]
        began = first_lines(project)
    return spread([(began[n] - at) / 1e6 for n, at in enumerate(called)])


def measure(quick: bool) -> dict[str, object] | None:
    if not importlib.util.find_spec("huey"):
        return None
    part = 10 if quick else 1
    with scratch() as project:
        project.write("tasks.py", TASKS)
        enqueued = round(project.python(ENQUEUE, str(10_000 // part), within=300).json)
        consumer(project)
        drained = round(project.python(DRAIN, within=300).json)
    return {
        "version": importlib.metadata.version("huey"),
        "enqueue_per_second": enqueued,
        "noop_jobs_per_second": drained,
        "pick_up_ms": pick_up(100 // part),
        "pick_up_ms_tuned": pick_up(100 // part, "-d", "0.01", "-m", "0.05"),
    }

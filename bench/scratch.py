"""A scratch project with the installed wheel, and figures read from it. Shares the tests' harness."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import EFFECTS, Project

BENCH = Path(__file__).parent
JOBS = """
    import os, time
    from workaday import App

    app = App("bench")

    def first_line(n, now):
        file = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, f"{n} {now}\\n".encode())
        os.close(file)

    @app.task
    def noop(n: int) -> None:
        pass

    @app.task
    async def noop_async(n: int) -> None:
        pass

    @app.task
    def mark(n: int) -> None:
        first_line(n, time.monotonic_ns())

    @app.task
    async def mark_async(n: int) -> None:
        first_line(n, time.monotonic_ns())
"""


@contextlib.contextmanager
def scratch() -> Iterator[Project]:
    """Shipped defaults: a `workaday.toml` that names the app and nothing else. On the disk of the checkout, not a tmpfs."""
    root = Path(tempfile.mkdtemp(prefix="bench-", dir=BENCH))
    project = Project(root)
    project.write("workaday.toml", 'app = "jobs:app"\n')
    project.write("effects.py", EFFECTS)
    project.write("jobs.py", JOBS)
    try:
        yield project
    finally:
        project.end_everything()
        shutil.rmtree(root, ignore_errors=True)


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """p50, p99 and the worst: a mean hides what a user feels."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "p50": round(statistics.median(ordered), digits),
        "p99": round(ordered[min(last, int(0.99 * len(ordered)))], digits),
        "max": round(ordered[last], digits),
        "n": len(ordered),
    }

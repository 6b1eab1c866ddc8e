"""What an idle installation costs, and how soon a new one works."""

from __future__ import annotations

import statistics
import sys
import time

from harness import Project, cpu_seconds, memory_kib

JOBS = """
    from workaday import App
    from effects import effect

    app = App("small")

    @app.task
    def work(n: int) -> int:
        effect("work", n=n)
        return n
"""


def test_import_takes_less_than_50_ms(project: Project) -> None:
    # Time of this process alone: a busy machine makes nobody's import slower.
    source = "import time; a = time.process_time(); import workaday; print(1000 * (time.process_time() - a))"
    took = [float(project.run(sys.executable, "-c", source).out) for _ in range(7)]
    assert statistics.median(took) < 50, took


def test_the_client_needs_only_the_standard_library(project: Project) -> None:
    bare = "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p] + [{!r}]; import workaday"
    import workaday

    folder = str(__import__("pathlib").Path(workaday.__file__).parents[1])
    source = bare.format(folder) + "; print(sorted(m for m in sys.modules if m.split('.')[0] in ('pydantic', 'fastapi', 'sqlalchemy')))"
    assert project.run(sys.executable, "-S", "-c", source).out.strip() == "[]"


def test_the_client_loads_no_native_code(project: Project) -> None:
    got = project.python("import sys, workaday; print('workaday._core' in sys.modules)")
    assert got.out.strip() == "False"


def test_an_idle_installation_is_small_and_quiet(project: Project) -> None:
    project.write("jobs.py", JOBS)
    supervisor = project.up()
    [job] = project.enqueue("work.enqueue(1)")
    project.wait_state(job, "completed")
    children = supervisor.wait_children(1)
    assert memory_kib(supervisor.pid) < 20 * 1024
    for child in children:
        assert memory_kib(child) < 40 * 1024

    shares: list[float] = []
    while not shares or (shares[-1] >= 0.0075 and len(shares) < 3):  # what others do to the caches is theirs
        # CPU over time can only be seen by letting time pass.
        before, began = cpu_seconds(supervisor.pid), time.monotonic()
        time.sleep(4)
        shares.append((cpu_seconds(supervisor.pid) - before) / (time.monotonic() - began))
    assert shares[-1] < 0.0075, f"an idle supervisor used {shares} of a core (the clock ticks at 10 ms)"


def test_a_new_project_has_its_first_result_within_seconds(project: Project) -> None:
    project.write("jobs.py", JOBS)
    began = time.monotonic()
    project.up()
    project.python("from jobs import work; work.enqueue(1).result(timeout='10s')")
    assert time.monotonic() - began < 10

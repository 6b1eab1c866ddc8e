"""A job that kills its process is found, held and named; every other job goes on."""

from __future__ import annotations

from harness import Project

JOBS = """
    import asyncio, ctypes, os, time
    from workaday import App, Retry
    from effects import effect

    app = App("poison")
    patient = Retry(attempts=10, backoff="fixed", base="20ms")

    @app.task(retry=patient)
    def good(n: int) -> int:
        effect("good", n=n)
        return n

    @app.task(retry=patient)
    def segfault() -> None:
        effect("poison")
        ctypes.string_at(0)

    @app.task(retry=patient)
    async def good_async(n: int) -> int:
        effect("begin", n=n)
        await asyncio.sleep(0.05)
        effect("good", n=n)
        return n

    @app.task(retry=patient)
    async def segfault_async() -> None:
        effect("poison")
        await asyncio.sleep(0)
        ctypes.string_at(0)

    @app.task(retry=patient)
    def exits(code: int) -> None:
        effect("exit", code=code)
        os._exit(code)
"""


def test_a_poison_job_is_quarantined_while_a_hundred_good_ones_finish(project: Project) -> None:
    project.write("jobs.py", JOBS)
    jobs = project.enqueue(
        "app.enqueue_many([good.prepare(n) for n in range(50)] + [segfault.prepare()] + [good.prepare(n) for n in range(50, 100)])"
    )
    poison = jobs.pop(50)
    project.up()
    row = project.wait_held(poison, "quarantine")
    for job in jobs:
        assert project.wait_state(job, "completed")["attempt"] == 1
    assert len(project.effects("good")) == 100
    assert len(project.effects("poison")) == 3
    assert row["crash_count"] == 3
    assert project.outcomes(poison) == ["crashed"] * 3
    assert "SEGV" in str(project.attempts(poison)[0]["cause"])


def test_the_guilty_one_of_a_crowd_on_one_loop_is_found(project: Project) -> None:
    project.write("jobs.py", JOBS)
    jobs = project.enqueue(
        "app.enqueue_many([good_async.prepare(n) for n in range(50)] + [segfault_async.prepare()]"
        " + [good_async.prepare(n) for n in range(50, 100)])"
    )
    poison = jobs.pop(50)
    project.up()
    project.wait_held(poison, "quarantine", within=40)
    for job in jobs:
        row = project.wait_state(job, "completed")
        assert row["attempt"] == 1  # innocent: no attempt was spent on the crash of another
    assert "crashed" not in [outcome for job in jobs for outcome in project.outcomes(job)]


def test_a_quarantined_job_names_its_cause_and_runs_again_when_released(project: Project) -> None:
    project.write("jobs.py", JOBS)
    [poison] = project.enqueue("segfault.enqueue()")
    supervisor = project.up()
    project.wait_held(poison, "quarantine")
    why = project.workaday("job", "why", poison).out
    assert "quarantine" in why
    assert poison in project.workaday("job", "list", "--json").out
    supervisor.stop()
    project.write("jobs.py", JOBS.replace("ctypes.string_at(0)", "pass"))
    project.up()
    project.workaday("job", "retry", poison)
    assert project.wait_state(poison, "completed")["attempt"] == 4  # three crashes, and the one granted by hand


def test_a_task_that_exits_its_process_is_a_crash_with_that_exit_code(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    [job] = project.enqueue("exits.enqueue(7)")
    project.wait_held(job, "quarantine")
    assert "7" in str(project.attempts(job)[0]["cause"])

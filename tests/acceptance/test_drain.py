"""SIGTERM: finish what can finish, give the rest back without charge, leave nothing running."""

from __future__ import annotations

import os
import signal

from harness import Project, alive, wait_until

JOBS = """
    import asyncio, time
    from workaday import App
    from effects import effect

    app = App("drain")

    @app.task
    def work(n: int, seconds: float) -> int:
        effect("begin", n=n)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(0.01)
        effect("end", n=n)
        return n

    @app.task
    async def work_async(n: int, seconds: float) -> int:
        effect("begin", n=n)
        await asyncio.sleep(seconds)
        effect("end", n=n)
        return n
"""


def test_a_drain_finishes_short_work_and_gives_long_work_back(project: Project) -> None:
    project.write("jobs.py", JOBS)
    short, long, queued = project.enqueue("[work.enqueue(1, 0.3), work.enqueue(2, 600.0), work.enqueue(3, 600.0)]")
    long_async = project.enqueue("[work_async.enqueue(10 + n, 600.0) for n in range(100)]")
    supervisor = project.up()
    project.wait_effect("begin", 102)
    assert supervisor.stop(within=15) == 0
    assert [e["n"] for e in project.effects("end")] == [1]
    assert project.job(short)["state"] == "completed"
    for job in [long, queued, *long_async]:
        row = project.job(job)
        assert (row["state"], row["attempt"], row["held"]) == ("available", 0, None)
    assert set(project.outcomes(long)) == {"given_back"}


def test_nothing_runs_after_the_supervisor_has_said_goodbye(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.enqueue("[work.enqueue(n, 600.0) for n in range(2)]")
    supervisor = project.up()
    workers = {e["pid"] for e in project.wait_effect("begin", 2)}
    assert supervisor.stop(within=15) == 0
    assert not [pid for pid in workers if alive(pid)]


def test_a_second_sigterm_ends_it_at_once(new_project) -> None:
    project = new_project(config='[worker]\nprocesses = 1\ngrace = "10m"\n')
    project.write("jobs.py", JOBS)
    [job] = project.enqueue("work.enqueue(1, 600.0)")
    supervisor = project.up()
    project.wait_effect("begin", 1)
    os.kill(supervisor.pid, signal.SIGTERM)
    supervisor.wait_line("(?i)drain")
    os.kill(supervisor.pid, signal.SIGTERM)
    assert supervisor.wait_exit(within=15) == 0
    assert (project.job(job)["state"], project.job(job)["attempt"]) == ("available", 0)


def test_the_next_supervisor_goes_on_where_the_drained_one_stopped(project: Project) -> None:
    project.write("jobs.py", JOBS)
    [job] = project.enqueue("work.enqueue(1, 600.0)")
    first = project.up()
    project.wait_effect("begin", 1)
    first.stop(within=15)
    second = project.up()
    wait_until(lambda: len(project.effects("begin")) == 2, within=10, what="the job begins again", seen=project.tell)
    assert project.job(job)["attempt"] == 1
    second.kill()


def test_every_child_ends_with_a_supervisor_that_was_killed(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.enqueue("[work.enqueue(1, 600.0), work_async.enqueue(2, 600.0)]")
    supervisor = project.up()
    workers = {e["pid"] for e in project.wait_effect("begin", 2)}
    supervisor.kill()
    wait_until(lambda: not any(alive(pid) for pid in workers), within=5, what="the orphans are gone")


def test_worker_drain_stops_the_supervisor_and_names_it_and_refuses_when_there_is_none(project: Project) -> None:
    project.write("jobs.py", JOBS)
    [job] = project.enqueue("work.enqueue(1, 0.0)")
    supervisor = project.up()
    project.wait_state(job, "completed")
    assert str(supervisor.pid) in project.workaday("worker", "drain").out
    assert supervisor.wait_exit() == 0
    assert "error[supervisor.absent]" in project.workaday("worker", "drain", code=3).err

"""Time, memory and processes: every kind of work that will not stop by itself is stopped."""

from __future__ import annotations

import json

import pytest
from harness import Project, alive, wait_until

JOBS = """
    import asyncio, os, subprocess, sys, time
    from workaday import App, Retry
    from effects import effect

    app = App("limits")
    once = Retry(attempts=1)

    @app.task(timeout="300ms", retry=once)
    def python_loop() -> None:
        effect("begin")
        while True:
            time.sleep(0.01)

    @app.task(timeout="300ms", retry=once)
    def deaf_python() -> None:
        effect("begin")
        while True:
            try:
                while True:
                    time.sleep(0.01)
            except BaseException:
                effect("ignored")

    @app.task(timeout="300ms", retry=once)
    def c_code_with_the_gil() -> int:
        effect("begin")
        return sum(range(10**13))

    @app.task(timeout="300ms", retry=once)
    async def coroutine() -> None:
        effect("begin")
        await asyncio.sleep(600)

    @app.task(timeout="300ms", retry=once)
    async def coroutine_that_blocks_its_loop() -> None:
        effect("begin")
        sum(range(10**13))

    @app.task(timeout="300ms", retry=Retry(attempts=2, backoff="fixed", base="20ms"))
    def twice() -> None:
        effect("begin")
        time.sleep(600)

    @app.task(memory="96M", retry=once)
    def hog() -> int:
        effect("begin")
        kept = []
        while True:
            kept.append(bytearray(4 << 20))

    @app.task
    def good(n: int) -> int:
        effect("good", n=n)
        return n

    @app.task(timeout="1s", retry=once)
    def leaves_a_grandchild() -> None:
        sleeper = subprocess.Popen(["sleep", "600"], start_new_session=True)
        effect("grandchild", child=sleeper.pid)
        sum(range(10**13))  # only SIGKILL ends this

    @app.task
    def daemon() -> int:
        # Twice forked, a session of its own, no parent left: what a daemon does.
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.write(write, str(os.getpid()).encode())
                os.execvp("sleep", ["sleep", "600"])
            os._exit(0)
        os.wait()
        pid = int(os.read(read, 20))
        effect("grandchild", child=pid)
        return pid
"""

CONFIG = """
[worker]
processes = 2
grace = "2s"
kill_after = "500ms"
"""


@pytest.fixture
def limits(new_project) -> Project:
    project = new_project(config=CONFIG)
    project.write("jobs.py", JOBS)
    return project


@pytest.mark.parametrize(
    "task",
    ["python_loop", "deaf_python", "c_code_with_the_gil", "coroutine", "coroutine_that_blocks_its_loop"],
)
def test_a_job_over_its_time_is_stopped_and_says_so(limits: Project, task: str) -> None:
    limits.up()
    [job] = limits.enqueue(f"{task}.enqueue()")
    limits.wait_state(job, "discarded")
    [attempt] = limits.attempts(job)
    assert attempt["outcome"] == "timed_out"
    assert attempt["ran_us"] >= 300_000
    [good] = limits.enqueue("good.enqueue(1)")
    limits.wait_state(good, "completed")


def test_a_timeout_is_retried_as_the_policy_says(limits: Project) -> None:
    limits.up()
    [job] = limits.enqueue("twice.enqueue()")
    limits.wait_state(job, "discarded")
    assert limits.outcomes(job) == ["timed_out", "timed_out"]


def test_a_memory_hog_is_stopped_and_good_jobs_go_on(limits: Project) -> None:
    limits.up()
    [hog] = limits.enqueue("hog.enqueue()")
    good = limits.enqueue("[good.enqueue(n) for n in range(20)]")
    limits.wait_state(hog, "discarded", within=30)
    for job in good:
        assert limits.wait_state(job, "completed")["attempt"] == 1
    assert limits.outcomes(hog) == ["over_memory"]


def test_the_cause_of_death_is_written_down(limits: Project) -> None:
    limits.up()
    [job] = limits.enqueue("c_code_with_the_gil.enqueue()")
    limits.wait_state(job, "discarded")
    cause = json.loads(limits.attempts(job)[0]["cause"])
    assert cause["kind"] in ("timeout", "signal")


def test_a_grandchild_in_its_own_session_ends_with_the_killed_child(limits: Project) -> None:
    limits.up()
    [job] = limits.enqueue("leaves_a_grandchild.enqueue()")
    [line] = limits.wait_effect("grandchild")
    limits.wait_state(job, "discarded")
    wait_until(lambda: not alive(line["child"]), within=5, what="the grandchild is gone")


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_daemon_that_left_every_group_ends_with_its_supervisor(limits: Project, end: str) -> None:
    supervisor = limits.up()
    [job] = limits.enqueue("daemon.enqueue()")
    [line] = limits.wait_effect("grandchild")
    limits.wait_state(job, "completed")
    assert alive(line["child"])
    if end == "stop":
        supervisor.stop()
    else:
        supervisor.kill()
        limits.up().wait_lock()  # the next supervisor ends what the killed one left
    wait_until(lambda: not alive(line["child"]), within=5, what="the daemon is gone")

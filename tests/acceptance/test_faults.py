"""Faults of the machine around a running supervisor: stopped processes, no descriptors left, a configuration cut off."""

from __future__ import annotations

import os
import resource
import signal

import pytest
from harness import Project, alive, wait_until

JOBS = """
    import time
    from workaday import App, Retry
    from effects import effect

    app = App("faults")

    @app.task
    def good(n: int) -> int:
        effect("good", n=n)
        return n

    @app.task(timeout="2s", retry=Retry(attempts=1))
    def slow(n: int) -> int:
        effect("begin", n=n)
        time.sleep(60)
        return n
"""


@pytest.fixture
def faulty(project: Project) -> Project:
    project.write("jobs.py", JOBS)
    return project


def test_a_stopped_child_is_killed_at_its_jobs_deadline(faulty: Project) -> None:
    faulty.up()
    [job] = faulty.enqueue("slow.enqueue(1)")
    [begun] = faulty.wait_effect("begin")
    os.kill(begun["pid"], signal.SIGSTOP)
    faulty.wait_state(job, "discarded", within=30)
    wait_until(lambda: not alive(begun["pid"]), within=10, what="the stopped child is dead")
    assert faulty.outcomes(job) == ["timed_out"]


def test_a_stopped_supervisor_that_comes_back_settles_each_job_once(faulty: Project) -> None:
    supervisor = faulty.up()
    [job] = faulty.enqueue("slow.enqueue(1)")
    [begun] = faulty.wait_effect("begin")
    os.kill(supervisor.pid, signal.SIGSTOP)
    # The kernel's own timer ends the child: nobody else could.
    wait_until(lambda: not alive(begun["pid"]), within=30, what="the child ends though its supervisor is stopped")
    more = faulty.enqueue("[good.enqueue(n) for n in range(5)]")
    os.kill(supervisor.pid, signal.SIGCONT)
    faulty.wait_state(job, "discarded", within=30)
    assert len(faulty.outcomes(job)) == 1
    for one in more:
        faulty.wait_state(one, "completed")
        assert faulty.outcomes(one) == ["completed"]


def test_a_supervisor_without_descriptors_goes_on_when_it_has_some_again(faulty: Project) -> None:
    supervisor = faulty.up()
    [before] = faulty.enqueue("good.enqueue(1)")
    faulty.wait_state(before, "completed")
    soft, hard = resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE, (4, hard))
    # A child that dies now has to be replaced, for which there is no descriptor.
    for child in supervisor.children():
        os.kill(child, signal.SIGKILL)
    during = faulty.enqueue("[good.enqueue(n) for n in range(2, 6)]")
    wait_until(lambda: not supervisor.children() or supervisor.process.poll() is not None, within=10, what="the children are gone")
    assert supervisor.process.poll() is None, faulty.tell()
    resource.prlimit(supervisor.pid, resource.RLIMIT_NOFILE, (soft, hard))
    for job in during:
        faulty.wait_state(job, "completed", within=60)
        assert faulty.outcomes(job).count("completed") == 1
    assert supervisor.stop() == 0


def test_a_half_written_configuration_changes_nothing_and_is_told(faulty: Project) -> None:
    supervisor = faulty.up()
    faulty.enqueue("good.enqueue(0)")
    faulty.wait_effect("good")
    file = faulty.root / "workaday.toml"
    whole = file.read_text()
    cuts = [at for at in range(1, len(whole)) if whole[at - 1] in '[="' and whole[at] not in "\n"]
    for number, at in enumerate(cuts, 1):
        file.write_text(whole[:at])
        told = supervisor.output().count("SIGHUP")
        supervisor.process.send_signal(signal.SIGHUP)
        wait_until(lambda told=told: supervisor.output().count("SIGHUP") > told, within=10, what=f"an answer to the cut at {at}")
        file.write_text(whole)  # a client reads the file too, and would refuse it as well
        faulty.enqueue(f"good.enqueue({number})")
    faulty.wait_effect("good", count=len(cuts) + 1)
    assert supervisor.process.poll() is None
    assert supervisor.stop() == 0

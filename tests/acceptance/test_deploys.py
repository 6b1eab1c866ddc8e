"""Code that changes, does not import, or no longer knows a task: jobs wait, and say for what."""

from __future__ import annotations

import os
import signal

from harness import Project, wait_until

HEAD = """
    from workaday import App
    from effects import effect

    app = App("deploys")

    @app.task
    def kept(n: int) -> int:
        effect("kept", n=n)
        return n
"""
OLD = (
    HEAD
    + """
    @app.task
    def renamed(n: int) -> int:
        effect("renamed", n=n)
        return n
"""
)
WIDER = (
    HEAD
    + """
    @app.task
    def renamed(n: int, *, currency: str) -> int:
        return n
"""
)


def test_a_task_missing_after_a_deploy_is_held_and_lifted_when_it_is_back(project: Project) -> None:
    project.write("jobs.py", OLD)
    first = project.up()
    [probe] = project.enqueue("kept.enqueue(0)")
    project.wait_state(probe, "completed")
    first.stop()
    [waiting] = project.enqueue("renamed.enqueue(1)")

    project.write("jobs.py", HEAD)
    second = project.up()
    project.wait_held(waiting, "unknown_task")
    [good] = project.enqueue("kept.enqueue(2)")
    project.wait_state(good, "completed")
    assert "unknown_task" in project.workaday("job", "why", waiting).out
    assert project.one("SELECT count(*) FROM workaday_alerts WHERE closed_at IS NULL") >= 1
    second.stop()

    project.write("jobs.py", OLD)
    project.up()
    assert project.wait_state(waiting, "completed")["attempt"] == 1
    assert len(project.effects("renamed")) == 1


def test_an_end_that_was_asked_for_is_told_from_a_death(project: Project) -> None:
    """After an orderly drain the list said `its supervisor died`, and the checklist counted no death at all."""
    project.write("jobs.py", OLD)
    supervisor = project.up()
    [probe] = project.enqueue("kept.enqueue(0)")
    project.wait_state(probe, "completed")
    [victim, *_] = supervisor.wait_children()
    os.kill(victim, signal.SIGKILL)
    ended = "SELECT count(*) FROM workaday_workers WHERE end_cause LIKE 'killed by SIGKILL%'"
    wait_until(lambda: project.one(ended) == 1, within=20, what="the death is known")
    supervisor.stop()
    ends = [row["end_cause"] for row in project.workaday("worker", "list", "--all", "--json").json["workers"]]
    assert ends.count("drained") == len(ends) - 1, ends
    checks = {check["name"]: check for check in project.workaday("doctor", "--json", code=1).json["checks"]}
    assert (checks["worker.deaths"]["state"], checks["worker.deaths"]["found"]) == ("warn", "1 in the last day")


def test_a_supervisor_that_was_killed_is_no_drain(project: Project) -> None:
    project.write("jobs.py", OLD)
    first = project.up()
    first.wait_children()
    first.kill()
    project.up().wait_children()
    rows = project.workaday("worker", "list", "--all", "--json").json["workers"]
    assert {row["kind"]: row["end_cause"] for row in rows if row["ended_at"]}["supervisor"] == "died before it could say why"


def test_arguments_that_no_longer_fit_are_held_and_not_lost(project: Project) -> None:
    project.write("jobs.py", OLD)
    [waiting] = project.enqueue("renamed.enqueue(1)")
    project.write("jobs.py", WIDER)
    second = project.up()
    project.wait_held(waiting, "arguments_misfit")
    second.stop()
    project.write("jobs.py", OLD)
    project.up()
    project.wait_state(waiting, "completed")


def test_an_import_error_is_shown_and_loses_nothing(project: Project) -> None:
    project.write("jobs.py", OLD)
    first = project.up()
    [probe] = project.enqueue("kept.enqueue(0)")
    project.wait_state(probe, "completed")
    first.stop()
    jobs = project.enqueue("[kept.enqueue(1), renamed.enqueue(2)]")

    project.write("jobs.py", "import nothing_of_this_name\n")
    second = project.up()
    second.wait_line("nothing_of_this_name")
    for job in jobs:
        row = project.job(job)
        assert (row["state"], row["held"], row["attempt"]) == ("available", None, 0)
    second.stop()

    project.write("jobs.py", OLD)
    project.up()
    for job in jobs:
        assert project.wait_state(job, "completed")["attempt"] == 1


def test_a_missing_module_is_named(project: Project) -> None:
    supervisor = project.up("no_such_module:app")
    supervisor.wait_line("no_such_module")


def test_every_attempt_carries_the_release_of_its_child(project: Project) -> None:
    project.write("jobs.py", HEAD)
    project.up(WORKADAY_RELEASE="2026.11.1")
    [job] = project.enqueue("kept.enqueue(1)")
    project.wait_state(job, "completed")
    assert project.attempts(job)[0]["release"] == "2026.11.1"

"""One supervisor a store; what a second one says; a store that was copied."""

from __future__ import annotations

from collections.abc import Callable

from harness import Project, copy_store

JOBS = """
    from workaday import App
    from effects import effect

    app = App("one")

    @app.task
    def work(n: int) -> int:
        effect("work", n=n)
        return n
"""


def test_a_supervisor_on_a_copy_leaves_the_workers_of_the_original_alone(new_project: Callable[..., Project]) -> None:
    """The copied rows name the original's processes: `up` on a copy, made to have a look, killed them in the middle."""
    original = new_project("original")
    original.write("jobs.py", JOBS)
    supervisor = original.up()
    [first] = original.enqueue("work.enqueue(1)")
    original.wait_state(first, "completed")
    at_work = supervisor.wait_children()
    for name, options in (("looked-at", []), ("adopted", ["--adopt"])):
        copy = new_project(name)
        copy.write("jobs.py", JOBS)
        copy_store(original, copy)
        on_copy = copy.up("jobs:app", *options)
        on_copy.wait_children()
        assert on_copy.stop() == 0
        assert set(at_work) <= set(supervisor.children()), name
    assert original.one("SELECT count(*) FROM workaday_workers WHERE ended_at IS NOT NULL") == 0


def test_the_second_supervisor_names_the_first_and_exits_3(project: Project) -> None:
    project.write("jobs.py", JOBS)
    first = project.up()
    first.wait_lock()
    second = project.workaday("up", "jobs:app", code=3)
    assert str(first.pid) in second.out + second.err
    assert "expected" in second.err
    [job] = project.enqueue("work.enqueue(1)")
    project.wait_state(job, "completed")


def test_a_new_supervisor_starts_at_once_when_the_old_one_was_killed(project: Project) -> None:
    project.write("jobs.py", JOBS)
    first = project.up()
    first.wait_lock()
    first.kill()
    project.up().wait_lock()
    [job] = project.enqueue("work.enqueue(1)")
    project.wait_state(job, "completed")


def test_a_copied_store_starts_paused_until_it_is_adopted(new_project) -> None:
    original, copy = new_project("original"), new_project("copy")
    for project in (original, copy):
        project.write("jobs.py", JOBS)
    supervisor = original.up()
    [done] = original.enqueue("work.enqueue(1)")
    original.wait_state(done, "completed")
    supervisor.stop()
    [waiting] = original.enqueue("work.enqueue(2)")
    copy_store(original, copy)

    paused = copy.up()
    paused.wait_line("(?i)cop(y|ied)")
    paused.wait_line("--adopt")
    paused.wait_children(1)
    assert paused.stop() == 0
    assert copy.job(waiting)["state"] == "available"
    assert not copy.effects()

    copy.up("jobs:app", "--adopt")
    copy.wait_state(waiting, "completed")
    assert [e["n"] for e in copy.effects()] == [2]

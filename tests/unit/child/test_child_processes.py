"""Forks, programs and exits of user code."""

import json
import os
import signal

import frames
import pytest


def test_a_fork_holds_nothing_of_the_child(start):
    child = start()
    said, descriptors, mapped = json.loads(child.run("fork_and_try").payload).split("|")
    assert "forked from a worker" in said
    assert descriptors == "[]"
    assert mapped == "False"
    assert child.raw() == "raw from the fork\n"


def test_a_fork_that_returns_from_the_task_ends_there(start):
    child = start()
    assert child.run("fork_and_return").payload == "70"
    assert "came back from its task" in child.raw()
    assert child.run("noop").kind == "completed"


def test_multiprocessing_works_and_its_output_is_raw(start):
    child = start()
    assert child.run("in_processes").payload == "14"
    assert sorted(child.raw().split("\n")) == ["", "squaring 1", "squaring 2", "squaring 3"]


def test_programs_inherit_no_descriptor_of_ours(start):
    child = start()
    assert not [name for name in json.loads(child.run("inherited").payload) if "lock" in name or "memfd" in name or "eventfd" in name]


def test_the_lock_is_held_while_the_child_lives(start):
    child = start()
    assert not child.lock_is_free()
    os.kill(child.pid, signal.SIGKILL)
    child.exit()
    assert child.lock_is_free()


@pytest.mark.parametrize("kind", ["sync", "async", "solo"])
def test_an_exit_past_python_is_seen_by_the_supervisor(start, kind):
    child = start(kind)
    child.run("noop")
    seq = child.job("exit_now", code=7)
    assert child.exit() == 7
    assert child.begun()[0] == seq


def test_a_job_that_the_supervisor_must_kill_tells_where_it_was(start):
    child = start()
    child.wait("started", seq=child.job("hold_gil_openly", seconds=60))
    os.kill(child.pid, signal.SIGTERM)
    assert child.exit() == -signal.SIGTERM
    assert "in hold_gil_openly" in child.raw()


def test_a_crash_in_c_tells_where_it_was(start):
    child = start()
    child.job("segfault")
    assert child.exit() == -signal.SIGSEGV
    assert "in segfault" in child.raw()


def test_a_thread_left_behind_does_not_keep_a_drained_child(start):
    child = start("async")
    child.run("leave_a_thread", seconds=1)
    child.send(frames.drain())
    child.wait("bye")
    assert child.exit() == 0

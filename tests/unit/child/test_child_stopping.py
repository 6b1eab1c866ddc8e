"""Cancel, timeout, recall, drain, and the kernel timer behind them all."""

import json
import os
import random
import select
import signal
import time

import frames
import pytest

BY_HAND, TIMEOUT, DRAIN = 1, 2, 3


@pytest.mark.parametrize("kind", ["sync", "solo"])
@pytest.mark.parametrize(
    ("why", "outcome", "error"),
    [(BY_HAND, "cancelled", "JobStopped"), (TIMEOUT, "timed_out", "TaskTimedOut"), (DRAIN, "given_back", None)],
)
def test_a_sleep_is_interrupted(start, kind, why, outcome, error):
    child = start(kind)
    seq = child.job("sleep", seconds=60)
    child.wait("started", seq=seq)
    child.send(frames.cancel(seq, why))
    frame = child.outcome(seq)
    assert frame.kind == outcome
    assert frame.ended_ns - frame.started_ns < 10_000_000_000
    if error:
        assert json.loads(frame.payload)["type"].endswith(error)
    assert child.run("noop").kind == "completed"


@pytest.mark.parametrize("kind", ["async", "solo"])
@pytest.mark.parametrize(("why", "outcome"), [(BY_HAND, "cancelled"), (TIMEOUT, "timed_out"), (DRAIN, "given_back")])
def test_a_coroutine_is_cancelled(start, kind, why, outcome):
    child = start(kind)
    seq = child.job("atidy")
    child.wait("started", seq=seq)
    child.send(frames.cancel(seq, why))
    assert child.outcome(seq).kind == outcome
    assert child.lines(seq) == ["cancelled"]
    assert child.run("anoop").kind == "completed"


def test_a_coroutine_that_finishes_in_spite_of_it_is_completed(start):
    child = start("async")
    seq, other = child.job("astubborn", seconds=60), child.job("asleep", seconds=0.3)
    child.wait("started", seq=seq)
    child.send(frames.cancel(seq, TIMEOUT))
    assert child.outcome(seq).payload == '"finished in spite"'
    assert child.outcome(other).kind == "completed"


def test_a_job_is_interrupted_once(start):
    child = start()
    seq = child.job("stubborn", seconds=1)
    child.wait("started", seq=seq)
    child.send(frames.cancel(seq, TIMEOUT), frames.cancel(seq, BY_HAND), frames.cancel(seq, TIMEOUT))
    assert child.outcome(seq).kind == "completed"
    assert child.lines(seq) == ["swallowed TaskTimedOut"] or child.lines(seq) == ["swallowed JobStopped"]


def test_a_stop_never_hits_the_next_job(start):
    """Stops fly at jobs that are just ending: each hits its own job or none."""
    child = start()
    for _ in range(300):
        first, one = child.job_bytes("noop")
        second, two = child.job_bytes("noop")
        child.send(one, frames.cancel(first, TIMEOUT), two)
        assert child.outcome(second).kind == "completed"
        assert child.outcome(first).kind in {"completed", "timed_out", "given_back"}
    assert [frame.seq for frame in child.frames if frame.name == "outcome"] == list(range(1, 601))


def test_a_job_cancelled_before_it_began_never_begins(start):
    child = start()
    long = child.job("sleep", seconds=60)
    child.wait("started", seq=long)
    waiting = child.job("noop")
    child.send(frames.cancel(waiting, BY_HAND))
    frame = child.outcome(waiting)
    assert (frame.kind, frame.started_ns) == ("cancelled", 0)
    assert child.begun()[0] == long


def test_recall_is_answered_while_a_job_holds_the_gil(start):
    child = start()
    seq = child.job("hold_gil", seconds=60)
    waiting = [child.job("noop") for _ in range(5)]
    child.wait("started", seq=seq)
    child.send(frames.recall(77))
    assert child.wait("recalled", nonce=77).seqs == waiting
    assert child.begun()[0] == seq


def test_recall_takes_from_an_async_child_only_what_has_not_begun(start):
    child = start("async")
    blocking = child.job("ablock", seconds=2)
    child.wait("started", seq=blocking)
    behind = [child.job("anoop") for _ in range(3)]
    child.send(frames.recall(1))
    assert child.wait("recalled", nonce=1).seqs == behind
    assert child.run("anoop").kind == "completed"


def test_a_drain_gives_back_what_has_not_begun_and_finishes_the_rest(start):
    child = start()
    running = child.job("sleep", seconds=2)
    waiting = [child.job("noop") for _ in range(3)]
    child.wait("started", seq=running)
    child.send(frames.drain(), frames.job(99, "t.noop"))
    assert [child.outcome(seq).kind for seq in [*waiting, 99]] == ["given_back"] * 4
    assert child.outcome(running).kind == "completed"
    assert child.exit() == 0


def test_a_drain_waits_for_the_coroutines_that_run(start):
    child = start("async")
    running = [child.job("asleep", seconds=0.2) for _ in range(5)]
    child.wait("started", seq=running[-1])
    child.send(frames.drain())
    assert [child.outcome(seq).kind for seq in running] == ["completed"] * 5
    child.wait("bye")
    assert child.exit() == 0


def test_the_kernel_kills_a_job_that_holds_the_gil_with_all_signals_blocked(start):
    child = start(kill_after=0.2)
    seq = child.job("hold_gil", seconds=60, timeout=0.3)
    announced = child.wait("started", seq=seq)
    assert child.exit() == -signal.SIGKILL
    assert time.monotonic_ns() - announced.at_ns >= 300_000_000
    assert child.begun()[0] == seq


def test_the_kernel_kills_a_loop_that_blocks_at_the_earliest_deadline(start):
    child = start("async", kill_after=0.1)
    child.job("asleep", seconds=60, timeout=3600)
    child.job("asleep", seconds=60, timeout=0.5)
    child.job("ablock", seconds=60, timeout=3600)
    assert child.exit() == -signal.SIGKILL


@pytest.mark.parametrize(("kind", "task"), [("sync", "sleep"), ("async", "asleep")])
def test_no_deadline_outlives_its_job(start, kind, task):
    child = start(kind, kill_after=0.05)
    for _ in range(3):
        assert child.run(task, seconds=0.01, timeout=0.5).kind == "completed"
    assert child.run(task, seconds=1).kind == "completed"
    child.send(*[frames.job(50 + n, f"t.{task}", '{"seconds":0.03}', timeout_us=500_000) for n in range(30)])
    assert child.outcome(79).kind == "completed"


def test_an_outcome_that_must_not_wait_is_sent_at_once(start):
    child = start()
    first = child.job_bytes("noop", flush=True)
    second = child.job_bytes("sleep", seconds=60)
    child.send(first[1], second[1])
    child.outcome(first[0])
    assert not [frame for frame in child.frames if frame.name == "outcome" and frame.seq == second[0]]


def test_a_batched_outcome_does_not_wait_for_the_long_job_behind_it(start):
    child = start()
    (first, one), (second, two) = child.job_bytes("noop"), child.job_bytes("sleep", seconds=60)
    child.send(one, two)
    assert child.outcome(first).kind == "completed"
    assert child.begun()[0] == second


def test_a_job_that_needs_too_much_memory_gets_a_memory_error(start):
    child = start("solo")
    for task, args in (("hog", {"megabytes": 300}), ("hog_slowly", {})):
        frame = child.run(task, memory=64 << 20, **args)
        assert frame.kind == "over_memory"
        assert frame.retry
    assert child.run("hog", memory=64 << 20, megabytes=10).payload == str(10 << 20)
    assert child.run("hog", memory=0, megabytes=200).payload == str(200 << 20)


def test_a_supervisor_that_dies_takes_the_child_with_it(start):
    child = start()
    seq = child.job("hold_gil", seconds=60)
    child.wait("started", seq=seq)
    child.wire.close()
    assert child.exit() == -signal.SIGKILL
    assert child.lock_is_free()


def test_the_group_ends_with_the_supervisor(start):
    child = start()
    seq = child.job("fork_and_sleep")
    grandchild = int(child.wait("log", seq=seq).text)
    handle = os.pidfd_open(grandchild)
    child.wire.close()
    assert child.exit() == -signal.SIGKILL
    assert select.select([handle], [], [], 20)[0], "the grandchild lives on"


def test_a_stopped_child_goes_on_where_it_was(start):
    child = start()
    seq = child.job("sleep", seconds=0.2)
    child.wait("started", seq=seq)
    os.kill(child.pid, signal.SIGSTOP)
    child.send(frames.recall(5))
    os.kill(child.pid, signal.SIGCONT)
    assert child.wait("recalled", nonce=5).seqs == []
    assert child.outcome(seq).kind == "completed"


@pytest.mark.parametrize(("kind", "task"), [("sync", "sleep"), ("solo", "asleep"), ("async", "asleep")])
def test_a_storm_of_stops_leaves_one_outcome_a_job(start, kind, task):
    """Stops at any instant of a job: before its call, in it, while its outcome is written."""
    chance = random.Random(7)
    child = start(kind)
    for _ in range(300):
        seq = child.job(task, seconds=chance.random() * 0.001)
        until = time.perf_counter() + chance.random() * 0.002
        while time.perf_counter() < until:
            pass
        child.send(frames.cancel(seq, chance.choice((BY_HAND, TIMEOUT, DRAIN))), frames.cancel(seq, TIMEOUT))
        assert child.outcome(seq).kind in {"completed", "cancelled", "timed_out", "given_back"}
    assert child.run("add", a=1, b=1).payload == "2"
    assert [frame.seq for frame in child.frames if frame.name == "outcome"] == list(range(1, 302))


def test_a_stop_in_the_loop_s_own_code_lets_the_loop_end(start):
    """Raised there, it would be logged by asyncio and forgotten, with the callback that ends the loop."""
    child = start("solo")
    for why in (BY_HAND, TIMEOUT, DRAIN):
        seq = child.job("asleep_in_the_loop", seconds=0.2)
        child.wait("log", seq=seq, text="the loop ends")
        child.send(frames.cancel(seq, why))
        assert child.outcome(seq).kind == "completed"
        assert child.lines(seq) == ["the loop ends"]


def test_a_loop_without_room_for_what_ends_it_ends(start):
    """asyncio logs a MemoryError of its own machinery and goes on, without what was to be called: for ever."""
    child = start("solo")
    done = child.run("no_room_in_the_loop", memory=64 << 20, after=0)
    assert (done.kind, done.payload) == ("completed", '"done"')
    woken = child.run("no_room_in_the_loop", memory=64 << 20, after=0.01)
    assert woken.kind == "over_memory" and "67108864 bytes" in woken.payload
    assert child.run("add", a=1, b=1).payload == "2", "and the next job has a loop and memory of its own"


def test_the_kernel_ends_a_child_whose_parent_dies_though_the_wire_stays_open(start):
    child = start(starter=True)
    seq = child.job("hold_gil", seconds=60)
    child.wait("started", seq=seq)
    handle = os.pidfd_open(child.pid)
    child.process.kill()
    assert select.select([handle], [], [], 20)[0], "the child outlived its parent"

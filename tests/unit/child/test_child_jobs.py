"""Jobs of every outcome, in each kind of child."""

import json

import frames
import pytest

KINDS = ["sync", "async", "solo"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("how", "error", "retry"),
    [
        ("value", "ValueError", False),
        ("runtime", "RuntimeError", True),
        ("exit", "SystemExit", True),
        ("interrupt", "KeyboardInterrupt", True),
    ],
)
def test_an_exception_is_a_failed_attempt_and_the_child_goes_on(start, kind, how, error, retry):
    child = start(kind)
    frame = child.run("fail", kind=how)
    assert (frame.kind, frame.retry) == ("failed", retry)
    said = json.loads(frame.payload)
    assert said["type"] == error
    assert said["message"] == "as asked"
    assert "jobs.py" in said["traceback"]
    assert child.run("add", a=2, b=2).payload == "4"


def test_snooze_cancel_and_discard_are_outcomes(start):
    child = start()
    assert child.run("end", how="snooze").until_us > 0
    assert [child.run("end", how=how).kind for how in ("snooze", "cancel", "discard")] == [
        "snoozed",
        "cancelled",
        "discarded",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_that_this_release_does_not_have_is_unknown(start, kind):
    child = start(kind)
    frame = child.run("renamed")
    assert frame.kind == "unknown_task"
    assert "t.renamed" in json.loads(frame.payload)["message"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("args", ['{"a":1}', '{"a":1,"b":"2"}', '{"a":1,"b":2,"c":3}', "[]", "{", ""])
def test_arguments_that_do_not_fit_are_a_misfit(start, kind, args):
    child = start(kind)
    child.send(frames.job(1, "t.add", args))
    assert child.outcome(1).kind == "misfit"


@pytest.mark.parametrize("kind", ["async", "solo"])
def test_coroutines_run(start, kind):
    frame = start(kind).run("asleep", seconds=0.01)
    assert (frame.kind, frame.payload) == ("completed", '"slept"')
    assert frame.ended_ns - frame.started_ns >= 10_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_with_a_context_knows_its_job(start, kind):
    child = start(kind)
    frame = child.run("report")
    assert json.loads(frame.payload) == "00010203-0405-0607-0809-0a0b0c0d0e0f 1 1970-01-01T00:00:00+00:00"
    assert child.wait("progress", seq=1).fields == {"seq": 1, "share": 0.5, "note": "half way"}
    assert child.lines(1, "log") == ["logged by ctx"]


def test_jobs_sent_together_run_in_order_and_the_page_follows(start):
    child = start()
    child.send(*[frames.job(seq, "t.noop") for seq in range(1, 501)])
    child.outcome(500)
    assert [frame.seq for frame in child.frames if frame.name == "outcome"] == list(range(1, 501))
    assert child.begun()[0] == 500


def test_an_async_child_runs_its_jobs_at_the_same_time(start):
    child = start("async")
    seqs = [child.job("asleep", seconds=1) for _ in range(50)]
    outcomes = [child.outcome(seq) for seq in seqs]
    assert max(outcome.ended_ns for outcome in outcomes) - min(outcome.started_ns for outcome in outcomes) < 5_000_000_000
    assert max(outcome.started_ns for outcome in outcomes) < min(outcome.ended_ns for outcome in outcomes)


def test_cpu_time_is_known_for_a_job_that_was_alone_and_for_each_of_many_on_a_loop(start):
    assert start("solo").run("add", a=1, b=1).cpu_us > 0
    child = start("async")
    seqs = [child.job("asleep", seconds=0.05) for _ in range(3)]
    # They sleep for 50 ms each; what the loop does for the others is not theirs.
    assert all(0 < child.outcome(seq).cpu_us < 20_000 for seq in seqs)


def test_background_tasks_that_call_exit_end_no_child(start):
    child = start("async")
    other = child.job("asleep", seconds=0.2)
    assert child.run("aexit").kind == "failed"
    assert child.outcome(other).kind == "completed"
    assert child.run("anoop").kind == "completed"


def test_a_busy_loop_beats_its_heart(start):
    child = start("async")
    seq = child.job("ablock", seconds=1.3)
    child.job("asleep", seconds=1.5)
    child.outcome(seq)
    assert child.wait("heartbeat").loop_lag_us > 100_000


@pytest.mark.parametrize(("kind", "task"), [("sync", "sleep"), ("async", "asleep"), ("solo", "sleep")])
def test_a_job_that_runs_on_is_announced(start, kind, task):
    child = start(kind)
    seq = child.job(task, seconds=1)
    announced = child.wait("started", seq=seq)
    assert child.begun() == (seq, announced.at_ns)
    assert child.outcome(seq).started_ns == announced.at_ns


def test_a_short_job_is_not_announced(start):
    child = start()
    for _ in range(20):
        child.run("noop")
    # A slow machine may announce one; it may not announce them as a rule.
    assert sum(frame.name == "started" for frame in child.frames) <= 5


def test_a_result_that_is_too_large_is_completed_and_marked(start):
    child = start()
    whole = child.run("text", characters=(1 << 20) - 2)
    assert (len(whole.payload), whole.mark) == (1 << 20, "")
    marked = child.run("text", characters=1 << 20)
    assert (marked.kind, marked.payload) == ("completed", "null")
    assert marked.mark.startswith("result.not_stored: ")

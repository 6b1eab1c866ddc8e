"""Every line goes to the job that wrote it."""

import pytest


def test_prints_are_lines_of_their_job(start):
    child = start()
    seq = child.job("speak")
    child.outcome(seq)
    assert child.lines(seq, "stdout") == ["one line", "two", "lines", "no end\ufffd bytes é", "lone \ufffd\ufffd\ufffd"]
    assert child.lines(seq, "stderr") == ["to stderr"]
    logged = [frame for frame in child.frames if frame.name == "log" and frame.stream == "log"]
    assert [(frame.logger, frame.level, frame.text) for frame in logged] == [
        ("shop.mail", 3, "watch out"),
        ("shop.mail", 2, "heard"),
    ]
    assert not child.lines(0)
    assert child.raw() == ""


def test_a_line_without_an_end_comes_before_the_outcome(start):
    child = start()
    seq = child.job("speak_unended")
    child.outcome(seq)
    assert child.lines(seq) == ["no end"]
    assert [frame.name for frame in child.frames][-2:] == ["log", "outcome"]


def test_a_thread_speaks_for_the_running_job(start):
    child = start()
    child.run("noop")
    child.run("speak_in_thread")
    assert child.lines(2) == ["from a thread"]


def test_coroutines_do_not_mix_their_lines(start):
    child = start("async")
    seqs = [child.job("aspeak", name=name, turns=20) for name in ("a", "b", "c")]
    for seq, name in zip(seqs, "abc", strict=True):
        child.outcome(seq)
        assert child.lines(seq) == [*(f"{name} {turn}" for turn in range(20)), f"{name} in a thread"]


def test_a_long_line_comes_in_pieces_that_lose_nothing(start):
    child = start()
    child.run("speak_long", characters=50_000)
    lines = child.lines(1)
    assert "".join(lines) == "é" * 50_000
    assert max(len(line.encode()) for line in lines) <= 16 * 1024


def test_a_program_that_a_task_starts_writes_to_the_raw_pipe(start):
    child = start()
    child.run("raw_output")
    assert child.raw() == "from a program\n"


def test_a_slow_supervisor_slows_a_flood_down_and_loses_no_line(start):
    child = start()
    seq = child.job("flood", lines=30_000)
    child.outcome(seq)
    assert len(child.lines(seq)) == 30_000


def test_a_supervisor_that_does_not_read_stops_no_job_for_long(start):
    child = start()
    seq = child.job("flood", lines=100_000)
    # Nothing is read until the child has nothing more to write: it gives up on lines, never on the outcome.
    handle = child.begun
    while handle()[0] < seq:
        pass
    second = child.job("noop")
    while child.begun()[0] < second:
        assert child.process.poll() is None
    assert child.outcome(seq).kind == "completed"
    kept, told = child.lines(seq, "stdout"), child.lines(seq, "system")
    assert len(told) >= 1
    dropped = sum(int(line.split()[0]) for line in told)
    assert len(kept) + dropped == 100_000
    assert dropped > 0


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_nothing_printed_sends_nothing(start, kind):
    child = start(kind)
    child.run("noop" if kind == "sync" else "anoop")
    assert not [frame for frame in child.frames if frame.name == "log"]

"""The write turn: a fair queue between processes, and a courtesy that nobody's stall can turn into a stop."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from test_enqueue import rows
from test_processes import PYTHON, enqueue_some
from workaday.client import turn as turns
from workaday.client.turn import Turn


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "w.db")


def hold(path: str) -> int:
    """Another process's turn: a descriptor of its own."""
    file = os.open(f"{path}-turn", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def test_a_free_turn_is_taken_at_once_and_given_back(path: str) -> None:
    one, other = Turn(path), Turn(path)
    assert one.take()
    one.give_back()
    assert other.take()
    other.give_back()


def test_a_turn_is_queued_for(path: str) -> None:
    file = hold(path)
    turn = Turn(path)
    threading.Timer(0.02, lambda: fcntl.flock(file, fcntl.LOCK_UN)).start()
    assert turn.take()
    turn.give_back()
    os.close(file)


def test_a_stuck_holder_is_waited_for_a_quarter_of_a_second_and_then_passed(path: str) -> None:
    file = hold(path)
    turn = Turn(path)
    began = time.monotonic()
    assert not turn.take()
    assert 0.2 < time.monotonic() - began < 2
    turn.give_back()
    # What the helper is given later goes back at once: nobody wants it any more.
    os.close(file)
    other = Turn(path)
    for _ in range(1000):
        if other.take():
            break
    else:
        raise AssertionError("the late turn was kept")
    other.give_back()


def test_a_turn_that_comes_while_we_write_without_it_is_given_back_with_the_work(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_WAIT_S", 0.01)
    file = hold(path)
    turn = Turn(path)
    assert not turn.take()
    os.close(file)
    assert turn._granted.wait(10)
    assert turn._held
    turn.give_back()
    assert Turn(path).take()


def test_where_the_file_cannot_be_made_there_are_no_turns(tmp_path: Path) -> None:
    turn = Turn(str(tmp_path / "gone" / "w.db"))
    assert not turn.take()
    turn.give_back()


def test_a_forked_childs_copy_closes_without_unlocking(path: str) -> None:
    turn = Turn(path)
    assert turn.take()
    pid = os.fork()
    if pid == 0:
        turn.forget()
        os._exit(0)
    os.waitpid(pid, 0)
    other = os.open(f"{path}-turn", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    turn.give_back()


def test_processes_that_write_without_pause_all_come_to_their_turn(database: Path) -> None:
    """Without turns one of four got nearly everything. The longest wait of each is bounded here by what they share."""
    enqueue_some(database, 1)
    script = f"""
import sys, time
sys.path.insert(0, {PYTHON!r})
from pathlib import Path
from workaday import App
app = App("shop", database=Path({str(database)!r}))
task = app.task(name="shop.send")(lambda number=0: None)
task.enqueue()
print("ready", flush=True); sys.stdin.readline()
until = time.monotonic() + 1.5
count = 0
while time.monotonic() < until:
    task.enqueue(); count += 1
print(count)
"""
    writers = [subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("\n")
        writer.stdin.flush()
    counts = [int(writer.communicate(timeout=60)[0]) for writer in writers]
    assert len(rows(database)) == 5 + sum(counts)
    assert min(counts) * 20 > max(counts), counts


def test_an_unlock_that_fails_is_not_told_to_who_has_stored_a_job(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = Turn(path), Turn(path)
    assert one.take()

    def refuses(_file: int, how: int) -> None:
        if how == fcntl.LOCK_UN:
            raise OSError(5, "Input/output error")
        fcntl_flock(_file, how)

    fcntl_flock = fcntl.flock
    monkeypatch.setattr(turns.fcntl, "flock", refuses)
    one.give_back()
    monkeypatch.undo()
    assert other.take(), "the turn stayed taken"
    other.give_back()
    assert one.take(), "and its own turns are over"
    one.give_back()

"""The write turn: a `flock` on `<database>-turn`, taken before `BEGIN IMMEDIATE`.

A courtesy between writers, never correctness: SQLite's own busy handler starves under writers that sync each commit,
while a queue in the kernel is fair. It is never the database's own descriptor, whose close would drop SQLite's locks.
One open file description a process; a forked child closes its copy and opens its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time

TURN_WAIT_S = 0.25
"""How long to queue before going on without a turn: its holder may be stopped or stuck."""

_SLICE_S, _REST_S = 0.005, 0.000_15
_APP_SLICE_S, _APP_REST_S = 0.02, 0.002


class Turn:
    """One process's place in the queue of writers. Used by one thread at a time: the leader of the group commit."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-turn"
        self._file = _open(self._path)
        self._mutex = threading.Lock()
        self._granted = threading.Event()
        self._queueing = False
        self._wanted = False
        self._held = False
        self._began_at = 0.0
        self._ended_at = 0.0

    def take(self, *, app_file: bool = False) -> bool:
        """Queues for at most `TURN_WAIT_S`. Is it ours? Without it, the caller goes on all the same."""
        self._breathe(app_file)
        if self._file < 0:
            return False
        with self._mutex:
            self._wanted = True
            # While the helper queues on this descriptor, a second lock on it would be undone by the first.
            if not self._queueing and self._lock_now():
                self._held = True
                return True
            self._granted.clear()
            self._queue()
        self._granted.wait(TURN_WAIT_S)
        return self._held

    def give_back(self) -> None:
        """Lets the next one in."""
        self._ended_at = time.perf_counter()
        with self._mutex:
            self._wanted = False
            if self._held:
                self._held = False
                self._unlock()

    def forget(self) -> None:
        """After a fork, in the child: closes the inherited copy, which unlocks nothing of the parent's."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _breathe(self, app_file: bool) -> None:
        """Stands back now and then: a freed `flock` goes to whoever asks first, and that is the one who freed it.

        In an app's file the rest is long enough for a stranger with SQLite's usual busy handler.
        """
        slice_s, rest_s = (_APP_SLICE_S, _APP_REST_S) if app_file else (_SLICE_S, _REST_S)
        now = time.perf_counter()
        if now - self._ended_at >= rest_s:
            self._began_at = now
        elif now - self._began_at >= slice_s:
            time.sleep(rest_s)
            self._began_at = time.perf_counter()

    def _lock_now(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(self) -> None:
        """Never raises: the job is stored by now, and its caller is to hear that, not of a courtesy that failed."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        except OSError:
            # The kernel unlocks with the descriptor, whatever it answers.
            file, self._file = self._file, -1
            with contextlib.suppress(OSError):
                os.close(file)
            self._file = _open(self._path)

    def _queue(self) -> None:
        if self._queueing:
            return
        # A thread, because a blocking flock() has no time limit and signals belong to the program.
        helper = threading.Thread(target=self._wait_in_kernel, name="workaday-turn", daemon=True)
        try:
            helper.start()
        except RuntimeError:  # no threads left, or the interpreter is ending: go on without a turn
            return
        self._queueing = True

    def _wait_in_kernel(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            locked = True
        except OSError:
            locked = False
        with self._mutex:
            self._queueing = False
            self._held = locked and self._wanted
            if locked and not self._wanted:
                self._unlock()
            self._granted.set()


def _open(path: str) -> int:
    """The descriptor, or -1 where the file cannot be made: then there are no turns."""
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return -1

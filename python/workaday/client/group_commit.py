"""Many waiters, one COMMIT: each fsync serves every thread and coroutine that was waiting when it began.

The first waiter commits for all that are there, those included who come before its COMMIT, and never waits for more. There is no writer thread, so nothing
is lost between an `enqueue` that returned and a fork, an exit or Ctrl-C. Coroutines are served by a short-lived thread,
since their loop must go on.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from workaday.client import failures
from workaday.client.batch import Operation, Work

if TYPE_CHECKING:
    from workaday.client.batch import Writer

BATCH_MAX = 512
WAIT_S = 60.0
"""The longest wait of a follower: its own turn comes after at most a few transactions of 5 s."""


class Ticket(Work):
    """A work and who waits for it."""

    __slots__ = ("future", "loop", "promoted", "signal")

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self.signal: threading.Lock | None = None
        self.future: asyncio.Future[None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.promoted = False


class GroupCommit:
    """The queue in front of one `Writer`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._mutex = threading.Lock()
        self._pending: deque[Ticket] = deque()
        self._leading = False
        self.busy = threading.Lock()
        """Held while a transaction runs; a fork waits for it, so that no child inherits SQLite's mutexes locked."""

    # -- threads -------------------------------------------------------------------------------------------------------

    def submit(self, operation: Operation) -> Any:
        """Runs the operation in a transaction; returns its result once that is on disk."""
        ticket = Ticket(operation)
        with self._mutex:
            self._pending.append(ticket)
            leads, self._leading = not self._leading, True
            if not leads:
                ticket.signal = threading.Lock()
                ticket.signal.acquire()
        if leads or self._follow(ticket):
            try:
                self._run_batch()
            finally:
                self._hand_over()
        return ticket.outcome()

    def _follow(self, ticket: Ticket) -> bool:
        """Waits until the work is done, or until it is ours to lead."""
        assert ticket.signal is not None
        try:
            woken = ticket.signal.acquire(timeout=WAIT_S)
        except BaseException:  # Ctrl-C
            self._withdraw(ticket)
            raise
        if not woken and not ticket.done:
            if self._withdraw(ticket):
                raise failures.busy(self._writer.path, int(WAIT_S * 1000))
            raise failures.outcome_unknown(self._writer.path, f"no answer for {WAIT_S:.0f} s")
        return ticket.promoted and not ticket.done

    def _withdraw(self, ticket: Ticket) -> bool:
        """Takes back what has not begun. `False`: it has, so its outcome is unknown to who leaves now."""
        with self._mutex:
            if ticket.begun:
                return False
            if ticket in self._pending:
                self._pending.remove(ticket)
            promoted = ticket.promoted
        if promoted:
            self._hand_over()
        return True

    # -- coroutines ----------------------------------------------------------------------------------------------------

    async def asubmit(self, operation: Operation) -> Any:
        """`submit` for coroutines. Cancelled before its transaction began, the work is withdrawn."""
        ticket = Ticket(operation)
        ticket.loop = asyncio.get_running_loop()
        ticket.future = ticket.loop.create_future()
        with self._mutex:
            self._pending.append(ticket)
            leads, self._leading = not self._leading, True
        if leads:
            self._lead_on_a_thread()
        try:
            await ticket.future
        except asyncio.CancelledError as cancelled:
            if not self._withdraw(ticket):
                cancelled.add_note("workaday: the job may have been stored; enqueueing it again with the same id is safe")
            raise
        return ticket.outcome()

    def _lead_on_a_thread(self) -> None:
        # Not a daemon: an interpreter that ends waits for the commit that is under way.
        thread = threading.Thread(target=self._lead_all, name="workaday-commit", daemon=False)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending: commit here and now
            self._lead_all()

    def _lead_all(self) -> None:
        """Leads until nobody waits: this thread belongs to no caller, so it may."""
        while True:
            try:
                self._run_batch()
            except BaseException:
                self._hand_over()
                raise
            with self._mutex:
                if not self._pending:
                    self._leading = False
                    return

    # -- leading -------------------------------------------------------------------------------------------------------

    def _run_batch(self) -> None:
        batch = self._take(BATCH_MAX)
        if not batch:
            return
        try:
            with self.busy:
                self._writer.run(cast("list[Work]", batch), lambda: cast("list[Work]", self._take(BATCH_MAX - len(batch))))
        except BaseException as error:
            # Ctrl-C on the leader's thread: the others learn what is certain.
            self._explain_interruption(batch, error)
            raise
        finally:
            self._answer(batch)

    def _take(self, most: int) -> list[Ticket]:
        """Those who wait now; from here on they cannot be withdrawn."""
        with self._mutex:
            batch = [self._pending.popleft() for _ in range(min(most, len(self._pending)))]
            for ticket in batch:
                ticket.begun = True
        return batch

    def _explain_interruption(self, batch: list[Ticket], error: BaseException) -> None:
        path = self._writer.path
        for ticket in batch:
            if ticket.done:
                continue
            if self._writer.committing:
                ticket.error = failures.outcome_unknown(path, f"interrupted by {type(error).__name__}")
            else:
                ticket.error = failures.busy(path, 0)
            ticket.done = True

    def _answer(self, batch: list[Ticket]) -> None:
        loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for ticket in batch:
            if ticket.signal is not None:
                ticket.signal.release()
            elif ticket.loop is not None and ticket.future is not None:
                loops.setdefault(ticket.loop, []).append(ticket.future)
        for loop, futures in loops.items():
            # A loop that was closed meanwhile has nobody waiting any more.
            try:
                loop.call_soon_threadsafe(_resolve, futures)
            except RuntimeError:
                continue

    def _hand_over(self) -> None:
        """The next one in the queue leads: a thread itself, coroutines through a thread of their own."""
        with self._mutex:
            following = self._pending[0] if self._pending else None
            if following is None:
                self._leading = False
                return
            if following.signal is not None:
                following.promoted = True
                following.signal.release()
                return
        self._lead_on_a_thread()

    # -- fork ----------------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """After a fork, in the child: only the forking thread lives on, and it waits for nothing here."""
        self._mutex = threading.Lock()
        self.busy = threading.Lock()
        self._pending = deque()
        self._leading = False


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)

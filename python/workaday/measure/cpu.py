"""Processor time of one coroutine among many on a loop."""

from __future__ import annotations

from time import thread_time_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

_NOTHING = object()


class Timed:
    """Awaits a coroutine and adds up the processor time of its own steps; what runs between them is not its own.

    Tasks that it starts (`asyncio.gather`, `create_task`) and threads are not in it.

    `first` is what the coroutine has yielded already, when somebody else made its first step: most of what is awaited here
    ends in one step, and needs none of this then.
    """

    __slots__ = ("_coroutine", "_first", "_send", "cpu_ns")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], first: Any = _NOTHING, cpu_ns: int = 0) -> None:
        self._coroutine = coroutine
        self._send = coroutine.send
        self._first = first
        self.cpu_ns = cpu_ns

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        # As `send(None)`, written out: a loop makes its steps by this one, and each frame is time of the job.
        if self._first is not _NOTHING:
            first, self._first = self._first, _NOTHING
            return first
        began = thread_time_ns()
        try:
            return self._send(None)
        finally:
            self.cpu_ns += thread_time_ns() - began

    def send(self, value: Any) -> Any:
        """One step."""
        if value is None:
            return self.__next__()
        began = thread_time_ns()
        try:
            return self._send(value)
        finally:
            self.cpu_ns += thread_time_ns() - began

    def throw(self, *error: Any) -> Any:
        """One step that begins with an exception: a cancellation, say."""
        self._first = _NOTHING
        began = thread_time_ns()
        try:
            return self._coroutine.throw(*error)
        finally:
            self.cpu_ns += thread_time_ns() - began

    def close(self) -> None:
        """As of a coroutine."""
        self._coroutine.close()

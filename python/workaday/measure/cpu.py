"""Processor time of one coroutine among many on a loop."""

from __future__ import annotations

from time import thread_time_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Timed:
    """Awaits a coroutine and adds up the processor time of its own steps; what runs between them is not its own.

    Tasks that it starts (`asyncio.gather`, `create_task`) and threads are not in it.
    """

    __slots__ = ("_coroutine", "cpu_ns")

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self.cpu_ns = 0

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        """One step."""
        began = thread_time_ns()
        try:
            return self._coroutine.send(value)
        finally:
            self.cpu_ns += thread_time_ns() - began

    def throw(self, *error: Any) -> Any:
        """One step that begins with an exception: a cancellation, say."""
        began = thread_time_ns()
        try:
            return self._coroutine.throw(*error)
        finally:
            self.cpu_ns += thread_time_ns() - began

    def close(self) -> None:
        """As of a coroutine."""
        self._coroutine.close()

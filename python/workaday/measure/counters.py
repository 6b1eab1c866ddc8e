"""What one request or job does besides running: statements, outgoing HTTP calls, cache hits and misses.

The counters of now are in a `ContextVar`, so what a coroutine does counts for the request or job that it serves, also
among a thousand others. A thread that a job starts itself has no such context and counts for none; `asyncio.to_thread`
and the thread pools of FastAPI and Django carry it along.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from time import perf_counter_ns

REPEATED = 10
"""Calls of one statement in one request or job from which on it is suspected of an N+1."""

_STATEMENTS_MAX = 64
_STATEMENT_CHARS = 500
_NORMALISED_MAX = 1_000


class Counters:
    """Counts of one request or job. Times in nanoseconds."""

    # What nothing has counted yet stands here once: each request makes one of these, and most count little.
    db_calls: int = 0
    db_ns: int = 0
    http_calls: int = 0
    http_ns: int = 0
    cache_hits: int = 0
    cache_misses: int = 0
    statements: dict[str, int] | None = None

    def statement(self, text: object, elapsed_ns: int) -> None:
        """One statement was sent to a database."""
        self.db_calls += 1
        self.db_ns += elapsed_ns
        known = self.statements
        if known is None:
            known = self.statements = {}
        key = text if isinstance(text, str) else str(text)
        if key in known:
            known[key] += 1
        elif len(known) < _STATEMENTS_MAX:
            known[key] = 1
        else:
            key = normalised(key)
            known[key] = known.get(key, 0) + 1

    def suspects(self) -> dict[str, int]:
        """Statements called `REPEATED` times or more, their literals stripped, with their calls."""
        if self.statements is None or self.db_calls < REPEATED:
            return {}
        counts: dict[str, int] = {}
        for text, calls in self.statements.items():
            key = normalised(text)
            counts[key] = counts.get(key, 0) + calls
        return {text: calls for text, calls in counts.items() if calls >= REPEATED}

    def is_empty(self) -> bool:
        """Nothing was counted."""
        return not (self.db_calls or self.http_calls or self.cache_hits or self.cache_misses)

    def evidence(self) -> dict[str, object]:
        """The body of the wire's frame 9, what is 0 left out."""
        told: dict[str, object] = {
            "db_calls": self.db_calls,
            "db_us": self.db_ns // 1000,
            "http_calls": self.http_calls,
            "http_us": self.http_ns // 1000,
            "cache_hits": self.cache_hits,
            "cache_misses": self.cache_misses,
            "statements": self.suspects(),
        }
        return {name: value for name, value in told.items() if value}


current: ContextVar[Counters | None] = ContextVar("workaday_counters", default=None)
"""The counters of the request or job of this context; `None` outside of any."""

inside: ContextVar[bool] = ContextVar("workaday_inside", default=False)
"""A hook further out is counting this call (SQLAlchemy, say), so the driver below it does not count it again."""

_LITERALS = re.compile(
    r"""
    (?:'(?:[^']|'')*')              # text
    | (?:\b0x[0-9a-fA-F]+\b)
    | (?:(?<![\w$:])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)
    """,
    re.VERBOSE,
)
_LISTS = re.compile(r"\(\s*(?:\?|%s|\$\d+|:\w+)(?:\s*,\s*(?:\?|%s|\$\d+|:\w+))+\s*\)")
_SPACE = re.compile(r"\s+")
_known: dict[str, str] = {}


def normalised(statement: str) -> str:
    """A statement without its literals, on one line: what stays the same from call to call."""
    found = _known.get(statement)
    if found is None:
        text = _LITERALS.sub("?", statement[: 4 * _STATEMENT_CHARS])
        found = _SPACE.sub(" ", _LISTS.sub("(?, …)", text)).strip()[:_STATEMENT_CHARS]
        if len(_known) >= _NORMALISED_MAX:
            _known.clear()
        _known[statement] = found
    return found


def cache_hit(name: str = "") -> None:
    """Says that a cache of your own had what was asked of it. `name` is for the reader of your code; hits add up."""
    counters = current.get()
    if counters is not None:
        counters.cache_hits += 1


def cache_miss(name: str = "") -> None:
    """Says that a cache of your own did not have what was asked of it."""
    counters = current.get()
    if counters is not None:
        counters.cache_misses += 1


class Counted:
    """Counts one call to the outside, from entering to leaving; calls of libraries within count with it, not again."""

    __slots__ = ("_counters", "_from")

    def __init__(self) -> None:
        self._counters: Counters | None = None
        self._from = 0

    def __enter__(self) -> None:
        counters = current.get()
        if counters is not None and not inside.get():
            inside.set(True)
            self._counters = counters
            self._from = perf_counter_ns()

    def __exit__(self, *_error: object) -> None:
        counters = self._counters
        if counters is not None:
            inside.set(False)
            self.add(counters, perf_counter_ns() - self._from)

    def add(self, counters: Counters, elapsed_ns: int) -> None:
        """Takes the call down."""
        raise NotImplementedError


class Statement(Counted):
    """One statement."""

    __slots__ = ("_text",)

    def __init__(self, text: object) -> None:
        super().__init__()
        self._text = text

    def add(self, counters: Counters, elapsed_ns: int) -> None:
        """Takes the statement down."""
        counters.statement(self._text, elapsed_ns)


class HttpCall(Counted):
    """One outgoing HTTP call, redirects included."""

    __slots__ = ()

    def add(self, counters: Counters, elapsed_ns: int) -> None:
        """Takes the call down."""
        counters.http_calls += 1
        counters.http_ns += elapsed_ns

"""Hands the figures of a web process to the supervisor, without ever holding up a request.

A request appends one tuple to a queue. A thread of its own adds them up by minute and route, and once a second, if there
was anything, sends what it has as datagrams to `<database>-measures`. A supervisor that is away, or has a full inbox,
loses nothing at first: figures are kept for 15 minutes and sent when it is back. What has to be let go is counted and told
with the next datagram, so a gap in the figures is no silence.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from workaday.measure.histogram import Histogram

if TYPE_CHECKING:
    from workaday.measure.counters import Counters

QUEUE_MAX = 20_000
"""Requests that may wait to be added up: more than a process can answer in a second."""

MINUTES_KEPT = 15
NAMES_MAX = 200
DATAGRAM_BYTES = 32 * 1024
PERIOD_SECONDS = 1.0
AWAY_SECONDS_MAX = 10.0
STATEMENTS_MAX = 8
OTHER = "(other)"


class Measured(NamedTuple):
    """One response, as the middleware saw it."""

    minute: int
    """Counted from 1970."""
    kind: str
    """`route`, `stream` or `websocket`."""
    name: str
    status: int
    """0: it broke off without one."""
    run_ns: int
    cpu_ns: int
    """0: not known."""
    response_bytes: int
    cache: int
    """The response's own X-Cache: 1 hit, -1 miss, 0 none."""
    counters: Counters


_COUNTED = ("db_calls", "db_us", "http_calls", "http_us")


class Series:
    """The figures of one route in one minute."""

    __slots__ = ("cache_hits", "cache_misses", "count", "errors", "histograms", "refused", "statements")

    def __init__(self) -> None:
        self.count = self.errors = self.refused = self.cache_hits = self.cache_misses = 0
        self.histograms: dict[str, Histogram] = {}
        self.statements: dict[str, list[int]] = {}

    def _record(self, metric: str, values: list[int]) -> None:
        histogram = self.histograms.get(metric)
        if histogram is None:
            histogram = self.histograms[metric] = Histogram()
        histogram.record_all(values)

    def add(self, batch: list[Measured]) -> None:
        """Adds responses: column by column, for most of them have the same to say."""
        _, _, _, statuses, run_ns, cpu_ns, response_bytes, caches, counters = zip(*batch, strict=True)
        self.count += len(batch)
        for status, count in Counter(statuses).items():
            self.errors += count * (status >= 500 or status == 0)
            self.refused += count * (400 <= status < 500)
        for cache, count in Counter(caches).items():
            self.cache_hits += count * (cache > 0)
            self.cache_misses += count * (cache < 0)
        self._record("run_us", [ns // 1000 for ns in run_ns])
        known = [ns // 1000 for ns in cpu_ns if ns]
        if known:
            self._record("cpu_us", known)
        self._record("response_bytes", list(response_bytes))
        self._add_counters([one for one in counters if not one.is_empty()])

    def _add_counters(self, counters: list[Counters]) -> None:
        for one in counters:
            self.cache_hits += one.cache_hits
            self.cache_misses += one.cache_misses
        calling = [one for one in counters if one.http_calls]
        if calling:
            self._record("http_calls", [one.http_calls for one in calling])
            self._record("http_us", [one.http_ns // 1000 for one in calling])
        asking = [one for one in counters if one.db_calls]
        if asking:
            self._record("db_calls", [one.db_calls for one in asking])
            self._record("db_us", [one.db_ns // 1000 for one in asking])
        for one in asking:
            self._suspect(one)

    def _suspect(self, counters: Counters) -> None:
        for statement, calls in counters.suspects().items():
            known = self.statements.get(statement)
            if known is not None:
                known[0] += 1
                known[1] = max(known[1], calls)
            elif len(self.statements) < STATEMENTS_MAX:
                self.statements[statement] = [1, calls]

    def to_json(self, minute: int, kind: str, name: str) -> dict[str, Any]:
        """As it goes into a datagram; histograms as base64 of their bytes."""
        from base64 import b64encode

        for metric in _COUNTED:
            # Most responses call nothing: their zeros are added here at once and not one by one.
            histogram = self.histograms.setdefault(metric, Histogram())
            zeros = self.count - histogram.count()
            if zeros > 0:
                histogram.record(0, zeros)

        told: dict[str, Any] = {
            "minute": minute,
            "kind": kind,
            "name": name,
            "count": self.count,
            "errors": self.errors,
            "refused": self.refused,
            "cache_hits": self.cache_hits,
            "cache_misses": self.cache_misses,
        }
        told.update((metric, b64encode(histogram.encode()).decode()) for metric, histogram in self.histograms.items())
        if self.statements:
            told["statements"] = self.statements
        return told


class Handover:
    """One a process and store. `put` is all that a request sees of it."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._address = f"{database}-measures"
        self._begin()
        atexit.register(self._last)
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """From nothing; also in a fork, which has none of the threads, and whose parent sends what it has."""
        self.queue: deque[Measured] = deque()
        self.dropped = 0
        self._minutes: dict[int, dict[tuple[str, str], Series]] = {}
        self._woken = threading.Event()
        self._awake = False
        self._sending = threading.Lock()
        self._started = False
        self._starting = threading.Lock()

    def put(self, one: Measured) -> None:
        """Takes one response. Appends to a queue; never blocks, and drops when nobody takes anything out."""
        queue = self.queue
        if len(queue) >= QUEUE_MAX:
            self.dropped += 1
            return
        queue.append(one)
        if not self._awake:
            self._awake = True
            if not self._started:
                self._start()
            self._woken.set()

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                self._started = True
                threading.Thread(target=self._serve, name="workaday-measures", daemon=True).start()

    def _serve(self) -> None:
        from workaday.measure.release import of_process

        of_process()
        pause = PERIOD_SECONDS
        while True:
            self._woken.wait()
            time.sleep(pause)
            self._woken.clear()
            self._awake = False  # before the queue is emptied: what comes from now on wakes again
            if self.flush():
                pause = PERIOD_SECONDS
            else:
                pause = min(2 * pause, AWAY_SECONDS_MAX)
                self._woken.set()  # there is something left to send

    def flush(self) -> bool:
        """Adds up what waits and sends it. `False`: the supervisor did not take all of it, which is kept."""
        with self._sending:
            self._add_up()
            return self._send()

    def _last(self) -> None:
        """At the end of the process, if the store is still in use."""
        if self.queue or self._minutes:
            self.flush()

    def _add_up(self) -> None:
        queue = self.queue
        batches: dict[tuple[Any, ...], list[Measured]] = {}
        while queue:
            one = queue.popleft()
            batch = batches.get(one[:3])
            if batch is None:
                batch = batches[one[:3]] = []
            batch.append(one)
        for (minute, kind, name), batch in batches.items():
            names = self._minutes.setdefault(minute, {})
            is_beyond = (kind, name) not in names and len(names) >= NAMES_MAX
            names.setdefault((kind, OTHER if is_beyond else name), Series()).add(batch)
        while len(self._minutes) > MINUTES_KEPT:
            gone = self._minutes.pop(min(self._minutes))
            self.dropped += sum(series.count for series in gone.values())

    def _send(self) -> bool:
        import socket

        if not self._minutes and not self.dropped:
            return True
        try:
            with _Socket(self._address) as connected:
                while self._minutes or self.dropped:
                    data, taken, dropped = self._datagram()
                    connected.send(data, socket.MSG_DONTWAIT)
                    self.dropped -= dropped
                    for minute, key in taken:
                        names = self._minutes[minute]
                        del names[key]
                        if not names:
                            del self._minutes[minute]
        except OSError:
            return False
        return True

    def _datagram(self) -> tuple[bytes, list[tuple[int, tuple[str, str]]], int]:
        """As many series as fit, the oldest first; at least one."""
        import json

        dropped = self.dropped
        size, parts, taken = 200, list[str](), list[tuple[int, tuple[str, str]]]()
        for minute in sorted(self._minutes):
            for key, series in self._minutes[minute].items():
                text = json.dumps(series.to_json(minute, *key))
                size += len(text) + 1
                if parts and size > DATAGRAM_BYTES:
                    return self._framed(parts, dropped), taken, dropped
                parts.append(text)
                taken.append((minute, key))
        return self._framed(parts, dropped), taken, dropped

    def _framed(self, parts: list[str], dropped: int) -> bytes:
        import json

        from workaday.measure.release import of_process

        head = f'{{"v":1,"release":{json.dumps(of_process())},"dropped":{dropped},"series":['
        return (head + ",".join(parts) + "]}").encode()


class _Socket:
    """A datagram socket connected to a path, also to one that is longer than an address may be."""

    _PATH_BYTES_MAX = 107

    def __init__(self, address: str) -> None:
        import socket

        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._address = address

    def __enter__(self) -> Any:
        folder = -1
        try:
            address = self._address
            if len(os.fsencode(address)) > self._PATH_BYTES_MAX:
                path, name = os.path.split(address)
                folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
                address = f"/proc/self/fd/{folder}/{name}"
            self._socket.connect(address)
        except BaseException:
            self._socket.close()
            raise
        finally:
            if folder >= 0:
                os.close(folder)
        return self._socket

    def __exit__(self, *_error: object) -> None:
        self._socket.close()


_handovers: dict[str, Handover] = {}
_making = threading.Lock()


def handover(database: str) -> Handover:
    """The one of this process for a store."""
    with _making:
        found = _handovers.get(database)
        if found is None:
            found = _handovers[database] = Handover(database)
        return found


class Sink:
    """The handover of an app's store, opened with the first response: at the start of a service its store may not be there yet."""

    __slots__ = ("_app", "_found", "_given_up")

    def __init__(self, app: Any) -> None:
        self._app = app
        self._found: Handover | None = None
        self._given_up = False

    def put(self, one: Measured) -> None:
        """Takes one response; never raises."""
        found = self._found
        if found is None:
            if self._given_up:
                return
            found = self._open()
            if found is None:
                return
        found.put(one)

    def _open(self) -> Handover | None:
        try:
            self._found = handover(str(self._app.store.path))
        except Exception:  # a response that was served must not fail for its figures
            import logging

            self._given_up = True
            logging.getLogger("workaday").warning("responses are not measured: the store cannot be opened", exc_info=True)
        return self._found

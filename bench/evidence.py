"""What evidence costs: µs a request and a job, with and without, and µs a counted call.

    python bench/evidence.py [--requests 20000] [--rounds 7]

Prints one JSON line a figure: processor time, the difference of the best rounds with and without. Neighbours on the machine
shift it less than they shift wall time, but they do: believe the figures of a quiet machine. `request.path` is what a request waits for,
`request.thread` what the sending thread needs for it afterwards: their sum is the whole cost in processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from time import process_time_ns
from typing import Any

from workaday.measure import hooks
from workaday.measure.asgi import MeasureMiddleware
from workaday.measure.counters import Counters, current
from workaday.measure.cpu import Timed
from workaday.measure.handover import Handover

_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")]}
_BODY = {"type": "http.response.body", "body": b"{}"}


class Route:
    """As FastAPI leaves it in the scope."""

    path_format = "/orders/{order_id}"


async def application(scope: Any, _receive: Any, send: Any) -> None:
    """The least that answers a request."""
    scope["route"] = Route
    await send(_START)
    await send(_BODY)


async def send(_message: Any) -> None: ...


async def receive() -> Any: ...


def best(rounds: int, times: int, run: Callable[[int], None]) -> float:
    """µs a time, of the best round."""
    found = []
    for _ in range(rounds):
        began = process_time_ns()
        run(times)
        found.append((process_time_ns() - began) / times / 1000)
    return min(found)


def requests(app: Any) -> Callable[[int], None]:
    async def main(times: int) -> None:
        for _ in range(times):
            await app({"type": "http", "method": "GET", "path": "/orders/7", "headers": [], "root_path": ""}, receive, send)

    return lambda times: asyncio.run(main(times))


def tell(what: str, microseconds: float, goal: float | None = None) -> None:
    line: dict[str, Any] = {"what": what, "us": round(microseconds, 2)}
    if goal is not None:
        line["goal_us"] = goal
    print(json.dumps(line), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    plain_connect = sqlite3.connect
    hooks.install()
    with tempfile.TemporaryDirectory() as folder:
        path, thread = of_requests(Path(folder), given.rounds, given.requests)
    tell("request.path", path, 5.0)
    tell("request.thread", thread)
    tell("job.sync", of_sync_jobs(given.rounds, given.requests), 5.0)
    tell("job.async", of_async_jobs(given.rounds, given.requests), 5.0)
    tell("statement.sqlite3", of_statements(plain_connect, given.rounds, given.requests))
    tell("call.urllib", of_wrapping(given.rounds, given.requests))
    return 0


def of_requests(folder: Path, rounds: int, times: int) -> tuple[float, float]:
    handover = Handover(str(folder / "bench.db"))
    handover._started = True  # the thread is measured apart
    bare = best(rounds, times, requests(application))
    measured = MeasureMiddleware(application, sink=handover)

    def run(count: int) -> None:
        handover.queue.clear()
        requests(measured)(count)

    with_it = best(rounds, min(times, 20_000), run)
    thread = best(1, len(handover.queue), lambda _: handover._add_up())
    return with_it - bare, thread


def of_sync_jobs(rounds: int, times: int) -> float:
    """What a sync child does more for each job."""

    def run(count: int) -> None:
        for _ in range(count):
            counters = Counters()
            current.set(counters)
            counters.is_empty()

    return best(rounds, times, run)


def of_async_jobs(rounds: int, times: int) -> float:
    """What an async child does more for a job of two steps."""

    async def job() -> None:
        await asyncio.sleep(0)

    async def bare(count: int) -> None:
        for _ in range(count):
            await job()

    async def counted(count: int) -> None:
        for _ in range(count):
            counters = Counters()
            current.set(counters)
            await Timed(job())
            counters.is_empty()

    return best(rounds, times, lambda count: asyncio.run(counted(count))) - best(rounds, times, lambda count: asyncio.run(bare(count)))


def of_statements(plain_connect: Any, rounds: int, times: int) -> float:
    def run(connection: Any) -> Callable[[int], None]:
        def many(count: int) -> None:
            current.set(Counters())
            for _ in range(count):
                connection.execute("SELECT 1").close()

        return many

    bare = best(rounds, times, run(plain_connect(":memory:")))
    return best(rounds, times, run(sqlite3.connect(":memory:"))) - bare


def of_wrapping(rounds: int, times: int) -> float:
    """An outgoing call that costs nothing itself."""

    class Opener(urllib.request.OpenerDirector):
        def _open(self, req: Any, data: Any = None) -> Any:
            return None

    call = urllib.request.OpenerDirector.open
    opener = Opener()

    def run(function: Any) -> Callable[[int], None]:
        def many(count: int) -> None:
            current.set(Counters())
            for _ in range(count):
                function(opener, "http://127.0.0.1/")

        return many

    return best(rounds, times, run(call)) - best(rounds, times, run(call.__wrapped__))  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())

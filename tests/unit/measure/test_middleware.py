"""Responses, measured: by the template of their route, to their last byte, streams apart, and never at a request's cost."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Response, WebSocket
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from workaday.measure.asgi import MeasureMiddleware
from workaday.measure.counters import Counters
from workaday.measure.handover import NAMES_MAX, QUEUE_MAX, Handover, Measured, Series
from workaday.measure.histogram import Histogram
from workaday.measure.wsgi import MeasureWSGI


class Sink:
    def __init__(self) -> None:
        self.seen: list[Measured] = []

    def put(self, one: Measured) -> None:
        self.seen.append(one)


def ask(api: Any, *paths: str, method: str = "GET", raises: bool = False) -> list[httpx.Response]:
    async def main() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=api, raise_app_exceptions=raises)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.request(method, path) for path in paths]

    return asyncio.run(main())


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def api(sink: Sink, tmp_path: Path) -> FastAPI:
    api = FastAPI()
    api.add_middleware(MeasureMiddleware, sink=sink)

    @api.get("/orders/{order_id}")
    def order(order_id: int) -> dict[str, int]:
        if order_id == 404:
            raise HTTPException(404)
        if order_id == 500:
            raise RuntimeError("broken")
        connection = sqlite3.connect(":memory:")
        for number in range(order_id):
            connection.execute(f"SELECT {number}")
        connection.close()
        return {"order_id": order_id}

    @api.get("/cached")
    def cached(response: Response) -> str:
        response.headers["X-Cache"] = "HIT from memory"
        return "x"

    @api.get("/events")
    def events() -> StreamingResponse:
        return StreamingResponse(iter([b"data: 1\n\n"]), media_type="text/event-stream")

    @api.get("/rows")
    def rows() -> StreamingResponse:
        return StreamingResponse(iter([b"1\n", b"2\n", b"3\n"]))

    @api.post("/later")
    def later(background: BackgroundTasks) -> str:
        def afterwards() -> None:
            sqlite3.connect(":memory:").execute("SELECT 1")

        background.add_task(afterwards)
        return "soon"

    @api.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    shop = FastAPI()

    @shop.get("/items/{item_id}")
    def item(item_id: int) -> int:
        return item_id

    api.mount("/shop", shop)
    return api


def test_the_label_is_the_template_of_the_route(api: FastAPI, sink: Sink) -> None:
    ask(api, "/orders/1", "/orders/2", "/shop/items/7", "/nowhere/at/all")
    assert [one.name for one in sink.seen] == [
        "GET /orders/{order_id}",
        "GET /orders/{order_id}",
        "GET /shop/items/{item_id}",
        "GET (unmatched)",
    ]
    assert [one.status for one in sink.seen] == [200, 200, 200, 404]
    assert all(one.kind == "route" and one.run_ns > 0 and one.cpu_ns > 0 for one in sink.seen)


def test_a_method_that_nobody_knows_makes_no_series_of_its_own(api: FastAPI, sink: Sink) -> None:
    ask(api, "/orders/1", method="BREW")
    assert sink.seen[0].name.startswith("OTHER ")


def test_statements_of_a_route_on_a_thread_are_its_own(api: FastAPI, sink: Sink) -> None:
    ask(api, "/orders/12", "/orders/3")
    assert [one.counters.db_calls for one in sink.seen] == [12, 3]
    assert sink.seen[0].counters.suspects() == {"SELECT ?": 12}


def test_what_a_background_task_does_counts_but_its_time_does_not(api: FastAPI, sink: Sink) -> None:
    ask(api, "/later", method="POST")
    assert sink.seen[0].counters.db_calls == 1


def test_errors_and_refusals_are_told_apart(api: FastAPI, sink: Sink) -> None:
    ask(api, "/orders/404", "/orders/500")
    series = Series()
    for one in sink.seen:
        series.add([one])
    assert (series.count, series.refused, series.errors) == (2, 1, 1)


def test_streams_have_series_of_their_own(api: FastAPI, sink: Sink) -> None:
    ask(api, "/events", "/rows", "/orders/1")
    assert [one.kind for one in sink.seen] == ["stream", "stream", "route"]
    assert sink.seen[1].response_bytes == 6


def test_x_cache_of_the_response_counts(api: FastAPI, sink: Sink) -> None:
    ask(api, "/cached")
    series = Series()
    series.add([sink.seen[0]])
    assert (series.cache_hits, series.cache_misses) == (1, 0)


def test_a_websocket_is_a_series_apart(api: FastAPI, sink: Sink) -> None:
    async def main() -> None:
        sent: list[Any] = []
        arriving = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect"}])

        async def receive() -> Any:
            return next(arriving)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/live", "headers": [], "query_string": b"", "root_path": "", "subprotocols": []}
        await api(scope, receive, send)

    asyncio.run(main())
    assert [(one.kind, one.name, one.status) for one in sink.seen] == [("websocket", "/live", 101)]


def test_the_clock_stops_at_the_last_byte(sink: Sink) -> None:
    sent_ns: list[int] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})
        sent_ns.append(time.perf_counter_ns())
        await asyncio.sleep(0.05)  # what the app does afterwards, and more than all that comes before the clock starts

    began_ns = time.perf_counter_ns()
    ask(MeasureMiddleware(app, sink=sink), "/")  # type: ignore[arg-type]
    assert sink.seen[0].run_ns <= sent_ns[0] - began_ns


def test_plain_starlette_names_its_routes_too(sink: Sink) -> None:
    async def home(_request: Any) -> PlainTextResponse:
        return PlainTextResponse("home")

    api = Starlette(routes=[Route("/home/{name}", home), Mount("/static", app=PlainTextResponse("x"))])
    api.add_middleware(MeasureMiddleware, sink=sink)  # type: ignore[arg-type]
    ask(api, "/home/ada")
    assert sink.seen[0].name == "GET /home/{name}"


def test_wsgi_measures_to_the_close_of_the_body(sink: Sink) -> None:
    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("X-Cache", "MISS")])
        connection = sqlite3.connect(":memory:")
        connection.execute("SELECT 1")
        yield b"ab"
        connection.execute("SELECT 2")
        yield b"c"

    measured = MeasureWSGI(app, sink=sink, route=lambda environ: "/r")  # type: ignore[arg-type]
    body = measured({"REQUEST_METHOD": "GET"}, lambda *_: None)
    assert b"".join(body) == b"abc"
    assert sink.seen == [], "the last byte is out, but the server has not closed it"
    body.close()
    body.close()
    (one,) = sink.seen
    assert (one.name, one.status, one.response_bytes, one.cache, one.counters.db_calls, one.kind) == ("GET /r", 200, 3, -1, 2, "stream")


def test_a_wsgi_application_that_raises_is_an_error(sink: Sink) -> None:
    def app(_environ: Any, _start_response: Any) -> Any:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        MeasureWSGI(app, sink=sink)({"REQUEST_METHOD": "GET"}, lambda *_: None)  # type: ignore[arg-type]
    assert sink.seen[0].status == 0


# -- handing over --------------------------------------------------------------------------------------------------------


def one(name: str = "GET /", minute: int = 29_000_000, status: int = 200) -> Measured:
    return Measured(minute, "route", name, status, 1_500_000, 700_000, 12, 0, Counters())


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(str(tmp_path / "w.db-measures"))
        inbox.settimeout(10)
        yield inbox


def put_all(handover: Handover, *measured: Measured) -> None:
    """Into the queue alone, so that no thread sends before the test looks."""
    handover.queue.extend(measured)


def test_figures_arrive_as_one_series_a_route_and_minute(tmp_path: Path, inbox: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKADAY_RELEASE", "r7")
    handover = Handover(str(tmp_path / "w.db"))
    put_all(handover, one(), one(status=503), one("GET /b"))
    assert handover.flush()
    told = json.loads(inbox.recv(65_536))
    assert (told["v"], told["release"], told["dropped"]) == (1, "r7", 0)
    first = told["series"][0]
    assert (first["name"], first["count"], first["errors"], first["minute"]) == ("GET /", 2, 1, 29_000_000)
    from base64 import b64decode

    run = Histogram.decode(b64decode(first["run_us"]))
    assert (run.count(), run.sum) == (2, 3_000)
    assert handover.flush(), "nothing is left"


def test_a_request_wakes_the_thread_that_sends(tmp_path: Path, inbox: socket.socket) -> None:
    handover = Handover(str(tmp_path / "w.db"))
    handover.put(one())
    assert json.loads(inbox.recv(65_536))["series"][0]["count"] == 1


def test_while_the_supervisor_is_away_figures_wait_and_what_is_let_go_is_counted(tmp_path: Path) -> None:
    handover = Handover(str(tmp_path / "w.db"))
    for minute in range(20):
        put_all(handover, one(minute=29_000_000 + minute), one(minute=29_000_000 + minute))
        assert not handover.flush()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(str(tmp_path / "w.db-measures"))
        inbox.settimeout(10)
        assert handover.flush()
        told = json.loads(inbox.recv(65_536))
    assert [series["minute"] for series in told["series"]] == list(range(29_000_005, 29_000_020))
    assert told["dropped"] == 10, "two responses of each of the five oldest minutes"


def test_a_queue_that_nobody_empties_is_bounded_and_counts(tmp_path: Path) -> None:
    handover = Handover(str(tmp_path / "w.db"))
    put_all(handover, *[one()] * QUEUE_MAX)
    handover.put(one())
    assert (len(handover.queue), handover.dropped) == (QUEUE_MAX, 1)


def test_names_beyond_the_bound_are_put_together(tmp_path: Path, inbox: socket.socket) -> None:
    handover = Handover(str(tmp_path / "w.db"))
    put_all(handover, *(one(f"GET /{number}") for number in range(NAMES_MAX + 50)))
    inbox.setblocking(True)
    series: list[Any] = []
    while not handover.flush() or not series or sum(told["count"] for told in series) < NAMES_MAX + 50:
        series.extend(json.loads(inbox.recv(65_536))["series"])
        while True:
            try:
                series.extend(json.loads(inbox.recv(65_536, socket.MSG_DONTWAIT))["series"])
            except BlockingIOError:
                break
    assert {told["name"]: told["count"] for told in series}["(other)"] == 50


def test_a_fork_sends_nothing_of_its_parent(tmp_path: Path) -> None:
    import os

    handover = Handover(str(tmp_path / "w.db"))
    put_all(handover, one())
    child = os.fork()
    if child == 0:
        os._exit(len(handover.queue))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(handover.queue) == 1

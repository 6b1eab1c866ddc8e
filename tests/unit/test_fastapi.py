"""FastAPI: the store is checked at start, /health answers, routes of the user's own are kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from workaday import App, StoreError
from workaday.client import place
from workaday.fastapi import jobs, setup


def ask(api: FastAPI, path: str, method: str = "GET") -> httpx.Response:
    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(app=api)
        async with api.router.lifespan_context(api), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path)

    return asyncio.run(main())


def test_health_is_ok_once_the_store_is_there(app: App, database: Path) -> None:
    api = FastAPI()
    setup(api, app)
    answer = ask(api, "/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {"store": {"ok": True}}})
    assert database.exists()


def test_health_says_the_code_and_not_the_path(app: App, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = FastAPI()
    setup(api, app)

    def broken(*_: Any) -> None:
        raise StoreError("store.io", f"`{database}` is broken")

    monkeypatch.setattr(app.store, "read", broken)
    answer = ask(api, "/health")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"store": {"ok": False, "code": "store.io"}}
    assert str(database) not in answer.text


def test_a_store_that_cannot_be_used_stops_the_start(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "file_system_of", lambda _: "nfs")
    api = FastAPI()
    setup(api, app)
    with pytest.raises(StoreError):
        ask(api, "/health")


def test_the_users_own_health_route_and_lifespan_are_kept(app: App) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def own(_: FastAPI) -> AsyncIterator[dict[str, int]]:
        events.append("up")
        yield {"n": 1}
        events.append("down")

    api = FastAPI(lifespan=own)

    @api.get("/health")
    def health() -> str:
        return "mine"

    setup(api, app)
    assert ask(api, "/health").json() == "mine"
    assert events == ["up", "down"]


def test_no_health_route_where_none_is_wanted(app: App) -> None:
    api = FastAPI()
    setup(api, app, health=None)
    assert ask(api, "/health").status_code == 404


def test_a_route_enqueues_through_what_depends_gives_it(app: App) -> None:
    api = FastAPI()
    setup(api, app)

    @app.task()
    def send(order_id: int) -> None: ...

    @api.post("/orders/{order_id}")
    async def order(order_id: int, here: Annotated[App, Depends(jobs(app))]) -> str:
        assert here is app
        return str((await send.aenqueue(order_id)).id)

    answer = ask(api, "/orders/7", "POST")
    assert app.job(answer.json()).state == "available"

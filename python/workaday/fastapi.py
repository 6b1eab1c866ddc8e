"""FastAPI: check the store at start, answer `/health`, measure responses, hand the app to routes.

    from workaday.fastapi import setup

    api = FastAPI()
    setup(api, app)

The web process only enqueues; jobs run in `workaday up`. Turn it off by not calling `setup`: enqueueing needs none of it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from workaday.errors import WorkadayError

if TYPE_CHECKING:
    from workaday.app import App

_log = logging.getLogger("workaday")


def setup(api: Any, app: App, *, health: str | None = "/health", measure: bool = True, problems: bool = False) -> None:
    """Wraps the lifespan of `api`, adds a health route and the measuring middleware.

    At start the tables are made if missing; a store that cannot be used stops the start with the reason, before the first
    request fails on it. The user's own route at `health` is kept; `health=None` adds none.

    `measure`: every response is counted and timed by route and release, and handed to the supervisor without waiting;
    `measure=False` adds no middleware. `problems=True`: validation errors of the service's own requests are answered as
    `application/problem+json` (what failed, expected, got, is a retry safe), unless `api` has a handler of its own.
    """
    _wrap_lifespan(api, app, measure)
    if measure:
        from workaday.measure import hooks
        from workaday.measure.asgi import MeasureMiddleware

        hooks.install()  # now, and not with the first request: connections that are opened before it count, too
        api.add_middleware(MeasureMiddleware, workaday=app)
    if problems:
        from workaday.problems import install

        install(api)
    if health is not None and not _has_route(api, health):
        api.add_api_route(health, _health_route(app), methods=["GET"], include_in_schema=False, name="workaday_health")


def jobs(app: App) -> Callable[[], App]:
    """For `Annotated[App, Depends(jobs(app))]`: a route says that it enqueues, and a test can override it."""

    def provide() -> App:
        return app

    return provide


def health(app: App) -> dict[str, Any]:
    """The state of what this process needs, each check with its value: the body of the health route."""
    checks = {"store": _store_check(app)}
    return {"status": "ok" if all(check["ok"] for check in checks.values()) else "failing", "checks": checks}


def _wrap_lifespan(api: Any, app: App, measure: bool) -> None:
    inner = api.router.lifespan_context

    @asynccontextmanager
    async def lifespan(scope: Any) -> AsyncGenerator[Any, None]:
        import asyncio

        await asyncio.to_thread(app.setup)
        if measure:
            from workaday.measure.release import of_process

            await asyncio.to_thread(of_process)  # now: a deploy may have checked out the next commit by the first request
        async with inner(scope) as state:
            yield state

    api.router.lifespan_context = lifespan


def _has_route(api: Any, path: str) -> bool:
    return any(getattr(route, "path", None) == path for route in api.router.routes)


def _health_route(app: App) -> Callable[[], Any]:
    from fastapi.responses import JSONResponse  # pyright: ignore[reportMissingImports, reportUnknownVariableType] - FastAPI may not be there

    answer: Any = JSONResponse

    def workaday_health() -> Any:  # a sync route: it runs on a thread, so a stuck disk cannot stop the loop
        body = health(app)
        return answer(body, status_code=200 if body["status"] == "ok" else 503, headers={"cache-control": "no-store"})

    return workaday_health


def _store_check(app: App) -> dict[str, Any]:
    try:
        app.store.read("get_meta", {"name": "schema"})
        app.store.check_space()
    except WorkadayError as error:
        _log.warning("health: %s", error.code)
        # The code only: a message may name paths, and this route asks for no login.
        return {"ok": False, "code": error.code}
    return {"ok": True}

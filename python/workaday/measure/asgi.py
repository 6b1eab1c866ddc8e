"""Measures every response of an ASGI application: pure ASGI, so contexts and streams stay as they are.

    from workaday.measure.asgi import MeasureMiddleware

    api.add_middleware(MeasureMiddleware, workaday=app)    # Starlette; `workaday.fastapi.setup` does it for FastAPI

A response is measured until its last body byte has been taken; what a background task does after that still counts as
its statements and calls, but not as its time. The label is the template of the route, never the path, so an id in a path
makes no series of its own. Streams and websockets have series of their own. Turn it off by not adding it.
"""

from __future__ import annotations

from time import perf_counter_ns, thread_time_ns, time
from typing import TYPE_CHECKING, Any

from workaday.measure import hooks
from workaday.measure.counters import Counters, current
from workaday.measure.cpu import Timed
from workaday.measure.handover import Handover, Measured, Sink

if TYPE_CHECKING:
    from collections.abc import Callable

UNMATCHED = "(unmatched)"
"""Stands for all paths that no route has answered: what strangers ask for makes one series."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class MeasureMiddleware:
    """Around the whole application, or around one mounted part of it."""

    def __init__(self, app: Any, workaday: Any = None, *, sink: Handover | Sink | None = None) -> None:
        """`app` is the ASGI application around which it stands, `workaday` the `workaday.App` whose store takes the figures."""
        hooks.install()
        self._asgi = app
        self._sink = sink if sink is not None else Sink(workaday)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind = scope["type"]
        if kind != "http" and kind != "websocket":
            return await self._asgi(scope, receive, send)
        seen = _Seen(send, perf_counter_ns())
        token = current.set(seen.counters)
        root = scope.get("root_path", "")
        timed = None
        began_ns = thread_time_ns()
        try:
            coroutine = self._asgi(scope, receive, seen.send if kind == "http" else send)
            try:
                # The first step is made here: a response that waits for nothing ends with it.
                first = coroutine.send(None)
            except StopIteration:
                pass
            else:
                timed = Timed(coroutine, first, thread_time_ns() - began_ns)
                await timed
        except BaseException:
            seen.broke_off = True
            raise
        finally:
            cpu_ns = thread_time_ns() - began_ns if timed is None else timed.cpu_ns
            current.reset(token)
            self._sink.put(_measured(kind, scope, root, seen, cpu_ns))


def _measured(kind: str, scope: Any, root: str, seen: _Seen, cpu_ns: int) -> Measured:
    """What stays of a request: numbers and its label, nothing that holds on to the request itself."""
    ended_ns = seen.ended_ns or perf_counter_ns()
    try:
        template = scope["route"].path_format
    except (KeyError, AttributeError):
        template = None
    if not template or scope.get("root_path", "") != root:
        template = _template(scope, root)
    # An exception after the first byte cuts the response short: an error, whatever its status said.
    if kind == "websocket":
        name, status = template, 0 if seen.broke_off else 101
    else:
        method = scope["method"]
        name = f"{method} {template}" if method in _METHODS else f"OTHER {template}"
        status = 0 if seen.broke_off else seen.status
        kind = "stream" if seen.is_events or (seen.chunks > 1 and not seen.has_length) else "route"
    return _new(
        Measured,
        (int(time()) // 60, kind, name, status, ended_ns - seen.began_ns, cpu_ns, seen.body_bytes, seen.cache, seen.counters),
    )


_new: Any = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
"""A named tuple's own `__new__` is a function in Python, and takes three times as long."""


class _Seen:
    """What passes on its way out. Pieces without a length, or events, are a stream: its time says nothing about how fast the service answers."""

    # What most responses leave as it is stands here once, and is not written for each.
    has_length = is_events = broke_off = False
    chunks = ended_ns = status = body_bytes = cache = 0

    def __init__(self, send: Callable[[Any], Any], began_ns: int) -> None:
        self._send = send
        self.counters = Counters()
        self.began_ns = began_ns

    def send(self, message: Any) -> Any:
        """No coroutine of its own, but for the last message: that one is timed when it has been taken."""
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            if body:
                self.chunks += 1
                self.body_bytes += len(body)
            return self._send(message) if message.get("more_body", False) else self._last(message)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            for name, value in message.get("headers", ()):
                if name == b"content-length":
                    self.has_length = True
                elif name == b"content-type":
                    self.is_events = value.startswith(b"text/event-stream")
                elif name == b"x-cache":
                    self.cache = 1 if b"hit" in value.lower() else -1
        return self._send(message)

    async def _last(self, message: Any) -> None:
        await self._send(message)
        self.ended_ns = perf_counter_ns()


def _template(scope: Any, root: str) -> str:
    """The route's template, with the prefix of where it is mounted."""
    route = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    if path is None:
        path = _by_endpoint(scope)
        if path is None:
            return UNMATCHED
    mounted = scope.get("root_path", "")
    return mounted[len(root) :] + path if mounted.startswith(root) else path


def _by_endpoint(scope: Any) -> str | None:
    """Plain Starlette says which function answered, not by which route: the application's routes are asked, once each."""
    endpoint = scope.get("endpoint")
    routes = getattr(scope.get("router") or scope.get("app"), "routes", None)
    if endpoint is None or routes is None:
        return None
    known = _templates.get(endpoint)
    if known is None:
        paths = (getattr(route, "path", None) for route in routes if getattr(route, "endpoint", None) is endpoint)
        known = next((path for path in paths if path), UNMATCHED)
        if len(_templates) < _TEMPLATES_MAX:
            _templates[endpoint] = known
    return known


_TEMPLATES_MAX = 2_000
_templates: dict[Any, str] = {}

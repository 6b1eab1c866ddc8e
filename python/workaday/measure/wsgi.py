"""Measures every response of a WSGI application (Flask, Django, plain).

    from workaday.measure.wsgi import MeasureWSGI

    flask_app.wsgi_app = MeasureWSGI(flask_app.wsgi_app, app)

Flask's template of the route is found by itself; others give `route=`, a function of the environ that answers the template
(never the path itself: each id would be a series of its own), or have one series a method.
"""

from __future__ import annotations

import contextlib
from time import perf_counter_ns, thread_time_ns, time
from typing import TYPE_CHECKING, Any

from workaday.measure import hooks
from workaday.measure.asgi import UNMATCHED
from workaday.measure.counters import Counters, current
from workaday.measure.handover import Handover, Measured, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def flask_route(environ: dict[str, Any]) -> str | None:
    """The template of the route that Flask (or anything on Werkzeug) has matched."""
    rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
    return None if rule is None else str(rule.rule)


class MeasureWSGI:
    """Around a WSGI application."""

    def __init__(
        self,
        wsgi: Callable[..., Any],
        app: Any = None,
        *,
        route: Callable[[dict[str, Any]], str | None] = flask_route,
        sink: Handover | Sink | None = None,
    ) -> None:
        hooks.install()
        self._wsgi = wsgi
        self._route = route
        self._sink = sink if sink is not None else Sink(app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        response = _Response(self, environ)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            response.start(status, headers)
            return start_response(status, headers, *rest)

        current.set(response.counters)
        try:
            response.body = self._wsgi(environ, start)
        except BaseException:
            response.status = 0
            response.close()
            raise
        return response

    def done(self, response: _Response) -> None:
        """The server has taken the last byte, or given up."""
        method = response.environ.get("REQUEST_METHOD", "GET")
        template = None
        with contextlib.suppress(Exception):  # a label that cannot be told must not fail the response
            template = self._route(response.environ)
        name = f"{method if method in _METHODS else 'OTHER'} {template or UNMATCHED}"
        kind = "stream" if response.is_stream else "route"
        cpu_ns = thread_time_ns() - response.cpu_from_ns
        run_ns = perf_counter_ns() - response.began_ns
        self._sink.put(
            Measured(int(time()) // 60, kind, name, response.status, run_ns, cpu_ns, response.body_bytes, response.cache, response.counters)
        )


class _Response:
    """The body on its way out; `close` is called by every server, also when the client is gone."""

    def __init__(self, owner: MeasureWSGI, environ: dict[str, Any]) -> None:
        self._owner = owner
        self._closed = False
        self._has_length = False
        self._chunks = 0
        self.environ = environ
        self.counters = Counters()
        self.body: Any = ()
        self.status = 0
        self.body_bytes = 0
        self.cache = 0
        self.is_events = False
        self.began_ns = perf_counter_ns()
        self.cpu_from_ns = thread_time_ns()

    @property
    def is_stream(self) -> bool:
        return self.is_events or (self._chunks > 1 and not self._has_length)

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status = int(status[:3])
        for name, value in headers:
            lower = name.lower()
            if lower == "content-length":
                self._has_length = True
            elif lower == "content-type":
                self.is_events = value.startswith("text/event-stream")
            elif lower == "x-cache":
                self.cache = 1 if "hit" in value.lower() else -1

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self.body:
                if chunk:
                    self._chunks += 1
                    self.body_bytes += len(chunk)
                yield chunk
        except Exception:
            self.status = 0
            raise

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            close = getattr(self.body, "close", None)
            if close is not None:
                close()
        finally:
            current.set(None)
            self._owner.done(self)

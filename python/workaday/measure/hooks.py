"""Counts what libraries do, once the application has imported them; never imports one itself.

`install()` mends what is loaded already and leaves a finder for the rest: when the application imports a library that
is known here, its methods are wrapped right after its module has run. A library that has changed beyond recognition is
left as it is (said once, at level DEBUG), and nothing of it is counted.

| library | what is counted |
|---|---|
| sqlite3, aiosqlite | `execute`, `executemany`, `executescript` of connections opened after the import |
| SQLAlchemy | events `before_cursor_execute` and `after_cursor_execute` of every engine |
| psycopg, asyncpg | `execute` and its kin of connections, cursors and prepared statements |
| Django | `execute_wrappers` of every connection |
| redis | GET, MGET, HGET, HMGET, GETEX, also in pipelines: `None` is a miss |
| httpx, requests, aiohttp, urllib | outgoing calls |
"""

from __future__ import annotations

import logging
import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from workaday.measure import databases
from workaday.measure.counters import HttpCall, current

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("workaday")


def _redis(module: Any) -> None:
    _wrap_redis(module.Redis, module.Pipeline)


def _redis_async(module: Any) -> None:
    _wrap_redis_async(module.Redis, module.Pipeline)


_GETS = frozenset(("GET", "GETEX", "HGET"))
_MANY_GETS = frozenset(("MGET", "HMGET"))


def _count_gets(command: object, answer: Any) -> None:
    counters = current.get()
    if counters is None or not isinstance(command, str):
        return
    word = command.upper()
    if word in _GETS:
        answers: list[Any] = [answer]
    elif word in _MANY_GETS and isinstance(answer, list):
        answers = list(answer)  # pyright: ignore[reportUnknownArgumentType] - whatever the driver answers
    else:
        return
    misses = sum(1 for one in answers if one is None)
    counters.cache_misses += misses
    counters.cache_hits += len(answers) - misses


def _stacked(pipeline: Any) -> list[Any]:
    """The commands that a pipeline is about to send; each version of the library keeps them a little differently."""
    return [command.args[0] if hasattr(command, "args") else command[0][0] for command in pipeline.command_stack]


def _wrap_redis(client: Any, pipeline: Any) -> None:
    call, execute = client.execute_command, pipeline.execute

    @wraps(call)
    def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        answer = call(self, *args, **options)
        if args:
            _count_gets(args[0], answer)
        return answer

    @wraps(execute)
    def execute_pipeline(self: Any, *args: Any, **options: Any) -> Any:
        commands = _stacked(self) if current.get() is not None else []
        answers = execute(self, *args, **options)
        for command, answer in zip(commands, answers, strict=False):
            _count_gets(command, answer)
        return answers

    client.execute_command, pipeline.execute = execute_command, execute_pipeline


def _wrap_redis_async(client: Any, pipeline: Any) -> None:
    call, execute = client.execute_command, pipeline.execute

    @wraps(call)
    async def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        answer = await call(self, *args, **options)
        if args:
            _count_gets(args[0], answer)
        return answer

    @wraps(execute)
    async def execute_pipeline(self: Any, *args: Any, **options: Any) -> Any:
        commands = _stacked(self) if current.get() is not None else []
        answers = await execute(self, *args, **options)
        for command, answer in zip(commands, answers, strict=False):
            _count_gets(command, answer)
        return answers

    client.execute_command, pipeline.execute = execute_command, execute_pipeline


def _http_sync(owner: Any, name: str) -> None:
    call = getattr(owner, name)

    @wraps(call)
    def counted(*args: Any, **options: Any) -> Any:
        with HttpCall():
            return call(*args, **options)

    setattr(owner, name, counted)


def _http_async(owner: Any, name: str) -> None:
    call = getattr(owner, name)

    @wraps(call)
    async def counted(*args: Any, **options: Any) -> Any:
        with HttpCall():
            return await call(*args, **options)

    setattr(owner, name, counted)


def _httpx(module: Any) -> None:
    _http_sync(module.Client, "send")
    _http_async(module.AsyncClient, "send")


_HOOKS: dict[str, Callable[[Any], None]] = {
    "sqlite3": databases.sqlite,
    "aiosqlite": databases.aiosqlite,
    "sqlalchemy": databases.sqlalchemy,
    "psycopg": databases.psycopg,
    "asyncpg": databases.asyncpg,
    "django.db.backends.signals": databases.django,
    "redis.client": _redis,
    "redis.asyncio.client": _redis_async,
    "httpx": _httpx,
    "httpx2": _httpx,
    "requests": lambda module: _http_sync(module.Session, "send"),
    "aiohttp": lambda module: _http_async(module.ClientSession, "_request"),
    "urllib.request": lambda module: _http_sync(module.OpenerDirector, "open"),
}

_waiting: set[str] = set()
_done: set[str] = set()


def install() -> None:
    """Wraps what is loaded and waits for the rest. Again: changes nothing."""
    if _waiting or _done:
        return
    _waiting.update(_HOOKS)
    for name in _HOOKS:
        module = sys.modules.get(name)
        # One that is being imported right now is not ready: it is looked at with the next `install`, never half done.
        if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
            _mend(name, module)
    sys.meta_path.insert(0, _Finder())


def installed() -> frozenset[str]:
    """Names of the modules that are counted in this process."""
    return frozenset(_done)


def _mend(name: str, module: Any) -> None:
    if name not in _waiting:
        return
    _waiting.discard(name)
    try:
        _HOOKS[name](module)
    except Exception:  # another version than those that we know: the application must not notice
        _log.debug("%s is not counted: it is not as expected", name, exc_info=True)
    else:
        _done.add(name)


class _Finder:
    """Stands first on `sys.meta_path`, finds nothing itself, and learns when a module of ours has been run."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec that the others find, with a loader that tells when it is done."""
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """The real loader, and one step after it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def create_module(self, spec: Any) -> Any:
        """As the real one does."""
        return self._real.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Runs the module, hands it back to its own loader, and wraps what we count."""
        module.__spec__.loader = self._real
        module.__loader__ = self._real
        self._real.exec_module(module)
        _mend(module.__spec__.name, module)

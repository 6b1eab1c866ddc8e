"""How each database library is counted; `hooks` calls one of these when the application has imported it."""

# The libraries come in as what the application has imported; their types are nobody's here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from functools import wraps
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from workaday.measure.counters import Statement, current, inside

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator


def _sync(owner: Any, name: str, text: Any) -> None:
    """Wraps a method; `text(self, args)` is its statement."""
    call = getattr(owner, name)

    @wraps(call)
    def counted(self: Any, *args: Any, **options: Any) -> Any:
        with Statement(text(self, args)):
            return call(self, *args, **options)

    setattr(owner, name, counted)


def _async(owner: Any, name: str, text: Any) -> None:
    call = getattr(owner, name)

    @wraps(call)
    async def counted(self: Any, *args: Any, **options: Any) -> Any:
        with Statement(text(self, args)):
            return await call(self, *args, **options)

    setattr(owner, name, counted)


def _first(_self: Any, args: tuple[Any, ...]) -> Any:
    return args[0] if args else ""


def _prepared(statement: Any, _args: tuple[Any, ...]) -> Any:
    return statement.get_query()


def sqlite(module: Any) -> None:
    """Connections get a factory whose cursors count. `set_trace_callback` would also count BEGIN and COMMIT, and knows no times."""
    plain_connect = module.connect
    made: dict[Any, Any] = {}

    class CountedCursor(module.Cursor):
        """A cursor that counts."""

        def execute(self, *args: Any) -> Any:
            """As `sqlite3.Cursor.execute`."""
            if current.get() is None:
                return super().execute(*args)
            with Statement(args[0]):
                return super().execute(*args)

        def executemany(self, *args: Any) -> Any:
            """As `sqlite3.Cursor.executemany`: one statement, however many rows."""
            with Statement(args[0]):
                return super().executemany(*args)

        def executescript(self, *args: Any) -> Any:
            """As `sqlite3.Cursor.executescript`: counts as one."""
            with Statement(args[0]):
                return super().executescript(*args)

    def counting(factory: Any) -> Any:
        if factory not in made:

            class CountedConnection(factory):
                """A connection whose cursors count. Its own `execute` would make a plain one (CPython does not ask `cursor`)."""

                def execute(self, *args: Any) -> Any:
                    """As `sqlite3.Connection.execute`."""
                    return self.cursor().execute(*args)

                def executemany(self, *args: Any) -> Any:
                    """As `sqlite3.Connection.executemany`."""
                    return self.cursor().executemany(*args)

                def executescript(self, *args: Any) -> Any:
                    """As `sqlite3.Connection.executescript`."""
                    return self.cursor().executescript(*args)

                def cursor(self, factory: Any = CountedCursor) -> Any:
                    """As `sqlite3.Connection.cursor`."""
                    return super().cursor(factory)

            CountedConnection.__name__ = CountedConnection.__qualname__ = factory.__name__
            made[factory] = CountedConnection
        return made[factory]

    @wraps(plain_connect)
    def connect(*args: Any, **options: Any) -> Any:
        if len(args) > _FACTORY:
            args = (*args[:_FACTORY], counting(args[_FACTORY]), *args[_FACTORY + 1 :])
        else:
            options["factory"] = counting(options.get("factory", module.Connection))
        return plain_connect(*args, **options)

    connect.__wrapped__ = plain_connect  # the client's own connections go by it: what we write is no statement of the task
    module.connect = module.dbapi2.connect = connect


_FACTORY = 5
"""The place of `factory` among the positional arguments of `sqlite3.connect`."""


def aiosqlite(module: Any) -> None:
    """Its statements run on a thread of their own, which has no context: counted where they are awaited."""
    owner = module.core.Connection
    call = owner._execute
    names = frozenset(("execute", "executemany", "executescript", "_execute_fetchall", "_execute_insert"))

    @wraps(call)
    async def counted(self: Any, function: Any, *args: Any, **options: Any) -> Any:
        if current.get() is None or getattr(function, "__name__", "") not in names:
            return await call(self, function, *args, **options)
        with Statement(args[0] if args else ""):
            return await call(self, function, *args, **options)

    owner._execute = counted


def sqlalchemy(module: Any) -> None:
    """Events of every engine, sync and async; what the driver below does is not counted again."""

    def before(_connection: Any, _cursor: Any, _statement: Any, _parameters: Any, context: Any, _many: bool) -> None:
        if current.get() is not None and not inside.get() and context is not None:
            context._workaday_from = perf_counter_ns()
            inside.set(True)

    def end(context: Any, statement: Any) -> None:
        began = getattr(context, "_workaday_from", 0)
        counters = current.get()
        if began and counters is not None:
            context._workaday_from = 0
            inside.set(False)
            counters.statement(statement, perf_counter_ns() - began)

    def after(_connection: Any, _cursor: Any, statement: Any, _parameters: Any, context: Any, _many: bool) -> None:
        end(context, statement)

    def failed(told: Any) -> None:
        end(told.execution_context, told.statement or "")

    engine = module.engine.Engine
    module.event.listen(engine, "before_cursor_execute", before)
    module.event.listen(engine, "after_cursor_execute", after)
    module.event.listen(engine, "handle_error", failed)


def psycopg(module: Any) -> None:
    """`Connection.execute` makes a cursor, so cursors are enough. A named one has an `execute` of its own."""
    for name in ("execute", "executemany"):
        _sync(module.Cursor, name, _first)
        _async(module.AsyncCursor, name, _first)
    _sync(module.ServerCursor, "execute", _first)
    _async(module.AsyncServerCursor, "execute", _first)
    _psycopg_streams(module.Cursor, module.AsyncCursor)
    _psycopg_copies(module.Cursor, module.AsyncCursor)


def _psycopg_streams(sync: Any, asynchronous: Any) -> None:
    """Counted until the first row: how long the reader takes for the others is not the database's time."""
    call, call_async = sync.stream, asynchronous.stream

    @wraps(call)
    def stream(self: Any, *args: Any, **options: Any) -> Iterator[Any]:
        rows = call(self, *args, **options)
        with Statement(_first(self, args)):
            first = next(rows, _END)
        if first is not _END:
            yield first
            yield from rows

    @wraps(call_async)
    async def stream_async(self: Any, *args: Any, **options: Any) -> AsyncIterator[Any]:
        rows = call_async(self, *args, **options)
        with Statement(_first(self, args)):
            first = await anext(rows, _END)
        if first is not _END:
            yield first
            async for row in rows:
                yield row

    sync.stream, asynchronous.stream = stream, stream_async


_END = object()


def _psycopg_copies(sync: Any, asynchronous: Any) -> None:
    """COPY counts as one, until the rows may flow."""
    call, call_async = sync.copy, asynchronous.copy

    @wraps(call)
    @contextmanager
    def copy(self: Any, *args: Any, **options: Any) -> Generator[Any]:
        with ExitStack() as stack:
            with Statement(_first(self, args)):
                entered = stack.enter_context(call(self, *args, **options))
            yield entered

    @wraps(call_async)
    @asynccontextmanager
    async def copy_async(self: Any, *args: Any, **options: Any) -> AsyncGenerator[Any]:
        async with AsyncExitStack() as stack:
            with Statement(_first(self, args)):
                entered = await stack.enter_async_context(call_async(self, *args, **options))
            yield entered

    sync.copy, asynchronous.copy = copy, copy_async


def asyncpg(module: Any) -> None:
    """Connections, also those of a pool, prepared statements and cursors."""
    connection = module.connection.Connection
    for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval", "fetchmany"):
        if hasattr(connection, name):
            _async(connection, name, _first)
    for name in ("fetch", "fetchrow", "fetchval", "executemany"):
        _async(module.prepared_stmt.PreparedStatement, name, _prepared)
    for name in ("_bind", "_bind_exec"):
        _async(module.cursor.BaseCursor, name, _of_cursor)
    # What it sends by itself, through the same methods: a pool that takes a connection back, BEGIN and its ends.
    _hide(connection, "reset")
    for name in ("start", "commit", "rollback", "__aexit__"):
        _hide(module.transaction.Transaction, name)


def _of_cursor(cursor: Any, _args: tuple[Any, ...]) -> Any:
    return cursor._query


def _hide(owner: Any, name: str) -> None:
    """What this method sends is nobody's statement."""
    call = getattr(owner, name)

    @wraps(call)
    async def hidden(self: Any, *args: Any, **options: Any) -> Any:
        if inside.get():
            return await call(self, *args, **options)
        token = inside.set(True)
        try:
            return await call(self, *args, **options)
        finally:
            inside.reset(token)

    setattr(owner, name, hidden)


def django(module: Any) -> None:
    """Every connection, from its first opening on."""

    def wrapper(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        with Statement(sql):
            return execute(sql, params, many, context)

    def opened(connection: Any, **_options: Any) -> None:
        if wrapper not in connection.execute_wrappers:
            connection.execute_wrappers.insert(0, wrapper)

    module.connection_created.connect(opened, weak=False, dispatch_uid="workaday")
    import sys

    database: Any = sys.modules.get("django.db")
    for connection in database.connections.all(initialized_only=True) if hasattr(database, "connections") else ():
        opened(connection)

"""Each library that is known is counted as it is used; one that is not there is skipped, its protocol faked where a server is needed (PostgreSQL: test_postgres)."""

from __future__ import annotations

import asyncio
import http.server
import sqlite3
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from workaday.measure import hooks
from workaday.measure.counters import Counters, current


@pytest.fixture
def counters() -> Iterator[Counters]:
    hooks.install()
    counters = Counters()
    token = current.set(counters)
    yield counters
    current.reset(token)


@pytest.fixture
def server() -> Iterator[str]:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}/"
        served.shutdown()
        thread.join()


def test_sqlite3_counts_statements_of_connections_and_cursors(counters: Counters) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (n)")
    connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    cursor = connection.cursor()
    cursor.execute("SELECT n FROM t")
    assert cursor.fetchall() == [(1,), (2,)]
    connection.executescript("DELETE FROM t; SELECT 1;")
    connection.commit()
    assert counters.db_calls == 4, "BEGIN and COMMIT are nobody's statements"
    assert counters.db_ns > 0
    connection.close()


def test_sqlite3_keeps_a_factory_of_the_user(counters: Counters) -> None:
    class Own(sqlite3.Connection):
        def answer(self) -> int:
            return 42

    connection = sqlite3.connect(":memory:", factory=Own)
    assert isinstance(connection, Own)
    assert connection.answer() == 42
    connection.row_factory = sqlite3.Row
    assert connection.execute("SELECT 1 AS one").fetchone()["one"] == 1
    assert counters.db_calls == 1
    connection.close()


def test_a_statement_that_fails_counts_and_fails_as_it_would(counters: Counters) -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT * FROM nothing")
    assert counters.db_calls == 1
    connection.close()


def test_sqlalchemy_counts_once_with_the_driver_below(counters: Counters) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        before = counters.db_calls
        for number in range(12):
            connection.execute(sqlalchemy.text("SELECT :n"), {"n": number})
        assert counters.db_calls - before == 12
        with pytest.raises(sqlalchemy.exc.OperationalError):
            connection.execute(sqlalchemy.text("SELECT * FROM nothing"))
        assert counters.db_calls - before == 13
        connection.execute(sqlalchemy.text("SELECT 1 AS again"))
        assert counters.db_calls - before == 14, "after a failure counting goes on"
    assert counters.suspects() == {"SELECT ?": 12}


def test_aiosqlite_counts_what_runs_on_its_thread(counters: Counters) -> None:
    aiosqlite = pytest.importorskip("aiosqlite")

    async def main() -> None:
        async with aiosqlite.connect(":memory:") as connection:
            await connection.execute("CREATE TABLE t (n)")
            async with connection.execute("SELECT n FROM t") as cursor:
                assert await cursor.fetchall() == []
            await connection.commit()

    asyncio.run(main())
    assert counters.db_calls == 2


def test_async_sqlalchemy_counts_each_request_its_own() -> None:
    hooks.install()
    pytest.importorskip("aiosqlite")
    asynchronous = pytest.importorskip("sqlalchemy.ext.asyncio")
    from sqlalchemy import text

    async def request(engine: Any, times: int) -> int:
        counters = Counters()
        current.set(counters)
        async with engine.connect() as connection:
            for _ in range(times):
                await connection.execute(text("SELECT 1"))
        return counters.db_calls

    async def main() -> list[int]:
        engine = asynchronous.create_async_engine("sqlite+aiosqlite://")
        async with engine.connect():
            pass  # what the first connection asks of the database is nobody's statement
        counts = [await request(engine, 3), await request(engine, 5)]
        await engine.dispose()
        return counts

    assert asyncio.run(main()) == [3, 5]


def test_urllib_and_httpx_count_outgoing_calls(counters: Counters, server: str) -> None:
    httpx = pytest.importorskip("httpx")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert opener.open(server, timeout=10).read() == b"ok"
    with httpx.Client(trust_env=False) as client:
        assert client.get(server).text == "ok"

    async def main() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await asyncio.gather(client.get(server), client.get(server))

    asyncio.run(main())
    assert counters.http_calls == 4
    assert counters.http_ns > 0


def test_requests_counts_a_call_once(counters: Counters, server: str) -> None:
    requests = pytest.importorskip("requests")
    session = requests.Session()
    session.trust_env = False
    assert session.get(server, timeout=10).text == "ok"
    assert counters.http_calls == 1


class FakeRedis(threading.Thread):
    """Speaks enough RESP for GET, MGET and a pipeline: knows the key `here`."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        import socket

        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: Any) -> None:
        with connection, connection.makefile("rwb") as stream:
            while line := stream.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int(stream.readline()[1:])
                    words.append(stream.read(size + 2)[:-2])
                stream.write(self.answer(words))
                stream.flush()

    def answer(self, words: list[bytes]) -> bytes:
        def value(key: bytes) -> bytes:
            return b"$2\r\nok\r\n" if key == b"here" else b"$-1\r\n"

        match words[0].upper():
            case b"GET":
                return value(words[1])
            case b"MGET":
                return b"*%d\r\n" % len(words[1:]) + b"".join(value(key) for key in words[1:])
            case b"HELLO":
                return b"-ERR unknown command\r\n"
            case _:
                return b"+OK\r\n"


@pytest.fixture
def redis_port() -> Iterator[int]:
    fake = FakeRedis()
    fake.start()
    yield fake.port
    fake.socket.close()


def test_redis_tells_hits_and_misses_also_of_pipelines(counters: Counters, redis_port: int) -> None:
    redis = pytest.importorskip("redis")
    with redis.Redis(port=redis_port, protocol=2) as client:
        assert client.get("here") == b"ok"
        assert client.get("gone") is None
        assert client.mget("here", "gone", "gone") == [b"ok", None, None]
        client.set("here", "ok")
        with client.pipeline(transaction=False) as pipeline:
            pipeline.get("here")
            pipeline.get("gone")
            assert pipeline.execute() == [b"ok", None]
    assert (counters.cache_hits, counters.cache_misses) == (3, 4)


def test_redis_on_a_loop(counters: Counters, redis_port: int) -> None:
    asynchronous = pytest.importorskip("redis.asyncio")

    async def main() -> None:
        async with asynchronous.Redis(port=redis_port, protocol=2) as client:
            await client.get("here")
            await client.get("gone")

    asyncio.run(main())
    assert (counters.cache_hits, counters.cache_misses) == (1, 1)


def test_django_counts_every_connection(counters: Counters) -> None:
    pytest.importorskip("django")
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
        django.setup()
    from django.db import connection

    connection.ensure_connection()
    before = counters.db_calls
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [1])
        assert cursor.fetchone() == (1,)
    assert counters.db_calls - before == 1
    connection.close()

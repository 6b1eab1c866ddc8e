"""psycopg, asyncpg, SQLAlchemy and Django on a real PostgreSQL: what a request asks is counted once, timed, and named when it repeats."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg
import psycopg
import pytest
from postgres import Postgres
from workaday.measure import hooks
from workaday.measure.counters import Counters, current

LINES = 12
SLEEP_NS = 50_000_000
"""The statements that sleep do so for this long on the server."""


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Iterator[Postgres]:
    postgres.psql(
        f"CREATE TABLE items (id int PRIMARY KEY, cents int); INSERT INTO items SELECT n, n * 10 FROM generate_series(1, {LINES}) n"
    )
    yield postgres
    postgres.psql("DROP TABLE items")


@pytest.fixture
def counters() -> Iterator[Counters]:
    hooks.install()
    counters = Counters()
    token = current.set(counters)
    yield counters
    current.reset(token)


def test_psycopg(shop: Postgres, counters: Counters) -> None:
    with psycopg.connect(shop.dsn) as connection:
        rows = connection.execute("SELECT id FROM items ORDER BY id").fetchall()
        for row in rows:
            connection.execute("SELECT cents FROM items WHERE id = %s", row)
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE items SET cents = %s WHERE id = %s", [(10, 1), (20, 2)])
        assert counters.db_calls == 1 + LINES + 1, "BEGIN and COMMIT are nobody's statements, and many rows are one call"
        before = counters.db_ns
        connection.execute("SELECT pg_sleep(0.05)")
        assert counters.db_ns - before >= SLEEP_NS
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nothing")
        connection.rollback()
        assert counters.db_calls == LINES + 4, "one that fails was asked, too"
    assert counters.suspects() == {"SELECT cents FROM items WHERE id = %s": LINES}


def test_psycopg_server_side_cursors_and_streams(shop: Postgres, counters: Counters) -> None:
    with psycopg.connect(shop.dsn) as connection:
        with connection.cursor("slow_reader") as cursor:
            cursor.execute("SELECT id FROM items")
            assert len(cursor.fetchall()) == LINES
        with connection.cursor() as cursor:
            assert len(list(cursor.stream("SELECT cents FROM items"))) == LINES
        with connection.cursor() as cursor, cursor.copy("COPY items TO STDOUT") as copy:
            assert len(list(copy.rows())) == LINES
    assert counters.db_calls == 3


def test_async_psycopg(shop: Postgres, counters: Counters) -> None:
    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(shop.dsn) as connection:
            cursor = await connection.execute("SELECT id FROM items")
            for row in await cursor.fetchall():
                await connection.execute("SELECT cents FROM items WHERE id = %s", row)
            async with connection.cursor("slow_reader") as named:
                await named.execute("SELECT id FROM items")
            async with connection.cursor() as streamed:
                assert len([row async for row in streamed.stream("SELECT 1 FROM items")]) == LINES
            before = counters.db_ns
            await connection.execute("SELECT pg_sleep(0.05)")
            assert counters.db_ns - before >= SLEEP_NS

    asyncio.run(main())
    assert counters.db_calls == LINES + 4
    assert counters.suspects() == {"SELECT cents FROM items WHERE id = %s": LINES}


def test_asyncpg(shop: Postgres, counters: Counters) -> None:
    async def main() -> None:
        async with asyncpg.create_pool(shop.dsn, min_size=1, max_size=2) as pool:
            assert counters.db_calls == 0, "what a new connection asks of the server is nobody's statement"
            rows = await pool.fetch("SELECT id FROM items")
            for row in rows:
                await pool.fetchval("SELECT cents FROM items WHERE id = $1", row["id"])
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("UPDATE items SET cents = 10 WHERE id = 1")
                await connection.executemany("UPDATE items SET cents = $1 WHERE id = $2", [(10, 1), (20, 2)])
                assert await connection.fetchrow("SELECT cents FROM items WHERE id = $1", 2)
                prepared = await connection.prepare("SELECT cents FROM items WHERE id < $1")
                assert len(await prepared.fetch(4)) == 3
                assert len([row async for row in connection.cursor("SELECT id FROM items")]) == LINES
            calls = LINES + 6
            assert counters.db_calls == calls
            before = counters.db_ns
            await pool.execute("SELECT pg_sleep(0.05)")
            assert counters.db_ns - before >= SLEEP_NS
            with pytest.raises(asyncpg.UndefinedTableError):
                await pool.fetch("SELECT * FROM nothing")
            assert counters.db_calls == calls + 2

    asyncio.run(main())
    assert counters.suspects() == {"SELECT cents FROM items WHERE id = $1": LINES + 1}


def test_two_requests_on_one_loop_count_each_its_own(shop: Postgres) -> None:
    hooks.install()

    async def request(pool: Any, times: int) -> int:
        counters = Counters()
        current.set(counters)
        for _ in range(times):
            await pool.fetchval("SELECT 1")
        return counters.db_calls

    async def main() -> list[int]:
        async with asyncpg.create_pool(shop.dsn, min_size=2, max_size=2) as pool:
            return await asyncio.gather(*(asyncio.create_task(request(pool, times)) for times in (3, 5)))

    assert asyncio.run(main()) == [3, 5]


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg", "psycopg_async"])
def test_sqlalchemy_counts_once_with_the_driver_below(shop: Postgres, counters: Counters, driver: str) -> None:
    import sqlalchemy
    from sqlalchemy.ext.asyncio import create_async_engine

    def work(connection: sqlalchemy.Connection) -> None:
        rows = connection.execute(sqlalchemy.text("SELECT id FROM items")).all()
        for row in rows:
            connection.execute(sqlalchemy.text("SELECT cents FROM items WHERE id = :id"), {"id": row.id})
        connection.execute(sqlalchemy.text("SELECT pg_sleep(0.05)"))
        with pytest.raises(sqlalchemy.exc.ProgrammingError):
            connection.execute(sqlalchemy.text("SELECT * FROM nothing"))
        connection.rollback()
        connection.execute(sqlalchemy.text("SELECT 1 AS again"))

    async def on_a_loop() -> tuple[int, int]:
        engine = create_async_engine(shop.dsn.replace("postgresql", f"postgresql+{driver}"))
        async with engine.connect() as connection:
            before = counters.db_calls, counters.db_ns
            await connection.run_sync(work)
        await engine.dispose()
        return before

    if driver == "psycopg":
        engine = sqlalchemy.create_engine(shop.dsn.replace("postgresql", "postgresql+psycopg"))
        with engine.connect() as connection:
            before = counters.db_calls, counters.db_ns
            work(connection)
        engine.dispose()
    else:
        before = asyncio.run(on_a_loop())
    assert counters.db_calls - before[0] == LINES + 4
    assert counters.db_ns - before[1] >= SLEEP_NS
    (suspect, calls), *_ = counters.suspects().items()
    assert suspect.startswith("SELECT cents FROM items WHERE id = ") and calls == LINES


DJANGO = """
import sys
import django
from django.conf import settings
from workaday.measure import hooks
from workaday.measure.counters import Counters, current

hooks.install()
host, port, lines = sys.argv[1:]
database = {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "shop", "HOST": host, "PORT": port}
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=[], USE_TZ=True)
django.setup()
from django.db import connection, models, transaction

class Item(models.Model):
    id = models.IntegerField(primary_key=True)
    cents = models.IntegerField()

    class Meta:
        app_label = "shop"
        db_table = "items"

connection.ensure_connection()
counters = Counters()
current.set(counters)
with transaction.atomic():
    for item in list(Item.objects.only("id")):
        item.cents  # deferred: a statement each, as an N+1 does it
assert counters.db_calls == int(lines) + 1, counters.db_calls
(statement, calls), = counters.suspects().items()
assert statement.startswith('SELECT "items"."id", "items"."cents" FROM "items" WHERE "items"."id" = %s') and calls == int(lines), statement
before = counters.db_ns
with connection.cursor() as cursor:
    cursor.execute("SELECT pg_sleep(0.05)")
assert counters.db_ns - before >= 50_000_000
"""


def test_django(shop: Postgres) -> None:
    """In a process of its own: its settings can be made once."""
    done = subprocess.run(
        [sys.executable, "-c", DJANGO, "127.0.0.1", str(shop.port), str(LINES)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr

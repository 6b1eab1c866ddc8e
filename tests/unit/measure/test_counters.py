"""What is counted, and for whom: statements, HTTP calls, caches, of one request or job and of no other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from functools import lru_cache

import pytest
from workaday import RegistrationError, cache_hit, cache_miss, counted_cache
from workaday.measure.counters import Counters, HttpCall, Statement, current, normalised
from workaday.measure.cpu import Timed


@pytest.fixture
def counters():
    counters = Counters()
    token = current.set(counters)
    yield counters
    current.reset(token)


@pytest.mark.parametrize(
    ("statement", "same"),
    [
        ("SELECT * FROM items WHERE id = 42", "SELECT * FROM items WHERE id = ?"),
        ("SELECT  *\n FROM items\tWHERE name = 'it''s'", "SELECT * FROM items WHERE name = ?"),
        ("SELECT * FROM t WHERE id IN (1, 2, 3)", "SELECT * FROM t WHERE id IN (?, …)"),
        ("SELECT * FROM t WHERE id IN (%s, %s)", "SELECT * FROM t WHERE id IN (?, …)"),
        ("SELECT col1, x2y FROM t2 WHERE a = $1 AND b = :b", "SELECT col1, x2y FROM t2 WHERE a = $1 AND b = :b"),
        ("UPDATE t SET price = -1.5e3", "UPDATE t SET price = ?"),
    ],
)
def test_a_statement_is_named_without_its_literals(statement: str, same: str) -> None:
    assert normalised(statement) == same


def test_one_statement_called_ten_times_is_a_suspect_whatever_its_literals(counters: Counters) -> None:
    for number in range(10):
        with Statement(f"SELECT * FROM items WHERE order_id = {number}"):
            pass
    with Statement("SELECT 1"):
        pass
    assert counters.db_calls == 11
    assert counters.suspects() == {"SELECT * FROM items WHERE order_id = ?": 10}
    assert counters.evidence()["statements"] == {"SELECT * FROM items WHERE order_id = ?": 10}


def test_nine_times_is_none(counters: Counters) -> None:
    for number in range(9):
        with Statement(f"SELECT {number}"):
            pass
    assert counters.suspects() == {}


def test_many_different_statements_are_held_in_bounds(counters: Counters) -> None:
    for number in range(5_000):
        counters.statement(f"SELECT {number}", 1)
    assert counters.statements is not None
    assert len(counters.statements) < 100
    assert counters.suspects() == {"SELECT ?": 5_000}


def test_a_driver_below_a_library_is_not_counted_again(counters: Counters) -> None:
    with Statement("SELECT 1"), Statement("SELECT 1"):
        pass
    with HttpCall(), HttpCall():
        pass
    assert (counters.db_calls, counters.http_calls) == (1, 1)


def test_calls_of_one_request_that_run_at_the_same_time_all_count(counters: Counters) -> None:
    async def call() -> None:
        with HttpCall():
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(call() for _ in range(5)))

    asyncio.run(main())
    assert counters.http_calls == 5


def test_each_of_many_coroutines_counts_its_own() -> None:
    async def work(times: int) -> int:
        counters = Counters()
        current.set(counters)
        for _ in range(times):
            cache_hit("prices")
            await asyncio.sleep(0)
        cache_miss("prices")
        return counters.cache_hits

    async def main() -> list[int]:
        return await asyncio.gather(*(work(times) for times in (1, 7, 3)))

    assert asyncio.run(main()) == [1, 7, 3]


def test_outside_of_any_request_nothing_is_counted() -> None:
    assert current.get() is None
    cache_hit()
    with Statement("SELECT 1"):
        pass


def test_an_lru_cache_tells_hits_and_misses(counters: Counters) -> None:
    @counted_cache
    @lru_cache
    def double(number: int) -> int:
        return 2 * number

    assert [double(1), double(1), double(2)] == [2, 2, 4]
    assert (counters.cache_hits, counters.cache_misses) == (1, 2)
    assert double.cache_info().hits == 1
    double.cache_clear()
    assert double.cache_info().currsize == 0


def test_a_function_without_a_cache_is_refused() -> None:
    with pytest.raises(RegistrationError) as refused:
        counted_cache(len)
    assert refused.value.code == "option.cache_invalid"


def test_processor_time_is_that_of_the_coroutine_and_not_of_its_neighbours() -> None:
    def burn() -> int:
        return sum(range(300_000))

    async def busy() -> None:
        for _ in range(5):
            burn()
            await asyncio.sleep(0)

    async def idle() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def main() -> tuple[Timed, Timed]:
        timed = Timed(busy()), Timed(idle())

        async def wait(one: Timed) -> None:
            await one

        await asyncio.gather(*(wait(one) for one in timed))
        return timed

    of_busy, of_idle = asyncio.run(main())
    assert of_busy.cpu_ns > 20 * of_idle.cpu_ns > 0


def test_a_cancelled_coroutine_ends_as_any_does() -> None:
    seen = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        async def timed() -> None:
            await Timed(work())

        task = asyncio.create_task(timed())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["cancelled"]


def test_a_coroutine_whose_first_step_was_made_goes_on_from_there() -> None:
    seen = []

    async def work() -> str:
        seen.append(1)
        await asyncio.sleep(0)
        seen.append(2)
        await asyncio.sleep(0.001)
        return "done"

    async def main() -> tuple[str, int]:
        coroutine = work()
        timed = Timed(coroutine, coroutine.send(None), 7)

        async def wait() -> str:
            return await timed

        return await wait(), timed.cpu_ns

    assert asyncio.run(main())[0] == "done"
    assert seen == [1, 2]

    async def cancelled() -> None:
        task = asyncio.create_task(await_it(Timed(again := work(), again.send(None))))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def await_it(timed: Timed) -> None:
        await timed

    asyncio.run(cancelled())


def test_no_library_is_imported_for_being_counted() -> None:
    code = """
import sys
from workaday.measure import hooks
before = set(sys.modules)
hooks.install()
hooks.install()
new = {name.split(".")[0] for name in set(sys.modules) - before}
assert not new & {"sqlite3", "sqlalchemy", "redis", "httpx", "requests", "django", "psycopg", "asyncpg", "aiosqlite", "aiohttp"}, new
from sqlite3 import connect
import sqlite3.dbapi2
assert connect is sqlite3.dbapi2.connect and connect.__wrapped__
assert hooks.installed() >= {"sqlite3"}
assert sqlite3.__spec__.loader is sqlite3.__loader__ and type(sqlite3.__loader__).__name__ == "SourceFileLoader"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

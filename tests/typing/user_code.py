"""What users write, as a strict type checker sees it. `# error` lines must be errors; all others must be none."""

import sqlite3
from datetime import timedelta
from typing import Any, assert_type

from workaday import App, Context, Expect, Job, Prepared, Retry, Snooze
from workaday.task import AsyncContextTask, SyncContextTask, SyncTask

app = App("shop")


@app.task(
    queue="mail",
    retry=Retry(attempts=8, base="5s", on=(ConnectionError,), never=ValueError),
    timeout=timedelta(seconds=30),
    expects=Expect("the customer has the e-mail", within="5m", result=lambda result: result is not None),
    retry_safe=True,
)
async def send_invoice(order_id: int, *, copy: bool = False) -> str:
    if copy:
        raise Snooze("10m")
    return str(order_id)


@app.task()
def add(a: int, b: int = 2) -> int:
    return a + b


@app.task()
def nightly(ctx: Context, store: str) -> list[int]:
    ctx.progress(0.5, "half")
    return [ctx.tick.year]


@app.task()
async def hourly(ctx: Context) -> None:
    ctx.log.info("tick %s", ctx.tick)


@app.task()
def anything(payload: Any) -> dict[str, Any]:
    return {"payload": payload}


@app.task()
def whatever(payload: object) -> None: ...


async def use(connection: sqlite3.Connection) -> None:
    assert_type(add(1), int)
    assert_type(await send_invoice(1, copy=True), str)
    assert_type(nightly(Context(b"", ""), "x"), list[int])
    assert_type(await hourly(Context(b"", "")), None)

    assert_type(add.enqueue(1, b=3), Job[int])
    assert_type(await send_invoice.aenqueue(42, copy=True), Job[str])
    assert_type(nightly.enqueue("berlin"), Job[list[int]])
    assert_type(hourly.enqueue(), Job[None])
    assert_type(anything.enqueue([1]), Job[dict[str, Any]])
    assert_type(whatever.enqueue(1), Job[None])

    assert_type(add.options(delay="5m", unique="args", tags=["x"]).enqueue(1), Job[int])
    assert_type(await send_invoice.options(connection=connection).aenqueue(1), Job[str])
    assert_type(add.prepare(1), Prepared[int])
    assert_type(app.enqueue_many([add.prepare(1), add.prepare(2)]), list[Job[int]])
    assert_type(add.enqueue(1).result(timeout="5s"), int)
    assert_type(await add.enqueue(1).aresult(), int)
    assert_type(app.job("…", add).result(), int)
    assert_type(app.job("…").result(), Any)
    assert_type(add.enqueue(1).retry(), Job[int])

    add.enqueue("1")  # error
    add.enqueue()  # error
    send_invoice.enqueue(1, True)  # error
    send_invoice.enqueue(1, kopy=True)  # error
    nightly.enqueue(Context(b"", ""), "x")  # error
    nightly("x")  # error
    hourly.options(delay="1s").enqueue(1)  # error
    add.options(on_conflict="ignore")  # error
    app.task(queue=5)  # error


def names(a: SyncTask[[int], int], b: SyncContextTask[[str], list[int]], c: AsyncContextTask[[], None]) -> None:
    a.enqueue(1)
    b.enqueue("x")
    c.enqueue()

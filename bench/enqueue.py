"""Enqueues a second from one process; each call returns only when its job is on disk."""

from __future__ import annotations

from scratch import scratch

ENQUEUE = """
    import asyncio, json, sys, threading, time
    from jobs import app, noop
    how, count = sys.argv[1], int(sys.argv[2])
    noop.enqueue(-1)

    def one_by_one(first, last):
        for n in range(first, last):
            noop.enqueue(n)

    async def together():
        for first in range(0, count, 100):
            await asyncio.gather(*(noop.aenqueue(n) for n in range(first, first + 100)))

    began = time.perf_counter()
    if how == "calls":
        one_by_one(0, count)
    elif how == "threads":
        share = count // 8
        threads = [threading.Thread(target=one_by_one, args=(share * t, share * (t + 1))) for t in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    elif how == "coroutines":
        asyncio.run(together())
    else:
        for first in range(0, count, 1000):
            app.enqueue_many([noop.prepare(n) for n in range(first, first + 1000)])
    print(json.dumps(count / (time.perf_counter() - began)))
"""


def rate(how: str, count: int) -> int:
    with scratch() as project:
        return round(project.python(ENQUEUE, how, str(count), within=300).json)


def measure(quick: bool) -> dict[str, object]:
    part = 10 if quick else 1
    return {
        "one_thread_per_second": rate("calls", 8_000 // part),
        "eight_threads_per_second": rate("threads", 16_000 // part),
        "hundred_coroutines_per_second": rate("coroutines", 20_000 // part),
        "enqueue_many_per_second": rate("bulk", 100_000 // part),
    }

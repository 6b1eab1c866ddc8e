"""Who may enqueue: threads, coroutines, forks, spawned processes, preloaded web servers, a stranger's connection."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import urllib.request

import pytest
from harness import Project, wait_until

JOBS = """
    from workaday import App
    from effects import effect

    app = App("many")

    @app.task
    def work(n: int) -> int:
        effect("work", n=n)
        return n
"""


@pytest.fixture
def many(project: Project) -> Project:
    project.write("jobs.py", JOBS)
    return project


def all_there(project: Project, ids: list[str]) -> None:
    """Each acknowledged id is one job, and the store is sound."""
    assert len(set(ids)) == len(ids)
    stored = {row["id"].hex() for row in project.rows("SELECT id FROM workaday_jobs UNION ALL SELECT id FROM workaday_finished")}
    missing = [job_id for job_id in ids if job_id.replace("-", "") not in stored]
    assert not missing, f"{len(missing)} of {len(ids)} acknowledged jobs are not stored"
    assert project.one("PRAGMA integrity_check") == "ok"


def test_threads_and_coroutines_share_commits(many: Project) -> None:
    got = many.python("""
        import asyncio, json, threading
        from jobs import work
        ids = []
        def some(first):
            for n in range(first, first + 50):
                ids.append(str(work.enqueue(n).id))
        threads = [threading.Thread(target=some, args=(1000 * t,)) for t in range(8)]
        async def all_of_them():
            jobs = await asyncio.gather(*(work.aenqueue(n) for n in range(400)))
            ids.extend(str(job.id) for job in jobs)
        for thread in threads: thread.start()
        asyncio.run(all_of_them())
        for thread in threads: thread.join()
        print(json.dumps(ids))
    """)
    assert len(got.json) == 800
    all_there(many, got.json)


@pytest.mark.parametrize("threads_too", [False, True])
def test_forks_after_the_first_enqueue_do_not_share_a_connection(many: Project, threads_too: bool) -> None:
    got = many.python(
        """
        import json, os, sys, threading
        from jobs import work
        first = work.enqueue(0)  # the connection is open before the fork
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                work.enqueue(-1)
        if sys.argv[1] == "True":
            threading.Thread(target=busy, daemon=True).start()  # a fork in the middle of somebody's commit
        pipes = []
        for child in range(6):
            read, write = os.pipe()
            if os.fork() == 0:
                ids = [str(work.enqueue(1000 * child + n).id) for n in range(30)]
                os.write(write, json.dumps(ids).encode())
                os._exit(0)
            os.close(write)
            pipes.append(read)
        ids = [str(first.id)] + [str(work.enqueue(n).id) for n in range(30)]
        for read in pipes:
            with os.fdopen(read) as file:
                ids += json.load(file)
        stop.set()
        print(json.dumps(ids))
        """,
        str(threads_too),
    )
    assert len(got.json) == 6 * 30 + 31
    all_there(many, got.json)


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_multiprocessing_workers_enqueue(many: Project, method: str) -> None:
    many.write(
        "pool.py",
        """
        import json, multiprocessing, sys
        from jobs import work

        def some(first):
            return [str(work.enqueue(n).id) for n in range(first, first + 20)]

        if __name__ == "__main__":
            work.enqueue(-1)
            with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
                print(json.dumps(sum(pool.map(some, [0, 100, 200, 300]), [])))
        """,
    )
    got = many.run(sys.executable, "pool.py", method)
    assert len(got.json) == 80
    all_there(many, got.json)


def test_a_cancelled_enqueue_is_stored_or_withdrawn_and_harms_nobody(many: Project) -> None:
    got = many.python("""
        import asyncio, json, random
        from jobs import work
        chance = random.Random(7)
        async def main():
            done, cancelled = [], 0
            for round in range(20):
                tasks = [asyncio.create_task(work.aenqueue(n)) for n in range(20)]
                await asyncio.sleep(chance.choice([0, 0, 0.0005, 0.002]))
                for task in chance.sample(tasks, 10):
                    task.cancel()
                for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(outcome, BaseException):
                        assert isinstance(outcome, asyncio.CancelledError), outcome
                        cancelled += 1
                    else:
                        done.append(str(outcome.id))
            last = await asyncio.wait_for(work.aenqueue(1), 5)
            print(json.dumps({"done": done + [str(last.id)], "cancelled": cancelled}))
        asyncio.run(main())
    """)
    assert got.json["cancelled"] > 0
    all_there(many, got.json["done"])


def test_the_users_own_connection_on_the_same_file_is_neither_disturbed_nor_disturbing(new_project) -> None:
    project = new_project(config='database = "sqlite:///app.db"\n[worker]\nprocesses = 2\n')
    project.write(
        "jobs.py",
        """
        import sqlite3
        from workaday import App

        app = App("shared")

        def connect():
            connection = sqlite3.connect("app.db", timeout=10)
            connection.execute("CREATE TABLE IF NOT EXISTS effects (n INTEGER)")
            return connection

        @app.task
        def work(n: int) -> int:
            with connect() as connection:
                connection.execute("INSERT INTO effects VALUES (?)", (n,))
            return n
        """,
    )
    database = project.root / "app.db"
    project.python("""
        import sqlite3
        from jobs import app, connect, work
        connect().close()
        app.setup()
    """)
    supervisor = project.up()
    got = project.python("""
        import json
        from jobs import connect, work
        kept = []
        for n in range(200):
            connection = connect()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO effects VALUES (?)", (-1 - n,))
            job = work.options(connection=connection).enqueue(n)
            if n % 2:
                connection.commit()
                kept.append(str(job.id))
            else:
                connection.rollback()
            connection.close()
        print(json.dumps(kept))
    """)

    def read(sql: str) -> list[int]:
        import sqlite3

        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
        try:
            return [row[0] for row in connection.execute(sql)]
        finally:
            connection.close()

    wait_until(lambda: len(read("SELECT n FROM effects WHERE n >= 0")) >= 100, within=20, what="100 effects", seen=project.tell)
    supervisor.stop()
    assert sorted(read("SELECT n FROM effects WHERE n >= 0")) == list(range(1, 200, 2))
    assert sorted(read("SELECT n FROM effects WHERE n < 0")) == sorted(-1 - n for n in range(1, 200, 2))
    assert read("SELECT count(*) FROM workaday_finished") == [100]
    assert len(got.json) == 100


WSGI = """
    import json, os
    from jobs import work

    preloaded = work.enqueue(-1)  # before the fork: the master has the connection open

    def application(environ, start_response):
        job = work.enqueue(int(environ["QUERY_STRING"]))
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({"id": str(job.id), "pid": os.getpid()}).encode()]
"""

ASGI = """
    import json, os
    from jobs import work

    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        job = await work.aenqueue(int(scope["query_string"]))
        body = json.dumps({"id": str(job.id), "pid": os.getpid()}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
"""


def get(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def hits(project: Project, address: str, count: int, processes: int) -> list[str]:
    ids, workers = [], set()
    for n in range(count):
        answer = get(f"{address}/?{n}")
        ids.append(str(answer["id"]))
        workers.add(answer["pid"])
    n = count
    while len(workers) < processes and n < 50 * count:  # the kernel chooses who accepts
        answer = get(f"{address}/?{n}")
        ids.append(str(answer["id"]))
        workers.add(answer["pid"])
        n += 1
    assert len(workers) >= processes
    return ids


@pytest.mark.skipif(not importlib.util.find_spec("gunicorn"), reason="gunicorn is not installed")
@pytest.mark.parametrize("preload", [True, False])
def test_gunicorn_workers_enqueue(many: Project, preload: bool) -> None:
    many.write("web.py", WSGI)
    command = [sys.executable, "-m", "gunicorn", "--workers", "3", "--bind", "127.0.0.1:0", "web:application"]
    many.start(*command, *(["--preload"] if preload else []), log="web.log")
    address = wait_address(many, r"Listening at: (http://127\.0\.0\.1:\d+)")
    all_there(many, hits(many, address, count=30, processes=2))


@pytest.mark.skipif(not importlib.util.find_spec("uvicorn"), reason="uvicorn is not installed")
def test_uvicorn_workers_enqueue(many: Project) -> None:
    many.write("web.py", ASGI)
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--workers",
        "2",
        "--port",
        "0",
        "--host",
        "127.0.0.1",
        "web:application",
    ]
    many.start(*command, log="web.log")
    address = wait_address(many, r"running on (http://127\.0\.0\.1:\d+)")
    all_there(many, hits(many, address, count=30, processes=1))


def wait_address(project: Project, pattern: str) -> str:
    log = project.root / "web.log"
    address = wait_until(lambda: re.search(pattern, log.read_text()), within=20, what="the web server listens", seen=project.tell).group(1)

    def answers() -> bool:
        try:
            get(f"{address}/?0")
        except OSError:
            return False
        return True

    wait_until(answers, within=20, what="the web server answers", seen=project.tell)
    return address

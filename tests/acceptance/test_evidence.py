"""What was done is measured: a real web service and a real worker, by minute, task, route and release."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

from harness import Project, program, wait_until

JOBS = """
    import asyncio, sqlite3
    from functools import lru_cache
    from workaday import App, Expect, Retry, counted_cache

    app = App("shop")

    @counted_cache
    @lru_cache
    def price(n: int) -> int:
        return n

    @app.task
    def pack(items: int) -> int:
        connection = sqlite3.connect(":memory:")
        for number in range(items):
            connection.execute(f"SELECT {number}")
            price(number)
        connection.close()
        return items

    @app.task
    async def burn(n: int) -> None:
        for _ in range(3):
            sum(range(n))
            await asyncio.sleep(0)

    @app.task(expects=Expect("a row per store", rows=(1, None)))
    def report(rows: int) -> int:
        return rows

    @app.task(expects=Expect("a row per store", rows=(1, None), retry=True), retry=Retry(attempts=2, base="10ms"))
    def insists(rows: int) -> int:
        return rows

    @app.task(expects=Expect("done soon", within="1ms"))
    def slow() -> None:
        import time
        time.sleep(0.05)
"""

API = """
    import sqlite3
    from fastapi import FastAPI, HTTPException
    from jobs import app
    from workaday.fastapi import setup

    api = FastAPI()
    setup(api, app, problems=True)

    @api.get("/orders/{order_id}")
    def order(order_id: int) -> int:
        connection = sqlite3.connect(":memory:")
        for number in range(order_id):
            connection.execute(f"SELECT {number}")
        connection.close()
        return order_id

    @api.get("/broken")
    def broken() -> None:
        raise RuntimeError("broken")
"""


def exported(project: Project, *which: str) -> list[dict[str, Any]]:
    return project.workaday("measures", "export", *which).lines()


def series(project: Project, kind: str, name: str, count: int) -> dict[str, Any]:
    """The sums of a series once it has that many runs; a minute may end between two of them."""

    def whole() -> dict[str, Any] | None:
        lines = exported(project, "--kind", kind, "--name", name)
        if sum(line["count"] for line in lines) < count:
            return None
        sums: dict[str, Any] = {"release": {line["release"] for line in lines}, "lines": lines}
        for key in ("count", "errors", "unexpected", "refused", "cache_hits", "cache_misses"):
            sums[key] = sum(line[key] for line in lines)
        for key in ("run_us", "cpu_us", "db_calls"):
            sums[key] = sum(line.get(key, {}).get("sum", 0) for line in lines)
        sums["statements"] = {text: told for line in lines for text, told in line.get("statements", {}).items()}
        return sums

    return wait_until(whole, within=20, what=f"{count} runs of {kind} {name} are measured", seen=project.tell)


def test_a_worker_measures_its_tasks_by_release(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up(WORKADAY_RELEASE="r42")
    jobs = project.enqueue("[pack.enqueue(12), pack.enqueue(2), burn.enqueue(400_000)]")
    for job in jobs:
        project.wait_state(job, "completed")
    packed = series(project, "task", "shop.pack", 2)
    assert packed["release"] == {"r42"}
    assert (packed["db_calls"], packed["errors"]) == (14, 0)
    assert packed["cache_hits"] + packed["cache_misses"] == 14
    assert packed["statements"] == {"SELECT ?": {"runs": 1, "calls_max": 12}}
    burnt = series(project, "task", "shop.burn", 1)
    assert burnt["cpu_us"] > 1_000
    assert burnt["lines"][0]["db_calls"] == {"sum": 0, "max": 0, "buckets": [[0, 1]]}
    assert series(project, "queue", "default", 3)["count"] == 3
    shown = project.workaday("job", "show", jobs[0]).out
    assert "12 statements" in shown
    assert "12 times `SELECT ?`" in shown
    assert re.search(r"task\s+shop\.pack\s+r42\s+2\s+0", project.workaday("measures", "show").out)
    (line,) = exported(project, "--kind", "task", "--name", "shop.burn")
    assert set(line["run_us"]) == {"sum", "max", "buckets"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z", line["minute"])


def test_a_run_that_succeeds_but_is_not_as_expected_is_told(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    (missed,) = project.enqueue("report.enqueue(0)")
    job = project.wait_state(missed, "completed")
    assert job["reason"] == "unexpected"
    assert project.attempts(missed)[0]["unexpected"] == "the result has 0 rows, expected 1 or more"
    assert "not as expected" in project.workaday("job", "why", missed).out
    assert "completed, unexpected" in project.workaday("job", "show", missed).out
    alerts = project.workaday("status", "--json").json["alerts"]
    assert [alert["code"] for alert in alerts] == ["job.unexpected"]
    (good,) = project.enqueue("report.enqueue(3)")
    assert project.wait_state(good, "completed")["reason"] is None
    (late,) = project.enqueue("slow.enqueue()")
    assert project.wait_state(late, "completed")["reason"] == "unexpected"
    (again,) = project.enqueue("insists.enqueue(0)")
    project.wait_state(again, "discarded")
    assert project.outcomes(again) == ["failed", "failed"]
    assert series(project, "task", "shop.report", 2)["unexpected"] == 1


def test_a_command_is_held_to_what_it_should_say(project: Project) -> None:
    project.write(
        "workaday.toml", '[command.backup]\nrun = ["echo", "nothing to do"]\nexpects = "a backup"\nexpects_output = "backup written"\n'
    )
    project.start(program(), "up", log="up-0.log")
    job = wait_until(
        lambda: next(iter(project.workaday("enqueue", "command.backup", code=None).out.split()), None),
        within=20,
        what="the command is known",
        seen=project.tell,
    )
    assert project.wait_state(job, "completed")["reason"] == "unexpected"
    assert project.attempts(job)[0]["unexpected"] == 'no line of its output contains "backup written"'


def get(port: int, path: str) -> tuple[int, dict[str, Any], str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.loads(answer.read()), answer.headers["content-type"]
    except urllib.error.HTTPError as error:
        body = error.read()
        kind = error.headers["content-type"]
        return error.code, json.loads(body) if "json" in kind else {}, kind


def serve(project: Project, **environment: str) -> tuple[subprocess.Popen[bytes], int]:
    web = project.start(sys.executable, "-m", "uvicorn", "api:api", "--port", "0", log="web.log", **environment)
    log = project.root / "web.log"
    found = wait_until(
        lambda: re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text()) if log.exists() else None,
        within=20,
        what="uvicorn serves",
        seen=project.tell,
    )
    return web, int(found[1])


def test_a_web_service_is_measured_by_route_and_release(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.write("api.py", API)
    project.up(WORKADAY_RELEASE="worker-1")
    _web, port = serve(project, WORKADAY_RELEASE="web-7")
    for path in ("/orders/12", "/orders/2", "/orders/x", "/broken"):
        get(port, path)
    orders = series(project, "route", "GET /orders/{order_id}", 3)
    assert orders["release"] == {"web-7"}
    assert (orders["db_calls"], orders["refused"], orders["errors"]) == (14, 1, 0)
    assert orders["statements"] == {"SELECT ?": {"runs": 1, "calls_max": 12}}
    assert series(project, "route", "GET /broken", 1)["errors"] == 1
    assert "up to 12 calls of one statement in a single run" in project.workaday("measures", "show").out


def test_responses_served_while_no_supervisor_runs_are_told_when_it_is_back(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.write("api.py", API)
    _web, port = serve(project)
    assert get(port, "/orders/1")[0] == 200
    project.up()
    assert series(project, "route", "GET /orders/{order_id}", 1)["count"] == 1


def test_a_request_that_does_not_fit_is_answered_with_a_problem(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.write("api.py", API)
    _web, port = serve(project)
    status, problem, kind = get(port, "/orders/x")
    assert (status, kind) == (422, "application/problem+json")
    assert (problem["code"], problem["retry"]) == ("request.invalid", "safe_after_fix")
    assert problem["errors"][0] | {"message": ""} == {"where": "path.order_id", "expected": "an integer", "got": '"x"', "message": ""}


def test_what_is_asked_for_wrongly_is_refused(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.workaday("migrate")
    refused = project.workaday("measures", "show", "--kind", "tusk", code=2)
    assert "one of task, queue, route" in refused.err
    assert "Nothing was measured" in project.workaday("measures", "show").out
    assert exported(project) == []

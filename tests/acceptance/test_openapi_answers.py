"""Every answer of the API has the form that the OpenAPI document gives it: each route, on a store with something of everything.

The document describes each field (crates/workaday-web/src/api/answers.rs) and forbids any other. Here every route is asked
once, so that a field that comes, goes or changes its type is found; what cannot be called yet has to be added below.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from harness import program, wait_until
from house import House
from jsonschema import Draft202012Validator

SCHEMAS_OF_OTHERS = {"declared", "task"}
"""What a worker stated of a task: a newer one may state more."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House.living(tmp_path_factory.mktemp("answers")) as house:
        fill(house)
        yield house


def fill(house: House) -> None:
    """What takes minutes or releases to come by itself, written as the engine writes it."""
    house.project.run(program(), "baseline", "capture", "before-the-index", "--for", "10m", "--symptom", "slow pages")
    now = time.time_ns() // 1000
    minute = now // 60_000_000 - 2
    histogram = bytes.fromhex("0100000005")  # "zeros" of tests/vectors/histograms.jsonl
    store = sqlite3.connect(house.project.database, timeout=20)
    with store:
        store.execute(
            "INSERT INTO workaday_measures (minute, kind, name, release, count, run_us, statements) VALUES (?, 'task', 'shop.told', 'r1', 5, ?, ?)",
            (minute, histogram, json.dumps({"SELECT ?": [5, 2]})),
        )
        release = store.execute(
            "INSERT INTO workaday_releases (kind, state, revision, reason, owner, verdict, plan, note, started_at, ended_at)"
            " VALUES ('release', 'done', '3f2c1a9', 'an index', 'ada', 'better', '{\"checks\": []}', '# Note', ?, ?)",
            (now - 60_000_000, now),
        ).lastrowid
        store.execute(
            "INSERT INTO workaday_release_steps (release, seq, step, state, began_at, ended_at, detail) VALUES (?, 1, 'checks', 'done', ?, ?, '{}')",
            (release, now - 60_000_000, now),
        )
        alert = store.execute(
            "INSERT INTO workaday_alerts (code, subject, message, first_at, last_at) VALUES ('job.discarded', 'shop.send_invoice', 'it failed', ?, ?)",
            (now, now),
        ).lastrowid
    store.close()
    house.values |= {"release": str(release), "alert": str(alert)}


Call = tuple[str, str, str, dict[str, Any] | None]
"""Method, path of the document, path that is asked, body."""


def calls(house: House) -> list[Call]:
    """Each route once, in an order in which each can be done."""
    later = [house.enqueue({"order_id": n}, delay="1h", tags=["answers"]) for n in range(4)]
    job, schedule = house.values["id"], house.schedule
    error = house.ask("GET", "/api/v1/errors", token=house.tokens["admin"]).json["errors"][0]["fingerprint"]
    why = {"reason": "a test"}

    def get(path: str, asked: str = "") -> Call:
        return ("get", path, asked or path, None)

    def post(path: str, asked: str = "", **body: Any) -> Call:
        return ("post", path, asked or path, body)

    of_task, of_queue, of_schedule = "/api/v1/tasks/shop.send_invoice", "/api/v1/queues/default", f"/api/v1/schedules/{schedule}"
    return [
        post("/api/v1/jobs", task="shop.send_invoice", args={"order_id": 7}, delay="1h", **why),
        post("/api/v1/jobs/{id}/rerun", f"/api/v1/jobs/{job}/rerun", args={"order_id": 8}, **why),
        post("/api/v1/jobs/{id}/cancel", f"/api/v1/jobs/{later[0]}/cancel", **why),
        post("/api/v1/jobs/{id}/retry", f"/api/v1/jobs/{later[0]}/retry", **why),
        ("delete", "/api/v1/jobs/{id}", f"/api/v1/jobs/{later[1]}", None),
        post("/api/v1/batch/cancel", tag="answers", **why),
        post("/api/v1/batch/retry", tag="answers", dry_run=True),
        post("/api/v1/batch/delete", tag="answers", state="cancelled", **why),
        post("/api/v1/tasks/{name}/pause", of_task + "/pause", until="2h", where={"order_id": 5}, owner="ada", **why),
        get("/api/v1/tasks/{name}", of_task),
        post("/api/v1/tasks/{name}/resume", of_task + "/resume", where={"order_id": 5}, **why),
        post("/api/v1/queues/{name}/pause", of_queue + "/pause", **why),
        get("/api/v1/queues"),
        post("/api/v1/queues/{name}/resume", of_queue + "/resume", **why),
        post("/api/v1/schedules/{name}/run", of_schedule + "/run", **why),
        post("/api/v1/schedules/{name}/skip", of_schedule + "/skip", count=2, **why),
        post("/api/v1/schedules/{name}/pause", of_schedule + "/pause", until="2h", **why),
        get("/api/v1/schedules"),
        get("/api/v1/schedules/{name}", of_schedule),
        get("/api/v1/schedules/{name}/history", of_schedule + "/history"),
        post("/api/v1/schedules/{name}/resume", of_schedule + "/resume", **why),
        get("/api/v1/jobs", "/api/v1/jobs?limit=3"),
        get("/api/v1/jobs/{id}", f"/api/v1/jobs/{job}"),
        get("/api/v1/jobs/{id}/logs", f"/api/v1/jobs/{job}/logs"),
        get("/api/v1/tasks"),
        get("/api/v1/workers"),
        get("/api/v1/releases"),
        get("/api/v1/releases/{id}", f"/api/v1/releases/{house.values['release']}"),
        get("/api/v1/baselines"),
        get("/api/v1/measures", "/api/v1/measures?name=shop.told"),
        get("/api/v1/alerts"),
        post("/api/v1/alerts/{id}/close", f"/api/v1/alerts/{house.values['alert']}/close", **why),
        get("/api/v1/audit"),
        get("/api/v1/errors"),
        post("/api/v1/errors/{fingerprint}/mute", f"/api/v1/errors/{error}/mute", until="2h", **why),
        post("/api/v1/errors/{fingerprint}/unmute", f"/api/v1/errors/{error}/unmute", **why),
        post("/api/v1/errors/{fingerprint}/retry", f"/api/v1/errors/{error}/retry", dry_run=True),
    ]


def test_every_route_answers_as_the_document_says(house: House) -> None:
    document = house.ask("GET", "/api/openapi.json", token=house.tokens["admin"]).json
    described = {(method, path) for path, operations in document["paths"].items() for method in operations}
    wait_until(lambda: house.project.one("SELECT count(*) FROM workaday_logs"), within=20, what="a line of a log")
    asked: set[tuple[str, str]] = set()
    wrong: list[str] = []
    for method, path, place, body in calls(house):
        answer = house.ask(method.upper(), place, token=house.tokens["admin"], body=body)
        asked.add((method, path))
        responses = document["paths"][path][method]["responses"]
        assert answer.status < 300 and str(answer.status) in responses, f"{method} {place}: {answer.status} {answer.text}"
        schema = responses[str(answer.status)]["content"]["application/json"]["schema"]
        judge = Draft202012Validator({**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER)
        wrong += [f"{method} {place}: {error.json_path}: {error.message}" for error in judge.iter_errors(answer.json)]
        # A list of nothing would fit any description of what is in it.
        empty = [name for name, value in answer.json.items() if value == [] and method == "get"]
        wrong += [f"{method} {place}: {name} is empty" for name in empty if name != "holds"]
    assert asked == described, "each route is asked here, once"
    assert not wrong, "\n".join(wrong)


def test_a_refusal_has_the_form_that_the_document_gives_it(house: House) -> None:
    document = house.ask("GET", "/api/openapi.json", token=house.tokens["admin"]).json
    judge = Draft202012Validator({"$ref": "#/components/schemas/problem", "components": document["components"]})
    refused = [
        house.ask("GET", f"/api/v1/jobs/{uuid.uuid4()}", token=house.tokens["viewer"]),
        house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body={"task": "shop.send_invoice", "colour": 1}),
        house.ask("POST", "/api/v1/jobs", token=house.tokens["viewer"], body={"task": "shop.send_invoice"}),
        house.ask("GET", "/api/v1/jobs"),
    ]
    assert [answer.status for answer in refused] == [404, 422, 403, 401]
    assert [error.message for answer in refused for error in judge.iter_errors(answer.json)] == []


def test_a_field_that_comes_goes_or_changes_is_found(house: House) -> None:
    """The judge is no rubber stamp."""
    document = house.ask("GET", "/api/openapi.json", token=house.tokens["viewer"]).json
    judge = Draft202012Validator({"$ref": "#/components/schemas/jobs", "components": document["components"]})
    good = house.ask("GET", "/api/v1/jobs?limit=1", token=house.tokens["viewer"]).json
    job = good["jobs"][0]
    assert judge.is_valid(good)
    for planted in (
        {**job, "colour": "red"},
        {**job, "attempt": "1"},
        {**job, "state": "asleep"},
        {key: job[key] for key in job if key != "lane"},
    ):
        assert not judge.is_valid({**good, "jobs": [planted]}), planted


def test_what_is_ours_has_every_field_and_no_other(house: House) -> None:
    schemas = house.ask("GET", "/api/openapi.json", token=house.tokens["viewer"]).json["components"]["schemas"]
    assert {name for name, schema in schemas.items() if schema["additionalProperties"] is not False} == SCHEMAS_OF_OTHERS
    loose = [name for name, schema in schemas.items() if set(schema["required"]) != set(schema["properties"]) and name != "measure"]
    assert loose == [], "a minute alone leaves out what was not counted"

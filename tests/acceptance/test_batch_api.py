"""Acts on many jobs through the API: what is meant is counted first, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from house import Answer, House


def batch(house: House, act: str, *, token: str = "", **body: Any) -> Answer:
    return house.ask("POST", f"/api/v1/batch/{act}", token=token or house.tokens["operator"], body=body)


def later(house: House, count: int, tag: str, **args: Any) -> list[str]:
    return [house.enqueue({"order_id": n, **args}, delay="1h", tags=[tag]) for n in range(count)]


def states(house: House, jobs: list[str]) -> list[str]:
    return [house.project.job(job)["state"] for job in jobs]


def test_a_dry_run_counts_shows_some_and_changes_nothing(house: House) -> None:
    jobs = later(house, 3, "dry")
    before = house.contents()
    dry = batch(house, "cancel", tag="dry", dry_run=True)
    assert dry.status == 200 and (dry.json["fit"], dry.json["done"], dry.json["left"]) == (3, 0, 3), dry.text
    assert sorted(dry.json["sample"]) == sorted(jobs) and dry.json["message"].startswith("Dry run: 3 jobs would be cancelled.")
    assert house.contents() == before


def test_an_act_does_what_its_dry_run_said_and_leaves_out_what_came_later(house: House) -> None:
    jobs = later(house, 3, "now")
    newest = batch(house, "cancel", tag="now", dry_run=True).json["newest"]
    late = later(house, 1, "now")
    done = batch(house, "cancel", tag="now", newest=newest, reason="the shop is closed")
    assert (done.status, done.json["fit"], done.json["done"], done.json["left"]) == (200, 3, 3, 0), done.text
    assert states(house, jobs) == ["cancelled"] * 3 and states(house, late) == ["scheduled"]
    written = house.project.rows(
        "SELECT who, why, target, detail FROM workaday_audit WHERE action = 'cancel' AND why = 'the shop is closed'"
    )
    whole = [row for row in written if row["target"] == "3 jobs"]
    assert [json.loads(row["detail"]) for row in whole] == [{"jobs": 3, "in_seconds": 0}]
    assert {row["target"] for row in written} == {"3 jobs", *(f"job {job}" for job in jobs)}, "each job has its line too"
    assert {row["who"] for row in written} == {"token operator"}
    again = batch(house, "retry", tag="now", state="cancelled")
    assert again.json["done"] == 3 and set(states(house, jobs)) <= {"available", "running", "completed"}


def test_jobs_can_be_named_one_by_one_and_those_that_cannot_are_left(house: House) -> None:
    jobs = later(house, 2, "named")
    unknown = "019ad000-0000-7000-8000-00000000ffff"
    done = batch(house, "delete", ids=[*jobs, jobs[0], unknown])
    assert (done.json["fit"], done.json["done"], done.json["left"]) == (2, 2, 1), done.text
    assert house.ask("GET", f"/api/v1/jobs/{jobs[0]}", token=house.tokens["viewer"]).status == 404


def test_more_than_the_limit_is_refused_and_nothing_is_done(house: House) -> None:
    jobs = later(house, 3, "limit")
    refused = batch(house, "cancel", tag="limit", limit=2)
    assert (refused.status, refused.json["code"], refused.json["got"]) == (409, "web.batch_too_large", "3")
    assert states(house, jobs) == ["scheduled"] * 3
    assert batch(house, "cancel", tag="limit", limit=3).json["done"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dry_run": True},
        {"ids": []},
        {"held": False},
        {"ids": ["019ad000-0000-7000-8000-000000000001"], "task": "x"},
        {"state": "asleep"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_nothing_named_is_nothing_done(house: House, body: dict[str, Any]) -> None:
    before = house.contents()
    for act in ("retry", "cancel", "delete"):
        answer = batch(house, act, **body)
        assert (answer.status, answer.json["code"]) == (422, "web.value_invalid"), answer.text
    assert house.contents() == before


def test_an_act_on_many_asks_for_the_role_and_the_scope_of_one(house: House) -> None:
    jobs = later(house, 1, "scope")
    narrow = house.project.workaday("token", "create", "reads", "--role", "operator", "--scope", "read", "--json").json["token"]
    fits = house.project.workaday("token", "create", "jobs", "--role", "operator", "--scope", "jobs", "--json").json["token"]
    assert batch(house, "cancel", token=house.tokens["viewer"], tag="scope").json["code"] == "web.role_too_low"
    assert batch(house, "cancel", token=narrow, tag="scope").json["code"] == "web.scope_missing"
    assert states(house, jobs) == ["scheduled"]
    assert batch(house, "cancel", token=fits, tag="scope").json["done"] == 1


def test_a_search_finds_what_is_shown_and_never_what_is_hidden(house: House) -> None:
    [job] = later(house, 1, "hidden", password="hunter2", dsn="postgresql://shop:hunter2@db/shop", note="the blue one")

    def found(text: str) -> list[str]:
        page = house.ask("GET", f"/jobs?format=json&tag=hidden&text={quote(text)}", cookie=house.cookies["viewer"])
        ids = [one["id"] for one in page.json["jobs"]]
        assert batch(house, "cancel", tag="hidden", text=text, dry_run=True).json["sample"] == ids, "an act means what the page shows"
        return ids

    for text in ("hu", "hunter2", 'password":"hunter2', 'password": "hunter2', "password=hunter2", ":hunter2@db"):
        assert found(text) == [], text
    for text in ("blue one", "note=", "order_id=0", '"order_id":0', "send_inv"):
        assert found(text) == [job], text

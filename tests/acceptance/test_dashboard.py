"""The dashboard as people and programs use it: coming in, acting, undoing, enqueueing, following; and how it ends."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import socket
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Project, program, wait_until
from house import CONFIG, Answer, House


def state(house: House, job: str) -> str:
    return house.ask("GET", f"/api/v1/jobs/{job}", token=house.tokens["viewer"]).json["state"]


def discarded(house: House, note: str) -> str:
    """A job that failed for good, as only attempts that are used up make one."""
    job = house.enqueue({"order_id": -1, "note": note})
    house.project.wait_state(job, "retryable")
    answer = house.ask("POST", f"/api/v1/jobs/{job}/cancel", token=house.tokens["operator"], body={"reason": "a test"})
    assert answer.status == 200, answer.text
    return job


def test_an_act_on_many_jobs_is_shown_first_and_can_be_undone(house: House) -> None:
    jobs = [discarded(house, f"undo {n}") for n in range(2)]
    form = [("ids", job) for job in jobs]
    dry = house.ask("POST", "/actions/jobs/retry", cookie=house.cookies["operator"], form=form)
    assert dry.status == 200 and "Retry 2 jobs of shop.send_invoice" in dry.text and jobs[0] in dry.text
    assert {state(house, job) for job in jobs} == {"cancelled"}
    confirmed = house.ask(
        "POST", "/actions/jobs/retry", cookie=house.cookies["operator"], form=[*form, ("confirm", "yes"), ("back", "/jobs")]
    )
    assert confirmed.status == 303 and confirmed.header("location") == "/jobs"
    waiting = house.project.one("SELECT detail FROM workaday_audit WHERE action = 'retry' ORDER BY key DESC LIMIT 1")
    assert json.loads(waiting) == {"jobs": 2, "in_seconds": 10}
    wrong = house.ask("POST", "/actions/undo", cookie=house.cookies["operator"], form={"undo": "x"})
    assert wrong.status == 409 and "web.undo_too_late" in wrong.text


def test_a_confirmed_act_is_carried_out_after_ten_seconds(house: House) -> None:
    job = discarded(house, "later")
    form = [("ids", job), ("confirm", "yes"), ("reason", "the bank is back")]
    assert house.ask("POST", "/actions/jobs/delete", cookie=house.cookies["operator"], form=form).status == 303
    assert state(house, job) == "cancelled"
    gone = lambda: house.ask("GET", f"/api/v1/jobs/{job}", token=house.tokens["viewer"]).status == 404  # noqa: E731
    wait_until(gone, within=40, what="the job to be deleted")
    rows = house.project.rows("SELECT who, why FROM workaday_audit WHERE action = 'delete' AND target = ?", f"job {job}")
    assert rows == [{"who": "operator", "why": "the bank is back"}]


def test_what_is_confirmed_is_what_the_dry_run_showed(house: House) -> None:
    tag = "shown-first"
    shown = house.enqueue({"order_id": 1}, delay="1h", tags=[tag])
    form = {"filter": f"?tag={tag}"}
    act = lambda fields: house.ask("POST", "/actions/jobs/cancel", cookie=house.cookies["operator"], form=fields)  # noqa: E731
    dry = act(form)
    assert dry.status == 200 and shown in dry.text
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', dry.text)
    later = house.enqueue({"order_id": 2}, delay="1h", tags=[tag])
    # A filter that nobody was shown the jobs of is shown first, whatever the form says.
    assert act({**form, "confirm": "yes"}).status == 200
    assert act({**form, "confirm": "yes", "newest": "1", "count": "9"}).status == 200
    assert act({**form, "confirm": "yes", "newest": str(2**60), "count": "1"}).status == 200, "two are more than one"
    confirmed = act([*hidden, ("confirm", "yes"), ("reason", "only those")])
    assert confirmed.status == 303
    wait_until(lambda: state(house, shown) == "cancelled", within=40, what="the job that was shown is cancelled")
    assert state(house, later) == "scheduled"


def test_acts_that_wait_are_bounded(house: House) -> None:
    def failures() -> list[str]:
        text = house.ask("GET", "/metrics", token=house.tokens["viewer"]).text
        return re.findall(r"^workaday_dashboard_failures_total .*", text, re.MULTILINE)

    before = failures()
    job = discarded(house, "again and again")
    form = [("ids", job), ("confirm", "yes")]
    answers = [house.ask("POST", "/actions/jobs/delete", cookie=house.cookies["operator"], form=form) for _ in range(110)]
    refused = [answer for answer in answers if answer.status == 503]
    assert refused and "web.too_busy" in refused[0].text, [answer.status for answer in answers]
    assert failures() == before != [], "a bound that was reached is no mistake of the program"
    # Once they are carried out there is room again, also for the tests that follow.
    other = [("ids", discarded(house, "there is room")), ("confirm", "yes")]
    act = lambda: house.ask("POST", "/actions/jobs/delete", cookie=house.cookies["operator"], form=other).status  # noqa: E731
    wait_until(lambda: act() == 303, within=60, what="acts are carried out and others taken")


def test_a_proxy_names_its_user_also_with_the_address_it_forwards(new_project: Callable[..., Project]) -> None:
    config = '[web]\nauth = "proxy"\ntrusted_proxies = ["127.0.0.1"]\n[security]\nroles = { "anna@shop.example" = "operator" }\n'
    project = new_project(config=config)
    project.write("jobs.py", "from workaday import App\napp = App('shop')\n")
    supervisor = project.up()
    port = int(supervisor.wait_line(r"the dashboard is at \S+, listening on 127\.0\.0\.1:(\d+)").group(1))
    house = House(project, supervisor, port)
    anna = {"X-Forwarded-User": "anna@shop.example", "X-Forwarded-For": "203.0.113.9"}
    assert house.ask("GET", "/api/v1/queues", headers=anna).status == 200
    assert house.ask("GET", "/api/v1/audit", headers=anna).status == 403, "an operator is no admin"
    assert house.ask("GET", "/api/v1/queues", headers={"X-Forwarded-For": "203.0.113.9"}).status == 401
    # A proxy that adds its line and leaves the caller's own: nobody is named.
    both = house.ask("GET", "/api/v1/queues", headers={"X-Forwarded-User": "root", "x-forwarded-user": "anna@shop.example"})
    assert both.status == 401
    supervisor.stop()


def test_a_filter_that_is_not_understood_acts_on_nothing(house: House) -> None:
    answer = house.ask("POST", "/actions/jobs/delete", cookie=house.cookies["operator"], form={"filter": "colour=red", "confirm": "yes"})
    assert answer.status == 422 and "not understood" in answer.text
    none = house.ask("POST", "/actions/jobs/delete", cookie=house.cookies["operator"], form={"confirm": "yes"})
    assert none.status == 422, "no job named is no job"


def test_the_same_id_again_is_no_second_job(house: House) -> None:
    body = {"task": "shop.send_invoice", "args": {"order_id": 7}, "id": "019ad000-0000-7000-8000-000000000001"}
    first = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body=body)
    again = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body=body)
    assert (first.status, first.json["new"], again.status, again.json["new"]) == (201, True, 200, False)
    assert first.json["id"] == again.json["id"] == body["id"]
    with_default_written_out = {**body, "args": {"order_id": 7, "note": ""}}
    assert house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body=with_default_written_out).status == 200
    house.project.wait_state(body["id"], "completed")
    ended = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body=body)
    assert (ended.status, ended.json["new"], ended.json["state"]) == (200, False, "completed"), "told is the job that is there"
    assert ended.json["run_at"] == first.json["run_at"]


def test_an_id_of_another_job_is_refused_and_not_told_as_done(house: House) -> None:
    """A client that uses an id twice by mistake would lose the second order behind a 200."""
    ask = functools.partial(house.ask, "POST", "/api/v1/jobs", token=house.tokens["operator"])
    body = {"task": "shop.send_invoice", "args": {"order_id": 7}, "id": str(uuid.uuid4())}
    assert ask(body=body).status == 201
    for other in ({"args": {"order_id": 8}}, {"task": "shop.nightly", "args": {}}):
        refused = ask(body={**body, **other})
        assert (refused.status, refused.json["code"]) == (409, "enqueue.id_taken"), refused.text
    refused = house.project.workaday("enqueue", "shop.send_invoice", "--args", '{"order_id": 8}', "--id", body["id"], code=3)
    assert "enqueue.id_taken" in refused.err and "other arguments" in refused.err
    assert "known already" in house.project.workaday("enqueue", "shop.send_invoice", "--args", '{"order_id": 7}', "--id", body["id"]).out


def test_an_idempotency_key_makes_one_job_for_each_who_says_it(house: House) -> None:
    def post(key: str, role: str = "operator", **body: object) -> Answer:
        whole = {"task": "shop.send_invoice", "args": {"order_id": 7}, **body}
        return house.ask("POST", "/api/v1/jobs", token=house.tokens[role], body=whole, headers={"Idempotency-Key": key})

    first, again = post("order-7"), post('"order-7"')
    assert (first.status, again.status, again.json["new"]) == (201, 200, False)
    assert first.json["id"] == again.json["id"] and uuid.UUID(first.json["id"]).version == 8
    assert post("order-8").json["id"] != first.json["id"]
    assert post("order-7", role="admin").json["id"] != first.json["id"], "another's words are another order"
    assert post("order-7", args={"order_id": 9}).json["code"] == "enqueue.id_taken"
    own = str(uuid.uuid4())
    assert post(own).json["id"] == own and post(own, id=own).status == 200
    assert post("order-7", id=own).json["id"] == own, "the id that is said in so many words goes first"
    assert post(" ").status == post("k" * 256).status == 422


def test_who_asks_too_often_is_told_when_to_come_back(new_project: Callable[..., Project]) -> None:
    house = House.open(new_project(config=CONFIG.replace("1000000/s", "20/m")))
    for shown in ({"token": house.tokens["viewer"]}, {"cookie": house.cookies["viewer"]}, {}):
        answers = [house.ask("GET", "/login", **shown) for _ in range(300)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused and all(1 <= int(answer.header("retry-after") or "0") <= 60 for answer in refused), shown


@pytest.mark.parametrize("option", [{"delay": "1400000w"}, {"expires": "1400000w"}, {"tags": ["t" * 101]}, {"tags": ["a\0b"]}], ids=str)
def test_what_the_client_refuses_the_api_refuses(house: House, option: dict[str, object]) -> None:
    body = {"task": "shop.send_invoice", "args": {"order_id": 1}, **option}
    answer = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body=body)
    assert (answer.status, answer.json["code"]) == (422, "usage.value"), answer.text


def test_a_pause_ends_in_a_year_that_can_be_read(house: House) -> None:
    body = {"reason": "for ever", "until": "1400000w"}
    answer = house.ask("POST", "/api/v1/queues/default/pause", token=house.tokens["operator"], body=body)
    assert (answer.status, answer.json["code"]) == (422, "web.value_invalid"), answer.text


def test_arguments_are_judged_before_anything_is_stored(house: House) -> None:
    body = {"task": "shop.send_invoice", "args": {"order_id": "abc"}}
    answer = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body=body)
    assert answer.status == 422 and answer.header("content-type") == "application/problem+json; charset=utf-8"
    assert (answer.json["code"], answer.json["expected"], answer.json["retry"]) == ("args.invalid", "an integer", "safe_after_fix")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/nothing/here", None, "web.no_such_page"),
        ("GET", "/static/none.css", None, "web.not_found"),
        ("POST", "/api/v1/jobs", {"task": "shop.send_invoice", "colour": 1}, "web.value_invalid"),
        ("POST", "/api/v1/alerts/999/close", {}, "alert.not_found"),
        ("POST", "/api/v1/queues/default/resume", {}, "hold.not_found"),
        ("PUT", "/api/v1/jobs", {}, "web.method_unknown"),
    ],
)
def test_a_refusal_has_its_code(house: House, method: str, path: str, body: object, code: str) -> None:
    answer = house.ask(method, path, token=house.tokens["operator"], body=body, headers={"Accept": "application/json"})
    assert answer.json["code"] == code, answer.text


def test_the_door_says_why_it_stays_shut(house: House) -> None:
    def code(**more: object) -> str:
        return house.ask("POST", "/api/v1/jobs", body={"task": "x"}, **more).json["code"]  # type: ignore[arg-type]

    assert code(token="wkd_nothing") == "web.login_needed"
    assert code(token=house.tokens["viewer"]) == "web.role_too_low"
    assert code(cookie=house.cookies["admin"]) == "web.foreign_origin"
    assert code(headers={"Host": "evil.example"}) == "web.host_unknown"
    assert code(token=house.tokens["operator"], headers={"Content-Type": "text/plain"}) == "web.content_type"
    form = house.ask("POST", "/actions/pause-everything", token=house.tokens["operator"], form={"reason": "x"})
    assert form.json["code"] == "web.scope_missing"
    large = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], body={"task": "x" * (2 << 20)})
    assert large.json["code"] == "web.too_large"
    bad = house.ask("POST", "/api/v1/jobs", token=house.tokens["operator"], headers={"Content-Type": "application/json"})
    assert bad.json["code"] == "web.value_invalid", "an empty body lacks its task"
    long = house.ask("GET", "/api/v1/jobs?" + "x" * 9_000, token=house.tokens["viewer"])
    assert long.json["code"] == "web.request_invalid"


def test_a_list_comes_in_pages_without_gaps(house: House) -> None:
    own = [house.enqueue({"order_id": n}, delay="1h", tags=["in-pages"]) for n in range(5)]
    seen: list[str] = []
    before = ""
    while True:
        page = house.ask("GET", f"/api/v1/jobs?tag=in-pages&limit=2{before}", token=house.tokens["viewer"]).json
        assert len(page["jobs"]) <= 2
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == own[::-1], "the newest first, each once"


def test_a_page_that_follows_hears_of_a_change(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as stream:
        head = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nCookie: workaday-{house.port}={house.cookies['viewer']}\r\n\r\n"
        stream.sendall(head.encode())
        heard = b""
        ends = time.monotonic() + 30
        while b'"jobs"' not in heard:
            assert time.monotonic() < ends, heard
            if b"workaday" in heard and b"retry" in heard:
                house.enqueue({"order_id": 3})
            heard += stream.recv(4096)
        assert b"event: changed" in heard and b"text/event-stream" in heard


def test_a_page_that_follows_hears_no_more_after_the_logout(house: House) -> None:
    cookie = house.log_in_by_link("viewer")
    with socket.create_connection(("127.0.0.1", house.port), timeout=60) as stream:
        head = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nCookie: workaday-{house.port}={cookie}\r\n\r\n"
        stream.sendall(head.encode())
        heard = b""
        while b": workaday" not in heard:
            heard += stream.recv(4096)
        assert house.ask("POST", "/logout", cookie=cookie, form={}).status == 303
        # The last chunk is the end that the server says; within a minute, or the socket's patience ends the test.
        while not heard.endswith(b"0\r\n\r\n"):
            heard += stream.recv(4096)


def test_health_says_each_check_with_value_and_limit(house: House) -> None:
    deep = house.ask("GET", "/health/deep", token=house.tokens["viewer"])
    assert deep.status == 200 and deep.json["status"] == "ok", deep.text
    for name in ("engine_heard", "store_writable", "oldest_waiting", "late_schedules", "disk_free", "wal_size"):
        assert deep.json["checks"][name]["ok"] is True and deep.json["checks"][name]["limit"] is not None, name
    backup = deep.json["checks"]["last_backup"]
    assert backup["ok"] is None and backup["value"] is None, "what is not known fails nothing and claims nothing"
    assert deep.json["checks"]["oldest_due_tick"]["ok"] is True
    assert house.ask("GET", "/health/ready").status == 200


def test_a_backup_is_known_to_health_metrics_and_the_first_page(house: House) -> None:
    house.project.run(program(), "backup", "--json")
    deep = house.ask("GET", "/health/deep", token=house.tokens["viewer"]).json["checks"]
    assert 0 <= deep["last_backup"]["value"] < 600 and deep["last_backup"]["unit"] == "seconds"
    assert "workaday_backup_age_seconds" in house.ask("GET", "/metrics", token=house.tokens["viewer"]).text
    assert "newest backup" in house.ask("GET", "/", cookie=house.cookies["viewer"]).text
    assert (deep["last_backup"]["ok"], deep["last_backup"]["limit"]) == (True, 2 * 86_400)
    with contextlib.closing(sqlite3.connect(house.project.database, timeout=20)) as store:
        store.execute("UPDATE workaday_backups SET at = at - 3 * 86400 * 1000000")
        store.commit()
        old = house.ask("GET", "/health/deep", token=house.tokens["viewer"])
        store.execute("DELETE FROM workaday_backups")
        store.commit()
    assert (old.status, old.json["status"], old.json["checks"]["last_backup"]["ok"]) == (503, "failing", False)


def test_measures_come_in_pages_of_whole_minutes_and_within_a_bound(house: House) -> None:
    def measures(query: str) -> dict[str, object]:
        return house.ask("GET", f"/api/v1/measures?{query}", token=house.tokens["viewer"]).json

    wait_until(lambda: measures("kind=task")["measures"], within=120, what="a minute to be measured")
    line = measures("kind=task&limit=1")["measures"][0]
    assert line["kind"] == "task" and line["count"] >= 1 and line["minute"].endswith("Z")
    assert measures("kind=task&name=no.such_task")["measures"] == []
    long = house.ask("GET", "/api/v1/measures?from=2020-01-01T00:00:00Z", token=house.tokens["viewer"])
    assert long.status == 422 and long.json["code"] == "web.value_invalid", long.text


def test_releases_and_baselines_are_listed(house: House) -> None:
    house.project.run(program(), "baseline", "capture", "before-the-index", "--for", "10m", "--symptom", "slow pages")
    told = house.ask("GET", "/api/v1/baselines", token=house.tokens["viewer"]).json["baselines"]
    assert [row["name"] for row in told] == ["before-the-index"] and told[0]["noticed"]["symptom"] == "slow pages"
    releases = house.ask("GET", "/api/v1/releases", token=house.tokens["viewer"]).json
    assert releases["releases"] == [] and releases["next"] is None
    none = house.ask("GET", "/api/v1/releases/7", token=house.tokens["viewer"])
    assert none.status == 404 and none.json["code"] == "release.not_found"
    page = house.ask("GET", "/compare?before=before-the-index&after=now", cookie=house.cookies["viewer"])
    assert page.status == 200 and "enough" in page.text, page.text
    unknown = house.ask("GET", "/compare?before=nothing-like-it&after=now", cookie=house.cookies["viewer"])
    assert unknown.status == 404 and "baseline.unknown" in unknown.text


def test_the_page_of_queues_says_what_workers_take_and_why_others_ended(house: House) -> None:
    [child, *_] = house.supervisor.wait_children()
    house.project.wait_state(house.enqueue({"order_id": 11}), "completed")
    seen = house.ask("GET", "/queues?format=json", cookie=house.cookies["viewer"]).json
    by_pid = {worker["pid"]: worker for worker in seen["workers"]}
    assert by_pid[child]["memory_kib"] > 5_000 and by_pid[child]["cpu_us"] > 0, seen["workers"]
    assert by_pid[house.supervisor.pid]["memory_kib"] > 5_000
    assert [lane["slots"] for lane in seen["utilisation"] if lane["lane"] == "sync"] == [1]
    [queue] = [queue for queue in seen["queues"] if queue["queue"] == "default"]
    assert queue["ran_p95_us"] >= queue["ran_p50_us"] > 0 and queue["memory_p95_kib"] > 5_000
    os.kill(child, signal.SIGKILL)
    died = lambda: house.ask("GET", "/queues?format=json", cookie=house.cookies["viewer"]).json["ended"]  # noqa: E731
    wait_until(lambda: any(end["pid"] == child for end in died()), within=20, what="the end of the child is told")
    [end] = [end for end in died() if end["pid"] == child]
    assert "SIGKILL" in end["cause"]
    shown = house.ask("GET", "/queues", cookie=house.cookies["viewer"]).text
    assert "1 process died" in shown and end["cause"] in shown


def test_metrics_count_what_is_stored(house: House) -> None:
    text = house.ask("GET", "/metrics", token=house.tokens["viewer"]).text
    stored = house.project.one("SELECT count(*) FROM workaday_finished WHERE state = 'completed'")
    assert f'workaday_jobs{{state="completed"}} {stored}' in text
    assert 'workaday_queue_paused{queue="default"} 0' in text and "process_resident_memory_bytes" in text


def test_metrics_say_when_a_job_was_last_discarded(house: House) -> None:
    job = discarded(house, "for the metrics")
    with contextlib.closing(sqlite3.connect(house.project.database, timeout=20)) as store:
        # Attempts that are used up would take minutes of waiting for the next one.
        store.execute("UPDATE workaday_finished SET state = 'discarded' WHERE id = ?", (UUID(job).bytes,))
        store.commit()
    text = house.ask("GET", "/metrics", token=house.tokens["viewer"]).text
    found = re.search(r"^workaday_last_discarded_timestamp_seconds (\S+)$", text, re.MULTILINE)
    assert found and 0 <= time.time() - float(found.group(1)) < 60


def test_metrics_count_runs_and_failures_by_task(house: House) -> None:
    def counted(metric: str) -> float:
        text = house.ask("GET", "/metrics", token=house.tokens["viewer"]).text
        found = re.search(rf'^{metric}{{kind="task",name="shop.send_invoice"}} (\S+)$', text, re.MULTILINE)
        return float(found.group(1)) if found else 0

    runs, failures = counted("workaday_runs_total"), counted("workaday_runs_failed_total")
    good, bad = house.enqueue({"order_id": 5}), house.enqueue({"order_id": -1, "note": "counted"})
    house.project.wait_state(good, "completed")
    house.project.wait_state(bad, "retryable", "discarded")
    wait_until(
        lambda: counted("workaday_runs_total") >= runs + 2 and counted("workaday_runs_failed_total") >= failures + 1,
        within=20,
        what="both in the counters",
        seen=lambda: house.ask("GET", "/metrics", token=house.tokens["viewer"]).text,
    )
    assert counted("workaday_runs_total") > counted("workaday_runs_failed_total")
    assert counted("workaday_run_seconds_total") > 0


def test_users_and_tokens_by_hand(house: House) -> None:
    run = house.project
    assert "user.password_weak" in run.run("sh", "-c", "echo short | $0 user add ada", program(), code=2).err
    run.run("sh", "-c", "echo a long enough password | $0 user add ada --role operator", program())
    assert [(user["name"], user["role"]) for user in run.workaday("user", "list", "--json").json] == [("ada", "operator")]
    assert "did you mean `ada`?" in run.workaday("user", "remove", "adaa", code=3).err
    assert "user.not_found" in run.workaday("user", "remove", "zzzzzz", code=3).err
    assert run.workaday("user", "remove", "ada", "--dry-run", "--json").json == {"name": "ada", "removed": False, "dry_run": True}
    assert run.workaday("user", "remove", "ada", "--json").json["removed"] is True
    assert "token.exists" in run.workaday("token", "create", "viewer", code=3).err
    assert "token.not_found" in run.workaday("token", "revoke", "nothing-like-it", code=3).err
    short = run.workaday("token", "create", "short", "--expires", "1ms", "--json").json["token"]
    assert house.ask("GET", "/api/v1/jobs", token=short).status == 401, "it has expired"
    kept = run.workaday("token", "create", "kept", "--json").json["token"]
    assert house.ask("GET", "/api/v1/jobs", token=kept).status == 200
    run.workaday("token", "revoke", "kept")
    assert house.ask("GET", "/api/v1/jobs", token=kept).status == 401
    assert not [token for token in run.workaday("token", "list", "--json").json if "token" in token or "hash" in token]


def test_guesses_slow_down_the_one_who_guesses_and_never_shut_the_owner_out(new_project: Callable[..., Project]) -> None:
    project = new_project(config='[worker]\nprocesses = 1\n[security]\nlogins = "2/h"\n')
    project.write("jobs.py", "from workaday import App\napp = App('shop')\n")
    supervisor = project.up()
    port = int(supervisor.wait_line(r"the dashboard is at \S+, listening on 127\.0\.0\.1:(\d+)").group(1))
    project.run("sh", "-c", "echo a long enough password | $0 user add ada --role operator", program())
    house = House(project, supervisor, port)

    def log_in(source: str, password: str = "a wrong password", name: str = "ada") -> int:
        return house.ask("POST", "/login", form={"name": name, "password": password}, source=source).status

    right, home = "a long enough password", "127.0.0.2"
    stranger = [log_in("127.0.1.1") for _ in range(4)]
    assert stranger == [401, 401, 429, 429], "the address that guesses has to wait"
    assert log_in(home, right) == 303, "and nobody else"
    # Many addresses at once: the name is shut for those that it never came in from.
    guesses = [log_in(f"127.0.1.{n}") for n in range(2, 12) for _ in range(2)]
    assert 401 in guesses and guesses[-1] == 429, guesses
    assert log_in("127.0.2.1", right) == 429
    assert log_in("127.0.2.1", name="bob") == 401, "another name is not concerned"
    assert log_in(home, right) == 303, "where she came in before she still does"
    assert house.use_link(house.link("operator")).status == 303, "and a link of the machine itself is not counted"


def test_status_says_where_it_is(house: House) -> None:
    assert house.project.workaday("status", "--json").json["dashboard"] == f"http://127.0.0.1:{house.port}"


def test_a_taken_port_never_stops_the_jobs(new_project: Callable[..., Project]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        project = new_project(config=CONFIG + f'[web]\nbind = "127.0.0.1:{taken.getsockname()[1]}"\n')
        project.extra_environment["WORKADAY_WEB_BIND"] = f"127.0.0.1:{taken.getsockname()[1]}"
        project.write("jobs.py", "from workaday import App\napp = App('shop')\n\n@app.task\ndef one() -> int:\n    return 1\n")
        supervisor = project.up()
        supervisor.wait_line(r"cannot be listened on")
        [job] = project.enqueue("one.enqueue()")
        project.wait_state(job, "completed")
        assert "web.not_running" in project.workaday("open", code=1).err
        assert "· no dashboard" in project.workaday("status").out


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/errors/0000000000000000", 404, "error.not_found"),
        ("/jobs?state=asleep", 422, "web.query_invalid"),
        ("/?region=nowhere", 404, "web.region_unknown"),
        ("/releases/never-seen", 404, "web.release_unknown"),
        ("/no-such-page", 404, "web.no_such_page"),
    ],
)
def test_an_address_that_means_nothing_is_answered_with_its_code(house: House, path: str, status: int, code: str) -> None:
    answer = house.ask("GET", path, cookie=house.cookies["viewer"])
    told = house.ask("GET", path, cookie=house.cookies["viewer"], headers={"Accept": "application/json"})
    assert code in answer.text + told.text, (answer.status, answer.text[-500:], told.text[-300:])
    assert 400 <= answer.status < 500, (status, answer.status)
    # A heading without its class has lines closer than its letters are high.
    assert '<h1 class="verdict">' in answer.text
    assert '<link rel="icon"' in answer.text


def test_a_switch_off_of_one_argument_is_not_told_as_one_of_the_task(house: House) -> None:
    def page() -> str:
        return house.ask("GET", "/tasks/shop.send_invoice", cookie=house.cookies["viewer"]).text

    house.project.workaday("task", "pause", "shop.send_invoice", "--where", "order_id=99", "--reason", "she asked")
    assert "shop.send_invoice is paused for some of its jobs." in page()
    house.project.workaday("task", "resume", "shop.send_invoice", "--where", "order_id=99")
    house.project.workaday("task", "pause", "shop.send_invoice", "--reason", "stock take")
    assert "shop.send_invoice is paused." in page()
    house.project.workaday("task", "resume", "shop.send_invoice")


def test_a_muted_error_can_be_heard_of_again_from_its_page(house: House) -> None:
    answer = house.ask("GET", "/errors", cookie=house.cookies["operator"])
    fingerprint = re.search(r'href="/errors/([0-9a-f]{16})"', answer.text)
    assert fingerprint
    path = f"/errors/{fingerprint.group(1)}"

    def page() -> str:
        return house.ask("GET", path, cookie=house.cookies["operator"]).text

    def act(**form: str) -> None:
        answer = house.ask("POST", f"/actions{path}/mute", cookie=house.cookies["operator"], form={"back": path, **form})
        assert answer.status == 303, answer.text

    assert "Mute until the next release" in page() and "Hear of it again" not in page()
    act(note="known")
    assert "Hear of it again" in page() and "Mute until" not in page()
    act(unmute="true")
    assert "Mute until the next release" in page()


def test_a_quarantined_job_can_be_tried_again_from_its_page(house: House) -> None:
    job = house.project.workaday("enqueue", "shop.send_invoice", "--args", '{"order_id": 7}', "--delay", "1h", "--json").json["id"]

    def page() -> str:
        return house.ask("GET", f"/jobs/{job}", cookie=house.cookies["operator"]).text

    assert "Retry this job…" not in page()
    # The day is left out where it is today: the clock stands beside it.
    assert re.search(r'<b>enqueued</b> <time[^>]*>[\d:]{8}</time> <small class="soft"></small>', page())
    with contextlib.closing(sqlite3.connect(house.project.database)) as store, store:
        store.execute("UPDATE workaday_jobs SET held = 'quarantine' WHERE id = ?", (UUID(job).bytes,))
    assert "Retry this job…" in page()
    form = {"ids": job, "confirm": "yes", "back": "/jobs"}
    assert house.ask("POST", "/actions/jobs/retry", cookie=house.cookies["operator"], form=form).status == 303


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (
            "POST /api/v1/jobs HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json",
            413,
            "web.too_large",
        ),
        ("POST /login HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json", 415, "web.content_type"),
        ("POST /api/v1/jobs HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Type: application/json", 421, "web.host_unknown"),
        ("POST /no/such/page HTTP/1.1\r\nHost: {host}", 404, "web.no_such_page"),
        ("POST /login HTTP/1.1\r\nHost: {host}\r\nBad Name: 1", 400, ""),
    ],
)
def test_who_is_refused_while_still_sending_reads_why(house: House, head: str, status: int, code: str) -> None:
    size = 8 << 20
    head = head.format(host=f"127.0.0.1:{house.port}", token=house.tokens["operator"])
    with socket.create_connection(("127.0.0.1", house.port), timeout=20) as client:
        client.sendall(f"{head}\r\nContent-Length: {size}\r\n\r\n".encode())
        # The answer is on its way before the body is; who sends it all before he reads is not thrown out.
        assert client.recv(1, socket.MSG_PEEK)
        client.sendall(b"x" * size)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) and code.encode() in answer, answer[:400]


def test_the_checklist_shows_what_the_doctor_found(house: House) -> None:
    assert "</code> found" not in house.ask("GET", "/checklist", cookie=house.cookies["viewer"]).text
    house.project.workaday("doctor", code=None)
    shown = house.ask("GET", "/checklist", cookie=house.cookies["viewer"]).text
    assert "workaday doctor</code> found" in shown
    assert house.ask("GET", "/checklist?format=json", cookie=house.cookies["viewer"]).json["doctor"]["good"] > 10

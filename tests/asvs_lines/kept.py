"""What is kept, logged and told: enough to find a deed, and no secret."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from house import CANARY, House

from asvs_lines.common import everything, line


@line("14.2.1, 14.3.2", "No secret in an address, nothing kept by the browser")
def nothing_is_kept(house: House) -> str:
    seen = 0
    for route, path in everything(house, "GET"):
        answer = house.ask("GET", path, cookie=house.cookies["admin"])
        assert answer.header("cache-control") == "no-store" or (answer.status == 200 and route["path"] == "/static/{file}"), path
        assert not re.search(r"(token|password|session)=", answer.header("location") or "")
        seen += 1
    return f"{seen} answers are `no-store`. One exception: the one-time link of `workaday open`, which opens once, within five minutes, and only after a click"


@line("16.2.5, 14.2.6", "Secrets in arguments and addresses are masked in every answer")
def secrets_are_masked(house: House) -> str:
    seen = 0
    for route, path in everything(house, "GET"):
        for twin in (path, f"{path}?format=json") if route["kind"] == "page" else (path,):
            answer = house.ask("GET", twin, cookie=house.cookies["admin"])
            assert CANARY not in answer.text, twin
            seen += 1
    for path in ("tasks/shop.sync_prices", "schedules/shop.sync_prices"):
        for twin in (f"/{path}", f"/{path}?format=json", f"/api/v1/{path}"):
            answer = house.ask("GET", twin, cookie=house.cookies["admin"])
            assert answer.status == 200 and CANARY not in answer.text, twin
            seen += 1
    task = house.ask("GET", "/api/v1/tasks/shop.sync_prices", token=house.tokens["viewer"]).json
    assert task["params"]["properties"]["password"] == {"type": "string", "default": "••••"}, (
        "a parameter is a name and a type, also this one"
    )
    job = house.ask("GET", f"/api/v1/jobs/{house.values['id']}", token=house.tokens["viewer"]).json
    assert job["args"]["password"] == "••••" and "••••@db" in job["args"]["dsn"], job["args"]
    assert CANARY not in house.supervisor.output()
    return f"a canary as password, in a DSN, a ping, a default, a schedule's arguments and the environment: absent from {seen} answers and from the log"


@line("16.3.1-16.3.4, 16.4.1", "Logins, failures, denials and acts leave a line with who; nothing that is sent can break a line of the log")
def acts_leave_lines(house: House) -> str:
    forged = "x\r\n2026-01-01 INFO admin logged in\x1b[2J"
    house.ask("POST", "/login", form={"name": forged, "password": "not the password"})
    house.ask("GET", "/audit", cookie=house.cookies["viewer"], headers={"Accept": "text/html"})
    house.ask("POST", "/actions/queues/default/pause", cookie=house.cookies["operator"], form={"reason": "a test"})
    house.ask("POST", "/actions/queues/default/resume", cookie=house.cookies["operator"], form={})
    rows = house.project.rows("SELECT who, action, target, why FROM workaday_audit")
    found = {(row["who"], row["action"]) for row in rows}
    for wanted in (
        ("admin", "login"),
        ("address 127.0.0.1", "failed login"),
        ("viewer", "denied"),
        ("operator", "pause"),
        ("operator", "resume"),
    ):
        assert wanted in found, (wanted, found)
    assert any(row["action"] == "pause" and row["why"] == "a test" for row in rows)
    assert not any(c in row["target"] for row in rows for c in "\r\n\x1b")
    log = house.supervisor.output()
    assert "\x1b" not in log and not re.search(r"(?m)^2026-01-01 INFO admin", log)
    return "login, failed login, denied, pause, resume"


@line("16.5.1-16.5.4", "A refusal tells what it must and an id, never a trace")
def refusals_tell_an_id(house: House) -> str:
    for path in ("/no/such/page", "/jobs/zz", "/api/v1/jobs/zz"):
        answer = house.ask("GET", path, cookie=house.cookies["admin"], headers={"Accept": "text/html"})
        assert answer.status < 500 and not re.search(r"panicked|\.rs:\d|Traceback|SELECT ", answer.text), answer.text
    problem = house.ask("GET", "/api/v1/jobs/zz", token=house.tokens["viewer"]).json
    assert re.fullmatch(r"[0-9a-f]{8}", problem["id"]) and problem["status"] == 422
    return "three refusals, in HTML and in JSON"


@line("16.2.2", "Every time in the log, the audit and the API is in UTC and says so, whatever the zone of the machine")
def times_are_utc(house: House) -> str:
    assert house.project.environment["TZ"] == "Pacific/Auckland"
    stamps = [found.group(1) for found in re.finditer(r"(?m)^(\S+)\s+(?:ERROR|WARN|INFO|DEBUG|TRACE) ", house.supervisor.output())]
    assert stamps, house.supervisor.output()[:500]
    told = house.ask("GET", "/api/v1/audit", token=house.tokens["admin"]).json["audit"]
    stamps += [row["at"] for row in told]
    job = house.ask("GET", f"/api/v1/jobs/{house.values['id']}", token=house.tokens["viewer"]).json
    stamps += [job[name] for name in ("created_at", "run_at", "finished_at")]
    now = datetime.now(UTC)
    for stamp in stamps:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", stamp), stamp
        assert abs(now - datetime.fromisoformat(stamp)) < timedelta(hours=1), stamp
    return "a machine in Pacific/Auckland: all times end in Z and are this hour's"


@line("16.4.2, 13.3.1", "What is kept on the disk is its owner's alone, and jobs do not inherit the program's own secrets")
def files_are_the_owners(house: House) -> str:
    folder = house.project.database.parent
    files = [path for path in folder.rglob("*") if not path.is_symlink()]
    assert {path.name for path in files} >= {"workaday.db", "workaday.db-wal"}, files
    assert folder.stat().st_mode & 0o077 == 0
    for path in files:
        assert path.stat().st_mode & 0o077 == 0, (path.name, oct(path.stat().st_mode))
    own, inherited = house.project.environment["WORKADAY_SECRET_OPS"].encode(), CANARY.encode()
    assert own in Path(f"/proc/{house.supervisor.pid}/environ").read_bytes()
    children = house.supervisor.wait_children()
    for child in children:
        environment = Path(f"/proc/{child}/environ").read_bytes()
        assert own not in environment and inherited in environment, "less our own secrets, and the app's stay"
    return "the store, its side files and its lock are 0600 in a folder of 0700; WORKADAY_SECRET_* is in no child's environment"

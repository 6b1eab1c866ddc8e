"""A running dashboard with people of every role, for tests that knock on its doors."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import reached
from harness import EFFECTS, Project, Supervisor, wait_until

ROLES = ("viewer", "operator", "admin")
CANARY = "canary-9f1c2e77"
"""A secret in arguments, in a DSN and in the environment: no answer may ever show it."""

JOBS = """
import os
from workaday import App, cron

app = App("shop")
secret = os.environ.get("SHOP_PASSWORD", "")

@app.task(owner="payments@shop.example", rollback="pause it")
def send_invoice(order_id: int, *, note: str = "", password: str = "", dsn: str = "") -> str:
    print(note)
    if order_id < 0:
        raise ValueError(note or "below zero")
    return note

@app.task(schedule=cron("15 3 * * *", tz="Europe/Berlin"), owner="data@shop.example")
def nightly() -> int:
    return 1

@app.task(schedule=cron("30 4 * * *", tz="Europe/Berlin", args={"password": secret}, ping=f"https://hc.shop.example/{secret}"))
def sync_prices(password: str = secret, dsn: str = f"postgresql://shop:{secret}@db/shop") -> None:
    pass
"""

CONFIG = """
[worker]
processes = 1
[security]
rate = "1000000/s"
logins = "5/m"
"""


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for own, value in self.headers if own.lower() == name.lower()), None)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class House:
    project: Project
    supervisor: Supervisor
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    """What stands in for the parameters of paths."""

    @classmethod
    def open(cls, project: Project) -> House:
        project.write("jobs.py", JOBS)
        supervisor = project.up(SHOP_PASSWORD=CANARY)
        port = int(supervisor.wait_line(r"the dashboard is at \S+, listening on 127\.0\.0\.1:(\d+)").group(1))
        stated = "SELECT (SELECT count(*) FROM workaday_tasks) * (SELECT count(*) FROM workaday_schedules)"
        wait_until(lambda: project.one(stated), within=20, what="the catalogue and its schedule", seen=project.tell)
        house = cls(project, supervisor, port)
        for role in ROLES:
            house.cookies[role] = house.log_in_by_link(role)
            house.tokens[role] = project.workaday("token", "create", role, "--role", role, "--json").json["token"]
        arguments = {"order_id": 1, "password": CANARY, "dsn": f"postgresql://shop:{CANARY}@db/shop", "note": "hello"}
        good = house.enqueue(arguments)
        bad = house.enqueue({"order_id": -1, "note": "the sea is rough"}, priority=1)
        project.wait_state(good, "completed")
        project.wait_state(bad, "retryable", "discarded")
        house.values = {"id": good, "name": "shop.send_invoice", "file": "none.css", "fingerprint": "0" * 16}
        return house

    @classmethod
    @contextlib.contextmanager
    def living(cls, root: Path, config: str = CONFIG, **environment: str) -> Iterator[House]:
        """One in a folder of its own, until it is not needed any more."""
        project = Project(root)
        project.extra_environment |= environment
        project.write("workaday.toml", f'app = "jobs:app"\n{config}')
        project.write("effects.py", EFFECTS)
        try:
            yield cls.open(project)
        finally:
            project.end_everything()

    # ---- asking ------------------------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        *,
        cookie: str | None = None,
        token: str | None = None,
        form: Mapping[str, str] | list[tuple[str, str]] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        within: float = 20,
        source: str = "",
    ) -> Answer:
        """`source`: the address that it comes from; any of 127.0.0.0/8 is this machine."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Accept": "text/html,application/json"}
        data: bytes | None = None
        if cookie:
            sent["Cookie"] = f"workaday-{self.port}={cookie}"
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if form is not None:
            data, sent["Content-Type"], sent["Sec-Fetch-Site"] = (
                urlencode(form).encode(),
                "application/x-www-form-urlencoded",
                "same-origin",
            )
        if body is not None:
            data, sent["Content-Type"] = json.dumps(body).encode(), "application/json"
        sent |= headers or {}
        origin = (source, 0) if source else None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within, source_address=origin)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value)
            if (data is not None or method == "POST") and "Content-Length" not in sent:
                connection.putheader("Content-Length", str(len(data or b"")))
            connection.endheaders(data)
            answer = connection.getresponse()
            if "event-stream" in (answer.getheader("Content-Type") or "") and answer.status == 200:
                return Answer(answer.status, answer.getheaders(), answer.read(20))
            whole = answer.read()
            reached.scan_page(whole.decode("utf-8", "replace"))
            return Answer(answer.status, answer.getheaders(), whole)
        finally:
            connection.close()

    def raw(self, data: bytes, within: float = 5) -> bytes:
        """What comes back for bytes that are no proper request; everything until the connection ends or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=within) as connection:
            received = b""
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    received += chunk
            except (TimeoutError, ConnectionError):
                pass
            reached.scan_page(received.decode("utf-8", "replace"))
            return received

    # ---- people and things -------------------------------------------------------------------------------------

    def link(self, role: str) -> str:
        url: str = self.project.workaday("open", "--role", role, "--owner", role, "--json").json["url"]
        return url.partition("once=")[2]

    def use_link(self, secret: str, cookie: str | None = None) -> Answer:
        return self.ask("POST", "/login", form={"once": secret}, cookie=cookie)

    def log_in_by_link(self, role: str) -> str:
        return self.cookie_of(self.use_link(self.link(role)))

    def cookie_of(self, answer: Answer) -> str:
        found = re.match(rf"workaday-{self.port}=([^;]+)", answer.header("set-cookie") or "")
        assert found, f"no session came with {answer.status}: {answer.text}"
        return found.group(1)

    def enqueue(self, args: Mapping[str, Any], **more: Any) -> str:
        answer = self.ask("POST", "/api/v1/jobs", token=self.tokens["operator"], body={"task": "shop.send_invoice", "args": args, **more})
        assert answer.status == 201, answer.text
        return answer.json["id"]

    def routes(self) -> list[dict[str, Any]]:
        return self.project.workaday("web-routes", "--json").json

    def filled(self, path: str) -> str:
        """A path with something that exists in place of each parameter."""
        values = dict(self.values)
        if "/queues/" in path:
            values["name"] = "default"
        if "schedules/" in path:
            values["name"] = self.schedule
        return re.sub(r"\{(\w+)\}", lambda found: values[found.group(1)], path)

    @property
    def schedule(self) -> str:
        return self.ask("GET", "/api/v1/schedules", token=self.tokens["viewer"]).json["schedules"][0]["name"]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that a person could have caused, and nothing that the engine moves by itself."""
        queries = {table: f"SELECT * FROM workaday_{table}" for table in ("holds", "audit", "users", "links", "mutes")}
        queries["jobs"] = "SELECT id, task, args, priority FROM workaday_jobs UNION SELECT id, task, args, priority FROM workaday_finished"
        queries["schedules"] = "SELECT name, paused_at, paused_until, skips FROM workaday_schedules"
        queries["asked"] = "SELECT id FROM workaday_jobs WHERE cancel_requested_at IS NOT NULL"
        with self.project.reading() as store:
            return {name: [tuple(row) for row in store.execute(query)] for name, query in queries.items()}


def corpus(name: str) -> list[str]:
    return (Path(__file__).parents[1] / "corpora" / name).read_text(encoding="utf-8").splitlines()

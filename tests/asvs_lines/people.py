"""Who is let in, for how long, and to what."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from harness import program
from house import ROLES, Answer, House

from asvs_lines.common import everything, line


@line(
    "7.2.1-7.2.4, 7.3.1, 7.3.2, 7.4.1",
    "Sessions: 256 random bits, new at each login, ended by logout, by 12 idle hours, by 7 days, and with their user",
)
def sessions_end(house: House) -> str:
    def is_in(cookie: str) -> bool:
        return house.ask("GET", "/api/v1/jobs", cookie=cookie).status == 200

    first = house.log_in_by_link("viewer")
    assert len(first) == 43 and is_in(first)
    second = house.cookie_of(house.use_link(house.link("viewer"), cookie=first))
    assert second != first and is_in(second) and not is_in(first), "a login ends the session that came along"
    fixed = "A" * 43
    assert house.cookie_of(house.use_link(house.link("viewer"), cookie=fixed)) != fixed and not is_in(fixed)
    assert house.ask("POST", "/logout", cookie=second, form={}).status == 303 and not is_in(second)
    for column, hours in (("seen_at", 12), ("ends_at", 7 * 24)):
        cookie = house.log_in_by_link("viewer")
        age(house, cookie, column, hours)
        assert not is_in(cookie), f"{column} {hours} h ago"
    used = house.link("viewer")
    assert house.use_link(used).status == 303 and house.use_link(used).status == 410, "a link opens once"
    house.project.run("sh", "-c", "echo a long enough password | $0 user add guest --role operator", program())
    guest = house.cookie_of(house.ask("POST", "/login", form={"name": "guest", "password": "a long enough password"}))
    assert is_in(guest)
    house.project.workaday("user", "remove", "guest")
    assert not is_in(guest)
    return "each tried against the running program"


def age(house: House, cookie: str, column: str, hours: int) -> None:
    """Makes a session older than it is, as only somebody with the file could."""
    with sqlite3.connect(house.project.database, timeout=20) as store:
        micros = (hours * 3600 + 1) * 1_000_000
        changed = store.execute(
            f"UPDATE workaday_sessions SET {column} = {column} - ? WHERE hash = ?", (micros, hashlib.sha256(cookie.encode()).digest())
        )
        assert changed.rowcount == 1


@line("8.2.1, 8.3.1", "Every route asks for its role; without a login nothing but the door and the health is open")
def roles_are_kept(house: House) -> str:
    tried, open_to_all = 0, {"/login", "/static/{file}", "/health", "/health/ready"}
    before = house.contents()["jobs"]
    for route, path in everything(house):
        headers = {"Accept": "application/json"}
        if route["method"] != "GET":
            headers["Sec-Fetch-Site"] = "same-origin"
        nobody = house.ask(route["method"], path, headers=headers)
        if route["path"] in open_to_all:
            assert route["role"] is None
            continue
        assert nobody.status in (401, 403) or (nobody.status == 303 and (nobody.header("location") or "").startswith("/login")), (
            path,
            nobody.status,
        )
        wrong = house.ask(route["method"], path, headers=headers, token="wkd_" + "A" * 43)
        assert wrong.status == 401, (path, wrong.status)
        for role in ROLES:
            if ROLES.index(role) < ROLES.index(route["role"]):
                for answer in (
                    house.ask(route["method"], path, headers=headers, cookie=house.cookies[role]),
                    house.ask(route["method"], path, headers=headers, token=house.tokens[role]),
                ):
                    assert answer.status == 403, (role, path, answer.status)
                    tried += 1
            elif route["method"] == "GET":
                assert house.ask("GET", path, cookie=house.cookies[role]).status != 403, (role, path)
                tried += 1
    assert house.contents()["jobs"] == before
    narrow = house.project.workaday("token", "create", "narrow", "--role", "admin", "--scope", "metrics", "--json").json["token"]
    assert house.ask("GET", "/metrics", token=narrow).status == 200
    assert house.ask("GET", "/api/v1/jobs", token=narrow).status == 403
    return f"{len(house.routes())} routes, {tried} answers to viewer, operator and admin, by session and by token"


@line("13.2.3, 13.4.6", "There is no default login, and no version before one")
def no_default_login(house: House) -> str:
    assert house.project.one("SELECT count(*) FROM workaday_users") == 0
    version = house.project.workaday("--version").out.split()[1]
    for path in ("/login", "/health", "/health/ready", "/no/such", "/"):
        answer = house.ask("GET", path)
        assert version not in answer.text and version not in str(answer.headers), path
    return "no user row in a new store; five open addresses tell no version"


AT_ONCE = 8


def at_once(ask: Callable[[], Answer]) -> list[Answer]:
    """The same request from several threads, let go together."""
    gate = threading.Barrier(AT_ONCE)

    def one(_: int) -> Answer:
        gate.wait(20)
        return ask()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(one, range(AT_ONCE)))


@line("15.4.1, 15.4.2", "What may happen once happens once, however many ask at the same instant: a link, an id, a unique key, a cancel")
def one_of_many_wins(house: House) -> str:
    rounds, token = 5, house.tokens["operator"]
    for _ in range(rounds):
        before = house.project.one("SELECT count(*) FROM workaday_sessions")
        secret = house.link("viewer")
        statuses = sorted(answer.status for answer in at_once(lambda secret=secret: house.use_link(secret)))
        assert statuses == [303] + [410] * (AT_ONCE - 1), statuses
        assert house.project.one("SELECT count(*) FROM workaday_sessions") <= before + 1

        body = {"task": "shop.send_invoice", "args": {"order_id": 1}, "id": str(uuid.uuid4())}
        answers = at_once(lambda body=body: house.ask("POST", "/api/v1/jobs", token=token, body=body))
        assert sorted(answer.status for answer in answers) == [200] * (AT_ONCE - 1) + [201], [answer.text for answer in answers]

        key = {"task": "shop.send_invoice", "args": {"order_id": 1}, "unique": str(uuid.uuid4()), "delay": "1h"}
        answers = at_once(lambda key=key: house.ask("POST", "/api/v1/jobs", token=token, body=key))
        assert len({answer.json["id"] for answer in answers}) == 1, [answer.text for answer in answers]
        assert [answer.json["new"] for answer in answers].count(True) == 1

        job = answers[0].json["id"]
        answers = at_once(lambda job=job: house.ask("POST", f"/api/v1/jobs/{job}/cancel", token=token, body={}))
        assert [answer.status for answer in answers].count(200) == 1, [answer.text for answer in answers]
        assert {answer.status for answer in answers} <= {200, 409}
    return f"{AT_ONCE} at once, {rounds} times each: one login by a link and {AT_ONCE - 1} times 410; one job of an id, one of a key; one cancel"

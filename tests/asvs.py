"""Every line of the security list (OWASP ASVS 5.0, for a small dashboard), each an assertion over all routes.

Run by `tests/acceptance/test_asvs.py`. Each check returns its evidence in one sentence with counts; `docs/security.md` is
written from them: `python tests/asvs.py --write docs/security.md`.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "acceptance"))

from house import CANARY, CONFIG, ROLES, Answer, House, corpus

Check = Callable[[House], str]


@dataclass(frozen=True)
class Line:
    items: str
    says: str
    check: Check


LINES: list[Line] = []


def line(items: str, says: str) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        LINES.append(Line(items, says, check))
        return check

    return keep


def everything(house: House, method: str | None = None) -> list[tuple[dict[str, Any], str]]:
    return [(route, house.filled(route["path"])) for route in house.routes() if method in (None, route["method"])]


def refused(answer: Answer, *statuses: int) -> bool:
    return answer.status in statuses


class Parsed(HTMLParser):
    """Elements and attributes as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def dangers(self) -> list[str]:
        wrong: list[str] = []
        for tag, attributes in self.found:
            if tag in ("iframe", "object", "embed", "base", "style", "math", "marquee", "keygen", "animate"):
                wrong.append(f"<{tag}>")
            if tag == "script" and not (attributes.get("src") or "").startswith("/static/"):
                wrong.append("<script> inline")
            for name, value in attributes.items():
                if name.startswith("on") or name in ("style", "srcdoc"):
                    wrong.append(f"<{tag} {name}>")
                if name in ("href", "src", "action", "formaction", "xlink:href") and not re.match(
                    r"[/?#]|https?://127\.0\.0\.1", value or "/"
                ):
                    wrong.append(f"<{tag} {name}={value}>")
        return wrong


@line("1.2.1, 1.2.3, 3.2.2", "What a job carries stays text: no new element, attribute or handler in any page")
def text_stays_text(house: House) -> str:
    strings = corpus("xss.txt")
    ids = [house.enqueue({"order_id": 1, "note": text}, tags=[text[:100]], priority=-1) for text in strings]
    bad = house.enqueue({"order_id": -1, "note": strings[0]})
    house.project.wait_state(ids[-1], "completed")
    house.project.wait_state(bad, "retryable", "discarded")
    pages = [house.filled(route["path"]) for route in house.routes() if route["kind"] == "page"]
    pages += [f"/jobs/{job}" for job in ids]
    for text in strings:
        pages += [f"/jobs?{query(text=text)}", f"/jobs?{query(task=text)}", f"/compare?{query(a=text)}", f"/login?{query(next=text)}"]
    for page in pages:
        answer = house.ask("GET", page, cookie=house.cookies["admin"])
        assert answer.status < 500, (page, answer.text)
        assert not Parsed(answer.text).dangers(), (page, Parsed(answer.text).dangers())
    for text in strings:
        form = [("ids", job) for job in ids[:3]] + [("reason", text), ("back", text)]
        answer = house.ask("POST", "/actions/jobs/delete", cookie=house.cookies["operator"], form=form)
        assert not Parsed(answer.text).dangers(), (text, answer.text)
    return f"{len(strings)} hostile strings in arguments, tags, queries and forms; {len(pages)} pages parsed"


def query(**values: str) -> str:
    from urllib.parse import urlencode

    return urlencode(values)


@line("2.2.1, 2.2.2, 15.3.3, 15.3.7", "Every parameter of the API: wrong type, huge, negative, repeated or unknown is refused with words")
def parameters_are_judged(house: House) -> str:
    document = house.ask("GET", "/api/openapi.json", token=house.tokens["viewer"]).json
    tried = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            address = house.filled(path)
            token = house.tokens["admin"]
            names = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]
            wrong = [f"{address}?{name}={value}" for name in names for value in ("x" * 5000, "-1", "%00", "1e99")]
            wrong = [one for one in wrong if not re.search(r"[?](task|queue|tag|name|release)=", one)]
            wrong += [f"{address}?nothing_like_it=1", *(f"{address}?{name}=1&{name}=1" for name in names[:1])]
            if method == "get":
                for one in wrong:
                    answer = house.ask("GET", one, token=token)
                    assert refused(answer, 400, 422) and answer.json["expected"], (one, answer.status, answer.text)
                    tried += 1
            if method == "post":
                fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
                bodies: list[Any] = [[], "text", 7, {"nothing_like_it": 1}]
                bodies += [{name: value} for name in fields for value in (1.5, [[]], "x" * 100_000) if not (name == "args" and value == {})]
                for one in bodies:
                    answer = house.ask("POST", address, token=token, body=one)
                    assert refused(answer, 400, 409, 413, 422), (address, one, answer.status, answer.text)
                    assert answer.json["code"] and answer.json["retry"]
                    tried += 1
    return f"{tried} requests with a value that does not fit, each answered 4xx with what was expected"


@line("3.2.1, 3.4.4, 4.1.1", "Every answer names its type and charset, and forbids guessing")
def types_are_named(house: House) -> str:
    seen = 0
    for route, path in everything(house):
        for cookie in (None, house.cookies["admin"]):
            answer = house.ask(route["method"], path, cookie=cookie, headers={"Accept": "text/html"})
            assert answer.header("x-content-type-options") == "nosniff", path
            assert "charset=utf-8" in (answer.header("content-type") or ""), (path, answer.headers)
            seen += 1
    return f"{seen} answers"


@line("3.3.1-3.3.4", "The session's cookie: Strict, HttpOnly, host-only; `__Host-` and Secure where people come through TLS")
def cookies_are_strict(house: House) -> str:
    plain = house.use_link(house.link("viewer")).header("set-cookie") or ""
    assert plain.startswith(f"workaday-{house.port}="), plain
    for word in ("Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=604800"):
        assert word in plain
    assert "Domain" not in plain
    through_tls = house.ask("POST", "/login", form={"once": house.link("viewer")}, headers={"Host": "jobs.example"})
    cookie = through_tls.header("set-cookie") or ""
    assert cookie.startswith("__Host-workaday=") and "; Secure" in cookie, cookie
    return "without TLS only on loopback, where browsers refuse `__Host-`; the name then carries the port"


@line(
    "3.4.1-3.4.3, 3.4.5, 3.4.6, 3.4.8",
    "HSTS behind TLS, no CORS, a policy without inline code, no frames, no referrer to others, an own browsing context",
)
def headers_are_strict(house: House) -> str:
    seen = 0
    for route, path in [*everything(house), ({"method": "GET"}, "/no/such/page")]:
        for headers in ({}, {"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Host": "jobs.example"}):
            answer = house.ask(route["method"], path, cookie=house.cookies["admin"], headers=headers)
            policy = answer.header("content-security-policy") or ""
            assert "default-src 'none'" in policy and "base-uri 'none'" in policy and "object-src 'none'" in policy, path
            assert "frame-ancestors 'none'" in policy and "unsafe" not in policy and "*" not in policy
            assert answer.header("access-control-allow-origin") is None
            assert answer.header("referrer-policy") == "same-origin"
            assert answer.header("cross-origin-opener-policy") == "same-origin"
            assert (answer.header("strict-transport-security") is not None) == (headers.get("Host") == "jobs.example")
            assert answer.header("server") is None
            seen += 1
    return f"{seen} answers, refusals and unknown addresses among them"


@line(
    "3.5.1-3.5.3, 3.5.8",
    "An act comes from our own pages: cross-site, same-site, no origin, a null one or another body form is refused, and looking changes nothing",
)
def acts_come_from_us(house: House) -> str:
    foreign: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": f"http://localhost:{house.port + 1}"},
        {"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"},
    ]
    before, tried = house.contents(), 0
    for method in ("POST", "DELETE"):
        for _, path in everything(house, method):
            for headers in foreign:
                kind = {"Content-Type": "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"}
                answer = house.ask(method, path, cookie=house.cookies["admin"], headers={**kind, **headers})
                assert refused(answer, 403, 415), (method, path, headers, answer.status)
                tried += 1
    for _, path in everything(house, "GET"):
        house.ask("GET", path, cookie=house.cookies["admin"])
        tried += 1
    assert house.contents() == before
    return f"{tried} requests left the store as it was"


@line("3.6.1", "Nothing is loaded from elsewhere")
def nothing_from_elsewhere(house: House) -> str:
    seen, assets = 0, set[str]()
    for route, path in everything(house, "GET"):
        if route["kind"] != "page":
            continue
        page = Parsed(house.ask("GET", path, cookie=house.cookies["admin"]).text)
        for tag, attributes in page.found:
            for name in ("src", "href") if tag in ("script", "link", "img") else ():
                if value := attributes.get(name):
                    assert value.startswith("/"), (path, value)
                    assets.add(value)
        seen += 1
    for asset in assets:
        answer = house.ask("GET", asset)
        assert answer.status == 200 and "immutable" in (answer.header("cache-control") or ""), asset
        assert not re.search(rb"(url\(|@import|fetch\(|import )\s*['\"]?(https?:)?//", answer.body), asset
    return f"{seen} pages and their {len(assets)} files"


@line("4.1.3, 15.3.4", "Forwarded addresses and hosts are believed from nobody who is not a trusted proxy")
def forwarded_is_ignored(house: House) -> str:
    forged = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Real-IP": "9.9.9.9",
        "Forwarded": "for=9.9.9.9",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-User": "root",
        "X-Forwarded-Proto": "https",
    }
    answer = house.ask("GET", "/api/v1/jobs", headers=forged)
    assert answer.status == 401
    house.ask("POST", "/login", form={"name": "nobody-1", "password": "not the password"}, headers=forged)
    told = house.project.one("SELECT who FROM workaday_audit WHERE action = 'failed login' ORDER BY key DESC LIMIT 1")
    assert told == "address 127.0.0.1", told
    return f"{len(forged)} forged headers: no login, no other address in the audit, no other host"


@line("4.1.4, 13.4.4", "A route knows the methods it declares and no others; TRACE is unknown everywhere")
def methods_are_declared(house: House) -> str:
    declared: dict[str, set[str]] = {}
    for route in house.routes():
        declared.setdefault(route["path"], set()).add(route["method"])
    tried = 0
    for path, methods in declared.items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT-ish"):
            if method in methods:
                continue
            answer = house.ask(method, house.filled(path), cookie=house.cookies["admin"], headers={"Sec-Fetch-Site": "same-origin"})
            assert answer.status == 405, (method, path, answer.status)
            tried += 1
    return f"{tried} undeclared methods, each 405"


@line("4.2.1", "Requests that two readers could read differently end the connection")
def no_smuggling(house: House) -> str:
    host = f"Host: 127.0.0.1:{house.port}\r\n".encode()
    secret = b"GET /health HTTP/1.1\r\n" + host + b"\r\n"
    tricks = [
        b"POST /login HTTP/1.1\r\n" + host + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd" + secret,
        b"POST /login HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n" + secret,
        b"POST /login HTTP/1.1\r\n" + host + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + secret,
        b"POST /login HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n" + secret,
        b"POST /login HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999999\r\n\r\n" + secret,
        b"GET /health HTTP/1.1\r\n" + host + b" folded: yes\r\n\r\n" + secret,
        b"GET /health HTTP/1.1\r\n" + host + b"Bad Name: 1\r\n\r\n" + secret,
        b"GET /health HTTP/1.1\r\n" + host + b"X: a\x00b\r\n\r\n" + secret,
        b"GET /health HTTP/9.9\r\n" + host + b"\r\n" + secret,
        b"GET  /health HTTP/1.1\r\n" + host + b"\r\n" + secret,
        b"\x16\x03\x01\x02\x00\x01\x00" + secret,
        b"GET /health HTTP/1.1\r\n" + host + b"X: " + b"a" * 100_000 + b"\r\n\r\n" + secret,
        b"GET /health HTTP/1.1\r\n" + host + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n" + secret,
    ]
    for trick in tricks:
        answer = house.raw(trick)
        assert b" 200 " not in answer, (trick[:80], answer[:300])
        assert not re.match(rb"HTTP/1\.\d 5", answer), (trick[:80], answer[:200])
    both = house.raw(b"POST /login HTTP/1.1\r\n" + host + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + secret)
    assert both.count(b"HTTP/1.1") <= 2 and not re.match(rb"HTTP/1\.\d [25]", both), both[:300]
    return f"{len(tricks) + 1} ambiguous requests; none was answered as good"


@line("5.2.1, 2.4.1", "A body beyond the limit is refused, before it is read whole")
def bodies_are_bounded(house: House) -> str:
    for path in ("/api/v1/jobs", "/login"):
        form = {"x": "y" * (2 << 20)} if path == "/login" else None
        body = {"task": "x" * (2 << 20)} if path != "/login" else None
        answer = house.ask("POST", path, token=None if form else house.tokens["operator"], form=form, body=body)
        assert answer.status == 413, answer.status
    return "2 MiB against a limit of 1 MiB: 413"


@line("5.3.2, 5.4.1, 13.4.1-13.4.7", "No path leads to files: traversal, hidden folders, listings and debug addresses are nothing")
def paths_lead_nowhere(house: House) -> str:
    traversals = [
        "../workaday.db",
        "..%2fworkaday.db",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%5c..%5cx",
        "a%00.css",
        "%c0%ae%c0%ae/x",
        "....//x",
        "/etc/passwd",
        "style.css/../../x",
        "．．/x",
    ]
    hidden = [
        "/.git/config",
        "/.env",
        "/workaday.toml",
        "/static/",
        "/static",
        "/debug",
        "/debug/pprof",
        "/server-status",
        "/docs",
        "/swagger",
        "/openapi.json",
        "/api",
        "/api/",
        "/actuator",
        "/admin",
        "/phpmyadmin",
        "/metrics/",
        "//evil.example/",
    ]
    from urllib.parse import quote

    paths = [f"{start}{quote(one, safe='%./')}" for one in traversals for start in ("/static/", "/jobs/", "/api/v1/jobs/")]
    for path in paths + hidden:
        answer = house.ask("GET", path, cookie=house.cookies["admin"])
        assert answer.status in (400, 404, 422) or (
            answer.status == 200 and b"SQLite format" not in answer.body and b"root:" not in answer.body and path.startswith("/jobs/")
        ), (path, answer.status)
        assert b"root:" not in answer.body and b"SQLite format 3" not in answer.body
    return f"{len(paths)} traversals and {len(hidden)} usual hiding places"


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


def program() -> str:
    from harness import program as found

    return found()


def age(house: House, cookie: str, column: str, hours: int) -> None:
    """Makes a session older than it is, as only somebody with the file could."""
    import hashlib
    import sqlite3

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


@line("host allow list (3.5, DNS rebinding)", "A host that is not ours is refused on every route")
def hosts_are_ours(house: House) -> str:
    tried = 0
    for route, path in everything(house):
        for host in (
            "evil.example",
            f"evil.example:{house.port}",
            "127.0.0.1",
            f"127.0.0.1.evil.example:{house.port}",
            f"[::ffff:7f00:1]:{house.port}",
        ):
            answer = house.ask(route["method"], path, cookie=house.cookies["admin"], headers={"Host": host})
            assert answer.status == 421, (path, host, answer.status)
            tried += 1
    return f"{tried} requests, each 421"


@line("13.2.3, 13.4.6", "There is no default login, and no version before one")
def no_default_login(house: House) -> str:
    assert house.project.one("SELECT count(*) FROM workaday_users") == 0
    version = house.project.workaday("--version").out.split()[1]
    for path in ("/login", "/health", "/health/ready", "/no/such", "/"):
        answer = house.ask("GET", path)
        assert version not in answer.text and version not in str(answer.headers), path
    return "no user row in a new store; five open addresses tell no version"


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
    job = house.ask("GET", f"/api/v1/jobs/{house.values['id']}", token=house.tokens["viewer"]).json
    assert job["args"]["password"] == "••••" and "••••@db" in job["args"]["dsn"], job["args"]
    assert CANARY not in house.supervisor.output()
    return f"a canary as password, in a DSN and in the environment: absent from {seen} answers and from the log"


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


@line("15.2.2", "Clients that say nothing, or read nothing, hold up nobody")
def slow_clients_wait_alone(house: House) -> str:
    import socket

    idle = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(200)]
    try:
        for connection in idle[:100]:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        began = time.monotonic()
        assert house.ask("GET", "/health").status == 200
        assert time.monotonic() - began < 10
        token = house.tokens["operator"]
        announced = house.ask(
            "POST", "/api/v1/jobs", token=token, headers={"Content-Length": "5", "Content-Type": "application/json"}, within=60
        )
        assert announced.json["code"] == "web.too_slow", announced.text
        job = house.enqueue({"order_id": 5})
        house.project.wait_state(job, "completed")
    finally:
        for connection in idle:
            connection.close()
    return "200 connections that do not finish a request: health answers, jobs run"


@line("6.3.1", "Attempts to log in are limited")
def logins_are_limited(house: House) -> str:
    answers = [house.ask("POST", "/login", form={"name": "admin", "password": f"guess number {n}"}).status for n in range(8)]
    assert answers[-1] == 429 and 200 not in answers and 303 not in answers, answers
    spread = house.ask("POST", "/login", form={"name": "another", "password": "another guess"}, headers={"X-Forwarded-For": "8.8.8.8"})
    assert spread.status == 429 and "web.too_many" in spread.text
    return "five a minute for an address and for a name; then 429"


HOUSE_CONFIG = CONFIG + '[web]\npublic_url = "https://jobs.example"\n'

PAGE = """# Security

Workaday's dashboard and API are closed from the first start. This page says how, and how each line is known: the table is
written by `tests/asvs.py`, which asks the running program and fails when a line does not hold.

## What keeps it closed

- It listens on 127.0.0.1. Beyond loopback it starts only with a login and a `web.public_url` of https: a proxy with TLS in front.
- Everything but `/login`, the files of the pages, `/health` and `/health/ready` asks for a session or a token. Roles: viewer
  looks, operator acts, admin sees who did what.
- `workaday open` prints a link that opens once, within five minutes, after a click. Only who may write the store can make one.
- Passwords are kept as Argon2id; tokens, sessions and links as SHA-256 of 256 random bits.
- A request names one of our hosts, or is refused on every route: a page elsewhere cannot reach us through a browser.
- An act comes from our own pages: `Sec-Fetch-Site: same-origin`, else an `Origin` that is ours. A token, which no browser
  adds by itself, needs neither.
- No inline script or style, nothing from elsewhere, no frames.
- Every login, failure, refusal and act is in the audit with who and why.
- Values of names like `password` and passwords in addresses are masked: `security.mask`.

Report a weakness as [SECURITY.md](../SECURITY.md) says.

## Exceptions

- Without TLS (loopback only) the cookie has neither `Secure` nor `__Host-`: browsers refuse that prefix there.
- The one-time link is a secret in an address. It is worth nothing after its first use or five minutes.
- `Referrer-Policy` is `same-origin`: with `no-referrer` browsers send `Origin: null` with our own forms, and `Origin` is what
  an act is judged by where there is no `Sec-Fetch-Site`. Nothing is told to other sites either way.

## Each line of OWASP ASVS 5.0 for a dashboard, and its evidence

| items | what holds | evidence |
|---|---|---|
"""


def page(house: House) -> str:
    rows = [f"| {one.items} | {one.says} | {one.check(house)} |\n" for one in LINES]
    return PAGE + "".join(rows)


def main() -> None:
    from harness import EFFECTS, Project

    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.write("workaday.toml", f'app = "jobs:app"\n{HOUSE_CONFIG}')
        project.write("effects.py", EFFECTS)
        try:
            text = page(House.open(project))
        finally:
            project.end_everything()
    if "--write" in sys.argv:
        Path(sys.argv[sys.argv.index("--write") + 1]).write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()

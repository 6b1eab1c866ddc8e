"""Requests as bytes: what is read, from whom, how much of it, and where no path leads."""

from __future__ import annotations

import re
import socket
import time
from urllib.parse import quote

from house import House

from asvs_lines.common import line


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
    paths = [f"{start}{quote(one, safe='%./')}" for one in traversals for start in ("/static/", "/jobs/", "/api/v1/jobs/")]
    for path in paths + hidden:
        answer = house.ask("GET", path, cookie=house.cookies["admin"])
        assert answer.status in (400, 404, 422) or (
            answer.status == 200 and b"SQLite format" not in answer.body and b"root:" not in answer.body and path.startswith("/jobs/")
        ), (path, answer.status)
        assert b"root:" not in answer.body and b"SQLite format 3" not in answer.body
    return f"{len(paths)} traversals and {len(hidden)} usual hiding places"


@line("15.2.2", "Clients that say nothing, or read nothing, hold up nobody")
def slow_clients_wait_alone(house: House) -> str:
    idle = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(1000)]
    try:
        for connection in idle[:500]:
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
    return "1000 connections that do not finish a request: health answers, jobs run"

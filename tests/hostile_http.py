"""Hostile requests by the thousand, over raw sockets: half of them from somebody who is let in and names a right host.

    python tests/hostile_http.py --n 100000 [--seed 7]

Prints how many of each kind got which answer. A 5xx, a connection that hangs, or a program that is gone is a failure:
exit 1, with the request and the seed that makes it again.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import random
import re
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "acceptance"))

from house import ROLES, House, corpus

METHODS = ["GET", "POST", "DELETE", "HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "get", "", "G\x00T", "A" * 300]
PIECES = [
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "%",
    "a" * 3000,
    "ü",
    "'",
    '"',
    "<x>",
    ";",
    "{}",
    "-1",
    "1e99",
    "00000000-0000-0000-0000-000000000000",
    "0" * 8,
    "*",
    " ",
    "\t",
    "\\",
]
VALUES = [*PIECES, "9" * 40, "true", "null", "[]", '{"a":1}', "2030-01-01T00:00:00Z", "1h", "-1h", "9999999999999d", "\ud7ff", "a=b&c"]
HEADERS = [
    "Cookie",
    "Authorization",
    "Origin",
    "Referer",
    "Sec-Fetch-Site",
    "Content-Type",
    "Accept",
    "X-Forwarded-For",
    "Range",
    "If-None-Match",
    "Expect",
    "Upgrade",
    "Connection",
    "TE",
    "Accept-Encoding",
]
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data; boundary=x",
    "",
    "application/json; charset=utf-16",
]


AT_ONCE = 24
"""Connections at once: some requests announce a body that never comes, and wait for their answer."""


class Hostile:
    """Makes one request after the other, from a seed."""

    def __init__(self, house: House, seed: int) -> None:
        self.chance = random.Random(seed)
        self.house = house
        # A theme is changed and a session ended as asked: the session that ends must not be ours.
        self.routes = [route for route in house.routes() if route["path"] != "/logout"]
        self.fields = [
            "task",
            "args",
            "id",
            "queue",
            "priority",
            "delay",
            "at",
            "expires",
            "unique",
            "while",
            "on_conflict",
            "tags",
            "reason",
            "until",
            "where",
            "owner",
            "count",
            "ids",
            "filter",
            "confirm",
            "back",
            "undo",
            "theme",
            "note",
            "before",
            "limit",
            "state",
            "since",
            "held",
            "format",
            "region",
            "after",
            "once",
            "name",
            "password",
        ]
        self.strings = corpus("xss.txt") + VALUES
        self.cookies = list(house.cookies.values())
        self.tokens = list(house.tokens.values())

    def path(self, path: str) -> str:
        pick = self.chance.choice
        known = self.house.values | {"name": pick(["shop.send_invoice", "default", "shop.nightly"])}
        return re.sub(r"\{(\w+)\}", lambda found: known[found.group(1)] if self.chance.random() < 0.6 else pick(PIECES), path)

    def encoded(self, text: str) -> str:
        from urllib.parse import quote

        return quote(text.encode("utf-8", "replace")) if self.chance.random() < 0.7 else text.replace(" ", "+").replace("\t", "%09")

    def pairs(self) -> str:
        return "&".join(
            f"{self.chance.choice(self.fields)}={self.encoded(self.chance.choice(self.strings))}" for _ in range(self.chance.randrange(5))
        )

    def json(self, depth: int = 0) -> object:
        pick = self.chance.choice
        kinds = [lambda: pick(self.strings), lambda: self.chance.randrange(-(2**70), 2**70), lambda: None, lambda: 1e308, lambda: True]
        if depth < 3:
            kinds += [lambda: [self.json(depth + 1)], lambda: {pick(self.fields): self.json(depth + 1) for _ in range(3)}]
        return pick(kinds)()

    def body(self, kind: str) -> bytes:
        roll = self.chance.random()
        if "json" in kind and roll < 0.8:
            fields = {self.chance.choice(self.fields): self.json() for _ in range(self.chance.randrange(6))}
            if roll < 0.4:
                fields["task"] = "shop.send_invoice"
            return json.dumps(fields).encode("utf-8", "replace")
        if roll < 0.8:
            return self.pairs().encode("utf-8", "replace")
        return self.chance.choice([b"", b"{", b"[" * 5000, b"\xff\xfe", b'{"a":1,"a":2}', self.chance.randbytes(200), b"=&=&=", b"null"])

    def one(self, let_in: bool) -> tuple[bytes, bool]:
        """A request, and whether it sends the whole body that it announces."""
        pick, chance = self.chance.choice, self.chance.random
        route = pick(self.routes)
        method = route["method"] if chance() < 0.8 else pick(METHODS)
        target = self.path(route["path"]) if chance() < 0.9 else "/" + "/".join(pick(PIECES) for _ in range(self.chance.randrange(4)))
        if chance() < 0.6:
            target += "?" + self.pairs()
        target = target.replace(" ", "%20").replace("\t", "%09") if let_in or chance() < 0.8 else target
        host = (
            f"127.0.0.1:{self.house.port}"
            if let_in or chance() < 0.5
            else pick(["evil.example", "", "127.0.0.1", "a" * 500, "[::1", "\xff"])
        )
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
        kind = pick(TYPES) if chance() < 0.3 else ("application/json" if target.startswith("/api") else "application/x-www-form-urlencoded")
        if let_in:
            if target.startswith(("/actions", "/login")) or chance() < 0.5:
                lines.append(f"Cookie: workaday-{self.house.port}={pick(self.cookies)}; theme={self.encoded(pick(self.strings))}")
            else:
                lines.append(f"Authorization: Bearer {pick(self.tokens)}")
            if chance() < 0.9:
                lines.append("Sec-Fetch-Site: same-origin")
        else:
            for _ in range(self.chance.randrange(5)):
                value = pick(self.strings).replace("\r", "").replace("\n", "")
                lines.append(f"{pick(HEADERS)}: {value}")
        body = self.body(kind) if method in ("POST", "PUT", "PATCH", "DELETE") or chance() < 0.1 else b""
        lines.append(f"Content-Type: {kind}")
        size, whole = len(body), True
        if not let_in and chance() < 0.2:
            lines.append(
                pick(
                    [
                        "Transfer-Encoding: chunked",
                        "Content-Length: -1",
                        "Content-Length: 1",
                        f"Content-Length: {size}\r\nContent-Length: {size + 1}",
                        "Content-Length: x",
                    ]
                )
            )
            whole = False
        elif body or method == "POST":
            lines.append(f"Content-Length: {size}")
        lines.append("Connection: close")
        return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body, whole


def answer(port: int, request: bytes, whole: bool) -> int | str:
    """The status, or how the connection ended without one. A body that never comes is waited for, and rightly."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60 if whole else 1) as connection:
            try:
                connection.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may answer and close before it has read all
            received = b""
            while b"\r\n" not in received:
                chunk = connection.recv(4096)
                if not chunk:
                    return "closed"
                received += chunk
    except ConnectionResetError:
        return "closed"
    except TimeoutError:
        return "hung" if whole else "waits for the body"
    found = re.match(rb"HTTP/1\.[01] (\d{3})", received)
    return int(found.group(1)) if found else "unreadable"


def attack(house: House, count: int, seed: int) -> tuple[collections.Counter[str], list[str]]:
    """Sends them all; a request that fails is remembered."""
    hostile, seen, wrong = Hostile(house, seed), collections.Counter[str](), list[str]()
    requests = ((number, *hostile.one(let_in=number % 2 == 0)) for number in range(count))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # In groups, so that the next ones are made while some wait for a body that never comes.
        while group := list(itertools.islice(requests, 500)):
            answers = pool.map(lambda one: answer(house.port, one[1], one[2]), group)
            for (number, request, _), got in zip(group, answers, strict=True):
                seen[f"{'let in' if number % 2 == 0 else 'stranger'} {got}"] += 1
                # 503 says that the store is busy or too much waits: an answer, not a failure. It is counted apart.
                if got in ("hung", "unreadable") or (isinstance(got, int) and got >= 500 and got != 503):
                    wrong.append(f"seed {seed}, request {number}: {got}\n{request[:600]!r}")
            if len(wrong) > 20:
                break
    return seen, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, House.living(Path(folder)) as house:
        began = time.monotonic()
        seen, wrong = attack(house, chosen.n, chosen.seed)
        alive = house.ask("GET", "/health").status
        still_in = [house.ask("GET", "/api/v1/jobs", token=house.tokens[role]).status for role in ROLES]
    for kind, number in sorted(seen.items()):
        print(f"{number:8}  {kind}")
    failed = sum(number for kind, number in seen.items() if re.search(r" 5\d\d$", kind))
    print(
        f"{sum(seen.values())} requests, {failed} answers 5xx, {len(wrong)} failures, {time.monotonic() - began:.0f} s; health {alive}, tokens {still_in}"
    )
    print("\n\n".join(wrong))
    return 1 if wrong or failed or alive != 200 else 0


if __name__ == "__main__":
    sys.exit(main())

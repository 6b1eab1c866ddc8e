"""What a browser is told to allow, and which pages may ask it to act."""

from __future__ import annotations

import re

from house import House

from asvs_lines.common import Parsed, everything, line, refused


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
    assert assets, "the pages have a sheet and a script"
    for asset in assets:
        answer = house.ask("GET", asset)
        assert answer.status == 200 and "immutable" in (answer.header("cache-control") or ""), asset
        assert not re.search(rb"(url\(|@import|fetch\(|import )\s*['\"]?(https?:)?//", answer.body), asset
    return f"{seen} pages and their {len(assets)} files"

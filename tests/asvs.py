"""Every line of the security list (OWASP ASVS 5.0, for a small dashboard), each an assertion over all routes.

The lines are in `asvs_lines/`, by idea; here they become a page. Run by `tests/acceptance/test_asvs.py`. Each check returns
its evidence in one sentence with counts; `docs/security.md` is written from them:
`python tests/asvs.py --write docs/security.md`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "acceptance"))

from asvs_lines import LINES, Line
from house import CONFIG, House

__all__ = ["HOUSE_CONFIG", "LINES", "PAGE", "Line", "opened", "page"]

HOUSE_CONFIG = CONFIG + '[web]\npublic_url = "https://jobs.example"\n'

PAGE = """# Security

Workaday's dashboard and API are closed from the first start. This page says how, and how each line is known: the table is
written by `tests/asvs.py`, which asks the running program and fails when a line does not hold. Its counts are of the day it
was last written; that every line still holds, in these words, is asked by the tests.

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
- Guesses slow down the address that they come from (`security.logins`, 5 a minute; of IPv6 its /64 network). Nobody is locked
  out by the guesses of others: a name is guarded against many addresses at once by a count ten times as large, which does not
  concern addresses from which that name came in within the last 90 days, and the link of `workaday open` is not counted.
  Behind a proxy this needs `web.trusted_proxies`; without it all visitors are one address.
- Every login, failure, refusal and act is in the audit with who and why.
- Values of names like `password` and passwords in addresses are masked: `security.mask`.

Report a weakness as [SECURITY.md](../SECURITY.md) says.

## Exceptions

- Without TLS (loopback only) the cookie has neither `Secure` nor `__Host-`: browsers refuse that prefix there.
- The one-time link is a secret in an address. It is worth nothing after its first use or five minutes.
- `Referrer-Policy` is `same-origin`: with `no-referrer` browsers send `Origin: null` with our own forms, and `Origin` is what
  an act is judged by where there is no `Sec-Fetch-Site`. Nothing is told to other sites either way.

## What no assertion shows

Of the items that concern a dashboard, these parts are not asked of the running program, and why:

| items | what | instead |
|---|---|---|
| 15.1.2 | no bill of materials is published | `Cargo.lock` names every crate with its checksum; the wheel requires no Python package |
| 15.2.1 | known weaknesses of the crates are not looked up by the tests: that needs the network | `make advisories` (cargo-deny), by hand; pip-audit would have nothing to look at |
| 1.3.6 | no name server that changes its answer was played | a name is looked up once, and the connection goes to the address that was judged: there is no second look-up to deceive |
| 15.4.1 | no model checker (loom, shuttle) runs over the threads | threads share locks, channels and counters of libraries; orders of events are played by the simulator, `make sim` |
| 15.4.2 | no lint asks for `openat2` | no request names a path (5.3.2); the store, its side files and its backups are made 0600, in a folder of the owner, never through a link |
| 16.4.2 | no log file has its mode judged | the program writes its log to stderr, and journald keeps it; logs of jobs are in the store, whose mode is judged |
| 16.5.4 | no request is known that makes the program panic | a unit test of `crates/workaday-web` panics on purpose: the answer says our mistake and an id, not the panic's words |
| 3.4.1 | TLS itself is not judged | the proxy in front ends it; without one only loopback is served |
| 15.2.2 | what many viewers cost the jobs is a measure, not an assertion | `bench/window.py`, in [Benchmarks](benchmarks.md) |

## Each line of OWASP ASVS 5.0 for a dashboard, and its evidence

| items | what holds | evidence |
|---|---|---|
"""


def page(house: House) -> str:
    rows = [f"| {one.items} | {one.says} | {one.check(house)} |\n" for one in LINES]
    return PAGE + "".join(rows)


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    """A house with people of every role, in a zone that is far from UTC and with a secret that is only the program's."""
    with House.living(folder, HOUSE_CONFIG, TZ="Pacific/Auckland", WORKADAY_SECRET_OPS="s3cret-of-the-program") as house:
        yield house


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as house:
        text = page(house)
    if "--write" in sys.argv:
        Path(sys.argv[sys.argv.index("--write") + 1]).write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()

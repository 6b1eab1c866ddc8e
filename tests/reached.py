"""Which codes were really met while tests ran, and whether every one was.

A test that only names a code proves nothing. So what makes an error notes its code: `WorkadayError` (tests/conftest.py), the
Rust constructors (`workaday_core::reached`, a feature of the tests), and the harness for what the program printed or stored.
`make test` names the file of the notes in `REACHED_CODES`, runs both suites and then `python tests/reached.py check`; without
the variable nothing is noted and nothing is asked, so a part of the suite runs as always.

A test whose error passes by none of these adds one line: `reached.note(error.code)`, or in Rust
`workaday_core::reached::note(code)`; `reached.scan(text)` takes what a program printed.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

CODES = frozenset(
    code
    for file in (Path(__file__).parents[1] / "python/workaday/codes").glob("*.json")
    for code in json.loads(file.read_text(encoding="utf-8"))
)
SHOWN = re.compile(r"""(?<=["'\[`])([a-z]+\.[a-z_]+)(?=["'\]`:])""")
"""A code as the program shows it: `error[a.b]`, JSON text, or at the start of a reason."""
OWED: dict[str, str] = {
    "web.no_randomness": "a kernel that gives no random bytes",
    "web.page_failed": "a page whose template cannot be written, which would be our mistake",
}
"""Codes without a test, and what it would take. Nothing is added here that can be reached."""
_noted: set[str] = set()
_open, _write, _close = os.open, os.write, os.close
"""Kept here: a test may have made the others fail."""


def note(code: str) -> None:
    """This code was met."""
    path = os.environ.get("REACHED_CODES")
    if path is None or code in _noted:
        return
    _noted.add(code)
    file = _open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        _write(file, f"{code}\n".encode())
    finally:
        _close(file)


def scan(text: str) -> None:
    """Every known code in what a program printed or stored."""
    if "REACHED_CODES" in os.environ:
        for code in set(SHOWN.findall(text)) & CODES:
            note(code)


def scan_page(text: str) -> None:
    """Every known code in what came over HTTP: a page shows it in a tag of its own."""
    if "REACHED_CODES" in os.environ:
        for code in set(re.findall(r"\b[a-z]+\.[a-z_]+\b", text)) & CODES:
            note(code)


def check(path: Path) -> int:
    """0 when each code was met."""
    met = set(path.read_text(encoding="utf-8").split()) if path.exists() else set[str]()
    missing = sorted(CODES - met - OWED.keys())
    for code in missing:
        print(f"no test has met `{code}`: provoke it, or remove it if nobody can meet it", file=sys.stderr)
    print(f"codes met by tests: {len(CODES) - len(missing)} of {len(CODES)}")
    return 1 if missing else 0


if __name__ == "__main__":
    if sys.argv[1:2] != ["check"] or "REACHED_CODES" not in os.environ:
        sys.exit("usage: REACHED_CODES=FILE python tests/reached.py check")
    sys.exit(check(Path(os.environ["REACHED_CODES"])))

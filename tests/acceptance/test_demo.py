"""The demo proves something only if it fails when the thing it proves is taken away."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Project, wait_until

SHOP = Path(__file__).parents[2] / "examples" / "shop"
CHECK = "        if not already_charged:"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns(".run", "__pycache__"))
    project = Project(root)
    yield project
    project.end_everything()


def test_the_demo_proves_one_effect_an_order(shop: Project) -> None:
    ended = shop.run(sys.executable, "demo.py", within=150)
    assert "✕" not in ended.out
    assert "exactly one charge each" in ended.out
    assert "kill -9" in ended.out
    assert "the nightly report says what the ledger says: 24 orders" in ended.out
    assert "the command task packed 24 invoices; its output is kept" in ended.out


def test_without_the_idempotency_check_the_proof_fails(shop: Project) -> None:
    jobs = shop.root / "jobs.py"
    source = jobs.read_text()
    assert source.count(CHECK) == 1
    jobs.write_text(source.replace(CHECK, "        if True:"))
    ended = shop.run(sys.executable, "demo.py", within=150, code=1)
    assert "charged not once: {7: 2}" in ended.out


def beside(shop: Project) -> list[int]:
    """Processes that work in the shop's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == shop.root.resolve():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def status(url: str) -> int:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_kept_open_it_answers_until_it_is_told_to_end(shop: Project, sign: signal.Signals) -> None:
    # In the background of a script, where Ctrl-C is ignored by what it starts.
    demo = shop.start("sh", "-c", "trap '' INT; exec \"$0\" demo.py", sys.executable, log="demo.log", KEEP="1")
    log = shop.root / "demo.log"
    wait_until(lambda: "Its dashboard, a link" in log.read_text(), within=120, what="it stays open", seen=log.read_text)
    said = log.read_text()
    [page] = re.findall(r"Still open: (http://\S+)", said)
    [link] = re.findall(r"within five minutes: (http://\S+)", said)
    assert demo.poll() is None
    assert status(page) == 200
    assert status(f"{link.partition('/login')[0]}/health") == 200
    assert status(link) in (200, 302, 303), "the link lets a person in"
    demo.send_signal(sign)
    assert demo.wait(60) == 0, log.read_text()
    assert beside(shop) == []

"""`make demo-release`: two releases on real traffic, a good one, and one with an N+1 query that is named and rolled back.

A service in a scratch repository of its own: uvicorn answers requests, `workaday up` runs the jobs that they enqueue.
It ends with exit code 0 only when the first change went out, the second one was called worse for the database calls of
its route, the code before it answers again, and nothing of it runs any more. Nothing here is changed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "workaday"
WATCH = os.environ.get("WATCH", "20s")
ITEMS = 60
EVERY = 0.03  # seconds between two requests
ROUTE = "GET /prices"

CONFIG = """
app = "jobs:app"
[worker]
processes = 2
grace = "2s"
[web]
bind = "127.0.0.1:0"
[release]
owner = "office@shop.example"
expects = "the prices of all items, with one look into the database"
checks = {{ compiles = "{python} -m py_compile jobs.py api.py" }}
deploy = ["sh", "deploy.sh"]
rollback = ["sh", "deploy.sh"]
health = "http://127.0.0.1:{port}/health"
watch = "{watch}"
on_worse = "rollback"
"""

JOBS = '''
from workaday import App

app = App("shop")


@app.task(owner="office@shop.example", expects="a line", rollback="nothing to undo", retry_safe=True)
def count_visit(items: int) -> int:
    """Somebody has seen the prices."""
    return items
'''

API = """
import sqlite3

import jobs
import workaday.fastapi
from fastapi import FastAPI

api = FastAPI(title="Shop")
workaday.fastapi.setup(api, jobs.app)


@api.get("/prices")
def prices() -> list[tuple[int, int]]:
    shop = sqlite3.connect("shop.db")
    try:
        QUERY
    finally:
        shop.close()
    jobs.count_visit.enqueue(len(rows))
    return rows
"""

FIRST = 'rows = shop.execute("SELECT id, cents FROM items").fetchall()'
GOOD = 'rows = shop.execute("SELECT id, cents FROM items ORDER BY id").fetchall()'
N_PLUS_ONE = (
    'rows = [shop.execute("SELECT id, cents FROM items WHERE id = ?", row).fetchone()\n'
    '                for row in shop.execute("SELECT id FROM items ORDER BY id").fetchall()]'
)

DEPLOY = """
git -c advice.detachedHead=false checkout -q "$WORKADAY_REVISION"
setsid {program} up >> up.log 2>&1 < /dev/null &
if [ -f web.pid ]; then
  kill -TERM "$(cat web.pid)"
  while kill -0 "$(cat web.pid)" 2> /dev/null; do sleep 0.1; done
fi
setsid {python} -m uvicorn api:api --port {port} --log-level warning >> web.log 2>&1 < /dev/null &
echo $! > web.pid
"""


def say(text: str) -> None:
    print(text, flush=True)


def wait_for(what: str, fact: Callable[[], bool], seconds: float = 30) -> None:
    ends = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > ends:
            raise SystemExit(f"✕ not within {seconds:g} s: {what}")
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Shop:
    """A repository with a service in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.port = root, free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WORKADAY_")}
        self.environment = {**kept, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "WORKADAY_PYTHON": sys.executable}
        words = {"program": PROGRAM, "python": sys.executable, "port": self.port, "watch": WATCH}
        (root / ".gitignore").write_text(".workaday/\n__pycache__/\n*.log\n*.pid\nshop.db*\n")
        (root / "workaday.toml").write_text(CONFIG.format(**words))
        (root / "deploy.sh").write_text(DEPLOY.format(**words))
        (root / "jobs.py").write_text(JOBS)
        with contextlib.closing(sqlite3.connect(root / "shop.db")) as shop, shop:
            shop.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, cents INTEGER)")
            shop.executemany("INSERT INTO items VALUES (?, ?)", [(n, n * 10) for n in range(ITEMS)])
        self.git("init", "-q")

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != code:
            logs = "\n".join(f"--- {path.name}\n{path.read_text()[-2000:]}" for path in sorted(self.root.glob("*.log")))
            raise SystemExit(f"✕ {' '.join(command)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}\n{logs}")
        return done.stdout

    def workaday(self, *words: str, code: int = 0) -> str:
        return self.run(str(PROGRAM), *words, code=code)

    def git(self, *words: str) -> str:
        return self.run("git", "-c", "user.name=shop", "-c", "user.email=office@shop.example", *words).strip()

    def commit(self, query: str, message: str) -> str:
        (self.root / "api.py").write_text(API.replace("QUERY", query))
        # Notes are left where they are: a committed one would go with the commit when an older one is put back.
        self.git("add", "-A", "--", ".", ":!releases")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def release(self, reason: str, *words: str, code: int = 0) -> dict[str, Any]:
        say(f"\n▶ workaday release run --reason '{reason}'")
        began = time.monotonic()
        done: dict[str, Any] = json.loads(self.workaday("release", "run", "--reason", reason, *words, "--json", code=code))
        for line in told(done):
            say(line)
        if done["rolled_back"]:
            say('  … and by the policy `on_worse = "rollback"`:')
            for line in told(done["rolled_back"]):
                say(line)
        say(f"  exit code {code}, after {time.monotonic() - began:.0f} s")
        return done

    def asked(self) -> int:
        """Asks for the prices as a customer does; the status, 0 while nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/prices")
            answer = connection.getresponse()
            return answer.status if len(json.loads(answer.read())) == ITEMS else -1
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def processes(self) -> list[int]:
        """Everything that works in this folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "cwd").readlink() == self.root and int(process.name) != os.getpid():
                    found.append(int(process.name))
        return found

    def close(self) -> None:
        """Ends what runs in this folder: asked first, then not asked."""
        subprocess.run([PROGRAM, "worker", "drain"], cwd=self.root, env=self.environment, capture_output=True, check=False)
        for sign, seconds in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
            ends = time.monotonic() + seconds
            while self.processes() and time.monotonic() < ends:
                time.sleep(0.05)


def told(release: dict[str, Any]) -> Iterator[str]:
    judgement = release["judgement"] or {"verdict": "not judged", "sentences": []}
    yield f"  release {release['release']}: {release['state']}, {judgement['verdict'].replace('_', ' ')}"
    for sentence in judgement["sentences"]:
        if f"{ROUTE}: database calls" in sentence:
            yield f"  {sentence}"


class Traffic(threading.Thread):
    """A customer a moment, whatever the answer."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(daemon=True)
        self.shop, self.ends = shop, threading.Event()
        self.answers: dict[int, int] = {}

    def run(self) -> None:
        while not self.ends.wait(EVERY):
            status = self.shop.asked()
            self.answers[status] = self.answers.get(status, 0) + 1


def proof(shop: Shop, commits: dict[str, str], worse: dict[str, Any], traffic: Traffic) -> list[tuple[bool, str]]:
    """Each line of the proof, and whether it holds."""
    back = worse["rolled_back"] or {"release": None, "state": "not tried"}
    named = [sentence for sentence in worse["judgement"]["sentences"] if sentence.startswith(f"{ROUTE}: database calls rose")]
    notes = {path.name: path.read_text() for path in sorted((shop.root / "releases").glob("*.md"))}
    tags = {name: shop.git("rev-parse", f"{name}^{{commit}}") for name in shop.git("tag").split()}
    wanted = {"release-0001": "first", "release-0002": "good", "release-0003": "worse", "release-0004": "good"}
    listed = {row["release"]: row for row in json.loads(shop.workaday("release", "list", "--json"))["releases"]}
    note = notes.get(f"{back['release'] or 0:04}-release-3-turned-out-worse.md", "")
    wrong = {status: n for status, n in traffic.answers.items() if status not in (0, 200)}
    return [
        (bool(named), f"the comparison names the route and what rose on it: {named[0] if named else 'nothing'}"),
        (bool(named) and "SELECT id, cents FROM items WHERE id = ?" in named[0], "it names the statement that the route repeats"),
        (
            back["state"] == "done" and "Undoes:** [release 0003](0003-" in note,
            f"the policy rolled it back: release {back['release']}, {back['state']}",
        ),
        (shop.git("rev-parse", "HEAD") == commits["good"], f"the code before it is in place again: {commits['good'][:12]}"),
        (shop.asked() == 200, "and it answers"),
        (len(notes) == 4, f"{len(notes)} notes: {', '.join(notes)}"),
        (tags == {name: commits[which] for name, which in wanted.items()}, f"tags at what was put in place: {', '.join(tags)}"),
        ([listed[n]["state"] for n in sorted(listed)] == ["done", "done", "worse", "done"], "`workaday release list` says the same"),
        (
            not wrong,
            f"{traffic.answers.get(200, 0)} requests answered meanwhile, none with an error, {traffic.answers.get(0, 0)} refused during restarts",
        ),
    ]


def play(shop: Shop) -> bool:
    commits = {"first": shop.commit(FIRST, "the prices")}
    shop.run(sys.executable, "-c", "import jobs; jobs.app.setup()")
    shop.release("the first one", "--watch", "0s")
    wait_for("the shop answers", lambda: shop.asked() == 200)
    traffic = Traffic(shop)
    traffic.start()
    try:
        wait_for("a few hundred requests were answered", lambda: traffic.answers.get(200, 0) >= 200)
        say(f"▶ the shop answers on http://127.0.0.1:{shop.port}/prices, a request every {EVERY * 1000:.0f} ms")
        commits["good"] = shop.commit(GOOD, "prices in order")
        shop.release("prices in order")
        commits["worse"] = shop.commit(N_PLUS_ONE, "a query an item")
        worse = shop.release("prices one by one", code=4)
        lines = proof(shop, commits, worse, traffic)
    finally:
        traffic.ends.set()
        traffic.join()
    say(f"\n{shop.workaday('release', 'list').rstrip()}\n\nThe note of the change that turned out worse:\n")
    say("\n".join(f"  {line}" for line in Path(worse["note"]).read_text().splitlines()))
    shop.close()
    left = shop.processes()
    lines.append((not left, "nothing of it runs any more" if not left else f"still running: {left}"))
    say("\nThe proof:")
    for holds, line in lines:
        say(f"  {'✓' if holds else '✕'} {line}")
    return all(holds for holds, _ in lines)


def main() -> int:
    root = Path(tempfile.mkdtemp(prefix="workaday-demo-")).resolve()
    shop = Shop(root)
    try:
        return 0 if play(shop) else 1
    finally:
        shop.close()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())

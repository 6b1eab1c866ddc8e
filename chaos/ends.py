"""Told to go at any moment: SIGTERM and SIGINT, once or twice, while it comes up, works, is asked, told and talked to.

One store for the whole run. A cycle enqueues jobs of every kind, starts `workaday up`, lets some of the disturbances loose
(a live page that stays open, half a request, a webhook that never answers, a backup, a reload, a service that hands over
figures, somebody who holds the store), and sends its signals at an instant that the seed chooses. Then: it ends within
`grace`, twice `kill_after` and 3 s, with exit code 0 (or by the signal, before it heard of any), and nothing of it runs any
more. At the end all jobs run out: each that was acknowledged is completed, and none has an attempt more than it needed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from chaos.frame import Run, main
from chaos.scene import program, scratch

GRACE, KILL_AFTER, LAST_WORDS = 0.3, 0.2, 3.0
BOUND_SECONDS = GRACE + 2 * KILL_AFTER + LAST_WORDS
LATE_SECONDS = 4.0
"""More than the promise, for a machine that does other things; a stuck end is cut after two of them."""
OUT_SECONDS = 60.0
TOLD_CHARS = 700
"""Of the end of a log, with a violation."""

CONFIG = f"""
app = "jobs:app"
database = "store/w.db"
[worker]
processes = 2
commands = 2
grace = "{round(GRACE * 1000)}ms"
kill_after = "{round(KILL_AFTER * 1000)}ms"
[web]
bind = "127.0.0.1:WEB"
[backup]
pages = 5
pause = "20ms"
[alerts]
allow_http = true
allow_private = true
[alerts.ops]
webhook = "http://127.0.0.1:SILENT/hook"
group = "0s"
[command.sleep]
run = ["sh", "-c", "test -e out || sleep 0.4; echo $WORKADAY_JOB_ID >> ended"]
ping = "http://127.0.0.1:SILENT/ping"
"""

JOBS = """
import asyncio, os, time
from workaday import App, Retry

app = App("ends")

@app.task
def quick() -> None:
    print("one line")

@app.task
def long() -> None:
    ends = time.monotonic() + (0 if os.path.exists("out") else 1.0)
    while time.monotonic() < ends:
        time.sleep(0.01)

@app.task
def stubborn() -> None:
    ends = time.monotonic() + (0 if os.path.exists("out") else 5.0)
    while time.monotonic() < ends:
        try:
            time.sleep(0.05)
        except BaseException:
            pass

@app.task
async def slow() -> None:
    await asyncio.sleep(0 if os.path.exists("out") else 1.0)

@app.task(retry=Retry(attempts=1))
def fails() -> None:
    raise ValueError("as it should: somebody is told")
"""

ENQUEUE = """
import json, sys, jobs
for line in sys.stdin:
    names = json.loads(line)
    print(json.dumps([str(getattr(jobs, name).enqueue().id) for name in names]), flush=True)
"""


class Stage:
    def __init__(self, run: Run, root: Path, hold_seconds: float) -> None:
        self.run, self.root, self.hold_seconds = run, root, hold_seconds
        self.chance = random.Random(run.seed)
        self.database = root / "store" / "w.db"
        self.database.parent.mkdir()
        self.silent = socket.create_server(("127.0.0.1", 0), backlog=512)  # takes connections, and never says a word
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.web = free.getsockname()[1]
        config = CONFIG.replace("WEB", str(self.web)).replace("SILENT", str(self.silent.getsockname()[1]))
        (root / "workaday.toml").write_text(config)
        (root / "jobs.py").write_text(JOBS)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WORKADAY_")}
        self.environment = {**kept, "WORKADAY_PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1", "CHAOS_ENDS": str(root)}
        self.client = subprocess.Popen(
            [sys.executable, "-c", ENQUEUE],
            cwd=root,
            env={**self.environment, "WORKADAY_DATABASE": str(self.database)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.acknowledged: dict[str, str] = {}
        self.up: subprocess.Popen[bytes] | None = None
        self.cookie = ""
        self.slowest = 0.0

    # ---- what it does ----

    def enqueue(self, *names: str) -> None:
        assert self.client.stdin
        assert self.client.stdout
        print(json.dumps(names), file=self.client.stdin, flush=True)
        self.acknowledged.update(zip(json.loads(self.client.stdout.readline()), names, strict=True))

    def start(self) -> None:
        with (self.root / "up.log").open("wb") as log:
            command = [program(), "up"]
            self.up = subprocess.Popen(command, cwd=self.root, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self) -> str:
        return (self.root / "up.log").read_text(errors="replace")

    def workaday(self, *words: str) -> str:
        return subprocess.run([program(), *words], cwd=self.root, env=self.environment, capture_output=True, text=True, check=True).stdout

    def log_in(self) -> None:
        """Once: the session lies in the store."""
        self.start()
        self.wait("the window is open", lambda: "listening on" in self.log())
        once = json.loads(self.workaday("open", "--json"))["url"].partition("once=")[2]
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=10)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        connection.request("POST", "/login", f"once={once}", headers)
        found = re.match(r"[^;]+", connection.getresponse().getheader("set-cookie") or "")
        self.cookie = found.group() if found else ""
        connection.close()
        with self.live():
            pass
        self.end([signal.SIGTERM], "log in")

    def wait(self, what: str, fact: Callable[[], bool]) -> None:
        ends = time.monotonic() + OUT_SECONDS
        while not fact():
            if time.monotonic() > ends:
                raise EndError(f"not within {OUT_SECONDS:g} s: {what}\n{self.log()[-TOLD_CHARS:]}")
            time.sleep(0.005)

    # ---- what happens meanwhile ----

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """A page that stays open, with changes streamed to it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=10)
        try:
            connection.request("GET", "/events", headers={"Cookie": self.cookie})
            answer = connection.getresponse()
            if answer.status != 200 or "event-stream" not in (answer.getheader("Content-Type") or ""):
                self.run.broke("a live page", [f"broken: it answers {answer.status} {answer.getheader('Content-Type')}"])
            yield
        except OSError:
            yield  # the window was not open yet, or no more
        finally:
            connection.close()

    @contextlib.contextmanager
    def half_a_request(self) -> Iterator[None]:
        with contextlib.ExitStack() as open_ones:
            for begun in (b"", b"GET / HT", b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonce="):
                with contextlib.suppress(OSError):
                    connection = open_ones.enter_context(socket.create_connection(("127.0.0.1", self.web), timeout=5))
                    connection.sendall(begun)
            yield

    @contextlib.contextmanager
    def backup(self) -> Iterator[None]:
        made = subprocess.Popen(
            [program(), "backup"], cwd=self.root, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        yield
        made.kill()
        made.wait()

    @contextlib.contextmanager
    def figures(self) -> Iterator[None]:
        ends = threading.Event()
        one = {"minute": int(time.time() // 60), "kind": "route", "name": "GET /", "count": 1}
        told = json.dumps({"v": 1, "release": "web", "series": [one]}).encode()

        def hand_over() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                while not ends.wait(0.0005):
                    with contextlib.suppress(OSError):
                        sender.sendto(told, f"{self.database}-measures")

        thread = threading.Thread(target=hand_over)
        thread.start()
        yield
        ends.set()
        thread.join()

    @contextlib.contextmanager
    def holder(self) -> Iterator[None]:
        """Somebody has the store, for a second; when planted, for longer than an end may take."""
        lets_go = threading.Event()

        def hold() -> None:
            with contextlib.closing(sqlite3.connect(self.database, isolation_level=None, timeout=5)) as store:
                with contextlib.suppress(sqlite3.OperationalError):
                    store.execute("BEGIN IMMEDIATE")
                lets_go.wait(self.hold_seconds)
                if store.in_transaction:
                    store.execute("ROLLBACK")

        thread = threading.Thread(target=hold)
        thread.start()
        yield
        lets_go.set()
        thread.join()

    # ---- the end ----

    def cycle(self) -> None:
        chance = self.chance
        names = ["quick", "long", "slow", "stubborn", "fails"]
        self.enqueue(*chance.choices(names, [6, 3, 3, 1, 1], k=chance.randrange(1, 8)))
        for _ in range(chance.randrange(3)):
            self.workaday("enqueue", "command.sleep")
        others = {
            "live": self.live,
            "half a request": self.half_a_request,
            "backup": self.backup,
            "figures": self.figures,
            "holder": self.holder,
        }
        chosen = chance.sample(sorted(others), chance.choice([0, 1, 1, 2, 3]))
        signals = chance.choice(
            [
                [signal.SIGTERM],
                [signal.SIGTERM],
                [signal.SIGINT],
                [signal.SIGTERM, signal.SIGTERM],
                [signal.SIGTERM, signal.SIGINT],
                [signal.SIGHUP, signal.SIGTERM],
                [signal.SIGTERM, signal.SIGHUP, signal.SIGTERM],
            ]
        )
        after = chance.uniform(0, 0.3) if chance.random() < 0.5 else chance.uniform(0.3, 2.0)
        where = f"seed {self.run.seed}, end {self.run.count}: {' '.join(s.name for s in signals)} after {after:.3f} s with {', '.join(chosen) or 'nothing'}"
        began = time.monotonic()
        self.start()
        with contextlib.ExitStack() as around:
            if after > 0.3:
                time.sleep(0.25)
            for name in chosen:
                around.enter_context(others[name]())
            time.sleep(max(0.0, began + after - time.monotonic()))
            self.end(signals, where)
        for name in chosen or ["nothing else"]:
            self.run.faults[name] += 1
        self.run.tried(" ".join(s.name for s in signals))

    def end(self, signals: list[signal.Signals], where: str) -> None:
        assert self.up
        asked = time.monotonic()
        for number, one in enumerate(signals):
            if number:
                time.sleep(self.chance.choice([0.0, 0.001, 0.1, 0.5]))
            if self.up.poll() is None:
                self.up.send_signal(one)
        try:
            code = self.up.wait(BOUND_SECONDS + LATE_SECONDS)
        except subprocess.TimeoutExpired:
            self.run.broke(where, [f"broken: it did not end within {BOUND_SECONDS + LATE_SECONDS:g} s\n{self.log()[-TOLD_CHARS:]}"])
            self.up.kill()
            self.up.wait()
            return
        self.slowest = max(self.slowest, time.monotonic() - asked)
        log = self.log()
        deaf = code in (-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP) and "is up on" not in log
        if code != 0 and not deaf:
            self.run.broke(where, [f"broken: exit code {code}\n{log[-TOLD_CHARS:]}"])
        if "panicked" in log:
            self.run.broke(where, [f"panics: {log[-TOLD_CHARS:]}"])
        if left := self.left():
            self.run.broke(where, [f"broken: still running: {left}"])

    def left(self) -> list[str]:
        """What runs in this folder, but the client and a backup."""
        mark, found = f"WORKADAY_DATABASE={self.database}".encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environ = (process / "environ").read_bytes().split(b"\0")
                if mark in environ and any(variable.startswith(b"WORKADAY_RUN=") for variable in environ):
                    found.append(f"{process.name} {(process / 'cmdline').read_bytes()!r}")
        return found

    def close(self) -> None:
        """All that was acknowledged runs out, and has cost nothing but what it failed by itself."""
        (self.root / "out").touch()
        self.start()
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as store:
            self.wait("no unfinished job", lambda: not store.execute("SELECT 1 FROM workaday_jobs LIMIT 1").fetchone())
            finished = dict(store.execute("SELECT id, state FROM workaday_finished"))
            states = {_uuid(key): state for key, state in finished.items()}
            for job, name in self.acknowledged.items():
                wanted = "discarded" if name == "fails" else "completed"
                if states.get(job) != wanted:
                    self.run.broke(f"job {job} ({name})", [f"lost: it is {states.get(job, 'not there')}, not {wanted}"])
            twice = "SELECT job FROM workaday_attempts WHERE outcome = 'completed' GROUP BY job HAVING count(*) > 1"
            self.run.broke("the attempts", [f"doubled: job {job} was completed twice" for (job,) in store.execute(twice)])
            spent = "SELECT count(*) FROM workaday_finished WHERE attempt > 1"
            if count := store.execute(spent).fetchone()[0]:
                self.run.broke("the attempts", [f"broken: {count} jobs were charged an attempt for an end"])
            found = store.execute("PRAGMA integrity_check").fetchone()[0]
            if found != "ok":
                self.run.broke("the file", [f"broken: {found}"])
        self.end([signal.SIGTERM], "the last end")


def _uuid(key: bytes) -> str:
    import uuid

    return str(uuid.UUID(bytes=key))


class EndError(Exception):
    """The supervisor did not do what it promises."""


def body(run: Run, arguments: argparse.Namespace) -> None:
    # Ignored, as a shell has it for what runs in the background, it would be handed down, and lost before it is listened for.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with scratch() as root:
        stage = Stage(run, root, arguments.hold)
        try:
            stage.log_in()
            while not run.is_over():
                stage.cycle()
            stage.close()
        except EndError as error:
            run.broke("the stage", [f"broken: {error}"])
        finally:
            if stage.up and stage.up.poll() is None:
                stage.up.kill()
                stage.up.wait()
            stage.client.kill()
            stage.client.wait()
            stage.silent.close()
        run.extra["jobs"] = len(stage.acknowledged)
        run.extra["slowest_s"] = round(stage.slowest, 1)


if __name__ == "__main__":
    sys.exit(main("ends", "ends", body, n=60, hold=1.0))

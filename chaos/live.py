"""A project with a running `workaday up`, real Python children and a client of its own, for the faults of a machine.

What the client was told goes into `told`; each job leaves a line in `ended` when it is through. `count` holds the store,
the lines and what was told against each other at the end.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from chaos import check
from chaos.frame import Run
from chaos.paths import new_ids
from chaos.scene import program
from chaos.told import Told

WAIT_SECONDS_MAX = 60.0

TASKS = """
import os
import select

from workaday import App, Retry, cron, every

app = App("live")
patient = Retry(attempts=20, base="500ms", backoff="fixed")


def through(one):
    file = os.open("ended", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, f"{one}\\n".encode())
    os.close(file)


@app.task(retry=patient)
def work(one: str) -> None:
    through(one)


@app.task(retry=patient)
def shaky(one: str) -> None:
    if not os.path.exists(f"tried-{one}"):
        open(f"tried-{one}", "w").close()
        raise RuntimeError("once")
    os.unlink(f"tried-{one}")
    through(one)


@app.task(retry=Retry(attempts=1), timeout="30s")
def long(one: str) -> None:
    select.select([], [], [], 0.5)  # time.sleep fails under libfaketime: EINVAL from its clock_nanosleep
    through(one)
"""

CLIENT = """
import json
import sys
from uuid import UUID

import jobs
from workaday.errors import OutcomeUnknown, WorkadayError

for line in sys.stdin:
    told = {}
    request = json.loads(line)
    for one in request["ids"]:
        try:
            getattr(jobs, request["task"]).options(id=UUID(one)).enqueue(one)
            told[one] = "done"
        except OutcomeUnknown as error:
            told[one] = f"unknown {error.code}"
        except WorkadayError as error:
            told[one] = f"refused {error.code}"
    print(json.dumps(told), flush=True)
"""

CONFIG = """
app = "jobs:app"
database = "store/w.db"
[worker]
processes = 2
commands = 2
grace = "1s"
kill_after = "500ms"
"""


class LiveError(Exception):
    """The supervisor did not do what it promises."""


class Live:
    """One project: what runs in it, and what its users were told."""

    def __init__(
        self, run: Run, root: Path, *, tasks: str = TASKS, config: str = CONFIG, environment: dict[str, str] | None = None
    ) -> None:
        self.run, self.root = run, root
        self.chance = random.Random(run.seed)
        self.store = root / "store"
        self.store.mkdir(parents=True)
        (root / "workaday.toml").write_text(config)
        (root / "jobs.py").write_text(tasks)
        (root / "client.py").write_text(CLIENT)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("WORKADAY_", "PYTEST_"))}
        # Any free port, for many run side by side; the interpreter that runs this has the package.
        own = {"WORKADAY_WEB_BIND": "127.0.0.1:0", "WORKADAY_PYTHON": sys.executable, "PYTHONPATH": str(root), "WORKADAY_RELEASE": "chaos"}
        self.environment = {**kept, **own, **(environment or {})}
        self.told = Told()
        self.ids = iter(new_ids(self.chance, 100_000))
        self.up: subprocess.Popen[bytes] | None = None
        self.client: subprocess.Popen[bytes] | None = None
        self.reader: sqlite3.Connection | None = None

    # ---- processes ----

    def start(self, *arguments: str, within: Callable[[], None] | None = None) -> None:
        """`workaday up`. `within` runs in the new process before the exec: where a limit is set, or a group entered."""
        with (self.root / "up.log").open("ab") as log:
            self.up = subprocess.Popen(
                [program(), "up", *arguments],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=within,  # noqa: PLW1509 - this process has no threads
            )

    def children(self) -> list[int]:
        """The supervisor's Python children."""
        assert self.up
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.up.pid and b"workaday._child" in Path(f"/proc/{entry}/cmdline").read_bytes():
                    found.append(int(entry))
            except OSError:
                continue  # it ended meanwhile
        return sorted(found)

    def start_client(self) -> None:
        with (self.root / "client.log").open("ab") as log:
            self.client = subprocess.Popen(
                [sys.executable, "client.py"],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def enqueue(self, task: str, count: int = 1) -> list[str]:
        """So many jobs, one after the other; those that were acknowledged. The answers go into `told`."""
        if self.client is None:
            self.start_client()
        assert self.client
        assert self.client.stdin
        assert self.client.stdout
        ids = [next(self.ids) for _ in range(count)]
        self.client.stdin.write(json.dumps({"task": task, "ids": ids}).encode() + b"\n")
        self.client.stdin.flush()
        if not select.select([self.client.stdout], [], [], WAIT_SECONDS_MAX)[0]:
            raise LiveError(f"a client waits for its answer since {WAIT_SECONDS_MAX:g} s: {self.words('client.log')}")
        line = self.client.stdout.readline()
        if not line:
            raise LiveError(f"a client ended with {self.client.wait()}: {self.words('client.log')}")
        told = json.loads(line)
        self.told.enqueued([one for one, said in told.items() if said == "done"])
        self.told.maybe.update(one for one, said in told.items() if said.startswith("unknown"))
        self.told.absent.update(one for one, said in told.items() if said.startswith("refused"))
        return [one for one, said in told.items() if said == "done"]

    def stop(self) -> None:
        """SIGTERM; it has to end by itself, with 0."""
        assert self.up
        self.up.send_signal(signal.SIGTERM)
        try:
            code = self.up.wait(WAIT_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise LiveError(f"it did not end within {WAIT_SECONDS_MAX:g} s of SIGTERM: {self.words()}") from None
        if code:
            raise LiveError(f"the supervisor ended with {code}: {self.words()}")

    def end(self) -> None:
        """Whatever happened: nothing of it is left running."""
        if self.reader:
            self.reader.close()
            self.reader = None
        for process in (self.client, self.up):
            if process and process.poll() is None:
                process.kill()
                process.wait()

    # ---- what is there ----

    def rows(self, sql: str, *values: object) -> list[tuple]:
        if self.reader is None:
            self.reader = sqlite3.connect(f"file:{self.store / 'w.db'}?mode=ro", uri=True, timeout=5, isolation_level=None)
        return self.reader.execute(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> int:
        return self.rows(sql, *values)[0][0]

    def ended(self) -> set[str]:
        """The jobs that are through; a line that a kill cut off says nothing."""
        file = self.root / "ended"
        return set(file.read_text().rpartition("\n")[0].split()) if file.exists() else set()

    def wait(self, fact: Callable[[], object], what: str, within: float = WAIT_SECONDS_MAX) -> None:
        ends = time.monotonic() + within
        while not fact():
            if self.up and self.up.poll() is not None:
                raise LiveError(f"the supervisor ended by itself with {self.up.returncode}: {self.words()}")
            if time.monotonic() > ends:
                raise LiveError(f"not within {within:g} s: {what}: {self.words()}")
            time.sleep(0.005)

    def wait_through(self, ids: Iterable[str], what: str, within: float = WAIT_SECONDS_MAX) -> None:
        """Each of these jobs has left its line."""
        wanted = set(ids)
        try:
            self.wait(lambda: wanted <= self.ended(), what, within)
        except LiveError as error:
            missing = sorted(wanted - self.ended())
            states = self.rows("SELECT task, state, held, run_at, attempt FROM workaday_jobs LIMIT 5")
            attempts = self.rows(
                "SELECT outcome, cause, error FROM workaday_attempts WHERE outcome <> 'completed' ORDER BY ended_at DESC LIMIT 3"
            )
            raise LiveError(f"{len(missing)} jobs are not through: {states}; {attempts}: {error}") from None

    def words(self, log: str = "up.log") -> str:
        file = self.root / log
        return file.read_text(errors="replace")[-900:] if file.exists() else ""

    # ---- the sum ----

    def count(self) -> None:
        """Holds the store, at rest, and the lines against what was told. Ticks are the harness's own matter."""
        self.end()
        seen, problems = check.look(self.store / "w.db")
        problems += check.hold(seen, self.told, has_minute_ticks=False)
        lines = self.ended()
        for one in self.told.present:
            states = seen.states.get(one) if seen else None
            if states == ["completed"] and one not in lines:
                problems.append(f"lost: job {one} is completed and left no line")
            elif states and states != ["completed"]:
                problems.append(f"broken: job {one} ended as {states}")
        if "panicked at" in (words := (self.root / "up.log").read_text(errors="replace")):
            problems.append(f"panics: {words[words.index('panicked at') :][:400]}")
        self.run.broke("at the end", problems)
        self.run.extra["acknowledged"] = len(self.told.present)

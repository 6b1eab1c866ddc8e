"""A scratch project with the installed wheel: its processes, its effects, its store.

Nothing here knows the insides of Workaday. A task leaves a line in an append-only file before and after its work, the
program is started and killed as a person would, and the store is read with `sqlite3` as any process may. Every wait is
for a fact and has a bound; what was seen until then is in the failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import reached

T = TypeVar("T")

POLL = 0.005
"""How often a fact is looked at again; waits end with the fact, never with the clock."""

EFFECTS = '''
import json, os, time

def effect(what, **fields):
    """One line, one write: what a task did, whoever dies afterwards."""
    line = json.dumps({"what": what, "at": time.monotonic(), "wall": time.time(), "pid": os.getpid(), **fields}) + "\\n"
    file = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
'''


class LateError(AssertionError):
    """A fact did not come true within its bound."""


def wait_until(fact: Callable[[], T], *, within: float, what: str, seen: Callable[[], str] | None = None) -> T:
    """The first true value of `fact`, or a failure that says what was waited for and what was seen."""
    ends = time.monotonic() + within
    while True:
        if value := fact():
            return value
        if time.monotonic() > ends:
            raise LateError(f"not within {within:g} s: {what}" + (f"\n{seen()}" if seen else ""))
        time.sleep(POLL)


def program() -> str:
    """The native program that came with the wheel."""
    path = Path(sysconfig.get_path("scripts")) / "workaday"
    assert path.exists(), f"{path} is missing: the tests need the installed wheel (make test-python)"
    return str(path)


@dataclass
class Finished:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines() if line.strip()]


@dataclass
class Project:
    """A folder with `workaday.toml`, task modules and a store, and the processes started in it."""

    root: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    extra_environment: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.root / ".workaday" / "workaday.db"

    @property
    def effects_file(self) -> Path:
        return self.root / "effects.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("WORKADAY_", "PYTEST_", "COV_"))}
        return {
            **kept,
            "EFFECTS": str(self.effects_file),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "WORKADAY_PYTHON": sys.executable,
            "WORKADAY_RELEASE": "test",
            "WORKADAY_WEB_BIND": "127.0.0.1:0",  # any free port: many of these run side by side
            **self.extra_environment,
        }

    def write(self, name: str, source: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    # ---- processes ---------------------------------------------------------------------------------------------

    def start(self, *command: str, log: str, **environment: str) -> subprocess.Popen[bytes]:
        """A process of the project in its own session; its output goes to the file `log`."""
        with (self.root / log).open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def run(self, *command: str, within: float = 60, code: int | None = 0, **environment: str) -> Finished:
        ended = subprocess.run(
            command,
            cwd=self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within,
            check=False,
        )
        finished = Finished(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
        reached.scan(finished.out + finished.err)
        if code is not None:
            assert finished.code == code, f"{command} ended with {finished.code}, not {code}\n{finished.out}{finished.err}"
        return finished

    def python(self, source: str, *arguments: str, within: float = 60, code: int | None = 0, **env: str) -> Finished:
        """Run a script in the project, as the user's web service or shell would."""
        return self.run(sys.executable, "-c", textwrap.dedent(source), *arguments, within=within, code=code, **env)

    def workaday(self, *arguments: str, within: float = 30, code: int | None = 0, **env: str) -> Finished:
        return self.run(program(), *arguments, within=within, code=code, **env)

    def up(self, target: str = "jobs:app", *arguments: str, **environment: str) -> Supervisor:
        log = f"up-{sum(1 for _ in self.root.glob('up-*.log'))}.log"
        wall, began = time.time(), time.monotonic()
        process = self.start(program(), "up", target, *arguments, log=log, **environment)
        return Supervisor(self, process, self.root / log, began, wall)

    def enqueue(self, expression: str, module: str = "jobs") -> list[str]:
        """Evaluate an expression that gives jobs (one or a list) and return their ids."""
        source = f"""
            import json
            from {module} import *
            jobs = {expression}
            jobs = jobs if isinstance(jobs, (list, tuple)) else [jobs]
            print(json.dumps([str(job.id) for job in jobs]))
        """
        return self.python(source).json

    def end_everything(self) -> None:
        """Kill what this project started and what those left behind."""
        for process in self.started:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
        for pid in processes_with(f"EFFECTS={self.effects_file}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.note_codes()

    def note_codes(self) -> None:
        """What its processes said, and which alerts and errors they stored."""
        for log in self.root.glob("*.log"):
            reached.scan(log.read_text(errors="replace"))
        with contextlib.suppress(sqlite3.Error):  # a test may have damaged its store, or never made one
            for row in self.rows("SELECT code FROM workaday_alerts"):
                reached.note(row["code"])
        with contextlib.suppress(sqlite3.Error):
            reached.scan(json.dumps(self.rows("SELECT reason FROM workaday_finished WHERE reason IS NOT NULL")))
            reached.scan(json.dumps(self.rows("SELECT error FROM workaday_attempts WHERE error IS NOT NULL")).replace('\\"', '"'))

    # ---- what happened -----------------------------------------------------------------------------------------

    def effects(self, what: str | None = None) -> list[dict[str, Any]]:
        """The lines the tasks left; a line cut by a kill in the middle of its write is not one yet."""
        if not self.effects_file.exists():
            return []
        whole = self.effects_file.read_bytes().rpartition(b"\n")[0]
        lines = [json.loads(line) for line in whole.splitlines()]
        return [line for line in lines if what in (None, line["what"])]

    def wait_effect(self, what: str, count: int = 1, within: float = 20) -> list[dict[str, Any]]:
        return wait_until(
            lambda: found if len(found := self.effects(what)) >= count else None,
            within=within,
            what=f"{count} effects `{what}` (there are {len(self.effects(what))})",
            seen=self.tell,
        )

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The store, read only: this process never checkpoints, writes or keeps a lock."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with self.reading() as connection:
            return [dict(row) for row in connection.execute(sql, values)]

    def one(self, sql: str, *values: Any) -> Any:
        with self.reading() as connection:
            row = connection.execute(sql, values).fetchone()
        return row[0] if row else None

    def job(self, job_id: str) -> dict[str, Any]:
        """The row of a job, unfinished or finished."""
        key = uuid.UUID(job_id).bytes
        with self.reading() as connection:
            connection.execute("BEGIN")  # one snapshot: a job that settles meanwhile is in one of the two
            for table in ("workaday_jobs", "workaday_finished"):
                if found := connection.execute(f"SELECT * FROM {table} WHERE id = ?", (key,)).fetchone():
                    return dict(found)
        raise AssertionError(f"job {job_id} is in no table: it was lost")

    def attempts(self, job_id: str) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM workaday_attempts WHERE job = ? ORDER BY fence", self.job(job_id)["key"])

    def outcomes(self, job_id: str) -> list[str]:
        return [attempt["outcome"] for attempt in self.attempts(job_id)]

    def log_text(self, job_id: str) -> str:
        lines = self.rows("SELECT text FROM workaday_logs WHERE job = ? ORDER BY fence, seq", self.job(job_id)["key"])
        return "\n".join(line["text"] for line in lines)

    def wait_state(self, job_id: str, *states: str, within: float = 20) -> dict[str, Any]:
        return wait_until(
            lambda: row if (row := self.job(job_id))["state"] in states else None,
            within=within,
            what=f"job {job_id} in {' or '.join(states)}",
            seen=self.tell,
        )

    def wait_held(self, job_id: str, code: str, within: float = 20) -> dict[str, Any]:
        return wait_until(
            lambda: row if (row := self.job(job_id)).get("held") == code else None,
            within=within,
            what=f"job {job_id} held as `{code}`",
            seen=self.tell,
        )

    def wait_all_finished(self, within: float = 30) -> None:
        wait_until(
            lambda: self.one("SELECT count(*) FROM workaday_jobs") == 0,
            within=within,
            what="no unfinished job",
            seen=self.tell,
        )

    def tell(self) -> str:
        """What a person would look at first when a wait was in vain."""
        told = []
        if self.database.exists():
            with contextlib.suppress(sqlite3.Error):
                told.append(f"unfinished: {self.rows('SELECT state, held, count(*) AS n FROM workaday_jobs GROUP BY 1, 2')}")
                told.append(f"finished: {self.rows('SELECT state, count(*) AS n FROM workaday_finished GROUP BY 1')}")
                told.append(f"attempts: {self.rows('SELECT outcome, count(*) AS n FROM workaday_attempts GROUP BY 1')}")
                told.append(f"first unfinished: {self.rows('SELECT * FROM workaday_jobs ORDER BY key LIMIT 3')}")
        for log in sorted(self.root.glob("*.log")):
            told.append(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
        return "\n".join(told)


@dataclass
class Supervisor:
    """A running `workaday up`."""

    project: Project
    process: subprocess.Popen[bytes]
    log: Path
    began: float
    began_wall: float

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_line(self, pattern: str, within: float = 15) -> re.Match[str]:
        return wait_until(
            lambda: re.search(pattern, self.output()),
            within=within,
            what=f"a line like /{pattern}/ from `workaday up`",
            seen=self.project.tell,
        )

    def wait_lock(self, within: float = 10) -> None:
        """The supervisor says who it is in the lock file once the store is its own."""
        lock = Path(f"{self.project.database}-lock")
        wait_until(
            lambda: lock.exists() and f"pid={self.pid}" in lock.read_text(),
            within=within,
            what="the supervisor's name in the lock file",
            seen=self.project.tell,
        )

    def children(self) -> list[int]:
        return [pid for pid in children_of(self.pid) if "workaday._child" in command_line(pid)]

    def wait_children(self, count: int = 1, within: float = 15) -> list[int]:
        return wait_until(
            lambda: found if len(found := self.children()) >= count else None,
            within=within,
            what=f"{count} children",
            seen=self.project.tell,
        )

    def kill(self) -> None:
        """kill -9: no goodbye."""
        self.process.kill()
        self.process.wait(10)

    def stop(self, within: float = 30) -> int:
        """SIGTERM and the exit code; a supervisor that does not end is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise LateError(f"`workaday up` did not end within {within:g} s of SIGTERM\n{self.project.tell()}") from None

    def wait_exit(self, within: float = 20) -> int:
        return self.process.wait(within)


# ---- /proc -----------------------------------------------------------------------------------------------------


def pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def parent_of(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1])


def children_of(pid: int) -> list[int]:
    return [other for other in pids() if parent_of(other) == pid]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Runs, and is no zombie that merely waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def processes_with(variable: str) -> list[int]:
    """Who carries `NAME=value` in its environment: found also when it left every group and session."""
    found = []
    for pid in pids():
        with contextlib.suppress(OSError):
            if variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and pid != os.getpid():
                found.append(pid)
    return found


def memory_kib(pid: int, name: str = "VmRSS") -> int:
    return int(re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1))  # type: ignore[union-attr]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def copy_store(source: Project, target: Project) -> None:
    """What `cp -a` of a folder, a container image or a restored VM does."""
    shutil.copytree(source.root / ".workaday", target.root / ".workaday", ignore=shutil.ignore_patterns("*-wake", "*-measures"))

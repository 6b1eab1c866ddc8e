"""The stage of a harness: scratch folders on a RAM disk, the preloaded seam, the processes that it drives."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.frame import ROOT

ANSWER_SECONDS_MAX = 60.0


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards. In memory where there is such a place: a harness makes very many small files."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="workaday-chaos-", dir=memory if memory.is_dir() else None))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def program() -> str:
    """The native program of the environment that runs this."""
    return os.environ.get("CHAOS_PROGRAM") or str(Path(sysconfig.get_path("scripts")) / "workaday")


def python_path(*first: Path) -> str:
    """Where Python finds this package, and what the environment names already."""
    return os.pathsep.join([*map(str, first), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def seam() -> Path:
    """The preloaded library, compiled when its source is newer than it."""
    source = ROOT / "chaos" / "seam.c"
    digest = hashlib.blake2b(source.read_bytes(), digest_size=6).hexdigest()
    target = ROOT / "build" / "chaos" / f"seam-{digest}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(f".{os.getpid()}")
        compiled = ["cc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(partial), str(source), "-ldl"]
        subprocess.run(compiled, check=True)
        partial.replace(target)
    return target


@dataclass(frozen=True)
class Fault:
    """What the seam does at which call on the store's files. `at=0`: nothing, it only counts."""

    at: int = 0
    act: str = "kill"
    always: bool = False
    lie: bool = False
    log: str = ""
    stall: str = ""

    def environment(self, folder: Path, count: Path) -> dict[str, str]:
        named = {"FOLDER": folder, "AT": self.at, "ACT": self.act, "ALWAYS": int(self.always), "LIE": int(self.lie), "COUNT": count}
        if self.log:
            named["LOG"] = self.log
        if self.stall:
            named["STALL"] = self.stall
        return {"LD_PRELOAD": str(seam()), **{f"SEAM_{name}": str(value) for name, value in named.items()}}


@dataclass(frozen=True)
class Ended:
    """A process that ended: how, what it said, how many calls it made on the store's files."""

    code: int
    answers: list[dict[str, Any]]
    errors: str
    calls: int
    pid: int = 0

    @property
    def was_killed(self) -> bool:
        return self.code == -9

    @property
    def panics(self) -> list[str]:
        """A panic of ours, or a Python error that is none of ours."""
        found = []
        if self.code in {101, -6, -11, -7} or "panicked at" in self.errors:
            found.append(f"panics: exit code {self.code}: {self.errors[-600:]}")
        elif "Traceback (most recent call last)" in self.errors:
            found.append(f"panics: {self.errors[-900:]}")
        return found


def whole_lines(text: bytes) -> list[dict[str, Any]]:
    """What was said completely; a line that a kill cut off was not said."""
    return [json.loads(line) for line in text.rpartition(b"\n")[0].splitlines()]


def run_engine(requests: list[dict[str, Any]], folder: Path, fault: Fault) -> Ended:
    """`workaday test-engine` with these requests under the seam, from start to end."""
    text = "".join(json.dumps(request) + "\n" for request in requests).encode()
    return run_program(["test-engine"], folder, fault, text)


def run_program(arguments: list[str], folder: Path, fault: Fault, text: bytes = b"") -> Ended:
    """The native program on the store in `folder` under the seam."""
    count = folder.with_name(f"{folder.name}.count")
    count.unlink(missing_ok=True)
    environment = {**os.environ, "WORKADAY_DATABASE": str(folder / "w.db"), **fault.environment(folder, count)}
    process = subprocess.Popen(
        [program(), *arguments], env=environment, cwd=folder.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        out, errors = process.communicate(text, timeout=ANSWER_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        return Ended(1, [], f"panics: no end within {ANSWER_SECONDS_MAX} s, panicked at nothing\n{errors.decode()}", 0)
    calls = int(count.read_text()) if count.exists() else 0
    answers = [] if arguments[0] != "test-engine" else whole_lines(out)
    return Ended(process.returncode, answers, errors.decode(errors="replace"), calls, process.pid)


class ClientServer:
    """A process that has the client loaded and forks a fresh one for each script: a point costs a fork, not a start."""

    def __init__(self, package: Path | None = None) -> None:
        environment = {**os.environ, "LD_PRELOAD": str(seam()), "PYTHONPATH": python_path(*([package] if package else []))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.drive"], env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, steps: list[dict[str, Any]], folder: Path, fault: Fault, *, patient: bool = False) -> None:
        """Begins a script; `finish` waits for its end. Between the two others may write to the same store."""
        assert self._process.stdin
        request = {"steps": steps, "folder": str(folder), "patient": patient, "seam": str(seam()), **fault.__dict__}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def finish(self) -> Ended:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the client server ended with {self._process.poll()}")
        answer = json.loads(line)
        said = Path(answer["said"])
        errors = Path(answer["errors"])
        ended = Ended(answer["code"], whole_lines(said.read_bytes()), errors.read_text(), answer["calls"], answer["pid"])
        said.unlink()
        errors.unlink()
        return ended

    def run(self, steps: list[dict[str, Any]], folder: Path, fault: Fault, *, patient: bool = False) -> Ended:
        self.start(steps, folder, fault, patient=patient)
        return self.finish()

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


class Engine:
    """A `workaday test-engine` that stays: opens store after store, to see what comes back after a fault."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, op: str, now: int, **fields: Any) -> dict[str, Any]:
        """The answer, or `{"panic": …}` when the process ended over the request."""
        if self._process is None:
            self._process = subprocess.Popen(
                [program(), "test-engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        try:
            self._process.stdin.write(json.dumps({"op": op, "now": now, **fields}).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            code, words = self._process.wait(), self._process.stderr.read().decode(errors="replace")
            self._process = None
            return {"ok": False, "panic": f"exit code {code}: {words[-600:]}"}
        return json.loads(line)

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate()


_numbers = itertools.count()


def copy_store(source: Path, parent: Path) -> Path:
    """A fresh copy of a folder under a name that was never used: SQLite's locks go by file."""
    target = parent / f"s{os.getpid()}-{next(_numbers)}"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-wake"))
    return target

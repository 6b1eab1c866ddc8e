"""Random and mutated input at the places where strangers write: cron, configuration, arguments, rows, log lines.

Each is refused with a code and an expectation, or taken. Nothing panics, no answer is empty, and nothing that a task
printed reaches a terminal as a control character. Seeds are in tests/corpora. Frames on the wire, and the rules that take
no file, have their own in Rust (`PROPTEST_CASES=100000 cargo nextest run -p workaday-wire -p workaday-core`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.app import EPOCH_US, catalogue
from chaos.frame import ROOT, Run, main
from chaos.paths import new_ids
from chaos.scene import ClientServer, Engine, Fault, copy_store, program, scratch

CORPORA = ROOT / "tests" / "corpora"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
HOSTILE = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\r",
    "\x00",
    "\u202e",
    "\x9b31m",
    "\ud7ff",
    "\uffff",
    "🜏" * 3,
    "a" * 20_000,
    "\n" * 5,
    "\x7f",
    '"',
    "'",
    "\\",
    "%s",
    "{}",
    "${x}",
]


class Fuzz:
    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.chance = root, random.Random(seed)
        self.cron = (CORPORA / "cron.txt").read_text().splitlines()
        self.configs = (CORPORA / "config.txt").read_text().split("%%\n")
        self.engine = Engine()
        self.store = self._store()
        self.targets: dict[str, Callable[[], list[str]]] = {
            "cron": self.by_cron,
            "configuration": self.by_config,
            "arguments": self.by_arguments,
            "row": self.by_row,
            "row again": self.by_row,
            "log line": self.by_log,
        }

    def _store(self) -> Path:
        folder = self.root / "base"
        folder.mkdir()
        client = ClientServer()
        client.run([{"do": "many", "ids": new_ids(self.chance, 4)}], folder, Fault())
        client.stop()
        self.engine.ask("open", EPOCH_US, database=str(folder / "w.db"), catalogue=catalogue(schedules=True))
        self.engine.ask("close", EPOCH_US)
        return folder

    # ---- input ----

    def text(self) -> str:
        kind = self.chance.randrange(3)
        if kind == 0:
            return "".join(
                chr(self.chance.choice((self.chance.randrange(128), self.chance.randrange(0xD800))))
                for _ in range(self.chance.randrange(30))
            )
        return "".join(self.chance.choice((*HOSTILE, "word ", "7", "-", "*")) for _ in range(self.chance.randrange(6)))

    def mutated(self, text: str) -> str:
        letters = list(text)
        for _ in range(self.chance.randrange(1, 5)):
            at = self.chance.randrange(len(letters) + 1)
            match self.chance.randrange(4):
                case 0 if letters:
                    del letters[min(at, len(letters) - 1)]
                case 1:
                    letters.insert(at, self.chance.choice('*/,-0123456789LW#?"[]{}=\n \x00é'))
                case 2:
                    piece = letters[at : at + self.chance.randrange(12)]
                    letters[at:at] = piece * self.chance.randrange(1, 4)
                case _:
                    letters = letters[:at] if self.chance.random() < 0.2 else letters
        return "".join(letters)

    def value(self, depth: int = 0) -> Any:
        kind = self.chance.randrange(9 if depth < 5 else 6)
        simple = (None, True, self.chance.randrange(-(2**70), 2**70), self.chance.uniform(-1e308, 1e308), self.text(), 7)
        if kind < 6:
            return simple[kind]
        if kind == 6:
            return [self.value(depth + 1) for _ in range(self.chance.randrange(4))]
        return {self.chance.choice(("n", "text", self.text())): self.value(depth + 1) for _ in range(self.chance.randrange(4))}

    # ---- targets ----

    def by_cron(self) -> list[str]:
        expression = self.mutated(self.chance.choice(self.cron)).replace("\x00", " ")
        return self.command(["cron", "next", "--json", "--", expression])

    def by_config(self) -> list[str]:
        # In a folder of its own: the other targets start where no configuration is found upwards.
        file = self.root / "configured" / "workaday.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(self.mutated(self.chance.choice(self.configs)), encoding="utf-8")
        return self.command(["--config", str(file), "--json", "status"])

    def by_arguments(self) -> list[str]:
        text = json.dumps(self.value()) if self.chance.random() < 0.7 else self.mutated('{"n": 1, "text": "x"}')
        return self.command(
            ["--database", str(self.store / "w.db"), "--json", "enqueue", "chaos.work", "--args", text.replace("\x00", " ")]
        )

    def by_row(self) -> list[str]:
        """A row with values that no version of ours writes; constraints are off, as damage does not ask for them."""
        folder = copy_store(self.store, self.root)
        connection = sqlite3.connect(folder / "w.db", isolation_level=None)
        connection.execute("PRAGMA ignore_check_constraints=1")
        tables = ["workaday_jobs", "workaday_jobs", "workaday_schedules", "workaday_tasks", "workaday_meta", "workaday_holds"]
        table = self.chance.choice(tables)
        columns = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({table})")]
        for _ in range(self.chance.randrange(1, 4)):
            name, kind = self.chance.choice(columns)
            value: Any = self.text()
            if kind == "INTEGER":
                value = self.chance.choice((-1, 0, 2**63 - 1, -(2**63), 10**18, self.chance.randrange(1000)))
            elif kind == "BLOB":
                value = self.chance.randbytes(self.chance.choice((0, 15, 16, 17)))
            elif kind == "REAL":
                value = self.chance.choice((1e308, -1.0, 0.5))
            try:
                connection.execute(
                    f"UPDATE {table} SET {name} = ? WHERE rowid IN (SELECT rowid FROM {table} LIMIT 1)"
                    if table == "workaday_jobs"
                    else f"UPDATE {table} SET {name} = ?",
                    (value,),
                )
            except sqlite3.Error:
                continue  # a key that must be unique, or not null
        connection.close()
        problems = self.by_engine(folder)
        if self.chance.random() < 0.2:
            for command in (["status"], ["job", "list"], ["schedule", "list"], ["task", "list"]):
                problems += self.command(["--database", str(folder / "w.db"), "--json", *command])
        shutil.rmtree(folder)
        return problems

    def by_engine(self, folder: Path) -> list[str]:
        now = EPOCH_US + 200_000_000
        answer = self.engine.ask("open", now, database=str(folder / "w.db"), catalogue=catalogue(schedules=True))
        for step in range(8):
            if not answer.get("ok"):
                break
            answer = self.engine.ask("claim", now + step)
            for job in answer.get("jobs", []):
                answer = self.engine.ask("outcome", now + step, seq=job["seq"], kind="completed", result=self.text())
        problems = answered(answer)
        if "panic" not in answer:
            self.engine.ask("close", now)
        return problems

    def by_log(self) -> list[str]:
        folder = copy_store(self.store, self.root)
        database = str(folder / "w.db")
        self.engine.ask("open", EPOCH_US, database=database, catalogue=catalogue(schedules=False))
        jobs = self.engine.ask("claim", EPOCH_US + 1).get("jobs", [])
        problems = []
        for job in jobs:
            lines = [{"stream": "stdout", "text": self.text(), "logger": self.text(), "level": self.text()} for _ in range(5)]
            problems += answered(self.engine.ask("log", EPOCH_US + 2, seq=job["seq"], lines=lines))
            answer = self.engine.ask(
                "outcome",
                EPOCH_US + 3,
                seq=job["seq"],
                kind="failed",
                error={"type": self.text(), "message": self.text(), "traceback": self.text()},
            )
            problems += answered(answer)
        self.engine.ask("close", EPOCH_US + 4)
        for command in (["logs"], ["job", "show", jobs[0]["id"]] if jobs else ["logs"]):
            problems += self.command(["--database", database, *command], shows_text=True)
        shutil.rmtree(folder)
        return problems

    def command(self, arguments: list[str], *, shows_text: bool = False) -> list[str]:
        ended = subprocess.run(
            [program(), *(argument.encode("utf-8", "replace") for argument in arguments)],
            cwd=self.root,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        out, errors = ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace")
        if ended.returncode in {101, -6, -11} or "panicked" in errors:
            return [f"panics: {arguments}: {ended.returncode} {errors[-400:]}"]
        problems = []
        if ended.returncode and not (out + errors).strip():
            problems.append(f"broken: {arguments} failed without a word: {ended.returncode}")
        if shows_text and (found := CONTROL.search(out)):
            problems.append(
                f"broken: {arguments} shows the control character {found[0]!r}: {out[max(0, found.start() - 60) : found.end() + 60]!r}"
            )
        return problems


def answered(answer: dict[str, Any]) -> list[str]:
    if "panic" in answer:
        return [f"panics: {answer['panic']}"]
    error = answer.get("error")
    if error is not None and not (error.get("code") and error.get("expected")):
        return [f"broken: an error without code or expectation: {error}"]
    return []


def body(run: Run, _arguments: argparse.Namespace) -> None:
    with scratch() as root:
        fuzz = Fuzz(root, run.seed)
        names = list(fuzz.targets)
        while not run.is_over():
            name = names[run.count % len(names)]
            problems = fuzz.targets[name]()
            run.tried(name.removesuffix(" again"))
            run.broke(f"seed {run.seed}, input {run.count}, {name}", problems)
        fuzz.engine.stop()


if __name__ == "__main__":
    sys.exit(main("fuzz", "inputs", body, n=1_000))

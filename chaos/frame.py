"""What every harness has in common: its arguments, its deadline, its counts, its line in the ledger, its exit code."""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEDGER = ROOT / "docs" / "reliability-ledger.jsonl"
SHOWN_MAX = 20


class Run:
    """One run of one harness: what it tried and what broke."""

    def __init__(self, harness: str, unit: str, seed: int, n: int, seconds: float) -> None:
        self.harness, self.unit, self.seed, self.n = harness, unit, seed, n
        self.began = time.monotonic()
        self.deadline = self.began + seconds
        # As it was loaded: the tree may change during a long run.
        self.revision = revision()
        self.count = 0
        self.faults: collections.Counter[str] = collections.Counter()
        self.result: collections.Counter[str] = collections.Counter(lost=0, doubled=0, panics=0, broken=0)
        self.extra: dict[str, object] = {}
        self.told: list[str] = []
        self.first = False
        """Stop at the first violation."""

    def is_over(self) -> bool:
        """Enough was tried, or the time is up."""
        if self.first and self.told:
            return True
        return (self.n > 0 and self.count >= self.n) or time.monotonic() > self.deadline

    def tried(self, fault: str, times: int = 1) -> None:
        self.count += times
        self.faults[fault] += times

    def broke(self, where: str, violations: list[str]) -> None:
        """Each violation opens with its kind: `lost: …`, `doubled: …`, `panics: …`, anything else is `broken`."""
        for violation in violations:
            kind = violation.partition(":")[0]
            self.result[kind if kind in self.result else "broken"] += 1
            self.told.append(f"{where}: {violation}")
            if len(self.told) <= SHOWN_MAX:
                print(f"BROKEN {where}: {violation}"[:1_000], flush=True)

    def line(self) -> dict[str, object]:
        return {
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
            "revision": self.revision,
            "harness": self.harness,
            "count": self.count,
            "unit": self.unit,
            "faults": dict(sorted(self.faults.items())),
            "result": dict(self.result),
            "seed": self.seed,
            "seconds": round(time.monotonic() - self.began, 1),
            **self.extra,
        }

    def close(self) -> int:
        """Prints the counts, writes the ledger's line when asked to, and gives the exit code."""
        line = self.line()
        print(json.dumps(line), flush=True)
        if os.environ.get("WORKADAY_LEDGER") == "1" and self.count:
            append(line)
        if not self.count:
            print(f"{self.harness}: nothing was tried, which proves nothing", file=sys.stderr)
            return 1
        return 1 if self.told else 0


def append(line: dict[str, object]) -> None:
    """One line, one write: harnesses that run at the same time do not mix theirs."""
    with LEDGER.open("ab", buffering=0) as ledger:
        ledger.write(json.dumps(line).encode() + b"\n")


def revision() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--", "crates", "python", "chaos")
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + ("+dirty" if changed else "")


def main(harness: str, unit: str, body: Callable[[Run, argparse.Namespace], None], *, n: int, **options: object) -> int:
    """Reads `--seed`, `--n`, `--seconds` (and the harness's own options), runs the body, and tells."""
    parser = argparse.ArgumentParser(prog=f"python -m chaos.{harness}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=n, help=f"how many {unit} (0: until the time is up; default {n})")
    parser.add_argument("--seconds", type=float, default=86_400.0, help="stop trying after this long")
    parser.add_argument("--first", action="store_true", help="stop at the first violation")
    for name, value in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    arguments = parser.parse_args()
    run = Run(harness, unit, arguments.seed, arguments.n, arguments.seconds)
    run.first = arguments.first
    body(run, arguments)
    return run.close()

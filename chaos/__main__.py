"""`python -m chaos`: every harness in turn, within a budget. `--hours 8` at night, `--minutes 3` in `make test`.

What is spent where stands in SHARES. A harness that is through with all its points gives the rest of its time back to
those after it. At the end one table: what was tried, how fast, what broke. Exits 1 when one of them did.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time

from chaos import clock, sim
from chaos.frame import ROOT

SHARES: dict[str, tuple[float, list[str]]] = {
    "sim": (0.10, []),
    "kill_sweep": (0.10, []),
    "power_loss": (0.27, ["--n", "0", "--workloads", "1000000"]),
    "io_errors": (0.12, []),
    "corrupt": (0.07, ["--n", "0", "--ups", "20"]),
    "kills": (0.07, ["--n", "0"]),
    "zombie": (0.02, ["--n", "0"]),
    "ends": (0.05, ["--n", "0"]),
    "clock": (0.05, ["--n", "0"]),
    "exhaust": (0.03, ["--n", "0"]),
    "oom": (0.02, ["--n", "0"]),
    "backups": (0.04, ["--n", "0"]),
    "fuzz": (0.05, ["--n", "0"]),
    "http": (0.03, ["--n", "0"]),
    "storm": (0.0, ["--n", "0"]),
    "faults": (0.0, []),
}
WITHOUT_SHARE = {"storm": 1800.0, "faults": 1800.0}
"""In a long run they have this many seconds at most beside the shares; in a short one they are `make test`'s own."""
LONG_SECONDS = 1800.0
SHORT = {"kill_sweep": ["--points", "12"], "io_errors": ["--points", "3"]}
"""For a budget under half an hour: some points of every path, others for another seed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--hours", type=float)
    budget.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, help="chosen by chance, and printed, unless given")
    parser.add_argument("--only", default="", help="these harnesses, by comma; their shares grow accordingly")
    arguments = parser.parse_args()
    seconds = arguments.hours * 3600 if arguments.hours else arguments.minutes * 60
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    shares = {name: share for name, share in SHARES.items() if not arguments.only or name in arguments.only.split(",")}
    if not shares:
        parser.error(f"--only takes some of {', '.join(SHARES)}")
    print(f"chaos: {seconds:.0f} s, seed {seed}", flush=True)
    if "sim" in shares and not lack("sim"):
        sim.built()  # not within its time, nor within the budget
    failed, lines = [], []
    ends, left = time.monotonic() + seconds, sum(share for share, _ in shares.values())
    for name, (share, options) in shares.items():
        if not share and seconds < LONG_SECONDS and not arguments.only:
            continue
        if missing := lack(name):
            print(f"{name}: not tried: {missing}", flush=True)
            left -= share
            continue
        mine = (ends - time.monotonic()) * share / left if share else WITHOUT_SHARE[name]
        left -= share
        command = [sys.executable, "-m", f"chaos.{name}", "--seed", str(seed), "--seconds", str(max(5.0, mine)), *options]
        if seconds < LONG_SECONDS:
            command += SHORT.get(name, [])
        code, told = follow(command)
        lines += told
        if code:
            failed.append(name)
    print(f"\n{table(lines)}", flush=True)
    if failed:
        print(f"chaos: broken in {', '.join(failed)}; the same again: python -m chaos.{failed[0]} --seed {seed}", file=sys.stderr)
    return 1 if failed else 0


def lack(name: str) -> str:
    """What this machine lacks for a harness, or nothing. Alone, such a harness fails; among others it is named."""
    if name == "clock" and clock.library() is None:
        return "libfaketime is missing (apt-get install libfaketime)"
    if name == "sim" and not (os.environ.get("CHAOS_SIM") or shutil.which("cargo")):
        return "there is no cargo to build it"
    return ""


def follow(command: list[str]) -> tuple[int, list[dict]]:
    """Runs a harness, shows what it says as it says it, and gives its exit code and its counts."""
    told = []
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    for line in process.stdout:
        print(line, end="", flush=True)
        if line.startswith('{"') and '"harness"' in line:
            told.append(json.loads(line))
    return process.wait(), told


def table(lines: list[dict]) -> str:
    """What a note wants: one row a harness."""
    rows = ["| harness | tried | a second | lost | doubled | panics | otherwise broken |", "|---|---:|---:|---:|---:|---:|---:|"]
    for line in lines:
        result = line["result"]
        other = sum(count for kind, count in result.items() if kind not in {"lost", "doubled", "panics"})
        rate = line["count"] / max(line["seconds"], 0.1)
        rows.append(
            f"| {line['harness']} | {line['count']:,} {line['unit']} | {rate:,.3g} "
            f"| {result['lost']} | {result['doubled']} | {result['panics']} | {other} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())

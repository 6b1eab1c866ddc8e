"""`python -m chaos`: every harness in turn, within a budget. `--hours 8` at night, `--minutes 3` in `make test`.

What is spent where stands in SHARES. A harness that is through with all its points gives the rest of its time back to
those after it. Exits 1 when one of them did.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time

from chaos.frame import ROOT

SHARES: dict[str, tuple[float, list[str]]] = {
    "kill_sweep": (0.14, []),
    "power_loss": (0.36, ["--n", "0", "--workloads", "1000000"]),
    "io_errors": (0.16, []),
    "corrupt": (0.12, ["--n", "0", "--ups", "20"]),
    "kills": (0.10, ["--n", "0"]),
    "zombie": (0.02, ["--n", "0"]),
    "fuzz": (0.10, ["--n", "0"]),
    "faults": (0.0, []),
}
SHORT = {"kill_sweep": ["--points", "12"], "io_errors": ["--points", "3"]}
"""For a budget under half an hour: some points of every path, others for another seed."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--hours", type=float)
    budget.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, help="chosen by chance, and printed, unless given")
    arguments = parser.parse_args()
    seconds = arguments.hours * 3600 if arguments.hours else arguments.minutes * 60
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    print(f"chaos: {seconds:.0f} s, seed {seed}", flush=True)
    failed, ends, left = [], time.monotonic() + seconds, sum(share for share, _ in SHARES.values())
    for name, (share, options) in SHARES.items():
        if not share and seconds < 1800:
            continue  # `make test` runs those tests by themselves
        mine = (ends - time.monotonic()) * share / left if share else 1800.0
        left -= share
        command = [sys.executable, "-m", f"chaos.{name}", "--seed", str(seed), "--seconds", str(max(5.0, mine)), *options]
        if seconds < 1800:
            command += SHORT.get(name, [])
        if subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode:
            failed.append(name)
    if failed:
        print(f"chaos: broken in {', '.join(failed)}; the same again: python -m chaos.{failed[0]} --seed {seed}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

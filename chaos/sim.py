"""The simulator, as one harness among the others: `workaday-sim`, which is Rust, on seeds that follow from this run's.

CHAOS_SIM names one that is built; else cargo builds it first, which does not count as its time. It prints its own counts
and writes its own line into the ledger.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys

from chaos.frame import ROOT

STEPS = 300
SEEDS_A_RUN = 1_000_000_000
"""Room between the seeds of two runs: no life is counted twice."""


def built() -> str | None:
    """The program, or `None` where nothing can build it."""
    if named := os.environ.get("CHAOS_SIM"):
        return named
    if not shutil.which("cargo"):
        return None
    cargo = ["cargo", "build", "--quiet", "--release", "--locked", "--package", "workaday-testkit", "--bin", "workaday-sim"]
    subprocess.run(cargo, cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release", "workaday-sim")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.sim")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--n", type=int, default=0, help="how many lives (0: until the time is up)")
    parser.add_argument("--seconds", type=float, default=60.0, help="stop trying after this long")
    parser.add_argument("--store", default="model", help="model, memory or file")
    arguments = parser.parse_args()
    program = built()
    if program is None:
        print("sim: neither CHAOS_SIM nor cargo: nothing was tried, which proves nothing", file=sys.stderr)
        return 1
    first = arguments.seed * SEEDS_A_RUN
    command = [program, "--seeds", f"{first}..{first + (arguments.n or SEEDS_A_RUN)}", "--steps", str(STEPS)]
    command += ["--seconds", str(max(1, int(arguments.seconds))), "--store", arguments.store, "--keep-going"]
    return subprocess.run(command, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())

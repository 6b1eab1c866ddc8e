"""kill -9 of supervisors, of Python children and of enqueuers under load: the storms of tests/acceptance/test_kills.py, counted.

A storm that ended without a word counts nothing. Its jobs are Python tasks, sync and async, a hundred in flight; `kills`
is the same with commands, which makes many more kills in the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys

from chaos.frame import ROOT, Run, main

TOLD = re.compile(r"^\.?kills of ([\w ]+), seed \d+: (\{.*\})$", re.MULTILINE)
KILLS_A_STORM = 25


def body(run: Run, arguments: argparse.Namespace) -> None:
    rescued, slowest, acknowledged = 0, 0.0, 0
    number = 0
    while not run.is_over():
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        asked = {"KILLS": str(arguments.kills), "SEEDS": "1", "STORM_SEED": str(run.seed * 1_000 + number), "LONG_SECONDS": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/acceptance/test_kills.py"]
        ended = subprocess.run(command, cwd=ROOT, env={**kept, **asked}, capture_output=True, text=True)
        for target, text in TOLD.findall(ended.stdout):
            counts = json.loads(text)
            run.tried(f"{target} killed", counts["kills"])
            rescued, slowest = rescued + counts["rescued"], max(slowest, counts["slowest_rescue_seconds"])
            acknowledged += counts["acknowledged"]
        if ended.returncode:
            lines = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "E  "))]
            run.broke(f"storm seed {asked['STORM_SEED']}", [f"broken: {line}" for line in lines[:5] or [ended.stdout[-500:]]])
            break
        number += 1
    run.extra.update(acknowledged=acknowledged, rescued=rescued, slowest_rescue=slowest)


if __name__ == "__main__":
    sys.exit(main("storm", "kills", body, n=75, kills=KILLS_A_STORM))

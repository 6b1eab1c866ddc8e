"""Hostile HTTP requests at a running dashboard: half of them from somebody who is let in and names a right host.

The requests are those of tests/hostile_http.py. None may be answered by a failure of the program, none may hang, and it
lives afterwards. 503 says that the store is busy or too much waits: an answer, counted apart.
"""

from __future__ import annotations

import argparse
import re
import sys

from chaos.frame import ROOT, Run, main
from chaos.scene import scratch

for folder in (ROOT / "tests", ROOT / "tests" / "acceptance"):
    sys.path.insert(0, str(folder))

BATCH = 500


def body(run: Run, arguments: argparse.Namespace) -> None:
    # The tests' own house and requests; they need the wheel and nothing else.
    import hostile_http
    from house import House

    with scratch() as root, House.living(root) as house:
        try:
            while not run.is_over():
                seed = run.seed * 1_000 + run.count // BATCH
                if arguments.plant == "dies":
                    house.supervisor.kill()
                seen, wrong = hostile_http.attack(house, min(BATCH, run.n or BATCH), seed)
                for kind, number in seen.items():
                    run.tried("let in" if kind.startswith("let in") else "stranger", number)
                failed = [
                    f"broken: {number} times {kind}" for kind, number in seen.items() if re.search(r" 5\d\d$", kind) and "503" not in kind
                ]
                run.broke(f"seed {seed}", [f"broken: {told}" for told in wrong[:5]] + failed)
                if house.ask("GET", "/health").status != 200:
                    run.broke(f"seed {seed}", ["broken: /health does not answer 200 any more"])
                if run.told:
                    break
        except OSError as error:
            run.broke(f"seed {run.seed}", [f"panics: the dashboard does not answer any more: {error}"])


if __name__ == "__main__":
    sys.exit(main("http", "requests", body, n=2_000, plant=""))

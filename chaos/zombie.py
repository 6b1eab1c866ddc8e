"""A supervisor that was stopped, taken for dead, and comes back: its late outcomes and its ticks must be refused.

Two engines on one store, as when the lock of the first was lost: the first claims; the second takes over, gives the jobs
back and claims them itself; then both go on, in an order that the seed chooses. An outcome of the first is stale, whatever
the second has done meanwhile; a tick is decided once, by whichever came first.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
from pathlib import Path
from typing import Any

from chaos import check
from chaos.app import EPOCH_US, MINUTE_US, catalogue
from chaos.frame import Run, main
from chaos.paths import Paths
from chaos.scene import Engine, copy_store, scratch


def body(run: Run, _arguments: argparse.Namespace) -> None:
    chance = random.Random(run.seed)
    with scratch() as root:
        paths = Paths(root, run.seed)
        old, new = Engine(), Engine()
        while not run.is_over():
            folder = copy_store(paths.base, root)
            told = paths.told_of_base()
            problems = cycle(old, new, folder, chance)
            seen, more = check.look(folder / "w.db")
            run.tried("zombie outcome")
            run.broke(f"seed {run.seed}, cycle {run.count}", problems + more + check.hold(seen, told))
            shutil.rmtree(folder)
        paths.client.stop()
        old.stop()
        new.stop()


def cycle(old: Engine, new: Engine, folder: Path, chance: random.Random) -> list[str]:
    now = EPOCH_US + 1_000_000
    opening = {"database": str(folder / "w.db"), "catalogue": catalogue(schedules=True)}
    old.ask("open", now, **opening)
    claimed = old.ask("claim", now)["jobs"]
    new.ask("open", now + 1, **opening)
    new.ask("rescue", now + 2)
    taken = claim_same(new, claimed[0]["id"], now + 3)
    if taken is None:
        old.ask("close", now)
        new.ask("close", now)
        return ["lost: the job of the first was not given to the second"]
    late = lambda: finish(old, claimed[0], now + 4, must_be_stale=True)  # noqa: E731 - two acts, in an order chosen below
    right = lambda: finish(new, taken, now + 5, must_be_stale=False)  # noqa: E731
    ticks = [lambda: tick(old, now + MINUTE_US), lambda: tick(new, now + MINUTE_US)]
    acts = [late, right, *ticks]
    chance.shuffle(acts)
    problems = [problem for act in acts for problem in act()]
    for engine in (old, new):
        engine.ask("close", now)
    return problems


def claim_same(engine: Engine, wanted: str, now: int) -> dict[str, Any] | None:
    """The second runs what comes, until the job of the first is given to it."""
    for _ in range(20):
        for job in engine.ask("claim", now).get("jobs", []):
            if job["id"] == wanted:
                return job
            engine.ask("outcome", now, seq=job["seq"], kind="completed", result=1)
    return None


def finish(engine: Engine, job: dict[str, Any], now: int, *, must_be_stale: bool) -> list[str]:
    answer = engine.ask("outcome", now, seq=job["seq"], kind="completed", result=1)
    if "panic" in answer:
        return [f"panics: {answer['panic']}"]
    if must_be_stale and answer.get("ok") and not answer.get("stale"):
        return [f"doubled: the outcome of a claim that was taken back was believed: {answer}"]
    if not must_be_stale and (answer.get("stale") or not answer.get("ok")):
        return [f"lost: the outcome of the claim that holds was refused: {answer}"]
    return []


def tick(engine: Engine, now: int) -> list[str]:
    """Either decides what is due or finds it decided; a refusal with a code is fine, a panic is not."""
    answer = engine.ask("claim", now, limit=1)
    return [f"panics: {answer['panic']}"] if "panic" in answer else []


if __name__ == "__main__":
    sys.exit(main("zombie", "cycles", body, n=300))

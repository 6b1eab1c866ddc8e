"""Power loss at every sync: rebuilds what a disk could hold, from a log of real writes, and opens each of these images.

A workload runs for real while the seam writes down every write with its data, every sync, truncation and name. Then, at
each sync (before it and after it) and at each word a user was told, images are made: nothing of what was not synced
reached the disk, everything did, or any choice of its 512-byte sectors, truncations and names did. In every one of them
all that had been acknowledged by then must be there. Images are counted once by their content.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos import check, seam_log, workloads
from chaos.frame import Run, main
from chaos.paths import recover
from chaos.scene import ClientServer, Engine, scratch
from chaos.seam_log import Disk
from chaos.told import Told
from chaos.workloads import Followed, Workload

RECOVERED_SHARE = 0.002
"""How many images are also opened by the program, which runs what is left; the others are read by SQLite alone: every row, and one in
eight with an integrity check."""


def body(run: Run, arguments: argparse.Namespace) -> None:
    chance = random.Random(run.seed)
    made = two_writers = 0
    seen: set[bytes] = set()
    with scratch() as root:
        client = ClientServer(Path(arguments.package) if arguments.package else None)
        engine = Engine()
        while not run.is_over() and made < arguments.workloads:
            has_two = made % 2 == 1
            share = max(1, (run.n - run.count) // max(1, arguments.workloads - made)) if run.n else sys.maxsize
            workload = workloads.play(root, random.Random(chance.random()), client, has_two=has_two, lie=bool(arguments.lie))
            for problem in workload.problems:
                run.broke(f"workload {made}", [problem])
            made, two_writers = made + 1, two_writers + has_two
            crash(run, workload, root, engine, random.Random(chance.random()), share, arguments.per_point, seen)
            shutil.rmtree(workload.folder)
            shutil.rmtree(workload.start)
        client.stop()
        engine.stop()
    run.extra.update(workloads=made, two_writers=two_writers)


@dataclass
class Point:
    """A moment at which the power may go: the disk, and what had been told by then."""

    disk: Disk
    told: Told


def points(workload: Workload) -> Iterator[Point]:
    """Every sync's two sides, and every word said. Reads the log once, from the start of the workload to its end."""
    disk, followed = workload.disk, Followed(workload)
    for record in seam_log.read(workload.log):
        if record.what == "E":  # what was pending at its begin is still pending here
            yield Point(disk, followed.told)
        disk.apply(record)
        if record.what == "A":
            followed.said(record.pid, record.data)
        if record.what in "EAUR":
            yield Point(disk, followed.told)
    yield Point(disk, followed.told)


def crash(
    run: Run, workload: Workload, root: Path, engine: Engine, chance: random.Random, share: int, per_point: int, seen: set[bytes]
) -> None:
    total = 1 + sum({"E": 2, "A": 1, "U": 1, "R": 1}.get(record.what, 0) for record in seam_log.read(workload.log))
    each = max(per_point, share // max(1, total)) if share < sys.maxsize else per_point
    for number, point in enumerate(points(workload)):
        tries = 2 + each if point.disk.is_pending() else 2
        for index in range(tries):
            if run.is_over():
                return
            how = ("none", "all")[index] if index < 2 else "random"
            image = point.disk.image(how, chance)
            digest = hashed(image)
            if digest in seen:
                continue
            seen.add(digest)
            run.tried("two writers" if workload.has_two else "one writer")
            where = f"seed {run.seed}, workload {workload.name}, point {number} of {total}, {how}"
            is_recovered = chance.random() < RECOVERED_SHARE
            run.broke(
                where,
                look_at(image, point.told, root, f"i{run.count}", engine if is_recovered else None, deep=index < 2 or run.count % 8 == 0),
            )
            if run.result["broken"] + run.result["lost"] > 200:
                return


def hashed(image: dict[str, bytearray]) -> bytes:
    digest = hashlib.sha1(usedforsecurity=False)  # several times as fast as the others where the processor knows it
    for name in sorted(image):
        digest.update(name.encode() + len(image[name]).to_bytes(8, "little"))
        digest.update(image[name])
    return digest.digest()


def look_at(image: dict[str, bytearray], told: Told, root: Path, name: str, engine: Engine | None, *, deep: bool) -> list[str]:
    folder = root / name
    database = folder / "w.db"
    folder.mkdir()
    for file, content in image.items():
        (folder / file).write_bytes(content)
    if not database.exists():
        problems = check.hold(None, told)
    else:
        seen, problems = check.look(database, deep=deep)
        problems += check.hold(seen, told)
        if engine is not None and not problems:
            problems += recover(engine, folder, told)
    for file in os.listdir(folder):
        os.unlink(folder / file)
    folder.rmdir()
    return problems


if __name__ == "__main__":
    sys.exit(main("power_loss", "images", body, n=20_000, workloads=50, per_point=60, package="", lie=0))

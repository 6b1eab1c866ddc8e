"""A backup while clients enqueue and workers run, restored in another place, and held against what was told.

A job acknowledged before the backup began is in the restored copy; one that was never told is not in it twice; the copy is
whole; what `workaday backup` says of it is what is in it; and it starts paused, so that no job of the living store runs a
second time from its copy. Some backups are cut short with `kill -9`: what has a name is whole, or there is no name.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

from chaos import check
from chaos.frame import Run, main
from chaos.live import Live, LiveError
from chaos.scene import program, scratch

CONFIG = """
app = "jobs:app"
database = "store/w.db"
[worker]
processes = 1
grace = "1s"
[backup]
keep = 3
pages = 8
pause = "1ms"
"""


def command(live: Live, *arguments: str, folder: Path | None = None) -> dict:
    ended = subprocess.run(
        [program(), *arguments, "--json"], cwd=folder or live.root, env=live.environment, capture_output=True, text=True, timeout=120
    )
    if ended.returncode:
        raise LiveError(f"{arguments} ended with {ended.returncode}: {ended.stderr[-600:]}")
    return json.loads(ended.stdout)


def cycle(live: Live, planted: str) -> None:
    chance = live.chance
    live.enqueue("work", chance.randrange(1, 30))
    before = set(live.told.present)
    if chance.random() < 0.3 and not planted:
        cut_short(live)
        return
    making = subprocess.Popen(
        [program(), "backup", "--json"], cwd=live.root, env=live.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for task in ("work", "shaky"):  # while it is made
        live.enqueue(task, chance.randrange(1, 10))
    out, errors = making.communicate(timeout=120)
    if making.returncode:
        raise LiveError(f"a backup ended with {making.returncode}: {errors[-600:]}")
    made = json.loads(out)
    live.run.broke(f"seed {live.run.seed}, cycle {live.run.count}", restored(live, made, before, planted))
    live.run.tried("backup under load, restored")


def cut_short(live: Live) -> None:
    """kill -9 somewhere in it. Every file with a backup's name proves itself."""
    making = subprocess.Popen(
        [program(), "backup"], cwd=live.root, env=live.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(live.chance.uniform(0, 0.15))
    making.send_signal(signal.SIGKILL)
    making.wait()
    for path in sorted((live.store / "backups").glob("*.db.zst")):
        command(live, "restore", "--check", str(path))
    live.run.tried("backup killed, the others proven")


def restored(live: Live, made: dict, before: set[str], planted: str) -> list[str]:
    """The copy in a folder of its own: what is in it, and that it waits for somebody to say so."""
    problems = []
    place = live.root.parent / "restored"
    shutil.copytree(live.root, place, ignore=shutil.ignore_patterns("store", "ended", "tried-*", "*.log"))
    try:
        (place / "store").mkdir()
        copy = place / "store" / "w.db"
        if planted == "cp":
            shutil.copy(live.store / "w.db", copy)  # what people do instead: the rows of the WAL stay behind
        else:
            command(live, "restore", made["path"], "--yes", folder=place)
        seen, problems = check.look(copy)
        if seen is None:
            return [*problems, f"lost: {len(before)} acknowledged jobs, and every table with them"]
        problems += [f"lost: job {one} was acknowledged before the backup began" for one in before if one not in seen.states]
        problems += [f"doubled: job {one} is there {len(states)} times" for one, states in seen.states.items() if len(states) > 1]
        known = live.told.present | live.told.maybe
        problems += [f"broken: job {one} was never told to anybody" for one in seen.states if one not in known]
        problems += counts(copy, made) + paused(live, place)
    finally:
        shutil.rmtree(place)
    return problems[:10]


def counts(copy: Path, made: dict) -> list[str]:
    """The manifest counts what is in the copy, table by table."""
    connection = sqlite3.connect(copy)
    said = made["manifest"]["counts"]
    wrong = []
    for table, count in said.items():
        (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        if found != count and table in ("workaday_jobs", "workaday_finished", "workaday_attempts", "workaday_ticks"):
            wrong.append(f"broken: the manifest counts {count} rows in {table}, the copy has {found}")
    connection.close()
    return wrong


def paused(live: Live, place: Path) -> list[str]:
    """A supervisor on the copy says that it is one, and runs nothing."""
    log = place / "up.log"
    with log.open("wb") as file:
        process = subprocess.Popen([program(), "up"], cwd=place, env=live.environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        ends = time.monotonic() + 30
        while "this store is a copy" not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > ends:
                return [f"broken: a supervisor on the copy did not say that it is one: {log.read_text(errors='replace')[-400:]}"]
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    ran = (place / "ended").read_text().split() if (place / "ended").exists() else []
    return [f"doubled: job {one} ran from the copy" for one in ran if UUID(one)]


def body(run: Run, arguments: argparse.Namespace) -> None:
    with scratch() as root:
        live = Live(run, root / "project", config=CONFIG)
        try:
            live.start()
            live.wait_through(live.enqueue("work", 50), "the first jobs")
            while not run.is_over():
                cycle(live, arguments.plant)
            live.wait_through(live.told.present, "every job of the living store")
            live.stop()
            live.count()
        except LiveError as error:
            run.broke(f"seed {run.seed}, cycle {run.count}", [f"broken: {error}"])
        finally:
            live.end()


if __name__ == "__main__":
    sys.exit(main("backups", "backups", body, n=8, plant=""))

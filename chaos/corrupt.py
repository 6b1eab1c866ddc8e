"""Damaged files: bits flipped, pages swapped, zeroed or filled with noise, ends cut off, in the file, its -wal and its -shm.

Each damaged store is opened by the engine, which claims, settles, checkpoints and closes; by the client in some, by the
command line and by `workaday up` in a few. It works, or it is refused with a code and a next step, and nothing panics. A main page of SQLite has no checksum: damage inside a value (an id too) can go unnoticed,
and a WAL cut off by damage is as one cut off by the power. Both are counted here by name, and the page says so.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from chaos.app import EPOCH_US, catalogue
from chaos.frame import Run, main
from chaos.paths import new_ids
from chaos.scene import ClientServer, Engine, Fault, copy_store, program, python_path, run_program, scratch

PAGE = 4096
WAYS = ("one bit", "some bits", "page swapped", "page zeroed", "noise", "cut off", "byte in the header")
FILES = ("w.db", "w.db", "w.db", "w.db-wal", "w.db-wal", "w.db-shm")
UP_SECONDS_MAX = 20.0


def body(run: Run, arguments: argparse.Namespace) -> None:
    chance = random.Random(run.seed)
    seen: collections.Counter[str] = collections.Counter()
    with scratch() as root:
        client, engine = ClientServer(), Engine()
        ids = new_ids(chance, 60)
        template = make(root, client, engine, ids)
        ups = 0
        while not run.is_over():
            folder = copy_store(template, root)
            way, file = chance.choice(WAYS), chance.choice(FILES)
            where = f"seed {run.seed}, file {run.count}: {way} of {file}"
            damage(folder / file, way, chance)
            if ups < arguments.ups:
                ups += 1
                problems = by_up(folder, seen)
            elif run.count % 50 == 0:
                problems = by_client(client, folder, seen)
            elif run.count % 50 == 1:
                problems = by_command(folder, seen)
            else:
                problems = by_engine(engine, folder, set(ids), seen)
            run.tried(f"{way}, {file}")
            run.broke(where, problems)
            shutil.rmtree(folder)
        client.stop()
        engine.stop()
    run.extra.update(outcomes=dict(seen.most_common()), ups=ups)


def make(root: Path, client: ClientServer, engine: Engine, ids: list[str]) -> Path:
    """Forty jobs in the file, twenty in the WAL, some of them finished or running."""
    folder = root / "template"
    folder.mkdir()
    client.run([{"do": "many", "ids": ids[:40], "text": "a" * 400}, {"do": "cancel", "id": ids[0]}], folder, Fault())
    engine.ask("open", EPOCH_US, database=str(folder / "w.db"), catalogue=catalogue(schedules=False))
    for n in range(6):
        job = engine.ask("claim", EPOCH_US + 100 + n)["jobs"][0]
        engine.ask("outcome", EPOCH_US + 100 + n, seq=job["seq"], kind="completed", result="b" * 200)
    engine.ask("checkpoint", EPOCH_US + 200, truncate=True)
    client.run([{"do": "many", "ids": ids[40:60], "text": "a" * 400}], folder, Fault())
    copy = copy_store(folder, root)  # while it is open: its WAL is as a crash leaves it
    engine.ask("close", EPOCH_US + 201)
    return copy


def damage(path: Path, way: str, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    if not content:
        return
    page = chance.randrange(max(1, len(content) // PAGE)) * PAGE
    match way:
        case "one bit" | "some bits":
            for _ in range(1 if way == "one bit" else chance.randrange(2, 40)):
                content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        case "page swapped":
            other = chance.randrange(max(1, len(content) // PAGE)) * PAGE
            content[page : page + PAGE], content[other : other + PAGE] = content[other : other + PAGE], content[page : page + PAGE]
        case "page zeroed":
            content[page : page + PAGE] = bytes(len(content[page : page + PAGE]))
        case "noise":
            at, length = chance.randrange(len(content)), chance.choice((8, 64, 512, PAGE))
            content[at : at + length] = chance.randbytes(len(content[at : at + length]))
        case "cut off":
            del content[chance.randrange(len(content)) :]
        case _:
            content[chance.randrange(min(100, len(content)))] = chance.randrange(256)
    path.write_bytes(content)


def by_engine(engine: Engine, folder: Path, ids: set[str], seen: collections.Counter[str]) -> list[str]:
    """Everything the engine does to a store, until it is refused or done."""
    now = EPOCH_US + 1_000_000
    shown = changed = 0
    answer = engine.ask("open", now, database=str(folder / "w.db"), catalogue=catalogue(schedules=False))
    if answer.get("ok"):
        answer = engine.ask("rescue", now)
    while answer.get("ok") and shown < 100:
        answer = engine.ask("claim", now + shown)
        if not answer.get("jobs"):
            break
        job = answer["jobs"][0]
        shown += 1
        changed += job["id"] not in ids or not isinstance(job["args"], dict) or job["args"].get("text") != "a" * 400
        answer = engine.ask("outcome", now + shown, seq=job["seq"], kind="completed", result=1)
    if answer.get("ok"):
        answer = engine.ask("checkpoint", now, truncate=True)
    if "panic" not in answer:
        engine.ask("close", now)
    if answer.get("ok"):
        seen["works" if not changed else "works, a value was changed unnoticed"] += 1
        if shown < 53:
            seen["works, the end of the WAL was taken for cut off, or a page for empty"] += 1
        return []
    return honest(answer, seen)


def honest(answer: dict[str, Any], seen: collections.Counter[str]) -> list[str]:
    if "panic" in answer:
        return [f"panics: {answer['panic']}"]
    error = answer.get("error", answer)
    seen[f"refused: {error.get('code')}"] += 1
    if not (error.get("code") and error.get("expected")):
        return [f"broken: an error without code or expectation: {error}"]
    return []


def by_client(client: ClientServer, folder: Path, seen: collections.Counter[str]) -> list[str]:
    ended = client.run([{"do": "enqueue", "id": "01ba60d3-0000-7000-8000-000000000001", "n": 1}], folder, Fault())
    problems = ended.panics
    for answer in ended.answers:
        if answer["said"] == "done":
            seen["works"] += 1
        else:
            problems += honest(answer, seen)
    return problems


def by_command(folder: Path, seen: collections.Counter[str]) -> list[str]:
    problems = []
    for arguments in (["status", "--json"], ["job", "list", "--json"]):
        ended = run_program(arguments, folder, Fault())
        problems += ended.panics
        if ended.code not in {0, 1, 3}:
            problems.append(f"broken: `{' '.join(arguments)}` ended with {ended.code}: {ended.errors[-300:]}")
        if ended.code == 0:
            seen["works"] += 1
        elif "error" not in ended.errors:
            problems.append(f"broken: `{' '.join(arguments)}` failed without a word: {ended.errors[-300:]}")
    return problems


def by_up(folder: Path, seen: collections.Counter[str]) -> list[str]:
    """The whole supervisor: it serves, or it ends with a sentence; it neither hangs nor panics."""
    environment = {**os.environ, "WORKADAY_DATABASE": str(folder / "w.db"), "PYTHONPATH": python_path(), "WORKADAY_PYTHON": sys.executable}
    log = folder / "up.log"
    with log.open("wb") as output:
        up = subprocess.Popen(
            [program(), "up", "--adopt", "chaos.app:app"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    ends = time.monotonic() + UP_SECONDS_MAX
    while up.poll() is None and time.monotonic() < ends and not is_serving(log):
        time.sleep(0.02)
    if up.poll() is None:
        up.send_signal(signal.SIGTERM)
        try:
            up.wait(UP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            up.kill()
            up.wait()
            return [f"broken: `workaday up` does not end: {log.read_text()[-600:]}"]
    words = log.read_text(errors="replace")
    if "panicked" in words or up.returncode in {101, -6, -11}:
        return [f"panics: `workaday up` ended with {up.returncode}: {words[-600:]}"]
    seen["up: works" if up.returncode == 0 else "up: refused"] += 1
    if up.returncode and "error" not in words:
        return [f"broken: `workaday up` ended with {up.returncode} without a word: {words[-600:]}"]
    return []


def is_serving(log: Path) -> bool:
    return " is up on " in log.read_text(errors="replace")


if __name__ == "__main__":
    sys.exit(main("corrupt", "files", body, n=2_000, ups=0))

"""Workloads for the power-loss images: real clients and a real engine on one store, with everything they write noted.

With one writer the client and the engine take turns; with two they write at the same time, in turn and lock as always.
"""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos import told as telling
from chaos.app import EPOCH_US, MINUTE_US, catalogue
from chaos.paths import new_ids
from chaos.scene import ClientServer, Fault, copy_store, program
from chaos.seam_log import Disk
from chaos.told import EngineTale, Told

Steps = list[dict[str, Any]]
STEPS_CLIENT, STEPS_ENGINE = 14, 12


@dataclass
class Workload:
    """What ran, where its log is, and the disk as it was before."""

    name: str
    folder: Path
    start: Path
    log: Path
    has_two: bool
    clients: dict[int, Steps] = field(default_factory=dict)
    """By process: the steps that its words are about."""
    engines: dict[int, Steps] = field(default_factory=dict)
    has_schedules: bool = False
    disk: Disk = field(init=False)
    before: Told = field(default_factory=Told)
    """What had been told before the log begins; the disk has all of it."""
    problems: list[str] = field(default_factory=list)


class Followed:
    """What has been told so far, as the log is read."""

    def __init__(self, workload: Workload) -> None:
        self.told = copy.deepcopy(workload.before)
        self._clients = {pid: (steps, 0) for pid, steps in workload.clients.items()}
        self._engines = {pid: EngineTale(self.told, steps, has_schedules=workload.has_schedules) for pid, steps in workload.engines.items()}
        self._words: dict[int, bytes] = {}
        for steps in workload.clients.values():
            self._under_way(steps, 0)

    def said(self, pid: int, data: bytes) -> None:
        text = self._words.get(pid, b"") + data
        *lines, self._words[pid] = text.split(b"\n")
        for line in lines:
            answer = json.loads(line)
            if pid in self._engines:
                self._engines[pid].answered(answer)
            elif pid in self._clients:
                steps, _ = self._clients[pid]
                number = answer["step"]
                if answer.get("cancelled") is False:  # it was running: asked to stop, and not cancelled yet
                    self.told.unsure.add(steps[number]["id"])
                    self._under_way(steps, number + 1)
                    continue
                telling.apply(
                    self.told,
                    steps[number],
                    is_done=answer["said"] == "done",
                    is_unknown=answer["said"] == "unknown",
                    is_refused=answer["said"] == "refused",
                )
                self._under_way(steps, number + 1)

    def _under_way(self, steps: Steps, number: int) -> None:
        """From the last word on, the next step may have happened or not."""
        if number < len(steps):
            telling.apply(self.told, steps[number], is_done=False, is_unknown=True, is_refused=False)


def client_steps(chance: random.Random, ids: list[str], *, first: bool) -> Steps:
    steps: Steps = [{"do": "many", "ids": [ids.pop() for _ in range(6)], "text": "x" * chance.randrange(900)}] if first else []
    stored = list(steps[0]["ids"]) if first else []
    cancelled: list[str] = []
    for _ in range(STEPS_CLIENT):
        what = chance.choice(("enqueue", "enqueue", "enqueue", "many", "transaction", "later", "cancel", "retry"))
        if what == "cancel" and stored:
            cancelled.append(stored.pop(chance.randrange(len(stored))))
            steps.append({"do": "cancel", "id": cancelled[-1]})
        elif what == "retry" and cancelled:
            steps.append({"do": "retry", "id": cancelled.pop()})
        elif what in {"many", "transaction"}:
            batch = [ids.pop() for _ in range(chance.randrange(2, 9))]
            steps.append({"do": what, "ids": batch, "text": "y" * chance.choice((0, 300, 3_000))})
            stored += batch
        else:
            steps.append(
                {"do": "later" if what == "later" else "enqueue", "id": ids.pop(), "n": 1, "text": "z" * chance.choice((0, 50, 5_000))}
            )
            stored.append(steps[-1]["id"])
    return steps


def engine_requests(chance: random.Random, folder: Path, *, schedules: bool) -> Steps:
    requests: Steps = [{"op": "open", "database": str(folder / "w.db"), "catalogue": catalogue(schedules=schedules), "now": EPOCH_US}]
    now = EPOCH_US
    for seq in range(1, STEPS_ENGINE + 1):
        now += chance.choice((1_000, MINUTE_US)) if schedules else 1_000
        requests.append({"op": "claim", "limit": 1, "now": now})
        kind = chance.choice(("completed", "completed", "completed", "failed", "discarded", "snoozed"))
        requests.append(
            {
                "op": "outcome",
                "seq": seq,
                "kind": kind,
                "result": "r" * chance.choice((3, 2_000)),
                "until_us": now + 10**10,
                "error": {"type": "E"},
                "now": now + 5,
            }
        )
        if chance.random() < 0.3:
            requests.append({"op": "checkpoint", "truncate": chance.random() < 0.5, "now": now})
    return requests


def play(root: Path, chance: random.Random, client: ClientServer, *, has_two: bool, lie: bool = False) -> Workload:
    """Runs a workload to its end. A third of them begins with no store at all, so that its making is under test too."""
    folder = root / f"w{chance.getrandbits(40):010x}"
    folder.mkdir()
    ids = new_ids(chance, 400)
    log = folder.with_name(f"{folder.name}.log")
    schedules = chance.random() < 0.5
    workload = Workload(folder.name, folder, folder, log, has_two, has_schedules=schedules)
    if chance.random() < 0.67:
        steps = client_steps(chance, ids, first=True)
        ended = client.run(steps, folder, Fault())
        telling.by_client(workload.before, steps, ended.answers, has_ended=True)
    workload.start = copy_store(folder, root)
    fault = Fault(log=str(log), lie=lie)
    inodes = {file.name: file.stat().st_ino for file in folder.iterdir()}
    steps, requests = client_steps(chance, ids, first=True), engine_requests(chance, folder, schedules=schedules)
    if has_two:
        client.start(steps, folder, fault)
        engine = start_engine(requests, folder, fault)
        workload.engines[engine.pid] = requests
        finish_engine(engine, workload)
        done = client.finish()
    else:
        done = client.run(steps, folder, fault)
        engine = start_engine(requests, folder, fault)
        workload.engines[engine.pid] = requests
        finish_engine(engine, workload)
        more = client_steps(chance, ids, first=False)
        last = client.run(more, folder, fault)
        workload.clients[last.pid] = more
        workload.problems += last.panics
    workload.clients[done.pid] = steps
    workload.problems += done.panics
    workload.disk = disk_before(workload, inodes)
    return workload


def disk_before(workload: Workload, inodes: dict[str, int]) -> Disk:
    """The start, under the inodes that the log speaks of."""
    disk = Disk(workload.start)
    disk.folder = str(workload.folder)
    disk.files = {inodes[name]: disk.files[inode] for name, inode in disk.names.items()}
    disk.names = dict(inodes)
    disk.names_durable = dict(inodes)
    return disk


def start_engine(requests: Steps, folder: Path, fault: Fault) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **fault.environment(folder, folder.with_name(f"{folder.name}.count"))}
    engine = subprocess.Popen(
        [program(), "test-engine"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert engine.stdin
    engine.stdin.write("".join(json.dumps(request) + "\n" for request in requests).encode())
    engine.stdin.close()
    return engine


def finish_engine(engine: subprocess.Popen[bytes], workload: Workload) -> None:
    assert engine.stderr
    words = engine.stderr.read().decode(errors="replace")
    if engine.wait() or "panicked" in words:
        workload.problems.append(f"panics: the engine ended with {engine.returncode}: {words[-500:]}")
    workload.folder.with_name(f"{workload.folder.name}.count").unlink(missing_ok=True)

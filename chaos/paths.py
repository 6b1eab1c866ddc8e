"""The covered paths: what each does to a store, from which starting point, and what was told on the way.

A path is single-threaded, so its n-th call on the store's files is the same call each time.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from chaos import check
from chaos import told as telling
from chaos.app import EPOCH_US, MINUTE_US, catalogue
from chaos.scene import ClientServer, Ended, Engine, Fault, run_engine, run_program
from chaos.told import EngineTale, Told

Steps = list[dict[str, Any]]


def new_ids(chance: random.Random, count: int) -> list[str]:
    """UUIDv7s of the harness's own chance, so that a seed gives the same store."""
    stamp = EPOCH_US // 1000
    ids = []
    for number in range(count):
        value = ((stamp + number) << 80) | (7 << 76) | (chance.getrandbits(12) << 64) | (2 << 62) | chance.getrandbits(62)
        ids.append(str(UUID(int=value)))
    return ids


@dataclass
class Route:
    """One path over a template store. `before` is what its users had been told when it was copied."""

    name: str
    template: Path
    before: Callable[[], Told]
    run: Callable[[Path, Fault, bool], Ended]
    tell: Callable[[Told, Ended], Told]
    after: Callable[[Path, Told, Ended], list[str]] = lambda _folder, _told, _ended: []
    """What else has to hold of the folder once the process is gone: what is wrong, in words."""


class Paths:
    """Builds the templates and the paths over them. One a harness run."""

    def __init__(self, root: Path, seed: int, client: ClientServer | None = None) -> None:
        self.root = root / "templates"
        self.root.mkdir()
        self.chance = random.Random(seed)
        self.client = client or ClientServer()
        self.base_steps: Steps = []
        self.base_ids = new_ids(self.chance, 40)
        self.empty = self._folder("empty")
        self.base = self._base()

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        folder.mkdir()
        return folder

    def _base(self) -> Path:
        """A store in use: twelve jobs, one cancelled, one completed, a WAL that is not empty."""
        folder = self._folder("base")
        ids = self.base_ids
        self.base_steps = [
            {"do": "many", "ids": ids[:10], "text": "x" * 300},
            {"do": "enqueue", "id": ids[10], "n": 10},
            {"do": "later", "id": ids[11], "n": 11},
            {"do": "cancel", "id": ids[9]},
        ]
        ended = self.client.run(self.base_steps, folder, Fault())
        assert [answer["said"] for answer in ended.answers] == ["done"] * 4, ended
        return folder

    def told_of_base(self) -> Told:
        return telling.by_client(Told(), self.base_steps, [{"step": n, "said": "done"} for n in range(4)], has_ended=True)

    # ---- by the client ----

    def _by_client(self, name: str, template: Path, before: Callable[[], Told], steps: Steps) -> Route:
        def run(folder: Path, fault: Fault, patient: bool) -> Ended:
            return self.client.run(steps, folder, fault, patient=patient)

        def tell(told: Told, ended: Ended) -> Told:
            return telling.by_client(told, steps, ended.answers, has_ended=not ended.was_killed)

        return Route(name, template, before, run, tell)

    # ---- by the engine ----

    def _by_engine(self, name: str, requests: Steps, *, schedules: bool = False, before: Callable[[], Told] | None = None) -> Route:
        def stated(folder: Path) -> Steps:
            first = {"op": "open", "database": str(folder / "w.db"), "catalogue": catalogue(schedules=schedules), "now": EPOCH_US}
            return [first, *requests]

        def run(folder: Path, fault: Fault, _patient: bool) -> Ended:
            return run_engine(stated(folder), folder, fault)

        def tell(told: Told, ended: Ended) -> Told:
            tale = EngineTale(told, stated(Path("/nowhere")), has_schedules=schedules)
            for answer in ended.answers:
                tale.answered(answer)
            return told

        return Route(name, self.base, before or self.told_of_base, run, tell)

    def _migration(self, name: str, template: Path, *arguments: str) -> Route:
        def run(folder: Path, fault: Fault, _patient: bool) -> Ended:
            return run_program(["migrate", "--json", *arguments], folder, fault)

        return Route(name, template, self.told_of_base, run, lambda told, _ended: told, after_migration)

    def _backup(self) -> Route:
        def run(folder: Path, fault: Fault, _patient: bool) -> Ended:
            return run_program(["backup", "--json"], folder, fault)

        return Route("backup", self.base, self.told_of_base, run, lambda told, _ended: told, after_backup)

    def all(self) -> list[Route]:
        ids, base = self.base_ids, self.base
        older = self._folder("older")
        for file in base.iterdir():
            (older / file.name).write_bytes(file.read_bytes())
        done = run_program(["migrate", "--down-to", "1", "--yes"], older, Fault())
        assert done.code == 0, done.errors
        for backup in older.glob("w.db.before-*"):
            backup.unlink()
        at = EPOCH_US + 1_000_000
        outcomes: Steps = [{"op": "claim", "limit": 1, "now": at}]
        for seq, kind in enumerate(["completed", "failed", "snoozed", "discarded"], 1):
            outcomes.append(
                {"op": "outcome", "seq": seq, "kind": kind, "result": seq, "until_us": at + 10**9, "error": {"type": "E"}, "now": at + seq}
            )
            outcomes.append({"op": "claim", "limit": 1, "now": at + seq})
        ticks: Steps = [{"op": "claim", "limit": 1, "now": EPOCH_US + n * MINUTE_US} for n in (1, 2, 5, 6)]
        return [
            self._by_client("enqueue_first", self.empty, Told, [{"do": "enqueue", "id": ids[20], "n": 1}]),
            self._by_client("enqueue", base, self.told_of_base, [{"do": "enqueue", "id": ids[20 + n], "n": n} for n in range(3)]),
            self._by_client("enqueue_many", base, self.told_of_base, [{"do": "many", "ids": ids[20:30], "text": "y" * 2_000}]),
            self._by_client("enqueue_in_transaction", base, self.told_of_base, [{"do": "transaction", "ids": ids[20:24]}]),
            self._by_client("cancel", base, self.told_of_base, [{"do": "cancel", "id": one} for one in ids[:2]]),
            self._by_client(
                "retry",
                base,
                self.told_of_base,
                [{"do": "retry", "id": ids[9]}, {"do": "cancel", "id": ids[9]}, {"do": "retry", "id": ids[9]}],
            ),
            self._by_engine("claim", [{"op": "claim", "limit": 1, "now": at}]),
            self._by_engine("settle", outcomes),
            self._by_engine("tick", ticks, schedules=True),
            self._migration("migrate", older),
            self._migration("migrate_down", base, "--down-to", "1", "--yes"),
            self._backup(),
        ]


def after_migration(folder: Path, told: Told, _ended: Ended) -> list[str]:
    """A backup that has its name is whole; the migration can be begun again and comes to its end."""
    problems = []
    for backup in folder.glob("w.db.before-*"):
        if backup.suffix != ".partial" and not backup.name.endswith(("-wal", "-shm", "-journal", ".partial")):
            problems += holds(f"the backup {backup.name}", backup, told)
    again = run_program(["migrate", "--json"], folder, Fault())
    current = run_program(["migrate", "--check", "--json"], folder, Fault())
    if again.code or current.code:
        problems.append(f"broken: the migration does not come to its end: {again.code} {again.errors[-300:]} {current.code}")
    return problems + again.panics


def after_backup(folder: Path, told: Told, ended: Ended) -> list[str]:
    """Whatever has a backup's name gives back all that was told; one that was reported is there; the next one leaves no part."""
    problems = []
    made = sorted((folder / "backups").glob("*.db.zst"))
    if ended.code == 0 and not made:
        problems.append("lost: a backup was reported, and there is none")
    for path in made:
        place = folder.with_name(f"{folder.name}-restored")
        place.mkdir()
        restored = run_program(["restore", str(path), "--yes", "--json"], place, Fault())
        problems += restored.panics
        if restored.code:
            problems.append(f"broken: {path.name} does not restore: {restored.code} {restored.errors[-300:]}")
        else:
            problems += holds(f"what {path.name} gives back", place / "w.db", told)
        shutil.rmtree(place)
    again = run_program(["backup", "--json"], folder, Fault())
    if again.code:
        problems.append(f"broken: the next backup ends with {again.code}: {again.errors[-300:]}")
    problems += [f"broken: {path.name} is left behind" for path in (folder / "backups").glob("*.partial")]
    return problems + again.panics


def holds(name: str, database: Path, told: Told) -> list[str]:
    seen, problems = check.look(database)
    return [f"broken: {name}: {problem}" for problem in [*problems, *check.hold(seen, told)]]


def client_of(package: str) -> ClientServer:
    """The client as it is installed, or a copy of the package with a bug planted in it."""
    return ClientServer(Path(package) if package else None)


def recover(engine: Engine, folder: Path, told: Told) -> list[str]:
    """What the next supervisor does: opens, rescues, runs all that is left. Answers what went wrong."""
    later = EPOCH_US + 90 * MINUTE_US
    answer = engine.ask("open", later, database=str(folder / "w.db"), catalogue=catalogue(schedules=told.began_at is not None))
    if answer.get("ok"):
        answer = engine.ask("rescue", later)
    for number in range(1_000):
        if not answer.get("ok"):
            engine.ask("close", later)
            return [f"panics: {answer['panic']}" if "panic" in answer else f"broken: it does not open again: {answer['error']}"]
        answer = engine.ask("claim", later + number, limit=1)
        for job in answer.get("jobs", []):
            answer = engine.ask("outcome", later + number, seq=job["seq"], kind="completed", result=1)
        if answer.get("jobs") == []:
            break
    engine.ask("close", later)
    return []

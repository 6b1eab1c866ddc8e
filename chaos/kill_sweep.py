"""Kills at every call on the store's files, one kill a point: enqueue, claim, settle, tick, cancel, retry, migrate, backup.

After each kill: is everything that was acknowledged there, is nothing there twice, does SQLite find the file whole? Then
the next supervisor opens it and runs what is left, the client enqueues the same ids again, and the same is asked again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from chaos import again, check
from chaos.frame import Run, main
from chaos.paths import Paths, Route, client_of, recover
from chaos.scene import Ended, Engine, Fault, copy_store, scratch


def body(run: Run, arguments: argparse.Namespace) -> None:
    with scratch() as root:
        paths, engine = Paths(root, run.seed, client_of(arguments.package)), Engine()
        points: dict[str, str] = {}
        for path in paths.all():
            if arguments.path and path.name not in arguments.path.split(","):
                continue
            whole = attempt(run, path, root, engine, paths, Fault(), f"{path.name} without a fault")
            every = range(1, whole + 1)
            # A part of the points is spread over the whole path, and another seed takes others.
            step = max(1, -(-whole // arguments.points)) if arguments.points else 1
            chosen = every[run.seed % step :: step]
            covered = 0
            for at in chosen:
                if run.is_over():
                    break
                attempt(run, path, root, engine, paths, Fault(at=at), f"{path.name} killed at call {at} of {whole}")
                run.tried(path.name)
                covered += 1
            points[path.name] = f"{covered}/{whole}"
        run.extra["points"] = points
        engine.stop()
        paths.client.stop()


def attempt(run: Run, path: Route, root: Path, engine: Engine, paths: Paths, fault: Fault, where: str) -> int:
    """One run of a path with one fault, and everything that is asked afterwards. Answers how many calls it made."""
    folder = copy_store(path.template, root)
    ended = path.run(folder, fault, False)
    if bool(fault.at) != ended.was_killed or (not fault.at and ended.code):
        run.broke(where, [f"broken: the process ended with {ended.code}: {ended.errors[-300:]} {ended.answers}"])
    told = path.tell(path.before(), ended)
    run.broke(where, look_at(folder, told, ended, engine, paths, path, root))
    shutil.rmtree(folder)
    return ended.calls


def look_at(folder: Path, told: check.Told, ended: Ended, engine: Engine, paths: Paths, path: Route, root: Path) -> list[str]:
    if not (folder / "w.db").exists():
        return check.hold(None, told)
    # On a copy: looking is recovering, and what recovers in earnest is to find the file as the kill left it.
    copy = copy_store(folder, root)
    seen, problems = check.look(copy / "w.db")
    problems += check.hold(seen, told)
    shutil.rmtree(copy)
    problems += path.after(folder, told, ended)
    problems += [
        f"broken: after recovery: {problem}" if problem.startswith("broken") else problem for problem in recover(engine, folder, told)
    ]
    problems += again.enqueue_again(paths.client, folder, told, path.name)
    seen, more = check.look(folder / "w.db")
    return problems + more + check.hold(seen, told) + again.all_ran(seen, told)


if __name__ == "__main__":
    sys.exit(main("kill_sweep", "kills", body, n=0, path="", points=0, package=""))

"""An I/O error at every call on the store's files, once and for ever: EIO, ENOSPC, writes cut short.

The answer must be honest: what was told to be stored is there; what was told to be certainly not stored is not; unknown
may be either, and the same id again makes one job. Nothing panics, and nobody is shown a bare error of the machine.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from chaos import again, check, seam_log
from chaos.frame import Run, main
from chaos.paths import Paths, Route, client_of, recover
from chaos.scene import Ended, Engine, Fault, copy_store, scratch

EIO, ENOSPC = "5", "28"
WAYS = {
    "EIO once": (EIO, False),
    "EIO for ever": (EIO, True),
    "ENOSPC once": (ENOSPC, False),
    "ENOSPC for ever": (ENOSPC, True),
    "short write once": ("short", False),
    "short writes for ever": ("short", True),
}


def body(run: Run, arguments: argparse.Namespace) -> None:
    with scratch() as root:
        paths, engine = Paths(root, run.seed, client_of(arguments.package)), Engine()
        points: dict[str, str] = {}
        for path in paths.all():
            if arguments.path and path.name not in arguments.path.split(","):
                continue
            folder = copy_store(path.template, root)
            log = root / f"{path.name}.log"
            whole = path.run(folder, Fault(log=str(log)), False).calls
            names = {record.offset: record.name for record in seam_log.read(log) if record.what == "K"}
            shutil.rmtree(folder)
            step = max(1, -(-whole // arguments.points)) if arguments.points else 1
            chosen = range(1, whole + 1)[run.seed % step :: step]
            covered = 0
            for at in chosen:
                if run.is_over():
                    break
                if arguments.call and names.get(at) != arguments.call:
                    continue
                for way, (act, always) in WAYS.items():
                    if arguments.way and way != arguments.way:
                        continue
                    where = f"{path.name}, {way} at call {at} of {whole}"
                    attempt(run, path, root, engine, paths, Fault(at=at, act=act, always=always), where)
                    run.tried(way)
                covered += 1
            points[path.name] = f"{covered}/{whole}"
        run.extra["points"] = points
        engine.stop()
        paths.client.stop()


def attempt(run: Run, path: Route, root: Path, engine: Engine, paths: Paths, fault: Fault, where: str) -> None:
    folder = copy_store(path.template, root)
    ended = path.run(folder, fault, True)
    told = path.tell(path.before(), ended)
    problems = [*ended.panics, *bare(ended)]
    if (folder / "w.db").exists():
        problems += look_at(folder, told, ended, engine, paths, path, root)
    elif told.present:
        problems.append("lost: the store is gone")
    run.broke(where, problems)
    shutil.rmtree(folder)


def bare(ended: Ended) -> list[str]:
    """An answer without a code and an expectation helps nobody."""
    wrong = []
    for answer in ended.answers:
        error = answer.get("error") or answer
        if error.get("said") == "unknown" and str(error.get("code", "")).startswith("sqlite"):
            continue  # the user's own COMMIT in the user's own transaction
        if (answer.get("ok") is False or answer.get("said") in {"refused", "unknown"}) and not (
            error.get("code") and error.get("expected")
        ):
            wrong.append(f"broken: an error without code or expectation: {answer}")
        if error.get("code") == "store.corrupt":
            wrong.append(f"broken: an error of the machine is told as damage, which sends people to a backup: {answer}")
    return wrong


def look_at(folder: Path, told: check.Told, ended: Ended, engine: Engine, paths: Paths, path: Route, root: Path) -> list[str]:
    copy = copy_store(folder, root)
    seen, problems = check.look(copy / "w.db")
    problems += check.hold(seen, told)
    shutil.rmtree(copy)
    problems += path.after(folder, told, ended)
    problems += recover(engine, folder, told)
    problems += again.enqueue_again(paths.client, folder, told, path.name)
    seen, more = check.look(folder / "w.db")
    return problems + more + check.hold(seen, told) + again.all_ran(seen, told)


if __name__ == "__main__":
    sys.exit(main("io_errors", "errors", body, n=0, path="", points=0, package="", way="", call=""))

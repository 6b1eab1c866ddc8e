"""The client's side of a sweep: one thread, one script, one line said for each step, in a process forked for it.

Started by `chaos.scene.ClientServer`. The parent imports everything and opens nothing; each child arms the seam, runs its
steps and ends. A line is said only after the call returned, so what it says is what a user was told.
"""

from __future__ import annotations

import ctypes
import json
import os
import sqlite3
import sys
import traceback
from pathlib import Path
from typing import Any
from uuid import UUID

from workaday import clock, config
from workaday.errors import OutcomeUnknown, WorkadayError

from chaos.app import EPOCH_US, app, command_work, work

TRIES_MAX = 4


def main() -> None:
    for number, line in enumerate(sys.stdin.buffer):
        request = json.loads(line)
        said = Path(f"{request['folder']}.said-{number}")
        errors = Path(f"{request['folder']}.errors-{number}")
        calls = Path(f"{request['folder']}.calls-{number}")
        pid = os.fork()
        if pid == 0:
            child(request, said, errors, calls)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        counted = int(calls.read_text()) if calls.exists() else 0
        calls.unlink(missing_ok=True)
        answer = {"code": status, "calls": counted, "said": str(said), "errors": str(errors), "pid": pid}
        os.write(1, json.dumps(answer).encode() + b"\n")


def child(request: dict[str, Any], said: Path, errors: Path, calls: Path) -> None:
    for path, descriptor in ((said, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    seam = ctypes.CDLL(request["seam"])
    seam.seam_arm.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    folder = Path(request["folder"])
    config.override(folder / "w.db")
    code = 0
    seam.seam_arm(str(folder).encode(), request["log"].encode(), request["at"], request["always"], request["act"].encode(), request["lie"])
    try:
        run(request["steps"], folder, patient=request["patient"])
    except BaseException:
        traceback.print_exc()
        code = 1
    # As at the end of a process whose connections are never closed: the kernel cleans up.
    seam.seam_calls.restype = ctypes.c_long
    counted = seam.seam_calls()
    seam.seam_arm(b"", b"", 0, 0, b"0", 0)
    calls.write_text(str(counted))
    sys.stderr.flush()
    os._exit(code)


def run(steps: list[dict[str, Any]], folder: Path, *, patient: bool) -> None:
    for number, step in enumerate(steps):
        if step["do"] != "command":  # those run in a real supervisor, by the real clock
            clock.set_source(lambda number=number: EPOCH_US + number)
        for _ in range(TRIES_MAX if patient else 1):
            told = attempt(step, folder)
            os.write(1, json.dumps({"step": number, **told}).encode() + b"\n")
            if told["said"] == "done":
                break


def attempt(step: dict[str, Any], folder: Path) -> dict[str, Any]:
    try:
        return {"said": "done", **(ACTS[step["do"]](step, folder) or {})}
    except WorkadayError as error:
        kind = "unknown" if isinstance(error, OutcomeUnknown) else "refused"
        return {"said": kind, "code": error.code, "expected": error.expected, "message": str(error)}
    except sqlite3.Error as error:  # only in the user's own transaction: their COMMIT answers them, not us
        return {"said": "unknown", "code": f"sqlite {getattr(error, 'sqlite_errorcode', 0)}", "message": str(error)}


def enqueue(step: dict[str, Any], _folder: Path) -> None:
    work.options(id=UUID(step["id"])).enqueue(step["n"], step.get("text", ""))


def enqueue_many(step: dict[str, Any], _folder: Path) -> None:
    app.enqueue_many([work.options(id=UUID(one)).prepare(n, step.get("text", "")) for n, one in enumerate(step["ids"])])


def enqueue_later(step: dict[str, Any], _folder: Path) -> None:
    work.options(id=UUID(step["id"]), delay="1h").enqueue(step["n"])


def in_transaction(step: dict[str, Any], folder: Path) -> None:
    connection = sqlite3.connect(folder / "w.db", isolation_level=None, timeout=5)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        for n, one in enumerate(step["ids"]):
            work.options(id=UUID(one), connection=connection).enqueue(n)
        connection.execute("COMMIT")
    finally:
        connection.close()


def cancel(step: dict[str, Any], _folder: Path) -> dict[str, Any]:
    return {"cancelled": app.job(UUID(step["id"])).cancel(reason="chaos")}


def retry(step: dict[str, Any], _folder: Path) -> None:
    app.job(UUID(step["id"])).retry(reason="chaos")


def command(step: dict[str, Any], _folder: Path) -> None:
    command_work.options(id=UUID(step["id"])).enqueue()


def setup(_step: dict[str, Any], _folder: Path) -> None:
    app.setup()


ACTS = {
    "enqueue": enqueue,
    "many": enqueue_many,
    "later": enqueue_later,
    "transaction": in_transaction,
    "command": command,
    "cancel": cancel,
    "retry": retry,
    "setup": setup,
}

if __name__ == "__main__":
    main()

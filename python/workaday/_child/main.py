"""The life of a child: import the user's module, say hello, run jobs, say goodbye."""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import platform
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

from workaday._child.capture import Capture
from workaday._child.run import DRAINED, EXIT_WITHIN_US, Bench
from workaday._core import PROTOCOL, VERSION, Child

if TYPE_CHECKING:
    from workaday.app import App

EXIT_USAGE, EXIT_IMPORT_ERROR, EXIT_FORKED = 2, 3, 70
KILL_AFTER_US = 10_000_000
LOG_LINE_BYTES = 16 * 1024


def main() -> int:
    """Runs a child to its end and returns the exit code."""
    try:
        # Taken out: a program that a task starts must not think that they are its own.
        wire, page, lock = (int(os.environ.pop(f"WORKADAY_{name}_FD")) for name in ("WIRE", "PAGE", "CHILDREN_LOCK"))
        kind, target = os.environ["WORKADAY_CHILD"], os.environ["WORKADAY_APP"]
    except KeyError as missing:
        sys.stderr.write(f"workaday._child is started by `workaday up`: {missing.args[0]} is not set\n")
        return EXIT_USAGE
    # A stray Ctrl-C ends the child as any signal does, and is seen as such; KeyboardInterrupt would end whatever runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _tell_deaths()
    child = Child(wire, page, lock, kind)
    capture = Capture(child)
    capture.install()
    origin = os.getpid()
    os.register_at_fork(after_in_child=lambda: _let_go(child, capture))
    try:
        return _live(child, capture, kind, target)
    finally:
        if os.getpid() != origin:
            _end_stray_fork()


def _live(child: Child, capture: Capture, kind: str, target: str) -> int:
    try:
        app = load(target)
        hello = _hello(app)
    except BaseException as error:  # sys.exit in a module is an import that failed, too
        said = {"reason": "import_error", "import_error": import_error(error)}
        child.bye(json.dumps(said), EXIT_WITHIN_US)
        return EXIT_IMPORT_ERROR
    capture.settle()
    child.hello(hello)
    settings = child.wait_ready()
    if settings is not None:
        said = json.loads(settings or "{}")
        child.configure(said.get("kill_after_us", KILL_AFTER_US), said.get("log_line_bytes", LOG_LINE_BYTES))
        _serve(Bench(child, app, capture), kind)
    else:
        child.bye(DRAINED, EXIT_WITHIN_US)
    return 0


def _serve(bench: Bench, kind: str) -> None:
    # Each kind imports its own half: asyncio costs a sync child 15 ms and 4 MiB.
    if kind == "async":
        from workaday._child.aio import AsyncWorker

        AsyncWorker(bench).serve()
    else:
        from workaday._child.serial import SerialWorker

        SerialWorker(bench).serve()


def _tell_deaths() -> None:
    """A crash in C, and the SIGTERM that follows a soft timeout, write on raw standard error where each thread was.

    Written by C code that needs no GIL, so it works exactly when nothing else does.
    """
    faulthandler.enable(file=2)
    faulthandler.register(signal.SIGTERM, file=2, chain=True)


def _let_go(child: Child, capture: Capture) -> None:
    """In a user's fork: it is no worker. multiprocessing ends its processes by SIGTERM, which is nothing to tell."""
    child.forked()
    capture.undo()
    faulthandler.unregister(signal.SIGTERM)


def load(target: str) -> App:
    """The app of `module:app`, from the folder that is named first on `sys.path`."""
    from workaday.app import App
    from workaday.measure import hooks

    hooks.install()  # before the application imports its libraries: names that it takes out of them are counted, too
    sys.path.insert(0, os.environ.get("WORKADAY_ROOT") or os.getcwd())
    module_name, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in (attribute or "app").split("."):
        found = getattr(found, part)
    if not isinstance(found, App):
        raise TypeError(f"{target} is {type(found).__name__}; expected a workaday.App")
    return found


def _hello(app: App) -> str:
    catalogue = app.catalogue()
    hello = {
        "protocol": PROTOCOL,
        "workaday": VERSION,
        "python": platform.python_version(),
        "pid": os.getpid(),
        "release": os.environ.get("WORKADAY_RELEASE") or "unknown",
        "catalogue": catalogue,
        "catalogue_hash": _digest(catalogue),
    }
    return json.dumps(hello, separators=(",", ":"))


def _digest(catalogue: list[dict[str, Any]]) -> str:
    import hashlib

    text = json.dumps(catalogue, separators=(",", ":"), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def import_error(error: BaseException) -> dict[str, str]:
    """What the user must see to mend it: the frames of their own files, without ours and those of the import machinery."""
    frames = error.__traceback__
    while frames is not None and (frames.tb_frame.f_globals.get("__name__") or "").startswith(("workaday._child", "importlib")):
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    return {"type": type(error).__qualname__, "message": str(error), "traceback": text[-16_000:]}


def _end_stray_fork() -> None:
    """A task has called `os.fork` and let the copy return: it must not live on as a second worker, nor run our exit handlers."""
    os.write(2, b"workaday: a fork of a worker came back from its task; end it with os._exit, or use multiprocessing\n")
    os._exit(EXIT_FORKED)

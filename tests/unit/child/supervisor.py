"""A supervisor for one child, in the test's own hands: sends frames, waits for what the child says. Nothing here sleeps to be safe."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import frames
import workaday
from frames import Frame

APP = Path(__file__).parent / "app"
PACKAGE = Path(workaday.__file__).parents[1]
BOUND = 20.0
"""Seconds after which a wait is a failure: far above anything real, on a busy machine too."""

STARTER = """
import subprocess, sys
subprocess.run([sys.executable, "-m", "workaday._child"], close_fds=False)
"""


class Supervisor:
    """Starts a child and talks to it."""

    def __init__(self, folder: Path, kind: str = "sync", app: str = "jobs:app", *, starter: bool = False) -> None:
        """`starter`: a process between this one and the child, to be killed instead of this one."""
        self.wire, theirs = socket.socketpair()
        self.page = os.memfd_create("workaday-page")
        os.ftruncate(self.page, 4096)
        self.lock_path = folder / "store-children"
        lock = os.open(self.lock_path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)
        fds = {"WIRE": theirs.fileno(), "PAGE": self.page, "CHILDREN_LOCK": lock}
        variables = {f"WORKADAY_{name}_FD": str(fd) for name, fd in fds.items()}
        variables |= {"WORKADAY_CHILD": kind, "WORKADAY_APP": app, "WORKADAY_ROOT": str(APP), "WORKADAY_RELEASE": "v7"}
        self.raw_path = folder / "raw"
        with self.raw_path.open("wb") as raw:
            self.process = subprocess.Popen(
                [sys.executable, *(["-c", STARTER] if starter else ["-m", "workaday._child"])],
                env=os.environ | {"PYTHONPATH": str(PACKAGE)} | variables,
                pass_fds=list(fds.values()),
                process_group=0,
                stdin=subprocess.DEVNULL,
                stdout=raw,
                stderr=raw,
                cwd=APP,
            )
        theirs.close()
        os.close(lock)
        self.pid = self.process.pid
        self.frames: list[Frame] = []
        self._reader = frames.Reader()
        self._seq = 0

    def ready(self, kill_after: float = 5.0) -> Frame:
        hello = self.wait("hello")
        self.pid = json.loads(hello.json)["pid"]
        self.send(frames.ready(json.dumps({"kill_after_us": int(kill_after * 1e6), "log_line_bytes": 16384})))
        return hello

    def send(self, *data: bytes) -> None:
        self.wire.sendall(b"".join(data))

    def job(self, task: str, *, flush: bool = False, timeout: float = 0, memory: int = 0, **args: Any) -> int:
        seq, data = self.job_bytes(task, flush=flush, timeout=timeout, memory=memory, **args)
        self.send(data)
        return seq

    def job_bytes(self, task: str, *, flush: bool = False, timeout: float = 0, memory: int = 0, **args: Any) -> tuple[int, bytes]:
        self._seq += 1
        timeout_us = int(timeout * 1e6)
        return self._seq, frames.job(
            self._seq,
            f"t.{task}",
            json.dumps(args),
            flush=flush,
            timeout_us=timeout_us,
            memory_bytes=memory,
            job_id=bytes(range(16)),
        )

    def wait(self, name: str, **wanted: Any) -> Frame:
        """The first frame of this name with these fields, waited for."""
        start, until = 0, time.monotonic() + BOUND
        while True:
            for frame in self.frames[start:]:
                if frame.name == name and all(frame.fields[key] == value for key, value in wanted.items()):
                    return frame
            start = len(self.frames)
            self._receive(until, f"{name} {wanted}")

    def _receive(self, until: float, wanted: str) -> None:
        self.wire.settimeout(max(0.0, until - time.monotonic()) or 1e-6)
        try:
            data = self.wire.recv(1 << 16)
        except TimeoutError:
            raise AssertionError(f"no {wanted} in {BOUND} s; {self.story()}") from None
        assert data, f"the child closed the wire before {wanted}; {self.story()}"
        self.frames += self._reader.feed(data)

    def outcome(self, seq: int) -> Frame:
        return self.wait("outcome", seq=seq)

    def run(self, task: str, **options: Any) -> Frame:
        return self.outcome(self.job(task, **options))

    def lines(self, seq: int, *streams: str) -> list[str]:
        return [f.text for f in self.frames if f.name == "log" and f.seq == seq and (not streams or f.stream in streams)]

    def begun(self) -> tuple[int, int]:
        """The shared page: highest seq that has begun, and when."""
        return struct.unpack("<QQ", os.pread(self.page, 16, 0))

    def exit(self) -> int:
        """Waits for the end; the return code is negative for a signal."""
        return self.process.wait(BOUND)

    def raw(self) -> str:
        return self.raw_path.read_text()

    def lock_is_free(self) -> bool:
        fd = os.open(self.lock_path, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
        return True

    def story(self) -> str:
        return f"exit {self.process.poll()}, raw output {self.raw()[-2000:]!r}, last frames {self.frames[-5:]}"

    def close(self) -> None:
        self.wire.close()
        os.close(self.page)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

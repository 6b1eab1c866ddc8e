"""A control group of our own, where the kernel lets us make one: its limits are the machine's own, root or not."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class Group:
    """One folder under one controller (`pids`, `memory`); version 1 and 2 differ in the names of files only."""

    def __init__(self, path: Path, is_second: bool) -> None:
        self.path, self.is_second = path, is_second

    @classmethod
    @contextlib.contextmanager
    def made(cls, controller: str) -> Iterator[Group | None]:
        """A fresh group, removed afterwards; `None` where none can be made."""
        name = f"workaday-chaos-{os.getpid()}"
        group = None
        for parent, is_second in ((ROOT / controller, False), (ROOT, True)):
            with contextlib.suppress(OSError):
                if is_second and controller not in (parent / "cgroup.subtree_control").read_text().split():
                    continue
                (parent / name).mkdir()
                group = cls(parent / name, is_second)
                break
        try:
            yield group
        finally:
            if group:
                group.remove()

    def enter(self) -> None:
        """This process, and all that it will start."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def write(self, name: str, value: str) -> None:
        (self.path / name).write_text(value)

    def read(self, name: str) -> int:
        return int((self.path / name).read_text())

    def limit_memory(self, count: int | None) -> None:
        """The kernel kills one of the group's processes when they want more; `None`: no limit."""
        if self.is_second:
            self.write("memory.max", "max" if count is None else str(count))
            with contextlib.suppress(OSError):
                self.write("memory.swap.max", "0")
        else:
            self.write("memory.limit_in_bytes", "-1" if count is None else str(count))

    def memory(self) -> int:
        """Bytes that its processes have now."""
        return self.read("memory.current" if self.is_second else "memory.usage_in_bytes")

    def oom_kills(self) -> int:
        """How many of its processes the kernel has killed for want of memory."""
        text = (self.path / ("memory.events" if self.is_second else "memory.oom_control")).read_text()
        return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)

    def remove(self) -> None:
        """Its processes have ended, or end now: a group goes when it is empty."""
        for _ in range(500):
            with contextlib.suppress(OSError):
                self.path.rmdir()
                return
            time.sleep(0.01)

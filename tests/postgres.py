"""A PostgreSQL server of one's own: in a temporary folder, on a socket there and on a free port, gone with the test.

The server refuses to run as root, so a root that tests starts it as `postgres` or `nobody`. It is not skipped on a machine where
root could have installed it: `packaging/machine.sh` does.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def binaries() -> Path | None:
    """The folder of `initdb`; the newest version that Debian has put there, else what is on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def account() -> dict[str, Any]:
    """Who the server runs as, for `subprocess`: root gives itself up."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise AssertionError("neither postgres nor nobody is a user here")


class Postgres:
    """A running server with a database `shop`, whose owner is `shop`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    @property
    def dsn(self) -> str:
        return f"postgresql://shop@127.0.0.1:{self.port}/shop"

    def psql(self, sql: str, database: str = "shop") -> str:
        """What `psql` answers, unaligned and without headings."""
        words = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", f"postgresql://shop@127.0.0.1:{self.port}/{database}", "-c", sql]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def databases(self) -> list[str]:
        return self.psql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1").splitlines()


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """Starts one, and ends it."""
    where = binaries()
    if where is None:
        why = "PostgreSQL is not installed (apt-get install postgresql; packaging/machine.sh does it)"
        pytest.fail(why) if os.geteuid() == 0 and shutil.which("apt-get") else pytest.skip(why)
    who = account()
    folder = Path(tempfile.mkdtemp(prefix="workaday-postgres-"))
    server = None
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        data = folder / "data"

        def run(*words: str) -> None:
            done = subprocess.run(
                words, **who, cwd=folder, capture_output=True, text=True, check=False, env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
            )
            assert done.returncode == 0, done.stdout + done.stderr

        run(str(where / "initdb"), "-D", str(data), "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=16MB -c max_connections=30"
        server = [str(where / "pg_ctl"), "-D", str(data), "-l", str(folder / "log")]
        run(*server, "-w", "-t", "60", "-o", options, "start")
        run(str(where / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "shop", "shop")
        yield Postgres(folder, port)
    finally:
        if server is not None:
            subprocess.run([*server, "-m", "immediate", "stop"], **who, cwd=folder, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One for the session: whoever leaves tables behind drops them."""
    with running() as server:
        yield server

"""Each check of `workaday doctor`, turned by the condition itself on a real project; the few that cannot be made here are named.

The judge alone, with facts that are handed to it, is tested in the crate (`doctor/tests.rs`). Here stands what that cannot
show: that the fact is found where it lies. Several conditions share a run, for each run reads the whole machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from harness import Project, program, wait_until

GIVEN_FACTS = {
    "store.sqlite": "it is compiled into the program: no test can make it older",
    "clock.synchronised": "the kernel's word for the whole machine: a test must not take the clock out of step",
}
"""Checks that are turned by given facts alone, and why."""

JOBS = """
    from workaday import App, Retry, at, every

    app = App("shop")

    @app.task(timeout=None, retry=Retry(attempts=3), retry_safe=False)
    def bare() -> None: ...

    @app.task(retry=Retry(attempts=1), owner="o", expects="e", rollback="r", timeout="1m")
    def fails() -> None:
        raise ValueError("no rows")

    @app.task(owner="o", expects="e", rollback="r", timeout="1m", schedule=[
        every("1h", name="late", catch_up="none"), at("2020-01-01T00:00:00Z", name="gone")])
    def planned() -> None: ...
"""

Found = dict[str, tuple[str, str]]


def doctor(project: Project, **environment: str) -> Found:
    """State and finding of each check."""
    done = project.workaday("doctor", "--json", code=None, **environment)
    return {check["name"]: (check["state"], check["found"]) for check in done.json["checks"]}


def states(found: Found, *names: str) -> dict[str, str]:
    return {name: found[name][0] for name in names}


@contextlib.contextmanager
def writing(project: Project) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(project.database, timeout=10)) as store, store:
        yield store


@pytest.fixture
def bare_pages() -> Iterator[str]:
    """What a proxy would be that takes the headers of the dashboard away."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def has_namespaces() -> bool:
    return subprocess.run(["unshare", "-rnm", "true"], capture_output=True, check=False).returncode == 0


def test_a_running_service_short_of_everything(project: Project, bare_pages: str) -> None:
    project.write("jobs.py", JOBS)
    project.write(
        "workaday.toml",
        f"""
        app = "jobs:app"
        [web]
        public_url = "http://jobs.shop.example"
        [security]
        body_max = "1G"
        [alerts]
        disk_free = "900T"
        wal_size = "4K"
        allow_http = true
        allow_private = true
        [alerts.ops]
        webhook = "http://127.0.0.1:{closed_port()}/hook"
        group = "1s"
        [schedules]
        tz = "UTC"
        """,
    )
    limited = project.start("sh", "-c", f"ulimit -n 1024; exec {program()} up jobs:app", log="up-0.log", DB_PASSWORD="hunter22")
    log = project.root / "up-0.log"
    wait_until(lambda: "is up on" in log.read_text(), within=20, what="it is up", seen=project.tell)
    project.workaday("token", "create", "for-ever")
    [failed] = project.enqueue("fails.enqueue()")
    project.wait_state(failed, "discarded")
    project.workaday("task", "pause", "shop.bare", "--reason", "r")
    project.enqueue("bare.enqueue()")
    project.workaday("queue", "pause", "default", "--reason", "r")
    project.enqueue("planned.enqueue()")
    wait_until(
        lambda: project.rows("SELECT 1 FROM workaday_notices WHERE last_error IS NOT NULL"),
        within=20,
        what="a notice that did not arrive",
        seen=project.tell,
    )
    Path(f"{project.database}-web").write_text(bare_pages, encoding="utf-8")
    with contextlib.closing(sqlite3.connect(project.database)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM workaday_jobs").fetchall()
        with writing(project) as store:
            store.execute("UPDATE workaday_jobs SET run_at = run_at - 3600000000 WHERE state = 'available'")
        found = doctor(project)
    expected = {
        "tasks.owner": "warn",
        "tasks.expects": "warn",
        "tasks.rollback": "warn",
        "tasks.timeout": "warn",
        "tasks.retry_safe": "red",
        "tasks.held": "warn",
        "tasks.waiting": "warn",
        "tasks.discarded": "warn",
        "alerts.undelivered": "red",
        "alerts.receivers": "ok",
        "schedules.reachable": "red",
        "security.exposure": "ok",
        "security.public_url": "warn",
        "security.users": "warn",
        "security.tokens": "warn",
        "security.environment": "warn",
        "security.body_max": "warn",
        "security.headers": "red",
        "store.disk_free": "red",
        "store.wal": "warn",
        "store.present": "ok",
        "worker.running": "ok",
        "worker.heartbeat": "ok",
        "worker.open_files": "warn",
        "worker.not_root": "red" if os.geteuid() == 0 else "ok",
    }
    assert states(found, *expected) == expected, found
    assert found["worker.open_files"][1] == "1024" and found["schedules.reachable"][1] == "shop.planned:gone"
    # It hangs: its sign of life is old, and what is due waits.
    os.kill(limited.pid, signal.SIGSTOP)
    with writing(project) as store:
        store.execute("UPDATE workaday_workers SET seen_at = seen_at - 600000000 WHERE kind = 'supervisor'")
        store.execute("UPDATE workaday_schedules SET next_at = next_at - 7200000000 WHERE name LIKE '%:late'")
    if os.geteuid() == 0:
        os.chown(project.database, 12345, 12345)
    # Beyond loopback a `public_url` without TLS, and no login at all, are refused: doctor has nothing to say there.
    found = doctor(project, WORKADAY_WEB_BIND="0.0.0.0:8765", WORKADAY_WEB_PUBLIC_URL="https://jobs.shop.example")
    hung = {"worker.heartbeat": "red", "schedules.decided": "red", "security.exposure": "warn", "security.public_url": "ok"}
    hung["store.owner"] = "red" if os.geteuid() == 0 else "ok"
    assert states(found, *hung) == hung, found


def test_a_schedule_that_cannot_be_read_and_one_that_never_ran(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.write("workaday.toml", 'app = "jobs:app"\n[schedules]\ntz = "UTC"\n')
    first = project.up()
    first.wait_children()
    wait_until(lambda: project.rows("SELECT 1 FROM workaday_schedules"), within=20, what="the schedules are known", seen=project.tell)
    first.stop()
    found = doctor(project)
    assert states(found, "schedules.readable", "schedules.ran") == {"schedules.readable": "ok", "schedules.ran": "ok"}
    # The task of one is gone with a deploy, and the ticks of the other came while nobody was up: they are left out.
    project.workaday("schedule", "add", "nightly", "--task", "shop.fails", "--every", "1h", "--reason", "r")
    project.write("jobs.py", JOBS.replace("def fails", "def renamed"))
    with writing(project) as store:
        hours = "- 5400000000"
        store.execute(f"UPDATE workaday_schedules SET next_at = next_at {hours}, cursor = cursor {hours}, anchor = anchor {hours}")
    second = project.up()
    wait_until(
        lambda: project.rows("SELECT 1 FROM workaday_schedules JOIN workaday_ticks AS t ON t.reason = 'missed' WHERE state = 'broken'"),
        within=20,
        what="it is broken",
        seen=project.tell,
    )
    second.stop()
    found = doctor(project)
    assert found["schedules.readable"] == ("red", "nightly"), found
    assert found["schedules.ran"] == ("warn", "shop.planned:late"), found


def test_a_store_in_memory_that_others_can_reach_and_a_copy_of_it(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        folder = Path(memory) / "store"
        database = folder / "workaday.db"
        project.write("workaday.toml", f'app = "jobs:app"\ndatabase = "{database}"\n[backup]\nevery = "1d"\n')
        up = project.up()
        up.wait_line("is up on")
        up.stop()
        project.workaday("backup")
        well = doctor(project, WORKADAY_PYTHON="/nowhere/python")
        assert states(well, "backup.age", "backup.proof", "backup.apart", "store.adopted", "store.schema", "store.owner") == {
            "backup.age": "ok", "backup.proof": "warn", "backup.apart": "warn", "store.adopted": "ok", "store.schema": "ok", "store.owner": "ok",
        }  # fmt: skip
        assert well["store.folder"] == ("ok", "0700") and well["store.python_sqlite"][0] == "unknown"
        project.workaday("restore", "--check")
        # Copied to another place, opened to others, changed by hand, its backup old; the folder of backups on a disk.
        copy = Path(memory) / "copy"
        shutil.copytree(folder, copy)
        copy.chmod(0o777)
        (copy / "workaday.db").chmod(0o640)
        if os.geteuid() == 0:
            os.chown(copy / "workaday.db", 12345, 12345)
        with contextlib.closing(sqlite3.connect(copy / "workaday.db")) as store, store:
            store.execute("UPDATE workaday_backups SET at = at - 49 * 3600000000")
            store.execute("DROP INDEX workaday_schedules_next")
        (project.root / "backups").mkdir()
        environment = {"WORKADAY_DATABASE": str(copy / "workaday.db"), "WORKADAY_BACKUP_FOLDER": str(project.root / "backups")}
        found = doctor(project, **environment)
        expected = {
            "store.file_system": "warn",
            "store.fdatasync": "warn",
            "store.permissions": "red",
            "store.folder": "red",
            "store.owner": "unknown" if os.geteuid() == 0 else "ok",
            "store.schema": "red",
            "store.adopted": "red",
            "backup.age": "red",
            "backup.apart": "ok",
            "store.python_sqlite": "warn" if sqlite3.sqlite_version_info < (3, 51, 3) else "ok",
        }
        assert states(found, *expected) == expected, found
        assert found["store.python_sqlite"][1] == sqlite3.sqlite_version
        # The record says that there is a backup; the file is gone.
        for backup in (folder / "backups").iterdir():
            backup.unlink()
        gone = doctor(project)
        assert gone["backup.proof"][0] == "ok", "it was proved, then"
        assert gone["backup.age"][0] == "red" and "gone" in gone["backup.age"][1], gone["backup.age"]


RELEASE = """
app = "jobs:app"
[release]
owner = "o"
expects = "e"
deploy = ["sh", "-c", "touch deploying; exec sleep 600"]
rollback = ["true"]
[release.staging]
level = 1
deploy = ["true"]
schedules = "skip"
"""


def test_a_change_that_hangs_half_done(project: Project) -> None:
    project.write("jobs.py", 'from workaday import App\napp = App("shop")\n')
    project.write(".gitignore", ".workaday/\n__pycache__/\n*.log\neffects.jsonl\ndeploying\n")
    project.write("workaday.toml", RELEASE.split("[release.staging]", maxsplit=1)[0])
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        project.run(*git, *words)
    project.workaday("migrate")
    assert states(doctor(project), "release.open", "release.rehearsal", "release.clean") == {
        "release.open": "ok", "release.rehearsal": "warn", "release.clean": "ok",
    }  # fmt: skip
    releasing = project.start(program(), "release", "run", "--reason", "r", log="release.log")
    wait_until((project.root / "deploying").exists, within=60, what="the deploy runs", seen=project.tell)
    os.killpg(releasing.pid, signal.SIGKILL)
    releasing.wait()
    project.write("workaday.toml", RELEASE)
    found = doctor(project)
    assert found["release.open"][0] == "warn" and found["release.clean"] == ("warn", "workaday.toml")
    assert found["release.rehearsal"] == ("warn", "there was none")
    project.run(*git, "commit", "-qam", "staging")
    project.workaday("rehearse", code=1)
    with writing(project) as store:
        store.execute("UPDATE workaday_releases SET started_at = started_at - 2 * 3600000000")
    found = doctor(project)
    assert found["release.rehearsal"] == ("red", "the last one failed"), found
    assert found["release.open"][0] == "red" and found["release.clean"][0] == "ok"


MACHINE = """
mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc
mount -t tmpfs none /usr/share/zoneinfo
mount --bind "$1/meminfo" /proc/meminfo
mount -t tmpfs -o size=40m none "$2"
cp "$1/workaday.db" "$2/"
"$3" doctor --json
"""


def test_a_machine_with_little_memory_and_a_full_disk(project: Project, tmp_path: Path) -> None:
    """In a mount namespace: another /etc, other time zones, another /proc/meminfo, a small disk."""
    if not has_namespaces():
        pytest.skip("user namespaces are forbidden here")
    project.write("jobs.py", JOBS)
    project.write("workaday.toml", 'app = "jobs:app"\n')
    project.workaday("migrate")
    machine = tmp_path / "machine"
    for folder in ("etc/nginx", "etc/systemd/system"):
        (machine / folder).mkdir(parents=True)
    (machine / "etc/nginx/nginx.conf").write_text("http { server { client_max_body_size 0; location / { proxy_pass http://up; } } }")
    (machine / "etc/systemd/system/workaday.service").write_text("[Service]\nExecStart=/bin/true\n")
    (machine / "meminfo").write_text("MemTotal: 1000000 kB\nMemAvailable: 30000 kB\n")
    shutil.copy(project.database, machine / "workaday.db")
    ran = project.run("unshare", "-rnm", "sh", "-e", "-c", MACHINE, "sh", str(machine), str(project.database.parent), program(), code=None)
    found: Found = {check["name"]: (check["state"], check["found"]) for check in ran.json["checks"]}
    expected = {
        "worker.memory_free": "red",
        "store.disk_free": "red",
        "security.proxy_body_max": "warn",
        "clock.zones": "unknown",
    }
    if shutil.which("systemd-analyze"):
        expected["system.exposure"] = "red"
    assert states(found, *expected) == expected, (found, ran.err)
    assert found["worker.memory_free"][1] == "29 MiB"


def test_every_check_is_turned_by_its_condition_or_stands_among_the_few_that_are_not(project: Project) -> None:
    project.write("workaday.toml", "")
    names = set(doctor(project))
    here = Path(__file__).parent
    text = "".join((here / name).read_text(encoding="utf-8") for name in ("test_doctor_real.py", "test_doctor.py", "test_backups.py"))
    named = {name for name in names if f'"{name}"' in text}
    assert names - named == set(), "given facts alone turn these: make the condition, or say why it cannot be made"
    assert set(GIVEN_FACTS) <= names

"""Every named crash point, on real processes: the program ends there as by kill -9, and every promise holds.

The names come from the program's own list (crates/workaday-store/src/crash_points.rs), so none can be left off; the
points exist in debug builds only. Rounds follow each other on one store, so that each start also recovers from the
kill before it.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from harness import Project, program, wait_until

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "crates" / "workaday-store" / "src" / "crash_points.rs"
NAMES = re.findall(r'"([a-z]+\.[a-z_]+)",', LIST.read_text())

JOBS = """
    import time
    from workaday import App, Retry, every
    from effects import effect

    app = App("points")
    patient = Retry(attempts=30, backoff="fixed", base="20ms")

    @app.task(retry=patient)
    def good(n: int) -> int:
        effect("good", n=n)
        return n

    @app.task(retry=patient)
    def fails_once(n: int) -> int:
        import os
        if not os.path.exists(f"failed-{n}"):
            open(f"failed-{n}", "w").close()
            raise RuntimeError("once")
        effect("fails_once", n=n)
        return n

    @app.task(retry=Retry(attempts=2, backoff="fixed", base="20ms"), timeout="100ms")
    def deaf(n: int) -> None:
        while True:
            try:
                time.sleep(30)
            except BaseException:
                pass  # only a signal that nobody can ignore ends it

    @app.task(retry=patient)
    def slow(n: int) -> None:
        time.sleep(60)

    @app.task(schedule=every("1s"))
    def tick() -> None:
        effect("tick")
"""

CONFIG = """
[worker]
processes = 1
grace = "500ms"
kill_after = "50ms"

[command.shell]
run = ["true"]
"""

BY_HAND = {
    "enqueue.written": ("enqueue", "points.good", "n=1"),
    "cancel.row_moved": ("job", "cancel"),
    "cancel.asked": ("job", "cancel"),
    "retry.revived": ("job", "retry"),
}
MIGRATION = [name for name in NAMES if name.startswith(("migrate.", "backup."))]
CREATION = [name for name in NAMES if name.startswith("create.")]
RUNNING = [name for name in NAMES if name not in BY_HAND and name not in MIGRATION and name not in CREATION]


@pytest.fixture(scope="module")
def debug_program() -> str:
    """The debug build, which has the points. WORKADAY_DEBUG_PROGRAM names one that is built already."""
    if named := os.environ.get("WORKADAY_DEBUG_PROGRAM"):
        return named
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("crash points need a debug build, and there is no cargo here")
    subprocess.run([cargo, "build", "--quiet", "--locked", "--package", "workaday-cli"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return str(target / "debug" / "workaday")


@pytest.fixture
def points(project: Project) -> Project:
    (project.root / "workaday.toml").write_text('app = "jobs:app"\n' + CONFIG)
    project.write("jobs.py", JOBS)
    return project


def test_a_release_build_has_neither_the_switch_nor_the_names(debug_program: str) -> None:
    installed, debug = Path(program()).read_bytes(), Path(debug_program).read_bytes()
    assert b"WORKADAY_CRASH_POINT" in debug, "the debug build has the switch"
    if installed == debug:
        pytest.skip("the installed program is a debug build")
    assert b"WORKADAY_CRASH_POINT" not in installed
    assert not [name for name in NAMES if name.encode() in installed]


def test_an_unknown_point_is_said(points: Project, debug_program: str) -> None:
    ended = points.run(debug_program, "migrate", code=None, WORKADAY_CRASH_POINT="settle.rowmoved")
    assert ended.code != 0
    assert "there is no such point" in ended.err


def killed_at(project: Project, debug: str, point: str, *arguments: str, nth: int = 1) -> bool:
    ended = project.run(debug, *arguments, code=None, WORKADAY_CRASH_POINT=f"{point}:{nth}")
    return ended.code == -signal.SIGKILL


@pytest.mark.timeout(600)
def test_every_point_is_survived(points: Project, debug_program: str) -> None:
    project, reached, acknowledged = points, set[str](), dict[str, str]()

    # -- the store is made, or not
    for name in CREATION:
        assert killed_at(project, debug_program, name, "migrate"), name
        reached.add(name)
        for side in project.root.glob(".workaday/*"):
            side.unlink()
    project.run(debug_program, "migrate")

    # -- migrations and their backups: whole, or as before
    for name in MIGRATION:
        project.run(debug_program, "migrate", "--down-to", "2", "--yes")
        assert killed_at(project, debug_program, name, "migrate"), name
        reached.add(name)
        project.run(debug_program, "migrate")
        assert project.one("SELECT value FROM workaday_meta WHERE name = 'schema'") != "2"

    def enqueue(round_number: int) -> None:
        for task in ("good", "fails_once"):
            for job in project.enqueue(f"{task}.enqueue({round_number})"):
                acknowledged[job] = "completed"
        project.run(debug_program, "enqueue", "command.shell")

    # -- once in peace, so that the catalogue is known
    process = project.start(debug_program, "up", "jobs:app", log="up-first.log")
    project.wait_effect("tick")
    process.send_signal(signal.SIGTERM)
    process.wait(20)

    # -- a supervisor, killed at each point in its turn; each start recovers from the kill before it
    for round_number, name in enumerate(RUNNING):
        enqueue(round_number)
        if name.startswith("signal."):
            project.enqueue("deaf.enqueue(1)")
        log = f"up-{round_number}.log"
        process = project.start(debug_program, "up", "jobs:app", log=log, WORKADAY_CRASH_POINT=name)
        tell = lambda log=log: (project.root / log).read_text()  # noqa: E731
        wait_until(lambda p=process: p.poll() is not None, within=30, what=f"the kill at {name}", seen=tell)
        assert process.returncode == -signal.SIGKILL, f"{name}: ended with {process.returncode}\n{tell()}"
        reached.add(name)

    # -- by hand
    arguments = ("enqueue", "points.good", "--args", '{"n": 9000}')
    assert killed_at(project, debug_program, "enqueue.written", *arguments), "enqueue.written"
    waiting = project.run(debug_program, *arguments, "--delay", "1h", "--json").json["id"]
    assert killed_at(project, debug_program, "cancel.row_moved", "job", "cancel", waiting), "cancel.row_moved"
    assert project.job(waiting)["state"] == "scheduled", "a cancel cut short never was"
    project.run(debug_program, "job", "cancel", waiting)
    assert killed_at(project, debug_program, "retry.revived", "job", "retry", waiting), "retry.revived"
    assert project.job(waiting)["state"] == "cancelled", "a retry cut short never was"
    reached |= {"enqueue.written", "cancel.row_moved", "retry.revived"}

    # -- peace: everything acknowledged is done, once
    process = project.start(debug_program, "up", "jobs:app", log="up-last.log")
    try:
        for job in acknowledged:
            done = lambda j=job: project.job(j)["state"] == "completed"  # noqa: E731
            told = lambda j=job: f"{project.job(j)}\n{(project.root / 'up-last.log').read_text()}"  # noqa: E731
            wait_until(done, within=60, what=f"job {job} to complete", seen=told)
        [running] = project.enqueue("slow.enqueue(2)")
        wait_until(lambda: project.job(running)["state"] == "running", within=20, what="a job that can be asked to stop")
        assert killed_at(project, debug_program, "cancel.asked", "job", "cancel", running), "cancel.asked"
        reached.add("cancel.asked")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)

    doubled = "SELECT job, fence, count(*) FROM workaday_attempts GROUP BY job, fence HAVING count(*) > 1"
    assert project.rows(doubled) == []
    twice = "SELECT id FROM workaday_jobs WHERE id IN (SELECT id FROM workaday_finished)"
    assert project.rows(twice) == []
    ticks = project.rows("SELECT at, until, count FROM workaday_ticks WHERE schedule = 'points.tick' ORDER BY at")
    assert all(after["at"] > before["until"] for before, after in itertools.pairwise(ticks)), "ticks overlap"
    assert project.one("PRAGMA integrity_check") == "ok"
    share = 100 * len(reached) / len(NAMES)
    print(f"crash points: {len(reached)} of {len(NAMES)} reached and survived ({share:.0f} %)")
    assert sorted(reached) == sorted(NAMES)

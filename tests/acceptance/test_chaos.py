"""The harnesses of `chaos/` under test: a planted bug is found by the one that is there for it, and a sound tree passes.

A harness that finds nothing has shown nothing until it has shown that it can.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from chaos import __main__ as every  # noqa: E402
from chaos import clock, page, scene, seam_log  # noqa: E402
from chaos.cgroup import Group  # noqa: E402
from chaos.paths import Paths, after_backup  # noqa: E402

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="the seam between program and kernel is compiled with cc")


def run(harness: str, *options: object, **environment: str) -> tuple[int, dict, str]:
    """A harness from start to end: its exit code, its counts, all that it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WORKADAY_", "PYTEST_"))}
    ended = subprocess.run(
        [sys.executable, "-m", f"chaos.{harness}", *map(str, options)],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=170,
    )
    counts = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    assert counts, ended.stdout + ended.stderr
    return ended.returncode, counts[-1], ended.stdout + ended.stderr


@pytest.fixture
def doctored(tmp_path: Path):
    """A copy of the installed package in which one text stands for another."""
    spec = importlib.util.find_spec("workaday")
    assert spec
    assert spec.origin
    package = tmp_path / "doctored"
    shutil.copytree(Path(spec.origin).parent, package / "workaday")

    def plant(file: str, text: str, instead: str) -> Path:
        path = package / "workaday" / file
        source = path.read_text()
        assert text in source, f"{file} has changed: the bug cannot be planted there any more"
        path.write_text(source.replace(text, instead))
        return package

    return plant


# ---- a sound tree ----


@pytest.mark.parametrize(
    ("harness", "options"),
    [
        ("kill_sweep", ["--points", 4]),
        ("io_errors", ["--points", 2, "--path", "enqueue,cancel,settle,tick"]),
        ("power_loss", ["--n", 400, "--workloads", 4]),
        ("corrupt", ["--n", 120, "--ups", 6]),
        ("kills", ["--n", 15]),
        ("zombie", ["--n", 20]),
        ("ends", ["--n", 8]),
        ("fuzz", ["--n", 200]),
        ("clock", ["--n", 6]),
        ("exhaust", ["--n", 2]),
        ("oom", ["--n", 2]),
        ("backups", ["--n", 4]),
        ("http", ["--n", 300]),
    ],
)
def test_a_sound_tree_passes_and_is_counted(harness: str, options: list[object]) -> None:
    if harness == "clock" and clock.library() is None:
        pytest.skip("libfaketime is not installed (packaging/machine.sh installs it when root)")
    code, counts, said = run(harness, "--seed", 3, *options)
    assert code == 0, said[-3_000:]
    assert counts["count"] > 0
    assert set(counts["result"].values()) == {0}


# ---- planted bugs ----


def test_normal_instead_of_full_loses_enqueues_in_a_power_cut(doctored) -> None:
    package = doctored("client/connection.py", '("synchronous", "FULL", 2)', '("synchronous", "NORMAL", 1)')
    code, counts, _ = run("power_loss", "--n", 200, "--workloads", 2, "--first", "--package", package)
    assert code == 1
    assert counts["result"]["lost"] > 0


def test_a_sync_that_is_left_out_loses_enqueues_in_a_power_cut() -> None:
    code, counts, _ = run("power_loss", "--n", 200, "--workloads", 2, "--first", "--lie", 1)
    assert code == 1
    assert counts["result"]["lost"] > 0


def test_an_id_that_is_not_looked_for_among_the_finished_makes_two_jobs(doctored) -> None:
    package = doctored("sql/sqlite/enqueue.sql", "WHERE NOT EXISTS (SELECT 1 FROM workaday_finished WHERE id = :id)", "WHERE true")
    code, counts, _ = run("kill_sweep", "--path", "enqueue", "--points", 40, "--first", "--package", package)
    assert code == 1
    assert counts["result"]["doubled"] > 0


def test_a_failed_commit_that_is_told_as_certainly_not_stored_is_a_lie_that_is_found(doctored) -> None:
    package = doctored("client/failures.py", "    return outcome_unknown(path, cause(error))", "    return full(path)")
    code, counts, said = run(
        "io_errors", "--path", "enqueue_many", "--way", "EIO for ever", "--call", "fdatasync", "--first", "--package", package
    )
    assert code == 1
    assert counts["result"]["broken"] > 0
    assert "its caller was told that it is not" in said


def test_a_lock_that_somebody_inherited_keeps_the_next_supervisor_out() -> None:
    code, counts, said = run("kills", "--n", 2, "--hold-lock", 1)
    assert code == 1, counts
    assert "supervisor.held" in said


@pytest.mark.skipif(clock.library() is None, reason="libfaketime is not installed")
@pytest.mark.parametrize(("plant", "kind"), [("stuck", "broken"), ("doubled", "doubled")])
def test_a_retry_that_waits_for_a_past_clock_and_a_tick_decided_twice_are_found(plant: str, kind: str) -> None:
    code, counts, said = run("clock", "--n", 2, "--seed", 2, "--plant", plant)
    assert code == 1, said[-2_000:]
    assert counts["result"][kind] > 0


def test_a_supervisor_that_dies_of_want_is_found() -> None:
    code, _, said = run("exhaust", "--n", 1, "--plant", "dies")
    assert code == 1
    assert "the supervisor ended by itself" in said


def test_a_kill_that_is_not_told_as_one_for_memory_is_found() -> None:
    with Group.made("memory") as group:
        if group is None:
            pytest.skip("no memory cgroup can be made here")
    code, _, said = run("oom", "--n", 1, "--plant", "other")
    assert code == 1
    assert "the kernel killed it for want of memory, and its cause is" in said


def test_a_backup_by_cp_of_the_file_alone_loses_what_the_wal_has() -> None:
    code, counts, _ = run("backups", "--n", 1, "--plant", "cp")
    assert code == 1
    assert counts["result"]["lost"] > 0


def test_a_backup_that_is_cut_off_or_was_never_made_is_found(tmp_path: Path) -> None:
    paths = Paths(tmp_path, 1)
    try:
        [route] = [route for route in paths.all() if route.name == "backup"]
        folder = scene.copy_store(route.template, tmp_path)
        ended = route.run(folder, scene.Fault(), False)
        assert ended.code == 0, ended.errors
        assert after_backup(folder, route.before(), ended) == []
        *_, newest = sorted((folder / "backups").glob("*.db.zst"))
        newest.write_bytes(newest.read_bytes()[:-100])
        (problem,) = after_backup(folder, route.before(), ended)
        assert problem.startswith(f"broken: {newest.name} does not restore")
        shutil.rmtree(folder / "backups")
        assert after_backup(folder, route.before(), ended) == ["lost: a backup was reported, and there is none"]
    finally:
        paths.client.stop()


def test_a_dashboard_that_is_gone_is_found() -> None:
    code, counts, _ = run("http", "--n", 20, "--plant", "dies")
    assert code == 1
    assert sum(counts["result"].values()) > 0


@pytest.mark.long
@pytest.mark.skipif("CHAOS_LONG" not in os.environ, reason="builds the program anew: `make chaos` asks for it")
@pytest.mark.timeout(1800)
def test_a_fence_that_is_not_asked_for_and_a_cursor_that_is_not_guarded_are_found(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in listed:
        if name.startswith(("crates/", "xtask/", "python/", ".cargo/")) or "/" not in name:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    statements = tree / "python" / "workaday" / "sql" / "sqlite"
    for name, text, instead in [
        ("running_job", "fence = :fence AND", ":fence = :fence AND"),
        ("delete_running", "fence = :fence AND", ":fence = :fence AND"),
        ("move_cursor", "AND cursor = :known", "AND :known = :known"),
        ("write_tick", "INSERT INTO", "INSERT OR REPLACE INTO"),
    ]:
        path = statements / f"{name}.sql"
        assert text in path.read_text()
        path.write_text(path.read_text().replace(text, instead))
    # Never the tree's own: a program with planted bugs must not be found where the sound one is looked for.
    target = Path(os.environ.get("CHAOS_TARGET", ROOT / "build" / "chaos" / "target"))
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    subprocess.run(["cargo", "build", "--quiet", "--locked", "-p", "workaday-cli"], cwd=tree, env=environment, check=True)
    program = tmp_path / "workaday"
    shutil.copy(target / "debug" / "workaday", program)
    code, counts, said = run("zombie", "--n", 60, CHAOS_PROGRAM=str(program))
    assert code == 1, counts
    assert "the outcome of a claim that was taken back was believed" in said
    assert "jobs for the tick" in said


def test_an_end_that_takes_longer_than_promised_is_found() -> None:
    """Planted: somebody holds the store for longer than an end may take."""
    code, counts, said = run("ends", "--n", 6, "--hold", 15, "--seed", 3, "--first")
    assert code == 1, counts
    assert "exit code 75" in said and "supervisor.cut_short" in said


# ---- all of them together ----


def test_every_harness_has_its_share_and_its_place_on_the_page() -> None:
    harnesses = {file.stem for file in (ROOT / "chaos").glob("*.py") if 'if __name__ == "__main__":' in file.read_text()}
    harnesses -= {"__main__", "page", "drive"}
    assert set(every.SHARES) == harnesses
    assert harnesses - {"sim"} | {"simulator (model)"} <= set(page.HOW)
    assert 0.99 < sum(share for share, _ in every.SHARES.values()) < 1.05


def test_a_run_of_some_ends_with_a_table_of_rates() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WORKADAY_", "PYTEST_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "chaos", "--minutes", "0.2", "--seed", "3", "--only", "zombie,fuzz"],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    table = ended.stdout[ended.stdout.index("| harness |") :].splitlines()
    assert [row.split("|")[1].strip() for row in table[2:4]] == ["zombie", "fuzz"]
    assert all(float(row.split("|")[3].replace(",", "")) > 0 for row in table[2:4])


# ---- the instruments ----


def test_the_seam_misses_no_call_that_strace_sees(tmp_path: Path) -> None:
    """Every write, sync, truncation, unlink and rename on the store's files passes through the seam."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed (packaging/machine.sh installs it when root)")
    store, log, trace = tmp_path / "store", tmp_path / "seam.log", tmp_path / "trace"
    store.mkdir()
    database = store / "w.db"
    requests = [
        {"op": "open", "database": str(database), "catalogue": [], "now": 1_900_000_000_000_000},
        {"op": "checkpoint", "truncate": True},
    ]
    fault = scene.Fault(log=str(log))
    calls = "write,pwrite64,fsync,fdatasync,ftruncate,unlink,rename"
    subprocess.run(
        ["strace", "-f", "-y", "-o", trace, "-e", f"trace={calls}", scene.program(), "test-engine"],
        env={**os.environ, **fault.environment(store, tmp_path / "count")},
        input="".join(json.dumps(request) + "\n" for request in requests).encode(),
        check=True,
        capture_output=True,
    )
    seen: Counter[str] = Counter()
    for line in trace.read_text().splitlines():
        call = re.match(r"\d+ +(\w+)\(", line)
        if call and str(store) in line and "seam.log" not in line:
            seen[call[1].removesuffix("64")] += 1
    noted = Counter(record.name for record in seam_log.read(log) if record.what == "K")
    assert seen, "strace saw nothing"
    assert seen["fsync"] + seen["fdatasync"] > 0
    assert {name: noted[name] for name in seen} == dict(seen)


def test_images_hold_what_was_synced_and_only_that_for_certain(tmp_path: Path) -> None:
    import random

    (tmp_path / "w.db").write_bytes(b"old")
    disk = seam_log.Disk(tmp_path)
    inode = disk.names["w.db"]

    def pass_on(what: str, name: str = "", offset: int = 0, data: bytes = b"", file: int = inode) -> None:
        disk.apply(seam_log.Record(what, name, 1, file, offset, data))

    pass_on("W", offset=0, data=b"new")
    assert disk.image("none", random.Random(1)) == {"w.db": b"old"}
    assert disk.image("all", random.Random(1)) == {"w.db": b"new"}
    pass_on("B")
    pass_on("W", offset=3, data=b"er")  # after the sync began: not covered by it
    pass_on("E")
    assert disk.image("none", random.Random(1)) == {"w.db": b"new"}
    assert disk.image("all", random.Random(1)) == {"w.db": b"newer"}
    pass_on("U", data=f"{tmp_path}/w.db".encode())
    assert disk.image("none", random.Random(1)) == {"w.db": b"new"}, "a name is gone for certain when its folder was synced"
    assert disk.image("all", random.Random(1)) == {}
    pass_on("O", "folder", data=str(tmp_path).encode(), file=99)
    pass_on("E", file=99)
    assert disk.image("none", random.Random(1)) == {}


def test_a_path_makes_the_same_calls_each_time(tmp_path: Path) -> None:
    paths = Paths(tmp_path, 1)
    try:
        routes = [route for route in paths.all() if route.name in {"enqueue", "settle", "tick", "migrate", "backup"}]
        for route in routes:
            counts = {route.run(scene.copy_store(route.template, tmp_path), scene.Fault(), False).calls for _ in range(3)}
            assert len(counts) == 1, f"{route.name}: {counts}"
    finally:
        paths.client.stop()

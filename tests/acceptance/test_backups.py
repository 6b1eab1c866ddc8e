"""Backups are whole under load, after a kill and on a full disk; what they restore is what was there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Finished, Project, alive, program, wait_until

JOBS = """
    from workaday import App
    from effects import effect

    app = App("shop")

    @app.task
    def work(n: int) -> int:
        effect("work", n=n)
        return n
"""

ENQUEUER = """
    import sys
    import jobs

    n = 0
    print("ready", flush=True)
    while True:
        jobs.work.enqueue(n)
        n += 1
        print(n, flush=True)
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("jobs.py", JOBS)
    return project


def folder(project: Project) -> Path:
    return project.database.parent / "backups"


def backups(project: Project) -> list[Path]:
    return sorted(folder(project).glob("*.db.zst"))


def unpacked(backup: Path, to: Path) -> sqlite3.Connection:
    subprocess.run(["zstd", "-q", "-d", "-f", str(backup), "-o", str(to)], check=True)
    return sqlite3.connect(to)


def test_a_backup_under_load_is_one_instant_and_restores(shop: Project) -> None:
    supervisor = shop.up()
    supervisor.wait_children()
    shop.write("enqueuer.py", ENQUEUER)
    busy = shop.start(sys.executable, "enqueuer.py", log="enqueuer.log")
    wait_until(lambda: shop.one("SELECT count(*) FROM workaday_finished") > 50, within=30, what="jobs run")
    made = shop.workaday("backup", "--json").json
    at_backup = made["manifest"]["counts"]
    wait_until(lambda: shop.one("SELECT max(key) FROM workaday_finished") > sum(at_backup.values()), within=30, what="work goes on")
    path = Path(made["path"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert made["recorded"] and made["manifest"]["app_file"] is False
    proof = shop.workaday("restore", "--check", "--json").json
    assert proof["proof"]["counts"] == at_backup and proof["recorded"]
    assert proof["proof"]["claimed"] in (0, 1)
    # While `up` runs, nothing is put back, and the holder is named.
    refused = shop.workaday("restore", "--yes", "--json", code=3)
    assert json.loads(refused.err)["code"] == "supervisor.held" and f"pid={supervisor.pid}" in refused.err
    supervisor.stop()
    # The clients may stay: a restore is one transaction to them.
    ids = shop.one("SELECT count(*) FROM workaday_jobs") + shop.one("SELECT count(*) FROM workaday_finished")
    shop.workaday("restore", "--dry-run")
    assert shop.one("SELECT count(*) FROM workaday_finished") >= at_backup["workaday_finished"], "a dry run changes nothing"
    restored = shop.workaday("restore", str(path), "--yes", "--json").json
    assert restored["claims_paused"] and Path(restored["kept_before"]).exists()
    assert ids > 0
    wait_until(
        lambda: shop.one("SELECT count(*) FROM workaday_jobs") > at_backup["workaday_jobs"],
        within=20,
        what="the client goes on in the restored store",
    )
    os.killpg(busy.pid, signal.SIGKILL)
    busy.wait()
    assert shop.one("PRAGMA integrity_check") == "ok"
    assert shop.one("SELECT count(*) FROM workaday_finished") == at_backup["workaday_finished"]
    # It counts as a copy: nothing runs until somebody says so.
    paused = shop.up()
    paused.wait_line("this store is a copy")
    paused.stop()
    done_before = len(shop.effects("work"))
    adopted = shop.up("jobs:app", "--adopt")
    wait_until(lambda: len(shop.effects("work")) > done_before, within=20, what="claims start")
    shop.wait_all_finished(within=60)
    adopted.stop()


def test_keys_that_were_used_are_not_used_again_after_a_restore(shop: Project) -> None:
    shop.enqueue("work.enqueue(1)")
    shop.workaday("backup")
    shop.enqueue("[work.enqueue(n) for n in range(5)]")
    highest = shop.one("SELECT max(key) FROM workaday_jobs")
    shop.workaday("restore", "--yes")
    assert shop.one("SELECT count(*) FROM workaday_jobs") == 1
    shop.enqueue("work.enqueue(9)")
    assert shop.one("SELECT max(key) FROM workaday_jobs") > highest


def test_older_backups_are_rotated_and_a_name_is_never_overwritten(shop: Project) -> None:
    shop.write("workaday.toml", 'app = "jobs:app"\n[backup]\nkeep = 2\n')
    shop.enqueue("work.enqueue(1)")
    made = [shop.workaday("backup", "--json").json["path"] for _ in range(3)]
    assert [str(path) for path in backups(shop)] == made[1:]
    assert not Path(made[0] + ".json").exists()
    listed = shop.workaday("backup", "--list", "--json").json["backups"]
    assert [row["removed_at"] is not None for row in listed] == [False, False, True]
    own = shop.root / "own.db"
    said = shop.workaday("backup", str(own)).out
    assert "; not compressed: " in said
    # Where `restore` does not look by itself, the hint names the path: it is followed as printed.
    assert f"`workaday restore --check {own}` proves" in said
    assert "restores." in shop.workaday("restore", "--check", str(own)).out
    assert "compressed; integrity_check ok" in shop.workaday("backup", str(own) + ".zst").out
    content = own.read_bytes()
    refused = shop.workaday("backup", str(own), "--json", code=3)
    assert json.loads(refused.err)["code"] == "backup.exists"
    assert own.read_bytes() == content
    assert sqlite3.connect(own).execute("SELECT count(*) FROM workaday_jobs").fetchone() == (1,)


def test_backups_from_before_an_adoption_are_kept_and_told(shop: Project) -> None:
    shop.write("workaday.toml", "[backup]\nkeep = 1\n")
    shop.enqueue("work.enqueue(1)")
    first = Path(shop.workaday("backup", "--json").json["path"])
    assert shop.workaday("backup", "--json").json["rotated"] == [str(first)]
    own = backups(shop)
    shop.workaday("restore", "--yes")
    adopted = shop.up("jobs:app", "--adopt")
    adopted.wait_line("is up on")
    adopted.stop()
    after = shop.workaday("backup", "--json").json
    assert str(own[0]) in after["earlier"] and after["rotated"] == [], "the original may still run elsewhere"
    said = shop.workaday("backup").out
    assert "earlier backup" in said and "before it was adopted" in said and own[0].name in said
    assert not Path(after["path"]).exists() and own[0].exists(), "its own are rotated as ever"
    for path in after["earlier"]:
        Path(path).unlink()
    assert "earlier" not in shop.workaday("backup").out


def test_a_backup_that_is_killed_leaves_no_name_and_the_next_one_clears_up(shop: Project) -> None:
    shop.enqueue("[work.enqueue(n) for n in range(200)]")
    shop.write("workaday.toml", 'app = "jobs:app"\n[backup]\npages = 1\npause = "50ms"\n')
    slow = shop.start(program(), "backup", log="backup.log")
    partial = wait_until(lambda: list(folder(shop).glob("*.partial")) if folder(shop).exists() else [], within=20, what="the copy begins")
    refused = shop.workaday("backup", "--json", code=75)
    assert json.loads(refused.err)["code"] == "backup.running"
    os.kill(slow.pid, signal.SIGKILL)
    slow.wait()
    assert not alive(slow.pid) and partial[0].exists() and backups(shop) == []
    shop.write("workaday.toml", 'app = "jobs:app"\n')
    shop.workaday("backup")
    assert len(backups(shop)) == 1 and not list(folder(shop).glob("*.partial"))


def test_a_damaged_backup_is_refused_and_the_store_untouched(shop: Project) -> None:
    shop.enqueue("[work.enqueue(n) for n in range(20)]")
    path = Path(shop.workaday("backup", "--json").json["path"])
    assert json.loads(shop.workaday("restore", "nowhere.zst", "--json", code=3).err)["code"] == "restore.missing"
    for name, harm in {"flipped": 40, "cut": None}.items():
        copy = shop.root / f"{name}.db.zst"
        content = bytearray(path.read_bytes())
        if harm:
            content[len(content) // 2] ^= 1
        else:
            del content[len(content) // 2 :]
        copy.write_bytes(content)
        refused = shop.workaday("restore", str(copy), "--yes", "--json", code=3)
        assert json.loads(refused.err)["code"] == "restore.damaged", name
    foreign = shop.root / "foreign.db"
    sqlite3.connect(foreign).execute("CREATE TABLE t (n)").connection.close()
    assert json.loads(shop.workaday("restore", str(foreign), "--yes", "--json", code=3).err)["code"] == "restore.unfit"
    assert shop.one("SELECT count(*) FROM workaday_jobs") == 20
    # A lost row is told by the manifest even where the pages are well.
    lost = shop.root / "lost.db"
    with unpacked(path, lost) as store:
        store.execute("DELETE FROM workaday_jobs WHERE key = (SELECT max(key) FROM workaday_jobs)")
    manifest = json.loads(Path(f"{path}.json").read_text())
    sums = hashlib.sha256(lost.read_bytes()).hexdigest()
    Path(f"{lost}.json").write_text(json.dumps({**manifest, "sha256": sums, "database_sha256": sums}))
    refused = shop.workaday("restore", str(lost), "--check", "--json", code=3)
    assert json.loads(refused.err)["code"] == "restore.damaged" and "workaday_jobs" in refused.err


def test_in_an_apps_file_only_our_tables_go_back_unless_asked(shop: Project) -> None:
    shop.database.parent.mkdir()
    own = sqlite3.connect(shop.database)
    own.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
    own.execute("INSERT INTO orders VALUES (1)")
    own.commit()
    shop.enqueue("work.enqueue(1)")
    shop.workaday("backup")
    shop.enqueue("work.enqueue(2)")
    own.execute("INSERT INTO orders VALUES (2)")
    own.commit()
    inode = shop.database.stat().st_ino
    first = shop.workaday("restore", "--yes", "--json").json
    assert first["app_tables"] == []
    assert (shop.one("SELECT count(*) FROM workaday_jobs"), own.execute("SELECT count(*) FROM orders").fetchone()) == (1, (2,))
    path = backups(shop)[0]
    planned = shop.workaday("restore", str(path), "--whole-file", "--dry-run", "--json").json
    assert planned["app_tables"] == ["orders"] and planned["tables"]["orders"] == {"before": 2, "after": 1}
    shop.workaday("restore", str(path), "--whole-file", "--yes")
    assert own.execute("SELECT count(*) FROM orders").fetchone() == (1,), "a connection that stayed open sees what was restored"
    assert shop.database.stat().st_ino == inode, "the file itself was never replaced"
    assert shop.one("PRAGMA integrity_check") == "ok"


def test_a_store_that_cannot_be_read_is_moved_aside(shop: Project) -> None:
    shop.enqueue("work.enqueue(1)")
    shop.workaday("backup")
    for end in ("-wal", "-shm"):
        Path(f"{shop.database}{end}").unlink(missing_ok=True)
    shop.database.write_bytes(b"not a database" * 1000)
    restored = shop.workaday("restore", "--yes", "--json").json
    assert Path(restored["moved_aside"]).read_bytes().startswith(b"not a database")
    assert shop.one("SELECT count(*) FROM workaday_jobs") == 1


def test_what_is_left_of_a_deleted_store_is_not_played_into_the_restored_one(shop: Project) -> None:
    shop.enqueue("[work.enqueue(n) for n in range(5)]")
    shop.workaday("backup")
    # The end of a client that is killed: its rows stand in the WAL alone. Then somebody deletes the file, not what belongs to it.
    shop.python("""
        import os, jobs
        [jobs.work.enqueue(n) for n in range(50)]
        os._exit(0)
    """)
    wal = Path(f"{shop.database}-wal")
    left = wal.read_bytes()
    assert left
    shop.database.unlink()
    restored = shop.workaday("restore", "--yes", "--json").json
    assert shop.one("SELECT count(*) FROM workaday_jobs") == 5, "the rows of the backup and no others"
    assert shop.one("PRAGMA integrity_check") == "ok"
    assert Path(restored["moved_aside"] + "-wal").read_bytes() == left


def test_a_folder_that_cannot_be_written_is_named(shop: Project) -> None:
    shop.enqueue("work.enqueue(1)")
    (shop.root / "file").write_text("")
    shop.write("workaday.toml", 'app = "jobs:app"\n[backup]\nfolder = "file/backups"\n')
    assert json.loads(shop.workaday("backup", "--json", code=1).err)["code"] == "backup.failed"
    lone = Project(shop.root / "lone")
    lone.root.mkdir()
    backup = shop.root / "a.db"
    shop.workaday("backup", str(backup))
    refused = lone.workaday("restore", str(backup), "--yes", "--json", "--database", str(shop.root / "file/x/y.db"), code=1)
    assert json.loads(refused.err)["code"] == "restore.failed"


@pytest.mark.root
def test_a_full_disk_makes_no_backup_and_harms_none(shop: Project, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        shop.write("workaday.toml", f'app = "jobs:app"\n[backup]\nfolder = "{small}"\n')
        shop.enqueue("work.enqueue(1)")
        refused = shop.workaday("backup", "--json", code=1)
        assert json.loads(refused.err)["code"] == "backup.no_room"
        assert not list(small.glob("*.zst*"))
        backup = shop.root / "b.db"
        shop.workaday("backup", str(backup))
        (small / "ballast").write_bytes(b"x" * 1_000_000)
        refused = shop.workaday("restore", str(backup), "--check", "--json", code=1, TMPDIR=str(small))
        assert json.loads(refused.err)["code"] == "restore.no_room"
    finally:
        subprocess.run(["umount", "-l", small], check=False)


def named(shop: Project, path: str | Path) -> str:
    """The backup that `restore` without a path would take."""
    planned = shop.workaday("restore", "--dry-run", "--json").json
    assert Path(planned["path"]).name == Path(path).name
    return planned["path"]


def test_in_a_shared_folder_the_newest_of_this_store_is_taken_by_what_it_says(new_project: Callable[..., Project], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shops = [new_project(name, f'[backup]\nfolder = "{shared}"\n') for name in ("one", "other")]
    for shop in shops:
        shop.write("jobs.py", JOBS)
        shop.enqueue("work.enqueue(1)")
    one, other = shops
    first = one.workaday("backup", "--json").json["path"]
    other.write("workaday.toml", f'app = "jobs:app"\n[backup]\nkeep = 1\nfolder = "{shared}"\n')
    assert other.workaday("backup", "--dry-run", "--json").json["would_delete"] == [], "those of another store are not ours to delete"
    foreign = other.workaday("backup", "--json").json["path"]
    assert Path(foreign).name > Path(first).name, "by its name the other store's is the newest"
    named(one, first)
    named(other, foreign)
    # A name is no date: what was renamed, or made by hand under another name, is found by its manifest.
    second = one.workaday("backup", str(shared / "aaa.db.zst"), "--json").json["path"]
    named(one, second)
    assert one.workaday("restore", "--check", "--json").json["path"] == second
    # The store is gone: the file beside it knows who it was; without it, a person has to say.
    supervisor = one.up()
    supervisor.wait_children()
    supervisor.stop()
    for end in ("", "-wal", "-shm"):
        Path(f"{one.database}{end}").unlink(missing_ok=True)
    named(one, second)
    Path(f"{one.database}-instance").unlink()
    refused = json.loads(one.workaday("restore", "--yes", "--json", code=3).err)
    assert refused["code"] == "restore.unclear" and Path(first).name in refused["got"] and Path(foreign).name in refused["got"]
    assert not one.database.exists()
    Path(foreign).unlink()
    assert one.workaday("restore", "--yes", "--json").json["path"] == second, "all that is left is of one store"


def test_a_folder_with_backups_of_others_alone_is_no_source(new_project: Callable[..., Project], tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    one, other = (new_project(name, f'[backup]\nfolder = "{shared}"\n') for name in ("one", "other"))
    for shop in (one, other):
        shop.write("jobs.py", JOBS)
        shop.enqueue("work.enqueue(1)")
    assert json.loads(one.workaday("restore", "--check", "--json", code=3).err)["code"] == "restore.missing"
    foreign = Path(other.workaday("backup", "--json").json["path"])
    for nameless in (False, True):
        if nameless:
            Path(f"{foreign}.json").unlink()
        refused = json.loads(one.workaday("restore", "--check", "--json", code=3).err)
        assert refused["code"] == "restore.unclear" and foreign.name in refused["got"]
        assert ("without a manifest" in refused["got"]) == nameless


def scratch_folders(*places: Path) -> list[Path]:
    return [path for place in places for path in place.glob("workaday-re*-*")]


def asking(shop: Project, backup: str, temporary: Path, terminal: int) -> subprocess.Popen[bytes]:
    """A restore that has unpacked its copy and waits for the answer."""
    return subprocess.Popen(
        [program(), "restore", backup],
        cwd=shop.root,
        env={**shop.environment, "TMPDIR": str(temporary)},
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        start_new_session=True,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_restore_that_is_ended_leaves_no_copy_of_the_store(shop: Project, tmp_path: Path, how: signal.Signals) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    screen, terminal = os.openpty()
    shop.enqueue("work.enqueue(1)")
    backup = shop.workaday("backup", "--json").json["path"]
    asked = asking(shop, backup, temporary, terminal)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(screen, 1000)
    beside = shop.database.parent
    (left,) = scratch_folders(beside)
    assert (left / "store.db").exists()
    # While its holder lives it is no leftover: neither for the checklist nor for the next command.
    assert leftovers(shop, temporary) == "none"
    shop.workaday("restore", backup, "--check", TMPDIR=str(temporary))
    assert left.exists()
    os.kill(asked.pid, how)
    assert asked.wait(20) == -how
    os.close(terminal)
    os.close(screen)
    if how != signal.SIGKILL:
        assert not left.exists()
        return
    assert left.exists() and str(left) in leftovers(shop, temporary)
    shop.workaday("restore", backup, "--check", TMPDIR=str(temporary))
    assert not scratch_folders(beside, temporary)
    assert leftovers(shop, temporary) == "none"


def leftovers(shop: Project, temporary: Path) -> str:
    checks = shop.workaday("doctor", "--json", code=None, TMPDIR=str(temporary)).json["checks"]
    return next(check["found"] for check in checks if check["name"] == "system.leftovers")


@pytest.mark.parametrize("lacks", ["link,linkat", "link,linkat,renameat2"])
def test_a_file_system_without_links_takes_backups_too(shop: Project, lacks: str) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed (packaging/machine.sh installs it when root)")
    shop.enqueue("work.enqueue(1)")
    calls = lacks.split(",")
    # What vfat and exfat answer to a link, and an old network mount to both.
    errors = [f"inject={call}:error={'EINVAL' if call == 'renameat2' else 'EPERM'}" for call in calls]
    traced = [word for error in errors for word in ("-e", error)]

    def backup(*words: str, code: int = 0) -> Finished:
        record = shop.root / "calls"
        done = shop.run(
            "strace", "-f", "-o", str(record), "-e", f"trace={lacks}", *traced, program(), "backup", *words, "--json", code=code
        )
        assert "INJECTED" in record.read_text(), "the failure was met"
        return done

    made = Path(backup().json["path"])
    own = shop.root / "own.db.zst"
    backup(str(own))
    content = own.read_bytes()
    assert json.loads(shop.workaday("backup", str(own), "--json", code=3).err)["code"] == "backup.exists"
    assert own.read_bytes() == content
    for path in (made, own):
        assert path.stat().st_mode & 0o777 == 0o600
        assert shop.workaday("restore", str(path), "--check", "--json").json["proof"]["opens"]
        assert not list(path.parent.glob("*.partial"))

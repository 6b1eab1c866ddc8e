"""`workaday doctor` on a set-up that is damaged in many places, and its history."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from typing import Any

import pytest
from harness import Project, wait_until

JOBS = """
    from workaday import App, Retry

    app = App("shop")

    @app.task(retry=Retry(attempts=3), retry_safe=False)
    def work(n: int, password: str = "") -> int:
        print("api_token=", "tok-12345678", sep="")
        return n
"""


@pytest.fixture
def damaged(project: Project) -> Project:
    project.write("jobs.py", JOBS)
    project.write("workaday.toml", '[web]\nauth = "none"\n')
    (project.root / "workaday.toml").chmod(0o666)
    project.write(".env", "DB_PASSWORD=hunter22\n").chmod(0o644)
    supervisor = project.up(DB_PASSWORD="hunter22")
    project.enqueue("work.enqueue(1, password='hunter22')")
    project.wait_all_finished()
    supervisor.stop()
    project.database.chmod(0o644)
    return project


def by_name(project: Project, code: int = 1) -> dict[str, dict[str, Any]]:
    found = project.workaday("doctor", "--json", code=code).json
    return {check["name"]: check for check in found["checks"]}


def test_each_damage_is_found_and_no_secret_is_repeated(damaged: Project) -> None:
    done = damaged.workaday("doctor", "--json", code=1)
    checks = {check["name"]: check for check in done.json["checks"]}
    red = {name for name, check in checks.items() if check["state"] == "red"}
    assert {
        "store.permissions",
        "backup.age",
        "worker.running",
        "tasks.retry_safe",
        "security.login",
        "security.arguments",
        "security.logs",
        "security.config",
        "security.dotenv",
        "alerts.receivers",
    } <= red
    assert checks["worker.heartbeat"]["state"] == "unknown"
    assert checks["tasks.owner"]["found"] == "shop.work"
    assert "hunter22" not in done.out and "tok-12345678" not in done.out
    order = ["red", "warn", "unknown", "ok"]
    states = [order.index(check["state"]) for check in done.json["checks"]]
    assert states == sorted(states)


def test_what_is_mended_turns_green_and_the_history_keeps_both(damaged: Project) -> None:
    assert by_name(damaged)["store.permissions"]["state"] == "red"
    for end in ("", "-wal", "-shm"):
        path = damaged.database.with_name(damaged.database.name + end)
        if path.exists():
            path.chmod(0o600)
    damaged.workaday("backup")
    after = by_name(damaged)
    assert after["store.permissions"]["state"] == "ok"
    assert after["backup.age"]["state"] == "ok"
    runs = damaged.workaday("doctor", "--history", "--json").json["runs"]
    kept = [{check["name"]: check["state"] for check in run["checks"]} for run in runs]
    assert [run["backup.age"] for run in kept] == ["ok", "red"]
    assert runs[0]["counts"]["red"] < runs[1]["counts"]["red"]


def test_a_running_supervisor_is_looked_at(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.write("workaday.toml", '[web]\nbind = "127.0.0.1:0"\n')
    project.up(DB_PASSWORD="hunter22").wait_children()
    checks = by_name(project)
    assert checks["worker.running"]["state"] == "ok"
    assert checks["worker.heartbeat"]["state"] == "ok"
    assert checks["store.adopted"]["state"] == "ok"
    assert checks["security.headers"]["state"] == "ok", checks["security.headers"]
    assert "DB_PASSWORD" in checks["security.environment"]["found"]


def test_a_child_that_was_killed_is_a_death_and_one_that_was_sent_home_is_none(project: Project) -> None:
    project.write("jobs.py", JOBS)
    up = project.up()
    up.wait_children()
    living = "SELECT pid FROM workaday_workers WHERE kind != 'supervisor' AND ended_at IS NULL"
    victim = wait_until(lambda: project.rows(living), within=20, what="a child is known")[0]["pid"]
    assert by_name(project)["worker.deaths"]["state"] == "ok"
    os.kill(victim, signal.SIGKILL)
    ended = "SELECT * FROM workaday_workers WHERE pid = ? AND ended_at IS NOT NULL"
    wait_until(lambda: project.rows(ended, victim), within=20, what="its end is written")
    found = by_name(project)["worker.deaths"]
    assert (found["state"], found["found"]) == ("warn", "1 in the last day")
    up.wait_children()
    up.stop()
    assert by_name(project)["worker.deaths"]["found"] == "1 in the last day", "a drain adds none"


def test_a_process_that_holds_the_write_lock_is_named(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.enqueue("work.enqueue(1)")
    assert by_name(project)["store.long_writer"]["state"] == "ok"
    with contextlib.closing(sqlite3.connect(project.database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        # Without its history, which is a write of its own and would wait for that lock.
        found = by_name(project)["store.long_writer"]
        writer.execute("ROLLBACK")
    assert found["state"] == "red" and f"pid {os.getpid()} (" in found["found"]
    assert by_name(project)["store.long_writer"]["state"] == "ok"


def test_a_clock_that_was_set_back_is_noticed(project: Project) -> None:
    project.write("jobs.py", JOBS)
    up = project.up()
    up.wait_line("is up on")
    up.stop()
    assert by_name(project)["clock.not_behind"]["state"] == "ok"
    with contextlib.closing(sqlite3.connect(project.database)) as store, store:
        store.execute("UPDATE workaday_workers SET seen_at = seen_at + 3600 * 1000000, ended_at = ended_at + 3600 * 1000000")
    found = by_name(project)["clock.not_behind"]
    assert found["state"] == "red" and "ahead of this clock" in found["found"]


def test_no_store_is_a_finding_and_no_failure(project: Project) -> None:
    project.write("workaday.toml", "")
    checks = by_name(project)
    assert checks["store.present"]["state"] == "red"
    assert checks["store.permissions"]["state"] == "unknown"
    assert not project.database.exists()

"""Schedules that are added, compared and watched under the real program, and zone data that changes beneath it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Project, Supervisor, wait_until

ADD = ("add", "beat", "--task", "shop.count", "--cron", "* * * * * *", "--args", '{"n": 7}', "--reason", "a customer asked")
JOBS = """
    from effects import effect
    from workaday import App

    app = App("shop")

    @app.task
    def count(n: int) -> None:
        effect("count", n=n)
"""


def schedule(project: Project, *arguments: str, code: int = 0) -> dict[str, object]:
    told = project.workaday("schedule", *arguments, "--json", code=code)
    return json.loads(told.out or told.err)


def start(project: Project) -> Supervisor:
    up = project.up()
    up.wait_line("is up on")
    return up


def wait_state(project: Project, name: str, state: str) -> None:
    wait_until(
        lambda: project.one("SELECT state FROM workaday_schedules WHERE name = ?", name) == state,
        within=20,
        what=f"schedule {name} {state}",
        seen=project.tell,
    )


def test_a_schedule_added_by_hand_runs_outlives_a_deploy_and_is_taken_away(project: Project) -> None:
    project.write("jobs.py", JOBS)
    up = start(project)
    wait_until(lambda: project.rows("SELECT 1 FROM workaday_tasks"), within=20, what="the task", seen=project.tell)
    assert project.workaday("schedule", *ADD[:-2], code=2).err.startswith("error[usage.")
    assert schedule(project, *ADD, "--dry-run")["added"] is False
    assert project.rows("SELECT 1 FROM workaday_schedules") == []
    assert schedule(project, *ADD, "--owner", "crm@shop.example")["added"] is True
    assert schedule(project, *ADD, "--owner", "crm@shop.example")["added"] is False, "word for word the same"
    assert schedule(project, *ADD, "--every", "5s", code=2)["code"].startswith("usage.")  # type: ignore[attr-defined]
    refused = schedule(project, "add", "beat", "--task", "shop.count", "--every", "5s", "--args", '{"n": 1}', "--reason", "x", code=3)
    assert refused["code"] == "schedule.name_taken"
    refused = schedule(project, "add", "x", "--task", "shop.count", "--cron", "0 8 * * *", "--args", '{"n": 1}', "--reason", "x", code=2)
    assert refused["code"] == "schedule.invalid"
    refused = schedule(project, "add", "x", "--task", "shop.count", "--every", "5s", "--args", '{"m": 1}', "--reason", "x", code=2)
    assert refused["code"] == "args.invalid"
    assert project.wait_effect("count", 2)[0]["n"] == 7
    up.stop()
    project.write("jobs.py", JOBS + "\n    print('another release')\n")
    start(project)
    seen = len(project.effects("count"))
    project.wait_effect("count", seen + 1)
    shown = schedule(project, "show", "beat")
    assert (shown["source"], shown["owner"], shown["reason"]) == ("dynamic", "crm@shop.example", "a customer asked")
    assert schedule(project, "remove", "beat", "--dry-run")["removed"] is False
    assert schedule(project, "remove", "beat", "--reason", "no longer a customer")["removed"] is True
    wait_state(project, "beat", "absent")
    assert schedule(project, "remove", "beat", code=3)["code"] == "schedule.unknown"
    acts = project.rows("SELECT action, who FROM workaday_audit WHERE target = 'schedule beat' ORDER BY key")
    assert [act["action"] for act in acts] == ["add", "remove"]
    assert acts[0]["who"] == "crm@shop.example"


def test_a_deploy_is_compared_before_it_is_done(project: Project) -> None:
    project.write(
        "jobs.py",
        """
        from workaday import App, cron
        app = App("shop")

        @app.task(schedule=cron("0 3 * * *", tz="UTC"))
        def report() -> None: ...
        """,
    )
    assert schedule(project, "diff", code=1)["schedules"][0]["what"] == "added"  # type: ignore[index]
    up = start(project)
    wait_until(
        lambda: project.rows("SELECT 1 FROM workaday_schedules"),
        within=20,
        what="the schedule",
        seen=project.tell,
    )
    up.stop()
    assert schedule(project, "diff")["same"] is True
    project.write(
        "next_jobs.py",
        """
        from workaday import App, cron
        print("noise at the import")
        app = App("shop")

        @app.task(schedule=[cron("0 3 * * *", tz="UTC", name="night"), cron("99 3 * * *", tz="UTC", name="wrong")])
        def build() -> None: ...
        """,
    )
    found = schedule(project, "diff", "--app", "next_jobs:app", code=1)
    told = {one["name"]: (one["what"], one["problem"] and one["problem"]["code"]) for one in found["schedules"]}  # type: ignore[attr-defined]
    assert told == {
        "shop.build:night": ("added", None),
        "shop.build:wrong": ("broken", "schedule.invalid"),
        "shop.report": ("broken", "schedule.broken"),
    }
    project.write("next_jobs.py", "raise RuntimeError('half a deploy')\n")
    failed = schedule(project, "diff", "--app", "next_jobs:app", code=1)
    assert failed["code"] == "worker.import_failed"
    assert "half a deploy" in str(failed["message"])
    assert project.one("SELECT count(*) FROM workaday_schedules") == 1, "nothing was changed"


def test_a_schedule_of_the_configuration_that_names_no_command_is_told_at_once(new_project: Callable[..., Project]) -> None:
    project = new_project(config='\n[schedules.lost]\ntask = "command.backup"\ncron = ["0 3 * * *", "0 12 * * 6"]\ntz = "UTC"\n')
    project.write("jobs.py", "raise RuntimeError('the application never speaks')\n")
    start(project)
    wait_state_of_alert = "SELECT message FROM workaday_alerts WHERE code = 'schedule.broken' AND subject = 'lost'"
    told = wait_until(lambda: project.rows(wait_state_of_alert), within=20, what="the alert", seen=project.tell)
    assert "no such task `command.backup`" in told[0]["message"]


def test_schedules_of_a_configuration_that_is_read_again_hold_at_once(project: Project) -> None:
    project.write("jobs.py", JOBS)
    up = start(project)
    wait_until(lambda: project.rows("SELECT 1 FROM workaday_tasks"), within=20, what="the task", seen=project.tell)
    beat = '\n[schedules.beat]\ntask = "shop.count"\nargs = {n = 7}\ncron = "* * * * * *"\n'
    (project.root / "workaday.toml").write_text((project.root / "workaday.toml").read_text() + beat)
    up.process.send_signal(signal.SIGHUP)
    assert project.wait_effect("count")[0]["n"] == 7


def test_a_command_that_is_over_too_soon_and_one_that_fails_are_told_of_their_schedule(new_project: Callable[..., Project]) -> None:
    project = new_project(
        config="""
[command.quick]
run = ["true"]
schedule = ["* * * * * *"]
min_duration = "10s"

[command.wrong]
run = ["false"]
schedule = "* * * * * *"
retry = {attempts = 1}
alert_after_failures = 2
"""
    )
    project.write("jobs.py", "from workaday import App\napp = App('shop')\n")
    start(project)
    for code, subject in (("schedule.too_short", "command.quick"), ("schedule.failing", "command.wrong")):
        wait_until(
            lambda code=code, subject=subject: project.rows("SELECT 1 FROM workaday_alerts WHERE code = ? AND subject = ?", code, subject),
            within=20,
            what=f"{code} of {subject}",
            seen=project.tell,
        )
    status = project.workaday("status", "--json").json["schedules"]
    assert (status["on"], status["broken"]) == (2, 0)
    assert status["last_turn_at"] is not None, "the scheduler's heartbeat"


def test_zone_data_that_changes_under_the_program_moves_the_next_tick(project: Project, tmp_path: Path) -> None:
    """A government moves its clocks: the zone file of before is replaced by another, as a package upgrade does."""
    system = Path("/usr/share/zoneinfo")
    if not (system / "Asia/Tokyo").exists():
        pytest.skip("this machine has no zone data of its own")
    zones = tmp_path / "zoneinfo"
    (zones / "Test").mkdir(parents=True)
    shutil.copy(system / "UTC", zones / "UTC")
    shutil.copy(system / "UTC", zones / "Test/Zone")
    (zones / "tzdata.zi").write_text("# version 2030a\n")
    project.extra_environment["TZDIR"] = str(zones)
    project.write(
        "workaday.toml",
        '[command.night]\nrun = ["true"]\nschedule = "0 3 * * *"\ntz = "Test/Zone"\n',
    )
    project.write("jobs.py", "from workaday import App\napp = App('shop')\n")
    up = start(project)
    next_at = "SELECT next_at FROM workaday_schedules WHERE name = 'command.night' AND next_at IS NOT NULL"
    before = wait_until(lambda: project.one(next_at), within=20, what="its next tick", seen=project.tell)
    assert before % 86_400_000_000 == 3 * 3_600_000_000
    for source, name in ((system / "Asia/Tokyo", "Test/Zone"), (None, "tzdata.zi")):
        fresh = zones / "fresh"
        fresh.write_bytes(source.read_bytes() if source else b"# version 2030b\n")
        os.replace(fresh, zones / name)
    up.process.send_signal(signal.SIGHUP)  # looked at once a minute, and when the configuration is read again
    up.wait_line("time zone data changed: the next tick of command.night moves from")
    after = project.one(next_at)
    assert after % 86_400_000_000 == 18 * 3_600_000_000, "three in the morning nine hours ahead"

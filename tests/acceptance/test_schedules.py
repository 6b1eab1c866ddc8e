"""Schedules under the real program: each tick once, whatever is killed, and a job that knows which tick it is for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from harness import Project, copy_store, program, wait_until

JOBS = """
    from effects import effect
    from workaday import App, Context, cron

    app = App("shop")

    @app.task(schedule=cron("* * * * * *", catch_up="all", limit=60, overlap="allow"))
    def beat(ctx: Context) -> None:
        effect("beat", tick=ctx.tick.isoformat(), schedule=ctx.schedule, attempt=ctx.attempt)
"""


def ledger(project: Project, schedule: str) -> list[dict[str, object]]:
    return project.rows("SELECT * FROM workaday_ticks WHERE schedule = ? ORDER BY at", schedule)


def test_a_schedule_of_every_second_fires_each_second_once_over_kills(project: Project) -> None:
    project.write("jobs.py", JOBS)
    up = project.up()
    project.wait_effect("beat", 2)
    for _ in range(3):
        up.kill()
        seen = len(project.effects("beat"))
        time.sleep(1.2)  # so that ticks fall into the time without a supervisor
        up = project.up()
        project.wait_effect("beat", seen + 3)
    assert up.stop() == 0
    ticks = ledger(project, "shop.beat")
    instants = [int(str(tick["at"])) for tick in ticks]
    assert instants == list(range(instants[0], instants[-1] + 1, 1_000_000)), "no second left out, none twice"
    assert all(tick["reason"] is None for tick in ticks)
    assert any(tick["late"] == 0 for tick in ticks)
    jobs = project.rows("SELECT schedule, tick FROM workaday_finished UNION ALL SELECT schedule, tick FROM workaday_jobs")
    assert sorted(json.loads(job["tick"])["at"] for job in jobs) == instants, "one job a tick"
    began = [effect["tick"] for effect in project.effects("beat") if effect["attempt"] == 1]
    told = {int(datetime.fromisoformat(text).timestamp() * 1_000_000) for text in began}
    assert told <= set(instants)
    assert {effect["schedule"] for effect in project.effects("beat")} == {"shop.beat"}


def test_a_late_run_still_reports_the_day_it_is_for(project: Project) -> None:
    project.write(
        "jobs.py",
        """
        from effects import effect
        from workaday import App, Context, cron

        app = App("shop")

        @app.task(schedule=cron("0 0 * * *", tz="Pacific/Auckland", catch_up_window="1d", args={"store": "Lisbon"}))
        async def report(ctx: Context, store: str) -> None:
            effect("report", day=str(ctx.tick.date()), zone=str(ctx.tick.tzinfo), nominal=str(ctx.tick_nominal), store=store)
        """,
    )
    up = project.up()
    up.wait_line("is up on")
    wait_until(lambda: project.rows("SELECT 1 FROM workaday_schedules"), within=15, what="the schedule", seen=project.tell)
    up.stop()
    # As if nobody had been there for two days: the cursor is what the supervisor goes by.
    day_us = 86_400_000_000
    project.python(
        """
        import sqlite3, sys
        with sqlite3.connect(".workaday/workaday.db") as store:
            store.execute("UPDATE workaday_schedules SET cursor = cursor - ?, next_at = 0", (2 * int(sys.argv[1]),))
        """,
        str(day_us),
    )
    project.up()
    [effect] = project.wait_effect("report")
    from zoneinfo import ZoneInfo

    newest = ledger(project, "shop.report")[-1]
    due = datetime.fromtimestamp(int(str(newest["at"])) / 1_000_000, UTC).astimezone(ZoneInfo("Pacific/Auckland"))
    assert (due.hour, effect["day"], effect["zone"], effect["store"]) == (0, str(due.date()), "Pacific/Auckland", "Lisbon")
    assert effect["nominal"] == f"{due.date()} 00:00:00"
    assert [(tick["reason"], tick["late"]) for tick in ledger(project, "shop.report")] == [("superseded", 0), (None, 1)]


def test_a_bad_expression_is_told_and_the_other_schedule_runs(project: Project) -> None:
    project.write(
        "jobs.py",
        """
        from effects import effect
        from workaday import App, cron

        app = App("shop")

        @app.task(schedule=[cron("61 3 * * *", tz="UTC", name="night"), cron("* * * * * *", name="beat"), cron("15 3 * * *", name="zoneless")])
        def sweep() -> None:
            effect("sweep")
        """,
    )
    project.up()
    project.wait_effect("sweep")
    alert, zoneless = project.rows("SELECT * FROM workaday_alerts WHERE code = 'schedule.invalid' ORDER BY subject")
    assert zoneless["subject"] == "shop.sweep:zoneless"
    assert "it has no `tz`, and `15 3 * * *` names an hour" in zoneless["message"]
    assert alert["subject"] == "shop.sweep:night"
    assert "minute" in alert["message"]
    assert "expected" in alert["message"]


def test_a_renamed_task_does_not_silence_its_schedule(project: Project) -> None:
    project.write("jobs.py", JOBS)
    up = project.up()
    project.wait_effect("beat")
    up.stop()
    project.write("jobs.py", JOBS.replace("def beat", "def renamed"))
    project.up()
    alert = wait_until(
        lambda: project.rows("SELECT * FROM workaday_alerts WHERE code = 'schedule.broken' AND subject = 'shop.beat'"),
        within=15,
        what="an alert for the schedule that lost its task",
        seen=project.tell,
    )
    assert "no such task" in alert[0]["message"]


QUIET = """
    from effects import effect
    from workaday import App, Context, cron

    app = App("shop")

    @app.task(schedule=cron("0 3 * * *", tz="UTC"))
    def report(ctx: Context) -> None:
        effect("report", tick=ctx.tick.isoformat())
"""


def test_acts_by_hand_are_decided_once_and_audited(project: Project) -> None:
    project.write("jobs.py", QUIET)
    up = project.up()
    up.wait_line("is up on")
    wait_until(lambda: project.rows("SELECT 1 FROM workaday_schedules"), within=15, what="the schedule", seen=project.tell)

    def schedule(*arguments: str, code: int = 0) -> dict[str, object]:
        told = project.workaday("schedule", *arguments, "--json", code=code)
        return json.loads(told.out or told.err)

    assert schedule("run", "shop.report")["new"] is True
    project.wait_effect("report", 1)
    filled = ["backfill", "shop.report", "--from", "2026-03-01T00:00:00Z", "--to", "2026-03-03T23:00:00Z"]
    assert project.workaday("schedule", *filled, code=2).err.startswith("error[usage.confirm]")
    assert schedule(*filled, "--yes") == {"schedule": "shop.report", "ticks": 3, "new": 3}
    project.wait_effect("report", 4)
    assert schedule(*filled, "--yes")["new"] == 0, "a tick that has a job gets no second"
    assert schedule("run", "shop.report", "--tick", "2026-03-02T03:00:00Z")["new"] is False
    assert schedule("run", "shop.report", "--tick", "2026-03-02T03:01:00Z", code=3)["code"] == "schedule.no_such_tick"
    missed = schedule("next", "shop.reprt", code=3)
    assert (missed["code"], missed["hint"]) == ("schedule.unknown", "did you mean `shop.report`?")
    ticks = [effect["tick"] for effect in project.effects("report")][1:]
    assert ticks == [f"2026-03-0{day}T03:00:00+00:00" for day in (1, 2, 3)], "one after the other, in order"

    [first, second] = [tick["at"] for tick in schedule("next", "shop.report", "-n", "2")]  # type: ignore[index]
    assert schedule("skip", "shop.report")["skipped"]["first"] == first  # type: ignore[index]
    assert [tick["at"] for tick in schedule("next", "shop.report", "-n", "1")] == [second]  # type: ignore[index]
    assert schedule("history", "shop.report")[0]["reason"] == "skipped_by_hand"  # type: ignore[index]
    project.workaday("schedule", "pause", "shop.report", code=2)
    schedule("pause", "shop.report", "--reason", "stock take")
    assert schedule("next", "shop.report") == []
    assert schedule("resume", "shop.report")["paused_ticks"] == 0
    acts = [row["action"] for row in project.rows("SELECT action FROM workaday_audit WHERE target = 'schedule shop.report' ORDER BY key")]
    assert acts == ["run", "backfill", "backfill", "run", "skip", "pause", "resume"]


def test_a_schedule_of_the_configuration_runs_and_one_taken_out_is_kept_silent(new_project: Callable[..., Project]) -> None:
    beat = '\n[schedules.beat]\ntask = "shop.count"\nargs = {n = 7}\ncron = "* * * * * *"\n'
    project = new_project(config=beat)
    project.write(
        "jobs.py",
        """
        from effects import effect
        from workaday import App

        app = App("shop")

        @app.task
        def count(n: int) -> None:
            effect("count", n=n)
        """,
    )
    up = project.up()
    assert project.wait_effect("count", 2)[0]["n"] == 7
    up.stop()
    project.write("workaday.toml", 'app = "jobs:app"\n')
    project.up()
    wait_until(
        lambda: project.one("SELECT state FROM workaday_schedules WHERE name = 'beat'") == "absent",
        within=15,
        what="the schedule to be absent",
        seen=project.tell,
    )
    assert project.rows("SELECT 1 FROM workaday_ticks WHERE schedule = 'beat' LIMIT 1"), "with its history"


def test_a_copied_store_does_not_tick_until_it_is_adopted(new_project: Callable[..., Project]) -> None:
    first, copy = new_project("first"), new_project("copy")
    for project in (first, copy):
        project.write("jobs.py", JOBS)
    up = first.up()
    first.wait_effect("beat")
    up.stop()
    copy_store(first, copy)
    before = len(ledger(copy, "shop.beat"))
    up = copy.up()
    up.wait_line("this store is a copy")
    up.wait_children()
    assert len(ledger(copy, "shop.beat")) == before
    up.stop()
    assert not copy.effects("beat")
    copy.up("jobs:app", "--adopt")
    copy.wait_effect("beat")


def test_a_command_is_due_by_itself_and_needs_no_app(new_project: Callable[..., Project]) -> None:
    project = new_project()
    command = '[command.beat]\nrun = ["true"]\nschedule = "* * * * * *"\noverlap = "allow"\n'
    project.write("workaday.toml", command)
    up = project.start(program(), "up", log="up.log")
    wait_until(
        lambda: project.database.exists() and Path(f"{project.database}-wake").exists(), within=15, what="the supervisor", seen=project.tell
    )
    finished = "SELECT tick FROM workaday_finished WHERE task = 'command.beat' AND state = 'completed'"
    wait_until(lambda: len(project.rows(finished)) >= 3, within=20, what="three runs of the command", seen=project.tell)
    instants = sorted(json.loads(job["tick"])["at"] for job in project.rows(finished))
    assert instants == list(range(instants[0], instants[-1] + 1, 1_000_000))
    up.terminate()
    assert up.wait(15) == 0

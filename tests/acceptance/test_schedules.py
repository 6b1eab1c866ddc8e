"""Schedules under the real program: each tick once, whatever is killed, and a job that knows which tick it is for."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from harness import Project, wait_until

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

        @app.task(schedule=[cron("61 3 * * *", tz="UTC", name="night"), cron("* * * * * *", name="beat")])
        def sweep() -> None:
            effect("sweep")
        """,
    )
    project.up()
    project.wait_effect("sweep")
    [alert] = project.rows("SELECT * FROM workaday_alerts WHERE code = 'schedule.invalid'")
    assert alert["subject"] == "shop.sweep:night"
    assert "minute" in alert["message"]
    assert "expected" in alert["message"]


@pytest.mark.parametrize("moved", ["renamed"])
def test_a_renamed_task_does_not_silence_its_schedule(project: Project, moved: str) -> None:
    project.write("jobs.py", JOBS)
    up = project.up()
    project.wait_effect("beat")
    up.stop()
    project.write("jobs.py", JOBS.replace("def beat", f"def {moved}"))
    project.up()
    alert = wait_until(
        lambda: project.rows("SELECT * FROM workaday_alerts WHERE code = 'schedule.broken' AND subject = 'shop.beat'"),
        within=15,
        what="an alert for the schedule that lost its task",
        seen=project.tell,
    )
    assert "no such task" in alert[0]["message"]

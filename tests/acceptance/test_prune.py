"""`workaday prune` deletes what is past its retention, says before how much that is, and leaves the rest."""

from __future__ import annotations

import contextlib
import sqlite3

from harness import Project

JOBS = """
    from workaday import App

    app = App("shop")

    @app.task(owner="office@shop.example")
    def work(n: int) -> int:
        print("working on", n)
        print("done with", n)
        return n
"""
DAY_US = 86_400_000_000


def test_jobs_lines_and_measures_go_by_their_own_retention(project: Project) -> None:
    project.write("jobs.py", JOBS)
    up = project.up()
    for number in range(4):
        project.enqueue(f"work.enqueue({number})")
    project.wait_all_finished()
    up.stop()
    # As time would do it: one job ten days ago, one nine weeks; measures of two months ago beside those of today.
    days = {1: 10, 2: 63}
    with contextlib.closing(sqlite3.connect(project.database)) as store, store:
        for key, ago in days.items():
            store.execute("UPDATE workaday_finished SET finished_at = finished_at - ? WHERE key = ?", (ago * DAY_US, key))
            store.execute("UPDATE workaday_logs SET at = at - ? WHERE job = ?", (ago * DAY_US, key))
        # A job that stays while its lines are too old.
        store.execute("UPDATE workaday_logs SET at = at - ? WHERE job = 3", (20 * DAY_US,))
        store.execute("UPDATE workaday_measures SET minute = minute - 61 * 1440")
    measures = project.one("SELECT count(*) FROM workaday_measures")
    assert measures > 0
    told = project.workaday("prune", "--dry-run", "--json").json
    assert told == {"pruned": 2, "log_lines": 4, "measures": measures, "dry_run": True}
    assert project.one("SELECT count(*) FROM workaday_finished") == 4, "a dry run deletes nothing"
    assert project.one("SELECT count(*) FROM workaday_logs") == 8
    words = project.workaday("prune").out
    assert words == f"2 finished jobs, 4 log lines and {measures} minute{'s' * (measures != 1)} of measures past their retention deleted.\n"
    assert [row["key"] for row in project.rows("SELECT key FROM workaday_finished ORDER BY key")] == [3, 4]
    assert [row["job"] for row in project.rows("SELECT DISTINCT job FROM workaday_logs")] == [4]
    assert project.one("SELECT count(*) FROM workaday_measures") == 0
    assert project.workaday("prune", "--json").json == {"pruned": 0, "log_lines": 0, "measures": 0, "dry_run": False}

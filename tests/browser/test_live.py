"""Pages that follow: what changes in the store is on the screen, in place, and never under the reader's hands."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import fill
from .conftest import Window, open_window


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Window]:
    store = tmp_path / "store.db"
    fill.fill(store, 50)
    yield from open_window(store)


def enqueue(store: Path, number: int) -> None:
    connection = sqlite3.connect(store)
    now = time.time_ns() // 1000
    connection.execute(
        "INSERT INTO workaday_jobs (id, task, queue, lane, state, run_at, args, created_at) VALUES (?, 'shop.fresh', 'default', 'sync', 'available', ?, ?, ?)",
        (now.to_bytes(8, "big") + number.to_bytes(8, "big"), now, f'{{"number": {number}}}', now),
    )
    connection.commit()
    connection.close()


def follow(page: Any) -> None:
    """Until the window says that it follows: a change from here on is told."""
    page.locator("#live:text-is('live')").wait_for()


@pytest.mark.short
def test_a_new_job_comes_onto_the_page_by_itself(own: Window, chromium: Any) -> None:
    opened = chromium.new_context()
    opened.add_cookies([own.cookie()])
    page = opened.new_page()
    page.goto(own.url + "/jobs")
    follow(page)
    enqueue(own.store, 1)
    page.get_by_text("number=1").wait_for(timeout=10_000)
    opened.close()


def test_a_row_that_somebody_stands_on_is_not_pushed_away(own: Window, chromium: Any) -> None:
    opened = chromium.new_context()
    opened.add_cookies([own.cookie()])
    page = opened.new_page()
    page.goto(own.url + "/jobs")
    follow(page)
    page.keyboard.press("j")
    first = page.locator("[data-row]").first.get_attribute("data-row")
    enqueue(own.store, 2)
    shown = page.get_by_role("button", name="1 new: show")
    shown.wait_for(timeout=10_000)
    assert page.locator("[data-row]").first.get_attribute("data-row") == first
    shown.click()
    page.get_by_text("number=2").wait_for()
    opened.close()


@pytest.mark.short
def test_the_log_of_a_running_job_is_read_at_its_end_until_somebody_scrolls_up(own: Window, chromium: Any) -> None:
    """A hundred lines are kept in sight at their last one; a log of more than a thousand shows the last ones of it."""
    with contextlib.closing(sqlite3.connect(own.store)) as connection:
        job, key = connection.execute("SELECT lower(hex(id)), key FROM workaday_jobs WHERE state = 'running'").fetchone()

    def say(numbers: range) -> None:
        with contextlib.closing(sqlite3.connect(own.store)) as connection:
            connection.executemany(
                "INSERT INTO workaday_logs (job, fence, seq, at, stream, text) VALUES (?, 1, ?, ?, 'stdout', ?)",
                [(key, number, time.time_ns() // 1000, f"line {number}.") for number in numbers],
            )
            connection.commit()

    say(range(1, 1_101))
    opened = chromium.new_context()
    opened.add_cookies([own.cookie()])
    page = opened.new_page()
    page.goto(f"{own.url}/jobs/{job}")
    log = page.locator(".log.tail")
    is_at_end = "log => log.scrollTop + log.clientHeight >= log.scrollHeight - 4"
    assert "line 1100." in log.inner_text() and "earlier lines: workaday job logs" in log.inner_text()
    assert log.evaluate(is_at_end)
    follow(page)
    say(range(1_101, 1_105))
    page.get_by_text("line 1104.").wait_for(timeout=10_000)
    assert log.evaluate(is_at_end)
    log.evaluate("log => { log.scrollTop = 40; }")
    say(range(1_105, 1_106))
    page.get_by_text("line 1105.").wait_for(timeout=10_000)
    assert log.evaluate("log => log.scrollTop") == 40
    opened.close()


def test_a_release_that_runs_is_followed_step_by_step(own: Window, chromium: Any) -> None:
    def write(statement: str, *values: object) -> int | None:
        with contextlib.closing(sqlite3.connect(own.store)) as connection:
            row = connection.execute(statement, values).lastrowid
            connection.commit()
            return row

    now = time.time_ns() // 1000
    release = write(
        "INSERT INTO workaday_releases (kind, state, revision, reason, owner, plan, started_at) VALUES ('release', 'open', 'abc1234', 'A faster list.', 'ada', '{}', ?)",
        now,
    )
    opened = chromium.new_context()
    opened.add_cookies([own.cookie()])
    page, ledger, checklist = (opened.new_page() for _ in range(3))
    for shown, path in [(page, f"/releases/no-{release}"), (ledger, "/releases"), (checklist, "/checklist")]:
        shown.goto(own.url + path)
        follow(shown)
    write("INSERT INTO workaday_release_steps (release, seq, step, state, began_at) VALUES (?, 1, 'backup', 'begun', ?)", release, now)
    page.get_by_role("cell", name="backup").wait_for(timeout=10_000)
    write(
        "UPDATE workaday_releases SET state = 'done', verdict = 'same', note = 'All went well.', ended_at = ? WHERE release = ?",
        now + 1,
        release,
    )
    page.get_by_text("All went well.").wait_for(timeout=10_000)
    ledger.bring_to_front()
    ledger.get_by_role("row", name="A faster list.").get_by_text("done").wait_for(timeout=10_000)
    found = (
        '[{"name": "clock.synchronized", "verdict": "red", "title": "t", "found": "an hour off", "expected": "e", "fix": "f", "sure": "s"}]'
    )
    write("INSERT INTO workaday_checks (at, reds, warnings, unknowns, goods, checks) VALUES (?, 1, 0, 0, 39, ?)", now, found)
    checklist.bring_to_front()
    checklist.get_by_text("39 checks were good").wait_for(timeout=10_000)
    opened.close()

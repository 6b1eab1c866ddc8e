"""Pages that follow: what changes in the store is on the screen, in place, and never under the reader's hands."""

from __future__ import annotations

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

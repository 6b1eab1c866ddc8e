"""The address of every page, for a store as it is."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

ALWAYS = ["/", "/jobs", "/errors", "/schedules", "/queues", "/releases", "/compare", "/checklist", "/audit", "/about"]


def pages(store: Path) -> list[str]:
    connection = sqlite3.connect(f"file:{store}?mode=ro", uri=True)

    def first(sql: str) -> tuple[bytes | str, ...] | None:
        return connection.execute(sql).fetchone()

    found = list(ALWAYS)
    for sql in (
        "SELECT id FROM workaday_finished WHERE state = 'discarded' ORDER BY finished_at DESC LIMIT 1",
        "SELECT id FROM workaday_jobs WHERE state = 'retryable' LIMIT 1",
        "SELECT id FROM workaday_jobs WHERE state = 'running' LIMIT 1",
    ):
        if row := first(sql):
            assert isinstance(row[0], bytes)
            found.append(f"/jobs/{uuid.UUID(bytes=row[0])}")
    if row := first("SELECT fingerprint FROM workaday_attempts WHERE fingerprint IS NOT NULL LIMIT 1"):
        found.append(f"/errors/{row[0]}")
    if first("SELECT 1 FROM workaday_schedules"):
        states = ("available", "scheduled", "running", "retryable", "held", "completed", "discarded", "cancelled")
        found += [
            "/schedules/nightly_report",
            "/tasks/mail.send_invoice",
            "/releases/3f2c1a9",
            *(f"/jobs?state={state}" for state in states),
        ]
    connection.close()
    return found

"""Whatever a job carries stays text: no element, no attribute, no script comes out of it."""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.parse
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from . import fill
from .conftest import TREE, Window, open_window
from .places import pages

CORPUS = [line for line in (TREE / "tests" / "corpora" / "xss.txt").read_text().splitlines() if line]


class Shape(HTMLParser):
    """Elements and attributes of a document, without its text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, ""))
        for name, value in attrs:
            self.found.add((tag, name))
            if name in ("href", "action", "src", "formaction") and value:
                assert value.startswith(("/", "#")) or value == "", f"{tag} {name}={value}"


def shape(body: bytes) -> set[tuple[str, str]]:
    parser = Shape()
    parser.feed(body.decode())
    return parser.found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """One job a string, which carries it in every field that takes text."""
    store = tmp_path_factory.mktemp("hostile") / "store.db"
    fill.fill(store, 200)
    connection = sqlite3.connect(store)
    now = time.time_ns() // 1000
    for number, text in enumerate(CORPUS):
        key, at = 500_000 + number, now - number * 1_000_000
        carried = {
            "id": (1 << 120 | number).to_bytes(16, "big"),
            "task": text,
            "queue": text,
            "state": ("discarded", "completed", "cancelled")[number % 3],
            "reason": text,
            "args": json.dumps({"order_id": text, text: text}),
            "result": json.dumps(text),
            "unique_key": text,
            "tags": json.dumps([text]),
            "enqueued_release": text,
            "cancel_reason": text,
            "schedule": text,
        }
        connection.execute(
            "INSERT INTO workaday_finished (key, priority, lane, run_at, attempt, attempt_extra, fence, created_at, finished_at, "
            + ", ".join(carried)
            + ") VALUES (?, 0, 'sync', ?, 1, 0, 1, ?, ?, "
            + ", ".join("?" * len(carried))
            + ")",
            (key, at, at, at, *carried.values()),
        )
        error = json.dumps(
            {"type": text, "message": text, "traceback": f'  File "/srv/{text}", line 1, in {text}', "expected": text, "retry": text}
        )
        connection.execute(
            "INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, ended_at, error, cause, child, release, log_lines, fingerprint)"
            " VALUES (?, 1, 1, 'failed', ?, ?, ?, ?, ?, ?, 1, ?)",
            (key, at, at, error, json.dumps({"kind": text}), text, text, f"{number:016x}"),
        )
        connection.execute(
            "INSERT INTO workaday_logs (job, fence, seq, at, stream, level, logger, text) VALUES (?, 1, 1, ?, 'log', ?, ?, ?)",
            (key, at, text, text, text),
        )
        entry = json.dumps(
            {
                "name": text,
                "kind": "sync",
                "queue": text,
                "owner": text,
                "expects": text,
                "rollback": text,
                "doc": text,
                "params": {"properties": {text: {"type": text}}},
            }
        )
        connection.execute(
            "INSERT INTO workaday_tasks (name, queue, lane, entry, release, updated_at) VALUES (?, ?, 'sync', ?, ?, ?) ON CONFLICT DO NOTHING",
            (text, text, entry, text, now),
        )
        connection.execute(
            "INSERT INTO workaday_alerts (code, subject, message, first_at, last_at) VALUES (?, ?, ?, ?, ?)",
            (("job.discarded", text)[number % 2], text, text, now, now),
        )
        connection.execute(
            "INSERT INTO workaday_audit (at, who, action, target, why, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (now, text, text, text, text, text),
        )
        connection.execute(
            "INSERT INTO workaday_holds (task, reason, owner, where_args, created_at) VALUES (?, ?, ?, ?, ?)",
            (text, text, text, json.dumps({text: text}), now),
        )
        connection.execute("INSERT INTO workaday_holds (queue, reason, owner, created_at) VALUES (?, ?, ?, ?)", (text, text, text, now))
        connection.execute(
            "INSERT INTO workaday_schedules (name, task, declared, source, state, broken_reason, anchor, cursor, pause_note, paused_at, owner, reason, created_at, updated_at)"
            " VALUES (?, ?, ?, 'dynamic', 'broken', ?, 0, 0, ?, ?, ?, ?, 0, 0) ON CONFLICT DO NOTHING",
            (text, text, json.dumps({"name": text, "task": text, "cron": [text], "tz": text}), text, text, now, text, text),
        )
        connection.execute(
            "INSERT INTO workaday_ticks (schedule, at, until, count, reason, nominal, offset_s, decided_at) VALUES (?, ?, ?, 1, 'missed', ?, 0, 0)",
            (text, at, at, text),
        )
        connection.execute(
            "INSERT INTO workaday_workers (generation, kind, pid, boot_id, process_started_at, release, started_at, seen_at, ended_at, end_cause) VALUES (9, ?, 1, ?, 0, ?, ?, ?, ?, ?)",
            (text, text, text, at, at, at, text),
        )
        connection.execute(
            "INSERT INTO workaday_mutes (fingerprint, muted_at, who, note) VALUES (?, ?, ?, ?)", (f"{number + 1:016x}", now, text, text)
        )
    connection.commit()
    connection.close()
    yield from open_window(store)


def test_no_text_of_a_job_becomes_an_element_or_an_attribute(hostile: Window, week: Window) -> None:
    assert len(CORPUS) >= 60
    tame: set[tuple[str, str]] = set()
    for path in pages(week.store):
        tame |= shape(week.get(path)[1])
    # A release that is no longer among the newest is refused.
    tame |= shape(week.get("/tasks/none")[1])
    # A filter that is set stands chosen in its list.
    tame |= shape(week.get("/jobs?task=mail.send_invoice&queue=mail&tag=black-friday&text=order")[1])
    # What the hostile store shows and the tame one does not: broken schedules, closed pauses, mutes.
    tame |= {
        ("b", "class"),
        ("i", "class"),
        ("svg", "x"),
        ("svg", "y"),
        ("svg", "viewbox"),
        ("svg", "preserveaspectratio"),
        ("svg", "aria-hidden"),
        ("progress", ""),
    }
    quoted = [urllib.parse.quote(text, safe="") for text in CORPUS]
    places = pages(hostile.store)
    places += [f"/jobs?{field}={text}" for field in ("task", "queue", "tag", "text") for text in quoted[::6]]
    places += [f"/{kind}/{text}" for kind in ("tasks", "schedules", "releases") for text in quoted]
    places += [f"/errors/{number:016x}" for number in range(len(CORPUS))]
    places += [f"/jobs/01000000-0000-0000-0000-{number:012x}" for number in range(len(CORPUS))]
    answered = 0
    for path in places:
        status, body = hostile.get(path)
        assert status < 500, path
        answered += status == 200
        strange = shape(body) - tame
        assert not strange, f"{path}: {strange}"
        assert b"\x1b" not in body and "\u202e".encode() not in body, path
    assert answered > len(places) * 0.8, f"{answered} of {len(places)} pages were looked at"

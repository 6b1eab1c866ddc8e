"""The tables: created whole when there are none, checked for their version, never upgraded from here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from workaday.client import failures
from workaday.client.statements import migrations, statement
from workaday.errors import StoreError

NEWEST = 8
"""The schema that this client writes."""


def version(connection: sqlite3.Connection) -> dict[str, int] | None:
    """schema, min_reader, min_writer of the file; `None` when there are no tables of ours."""
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'workaday_meta'").fetchone()
    if found is None:
        return None
    rows = connection.execute("SELECT name, CAST(value AS INTEGER) FROM workaday_meta WHERE name IN ('schema', 'min_reader', 'min_writer')")
    return {"schema": 0, "min_reader": 0, "min_writer": 0, **dict(rows.fetchall())}


def check(path: str, found: dict[str, int], *, what: str = "write") -> None:
    """Refuses a store that a client of this age may not write, or cannot."""
    if found["schema"] < NEWEST:
        raise StoreError(
            "store.older_schema",
            f"the store `{path}` has schema {found['schema']}, older than this program",
            expected=f"schema {NEWEST}",
            got=f"schema {found['schema']}",
            retry_note="safe after the migration; nothing was stored",
            hint="`workaday migrate` makes a backup and applies what is missing; `workaday up` does so at its start",
        )
    if found["schema"] > NEWEST and found["min_writer" if what == "write" else "min_reader"] > NEWEST:
        raise StoreError(
            "store.newer_schema",
            f"the store `{path}` was written by a newer workaday: this program may not {what} it",
            expected=f"schema {NEWEST} or older",
            got=f"schema {found['schema']} (needs a program that knows {found['min_reader']} to read, {found['min_writer']} to write)",
            retry_note="safe with the newer program; nothing was stored",
            hint="install the workaday that wrote it, or have that one go back: `workaday migrate --down-to NUMBER` keeps a backup first",
        )


def create(connection: sqlite3.Connection) -> None:
    """Makes every table inside the open transaction. Two that arrive together: one makes them, the other finds them."""
    if version(connection) is not None:
        return
    from uuid import uuid4

    number = 0
    for number, text in migrations():  # noqa: B007 - the last number is the schema
        for one in split(text):
            connection.execute(one).close()
    meta = {
        "schema": str(number),
        "min_reader": "1",
        "min_writer": "1",
        "instance_id": str(uuid4()),
        "instance_bound": "0",
        "generation": "0",
    }
    for name, value in meta.items():
        connection.execute(statement("set_meta"), {"name": name, "value": value}).close()


def split(text: str) -> Iterator[str]:
    """The statements of a script: `executescript` would commit first."""
    gathered = ""
    for line in text.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""


def has_other_tables(connection: sqlite3.Connection) -> bool:
    """Does the file belong to an app as well?"""
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table'"
        " AND name NOT LIKE 'workaday\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\')"
    ).fetchone()
    return bool(row[0])


def missing(path: str) -> StoreError:
    """There is a database, but no tables of ours in it."""
    return failures.StoreError(
        "store.tables_missing",
        f"`{path}` has no tables of workaday",
        expected="the tables that `workaday up`, `workaday migrate` or the first enqueue makes",
        retry_note="safe once they are there",
        hint="does `database` in workaday.toml name the file that the service uses?",
    )

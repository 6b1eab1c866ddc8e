"""The shop's own SQLite file: orders, and the charges that must happen once."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
RUN = HERE / ".run"
INVOICES, PICTURES, OUTBOX, REPORTS = (RUN / name for name in ("invoices", "pictures", "outbox", "reports"))

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
  id INTEGER PRIMARY KEY, customer TEXT NOT NULL, email TEXT NOT NULL, item TEXT NOT NULL, cents INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS charges (order_id INTEGER NOT NULL, cents INTEGER NOT NULL, at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS till (tick TEXT PRIMARY KEY, charges INTEGER NOT NULL, cents INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True)
class Order:
    id: int
    customer: str
    email: str
    item: str
    cents: int

    @property
    def price(self) -> str:
        return money(self.cents)


@dataclass(frozen=True)
class Sale:
    order_id: int
    customer: str
    cents: int


def money(cents: int) -> str:
    return f"{cents / 100:.2f} EUR"


def prepare() -> None:
    for folder in (INVOICES, PICTURES, OUTBOX, REPORTS):
        folder.mkdir(parents=True, exist_ok=True)
    with connect() as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)


@contextmanager
def connect() -> Iterator[sqlite3.Connection]:
    """One transaction: committed at the end, rolled back by an exception."""
    connection = sqlite3.connect(RUN / "shop.db", timeout=10, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    with connect() as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def add_order(customer: str, email: str, item: str, cents: int) -> Order:
    with transaction() as connection:
        insert = "INSERT INTO orders (customer, email, item, cents) VALUES (?, ?, ?, ?) RETURNING id"
        [order_id] = connection.execute(insert, (customer, email, item, cents)).fetchone()
    return Order(order_id, customer, email, item, cents)


def order(order_id: int) -> Order:
    with connect() as connection:
        select = "SELECT id, customer, email, item, cents FROM orders WHERE id = ?"
        return Order(*connection.execute(select, (order_id,)).fetchone())


def sales(day: date) -> list[Sale]:
    """What was charged on this day (UTC), in the order of the orders."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    select = """SELECT o.id, o.customer, c.cents FROM charges c JOIN orders o ON o.id = c.order_id
                WHERE c.at >= ? AND c.at < ? ORDER BY o.id"""
    with connect() as connection:
        rows = connection.execute(select, (begins.timestamp(), (begins + timedelta(days=1)).timestamp())).fetchall()
    return [Sale(*row) for row in rows]


def count_till(tick: datetime) -> int:
    """Writes down what is in the till, under the tick it is counted for: a second run of it writes the same row."""
    with transaction() as connection:
        [(count, cents)] = connection.execute("SELECT count(*), coalesce(sum(cents), 0) FROM charges")
        connection.execute("INSERT OR REPLACE INTO till VALUES (?, ?, ?)", (tick.isoformat(), count, cents))
    return count


def note_run(task: str, order_id: int, what: str) -> None:
    """One line for each begin and end of a run, whoever dies afterwards: the demo's proof reads them."""
    line = {"task": task, "order": order_id, "what": what, "pid": os.getpid(), "at": round(time.time(), 3)}
    file = os.open(RUN / "runs.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, (json.dumps(line) + "\n").encode())
    finally:
        os.close(file)


def runs() -> list[dict[str, object]]:
    path = RUN / "runs.jsonl"
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [json.loads(line) for line in whole.splitlines()]


def write_whole(path: Path, content: bytes) -> None:
    """The old file or the new one, never half of it: a run that is repeated may write again."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)

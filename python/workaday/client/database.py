"""What an operation may do inside a transaction: run canonical statements by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Protocol

from workaday.client.statements import statement


class Database(Protocol):
    """A transaction somebody else opened and will end: ours, or the caller's own."""

    path: str

    def execute(self, name: str, parameters: dict[str, Any]) -> int:
        """Runs a writing statement; returns how many rows it touched."""
        ...

    def execute_many(self, name: str, rows: Iterable[dict[str, Any]]) -> int:
        """Runs a writing statement for each row; returns how many rows were touched in all."""
        ...

    def query(self, name: str, parameters: dict[str, Any]) -> list[Any]:
        """The rows of a reading statement, each to be asked by column name."""
        ...


class SqliteDatabase:
    """A plain `sqlite3` connection, ours or the caller's."""

    __slots__ = ("connection", "path")

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self.connection = connection
        self.path = path

    def execute(self, name: str, parameters: dict[str, Any]) -> int:
        return self.connection.execute(statement(name), parameters).rowcount

    def execute_many(self, name: str, rows: Iterable[dict[str, Any]]) -> int:
        return self.connection.executemany(statement(name), rows).rowcount

    def query(self, name: str, parameters: dict[str, Any]) -> list[Any]:
        cursor = self.connection.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(statement(name), parameters).fetchall()

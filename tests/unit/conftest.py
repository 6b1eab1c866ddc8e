"""Shared fixtures: a fresh store of its own for each test, closed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from workaday import App, config
from workaday.client import stores


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of a store that does not exist yet."""
    monkeypatch.delenv("WORKADAY_DATABASE", raising=False)
    monkeypatch.delenv("WORKADAY_CONFIG", raising=False)
    path = tmp_path / "workaday.db"
    yield path
    stores.close(config.database_path(path))


@pytest.fixture
def app(database: Path) -> App:
    return App("shop", database=database)

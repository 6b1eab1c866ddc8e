"""The pytest plugin (entry point `workaday`): fixture `workaday_test`. Nothing happens to tests that do not ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from workaday.testing.engine import Engine
    from workaday.testing.harness import Harness


@pytest.fixture(scope="session")
def workaday_engine() -> Iterator[Engine]:
    """The engine process of this session (one for each xdist worker)."""
    from workaday.testing.engine import Engine

    engine = Engine()
    yield engine
    engine.stop()


@pytest.fixture
def workaday_test(workaday_engine: Engine, tmp_path: Path) -> Iterator[Harness]:
    """A fresh store, a clock that stands still, and the real engine: see `workaday.testing.harness.Harness`."""
    from workaday import clock, config
    from workaday.client import results
    from workaday.testing.harness import Harness, nobody_runs

    harness = Harness(workaday_engine, tmp_path / "workaday.db")
    clock.set_source(harness.clock.now_us)
    config.override(harness.database)
    results.nobody_runs = nobody_runs
    try:
        yield harness
    finally:
        try:
            harness.close()
        finally:
            results.nobody_runs = None
            config.override(None)
            clock.set_source(None)

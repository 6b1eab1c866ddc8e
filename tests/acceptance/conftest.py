"""Fixtures of the acceptance tests: a scratch project that ends everything it started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # harness.py, for the tests and for nothing else

from harness import EFFECTS, Project
from house import House
from postgres import postgres

__all__ = ["postgres"]

CONFIG = """
[worker]
processes = 2
grace = "2s"
"""


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    made: list[Project] = []

    def make(name: str = "project", config: str = CONFIG) -> Project:
        root = tmp_path / name
        root.mkdir()
        project = Project(root)
        project.write("workaday.toml", f'app = "jobs:app"\n{config}')
        project.write("effects.py", EFFECTS)
        made.append(project)
        return project

    yield make
    for project in made:
        project.end_everything()


@pytest.fixture
def project(new_project: Callable[..., Project]) -> Project:
    return new_project()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House.living(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="session")
def kills() -> int:
    """Kills a target and seed: few in CI, `make chaos` asks for many."""
    return int(os.environ.get("KILLS", "6"))


@pytest.fixture(scope="session")
def long_seconds() -> float:
    """How long the long jobs of the storms take; 5 s when asked for many kills."""
    return float(os.environ.get("LONG_SECONDS", "5" if "KILLS" in os.environ else "1"))

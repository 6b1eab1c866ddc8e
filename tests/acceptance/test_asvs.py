"""The security list, line by line, against a running dashboard; and its page in the docs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import asvs
from harness import EFFECTS, Project
from house import House

TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    project = Project(tmp_path_factory.mktemp("house"))
    project.write("workaday.toml", f'app = "jobs:app"\n{asvs.HOUSE_CONFIG}')
    project.write("effects.py", EFFECTS)
    try:
        yield House.open(project)
    finally:
        project.end_everything()


@pytest.mark.parametrize("line", asvs.LINES, ids=[line.check.__name__ for line in asvs.LINES])
def test_a_line_of_the_list_holds(house: House, line: asvs.Line) -> None:
    assert line.check(house)


def test_the_page_in_the_docs_has_every_line() -> None:
    text = (TREE / "docs/security.md").read_text(encoding="utf-8")
    assert text.startswith(asvs.PAGE), "make it anew: python tests/asvs.py --write docs/security.md"
    for line in asvs.LINES:
        assert f"| {line.items} | {line.says} | " in text, line.says

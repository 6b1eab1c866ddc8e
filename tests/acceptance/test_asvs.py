"""The security list, line by line, against a running dashboard; and its page in the docs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import asvs
from house import House

TREE = Path(__file__).parents[2]
DOCS = TREE / "docs/security.md"
ANEW = "make it anew: python tests/asvs.py --write docs/security.md"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with asvs.opened(tmp_path_factory.mktemp("house")) as house:
        yield house


def words(text: str) -> str:
    """Without its counts: a new route changes them, and nothing that is said."""
    return re.sub(r"\d+", "#", text)


@pytest.mark.parametrize("line", asvs.LINES, ids=[line.check.__name__ for line in asvs.LINES])
def test_a_line_of_the_list_holds_and_the_page_says_what_was_found(house: House, line: asvs.Line) -> None:
    told = f"| {line.items} | {line.says} | {line.check(house)} |"
    assert words(told) in words(DOCS.read_text(encoding="utf-8")), ANEW


def test_the_page_in_the_docs_has_every_line_and_no_other() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert text.startswith(asvs.PAGE), ANEW
    rows = text.removeprefix(asvs.PAGE).splitlines()
    assert [row.rpartition(" | ")[0] for row in rows] == [f"| {line.items} | {line.says}" for line in asvs.LINES], ANEW

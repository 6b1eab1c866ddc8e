"""Every code that a person may meet is reached by a test that names it: a code nobody has seen work is a rumour.

The table is built from the tree: the descriptions in `python/workaday/codes`, and the tests of both languages.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
import reached

TREE = Path(__file__).parents[2]
ADVICE = {"safe", "safe_after_fix", "check_first", "never"}
CODES = {
    code: words
    for file in sorted((TREE / "python/workaday/codes").glob("*.json"))
    for code, words in json.loads(file.read_text(encoding="utf-8")).items()
}
OWED = reached.OWED

NOT_SAID = re.compile(r"(?i)\b(oops|sorry|something went wrong|unknown error|invalid input)\b")


@cache
def in_tests() -> dict[str, str]:
    """The text of each test: whole files in `tests` folders, and what stands under `#[cfg(test)]` beside the code."""
    ours = Path(__file__)
    found = {}
    for path in [*TREE.glob("tests/**/*.py"), *TREE.glob("examples/**/*.py"), *TREE.glob("crates/**/*.rs")]:
        if path in (ours, TREE / "tests/reached.py") or "target" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        is_test = path.suffix == ".py" or {"tests", "benches"} & set(path.parts) or path.stem == "tests"
        found[str(path.relative_to(TREE))] = text if is_test else text.partition("#[cfg(test)]")[2]
    return found


def named_in(code: str) -> list[str]:
    """Where a test names it: in quotes, or as it is printed. `"result.not_stored: ` goes on after the code."""
    quoted = re.compile(rf"""["'\[]{re.escape(code)}(?![a-z_.])""")
    return [name for name, text in in_tests().items() if quoted.search(text)]


@pytest.mark.parametrize("code", CODES)
def test_a_test_reaches_it(code: str) -> None:
    if code in OWED:
        assert not named_in(code), f"`{code}` is reached by now: take it out of OWED"
        pytest.skip(OWED[code])
    assert named_in(code), f"no test names `{code}`: add one that makes it happen"


@pytest.mark.parametrize(("code", "words"), CODES.items(), ids=CODES)
def test_its_words_help(code: str, words: dict[str, str]) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", code)
    assert words["retry"] in ADVICE
    assert words["meaning"].endswith("."), "what happened is a sentence"
    assert words["next"].endswith((".", "…", "?")), "and so is what to do now"
    assert not words["title"].endswith("."), "a title is no sentence"
    assert not NOT_SAID.search(" ".join(words.values()))


def test_the_table_has_all_files() -> None:
    assert len(CODES) > 100
    assert len(in_tests()) > 50

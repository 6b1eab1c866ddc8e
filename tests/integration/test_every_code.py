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


def test_no_two_codes_say_the_same() -> None:
    """Words that fit sixteen codes help with none of them."""
    by_words: dict[str, list[str]] = {}
    for code, words in CODES.items():
        by_words.setdefault(words["meaning"], []).append(code)
    assert [codes for codes in by_words.values() if len(codes) > 1] == []


@pytest.mark.parametrize(("code", "words"), CODES.items(), ids=CODES)
def test_what_to_do_next_is_more_than_mending_it(code: str, words: dict[str, str]) -> None:
    assert words["next"].lower() not in {"mend what the message names.", "try again.", "mend it."}
    if words["retry"] == "safe_after_fix":
        assert len(words["next"].split()) >= 4, "what has to be fixed, and how"


PLACEHOLDERS = re.compile(r"\b[A-Z][A-Z_:]{2,}\b")
EXPLAINED = {
    *("APP", "MODULE", "MODULE:APP", "TASK", "QUEUE", "NAME", "ID", "NUMBER", "OTHER", "SCOPE", "COMMAND", "EXPRESSION", "VALUE"),
    *("ASCII", "BEGIN", "IMMEDIATE", "BUSY_SNAPSHOT", "SELECT", "FROM", "WHERE", "HTTP", "JSON", "TOML", "UTF", "UTC", "ISO", "WAL"),
    *("UUID", "IANA", "API", "PATH", "HOME", "SIGTERM", "WORKADAY_BIN", "WORKADAY_CONFIG", "NAME=VALUE"),
}


@pytest.mark.parametrize(("code", "words"), CODES.items(), ids=CODES)
def test_a_word_in_capitals_is_one_that_readers_know(code: str, words: dict[str, str]) -> None:
    """`{name}`, `%s` or a placeholder of the source that was never filled in."""
    text = " ".join(words.values())
    assert not re.search(r"%[sdr]|\{[a-z_]*\}", text.replace('{"expr", "tz", "after", "n"}', ""))
    assert set(PLACEHOLDERS.findall(text)) <= EXPLAINED


SAID_OTHERWISE = {
    ("job.not_found", "check_first"): "it was there when the wait began, and somebody deleted it",
    ("job.result_timeout", "safe"): "`job.result()` asks again; it does not enqueue again, as the command would",
    ("supervisor.system", "safe_after_fix"): "a signal to a supervisor of another user",
}
ADVICE_WORDS = {"Safe": "safe", "SafeAfterFix": "safe_after_fix", "CheckFirst": "check_first", "Never": "never"}


def advice_given() -> set[tuple[str, str]]:
    """Each code with the advice that stands in the expression that makes its error."""
    found: set[tuple[str, str]] = set()
    problem = re.compile(r'Problem::new\(\s*"([a-z]+\.[a-z_]+)"(?:(?!Problem::new|\n\}).)*?RetryAdvice::(\w+)', re.DOTALL)
    for path in TREE.glob("crates/*/src/**/*.rs"):
        source = path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
        found |= {(code, ADVICE_WORDS[advice]) for code, advice in problem.findall(source)}
    raised = re.compile(r'\(\s*"([a-z]+\.[a-z_]+)",\n(?:(?!\n\n).)*?\n\s*retry="([a-z_]+)"', re.DOTALL)
    for path in TREE.glob("python/workaday/**/*.py"):
        found |= set(raised.findall(path.read_text(encoding="utf-8")))
    return {(code, advice) for code, advice in found if code in CODES}


def test_the_advice_of_the_reference_is_the_advice_of_the_error() -> None:
    given = advice_given()
    assert len(given) > 80, "errors are made in another way now: mend the patterns"
    wrong = {pair for pair in given if CODES[pair[0]]["retry"] != pair[1]}
    assert wrong == set(SAID_OTHERWISE)


def test_the_table_has_all_files() -> None:
    assert len(CODES) > 100
    assert len(in_tests()) > 50

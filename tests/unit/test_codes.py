"""Every code that Python raises is described, once."""

import json
import re
from pathlib import Path

import workaday

PACKAGE = Path(workaday.__file__).parent
CODE = re.compile(r'f?"((?:args|enqueue|hold|job|option|store|task|test)\.[a-z_]+)"')


def described() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for file in (PACKAGE / "codes").glob("*.json"):
        for code, words in json.loads(file.read_text(encoding="utf-8")).items():
            assert code not in found
            found[code] = words
    return found


def raised() -> set[str]:
    codes = {code for file in PACKAGE.rglob("*.py") for code in CODE.findall(file.read_text(encoding="utf-8"))}
    # Built from the state that a job ended in.
    return (codes | {"job.discarded", "job.cancelled"}) - {"test.engine_refused"}


def test_every_code_that_is_raised_is_described() -> None:
    assert raised() <= described().keys()


def test_every_description_has_its_four_parts() -> None:
    for code, words in described().items():
        assert set(words) == {"title", "meaning", "retry", "next"}, code
        assert words["retry"] in {"safe", "safe_after_fix", "check_first", "never"}, code
        assert all(words.values()), code

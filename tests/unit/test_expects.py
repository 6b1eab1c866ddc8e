"""Expected results are judged right after the run: what fits, what does not, in whose words."""

from __future__ import annotations

from typing import Any

import pytest
from workaday import App, Expect, RegistrationError, Retry, runner


@pytest.mark.parametrize(
    ("rows", "result", "why"),
    [
        (3, 3, None),
        (3, [1, 2, 3], None),
        ((1, None), 7, None),
        ((None, 5), {}, None),
        ((1, None), 0, "the result has 0 rows, expected 1 or more"),
        (3, [1], "the result has 1 rows, expected 3"),
        ((2, 4), "abcde", "the result has 5 rows, expected 2 to 4"),
        (3, None, "the result is None, which has no number of rows"),
        (1, True, "the result is True, which has no number of rows"),
    ],
)
def test_rows_are_the_number_or_the_length_of_the_result(rows: Any, result: Any, why: str | None) -> None:
    assert Expect("rows", rows=rows).missed(result) == why


def test_a_check_says_what_the_result_is_and_one_that_cannot_judge_finds_it_unexpected() -> None:
    assert Expect("paid", result=lambda r: r["paid"]).missed({"paid": True}) is None
    assert Expect("paid", result=lambda r: r["paid"]).missed({"paid": False}) == "the result is {'paid': False}"
    assert Expect("paid", result=lambda r: r["paid"]).missed({}) == "its check of the result raised KeyError: 'paid'"


@pytest.mark.parametrize("options", [{"rows": -1}, {"rows": (1, 2, 3)}, {"rows": "3"}, {"rows": True}, {"retry": True}])
def test_what_cannot_be_checked_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RegistrationError) as refused:
        Expect("rows", **options)
    assert refused.value.code == "option.expects_invalid"


def test_work_that_must_not_run_twice_is_not_tried_again_for_its_result() -> None:
    with pytest.raises(RegistrationError) as refused:
        App("shop").task(at_most_once=True, expects=Expect("paid", rows=1, retry=True))(lambda: None)
    assert refused.value.code == "task.at_most_once_retried"


def test_a_run_that_misses_stays_completed_and_says_why() -> None:
    app = App("shop")

    @app.task(expects=Expect("a row per store", rows=(1, None)))
    def report() -> int:
        return 0

    outcome = runner.call_sync(report, "{}")
    assert (outcome.word, outcome.payload, outcome.unexpected) == ("completed", "0", "the result has 0 rows, expected 1 or more")


def test_none_is_judged_like_any_result() -> None:
    app = App("shop")

    @app.task(expects=Expect("something", result=lambda r: r is not None))
    def nothing() -> None: ...

    assert runner.call_sync(nothing, "{}").unexpected == "the result is None"


def test_with_retry_it_is_a_failed_attempt_that_tells_what_was_expected() -> None:
    app = App("shop")

    @app.task(expects=Expect("a row per store", rows=(1, None), retry=True), retry=Retry(attempts=2))
    def report() -> int:
        return 0

    outcome = runner.call_sync(report, "{}")
    assert (outcome.word, outcome.retry, outcome.unexpected) == ("failed", True, "the result has 0 rows, expected 1 or more")
    assert "(expected: a row per store)" in outcome.payload

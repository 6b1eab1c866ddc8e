"""What should be true once a job is done, said so that it can be checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from workaday.errors import RegistrationError
from workaday.lengths import length_us, shortened

if TYPE_CHECKING:
    from datetime import timedelta


class Expect:
    """The expected result of a task, in words and as checks.

        expects=Expect("the customer has the e-mail", within="5m", result=lambda r: r is not None)
        expects=Expect("one row per store", rows=(1, None), retry=True)

    `text` is shown beside every failure. `within` is the time from being due to being done. `result` judges the result,
    in the worker, right after the run. `rows` is how many the result must be: a number, or (least, most) with `None` for
    "no limit"; a result that is a whole number counts as itself, any other by its `len`. A plain string is the same as
    `Expect(text)`: shown, not checked.

    A run that succeeds but misses one of them is **unexpected**: it stays completed, and is recorded, counted and alerted.
    With `retry=True` a result that misses is a failed attempt instead, tried again by the task's `Retry`.
    """

    __slots__ = ("result", "retry", "rows", "text", "within_us")

    def __init__(
        self,
        text: str,
        *,
        within: str | timedelta | None = None,
        result: Callable[[Any], bool] | None = None,
        rows: int | tuple[int | None, int | None] | None = None,
        retry: bool = False,
    ) -> None:
        if not isinstance(text, str) or not text.strip():  # pyright: ignore[reportUnnecessaryIsInstance] - not everybody has a type checker
            raise RegistrationError(
                "option.expects_invalid",
                f"Expect(text) is {shortened(text)}",
                expected="a sentence that says what is true afterwards",
            )
        self.text = text
        self.within_us = None if within is None else length_us(within, "Expect(within)", zero=False)
        self.result = result
        self.rows = None if rows is None else _bounds(rows)
        self.retry = retry
        if retry and result is None and rows is None:
            raise RegistrationError(
                "option.expects_invalid",
                "Expect(retry=True) has nothing to judge the result by",
                expected="result= or rows= beside it: being late is not mended by another run",
            )

    @property
    def judges_result(self) -> bool:
        """Is the result looked at?"""
        return self.result is not None or self.rows is not None

    def missed(self, result: Any) -> str | None:
        """Why this result is not the expected one, in words; `None`: it is."""
        if self.rows is not None:
            why = _rows_missed(result, *self.rows)
            if why is not None:
                return why
        if self.result is None:
            return None
        try:
            fits = self.result(result)
        except Exception as error:  # a check that cannot judge has not found the result to be right
            return f"its check of the result raised {type(error).__name__}: {error}"
        return None if fits else f"the result is {shortened(result)}"

    def __repr__(self) -> str:
        return f"Expect({self.text!r})"


def _bounds(rows: Any) -> tuple[int | None, int | None]:
    pair: list[Any] = list(rows) if isinstance(rows, tuple) else [rows, rows]  # pyright: ignore[reportUnknownArgumentType] - judged below
    if len(pair) == 2 and all(bound is None or (type(bound) is int and bound >= 0) for bound in pair):
        return pair[0], pair[1]
    raise RegistrationError(
        "option.expects_invalid",
        f"Expect(rows) is {shortened(tuple(pair))}",
        expected="a whole number of 0 or more, or (least, most) with None for no limit",
    )


def _rows_missed(result: Any, least: int | None, most: int | None) -> str | None:
    if type(result) is int:
        rows = result
    else:
        try:
            rows = len(result)
        except TypeError:
            return f"the result is {shortened(result)}, which has no number of rows"
    if (least is None or rows >= least) and (most is None or rows <= most):
        return None
    if least == most:
        expected = f"{least}"
    elif most is None:
        expected = f"{least} or more"
    else:
        expected = f"{least or 0} to {most}"
    return f"the result has {rows} rows, expected {expected}"

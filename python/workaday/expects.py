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

    `text` is shown beside every failure; `within` is the time from being due to being done; `result` judges the result.
    A plain string is the same as `Expect(text)`.
    """

    __slots__ = ("result", "text", "within_us")

    def __init__(self, text: str, *, within: str | timedelta | None = None, result: Callable[[Any], bool] | None = None) -> None:
        if not isinstance(text, str) or not text.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
            raise RegistrationError(
                "option.expects_invalid",
                f"Expect(text) is {shortened(text)}",
                expected="a sentence that says what is true afterwards",
            )
        self.text = text
        self.within_us = None if within is None else length_us(within, "Expect(within)", zero=False)
        self.result = result

    def __repr__(self) -> str:
        return f"Expect({self.text!r})"

"""What an operator needs to know of a task, stated where the task is written and checked when it is registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workaday.errors import RegistrationError
from workaday.expects import Expect
from workaday.lengths import length_us, shortened, size_bytes
from workaday.retry import Retry

if TYPE_CHECKING:
    from datetime import timedelta

PRIORITY_MIN, PRIORITY_MAX = -100, 100
NAME_CHARACTERS_MAX = 200


class Policy:
    """The options of one task, checked. Where its jobs run (slots, limits) is not said here but in `workaday.toml`."""

    __slots__ = ("at_most_once", "expects", "memory_bytes", "owner", "priority", "queue", "retry", "retry_safe", "rollback", "timeout_us")

    def __init__(
        self,
        *,
        queue: str,
        priority: int,
        retry: Retry | None,
        timeout: str | timedelta | None,
        memory: str | int | None,
        owner: str | None,
        expects: str | Expect | None,
        rollback: str | None,
        retry_safe: bool | None,
        at_most_once: bool,
    ) -> None:
        self.queue = checked_name(queue, "queue")
        self.priority = checked_priority(priority)
        self.at_most_once = _flag(at_most_once, "at_most_once")
        self.retry = self._one_attempt(retry) if at_most_once else _retry(retry)
        self.timeout_us = None if timeout is None else length_us(timeout, "timeout", zero=False)
        self.memory_bytes = None if memory is None else size_bytes(memory, "memory")
        self.owner = _words(owner, "owner")
        self.expects = Expect(expects) if isinstance(expects, str) else expects
        if at_most_once and self.expects is not None and self.expects.retry:
            raise RegistrationError(
                "task.at_most_once_retried",
                "at_most_once=True stands beside Expect(retry=True)",
                expected="one attempt: work that must never run twice is not tried again",
                retry_note="safe after one of the two is removed",
                hint="leave retry=True out: an unexpected result is alerted all the same",
            )
        self.rollback = _words(rollback, "rollback")
        self.retry_safe = None if retry_safe is None else _flag(retry_safe, "retry_safe")

    def _one_attempt(self, retry: Retry | None) -> Retry:
        if retry is not None and _retry(retry).attempts > 1:
            raise RegistrationError(
                "task.at_most_once_retried",
                f"at_most_once=True stands beside Retry(attempts={retry.attempts})",
                expected="one attempt: work that must never run twice is not tried again",
                retry_note="safe after one of the two is removed",
                hint="leave retry= out, or leave at_most_once= out and say retry_safe=True",
            )
        return Retry(attempts=1)

    def lane(self, kind: str) -> str:
        """Which kind of child runs its jobs."""
        return "solo" if self.at_most_once or self.memory_bytes is not None else kind

    def to_json(self) -> dict[str, Any]:
        """The policy's part of a catalogue entry."""
        return {
            "queue": self.queue,
            "priority": self.priority,
            "retry": self.retry.to_json(),
            "timeout_us": self.timeout_us,
            "memory_bytes": self.memory_bytes,
            "at_most_once": self.at_most_once,
            "retry_safe": self.retry_safe,
            "owner": self.owner,
            "expects": None if self.expects is None else self.expects.text,
            "expects_within_us": None if self.expects is None else self.expects.within_us,
            "rollback": self.rollback,
        }


def checked_name(value: Any, what: str) -> str:
    """A queue, task or app name: letters, digits and `_ . : -`, so that it reads alike in a shell, a URL and a path."""
    if isinstance(value, str) and 0 < len(value) <= NAME_CHARACTERS_MAX:
        rest = value.translate(_NAME_MARKS)
        if not rest or rest.isalnum():
            return value
    raise RegistrationError(
        "option.name_invalid",
        f"{what} is {shortened(value)}",
        expected=f"a name of letters, digits and `_ . : -`, at most {NAME_CHARACTERS_MAX} characters",
    )


_NAME_MARKS = str.maketrans("", "", "_.:-")


def checked_priority(value: Any) -> int:
    """A whole number from -100 to 100; higher goes first."""
    if type(value) is not int or not PRIORITY_MIN <= value <= PRIORITY_MAX:
        raise RegistrationError(
            "option.priority_invalid",
            f"priority is {shortened(value)}",
            expected=f"a whole number from {PRIORITY_MIN} to {PRIORITY_MAX}; higher goes first",
        )
    return value


def _retry(value: Any) -> Retry:
    if value is None:
        return Retry()
    if isinstance(value, Retry):
        return value
    raise RegistrationError("option.retry_invalid", f"retry is {shortened(value)}", expected="a Retry(…), such as Retry(attempts=3)")


def _flag(value: Any, what: str) -> bool:
    if value is not True and value is not False:
        raise RegistrationError("option.flag_invalid", f"{what} is {shortened(value)}", expected="True or False")
    return value


def _words(value: Any, what: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise RegistrationError("option.text_invalid", f"{what} is {shortened(value)}", expected="text, for the person who is called at night")

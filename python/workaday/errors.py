"""Errors that tell four things: what failed, what was expected, whether a retry is safe, and the next step.

Every error has a code that never changes its meaning (`workaday/codes/*.json`, docs/reference/errors.md). Rust and the
command line say the same words for the same code.
"""

from __future__ import annotations

from typing import Any, Literal

RetryAdvice = Literal["safe", "safe_after_fix", "check_first", "never"]

_SENTENCES: dict[str, str] = {
    "safe": "safe now",
    "safe_after_fix": "safe after that is mended",
    "check_first": "check first whether it happened",
    "never": "a retry cannot help",
}


class WorkadayError(Exception):
    """Base of everything that Workaday raises; carries the code, the expectation and the retry advice.

    `str(error)` is the text that the command line prints. A subclass is what a caller decides on in `except`; the code
    says exactly what happened.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        expected: str = "",
        got: str | None = None,
        retry: RetryAdvice = "safe_after_fix",
        retry_note: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.expected = expected
        self.got = got
        self.retry: RetryAdvice = retry
        self.retry_note = retry_note
        self.hint = hint

    @property
    def docs(self) -> str:
        """Where the code is explained."""
        return f"docs/reference/errors.md#{self.code.replace('.', '-')}"

    def to_json(self) -> dict[str, Any]:
        """The body of `application/problem+json` and of `--json`."""
        return {
            "code": self.code,
            "message": self.message,
            "expected": self.expected,
            "got": self.got,
            "retry": self.retry,
            "retry_note": self.retry_note,
            "hint": self.hint,
            "docs": self.docs,
        }

    def copy(self) -> WorkadayError:
        """The same error for another waiter: one exception object must not be raised on two threads."""
        twin = self.__class__.__new__(self.__class__, self.code, self.message)
        twin.args = self.args
        twin.__dict__.update(self.__dict__)
        return twin

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.message}"]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.got is not None:
            lines.append(f"  got:      {self.got}")
        lines.append(f"  retry:    {self.retry_note or _SENTENCES[self.retry]}")
        if self.hint:
            lines.append(f"  hint:     {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self.__class__, self.args, self.__dict__))


def _rebuild(kind: type[WorkadayError], args: tuple[Any, ...], state: dict[str, Any]) -> WorkadayError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class RegistrationError(WorkadayError):
    """A task, or one of its options, cannot be as it is written. Raised when the module is imported."""


class ConfigError(WorkadayError):
    """`workaday.toml` or a `WORKADAY_*` variable cannot be used as it is written."""


class ArgumentsInvalid(WorkadayError):
    """The arguments do not fit the task. Nothing was stored."""


class EnqueueError(WorkadayError):
    """An enqueue was refused. Nothing was stored."""


class StoreError(WorkadayError):
    """The store could not be opened, read or written."""


class StoreBusy(StoreError):
    """Another writer held the lock for the whole wait. Certainly nothing was stored; a retry is safe."""


class StoreFull(StoreError):
    """No space is left on the disk of the store. Nothing was stored."""


class StoreCorrupt(StoreError):
    """The file is damaged, or no database. Nothing more is written to it."""


class OutcomeUnknown(StoreError):
    """A COMMIT failed: the row may be there or not. A retry with the same id is safe."""


class JobError(WorkadayError):
    """Something asked of a job cannot be answered or done."""


class JobNotFound(JobError):
    """No job has this id, or it was pruned after its retention."""


class JobFailed(JobError):
    """The result was asked for, and the job ended without one: discarded or cancelled."""


class JobTimeout(JobError, TimeoutError):
    """The result was not there within the time given. The job goes on."""


class ScheduleError(WorkadayError):
    """A schedule cannot be added, removed, paused or resumed as it was asked. Nothing was changed."""


class WorkadayWarning(UserWarning):
    """Something works, but not as well as it should; said once."""

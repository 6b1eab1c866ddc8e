"""How a failed job is tried again: the policy that stands with the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from workaday.errors import RegistrationError
from workaday.lengths import length_us, shortened

if TYPE_CHECKING:
    from datetime import timedelta

Exceptions = tuple[type[BaseException], ...]


class Retry:
    """When, and how often, a task that raised is tried again.

    `attempts` counts all tries, the first included (default 5; 1 = never again). The wait after a failure is `base`
    (default "5s"), doubled each time up to `cap` (default "1h") unless `backoff="fixed"`, and spread by `jitter`
    (default 0.1: up to 10 % earlier or later) so that jobs which failed together do not come back together.

    `never` names exceptions that are given up at once, `on` those that are tried again (default: every `Exception`);
    `never` wins. Both are judged where the exception was raised, subclasses included.

        @app.task(retry=Retry(attempts=8, base="30s", on=(ConnectionError,), never=(ValueError,)))
        def charge(order_id: int) -> None: ...
    """

    __slots__ = ("attempts", "backoff", "base_us", "cap_us", "jitter", "never", "on")

    def __init__(
        self,
        attempts: int = 5,
        *,
        backoff: Literal["exponential", "fixed"] = "exponential",
        base: str | timedelta = "5s",
        cap: str | timedelta = "1h",
        jitter: float = 0.1,
        on: Exceptions | type[BaseException] = (Exception,),
        never: Exceptions | type[BaseException] = (),
    ) -> None:
        self.attempts = _attempts(attempts)
        self.backoff = _backoff(backoff)
        self.base_us = length_us(base, "Retry(base)")
        self.cap_us = length_us(cap, "Retry(cap)")
        self.jitter = _jitter(jitter)
        self.on = _exceptions(on, "on")
        self.never = _exceptions(never, "never")
        if self.base_us > self.cap_us:
            raise _refused("base", base, f"a wait that is not longer than the cap ({shortened(cap)})")

    def retries(self, error: BaseException) -> bool:
        """Is this exception tried again? `sys.exit()` in a task counts as any `Exception` does."""
        wanted = isinstance(error, self.on) or (Exception in self.on and not isinstance(error, Exception))
        return wanted and not isinstance(error, self.never)

    def to_json(self) -> dict[str, Any]:
        """The policy as the catalogue states it; exception classes stay here, where they can be judged."""
        return {
            "attempts": self.attempts,
            "backoff": self.backoff,
            "base_us": self.base_us,
            "cap_us": self.cap_us,
            "jitter": self.jitter,
        }

    def __repr__(self) -> str:
        return f"Retry(attempts={self.attempts}, backoff={self.backoff!r}, base_us={self.base_us}, cap_us={self.cap_us})"


def _attempts(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 1000:
        raise _refused("attempts", value, "a whole number of tries from 1 to 1000, the first included")
    return value


def _backoff(value: Any) -> str:
    if value not in {"exponential", "fixed"}:
        raise _refused("backoff", value, '"exponential" or "fixed"')
    return value


def _jitter(value: Any) -> float:
    if type(value) not in {int, float} or not 0 <= value <= 1:
        raise _refused("jitter", value, "a share from 0 to 1")
    return float(value)


def _exceptions(value: Any, name: str) -> Exceptions:
    kinds = cast("tuple[Any, ...]", value if isinstance(value, tuple) else (value,))
    for kind in kinds:
        if not _is_exception(kind):
            raise _refused(name, kind, "exception classes, such as (ConnectionError, TimeoutError)")
    return kinds


def _is_exception(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _refused(name: str, value: object, expected: str) -> RegistrationError:
    return RegistrationError(
        "option.retry_invalid",
        f"Retry({name}) is {shortened(value)}",
        expected=expected,
        retry_note="safe after the policy is mended",
    )

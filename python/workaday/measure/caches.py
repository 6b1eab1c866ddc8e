"""Hits and misses of `functools.lru_cache`."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from workaday.measure.counters import current

if TYPE_CHECKING:
    from collections.abc import Callable


def counted_cache(function: Callable[..., Any]) -> Callable[..., Any]:
    """Counts hits and misses of an `lru_cache` for the request or job that asks it; put it above:

        @counted_cache
        @lru_cache(maxsize=1000)
        def price(article_id: int) -> int: ...

    `cache_info` and `cache_clear` stay. A hit is a call during which the cache's own count of misses has not moved, so in
    a process with many threads a miss of another thread at the same instant may be taken for one of ours.
    """
    info: Any = getattr(function, "cache_info", None)
    if info is None:
        from workaday.errors import RegistrationError

        raise RegistrationError(
            "option.cache_invalid",
            f"counted_cache was given {getattr(function, '__name__', function)!r}, which has no cache_info()",
            expected="a function made by functools.lru_cache or functools.cache",
            retry_note="safe after it stands above @lru_cache",
        )

    def counted(*args: Any, **options: Any) -> Any:
        counters = current.get()
        if counters is None:
            return function(*args, **options)
        before = info().misses
        value = function(*args, **options)
        if info().misses == before:
            counters.cache_hits += 1
        else:
            counters.cache_misses += 1
        return value

    update_wrapper(counted, function)
    for name in ("cache_info", "cache_clear", "cache_parameters"):
        setattr(counted, name, getattr(function, name))
    return counted

"""A histogram of whole numbers (µs, KiB, counts): the same buckets and bytes as `core::measure::histogram` in Rust.

Below 64 every number has a bucket of its own; above, each power of two is cut into 32, so the middle of a bucket is at
most 1.6 % from any number in it. `tests/vectors/histograms.jsonl` holds both sides to it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_SHARED = 64
_VALUE_MAX = (1 << 64) - 1
_FORMAT = 1
_BUCKETS_MAX = 1_920


def bucket_of(value: int) -> int:
    """The bucket of a value from 0 to 2⁶⁴ - 1."""
    if value < _FIRST_SHARED:
        return value
    shift = value.bit_length() - 6
    return (shift << 5) + (value >> shift)


def value_of(bucket: int) -> int:
    """The value told for a bucket: its middle, rounded down; the value itself below 64."""
    if bucket < _FIRST_SHARED:
        return bucket
    return _start_of(bucket) + ((1 << (bucket >> 5) - 1) - 1) // 2


@cache
def _buckets_of() -> Callable[[int], int]:
    """Of a value, one more than its bucket: how many buckets begin at it or below it. No line of Python runs for a value."""
    return partial(bisect_right, [_start_of(bucket) for bucket in range(_BUCKETS_MAX)])


def _start_of(bucket: int) -> int:
    """The least value of a bucket."""
    if bucket < _FIRST_SHARED:
        return bucket
    shift = (bucket >> 5) - 1
    return (bucket - (shift << 5)) << shift


class Histogram:
    """Many numbers, remembered by bucket. Exact: how many, their sum, the greatest. To 1.6 %: everything else."""

    __slots__ = ("buckets", "max", "sum")

    def __init__(self) -> None:
        self.buckets: dict[int, int] = {}
        self.sum = 0
        self.max = 0

    def record(self, value: int, count: int = 1) -> None:
        """Adds a value, `count` times. Below 0 counts as 0."""
        value = 0 if value < 0 else min(value, _VALUE_MAX)
        bucket = bucket_of(value)
        buckets = self.buckets
        buckets[bucket] = buckets.get(bucket, 0) + count
        self.sum = min(self.sum + value * count, _VALUE_MAX)
        if value > self.max:
            self.max = value

    def record_all(self, values: list[int]) -> None:
        """As `record` of each, in a quarter of the time."""
        if not values:
            return
        if min(values) < 0 or max(values) > _VALUE_MAX:
            values = [min(max(0, value), _VALUE_MAX) for value in values]
        for after, count in Counter(map(_buckets_of(), values)).items():
            self.buckets[after - 1] = self.buckets.get(after - 1, 0) + count
        self.sum = min(self.sum + sum(values), _VALUE_MAX)
        self.max = max(self.max, *values)

    def merge(self, other: Histogram) -> None:
        """Adds all that another one has."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.sum = min(self.sum + other.sum, _VALUE_MAX)
        self.max = max(self.max, other.max)

    def count(self) -> int:
        """How many values were recorded."""
        return sum(self.buckets.values())

    def quantile(self, share: float) -> int | None:
        """The value that this share of all (0 to 1) does not exceed; `None` when nothing was recorded."""
        import math

        rank = max(1, math.ceil(min(1.0, max(0.0, share)) * self.count()))
        seen = 0
        for bucket, count in sorted(self.buckets.items()):
            seen += count
            if seen >= rank:
                return min(value_of(bucket), self.max)
        return None

    def encode(self) -> bytes:
        """Compact bytes: format, sum, max, then (gap to the bucket before, count), each a LEB128. Nothing recorded: no bytes."""
        if not self.buckets:
            return b""
        out = bytearray((_FORMAT,))
        _put(out, self.sum)
        _put(out, self.max)
        after = 0
        for bucket, count in sorted(self.buckets.items()):
            _put(out, bucket - after)
            _put(out, count)
            after = bucket + 1
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes) -> Histogram:
        """From the bytes of `encode`; `ValueError` for any other."""
        made = cls()
        if not data:
            return made
        if data[0] != _FORMAT:
            raise ValueError("no histogram of a format that this version knows")
        numbers = _numbers(data[1:])
        if len(numbers) < 2 or len(numbers) % 2:
            raise ValueError("a histogram that was cut short")
        made.sum, made.max = numbers[0], numbers[1]
        after = 0
        for gap, count in zip(numbers[2::2], numbers[3::2], strict=True):
            bucket = after + gap
            if bucket >= _BUCKETS_MAX or count == 0:
                raise ValueError("a histogram with a bucket that there is not")
            made.buckets[bucket] = count
            after = bucket + 1
        return made


def _put(out: bytearray, value: int) -> None:
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _numbers(data: bytes) -> list[int]:
    numbers: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            continue
        if value > _VALUE_MAX:
            raise ValueError("a number beyond 64 bits")
        numbers.append(value)
        value = shift = 0
    if shift:
        raise ValueError("a histogram that was cut short")
    return numbers

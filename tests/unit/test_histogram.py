"""Histograms count as the vectors say, which Rust is held to as well."""

from __future__ import annotations

import json
import pathlib
import random

import pytest
from workaday.measure.histogram import Histogram, bucket_of, value_of

VECTORS = pathlib.Path(__file__).parents[1] / "vectors" / "histograms.jsonl"


@pytest.mark.parametrize("vector", [json.loads(line) for line in VECTORS.read_text().splitlines()], ids=lambda vector: vector["name"])
def test_python_counts_as_the_vectors_say_and_as_rust_does(vector: dict) -> None:
    histogram = Histogram()
    for value, count in vector["values"]:
        histogram.record(value, count)
    assert [[value_of(bucket), count] for bucket, count in sorted(histogram.buckets.items())] == vector["buckets"]
    assert [histogram.count(), histogram.sum, histogram.max] == [vector["count"], vector["sum"], vector["max"]]
    assert [[share, histogram.quantile(share)] for share, _ in vector["quantiles"]] == vector["quantiles"]
    assert histogram.encode().hex() == vector["blob"]
    again = Histogram.decode(bytes.fromhex(vector["blob"]))
    assert (again.buckets, again.sum, again.max) == (histogram.buckets, histogram.sum, histogram.max)


def test_a_bucket_tells_any_number_within_two_percent() -> None:
    chance = random.Random(3)
    for _ in range(2000):
        value = chance.getrandbits(chance.randint(1, 64))
        assert abs(value_of(bucket_of(value)) - value) <= value / 62


def test_recording_many_is_recording_each() -> None:
    chance = random.Random(4)
    edges = [(1 << power) + step for power in range(64) for step in (-1, 0, 1)]
    values = [-5, (1 << 64) + 7, *edges, *(chance.getrandbits(chance.randint(1, 64)) for _ in range(2000))]
    each, many = Histogram(), Histogram()
    for value in values:
        each.record(value)
    many.record_all(values[:1000])
    many.record_all(values[1000:])
    many.record_all([])
    assert (many.buckets, many.sum, many.max) == (each.buckets, each.sum, each.max)


def test_merging_is_recording_everything_in_one() -> None:
    left, right, whole = Histogram(), Histogram(), Histogram()
    for value in (3, 900, 41_000):
        left.record(value)
        whole.record(value)
    for value in (900, 7_000_000):
        right.record(value)
        whole.record(value)
    left.merge(right)
    assert left.encode() == whole.encode()


@pytest.mark.parametrize("data", [b"\x09\x01\x01", b"\x01\x00\x00\x80", b"\x01\x00\x00\x05", b"\x01\x00\x00\xff\xff\x01\x01"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"histogram|64 bits"):
        Histogram.decode(data)

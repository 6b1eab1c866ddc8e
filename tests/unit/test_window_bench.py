"""What bench/window.py makes of its figures: a cost is judged by what the scatter allows, and the table says what is missed."""

from __future__ import annotations

import copy
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def window() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_window", TREE / "bench" / "window.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    searched = list(sys.path)
    sys.modules["bench_window"] = module  # its data classes look for it there
    spec.loader.exec_module(module)
    sys.path[:] = searched  # it adds its own folders, whose names are not for other tests
    return module


def spread(p50: float, p99: float) -> dict[str, float]:
    return {"p50": p50, "p99": p99, "max": p99, "n": 40}


def cost(median: float, low: float, high: float) -> dict[str, Any]:
    percent = {"median": median, "low": low, "high": high, "sure": 0.97}
    return {
        "throughput_percent": dict(percent),
        "processor_percent": dict(percent),
        "without_per_second": [30_000, 34_000],
        "with_per_second": [31_000],
        "without_ms_per_1000": [41.5, 42.5],
        "with_ms_per_1000": [42.0],
        "window_percent": 1.5,
        "window_percents": [1.25, 1.75],
        "memory": {"with_kib": 20_480},
    }


@pytest.fixture
def run() -> dict[str, Any]:
    return {
        "when": "2026-11-22 22:30 UTC",
        "machine": {"processor": "A processor", "cores": 2, "python": "3.11.7"},
        "viewers": cost(1.0, -0.5, 4.9),
        "dashboards": cost(0.5, -1.0, 1.9),
        "memory": {"off_mib": 17.6, "on_mib": 18.6, "read_mib": 20.7},
        "pages": {
            "jobs": 1_000_000,
            "store_mib": 297,
            "pages": {
                "/": {"first_ms": spread(49.9, 80.0), "warm_ms": spread(10.0, 49.9), "json_ms": spread(9.0, 12.0), "bytes": 59_999},
                "/metrics": {"first_ms": spread(20.0, 30.0), "warm_ms": spread(8.0, 9.0), "json_ms": [], "bytes": 5_100},
            },
        },
    }


def test_figures_within_their_bars_are_not_missed(window: ModuleType, run: dict[str, Any]) -> None:
    assert window.missed(run) == []
    assert "Above the bar" not in window.table(run)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("pages", "pages", "/", "first_ms", "p50"), 50.0, "/ first_ms p50: 50.0, expected < 50"),
        (("pages", "pages", "/", "warm_ms", "p99"), 50.0, "/ warm_ms p99: 50.0, expected < 50"),
        (("pages", "pages", "/", "json_ms", "p99"), 51.2, "/ json_ms p99: 51.2, expected < 50"),
        (("pages", "pages", "/", "bytes"), 60_000, "/: 60000 bytes"),
        (
            ("dashboards", "processor_percent"),
            {"median": 3.0, "low": 2.0, "high": 4.0},
            "dashboards: processor 3.0 % (2.0 to 4.0), expected < 2 %",
        ),
        (("dashboards", "window_percent"), 2.0, "dashboards: the window's own threads 2.0 %, expected < 2 %"),
        (
            ("viewers", "throughput_percent"),
            {"median": 6.0, "low": -2.0, "high": 9.0},
            "viewers: throughput 6.0 % (-2.0 to 9.0), expected < 5 %: likely, but not beyond the scatter",
        ),
    ],
)
def test_a_figure_at_its_bar_is_missed(window: ModuleType, run: dict[str, Any], path: tuple[str, ...], value: object, said: str) -> None:
    within = copy.deepcopy(run)
    place = run
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert window.missed(run) == [said]
    assert f"Above the bar: {said}." in window.table(run)
    assert window.missed(within) == [], "the fixture itself is within its bars"


def test_parts_that_were_not_measured_are_not_missed(window: ModuleType, run: dict[str, Any]) -> None:
    assert window.missed({"pages": run["pages"]}) == []
    assert window.missed({}) == []


def test_the_table_shows_each_figure_with_its_scatter_and_bar(window: ModuleType, run: dict[str, Any]) -> None:
    lines = window.table(run).splitlines()
    assert (
        "| 500 viewers who follow: cost in processor time for each job | 1.0 %, surely -0.5 to 4.9 % (without: 41.5 to 42.5 ms for 1,000) | < 5 % |"
        in lines
    )
    assert (
        "| 500 viewers who follow: cost in jobs a second | 1.0 %, surely -0.5 to 4.9 % (without: 30,000 to 34,000 a second) | < 5 % |"
        in lines
    )
    assert any(
        line.startswith("| 5 dashboards and a scrape each 2.5 s: cost in processor time") and line.endswith("| < 2 % |") for line in lines
    )
    assert "| … the window's own threads, of what the jobs need | 1.5 % (a turn: 1.25 to 1.75) | < 2 % |" in lines
    assert "| … with 500 viewers in a drain | 20.0 MiB | |" in lines
    assert "| `/` | 49.9 | 10.0 | 49.9 | 9.0 | 12.0 | 60.0 |" in lines
    assert "| `/metrics` | 20.0 | 8.0 | 9.0 |  |  | 5.1 |" in lines, "what has no twin has no figure of one"
    assert lines[-1] == "A processor, 2 cores, Python 3.11.7; 2026-11-22 22:30 UTC."


def test_each_turn_is_held_against_its_neighbours(window: ModuleType) -> None:
    """A machine that grows slower by the turn is not a cost."""
    turns = window.Turns(without=[100.0, 80.0, 60.0], having=[90.0, 70.0])
    assert turns.more_percent() == [pytest.approx(0), pytest.approx(0)]
    turns = window.Turns(without=[100.0, 100.0], having=[98.0])
    assert turns.more_percent() == [pytest.approx(-2)]


@pytest.mark.parametrize(
    ("values", "low", "high", "sure"),
    [
        ([1.0], 1.0, 1.0, 0.0),
        ([3.0, 1.0, 2.0], 1.0, 3.0, 0.75),
        ([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 1.0, 6.0, 0.97),
        ([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 2.0, 7.0, 0.93),
    ],
)
def test_an_interval_says_how_sure_it_is(window: ModuleType, values: list[float], low: float, high: float, sure: float) -> None:
    """From the binomial distribution: with n values, the median lies outside the outermost two with a chance of 2 / 2^n."""
    found = window.judged(values)
    assert (found["low"], found["high"], found["sure"]) == (low, high, sure)

"""`workaday compare` on exported evidence that this file makes, and baselines on a store that really measured."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import Finished, Project, wait_until

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 60
DAY = 24 * HOUR


def evidence(
    chance: random.Random, first: int, count: int, *, factor: float = 1.0, calls: int = 3, errors: float = 0.002, rate: int = 30
) -> Iterator[dict[str, object]]:
    """Minutes `first` to `first + count` of a route with a daily wave and some noise."""
    for minute in range(first, first + count):
        wave = 0.1 * math.sin(2 * math.pi * (minute % DAY) / DAY)
        level = 80_000 * factor * math.exp(wave + 0.05 * chance.gauss(0, 1))
        buckets: dict[int, int] = {}
        for _ in range(rate):
            value = round(math.exp(round(math.log(level * math.exp(0.4 * chance.gauss(0, 1))) / 0.03) * 0.03))
            buckets[value] = buckets.get(value, 0) + 1
        yield {
            "minute": (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "kind": "route",
            "name": "GET /orders",
            "release": "r1",
            "count": rate,
            "errors": sum(chance.random() < errors for _ in range(rate)),
            "run_us": {"sum": sum(v * n for v, n in buckets.items()), "max": max(buckets), "buckets": [*map(list, buckets.items())]},
            "db_calls": {"sum": calls * rate, "max": calls, "buckets": [[calls, rate]]},
            "cache_hits": 0,
            "cache_misses": 0,
        }


class Files:
    """BEFORE, AFTER and a history of seven days, around one moment."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.chance = folder, random.Random(7)
        self.at = 7 * DAY + 9 * HOUR
        self.history = self.write("history", evidence(self.chance, 0, self.at - HOUR))
        self.before = self.write("before", evidence(self.chance, self.at - HOUR, HOUR))

    def write(self, name: str, lines: Iterator[dict[str, object]]) -> str:
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return str(path)

    def after(self, **how: float) -> str:
        return self.write("after", evidence(self.chance, self.at, HOUR, **how))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("evidence"))


def verdict(project: Project, files: Files, after: str, *, code: int, history: bool = True) -> dict[str, object]:
    older = ["--history", files.history] if history else []
    return project.workaday("compare", "--jsonl", files.before, after, *older, "--json", code=code).json


def said(ended: Finished) -> str:
    return ended.out + ended.err


def measures(answer: dict[str, object], wanted: str) -> set[str]:
    findings = answer["findings"]
    assert isinstance(findings, list)
    return {finding["measure"] for finding in findings if finding["verdict"] == wanted}


def test_half_as_slow_again_is_worse_with_a_sentence(project: Project, files: Files) -> None:
    answer = verdict(project, files, files.after(factor=1.5), code=4)
    assert answer["verdict"] == "worse"
    assert {"run_p50", "run_p95"} <= measures(answer, "worse")
    shown = project.workaday("compare", "--jsonl", files.before, files.after(factor=1.5), "--history", files.history, code=4).out
    assert "p95 rose" in shown
    assert "moments without a release" in shown


def test_a_third_faster_is_better(project: Project, files: Files) -> None:
    answer = verdict(project, files, files.after(factor=0.6), code=0)
    assert answer["verdict"] == "better"


def test_nothing_changed_is_the_same(project: Project, files: Files) -> None:
    answer = verdict(project, files, files.after(), code=0)
    assert answer["verdict"] == "same"
    assert not measures(answer, "worse")


def test_more_errors_are_worse(project: Project, files: Files) -> None:
    answer = verdict(project, files, files.after(errors=0.08), code=4)
    assert "error_rate" in measures(answer, "worse")


def test_more_database_calls_are_worse_without_any_history(project: Project, files: Files) -> None:
    answer = verdict(project, files, files.after(calls=41), code=4, history=False)
    assert measures(answer, "worse") == {"db_calls"}


def test_times_without_a_history_are_not_judged(project: Project, files: Files) -> None:
    answer = verdict(project, files, files.after(factor=1.5), code=0, history=False)
    assert {"run_p50", "run_p95"} <= measures(answer, "not_enough")
    assert "db_calls" in measures(answer, "same")


def test_too_little_traffic_is_said_with_the_number_that_is_needed(project: Project, tmp_path: Path) -> None:
    few = Files.__new__(Files)
    few.folder, few.chance, few.at = tmp_path, random.Random(1), HOUR
    before = few.write("before", evidence(few.chance, 0, 2, rate=10))
    after = few.write("after", evidence(few.chance, HOUR, 1, rate=10))
    answer = project.workaday("compare", "--jsonl", before, after, "--json", code=5).json
    assert answer["verdict"] == "not_enough"
    assert any("10 values after, need about 300" in finding["sentence"] for finding in answer["findings"])


@pytest.mark.parametrize(
    ("content", "code"),
    [("", "compare.empty"), ('{"minute": "yesterday"}\n', "compare.line_invalid"), (None, "compare.unreadable")],
    ids=["empty", "no_line", "missing"],
)
def test_a_file_that_is_no_evidence_is_refused(project: Project, files: Files, content: str | None, code: str) -> None:
    odd = files.folder / f"odd-{code}.jsonl"
    if content is not None:
        odd.write_text(content, encoding="utf-8")
    answer = project.workaday("compare", "--jsonl", files.before, str(odd), "--json", code=1)
    assert code in said(answer)


def test_the_later_file_first_is_refused(project: Project, files: Files) -> None:
    answer = project.workaday("compare", "--jsonl", files.after(), files.before, "--json", code=1)
    assert "compare.order" in said(answer)


JOBS = """
    from workaday import App

    app = App("shop")


    @app.task
    def price(number: int) -> int:
        return number * 3
"""


def test_a_baseline_keeps_what_was_noticed_and_what_was_measured(project: Project) -> None:
    project.write("jobs.py", JOBS)
    worker = project.up()
    worker.wait_children()
    project.enqueue("[price.enqueue(number) for number in range(3)]")

    def counted() -> bool:
        rows = project.workaday("measures", "show", "--json").json["series"]
        return any(row["name"] == "shop.price" and row["count"] == 3 for row in rows)

    wait_until(counted, within=30, what="three runs in the measures")
    kept = project.workaday("baseline", "capture", "quiet", "--for", "10m", "--symptom", "prices are slow", "--json").json
    assert kept["noticed"]["symptom"] == "prices are slow"
    assert [(row["name"], row["count"]) for row in kept["series"]] == [("shop.price", 3)]
    assert "baseline.exists" in said(project.workaday("baseline", "capture", "quiet", "--json", code=3))
    assert "prices are slow" in project.workaday("baseline", "list").out
    later = project.workaday("compare", "quiet", "now", "--json", code=5).json
    assert later["verdict"] == "not_enough"
    assert later["noticed"]["symptom"] == "prices are slow"
    assert "baseline.unknown" in said(project.workaday("compare", "quite", "--json", code=3))
    assert "workaday compare 'two words'" in project.workaday("baseline", "capture", "two words").out
    assert project.workaday("baseline", "remove", "quiet", "--json").json["removed"] == "quiet"
    worker.stop()

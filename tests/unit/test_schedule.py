"""Schedules as they are declared: their shape, their arguments, their names; and what a task is told of its tick."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from workaday import App, Context, Expect, RegistrationError, Schedule, at, cron, every


def stated(schedule: Schedule | list[Schedule], **options: Any) -> list[dict[str, Any]]:
    app = App("shop")

    @app.task(schedule=schedule, **options)
    def report(store: str = "Porto") -> None: ...

    return report.entry()["schedules"]


def test_a_schedule_stands_in_the_catalogue_under_the_name_of_its_task() -> None:
    [entry] = stated(cron("15 3 * * *", tz="Europe/Berlin", jitter="30s", late_after="20m", args={"store": "Lisbon"}))
    assert entry == {
        "name": "shop.report",
        "task": "shop.report",
        "args": {"store": "Lisbon"},
        "cron": ["15 3 * * *"],
        "tz": "Europe/Berlin",
        "catch_up": "latest",
        "overlap": "skip",
        "jitter_us": 30_000_000,
        "late_after_us": 1_200_000_000,
    }


def test_several_schedules_have_names_of_their_own() -> None:
    morning, steady = stated([cron("0 8 * * *", tz="UTC", name="morning"), every("90m", name="steady")])
    assert (morning["name"], steady["name"], steady["every"]) == ("shop.report:morning", "shop.report:steady", "5400s")
    for pair in ([every("1h"), every("2h", name="b")], [every("1h", name="a"), every("2h", name="a")]):
        with pytest.raises(RegistrationError) as refused:
            stated(pair)
        assert refused.value.code == "schedule.name_missing"


def test_expected_within_goes_with_the_schedule() -> None:
    [entry] = stated(every(timedelta(minutes=5)), expects=Expect("the report is there", within="10m"))
    assert entry["finish_within_us"] == 600_000_000


def test_a_one_off_and_dates_of_rest_are_written_as_the_engine_reads_them() -> None:
    [once] = stated(at(datetime(2030, 1, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))))
    assert once["at"] == "2030-01-01T00:00:00+00:00"
    [rests] = stated(cron("0 8 * * *", tz="UTC", exclude=[date(2026, 12, 25), "2026-12-26"], gap="skip", fold="both"))
    assert (rests["exclude"], rests["gap"], rests["fold"]) == (["2026-12-25", "2026-12-26"], "skip", "both")


def test_a_ping_goes_with_the_schedule_and_its_secret_is_not_repeated() -> None:
    for schedule in (cron("* * * * *", ping="env:PING"), every("5m", ping="env:PING"), at("2030-01-01T00:00:00Z", ping="env:PING")):
        [entry] = stated(schedule)
        assert entry["ping"] == "env:PING"
    for wrong in ("hc.example/s3cret", "https://", "https://hc.example/s3cret\n", 42):
        with pytest.raises(RegistrationError) as refused:
            every("5m", ping=wrong)  # type: ignore[arg-type]
        assert refused.value.code == "schedule.option_invalid" and "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (cron, "schedule.option_invalid"),
        (lambda: cron("* * * * *", catch_up="some"), "schedule.option_invalid"),  # type: ignore[arg-type]
        (lambda: cron("* * * * *", catch_up="all"), "schedule.option_invalid"),
        (lambda: cron("* * * * *", limit=3), "schedule.option_invalid"),
        (lambda: cron("* * * * *", overlap="never"), "schedule.option_invalid"),  # type: ignore[arg-type]
        (lambda: every("90"), "option.length_invalid"),
        (lambda: every("1500ms"), "schedule.option_invalid"),
        (lambda: at("2030-01-01T00:00:00"), "option.instant_invalid"),
        (lambda: stated("15 3 * * *"), "schedule.option_invalid"),  # type: ignore[arg-type]
        (lambda: stated(cron("* * * * *", args={"shop": 1})), "schedule.args_invalid"),
        (lambda: stated(cron("* * * * *", args={"store": 1})), "schedule.args_invalid"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_written(make: Any, code: str) -> None:
    with pytest.raises(RegistrationError) as refused:
        make()
    assert refused.value.code == code
    assert refused.value.expected


def test_a_task_that_needs_arguments_is_refused_on_a_schedule_without_them() -> None:
    app = App("shop")
    with pytest.raises(RegistrationError) as refused:

        @app.task(schedule=every("1h"))
        def report(store: str) -> None: ...

    assert refused.value.code == "schedule.args_invalid"
    assert "args=" in (refused.value.hint or "")


def context(**tick: Any) -> Context:
    meta = json.dumps({"tick": {"schedule": "shop.report", "offset": 7200, **tick}})
    return Context(bytes(16), "shop.report", run_at_us=5, meta=meta)


def test_the_tick_is_told_on_the_clock_of_its_zone_and_by_the_name_it_had() -> None:
    gap_us = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp() * 1_000_000)
    ctx = context(at=gap_us, nominal="2026-03-29T02:30:00", zone="Europe/Berlin")
    assert ctx.tick == datetime(2026, 3, 29, 3, tzinfo=ZoneInfo("Europe/Berlin"))
    assert str(ctx.tick.tzinfo) == "Europe/Berlin"
    assert ctx.tick_nominal == datetime(2026, 3, 29, 2, 30)
    assert ctx.schedule == "shop.report"


def test_a_zone_that_python_does_not_have_leaves_the_offset() -> None:
    ctx = context(at=0, nominal="1970-01-01T02:00:00", zone="Nowhere/Land")
    assert ctx.tick.isoformat() == "1970-01-01T02:00:00+02:00"


def test_a_job_without_a_schedule_has_its_due_time() -> None:
    ctx = Context(bytes(16), "shop.report", run_at_us=0)
    assert (ctx.tick, ctx.schedule) == (datetime(1970, 1, 1, tzinfo=UTC), None)

"""Schedules at run time from Python: added, judged, taken away, paused; each act with its line in the audit."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from workaday import App, Expect, RegistrationError, Schedule, ScheduleError, at, cron, every


@pytest.fixture
def shop(app: App) -> App:
    @app.task(expects=Expect("a mail is out", within="10m"))
    def digest(user_id: int, copy: bool = False) -> None: ...

    app.setup()
    return app


def add(shop: App, name: str = "digest:42", schedule: Schedule | None = None, **options: Any) -> bool:
    chosen = schedule or cron("0 8 * * *", tz="Europe/Lisbon")
    return shop.schedules.add(name, "shop.digest", chosen, **{"args": {"user_id": 42}, "reason": "the customer asked", **options})


def audit(database: Path) -> list[tuple[str, str, str | None]]:
    with sqlite3.connect(database) as store:
        return store.execute("SELECT action, target, why FROM workaday_audit ORDER BY key").fetchall()


def test_an_added_schedule_stands_in_the_store_with_owner_and_reason(shop: App, database: Path) -> None:
    assert add(shop, owner="crm@shop.example", queue="mail")
    [one] = shop.schedules.list()
    assert (one.name, one.task, one.source, one.state, one.paused) == ("digest:42", "shop.digest", "dynamic", "active", False)
    assert (one.owner, one.reason, one.failures) == ("crm@shop.example", "the customer asked", 0)
    assert one.declared["args"] == {"user_id": 42}
    assert (one.declared["queue"], one.declared["finish_within_us"]) == ("mail", 600_000_000), "the task says by when"
    assert one.next_at is not None and one.next_at <= datetime.now(UTC), "the engine finds its first tick at once"
    assert audit(database) == [("add", "schedule digest:42", "the customer asked")]


def test_the_same_declaration_once_more_adds_nothing_and_another_one_is_refused(shop: App, database: Path) -> None:
    assert add(shop)
    assert not add(shop)
    with pytest.raises(ScheduleError) as refused:
        add(shop, schedule=every("90m"))
    assert refused.value.code == "schedule.name_taken"
    assert len(audit(database)) == 1


@pytest.mark.parametrize(
    ("schedule", "code", "expected"),
    [
        (cron("0 8 * * *"), "schedule.invalid", "a time zone beside an expression that names an hour"),
        (cron("61 8 * * *", tz="UTC"), "schedule.invalid", "a number from 0 to 59"),
        (cron("0 8 * * *", tz="Europe/Lissabon"), "schedule.invalid", "a name of the IANA database"),
        (at("2020-01-01T00:00:00Z"), "schedule.invalid", "a time to come"),
        (every("1h", exclude=["2026-13-01"], tz="UTC"), "schedule.invalid", "dates such as 2026-12-25"),
        (every("1h", exclude=["2026-12-25"]), "schedule.invalid", "a time zone beside dates"),
        (every("1h", holidays="nowhere.txt", tz="UTC"), "schedule.invalid", "a readable file"),
    ],
)
def test_what_the_judge_refuses_is_never_stored(shop: App, schedule: Schedule, code: str, expected: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        add(shop, schedule=schedule)
    assert (refused.value.code, refused.value.retry) == (code, "safe_after_fix")
    assert expected in refused.value.expected
    assert shop.schedules.list() == []


def test_arguments_options_and_names_are_judged_at_the_door(shop: App) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"args": {"user_id": "42"}}, "schedule.args_invalid"),
        ({"args": {}}, "schedule.args_invalid"),
        ({"name": "a b"}, "option.name_invalid"),
        ({"reason": " "}, "schedule.option_invalid"),
        ({"schedule": cron("* * * * *", args={"user_id": 1})}, "schedule.option_invalid"),
    ]
    for options, code in refusals:
        with pytest.raises((ScheduleError, RegistrationError)) as refused:
            add(shop, **options)
        assert refused.value.code == code
    with pytest.raises(ScheduleError) as unknown:
        shop.schedules.add("x", "shop.nothing", every("1h"), reason="none")
    assert unknown.value.code == "task.unknown"
    assert shop.schedules.list() == []


def test_one_that_was_removed_may_come_back_and_keeps_its_cursor_if_that_lies_ahead(shop: App, database: Path) -> None:
    add(shop)
    with sqlite3.connect(database) as store:
        store.execute("UPDATE workaday_schedules SET cursor = ?", (2**60,))
    shop.schedules.remove("digest:42", reason="no longer a customer")
    assert [one.state for one in shop.schedules.list()] == ["absent"]
    with pytest.raises(ScheduleError) as gone:
        shop.schedules.remove("digest:42")
    assert gone.value.code == "schedule.unknown"
    assert add(shop, schedule=every("2h"))
    with sqlite3.connect(database) as store:
        assert store.execute("SELECT cursor, state FROM workaday_schedules").fetchone() == (2**60, "active")
    assert [action for action, *_ in audit(database)] == ["add", "remove", "add"]


def test_a_schedule_of_the_code_is_not_taken_away_from_here(shop: App, database: Path) -> None:
    add(shop)
    with sqlite3.connect(database) as store:
        store.execute("UPDATE workaday_schedules SET source = 'code'")
    with pytest.raises(ScheduleError) as refused:
        shop.schedules.remove("digest:42")
    assert refused.value.code == "schedule.not_dynamic"


def test_a_pause_has_a_note_and_an_end_and_is_ended_by_hand(shop: App, database: Path) -> None:
    add(shop)
    shop.schedules.pause("digest:42", reason="on holiday", until="2d")
    [one] = shop.schedules.list()
    assert one.paused and one.paused_until is not None
    assert shop.schedules.resume("digest:42", reason="back")
    assert not shop.schedules.list()[0].paused, "it has ended, also before the engine writes it down"
    with pytest.raises(ScheduleError) as unknown:
        shop.schedules.pause("digest:43", reason="none")
    assert unknown.value.code == "schedule.unknown"
    with pytest.raises(ScheduleError) as past:
        shop.schedules.pause("digest:42", reason="none", until="2020-01-01T00:00:00Z")
    assert past.value.code == "schedule.option_invalid"
    with sqlite3.connect(database) as store:
        details = [json.loads(row[0]) for row in store.execute("SELECT detail FROM workaday_audit WHERE action = 'pause'")]
    assert len(details) == 1 and details[0]["until"] > 0


def test_the_zone_of_the_configuration_is_that_of_a_schedule_without_one(shop: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKADAY_SCHEDULES_TZ", "Asia/Kolkata")
    assert add(shop, schedule=cron("0 8 * * *"))


def test_dates_to_rest_on_come_from_the_file_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "holidays.txt").write_text("# bank holidays\n2026-12-25 Christmas\n\n2027-01-01\n")
    (tmp_path / "workaday.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    app = App("shop")

    @app.task(schedule=cron("0 9 * * 1-5", "0 12 * * 6", tz="UTC", exclude=["2026-11-11"], holidays="holidays.txt", min_duration="5s"))
    def report() -> None: ...

    [entry] = report.entry()["schedules"]
    assert entry["exclude"] == ["2026-11-11", "2026-12-25", "2027-01-01"]
    assert (entry["holidays"], entry["min_duration_us"]) == ("holidays.txt", 5_000_000)
    (tmp_path / "holidays.txt").unlink()
    assert "No such file" in report.entry()["schedules"][0]["holidays_error"], "told where it is judged, and no other task suffers"

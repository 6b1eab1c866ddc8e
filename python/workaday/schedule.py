"""When a task is due by itself: `cron(…)`, `every(…)`, `at(…)`, given to `@app.task(schedule=…)`.

Only the shape is judged here. Whether an expression means anything is judged by the one parser there is, in the native
program: at its start, `workaday up` refuses a bad schedule with the alert `schedule.invalid`, which names the field,
and the others go on. `workaday cron explain` asks the same parser before you deploy.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workaday.errors import RegistrationError
from workaday.lengths import instant_us, length_us, shortened
from workaday.policy import checked_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime, timedelta

    from workaday.signature import Signature

CatchUp = Literal["none", "latest", "all"]
Overlap = Literal["skip", "queue", "cancel_running", "allow"]
Gap = Literal["run_after", "skip", "shift"]
Fold = Literal["first", "second", "both"]


class Schedule:
    """A rule for when a task is due, with what happens to ticks that could not be kept. Made by `cron`, `every`, `at`."""

    __slots__ = ("_declared", "args", "name")

    def __init__(self, declared: dict[str, Any], name: str | None, args: Mapping[str, Any] | None) -> None:
        self._declared = declared
        self.name = None if name is None else checked_name(name, "the name of a schedule")
        self.args = dict(args or {})

    def to_json(self, task: str, args: dict[str, Any]) -> dict[str, Any]:
        """The schedule in a catalogue entry (docs/protocol.md)."""
        full = task if self.name is None else f"{task}:{self.name}"
        return {"name": full, "task": task, "args": args, **_with_holidays(self._declared)}

    def added(self, name: str, task: str, args: dict[str, Any]) -> dict[str, Any]:
        """The schedule as `app.schedules.add` declares it, under a name of its own."""
        return {**self.to_json(task, args), "name": name}

    def with_args(self, args: Mapping[str, Any]) -> Schedule:
        """The same schedule with these arguments."""
        return Schedule(self._declared, self.name, args)

    def __repr__(self) -> str:
        due = next((f"{key}={self._declared[key]!r}" for key in ("cron", "every", "at") if key in self._declared), "")
        return f"<schedule {due}>"


def cron(
    *expressions: str,
    tz: str | None = None,
    exclude: Iterable[date | str] = (),
    holidays: str | os.PathLike[str] | None = None,
    gap: Gap | None = None,
    fold: Fold | None = None,
    name: str | None = None,
    args: Mapping[str, Any] | None = None,
    catch_up: CatchUp = "latest",
    limit: int | None = None,
    catch_up_window: str | timedelta | None = None,
    overlap: Overlap = "skip",
    jitter: str | timedelta | None = None,
    late_after: str | timedelta | None = None,
    skips_alert: int | None = None,
    min_duration: str | timedelta | None = None,
    alert_after_failures: int | None = None,
    ping: str | None = None,
) -> Schedule:
    """Due at civil times: `cron("15 3 * * *", tz="Europe/Lisbon")`.

    - Several expressions are one schedule; ticks on one instant are one tick. Five fields, or six with seconds first.
    - `tz` is needed where an hour is named (or `[schedules] tz` in workaday.toml). `exclude`: dates on which it rests;
      `holidays`: a file of such dates, one a line, relative to the folder of workaday.toml.
    - A named time runs once a day, whatever the clock does; a rhythm (`*/20`) follows real time. `gap` and `fold`
      choose otherwise for one schedule.
    - `catch_up`: after a silence the newest tick runs (`latest`), or `none`, or the newest `limit` of `all`, if not older
      than `catch_up_window` (default: the schedule's period, one day at most). The others are recorded.
    - `overlap`, when the run before is unfinished: `skip` the tick (and alert after `skips_alert`, 3, in a row), `queue`
      one, `cancel_running`, or `allow` both.
    - `jitter`: the job is due up to this long after its tick, always the same for one tick. `late_after`: alarm when it
      has not started by then. `min_duration`: alarm when a run completes in less. `alert_after_failures`: alarm after
      so many runs in a row that failed (3).
    - `ping`: a healthchecks-style URL outside that hears of each start, success and failure; `env:NAME` or `file:PATH`
      when it is kept there.
    - `name` is needed when a task has several schedules; `args` are the job's arguments.
    """
    if not expressions or not all(isinstance(one, str) for one in expressions):  # pyright: ignore[reportUnnecessaryIsInstance] - not everybody has a type checker
        raise _refused("cron(…)", shortened(expressions), 'expressions as text, such as "15 3 * * *"')
    due: dict[str, Any] = {"cron": list(expressions)}
    due |= {key: value for key, value in (("tz", tz), ("gap", gap), ("fold", fold)) if value} | _rest(exclude, holidays)
    alarms = _Alarms(late_after, min_duration, skips_alert, alert_after_failures, ping)
    return _schedule(due, name, args, catch_up, limit, catch_up_window, overlap, jitter, alarms)


def every(
    length: str | timedelta,
    *,
    tz: str | None = None,
    exclude: Iterable[date | str] = (),
    holidays: str | os.PathLike[str] | None = None,
    name: str | None = None,
    args: Mapping[str, Any] | None = None,
    catch_up: CatchUp = "latest",
    limit: int | None = None,
    catch_up_window: str | timedelta | None = None,
    overlap: Overlap = "skip",
    jitter: str | timedelta | None = None,
    late_after: str | timedelta | None = None,
    skips_alert: int | None = None,
    min_duration: str | timedelta | None = None,
    alert_after_failures: int | None = None,
    ping: str | None = None,
) -> Schedule:
    """Due after each length of elapsed time: `every("90m")`.

    Counted from the instant at which the schedule was first seen, which is stored: restarts do not move it, and neither
    does any change of the clocks. One second at least. `tz` says in which zone `ctx.tick` is shown, and where the days of
    `exclude` and `holidays` begin. The other options are those of `cron`.
    """
    micros = length_us(length, "every(length)", zero=False)
    if micros % 1_000_000:
        raise _refused("every(length)", shortened(length), "whole seconds, one at least")
    due: dict[str, Any] = {"every": f"{micros // 1_000_000}s"}
    due |= ({"tz": tz} if tz else {}) | _rest(exclude, holidays)
    alarms = _Alarms(late_after, min_duration, skips_alert, alert_after_failures, ping)
    return _schedule(due, name, args, catch_up, limit, catch_up_window, overlap, jitter, alarms)


def at(
    instant: datetime | str,
    *,
    tz: str | None = None,
    name: str | None = None,
    args: Mapping[str, Any] | None = None,
    catch_up_window: str | timedelta | None = None,
    late_after: str | timedelta | None = None,
    min_duration: str | timedelta | None = None,
    ping: str | None = None,
) -> Schedule:
    """Due once: `at("2030-01-01T00:00:00Z")`. An instant that has passed when the schedule is first seen does not run."""
    from datetime import UTC, datetime, timedelta

    micros = instant_us(instant, "at(instant)")
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat()
    due: dict[str, Any] = {"at": text} | ({"tz": tz} if tz else {})
    return _schedule(due, name, args, "latest", None, catch_up_window, "skip", None, _Alarms(late_after, min_duration, None, None, ping))


def declared(value: Any) -> tuple[Schedule, ...]:
    """What `schedule=` was given, as schedules with distinct names."""
    given: list[Any] = [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]  # pyright: ignore[reportUnknownArgumentType] - judged below, one by one
    for one in given:
        if not isinstance(one, Schedule):
            raise _refused("schedule", shortened(one), 'cron("15 3 * * *", tz="…"), every("90m"), at("…"), or a list of them')
    names = [one.name for one in given]
    if len(given) > 1 and (None in names or len(set(names)) < len(names)):
        raise RegistrationError(
            "schedule.name_missing",
            f"{len(given)} schedules stand beside each other without names of their own",
            expected="name= for each, all different: what was decided of its ticks is kept under it",
            retry_note="safe after each has a name",
            hint='cron("0 8 * * *", name="morning", …)',
        )
    return tuple(given)


def to_json(schedules: tuple[Schedule, ...], task: str, signature: Signature, within_us: int | None) -> list[dict[str, Any]]:
    """The schedules of a task for its catalogue entry; their arguments are judged as an enqueue would."""
    entries: list[dict[str, Any]] = []
    for one in schedules:
        entry = one.to_json(task, arguments(one, task, signature))
        if within_us is not None:
            entry["finish_within_us"] = within_us
        entries.append(entry)
    return entries


def arguments(schedule: Schedule, task: str, signature: Signature) -> dict[str, Any]:
    """The JSON of a schedule's arguments, or why the task cannot be called with them."""
    import json

    from workaday.values.refused import Misfit

    try:
        return json.loads(signature.encode((), schedule.args))
    except Misfit as misfit:
        raise RegistrationError(
            "schedule.args_invalid",
            f"{task} cannot run on its schedule: {misfit.what}",
            expected=misfit.expected,
            retry_note="safe after args= of the schedule is mended",
            hint='cron("…", args={"store": "Lisbon"}) gives the arguments of each run',
        ) from None


def _schedule(
    due: dict[str, Any],
    name: str | None,
    args: Mapping[str, Any] | None,
    catch_up: str,
    limit: int | None,
    window: Any,
    overlap: str,
    jitter: Any,
    alarms: _Alarms,
) -> Schedule:
    _word("catch_up", catch_up, ("none", "latest", "all"))
    _word("overlap", overlap, ("skip", "queue", "cancel_running", "allow"))
    if (catch_up == "all") != (limit is not None):
        raise _refused("limit", shortened(limit), 'a number of ticks beside catch_up="all", and only there')
    numbers = (("skips_alert", alarms.skips_alert), ("alert_after_failures", alarms.alert_after_failures))
    for what, number in (("limit", limit), *numbers):
        if number is not None and (type(number) is not int or number < 1):
            raise _refused(what, shortened(number), "a whole number of 1 or more")
    if alarms.ping is not None and not _is_url(alarms.ping):
        # What may be a secret is not repeated.
        raise _refused("ping", "something else", '"https://hc.example/uuid", "env:NAME" or "file:PATH"')
    own = (("late_after", alarms.late_after), ("min_duration", alarms.min_duration))
    lengths = (("catch_up_window", window), ("jitter", jitter), *own)
    return Schedule(
        {
            **due,
            "catch_up": catch_up,
            "overlap": overlap,
            **({} if limit is None else {"catch_up_limit": limit}),
            **{what: number for what, number in numbers if number is not None},
            **({} if alarms.ping is None else {"ping": alarms.ping}),
            **{f"{what}_us": length_us(value, what) for what, value in lengths if value is not None},
        },
        name,
        args,
    )


class _Alarms(NamedTuple):
    """What is told beside the outcome of a job."""

    late_after: Any
    min_duration: Any
    skips_alert: int | None
    alert_after_failures: int | None
    ping: str | None


def _rest(exclude: Iterable[date | str], holidays: str | os.PathLike[str] | None) -> dict[str, Any]:
    if isinstance(exclude, str):
        raise _refused("exclude", shortened(exclude), 'a list of dates, such as ["2026-12-25"]')
    dates = [str(one) for one in exclude]
    return ({"exclude": dates} if dates else {}) | ({} if holidays is None else {"holidays": os.fspath(holidays)})


def _with_holidays(declared: dict[str, Any]) -> dict[str, Any]:
    """The dates of the file beside those that were given. One that cannot be read is told where the schedule is judged."""
    file = declared.get("holidays")
    if file is None:
        return declared
    from workaday import config

    found = config.config_file()
    try:
        text = ((found.parent if found else Path.cwd()) / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return {**declared, "holidays_error": str(error)}
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    dates = [words[0] for words in lines if words]
    return {**declared, "exclude": [*declared.get("exclude", ()), *dates]}


def _is_url(ping: Any) -> bool:
    """An address, or where one is kept: as workaday.toml takes it."""
    starts = ("https://", "http://", "env:", "file:")
    return isinstance(ping, str) and any(ping.startswith(start) and len(ping) > len(start) for start in starts) and ping.isprintable()


def _word(what: str, value: Any, words: tuple[str, ...]) -> None:
    if value not in words:
        raise _refused(what, shortened(value), " or ".join(f'"{word}"' for word in words))


def _refused(what: str, got: str, expected: str) -> RegistrationError:
    return RegistrationError("schedule.option_invalid", f"{what} is {got}", expected=expected, retry_note="safe after the option is mended")

"""Ticks of a cron expression, from the rules alone: the second opinion that the Rust code is held to.

Written for clarity, not for speed, on `zoneinfo` and nothing else. It takes the opposite road to the Rust walk:
it tries the civil times one by one and asks PEP 495 (`fold`) what each of them is, instead of cutting the zone's
time into stretches. What both roads agree on is unlikely to be one person's mistake.

    python ticks_oracle.py '30 2 * * *' Europe/Berlin 2026-03-28T12:00:00+01:00 5
"""

from __future__ import annotations

import calendar
import itertools
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MONTH_NAMES = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAY_NAMES = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
FIELDS = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
ONE_SECOND = timedelta(seconds=1)


class Expression:
    """A well-formed expression. Refusals are not this program's business: it is only asked what both accept."""

    def __init__(self, text: str, *, gap: str | None = None, fold: str | None = None):
        words = NICKNAMES.get(text.lower(), text).upper().split()
        if len(words) == 5:
            words = ["0", *words]
        self.words = dict(zip(FIELDS, words, strict=True))
        self.seconds, self.minutes, self.hours, self.months = (
            frozenset(numbers(field, self.words[field])) for field in ("second", "minute", "hour", "month")
        )
        rhythm = any(self.words[field][0] == "*" for field in ("second", "minute", "hour"))  # rule 2
        self.gap = gap or ("skip" if rhythm else "run_after")
        self.fold = fold or ("both" if rhythm else "first")
        self.both_days = any(self.words[field][0] in "*?" for field in ("day", "weekday"))  # rule 9
        self.times = (
            [
                timedelta(hours=hour, minutes=minute, seconds=second)
                for hour in sorted(self.hours)
                for minute in sorted(self.minutes)
                for second in sorted(self.seconds)
            ]
            if len(self.hours) * len(self.minutes) * len(self.seconds) <= 90_000
            else []
        )
        self._days: dict[date, bool] = {}

    def on(self, day: date) -> bool:
        if day not in self._days:
            self._days[day] = self._on(day)
        return self._days[day]

    def _on(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day = any(day_matches(item, day) for item in self.words["day"].split(","))
        by_weekday = any(weekday_matches(item, day) for item in self.words["weekday"].split(","))
        return (by_day and by_weekday) if self.both_days else (by_day or by_weekday)

    def ticks(self, after: datetime, zone: ZoneInfo, limit_days: int = 366 * 45) -> Iterator[datetime]:
        """Instants strictly after `after`, in order, in UTC."""
        # A civil day can lie up to a day from its instants on either side, and a missing day one more.
        first = after.astimezone(zone).date() - timedelta(days=3)
        waiting: set[datetime] = set()
        for number in range(limit_days):
            day = first + timedelta(days=number)
            if self.on(day):
                for time in self.times:
                    waiting.update(self.instants(datetime.combine(day, datetime.min.time()) + time, zone))
            # Everything that later days can bring lies after this border.
            border = datetime.combine(day - timedelta(days=2), datetime.min.time(), tzinfo=UTC)
            ready = sorted(instant for instant in waiting if instant < border)
            waiting.difference_update(ready)
            yield from (instant for instant in ready if instant > after)

    def instants(self, civil: datetime, zone: ZoneInfo) -> list[datetime]:
        """What becomes of one civil time: rules 3 to 8 and 12."""
        early = civil.replace(tzinfo=zone, fold=0).utcoffset()
        late = civil.replace(tzinfo=zone, fold=1).utcoffset()
        assert early is not None and late is not None
        here = civil.replace(tzinfo=UTC)
        if early == late:
            return [here - early]
        if early > late:  # shown twice
            first, second = here - early, here - late
            return {"first": [first], "second": [second], "both": [first, second]}[self.fold]
        # Never shown. `early` is the offset before the change, `late` the one after it.
        if self.gap == "skip":
            return []
        if self.gap == "shift":
            return [here - early]
        return [change_between(here - late, here - early, zone)]


@cache
def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset()  # type: ignore[return-value]


def change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the new offset, by halving; the change is after `before` and not after `after`."""
    old = _offset(before, zone)
    while after - before > ONE_SECOND:
        middle = before + timedelta(seconds=(after - before) // ONE_SECOND // 2)
        if _offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after


def number(field: str, text: str) -> int:
    names = {"month": MONTH_NAMES, "weekday": DAY_NAMES}.get(field, {})
    return names[text] if text in names else int(text)


def numbers(field: str, text: str) -> set[int]:
    found: set[int] = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        low, high = FIELDS[field]
        if base not in ("*", "?"):
            start, dash, end = base.partition("-")
            low = number(field, start)
            high = number(field, end) if dash else (high if step else low)
        found.update(range(low, high + 1, int(step or 1)))
    return found


def last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def day_matches(item: str, day: date) -> bool:
    if item == "L":
        return day.day == last_day(day)
    if item == "LW":
        return day == nearest_weekday(day.replace(day=last_day(day)))
    if item.endswith("W"):
        n = int(item[:-1])
        return n <= last_day(day) and day == nearest_weekday(day.replace(day=n))
    return day.day in numbers("day", item)


def nearest_weekday(target: date) -> date:
    for distance in (0, -1, 1, -2, 2):
        near = target + timedelta(days=distance)
        if near.month == target.month and near.isoweekday() <= 5:
            return near
    raise AssertionError("every five days in a row hold a weekday")


def weekday_matches(item: str, day: date) -> bool:
    today = day.isoweekday() % 7
    if "#" in item:
        weekday, n = item.split("#")
        return number("weekday", weekday) % 7 == today and (day.day - 1) // 7 + 1 == int(n)
    if item.endswith("L"):
        return number("weekday", item[:-1]) % 7 == today and (day + timedelta(days=7)).month != day.month
    return today in {value % 7 for value in numbers("weekday", item)}


def next_ticks(text: str, zone: ZoneInfo, after: datetime, n: int, **policy: str | None) -> list[str]:
    ticks = itertools.islice(Expression(text, **policy).ticks(after.astimezone(UTC), zone), n)
    return [shown(tick, zone) for tick in ticks]


def shown(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).isoformat()


if __name__ == "__main__":
    expr, tz, after, n = sys.argv[1:]
    print(*next_ticks(expr, ZoneInfo(tz), datetime.fromisoformat(after), int(n)), sep="\n")

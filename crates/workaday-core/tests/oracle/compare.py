"""Asks the Rust code, the oracle and cronsim the same random questions and prints what they do not agree on.

The oracle follows the same rules, so any difference from it is a mistake. cronsim is another program with its own
rules: it is only asked where they are the same (see `README.md`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

NAMES = {"month": "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), "weekday": "SUN MON TUE WED THU FRI SAT".split()}
LIMITS = {"second": (0, 59), "minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
SUSPECTS = """Europe/Berlin Europe/Dublin America/New_York America/Havana America/Sao_Paulo America/Scoresbysund
    Australia/Lord_Howe Antarctica/Troll Antarctica/Casey Antarctica/Vostok Africa/Casablanca Africa/Cairo Africa/Monrovia
    Asia/Tehran Asia/Kathmandu Asia/Gaza Asia/Beirut Asia/Pyongyang Pacific/Apia Pacific/Chatham Pacific/Kwajalein
    Pacific/Kiritimati Pacific/Fakaofo America/St_Johns America/Caracas UTC""".split()


class Questions:
    def __init__(self, seed: int):
        from zoneinfo import available_timezones

        self.random = random.Random(seed)
        self.zones = sorted(name for name in available_timezones() if not name.startswith(("posix", "right")))
        self.changes: dict[str, list[datetime]] = {}

    def one(self) -> dict:
        zone = self.random.choice(SUSPECTS if self.random.random() < 0.5 else self.zones)
        question = {"expr": self.expression(), "tz": zone, "after": self.start(zone).isoformat(), "n": 4}
        if self.random.random() < 0.3:
            question["gap"] = self.random.choice(["run_after", "skip", "shift"])
        if self.random.random() < 0.3:
            question["fold"] = self.random.choice(["first", "second", "both"])
        return question

    def expression(self) -> str:
        fields = ["minute", "hour", "day", "month", "weekday"]
        words = [self.field(name) for name in fields]
        if self.random.random() < 0.6:
            words[2:] = ["*", "*", "*"]
        if self.random.random() < 0.25:
            words.insert(0, self.random.choice(["0", "30", "10,50", "*/20", "*/45"]))
        return " ".join(words)

    def field(self, name: str) -> str:
        if self.random.random() < {"minute": 0.1, "hour": 0.25, "day": 0.5, "month": 0.6, "weekday": 0.5}[name]:
            return "?" if name in ("day", "weekday") and self.random.random() < 0.1 else "*"
        return ",".join(self.item(name) for _ in range(self.random.choice([1, 1, 1, 2, 3])))

    def item(self, name: str) -> str:
        low, high = LIMITS[name]
        one = self.random.randint(low, high)
        if name == "hour" and self.random.random() < 0.6:
            one = self.random.randint(0, 4)  # where the clocks change
        two = self.random.randint(one, high)
        kind = self.random.random()
        if name == "day" and kind < 0.2:
            return self.random.choice(["L", "LW", f"{one}W"])
        if name == "weekday" and kind < 0.2:
            return f"{one}#{self.random.randint(1, 5)}" if kind < 0.12 else f"{one}L"
        if kind < 0.5:
            return self.named(name, one)
        if kind < 0.65:
            return f"{one}-{two}"
        if kind < 0.8:
            return f"*/{self.random.randint(1, high + 3)}"
        return f"{one}-{two}/{self.random.randint(1, 9)}" if kind < 0.9 else f"{one}/{self.random.randint(1, 20)}"

    def named(self, name: str, value: int) -> str:
        if name in NAMES and self.random.random() < 0.5:
            word = NAMES[name][(value - (name == "month")) % len(NAMES[name])]
            return self.random.choice([word, word.lower(), word.capitalize()])
        return str(value)

    def start(self, zone: str) -> datetime:
        near = self.changes_of(zone)
        if near and self.random.random() < 0.8:
            offset = self.random.choice([600, 7200, 100_000, 400_000])
            return self.random.choice(near) + timedelta(seconds=self.random.randint(-offset, offset))
        return datetime(1971, 1, 1, tzinfo=UTC) + timedelta(seconds=self.random.randint(0, 66 * 365 * 86_400))

    def changes_of(self, zone: str) -> list[datetime]:
        """Instants at which the zone's offset changes, 1970 to 2037, found by halving."""
        from zoneinfo import ZoneInfo

        if zone not in self.changes:
            tz, found = ZoneInfo(zone), []
            at, end = datetime(1970, 6, 1, tzinfo=UTC), datetime(2037, 12, 1, tzinfo=UTC)
            while at < end:
                later = at + timedelta(days=9)
                if at.astimezone(tz).utcoffset() != later.astimezone(tz).utcoffset():
                    found.append(halve(at, later, tz))
                at = later
            self.changes[zone] = found
        return self.changes[zone]


def halve(before: datetime, after: datetime, tz) -> datetime:
    old = before.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (middle, after) if middle.astimezone(tz).utcoffset() == old else (before, middle)
    return after


def ask(binary: str, questions: list[dict]) -> list[dict]:
    text = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([binary], input=text, capture_output=True, text=True, check=True, env=os.environ)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(questions), "one answer a question"
    return answers


def oracle(question: dict) -> list[str]:
    from zoneinfo import ZoneInfo

    import ticks_oracle

    policy = {key: question.get(key) for key in ("gap", "fold")}
    after = datetime.fromisoformat(question["after"])
    return ticks_oracle.next_ticks(question["expr"], ZoneInfo(question["tz"]), after, question["n"], **policy)


def comparable_with_cronsim(question: dict) -> bool:
    """Where cronsim means the same as the rules: five fields, its own syntax, no policy of ours."""
    words = question["expr"].split()
    known = "?" not in question["expr"] and "W" not in question["expr"].replace("LW", "").replace("WED", "").upper()
    plain = not any(part.split("-")[0] == part.split("-")[-1].split("/")[0] for word in words for part in word.split(",") if "-" in part)
    return len(words) == 5 and known and plain and "gap" not in question and "fold" not in question


def cronsim(question: dict, until: datetime) -> list[str] | None:
    """cronsim's ticks, or nothing where its known mistakes decide (the table in `README.md`)."""
    from zoneinfo import ZoneInfo

    from cronsim import CronSim

    tz = ZoneInfo(question["tz"])
    after = datetime.fromisoformat(question["after"])
    local = after.astimezone(tz)
    if local.fold or any((local + timedelta(hours=hours)).astimezone(UTC) < after for hours in range(3)):
        return None
    span = int((until - after).total_seconds()) // 43_200 + 5
    if span > 2000:
        return None
    near = [after + timedelta(hours=12 * step) for step in range(-4, span)]
    offsets = {int(at.astimezone(tz).utcoffset().total_seconds()) for at in near}
    rhythm = any(word[0] == "*" for word in question["expr"].split()[:2])
    if any(offset % (3600 if rhythm else 60) for offset in offsets):
        return None
    found = []
    for tick in CronSim(question["expr"], local):
        if tick.year > after.year + 40:
            break
        if tick != tick.astimezone(UTC).astimezone(tz):
            return None  # a time that no clock showed
        found.append(tick.isoformat())
        if len(found) == question["n"]:
            break
    return found


def differences(questions: list[dict], answers: list[dict]):
    counts = {"oracle": 0, "cronsim": 0, "refused": 0}
    for question, answer in zip(questions, answers):
        if "next" not in answer:
            counts["refused"] += 1
            if answer.get("error", {}).get("code") != "cron.never_occurs" or oracle(question):
                yield "refused", question, answer, None
            continue
        counts["oracle"] += 1
        expected = oracle(question)
        if expected != answer["next"][: len(expected)] or (len(expected) < 4 and beyond(question, answer, expected)):
            yield "oracle", question, answer["next"], expected
        if comparable_with_cronsim(question) and (expected := cronsim(question, datetime.fromisoformat(answer["next"][-1]))) is not None:
            counts["cronsim"] += 1
            if expected != answer["next"][: len(expected)]:
                yield "cronsim", question, answer["next"], expected
    print(f"compared {counts['oracle']} with the oracle, {counts['cronsim']} with cronsim; {counts['refused']} refused")


def beyond(question: dict, answer: dict, expected: list[str]) -> bool:
    """The oracle gives up after 45 years; what it has not seen must lie later than that."""
    first_unseen = datetime.fromisoformat(answer["next"][len(expected)])
    return first_unseen < datetime.fromisoformat(question["after"]) + timedelta(days=366 * 44)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", required=True)
    options.add_argument("--questions", type=int, default=5000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--prove", action="store_true", help="spoil the answers and ask that each spoilt one is seen")
    chosen = options.parse_args()
    share_zone_data()
    make = Questions(chosen.seed)
    questions = [make.one() for _ in range(chosen.questions)]
    answers = ask(chosen.binary, questions)
    if chosen.prove:
        return prove(questions, answers, random.Random(chosen.seed))
    found = list(differences(questions, answers))
    for who, question, got, expected in found[:20]:
        print(f"{who}: {json.dumps(question)}\n  got      {got}\n  expected {expected}")
    print(f"seed {chosen.seed}: {len(found)} differences in {len(questions)} questions")
    return 1 if found else 0


def prove(questions: list[dict], answers: list[dict], chance: random.Random) -> int:
    """A comparison that sees nothing proves nothing: spoilt answers must all be seen."""
    asked = [(question, answer) for question, answer in zip(questions, answers) if len(answer.get("next", [])) == 4]
    for spoil in (dropped, doubled, shifted):
        spoilt = [{"next": spoil(answer["next"], chance.randrange(3))} for _, answer in asked]
        seen = {id(question) for _, question, *_ in differences([question for question, _ in asked], spoilt)}
        print(f"{spoil.__name__}: {len(seen)} of {len(asked)} seen")
        if len(seen) < len(asked):
            return 1
    return 0


def dropped(ticks: list[str], place: int) -> list[str]:
    return ticks[:place] + ticks[place + 1 :] + ticks[-1:]


def doubled(ticks: list[str], place: int) -> list[str]:
    return (ticks[: place + 1] + ticks[place:])[:4]


def shifted(ticks: list[str], place: int) -> list[str]:
    moved = (datetime.fromisoformat(ticks[place]) + timedelta(seconds=1)).isoformat()
    return [*ticks[:place], moved, *ticks[place + 1 :]]


def share_zone_data() -> None:
    """Both sides read the tzdata package, whatever the machine has."""
    import zoneinfo

    import tzdata

    directory = os.path.join(os.path.dirname(tzdata.__file__), "zoneinfo")
    os.environ["TZDIR"] = directory
    zoneinfo.reset_tzpath([directory])


if __name__ == "__main__":
    sys.exit(main())

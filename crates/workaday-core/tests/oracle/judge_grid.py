"""What the judge of `compare` says of evidence that this file makes: a grid of traffic, windows, history and noise.

It shares no code with the simulation in `compare_calibration.rs` and knows the judge only by the documented lines, so that
a mistake in one of the two is seen by the other. Each cell: how many harmless releases are called worse or better, and how many changes by
30 % (of all times, of the slowest tenth, of errors), of 0.3 database calls a request and of N+1 queries are called worse.

    cargo build --release -p workaday-core --example compare_jsonl
    python judge_grid.py --binary target/release/examples/compare_jsonl --worlds 4 --releases 10
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

DAY = 1440
#: A Monday.
START = datetime(2026, 6, 1, tzinfo=UTC)
FIRST = int(START.timestamp()) // 60
TRAFFIC = {"low": 5, "middle": 40, "high": 500}
#: Strength of the AR(1) noise of the minutes' level: how much a minute resembles the one before.
NOISE = (0.0, 0.6, 0.9, 0.98)
WINDOWS = (10, 30, 60, 240, 1440)
HISTORIES = (0, 1, 7, 14, 30)
#: The change: factor on every time, on the slowest tenth, on errors; database calls a request.
CHANGES = {
    "none": (1.0, 1.0, 1.0, 0.0),
    "all times +30 %": (1.3, 1.0, 1.0, 0.0),
    "slowest tenth +30 %": (1.0, 1.3, 1.0, 0.0),
    "errors +30 %": (1.0, 1.0, 1.3, 0.0),
    "errors x 4": (1.0, 1.0, 4.0, 0.0),
    "0.3 calls more": (1.0, 1.0, 1.0, 0.3),
    "N+1": (1.0, 1.0, 1.0, 10.0),
}
SIGMA = 0.45
STEP = 0.05
#: Shares of a log-normal distribution in steps of `STEP`.
CELLS = [(k, (math.erf((k + 0.5) * STEP / SIGMA / 2**0.5) - math.erf((k - 0.5) * STEP / SIGMA / 2**0.5)) / 2) for k in range(-30, 31)]
#: The slowest tenth lies beyond 1.28 sigma.
SLOW = 1.2816 * SIGMA


class World:
    """Days of one route. `level` is what the noise and the hour make of 40 ms."""

    def __init__(self, seed: int, days: int, rate: float, phi: float) -> None:
        self.chance, self.rate, self.minutes = random.Random(seed), rate, []
        self.error_share = self.chance.choice([0.002, 0.01, 0.02])
        self.calls = self.chance.choice([1, 1, 3])
        wave, phase = self.chance.uniform(0.05, 0.3), self.chance.random()
        noise, spread = 0.0, self.chance.uniform(0.06, 0.12)
        for minute in range(days * DAY):
            hour = math.sin(2 * math.pi * (minute / DAY - phase))
            noise = phi * noise + math.sqrt(1 - phi * phi) * spread * self.chance.gauss(0, 1)
            weekend = 0.5 if minute // DAY % 7 >= 5 else 1.0
            self.minutes.append((wave * hour * weekend + noise, max(rate * (1 + 0.6 * hour) * weekend, 0.2)))

    def poisson(self, mean: float) -> int:
        if mean > 12:
            return max(0, round(self.chance.gauss(mean, math.sqrt(mean))))
        limit, count, product = math.exp(-mean), 0, self.chance.random()
        while product > limit:
            count, product = count + 1, product * self.chance.random()
        return count

    def values(self, mean: float) -> Iterator[tuple[float, int]]:
        """How far requests stray, and how many so: one by one when there are few."""
        if mean < 60:
            yield from ((self.chance.gauss(0, SIGMA), 1) for _ in range(self.poisson(mean)))
        else:
            yield from ((k * STEP, count) for k, share in CELLS if (count := self.poisson(mean * share)))

    def line(self, minute: int, change: str = "none") -> dict[str, object] | None:
        level, mean = self.minutes[minute]
        factor, slow, failing, calls = CHANGES[change]
        buckets: dict[int, int] = defaultdict(int)
        total = 0.0
        for stray, count in self.values(mean):
            micros = 40_000 * math.exp(level + stray) * factor * (slow if stray >= SLOW else 1.0)
            buckets[round(math.exp(round(math.log(micros) / 0.03) * 0.03))] += count
            total += micros * count
        count = sum(buckets.values())
        if not count:
            return None
        made = self.calls + calls
        share = made - int(made)
        more = sum(self.chance.random() < share for _ in range(count)) if share else 0
        errors = sum(self.chance.random() < self.error_share * failing for _ in range(count)) if count < 60 else 0
        if count >= 60:
            errors = min(count, self.poisson(count * self.error_share * failing))
        db = [pair for pair in ([int(made), count - more], [int(made) + 1, more]) if pair[1]]
        return {
            "minute": (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "kind": "route",
            "name": "GET /orders",
            "count": count,
            "errors": errors,
            "run_us": {"sum": round(total), "max": max(buckets), "buckets": sorted(map(list, buckets.items()))},
            "db_calls": {"sum": sum(value * times for value, times in db), "max": db[-1][0], "buckets": db},
        }

    def lines(self, first: int, end: int, change: str = "none") -> list[dict[str, object]]:
        return [line for minute in range(first, end) if (line := self.line(minute, change))]


def questions(world: World, days: int, releases: int, windows: list[int], histories: list[int], changes: list[str]):
    """Each with the cell that it belongs to."""
    for window in windows:
        for history in histories:
            # Both windows fit into the day that is left; the rest of the days is for the moments to differ.
            first, last = (history + 1) * DAY + window, days * DAY - window
            if last < first:
                continue
            for at in (world.chance.randrange(first, last + 1) for _ in range(releases)):
                start = at - window - history * DAY
                for change in changes:
                    put = [] if change == "none" else world.lines(at, at + window, change)
                    asked = {"before": [FIRST + at - window, FIRST + at], "after": [FIRST + at, FIRST + at + window]}
                    yield (window, history, change), {**asked, "history": FIRST + start, "put": put}


def ask(binary: str, evidence: Path, asked: list[dict[str, object]]) -> list[dict[str, object]]:
    text = "".join(json.dumps(question) + "\n" for question in asked)
    done = subprocess.run([binary, str(evidence)], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


WANTED = {
    "all times +30 %": {"run_p50", "run_p95"},
    "slowest tenth +30 %": {"run_p95"},
    "errors +30 %": {"error_rate"},
    "errors x 4": {"error_rate"},
    "0.3 calls more": {"db_calls"},
    "N+1": {"db_calls"},
}


def judged(change: str, answer: dict) -> str:
    """worse, better, same or not_enough; of a change, what the measures say that it moved."""
    if change == "none":
        return answer["verdict"]
    said = {finding["verdict"] for finding in answer["findings"] if finding["measure"] in WANTED[change]}
    return next((verdict for verdict in ("worse", "better", "same") if verdict in said), "not_enough")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", required=True)
    options.add_argument("--worlds", type=int, default=2, help="of each traffic and noise")
    options.add_argument("--releases", type=int, default=6, help="harmless ones in each world, window and history")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--traffic", nargs="*", choices=TRAFFIC, default=list(TRAFFIC))
    options.add_argument("--noise", nargs="*", type=float, default=list(NOISE))
    options.add_argument("--windows", nargs="*", type=int, default=list(WINDOWS))
    options.add_argument("--histories", nargs="*", type=int, default=list(HISTORIES))
    options.add_argument("--changes", nargs="*", choices=CHANGES, default=list(CHANGES))
    options.add_argument("--answers", type=Path, help="keep each answer here, a line of JSON")
    chosen = options.parse_args()
    said: dict[tuple, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    days = max(chosen.histories) + 6
    for number in range(chosen.worlds):
        for traffic in chosen.traffic:
            for phi in chosen.noise:
                world = World(hash((chosen.seed, number, traffic == "low", TRAFFIC[traffic], phi)), days, TRAFFIC[traffic], phi)
                with tempfile.TemporaryDirectory() as folder:
                    evidence = Path(folder) / "evidence.jsonl"
                    evidence.write_text("".join(json.dumps(line) + "\n" for line in world.lines(0, days * DAY)), encoding="utf-8")
                    cells, asked = zip(
                        *questions(world, days, chosen.releases, chosen.windows, chosen.histories, chosen.changes), strict=True
                    )
                    for (window, history, change), answer in zip(cells, ask(chosen.binary, evidence, list(asked)), strict=True):
                        verdict = judged(change, answer)
                        said[traffic, window, history, change][verdict] += 1
                        said["noise", phi, "", change][verdict] += 1
                        if chosen.answers:
                            with chosen.answers.open("a", encoding="utf-8") as file:
                                kept = {"traffic": traffic, "phi": phi, "window": window, "history": history, "change": change}
                                file.write(json.dumps({**kept, "verdict": verdict, "answer": answer}) + "\n")
                print(f"world {number}, {traffic}, phi {phi}", flush=True)
    for cell, verdicts in said.items():
        print(*cell, json.dumps(verdicts), sep="\t")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

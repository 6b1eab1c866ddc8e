"""Draws the two nights on which clocks change: docs/images/clock-gap.svg and clock-fold.svg (`python docs/clock_pictures.py`).

The ticks are not drawn by hand: they come from the oracle that the scheduler is held to, so the pictures cannot say
anything else than the program does. `--check` says whether the files are those that this would draw.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parents[1] / "crates/workaday-core/tests/oracle"))

from ticks_oracle import Expression

HERE = Path(__file__).parent
ZONE = ZoneInfo("Europe/Berlin")
LEFT, HOUR, WIDTH = 120, 130, 690
ROWS = (("30 2 * * *", "a named time"), ("*/20 * * * *", "a rhythm"))
NIGHTS = {
    "clock-gap.svg": (datetime(2026, 3, 29, 0, tzinfo=UTC), "Spring in Berlin: 02:00 to 03:00 does not exist"),
    "clock-fold.svg": (datetime(2026, 10, 24, 23, tzinfo=UTC), "Autumn in Berlin: 02:00 to 03:00 comes twice"),
}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#334}.soft{fill:#778;font-size:12px}.line{stroke:#99a;stroke-width:1}"
    ".change{stroke:#b4452c;stroke-width:2;stroke-dasharray:4 3}.tick{fill:#22668f}"
    "@media (prefers-color-scheme:dark){text{fill:#dde}.soft{fill:#99a}.tick{fill:#6bb3dd}}"
)


def x(at: datetime, begin: datetime) -> float:
    return LEFT + (at - begin) / timedelta(hours=1) * HOUR


def draw(begin: datetime, title: str) -> str:
    hours = [begin + timedelta(hours=n) for n in range(5)]
    offsets = [hour.astimezone(ZONE).utcoffset() for hour in hours]
    change = next(hour for hour, one, two in zip(hours[1:], offsets, offsets[1:], strict=False) if one != two)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 190" role="img" aria-label="{title}">',
        f"<title>{title}</title><style>{STYLE}</style>",
        f'<text x="10" y="22" font-weight="600">{title}</text>',
        '<text class="soft" x="10" y="52">clock shows</text><text class="soft" x="10" y="70">UTC</text>',
    ]
    for hour in hours:
        place = x(hour, begin)
        before = (hour - timedelta(microseconds=1)).astimezone(ZONE) + timedelta(microseconds=1)
        shown = f"{hour.astimezone(ZONE):%H:%M}"
        if hour == change:
            shown = f"{before.replace(tzinfo=None):%H:%M} → {shown}"
        parts.append(f'<text x="{place:g}" y="52" text-anchor="middle">{shown}</text>')
        parts.append(f'<text class="soft" x="{place:g}" y="70" text-anchor="middle">{hour:%H:%M}</text>')
        parts.append(f'<line class="{"change" if hour == change else "line"}" x1="{place:g}" y1="78" x2="{place:g}" y2="176"/>')
    for row, (text, kind) in enumerate(ROWS):
        level = 108 + 44 * row
        parts.append(f'<text x="10" y="{level}">{text}</text><text class="soft" x="10" y="{level + 16}">{kind}</text>')
        parts.append(f'<line class="line" x1="{LEFT}" y1="{level - 4}" x2="{x(hours[-1], begin):g}" y2="{level - 4}"/>')
        for tick in Expression(text).ticks(begin - timedelta(seconds=1), ZONE, limit_days=8):
            if tick > hours[-1]:
                break
            parts.append(f'<circle class="tick" cx="{x(tick, begin):g}" cy="{level - 4}" r="6"/>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> int:
    stale = 0
    for name, night in NIGHTS.items():
        path, picture = HERE / "images" / name, draw(*night)
        if "--check" in sys.argv:
            stale += not path.exists() or path.read_text(encoding="utf-8") != picture
        else:
            path.write_text(picture, encoding="utf-8")
    if stale:
        print(f"{stale} pictures are not what docs/clock_pictures.py draws: run it")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())

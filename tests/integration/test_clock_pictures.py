"""The pictures of the two nights are those that the oracle draws, and show what the rules say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).parents[2]


def test_they_are_fresh() -> None:
    ended = subprocess.run([sys.executable, TREE / "docs/clock_pictures.py", "--check"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_a_named_time_is_drawn_once_in_each_night_and_a_rhythm_every_twenty_minutes() -> None:
    for name in ("clock-gap.svg", "clock-fold.svg"):
        text = (TREE / "docs/images" / name).read_text(encoding="utf-8")
        named, rhythm = text.partition("*/20 * * * *")[::2]
        assert named.count("<circle") == 1, name
        assert rhythm.count("<circle") == 13, "four hours of real time, both ends"

"""A short run of tests/hostile_http.py: the long one is `python tests/hostile_http.py --n 100000`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import hostile_http
from harness import Project
from house import CONFIG, House


def test_no_hostile_request_is_answered_by_a_failure(new_project: Callable[..., Project]) -> None:
    house = House.open(new_project(config=CONFIG))
    seen, wrong = hostile_http.attack(house, 1_500, seed=11)
    assert not wrong, wrong[0]
    assert not [kind for kind in seen if re.search(r" 5\d\d$", kind)], seen
    assert seen["let in 200"] > 100, f"half of them are let in: {seen}"
    assert house.ask("GET", "/health").status == 200

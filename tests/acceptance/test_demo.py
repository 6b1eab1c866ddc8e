"""The demo proves something only if it fails when the thing it proves is taken away."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from harness import Project

SHOP = Path(__file__).parents[2] / "examples" / "shop"
CHECK = "        if not already_charged:"


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    root = tmp_path / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns(".run", "__pycache__"))
    return Project(root)


def test_the_demo_proves_one_effect_an_order(shop: Project) -> None:
    ended = shop.run(sys.executable, "demo.py", within=150)
    assert "✕" not in ended.out
    assert "exactly one charge each" in ended.out
    assert "kill -9" in ended.out
    assert "the nightly report says what the ledger says: 24 orders" in ended.out
    assert "the command task packed 24 invoices; its output is kept" in ended.out


def test_without_the_idempotency_check_the_proof_fails(shop: Project) -> None:
    jobs = shop.root / "jobs.py"
    source = jobs.read_text()
    assert source.count(CHECK) == 1
    jobs.write_text(source.replace(CHECK, "        if True:"))
    ended = shop.run(sys.executable, "demo.py", within=150, code=1)
    assert "charged not once: {7: 2}" in ended.out

"""The demo of releases: a change with an N+1 query is named and rolled back, and one without it is not called worse."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from harness import Project

DEMO = Path(__file__).parents[2] / "examples" / "shop" / "demo_release.py"
WORSE = "SELECT id, cents FROM items WHERE id = ?"


@pytest.fixture
def demo(tmp_path: Path) -> Project:
    (tmp_path / "tmp").mkdir()
    shutil.copy(DEMO, tmp_path)
    return Project(tmp_path, extra_environment={"TMPDIR": str(tmp_path / "tmp"), "WATCH": "12s"})


def nothing_is_left(demo: Project) -> bool:
    """Neither its folder nor a process in it."""
    scratch = demo.root / "tmp"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(scratch.resolve()):
                return False
        except OSError:
            continue
    return not list(scratch.glob("workaday-demo-*"))


def test_the_second_release_is_called_worse_for_its_queries_and_rolled_back(demo: Project) -> None:
    ended = demo.run(sys.executable, "demo_release.py", within=170)
    assert "✕" not in ended.out
    assert "release 2: done, " in ended.out
    assert "GET /prices: database calls rose to 61 times" in ended.out
    assert WORSE in ended.out
    assert "- **Undoes:** [release 0003]" not in ended.out, "the note that is shown is that of the release itself"
    assert "- **Rolled back:** " in ended.out and "by [release 0004](0004-" in ended.out
    assert "nothing of it runs any more" in ended.out
    assert nothing_is_left(demo)


def test_without_the_queries_the_second_release_is_not_called_worse(demo: Project) -> None:
    path = demo.root / "demo_release.py"
    source = path.read_text()
    assert source.count('commits["worse"] = shop.commit(N_PLUS_ONE') == 1
    path.write_text(source.replace('commits["worse"] = shop.commit(N_PLUS_ONE', 'commits["worse"] = shop.commit(FIRST'))
    ended = demo.run(sys.executable, "demo_release.py", within=170, code=1)
    assert "exit code 0, not 4" in ended.err
    assert '"verdict": "same"' in ended.err and '"rolled_back": null' in ended.err
    assert nothing_is_left(demo)

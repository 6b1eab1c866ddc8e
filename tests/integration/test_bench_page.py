"""`make bench` fills its place in docs/benchmarks.md, from measured figures alone."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_run", TREE / "bench" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    searched = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = searched  # it adds its own folders, whose names are not for other tests
    return module


@pytest.mark.parametrize("command", [("run.py", "--quick", "--only", "floors"), ("schedules.py", "--help")], ids=lambda command: command[0])
def test_a_benchmark_starts_as_it_is_called(command: tuple[str, ...]) -> None:
    """By its own search path: the one of the tests would hide a module that it cannot find."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    script, *options = command
    ended = subprocess.run(
        [sys.executable, str(TREE / "bench" / script), *options], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_run_replaces_the_table_and_nothing_around_it(run: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text((TREE / "docs" / "benchmarks.md").read_text())
    before, _, rest = page.read_text().partition(run.BEGIN)
    after = rest.partition(run.END)[2]
    for table in ("| a | 1 |\n", "| a | 2 |\n"):
        run.publish(table, page)
        assert page.read_text() == f"{before}{run.BEGIN}\n{table}{run.END}{after}"


def test_a_page_without_the_marks_is_left_alone(run: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "other.md"
    page.write_text("# Other\n")
    with pytest.raises(SystemExit, match="no place for the table"):
        run.publish("| a |\n", page)
    assert page.read_text() == "# Other\n"


def test_a_ratio_needs_both_sides(run: ModuleType) -> None:
    huey = {"noop_jobs_per_second": 100.0, "pick_up_ms": {"p50": 50.0}, "pick_up_ms_tuned": {"p50": 10.0}}
    ours = {"throughput": {"sync": {"jobs_per_second": 250.0}}, "latency": {"sync": {"pick_up_ms": {"p50": 5.0}}}}
    assert run.against_peer(ours) == []
    assert run.against_peer({"peer_huey": huey}) == []
    assert [times for _, times in run.against_peer({**ours, "peer_huey": huey})] == ["2.5 × as many", "0.10 × as long", "0.50 × as long"]

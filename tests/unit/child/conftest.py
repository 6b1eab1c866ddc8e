"""A child of each kind, ended with its test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from supervisor import PACKAGE, Supervisor

Start = Callable[..., Supervisor]


@pytest.fixture(scope="session", autouse=True)
def _extension() -> None:
    if not list((PACKAGE / "workaday").glob("_core*.so")):
        pytest.fail(
            "the extension is not built: cargo build -p workaday-py, then copy target/debug/libworkaday_core_py.so to python/workaday/_core.abi3.so"
        )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Supervisor] = []

    def begin(kind: str = "sync", *, ready: bool = True, kill_after: float = 5.0, **options: Any) -> Supervisor:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        supervisor = Supervisor(folder, kind, **options)
        started.append(supervisor)
        if ready:
            supervisor.ready(kill_after)
        return supervisor

    yield begin
    for supervisor in started:
        supervisor.close()

"""The pages in Debian's Chromium, against the window on a store that was filled by hand.

`make test` runs those that are marked `short`: each page once, a live update, an act and its undo, coming in. `make browser`,
or any call of pytest that names this folder, runs them all. Where Chromium is missing, each says so and is skipped.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import fill

TREE = Path(__file__).parents[2]
WINDOW = TREE / "target" / "debug" / "examples" / "window"
CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A run of all tests takes the short ones of this folder."""
    if any("browser" in str(argument) for argument in config.invocation_params.args):
        return
    here = Path(__file__).parent
    left_out = [item for item in items if item.path.parent == here and not item.get_closest_marker("short")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@dataclass(frozen=True)
class Window:
    """A running window and the store behind it."""

    url: str
    port: int
    store: Path

    def cookie(self, role: str = "admin") -> dict[str, str]:
        secret = fill.SECRET + ("" if role == "admin" else role)
        return {"name": f"workaday-{self.port}", "value": secret, "domain": "127.0.0.1", "path": "/"}

    def get(self, path: str, role: str = "admin") -> tuple[int, bytes]:
        """The answer as a program gets it, errors included."""
        cookie = self.cookie(role)
        request = urllib.request.Request(self.url + path, headers={"Cookie": f"{cookie['name']}={cookie['value']}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def open_window(store: Path) -> Iterator[Window]:
    if not WINDOW.exists():
        pytest.skip("the window is not built: make browser")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([WINDOW, store, str(port)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        # It listens before it answers: a connection that is taken is the event.
        while process.poll() is None:
            with socket.socket() as try_it:
                if try_it.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield Window(f"http://127.0.0.1:{port}", port, store)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """A shop with a few thousand jobs."""
    store = tmp_path_factory.mktemp("week") / "store.db"
    fill.fill(store, 3_000)
    yield from open_window(store)


@pytest.fixture(scope="session")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """A store in which nothing has happened."""
    store = tmp_path_factory.mktemp("nothing") / "store.db"
    fill.fill(store, 0)
    yield from open_window(store)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make browser")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: make browser")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="axe is not installed: make browser")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

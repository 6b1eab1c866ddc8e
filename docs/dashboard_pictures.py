"""`make screenshots`: pictures of the dashboard for docs/images, taken in Chromium.

The store is the shop's week of tests/browser/fill.py, the window is the real one; nothing is drawn by hand.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).parents[1]
IMAGES = TREE / "docs" / "images"
BYTES_MAX = 150_000

sys.path.insert(0, str(TREE))

from tests.browser import fill, places  # noqa: E402 - the tree is no package
from tests.browser.conftest import CHROMIUM, open_window  # noqa: E402


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Path(folder) / "store.db"
        fill.fill(store, 30_000)
        job = next(path for path in places.pages(store) if path.startswith("/jobs/"))
        windows = open_window(store)
        window = next(windows)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1120, "height": 860})
        context.add_cookies([window.cookie()])
        page = context.new_page()
        for name, path in {"today": "/", "job": job, "schedules": "/schedules"}.items():
            page.goto(window.url + path)
            picture = IMAGES / f"{name}.png"
            page.screenshot(path=picture)
            if picture.stat().st_size > BYTES_MAX:
                raise SystemExit(f"{picture} has {picture.stat().st_size} bytes; at most {BYTES_MAX} are wanted")
            print(picture.relative_to(TREE))
        browser.close()
        windows.close()


if __name__ == "__main__":
    main()

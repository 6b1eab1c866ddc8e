"""Coming in and going out, as a browser does it."""

from __future__ import annotations

from typing import Any

import pytest

from . import fill
from .conftest import Window
from .test_live import own

__all__ = ["own"]
TAGS = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"


@pytest.mark.short
def test_a_link_lets_in_once_after_a_click(own: Window, chromium: Any) -> None:
    opened = chromium.new_context()
    page = opened.new_page()
    page.goto(own.url + "/")
    assert "/login" in page.url, "closed without a login"
    link = f"{own.url}/login?once={fill.LINK}"
    page.goto(link)
    page.goto(link)
    assert page.get_by_text("The link works once.").is_visible(), "looking does not use it up"
    page.get_by_role("button", name="Open").click()
    page.wait_for_url(own.url + "/")
    assert page.get_by_text("ada (admin)").is_visible()
    again = chromium.new_context()
    other = again.new_page()
    assert other.goto(link).status == 410
    opened.close()
    again.close()


@pytest.mark.parametrize("with_script", [True, False], ids=["script", "no-script"])
def test_after_logging_out_the_old_cookie_opens_nothing(own: Window, chromium: Any, with_script: bool) -> None:
    opened = chromium.new_context(java_script_enabled=with_script)
    opened.add_cookies([own.cookie()])
    page = opened.new_page()
    page.goto(own.url + "/")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login*")
    # Also when somebody kept the cookie: the session is gone from the store.
    opened.add_cookies([own.cookie()])
    page.goto(own.url + "/jobs")
    assert "/login" in page.url
    opened.close()


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_doors_hinder_nobody(week: Window, chromium: Any, axe: str, path: str, width: int) -> None:
    opened = chromium.new_context(viewport={"width": width, "height": 740}, bypass_csp=True)
    opened.add_cookies([week.cookie()])
    page = opened.new_page()
    page.goto(week.url + path)
    page.add_script_tag(content=axe)
    found = page.evaluate(f"async () => (await axe.run(document, {{runOnly: {TAGS}}})).violations.map(v => [v.id, v.nodes[0].html])")
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    opened.close()


def test_a_wrong_password_is_told_in_words_and_opens_nothing(own: Window, chromium: Any) -> None:
    opened = chromium.new_context(java_script_enabled=False)
    page = opened.new_page()
    page.goto(own.url + "/jobs")
    assert "/login" in page.url
    page.locator("input[name=name]").fill("ada")
    page.locator("input[type=password]").fill("not this one")
    page.get_by_role("button").first.click()
    assert page.get_by_role("alert").inner_text() == "Name or password do not fit."
    page.goto(own.url + "/jobs")
    assert "/login" in page.url
    opened.close()

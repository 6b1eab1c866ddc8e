"""What people see: every page, with and without JavaScript, in both themes, on a desk and on a phone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from .conftest import Window
from .places import pages

PAGE_BYTES_MAX = 60_000
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


def violations(page: Any, axe: str) -> list[list[str]]:
    """What axe finds, an id and a piece of markup each."""
    if not page.evaluate("typeof axe === 'object'"):
        page.add_script_tag(content=axe)
    tags = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"
    return page.evaluate(f"async () => (await axe.run(document, {{runOnly: {tags}}})).violations.map(v => [v.id, v.nodes[0].html])")


def context(chromium: Any, window: Window, role: str = "admin", **more: Any) -> Any:
    made = chromium.new_context(viewport=more.pop("viewport", DESK), **more)
    made.add_cookies([window.cookie(role)])
    return made


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_every_page_answers_within_its_size_and_has_a_twin_as_json(week: Window, role: str) -> None:
    for path in pages(week.store):
        if path == "/audit" and role != "admin":
            continue
        status, body = week.get(path, role)
        assert status == 200, path
        assert len(body) < PAGE_BYTES_MAX, f"{path}: {len(body)} bytes"
        status, twin = week.get(path + ("&" if "?" in path else "?") + "format=json", role)
        assert status == 200 and isinstance(json.loads(twin), dict), path


def test_no_link_is_dead(week: Window) -> None:
    seen: set[str] = set()
    for path in pages(week.store):
        _status, body = week.get(path)
        for href in set(re.findall(r'href="(/[^"#]*)', body.decode())):
            seen.add(href.replace("&amp;", "&"))
    # Logs, tokens and the API are other pages' business; one job page stands for all.
    jobs = sorted(href for href in seen if href.startswith("/jobs/"))
    for href in sorted(seen - set(jobs[5:])):
        status, _body = week.get(href)
        assert status == 200, href


def test_a_viewer_sees_no_form_that_acts(week: Window) -> None:
    for path in pages(week.store):
        if path == "/audit":
            continue
        _status, body = week.get(path, "viewer")
        forms = set(re.findall(r'action="(/actions/[a-z]+)', body.decode()))
        assert forms <= {"/actions/theme"}, path


def test_an_empty_store_teaches_the_command_that_fills_each_page(nothing: Window) -> None:
    for path, command in {
        "/": "workaday init",
        "/jobs": "workaday enqueue",
        "/schedules": "schedule=cron(",
        "/releases": "WORKADAY_RELEASE=",
        "/compare": "WORKADAY_RELEASE=",
        "/queues": "[queues.mail]",
        "/checklist": "workaday up",
    }.items():
        _status, body = nothing.get(path)
        assert command in body.decode(), path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_no_page_hinders_anybody(week: Window, chromium: Any, axe: str, scheme: str, viewport: dict[str, int]) -> None:
    opened = context(chromium, week, color_scheme=scheme, viewport=viewport, bypass_csp=True)
    page = opened.new_page()
    for path in pages(week.store):
        page.goto(week.url + path)
        assert violations(page, axe) == [], f"{path} {scheme}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= viewport["width"], f"{path} is {wide} wide"
    opened.close()


@pytest.mark.short
def test_each_page_once_in_both_themes_and_on_a_phone(week: Window, chromium: Any, axe: str) -> None:
    # A colour that is on its way from one theme to the other is neither.
    opened = context(chromium, week, bypass_csp=True, reduced_motion="reduce")
    page = opened.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    once = [path for path in pages(week.store) if "?" not in path]
    for path in once:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(DESK)
        page.goto(week.url + path)
        assert violations(page, axe) == [], f"{path} light"
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
        assert violations(page, axe) == [], f"{path} dark, on a phone"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"], f"{path} is {wide} wide"
    opened.close()
    assert len(once) > 14 and said == []


def test_pages_break_no_rule_of_their_own_policy(week: Window, chromium: Any) -> None:
    opened = context(chromium, week)
    page = opened.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in pages(week.store):
        page.goto(week.url + path)
    opened.close()
    assert said == []


def test_without_javascript_filters_tables_and_details_work(week: Window, chromium: Any) -> None:
    opened = context(chromium, week, java_script_enabled=False)
    page = opened.new_page()
    page.goto(week.url + "/jobs")
    page.get_by_role("link", name=re.compile("discarded")).click()
    assert "state=discarded" in page.url
    page.locator("select[name=task]").select_option("shop.charge")
    page.get_by_role("button", name="Show").click()
    assert "task=shop.charge" in page.url and "state=discarded" in page.url
    page.goto(week.url + "/queues")
    page.get_by_text("The same as a table").click()
    assert page.locator("details table").first.is_visible()
    # What only a script can do is not offered.
    assert not page.locator("#keys-link").is_visible()
    opened.close()


def test_the_keyboard_walks_opens_searches_and_explains_itself(week: Window, chromium: Any) -> None:
    opened = context(chromium, week)
    page = opened.new_page()
    page.goto(week.url + "/jobs")
    page.keyboard.press("j")
    page.keyboard.press("j")
    rows = page.locator("[data-row]")
    assert rows.nth(1).get_attribute("data-here") is not None
    page.keyboard.press("k")
    assert rows.nth(0).get_attribute("data-here") is not None
    chosen = rows.nth(0).get_attribute("data-row")
    page.keyboard.press("x")
    assert rows.nth(0).locator("input").is_checked()
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{chosen}")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/schedules")
    opened.close()


@pytest.mark.short
def test_an_act_says_what_it_will_do_and_to_how_many_first(week: Window, chromium: Any) -> None:
    opened = context(chromium, week, java_script_enabled=False)
    page = opened.new_page()
    page.goto(week.url + "/jobs?state=discarded&task=pictures.thumbnail")
    count = page.locator("[data-row]").count()
    assert count > 1
    page.get_by_role("button", name=re.compile("Retry all discarded")).click()
    assert page.get_by_role("heading", level=1).inner_text() == f"Retry {count} jobs of pictures.thumbnail?"
    assert page.get_by_text("nothing has happened yet").is_visible()
    page.get_by_role("button", name=f"Retry {count} jobs of pictures.thumbnail").click()
    assert page.get_by_role("status").first.is_visible()
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_text("Undone: nothing was changed.").is_visible()
    page.goto(week.url + "/jobs?state=discarded&task=pictures.thumbnail")
    assert page.locator("[data-row]").count() == count
    opened.close()


def test_a_region_alone_is_a_part_of_its_page(week: Window) -> None:
    _status, whole = week.get("/queues?format=html")
    status, part = week.get("/queues?region=workers")
    assert status == 200
    assert part.startswith(b'<section data-region="workers"') and b"<html" not in part
    assert len(part) < len(whole)
    status, _answer = week.get("/queues?region=nothing_of_that_name")
    assert 400 <= status < 500


def test_an_address_that_means_nothing_is_refused_with_what_was_expected(week: Window) -> None:
    for path in ("/jobs?state=sleeping", "/jobs?from=abc", "/jobs?text=" + "x" * 300):
        status, body = week.get(path)
        assert 400 <= status < 500, path
        assert b"expected" in body.lower(), path
    for path in ("/schedules/none", "/errors/none", "/tasks/none", "/releases/none", "/jobs/00000000-0000-7000-8000-000000000000"):
        status, _body = week.get(path)
        assert status == 404, path

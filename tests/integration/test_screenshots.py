"""The pictures of the docs are what commands printed: nothing else can get into them."""

from __future__ import annotations

import importlib.util
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def screenshots() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", DOCS / "screenshots.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_a_command_runs_on_a_terminal_and_its_output_is_the_picture(screenshots: ModuleType, tmp_path: Path) -> None:
    ran = screenshots.on_terminal(r"test -t 1 && printf '\033[31mbad\033[0m <&> %s\n' $((6 * 7))", tmp_path)
    assert ran.output == "\x1b[31mbad\x1b[0m <&> 42\r\n"
    picture = ElementTree.fromstring(screenshots.svg([ran], "a title"))
    words = [(span.get("class"), span.text) for span in picture.iter("{http://www.w3.org/2000/svg}tspan")]
    assert words == [("prompt", "$"), ("strong", ran.command), ("bad", "bad"), (None, "<&> 42")]


def test_a_command_that_fails_makes_no_picture(screenshots: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="`false` ended with 1"):
        screenshots.on_terminal("false", tmp_path)


@pytest.mark.parametrize(
    "picture", sorted(one for one in (DOCS / "images").glob("*.svg") if not one.name.startswith("clock-")), ids=lambda path: path.name
)
def test_a_picture_is_sound_and_names_its_commands(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "<desc>Output of: " in text
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"https?://(?!www\.w3\.org|127\.0\.0\.1)", text), "a picture loads nothing from elsewhere"

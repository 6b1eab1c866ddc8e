"""The security list, line by line: a module for each idea."""

from __future__ import annotations

from asvs_lines import browser, contents, exhausting, kept, outside, people, wire
from asvs_lines.common import LINES as REGISTERED
from asvs_lines.common import Line

ORDER = [module.__name__ for module in (contents, browser, wire, people, kept, outside, exhausting)]
"""Of the page, and in which they are asked: what exhausts the house comes last."""

LINES = sorted(REGISTERED, key=lambda line: ORDER.index(line.check.__module__))

__all__ = ["LINES", "Line"]

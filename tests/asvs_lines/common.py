"""What the lines of the list share: their register, and how an answer is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from house import Answer, House

TREE = Path(__file__).parents[2]

Check = Callable[[House], str]


@dataclass(frozen=True)
class Line:
    """What has to hold, and the check that tells its evidence in one sentence or fails."""

    items: str
    says: str
    check: Check


LINES: list[Line] = []


def line(items: str, says: str) -> Callable[[Check], Check]:
    def keep(check: Check) -> Check:
        LINES.append(Line(items, says, check))
        return check

    return keep


def everything(house: House, method: str | None = None) -> list[tuple[dict[str, Any], str]]:
    return [(route, house.filled(route["path"])) for route in house.routes() if method in (None, route["method"])]


def refused(answer: Answer, *statuses: int) -> bool:
    return answer.status in statuses


def query(**values: str) -> str:
    return urlencode(values)


class Parsed(HTMLParser):
    """Elements and attributes as a browser would find them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def dangers(self) -> list[str]:
        wrong: list[str] = []
        for tag, attributes in self.found:
            if tag in ("iframe", "object", "embed", "base", "style", "math", "marquee", "keygen", "animate"):
                wrong.append(f"<{tag}>")
            if tag == "script" and not (attributes.get("src") or "").startswith("/static/"):
                wrong.append("<script> inline")
            for name, value in attributes.items():
                if name.startswith("on") or name in ("style", "srcdoc"):
                    wrong.append(f"<{tag} {name}>")
                if name in ("href", "src", "action", "formaction", "xlink:href") and not re.match(
                    r"[/?#]|https?://127\.0\.0\.1", value or "/"
                ):
                    wrong.append(f"<{tag} {name}={value}>")
        return wrong

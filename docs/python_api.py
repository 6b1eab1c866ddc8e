"""docs/reference/python-api.md, from the signatures and docstrings of python/workaday. `--check` writes nothing.

A public name is on the page or named in `NOT_FOR_USERS`; a name of `workaday.__all__` that has no chapter stops the
script, as does one without a docstring.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TREE = Path(__file__).parents[1]
PAGE = TREE / "docs" / "reference" / "python-api.md"
sys.path.insert(0, str(TREE / "python"))  # the tree's own words, not those of an installed wheel

import workaday  # noqa: E402
import workaday.fastapi  # noqa: E402
from workaday.testing import harness, virtual_clock  # noqa: E402

CHAPTERS: dict[str, list[str]] = {
    "Declaring tasks": ["App", "Task", "Retry", "Expect"],
    "Schedules": ["cron", "every", "at", "Schedule", "Schedules", "ScheduleStatus"],
    "Jobs": ["Job", "Prepared"],
    "Inside a task": ["Context", "Snooze", "Cancel", "Discard", "TaskTimedOut"],
    "Measuring": ["cache_hit", "cache_miss", "counted_cache"],
}
ERRORS = [
    name
    for name in workaday.__all__
    if isinstance(kind := getattr(workaday, name), type) and issubclass(kind, workaday.WorkadayError | workaday.WorkadayWarning)
]

NOT_FOR_USERS = {
    "App.catalogue", "App.find_task", "App.registered", "App.store", "Context.stop_reason", "Expect.judges_result", "Expect.missed", "Harness.close", "Job.id_bytes", "Job.seen", "Prepared.row",
    "Retry.retries", "Retry.to_json", "Schedule.added", "Schedule.to_json", "Schedule.with_args", "Task.entry", "VirtualClock.advance_to_us", "VirtualClock.now_us",
}  # fmt: skip
"""Public for the other modules of the package."""

MADE_ELSEWHERE = {
    "Context",
    "Harness",
    "Job",
    "Prepared",
    "Schedule",
    "ScheduleStatus",
    "Schedules",
    "Task",
    "TaskTimedOut",
    "VirtualClock",
}
"""Nobody calls these classes: they are given."""

HEAD = """# Python API

Generated from signatures and docstrings by `python docs/python_api.py`; change it there.

Everything here is typed (`py.typed`). A *length* is a text such as `"90s"`, `"5m"`, `"1h"`, or a `timedelta`; an *instant* is
an aware `datetime` or an ISO 8601 text with its offset.
"""


# ---- words ------------------------------------------------------------------------------------------------------


def prose(owner: object, where: str) -> str:
    """The docstring as Markdown: what stands indented in it is Python."""
    doc = inspect.getdoc(owner)
    if not doc:
        raise SystemExit(f"{where} has no docstring: say what it is for")
    return "\n\n".join(paragraph(text) for text in re.split(r"\n\s*\n(?! )", doc))


def paragraph(text: str) -> str:
    """Lines that open with four spaces, and those between them, become a block."""
    lead, code, rest = [], [], []
    for line in text.split("\n"):
        if line.startswith("    "):
            code += [*rest, line]
            rest = []
        else:
            (rest if code else lead).append(line)
    if not code:
        return text
    block = f"```python\n{textwrap.dedent(chr(10).join(code))}\n```"
    return "\n\n".join(filter(None, ("\n".join(lead).strip(), block, "\n".join(rest).strip())))


def signature(function: Any, name: str, *, is_bound: bool = True) -> str:
    """The call as one writes it; one parameter a line when it would not fit in one."""
    seen = inspect.signature(function)
    parameters = list(seen.parameters.values())[1 if is_bound else 0 :]
    pieces = list(in_words(parameters))
    returned = seen.return_annotation
    tail = "" if returned in (inspect.Signature.empty, "Any", "None") else f" -> {returned}"
    prefix = "await " if inspect.iscoroutinefunction(function) else ""
    line = f"{prefix}{name}({', '.join(pieces)}){tail}"
    if len(line) > 110:
        line = f"{prefix}{name}(\n" + "".join(f"    {piece},\n" for piece in pieces) + f"){tail}"
    return f"```python\n{line}\n```"


def in_words(parameters: list[inspect.Parameter]) -> Iterator[str]:
    kinds = inspect.Parameter
    has_star = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
    for place, p in enumerate(parameters):
        if p.kind is kinds.KEYWORD_ONLY and not has_star:
            yield "*"
            has_star = True
        stars = {kinds.VAR_POSITIONAL: "*", kinds.VAR_KEYWORD: "**"}.get(p.kind, "")
        hint = "" if p.annotation is p.empty else f": {p.annotation}"
        default = "" if p.default is p.empty else f" = {value(p.default)}"
        yield f"{stars}{p.name}{hint}{default}"
        is_last = place + 1 == len(parameters) or parameters[place + 1].kind is not kinds.POSITIONAL_ONLY
        if p.kind is kinds.POSITIONAL_ONLY and is_last:
            yield "/"


def value(default: object) -> str:
    if isinstance(default, tuple):
        return f"({', '.join(map(value, default))}{',' if len(default) == 1 else ''})"
    if isinstance(default, type):
        return default.__name__
    return f'"{default}"' if isinstance(default, str) else repr(default)


# ---- things -----------------------------------------------------------------------------------------------------


def of_either(thing: Any) -> str:
    return of_class(thing) if isinstance(thing, type) else of_function(thing, thing.__name__, is_bound=False).removeprefix("#")


def of_class(kind: type, *, title: str | None = None) -> str:
    name = kind.__name__
    parts = [f"### {title or name}"]
    if name not in MADE_ELSEWHERE:
        parts.append(signature(kind.__init__, name))
    parts.append(prose(kind, name))
    if fields := "\n".join(f"- `{field}`: {doc}" for field, doc in documented(kind)):
        parts.append(fields)
    parts += [of_function(function, f"{title or name}.{member}") for member, function in methods(kind)]
    return "\n\n".join(parts)


def of_function(function: Any, where: str, *, is_bound: bool = True) -> str:
    return f"#### {where}\n\n{signature(function, where.rpartition('.')[2], is_bound=is_bound)}\n\n{prose(function, where)}"


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in vars(kind).items():
        if not name.startswith("_") and inspect.isfunction(member) and f"{kind.__name__}.{name}" not in NOT_FOR_USERS:
            yield name, member


def documented(kind: type) -> Iterator[tuple[str, str]]:
    """Properties, and the attributes that have a text under them in `__init__`."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    for function in (node for node in body.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"):
        for line, below in zip(function.body, function.body[1:], strict=False):
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(line, ast.Assign | ast.AnnAssign):
                target = line.targets[0] if isinstance(line, ast.Assign) else line.target
                assert isinstance(target, ast.Attribute)
                if f"{kind.__name__}.{target.attr}" in NOT_FOR_USERS:
                    continue
                yield target.attr, inspect.cleandoc(str(below.value.value)).replace("\n", " ")
    for name, member in vars(kind).items():
        if isinstance(member, property) and not name.startswith("_") and f"{kind.__name__}.{name}" not in NOT_FOR_USERS:
            yield name, prose(member.fget, f"{kind.__name__}.{name}").replace("\n", " ")


def of_errors(names: Iterable[str]) -> str:
    rows = []
    for name in names:
        kind = getattr(workaday, name)
        words = prose(kind, name).partition("\n\n")[0].replace("\n", " ")
        bases = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
        rows.append(f"| `{name}` | {bases} | {words} |")
    table = "\n".join(["| error | is a | raised when |", "|---|---|---|", *rows])
    return f"{prose(workaday.WorkadayError, 'WorkadayError')}\n\nEach code: [errors](errors.md).\n\n{table}"


def page() -> str:
    listed = {name for names in CHAPTERS.values() for name in names} | set(ERRORS)
    if missing := sorted(set(workaday.__all__) ^ listed):
        raise SystemExit(f"docs/python_api.py and workaday.__all__ differ in {', '.join(missing)}")
    parts = [HEAD.strip()]
    for chapter, names in CHAPTERS.items():
        parts += [f"## {chapter}", *(of_either(getattr(workaday, name)) for name in names)]
    parts += ["## Errors", of_errors(ERRORS)]
    parts += ["## workaday.fastapi", prose(workaday.fastapi, "workaday.fastapi")]
    parts += [
        of_function(function, name, is_bound=False)
        for name, function in vars(workaday.fastapi).items()
        if inspect.isfunction(function) and function.__module__ == "workaday.fastapi" and not name.startswith("_")
    ]
    parts += [
        "## Testing",
        of_class(harness.Harness, title="workaday_test"),
        of_class(virtual_clock.VirtualClock, title="workaday_test.clock"),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    fresh = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(fresh, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != fresh:
        print("docs/reference/python-api.md is stale: run `python docs/python_api.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

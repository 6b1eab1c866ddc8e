"""What the program, its errors and its pages point at is there: a runbook under another name helps nobody at three in the morning.

Every page of `docs/` and every command that is named in code, templates, error descriptions and docs is looked up: pages
in the tree, commands and their options in the generated docs/reference/cli.md.
"""

from __future__ import annotations

import re
from pathlib import Path

TREE = Path(__file__).parents[2]
SPOKEN = (
    "crates/*/src/**/*.rs",
    "crates/*/templates/**/*.html",
    "crates/*/README.md",
    "python/workaday/**/*.py",
    "python/workaday/**/*.json",
    "docs/**/*.md",
    "packaging/**/*",
    "*.md",
)
# Not for people: `--help` does not show them, and the reference neither.
HIDDEN = {"web-routes", "rehearsal-play", "rehearsal-probe", "catalogue", "test-engine", "command-shim"}
LOG_LINES = {"is down"}
ANYWHERE = {"--help", "--version", "-h", "-V"}

PAGE = re.compile(r"\bdocs/[a-z0-9_/.-]+\.md\b")
QUOTED = re.compile(r"""[`"](workaday [^`"\n]*)[`"]""")


def spoken() -> dict[str, str]:
    """The text of each file that speaks to somebody, without the tests beside the code."""
    found: dict[str, str] = {}
    for path in sorted({path for pattern in SPOKEN for path in TREE.glob(pattern)}):
        if path.is_file() and path.suffix in {".rs", ".html", ".md", ".py", ".json", ".service", ".timer", ""}:
            text = path.read_text(encoding="utf-8")
            found[str(path.relative_to(TREE))] = text.partition("#[cfg(test)]")[0] if path.suffix == ".rs" else text
    return found


def reference() -> dict[str, set[str]]:
    """Each command with its options, as the reference shows them."""
    commands: dict[str, set[str]] = {}
    text = (TREE / "docs/reference/cli.md").read_text(encoding="utf-8")
    everywhere = options(text.partition("\n## workaday ")[0])
    for section in text.split("\n## workaday ")[1:]:
        name, _, body = section.partition("\n")
        commands[name] = options(body) | everywhere | ANYWHERE
    return commands


def options(table: str) -> set[str]:
    """The long options in the first column: `-y, --yes`, `--tag WORD`."""
    cells = re.findall(r"^\| `([^`]*)`", table, re.MULTILINE)
    return {option for cell in cells for option in re.findall(r"--[a-z-]+", cell)}


def commands_in(text: str) -> set[str]:
    """What stands behind `workaday` in quotes; one quote may hold several, as `workaday worker list; workaday logs`."""
    parts = {part.strip() for quoted in QUOTED.findall(text) for part in re.split(r"[;,]", quoted)}
    return {part.removeprefix("workaday ") for part in parts if part.startswith("workaday ")}


def fault(line: str, commands: dict[str, set[str]]) -> str | None:
    """What is wrong with `job retry ID --yes`; a group alone (`job`) and a placeholder (`COMMAND`) are right."""
    words = re.sub(r"( -- |\|).*", "", line).split()
    if not words or not re.fullmatch(r"[a-z-]+", words[0]) or words[0] in HIDDEN or words[0] in ANYWHERE:
        return None
    named = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in commands), None)
    if named is None:
        is_group = any(command.startswith(f"{words[0]} ") for command in commands)
        alone = len(words) == 1 or not re.fullmatch(r"[a-z-]+", words[1])
        return None if is_group and alone else "there is no such command"
    unknown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", " ".join(words))) - commands[named]
    return f"`{named}` has no {', '.join(sorted(unknown))}" if unknown else None


def test_every_page_that_is_named_is_there() -> None:
    """A link in code or an error is followed by hand: nothing else would say that it leads nowhere."""
    named = {(place, page) for place, text in spoken().items() for page in PAGE.findall(text)}
    assert len(named) > 20, "the pages are not found any more"
    assert [f"{place} names {page}" for place, page in sorted(named) if not (TREE / page).is_file()] == []


def test_every_command_that_is_named_is_there() -> None:
    """A hint with a command that does not exist costs the reader's trust in all others."""
    commands = reference()
    assert "job retry" in commands and "--dry-run" in commands["job retry"]
    named = {(place, said) for place, text in spoken().items() for said in commands_in(text) - LOG_LINES}
    assert len(named) > 100, "the commands are not found any more"
    wrong = [(place, said, fault(said, commands)) for place, said in sorted(named)]
    assert [f"{place}: `workaday {said}`: {why}" for place, said, why in wrong if why] == []


def test_a_slip_in_a_command_is_seen() -> None:
    """The judge itself: it would be silent if it understood nothing."""
    commands = reference()
    assert commands_in('"workaday logs -f; workaday job retry ID"') == {"logs -f", "job retry ID"}
    assert fault("job retry ID --yes", commands) is None
    assert fault("migrate --to 3", commands) == "`migrate` has no --to"
    assert fault("job resurrect ID", commands) == fault("resurrect", commands) == "there is no such command"

"""The canonical SQL, one statement a file, shared with Rust. Read once, when first needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "sql" / "sqlite"


@cache
def statement(name: str) -> str:
    """The text of `<name>.sql` without its comments: Python's `sqlite3` looks at the first word to begin a transaction."""
    lines = (FOLDER / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--")).rstrip(";\n ")


@cache
def migrations() -> tuple[tuple[int, str], ...]:
    """(number, text) of every migration upwards, in order."""
    files = sorted((FOLDER / "migrations").glob("[0-9]*_*.up.sql"))
    return tuple((int(file.name.partition("_")[0]), file.read_text(encoding="utf-8")) for file in files)

"""Which store: `WORKADAY_DATABASE`, else `database` of the nearest `workaday.toml` upwards, else `.workaday/workaday.db`.

A relative path counts from the folder of `workaday.toml` (without one, from the current folder), so that the web service
and the worker never open two stores by accident. Everything else in that file is read by the `workaday` program.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from workaday.errors import ConfigError
from workaday.lengths import shortened

FILE_NAME = "workaday.toml"
DEFAULT_DATABASE = ".workaday/workaday.db"
_FORM = "a path, or sqlite:///relative/path, or sqlite:////absolute/path"

epoch: int = 0
"""Counts what makes an app look again where its store is: an override, a closed store. Not the environment: a running
program does not move."""

_override: Path | None = None


def override(path: Path | None) -> None:
    """Sends every app of this process to one store, whatever it names; `None` ends that. For tests."""
    global _override, epoch  # noqa: PLW0603 - a switch of the process
    _override = path
    epoch += 1


def forget() -> None:
    """Makes every app look again where its store is."""
    global epoch  # noqa: PLW0603 - a switch of the process
    epoch += 1


def database_path(given: str | os.PathLike[str] | None = None) -> Path:
    """The file of the store. `given` is what the app itself names; it wins."""
    if _override is not None:
        return _override
    if given is not None and not isinstance(given, str):
        return Path(given).absolute()
    file = config_file()
    root = file.parent if file else Path.cwd()
    if given is not None:
        return locate(given, root, "App(database)")
    # Empty counts as not set, as for the program: else the service would refuse the store that its workers serve.
    if named := os.environ.get("WORKADAY_DATABASE"):
        return locate(named, root, "WORKADAY_DATABASE")
    text = read(file).get("database", DEFAULT_DATABASE) if file else DEFAULT_DATABASE
    if not isinstance(text, str):
        raise ConfigError(
            "config.wrong_type",
            f"{file}: `database` is {shortened(text)}",
            expected=_FORM,
            retry_note="safe after the file is mended; nothing was stored",
        )
    return locate(text, root, str(file))


def names_none(given: str | os.PathLike[str] | None = None) -> bool:
    """Nobody has said which store: it is the one of the current folder, whatever folder that is."""
    return _override is None and given is None and not os.environ.get("WORKADAY_DATABASE") and config_file() is None


def schedules_tz() -> str | None:
    """`[schedules] tz`: the zone of schedules that name none."""
    named = os.environ.get("WORKADAY_SCHEDULES_TZ")
    file = None if named else config_file()
    shared = read(file).get("schedules") if file else None
    text = named or (shared.get("tz") if isinstance(shared, dict) else None)  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType] - read from TOML
    return text if isinstance(text, str) and text else None


def config_file() -> Path | None:
    """The `workaday.toml` that counts: `WORKADAY_CONFIG`, else the nearest upwards."""
    named = os.environ.get("WORKADAY_CONFIG")
    if named:
        path = Path(named).absolute()
        if not path.is_file():
            raise ConfigError(
                "config.not_found",
                f"there is no configuration at `{path}`",
                expected="WORKADAY_CONFIG to name an existing file",
                retry_note="safe after the variable is mended; nothing was stored",
            )
        return path
    here = Path.cwd()
    return next((folder / FILE_NAME for folder in (here, *here.parents) if (folder / FILE_NAME).is_file()), None)


def read(file: Path) -> dict[str, Any]:
    """The file's content as TOML tables."""
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            "config.syntax",
            f"{file}: {error}",
            expected="TOML",
            retry_note="safe after the line is mended; nothing was stored",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config.unreadable",
            f"`{file}` could not be read: {error}",
            expected="a readable file of UTF-8 text",
            retry_note="safe after that is mended; nothing was stored",
        ) from None


def locate(text: str, root: Path, origin: str) -> Path:
    """The file that a `database` value names; a relative one starts at `root`."""
    scheme, separator, rest = text.partition("://")
    hint = None
    if not separator:
        path = text.removeprefix("sqlite:")
    elif scheme == "sqlite":
        path = rest.removeprefix("/")
        if not rest.startswith("/") or not path:
            hint = f'three slashes: "sqlite:///{rest.lstrip("/")}"'
    else:
        path = rest
        hint = f'`{scheme}` is no store: "sqlite:///{rest.lstrip("/")}"'
        if scheme in {"postgresql", "postgres"}:
            hint = "this version keeps its jobs in SQLite; PostgreSQL is not served yet"
    if path == ":memory:":
        hint = "a store in memory is gone with its process; in tests use the fixture `workaday_test`"
    if hint is None and "?" in path:
        hint = f'without parameters: "{path.partition("?")[0]}"'
    if hint is None and path:
        return root / path
    raise ConfigError(
        "config.database_unsupported",
        f"{origin}: `database` names no store that can be opened",
        expected=_FORM,
        # A password may stand in the URL: only the scheme is repeated.
        got=f"{scheme}://…" if separator else text,
        retry_note="safe after the value is mended; nothing was stored",
        hint=hint,
    )

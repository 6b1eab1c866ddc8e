"""Finds the native `workaday` program."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

from workaday.errors import ConfigError


def find() -> str:
    """`WORKADAY_BIN`, else the program installed beside this Python, else the one on the PATH."""
    named = os.environ.get("WORKADAY_BIN")
    candidates = [named] if named else [str(Path(sysconfig.get_path("scripts")) / "workaday"), shutil.which("workaday")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK) and Path(candidate).is_file():
            return candidate
    raise ConfigError(
        "test.binary_missing",
        "the `workaday` program was not found" if not named else f"WORKADAY_BIN names `{named}`, which cannot be run",
        expected="the program beside this Python, on the PATH, or named by WORKADAY_BIN",
        retry_note="safe after it is installed",
        hint="`pip install workaday` brings it",
    )

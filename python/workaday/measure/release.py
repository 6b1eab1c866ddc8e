"""The release of this process, by the same rule as the supervisor's: figures of both stand under one name."""

from __future__ import annotations

import os
from functools import cache


def release() -> str:
    """`WORKADAY_RELEASE`, else the commit that is checked out (`+dirty` when files differ from it), else `unknown`.

    Asks git, so it takes some milliseconds: not on a request's path.
    """
    return os.environ.get("WORKADAY_RELEASE") or _commit() or "unknown"


@cache
def of_process() -> str:
    """The release as it was when this process first asked. A deploy checks out the next commit while the old process still
    answers: asked again, it would put its last requests under the new release.
    """
    return release()


def _commit() -> str | None:
    from workaday import config

    file = config.config_file()
    root = str(file.parent) if file is not None else os.getcwd()
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return None
    return f"{commit}+dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else commit


def _git(root: str, *arguments: str) -> str:
    import subprocess

    try:
        command = ["git", "-C", root, *arguments]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""

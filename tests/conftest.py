"""For every test: the codes of the errors that it meets are noted (reached.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # reached.py

import reached
from workaday import errors

if "REACHED_CODES" in os.environ:
    made = errors.WorkadayError.__init__

    def noting(self: errors.WorkadayError, code: str, *words: Any, **more: Any) -> None:
        reached.note(code)
        made(self, code, *words, **more)

    errors.WorkadayError.__init__ = noting

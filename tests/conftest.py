"""For every test: its programs have the usual signals, and the codes of the errors that it meets are noted (reached.py)."""

from __future__ import annotations

import os
import signal
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

# In the background of a script, or under nohup, these are ignored, and by what is started too. A handler is not inherited.
for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(ignored) == signal.SIG_IGN:
        signal.signal(ignored, lambda *_: None)

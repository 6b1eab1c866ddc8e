"""Talks to `workaday test-engine`: the real engine, driven by JSON lines (docs/protocol.md, Test mode)."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import Any

from workaday import clock
from workaday.errors import StoreError, WorkadayError
from workaday.testing import binary

ANSWER_WAIT_S = 30.0


class Engine:
    """One engine process a test session; each test opens a fresh store in it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([binary.find(), "test-engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None)

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """One request, one answer; an engine's refusal is raised with its own code and words."""
        request = json.dumps({"op": op, "now": clock.now_us(), **fields}, separators=(",", ":"))
        answer = self._exchange(request.encode() + b"\n", op)
        problem = answer.get("error")
        if problem is not None:
            raise _raised(problem)
        return answer

    def stop(self) -> None:
        """Ends the process: its input ends, and it goes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _exchange(self, line: bytes, op: str) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        # A stuck engine ends, so that the read below ends too: every wait has a bound.
        watchdog = threading.Timer(ANSWER_WAIT_S, self._process.kill)
        watchdog.start()
        try:
            stdin.write(line)
            stdin.flush()
            text = stdout.readline()
        except BrokenPipeError:
            text = b""
        finally:
            watchdog.cancel()
        if not text:
            raise StoreError(
                "test.engine_ended",
                f"the test engine ended during `{op}`",
                expected="an answer to each request",
                got=f"exit code {self._process.poll()}",
                retry="safe",
                hint="its own words stand on stderr above",
            )
        return json.loads(text)


def _raised(problem: dict[str, Any]) -> WorkadayError:
    return StoreError(
        problem.get("code", "test.engine_refused"),
        problem.get("message", ""),
        expected=problem.get("expected") or "",
        got=problem.get("got"),
        retry=problem.get("retry") or "never",
        retry_note=problem.get("retry_note"),
        hint=problem.get("hint"),
    )

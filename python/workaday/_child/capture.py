"""Gives every printed or logged line to the job that wrote it.

`sys.stdout` and `sys.stderr` are replaced by writers that send whole lines as frames; `logging` has a handler on the
root logger. A line belongs to the job of the context that writes it. A thread that a job started has no such context:
in a sync or solo child its lines go to the running job, in an async child to none (seq 0).

What writes to the file descriptors themselves (C code, subprocesses) reaches the supervisor by its own pipes.
Nothing here costs anything while nothing is printed.
"""

from __future__ import annotations

import codecs
import io
import logging
import sys
from contextvars import ContextVar
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workaday._core import Child

STDOUT, STDERR, LOG, _RAW, SYSTEM = 1, 2, 3, 4, 5
"""Streams, as in docs/protocol.md."""

LINE_CHARS = 16 * 1024
"""A line without an end is sent in pieces of this size: what waits here is bounded."""

PARTIALS_MAX = 1000
"""So many lines may wait for their end. Threads that outlive their jobs leave some for ever."""

job: ContextVar[int] = ContextVar("workaday_job", default=0)
"""Seq of the job of this context; set in async children only. 0: whatever job runs in this process."""


class LineWriter(io.TextIOBase):
    """A text stream that sends each line as a frame of the job that printed it."""

    encoding = "utf-8"
    errors = "replace"
    line_buffering = True

    def __init__(self, child: Child, stream: int, fd: int) -> None:
        self._child = child
        self._stream = stream
        self._fd = fd
        self._partial: dict[tuple[int, int], str] = {}  # (seq, thread) -> a line that has no end yet
        self.buffer = ByteWriter(self)

    @property
    def name(self) -> str:
        return "<stdout>" if self._stream == STDOUT else "<stderr>"

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - as io.TextIOWrapper says it
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        key = (job.get() or self._child.current(), get_ident())
        lines = (self._partial.pop(key, "") + text).split("\n")
        rest = lines.pop()
        if len(rest) >= LINE_CHARS:
            lines.append(rest)
        elif rest:
            if len(self._partial) >= PARTIALS_MAX:
                self._send_partials(list(self._partial))
            self._partial[key] = rest
        for line in lines:
            self._child.log(key[0], self._stream, 0, "", line.removesuffix("\r"))
        return len(text)

    def finish(self, seq: int) -> None:
        """Sends the last line of a job even if it has no end."""
        if self._partial:
            self._send_partials([key for key in self._partial if key[0] == seq])

    def _send_partials(self, keys: list[tuple[int, int]]) -> None:
        for key in keys:
            self._child.log(key[0], self._stream, 0, "", self._partial.pop(key, ""))

    def flush(self) -> None:
        """Who flushes wants it seen whatever comes next: the last words before a crash leave the process now."""
        self._child.flush()

    def fileno(self) -> int:
        """The real descriptor, for subprocesses: what they write is raw output."""
        return self._fd

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def reconfigure(self, **_options: object) -> None:
        """Accepted and ignored: encoding, errors and buffering are as they must be for frames."""


class ByteWriter(io.BufferedIOBase):
    """`sys.stdout.buffer`: bytes that are no UTF-8 are replaced."""

    def __init__(self, text: LineWriter) -> None:
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: bytes | bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - bytes alone, as a raw stream takes them
        self._text.write(self._decoder.decode(bytes(data)))
        return len(data)

    def fileno(self) -> int:
        return self._text.fileno()

    def writable(self) -> bool:
        return True


class FrameHandler(logging.Handler):
    """Sends a log record, with its level and logger, as a frame of the job that logged it."""

    def __init__(self, child: Child) -> None:
        super().__init__()
        self._child = child

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = min(max(record.levelno // 10, 0), 255)
            self._child.log(job.get(), LOG, level, record.name, self.format(record))
        except Exception:  # as every handler: a record that cannot be formatted must not fail the job
            self.handleError(record)


class Capture:
    """The replaced streams and the handler, to install once and to undo in a fork."""

    def __init__(self, child: Child) -> None:
        self._writers = (LineWriter(child, STDOUT, 1), LineWriter(child, STDERR, 2))
        self._handler = FrameHandler(child)

    def install(self) -> None:
        """Before the user's module is imported, so that its first word is caught and its own settings come later and win."""
        sys.stdout, sys.stderr = self._writers
        root = logging.getLogger()
        root.addHandler(self._handler)
        root.setLevel(logging.INFO)

    def settle(self) -> None:
        """After the import: a module that configured `logging` itself has removed the handler, and its own writes to stderr,
        which is captured. A module that only removed handlers gets ours back."""
        root = logging.getLogger()
        if not root.handlers:
            root.addHandler(self._handler)

    def finish(self, seq: int) -> None:
        """At the end of a job, before its outcome."""
        for writer in self._writers:
            writer.finish(seq)

    def undo(self) -> None:
        """In a fork: output goes to the raw pipes, a line at a time, since nothing flushes after `os._exit`."""
        logging.getLogger().removeHandler(self._handler)
        _line_buffered((sys.__stdout__, sys.__stderr__))
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def _line_buffered(streams: Iterable[object]) -> None:
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)

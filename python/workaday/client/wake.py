"""Tells the supervisor to look now. A hint after COMMIT, never waited for; its own slow poll is the truth."""

from __future__ import annotations

import contextlib
import os
import socket

_PATH_BYTES_MAX = 107


class Wake:
    """The sending side of `<database>-wake`."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._folder = -1
        self._address = f"{path}-wake"
        if len(os.fsencode(self._address)) > _PATH_BYTES_MAX:
            folder, name = os.path.split(self._address)
            self._folder = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            self._address = f"/proc/self/fd/{self._folder}/{name}"

    def ping(self) -> None:
        """One datagram. No supervisor, or one with a full inbox: both are fine."""
        with contextlib.suppress(OSError):
            self._socket.sendto(b"w", self._address)

    def close(self) -> None:
        self._socket.close()
        if self._folder >= 0:
            os.close(self._folder)

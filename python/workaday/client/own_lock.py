"""Does this very process hold the write lock? Then waiting for it may be waiting for ourselves.

Asked of `/proc/locks` by inode. Never by opening the file: closing a descriptor of `-shm` or of the database drops all
of this process's locks on it, and acknowledged jobs with them.
"""

from __future__ import annotations

import os

from workaday.errors import EnqueueError

_WRITE_LOCK = 120


def held_by_this_process(path: str) -> bool:
    """Is the WAL's write lock (byte 120 of `-shm`) held under our pid?"""
    try:
        inode = str(os.stat(f"{path}-shm").st_ino)
        with open("/proc/locks", encoding="ascii") as locks:
            lines = locks.read().splitlines()
    except OSError:
        return False
    pid = str(os.getpid())
    for line in lines:
        # 1: POSIX  ADVISORY  WRITE 4711 fe:00:262146 120 120
        fields = line.split()
        if len(fields) == 8 and fields[3] == "WRITE" and fields[4] == pid:
            covers = int(fields[6]) <= _WRITE_LOCK and (fields[7] == "EOF" or int(fields[7]) >= _WRITE_LOCK)
            if covers and fields[5].rpartition(":")[2] == inode:
                return True
    return False


def own_transaction_open(path: str) -> EnqueueError:
    return EnqueueError(
        "enqueue.own_transaction_open",
        f"this process has a write transaction open on `{path}` itself, so waiting for it could last for ever",
        expected="no open write transaction on the store's file, or the job inside it",
        retry_note="safe after that transaction has ended; nothing was stored",
        hint="options(connection=…) puts the job into your transaction",
    )

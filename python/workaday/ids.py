"""Job ids: UUIDv7, made before the call, so that a lost reply is repaired by the same id."""

from __future__ import annotations

import os
from typing import Any

from workaday import clock
from workaday.errors import EnqueueError
from workaday.lengths import shortened


def new_id() -> bytes:
    """16 bytes of a UUIDv7: the time to a quarter of a microsecond in front, so that ids sort as they were made."""
    millis, micros = divmod(clock.now_us(), 1000)
    # 12 bits below the millisecond (RFC 9562, method 3), then 62 random bits, fresh after a fork too.
    head = (millis << 16) | 0x7000 | (micros * 4096 // 1000)
    tail = (int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
    return ((head << 64) | tail).to_bytes(16)


def id_bytes(value: Any) -> bytes:
    """The bytes of a UUID, given as such or as text."""
    from uuid import UUID

    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, str):
        try:
            return UUID(value).bytes
        except ValueError:
            pass
    raise EnqueueError(
        "job.id_invalid",
        f"a job id is {shortened(value)}",
        expected="a UUID, or its text",
        retry_note="safe after the id is mended; nothing was stored",
        hint="for a key of your own use unique=",
    )

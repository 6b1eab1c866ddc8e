"""The frames of docs/protocol.md in plain Python: written from the page and not from the Rust, so that each checks the other."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

HELLO, READY, JOB, RECALL, RECALLED, STARTED, PROGRESS, LOG = range(1, 9)
EVIDENCE, OUTCOME, CANCEL, HEARTBEAT, DRAIN, BYE = range(9, 15)

NAMES = {
    HELLO: "hello", RECALLED: "recalled", STARTED: "started", PROGRESS: "progress", LOG: "log",
    EVIDENCE: "evidence", OUTCOME: "outcome", HEARTBEAT: "heartbeat", BYE: "bye",
}  # fmt: skip
KINDS = (
    "", "completed", "failed", "timed_out", "over_memory", "snoozed", "cancelled", "discarded", "given_back", "misfit", "unknown_task",
)  # fmt: skip
STREAMS = ("", "stdout", "stderr", "log", "raw", "system")


@dataclass
class Frame:
    """One frame from a child: its name and its fields."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


def _frame(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<IB", len(body) + 1, kind) + body


def _str(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def ready(json: str) -> bytes:
    return _frame(READY, _str(json))


def job(
    seq: int, task: str, args: str = "{}", *, flush: bool = False, attempt: int = 1, fence: int = 1, timeout_us: int = 0,
    memory_bytes: int = 0, run_at: int = 0, job_id: bytes = bytes(16), meta: str = "",
) -> bytes:  # fmt: skip
    head = struct.pack("<QBIQqQq", seq, flush, attempt, fence, timeout_us, memory_bytes, run_at)
    return _frame(JOB, head + job_id + _str(task) + _str(args) + _str(meta))


def recall(nonce: int) -> bytes:
    return _frame(RECALL, struct.pack("<Q", nonce))


def cancel(seq: int, why: int) -> bytes:
    return _frame(CANCEL, struct.pack("<QB", seq, why))


def drain() -> bytes:
    return _frame(DRAIN)


class Body:
    """Takes fields from the front of a body."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, layout: str) -> tuple[Any, ...]:
        size = struct.calcsize("<" + layout)
        assert len(self.data) >= size, "the body ends inside a field"
        values, self.data = struct.unpack("<" + layout, self.data[:size]), self.data[size:]
        return values

    def str(self) -> str:
        (length,) = self.take("I")
        assert len(self.data) >= length, "the body ends inside a str"
        text, self.data = self.data[:length].decode(), self.data[length:]
        return text


def _fields(kind: int, body: Body) -> dict[str, Any]:
    match kind:
        case 1 | 14:
            return {"json": body.str()}
        case 5:
            nonce, count = body.take("QI")
            return {"nonce": nonce, "seqs": list(body.take(f"{count}Q"))}
        case 6:
            return dict(zip(("seq", "at_ns"), body.take("QQ"), strict=True))
        case 7:
            seq, share = body.take("Qd")
            return {"seq": seq, "share": share, "note": body.str()}
        case 8:
            seq, stream, level, at_us = body.take("QBBq")
            return {
                "seq": seq,
                "stream": STREAMS[stream],
                "level": level,
                "at_us": at_us,
                "logger": body.str(),
                "text": body.str(),
            }
        case 9:
            return {"seq": body.take("Q")[0], "json": body.str()}
        case 10:
            seq, kind, retry, until_us, *times, cpu_us, maxrss_kib = body.take("QBBqQQQQ")
            names = {
                "seq": seq,
                "kind": KINDS[kind],
                "retry": bool(retry),
                "until_us": until_us,
                "started_ns": times[0],
            }
            names |= {"ended_ns": times[1], "cpu_us": cpu_us, "maxrss_kib": maxrss_kib}
            return names | {"mark": body.str(), "payload": body.str()}
        case 12:
            return {"loop_lag_us": body.take("Q")[0]}
        case _:
            raise AssertionError(f"a child does not send frame type {kind}")


class Reader:
    """Bytes in, whole frames out."""

    def __init__(self) -> None:
        self.data = b""

    def feed(self, data: bytes) -> list[Frame]:
        self.data += data
        frames: list[Frame] = []
        while len(self.data) >= 4:
            (length,) = struct.unpack("<I", self.data[:4])
            if len(self.data) < 4 + length:
                break
            kind, body = self.data[4], Body(self.data[5 : 4 + length])
            self.data = self.data[4 + length :]
            frames.append(Frame(NAMES[kind], _fields(kind, body)))
            assert not body.data, f"{NAMES[kind]}: {len(body.data)} bytes more than its fields"
        return frames

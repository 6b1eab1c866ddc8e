"""How fast one child turns job frames into outcome frames: no store, no supervisor, a window of jobs in flight over a socketpair.

    PYTHONPATH=python python bench/child.py [jobs]

Counts bytes instead of decoding outcomes (those of a no-op are all of one length), so that the driver is not what is measured.
`µs of CPU` is what the child spent a job, both threads, kernel included: on a busy machine the figure to compare.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit" / "child"))

import frames
from supervisor import Supervisor

OUTCOME_BYTES = 4 + 1 + 8 + 1 + 1 + 5 * 8 + 4 + 4 + len("null")


def cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


def resident_kib(pid: int) -> int:
    return int(next(line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")))


def turn(child: Supervisor, task: str, args: str, total: int, window: int, *, outcome_bytes: int) -> tuple[float, float]:
    """Wall seconds and child CPU seconds for `total` jobs, at most `window` in flight."""
    first = child._seq + 1
    child._seq += total
    batches = [
        b"".join(frames.job(seq, task, args, timeout_us=3_600_000_000) for seq in range(at, min(at + max(1, window // 2), first + total)))
        for at in range(first, first + total, max(1, window // 2))
    ]
    sizes = [max(1, window // 2)] * len(batches)
    child.wire.settimeout(30)
    cpu, started, sent, done, got = cpu_seconds(child.pid), time.perf_counter(), 0, 0, 0
    batch = 0
    while done < total:
        while batch < len(batches) and sent + sizes[batch] - done <= window:
            child.wire.sendall(batches[batch])
            sent += sizes[batch]
            batch += 1
        got += len(child.wire.recv(1 << 18))
        done = got // outcome_bytes
    return time.perf_counter() - started, cpu_seconds(child.pid) - cpu


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    cases = [
        ("sync", "t.noop", "{}", 4),
        ("sync", "t.add", '{"a":20,"b":22}', 2),
        ("async", "t.anoop", "{}", 4),
        ("solo", "t.noop", "{}", 4),
    ]
    print(f"{'child':6} {'task':8} {'window':>6} {'jobs/s':>9} {'µs wall':>8} {'µs CPU':>7} {'RSS MiB':>8}")
    for kind, task, args, payload in cases:
        for window in (1, 16, 256):
            with tempfile.TemporaryDirectory() as folder:
                child = Supervisor(Path(folder), kind)
                child.ready()
                turn(child, task, args, 2_000, window, outcome_bytes=OUTCOME_BYTES - 4 + payload)
                jobs = total if window > 1 else total // 5
                wall, cpu = turn(child, task, args, jobs, window, outcome_bytes=OUTCOME_BYTES - 4 + payload)
                rss = resident_kib(child.pid) / 1024
                child.close()
            print(f"{kind:6} {task:8} {window:6} {jobs / wall:9,.0f} {wall / jobs * 1e6:8.2f} {cpu / jobs * 1e6:7.2f} {rss:8.1f}")


if __name__ == "__main__":
    main()

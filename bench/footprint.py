"""What an installation costs that does nothing: import time, memory, CPU, and the start of the program."""

from __future__ import annotations

import subprocess
import sys
import time

from harness import cpu_seconds, memory_kib, program
from scratch import scratch, spread


def timed_import(project, module: str) -> float:
    source = f"import time; a = time.perf_counter(); import {module}; print(1000 * (time.perf_counter() - a))"
    return float(project.run(sys.executable, "-c", source).out)


def started(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return 1000 * (time.perf_counter() - began)


def pss_kib(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def measure(quick: bool) -> dict[str, object]:
    rounds, seconds = (5, 3) if quick else (15, 20)
    with scratch() as project:
        imports = [timed_import(project, "workaday") for _ in range(rounds)]
        starts = [started(program(), "--version") for _ in range(rounds)]
        supervisor = project.up()
        project.enqueue("noop.enqueue(1), noop_async.enqueue(1)")
        project.wait_all_finished()
        children = supervisor.wait_children(1)
        everyone = [supervisor.pid, *children]
        before, began = [cpu_seconds(pid) for pid in everyone], time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        idle = [100 * (cpu_seconds(pid) - was) / passed for pid, was in zip(everyone, before, strict=True)]
        figures = {
            "import_ms": spread(imports, 1),
            "program_start_ms": spread(starts, 1),
            "supervisor_rss_mib": round(memory_kib(supervisor.pid) / 1024, 1),
            "children": len(children),
            "child_rss_mib": [round(memory_kib(pid) / 1024, 1) for pid in children],
            "all_pss_mib": round(sum(pss_kib(pid) for pid in everyone) / 1024, 1),
            "supervisor_idle_cpu_percent": round(idle[0], 2),
            "children_idle_cpu_percent": round(sum(idle[1:]), 2),
        }
        supervisor.stop()
    return figures

"""`make bench`: measure everything in one run and write bench/results/<date>.json, latest.md and docs/benchmarks.md.

Ratios are worth more than figures: the machine's own floors and a peer are measured in the same run. `--quick` takes
a tenth of the work (to see that it runs), `--only latency,floors` a part.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "acceptance"), str(HERE.parent / "tests")]  # the measures · the tests' harness
PAGE = HERE.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
MEASURES = ("floors", "enqueue", "latency", "throughput", "footprint", "schedules", "peer_huey")


def machine() -> dict[str, object]:
    processor = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {
        "processor": processor[0] if processor else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
    }


def table(run: dict) -> str:
    """The figures a reader asks for, each with the bar it is held against."""
    rows: list[tuple[str, str, str]] = []

    def row(what: str, figure: object, bar: str = "") -> None:
        rows.append((what, str(figure), bar))

    measures = run["measures"]
    if floors := measures.get("floors"):
        row("bare SQLite, one row a FULL commit", f"{floors['sqlite_full_commit']['per_second']:,}/s", "floor")
        row("drain floor (claim + complete, batches of 512)", f"{floors['drain_floor_per_second']:,}/s", "ceiling")
    if latency := measures.get("latency"):
        for kind in ("sync", "async"):
            seen = latency[kind]["pick_up_ms"]
            row(f"pick-up, {kind}: p50 / p99 / worst", f"{seen['p50']} / {seen['p99']} / {seen['max']} ms", "1.5 / 5 ms")
    if throughput := measures.get("throughput"):
        for kind in ("sync", "async"):
            rate = throughput[kind]["jobs_per_second"]
            share = f", {rate / floors['drain_floor_per_second']:.0%} of the drain floor" if floors else ""
            row(f"no-op jobs, {kind}", f"{rate:,}/s{share}", "20,000/s" if kind == "sync" else "")
    if enqueue := measures.get("enqueue"):
        for name, rate in enqueue.items():
            share = f", {rate / floors['sqlite_full_commit']['per_second']:.2f} × a bare commit" if floors else ""
            row(f"enqueue, {name.removesuffix('_per_second').replace('_', ' ')}", f"{rate:,}/s{share}")
    if schedules := measures.get("schedules"):
        seen, idle = schedules["lateness"]["start_ms"], schedules["idle"]
        row("every-second command starts late by: p50 / p99 / worst", f"{seen['p50']} / {seen['p99']} / {seen['max']} ms", "p99 20 ms")
        row(f"{idle['schedules']:,} schedules, none due: CPU of the supervisor", f"{idle['cpu_percent']} % of a core", "2 %")
    if footprint := measures.get("footprint"):
        row("import workaday, p50", f"{footprint['import_ms']['p50']} ms", "50 ms")
        row("`workaday --version`, p50", f"{footprint['program_start_ms']['p50']} ms", "10 ms")
        row(
            "supervisor: memory, idle CPU",
            f"{footprint['supervisor_rss_mib']} MiB, {footprint['supervisor_idle_cpu_percent']} %",
            "20 MiB, 0.5 %",
        )
        row("child: memory (the largest)", f"{max(footprint['child_rss_mib'])} MiB", "40 MiB")
    if huey := measures.get("peer_huey"):
        row(f"huey {huey['version']} (SQLite, fsync): enqueue", f"{huey['enqueue_per_second']:,}/s", "peer")
        row("huey: no-op jobs", f"{huey['noop_jobs_per_second']:,}/s", "peer")
        row(
            "huey: pick-up p50 / worst, default",
            f"{huey['pick_up_ms']['p50']} / {huey['pick_up_ms']['max']} ms",
            "peer",
        )
        row(
            "huey: pick-up p50 / worst, tuned",
            f"{huey['pick_up_ms_tuned']['p50']} / {huey['pick_up_ms_tuned']['max']} ms",
            "peer",
        )
    for what, times in against_peer(measures):
        row(what, times, "ratio")
    lines = ["| measure | figure | bar |", "|---|---:|---:|", *(f"| {a} | {b} | {c} |" for a, b, c in rows)]
    host = run["machine"]
    if host["load_before"][0] > 0.5 * host["cores"]:
        lines += ["", f"The machine was busy (load {host['load_before'][0]} before the run): ratios may be read, figures may not."]
    return "\n".join([*lines, "", f"{host['processor']}, {host['cores']} cores, Python {host['python']}; {run['when']}.", ""])


def against_peer(measures: dict) -> list[tuple[str, str]]:
    """What was measured on both sides of one run, as ratios: they hold on other machines too."""
    if not (huey := measures.get("peer_huey")):
        return []
    ratios: list[tuple[str, str]] = []
    if throughput := measures.get("throughput"):
        times = throughput["sync"]["jobs_per_second"] / huey["noop_jobs_per_second"]
        ratios.append(("no-op jobs, sync: Workaday to huey", f"{times:.1f} × as many"))
    if latency := measures.get("latency"):
        ours = latency["sync"]["pick_up_ms"]["p50"]
        for settings, theirs in (("default", huey["pick_up_ms"]), ("tuned", huey["pick_up_ms_tuned"])):
            ratios.append((f"pick-up p50: Workaday to huey, {settings}", f"{ours / theirs['p50']:.2f} × as long"))
    return ratios


def publish(text: str, page: Path, marks: tuple[str, str] = (BEGIN, END)) -> None:
    """Puts the table between the marks of the page; what stands around it is written by hand."""
    whole = page.read_text(encoding="utf-8")
    before, begin, rest = whole.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise SystemExit(f"{page} has no place for the table: {marks[0]} … {marks[1]}")
    page.write_text(f"{before}{begin}\n{text}{end}{after}", encoding="utf-8")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--only", default=",".join(MEASURES))
    chosen = options.parse_args()
    now = datetime.datetime.now(datetime.UTC)
    run = {"when": now.strftime("%Y-%m-%d %H:%M UTC"), "quick": chosen.quick, "machine": machine(), "measures": {}}
    for name in chosen.only.split(","):
        print(f"measuring {name} …", flush=True)
        run["measures"][name] = importlib.import_module(name).measure(chosen.quick)
        print(json.dumps(run["measures"][name]), flush=True)
    text = table(run)
    print(f"\n{text}")
    if not chosen.quick:
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / f"{now:%Y-%m-%d-%H%M}.json").write_text(json.dumps(run, indent=1) + "\n")
        (results / "latest.md").write_text(text)
        if set(run["measures"]) == set(MEASURES):  # a part of the table would take the rest of the page's away
            publish(text, PAGE)


if __name__ == "__main__":
    main()

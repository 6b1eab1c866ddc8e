"""Writes docs/reliability.md from the ledger: the promise, fault by fault what happens, the totals so far, what is not promised.

`python -m chaos.page` writes, `--check` says whether the page is that of the ledger. Needs nothing installed.
"""

from __future__ import annotations

import collections
import json
import sys
from typing import Any

from chaos.frame import LEDGER, ROOT

PAGE = ROOT / "docs" / "reliability.md"
CODES = ROOT / "python" / "workaday" / "codes"

HEAD = """\
# Reliability, counted

<!-- Generated from docs/reliability-ledger.jsonl by `python -m chaos.page`: change chaos/page.py, not this page. -->

> An enqueue that returned is never lost. A job runs at least once; its outcome is recorded exactly once. A tick of a schedule is decided exactly once: one job, or one recorded reason. After any crash of our processes work goes on within 2 s of the restart.

Every job system says something like it. This page says how often we tried to break it, with what, and what came out. [The delivery promise](concepts/delivery-promise.md) explains what stands behind it.
"""

FAULTS: list[tuple[str, str, str | None, str]] = [
    (
        "your process dies during `enqueue`",
        "the job is stored or not, never half; the same id again makes no second one",
        None,
        "kill_sweep",
    ),
    (
        "an I/O error while a job is stored",
        "told as certainly not stored, or as unknown when the COMMIT itself failed",
        "store.outcome_unknown",
        "io_errors",
    ),
    ("an I/O error at any other call", "refused with its cause; nothing was stored", "store.io", "io_errors"),
    (
        "the disk is full, at once or in the middle of a write",
        "new work is refused; running work ends; it goes on by itself when there is room",
        "store.full",
        "io_errors",
    ),
    ("the supervisor is killed", "its jobs are given back by the next one, no attempt is spent", None, "kills"),
    (
        "the supervisor is killed while it claims, settles, decides ticks or migrates",
        "each step is there or not; a backup that has its name is whole",
        None,
        "kill_sweep",
    ),
    ("the power goes", "all that was acknowledged is there, whatever part of the rest reached the disk", None, "power_loss"),
    ("the file is damaged", "SQLite's finding, with the way out", "store.corrupt", "corrupt"),
    ("a row cannot be read", "it is named and left alone", "store.row_unreadable", "corrupt"),
    (
        "a job's child is killed, crashes or leaves",
        "the job fails with the signal or exit code and its retry policy decides; its neighbours go back, no attempt spent",
        '"killed by SIGSEGV", "left with exit code 3 in the middle of its work"',
        "storm",
    ),
    (
        "a job hangs in C code that keeps the GIL",
        "asked, SIGTERM, SIGKILL at its timeout; a timer of the kernel does it when the supervisor itself is stopped",
        "an attempt `timed_out`",
        "faults",
    ),
    (
        "the kernel kills for want of memory",
        "children are taken first, the supervisor and other jobs go on; the job is told as killed for memory, and held after three times",
        '"killed by the kernel for want of memory (peak 812 MiB)"',
        "oom",
    ),
    (
        "the wall clock is set, forward or back",
        "running jobs, ready jobs and retries go on within seconds; a step forward is downtime to schedules, a step back runs no tick again; jobs for an instant keep that instant",
        '"the wall clock was set back by 2h; no tick that was decided runs again"',
        "clock",
    ),
    (
        "the machine sleeps",
        "what the schedules missed is decided by their catch-up; timeouts count the sleep",
        '"the machine was suspended for 3h; schedules take it as downtime: their catch-up decides"',
        "simulator (model)",
    ),
    (
        "the supervisor is told to go, at any moment, whatever still talks to it",
        "running jobs may finish within `grace`, the rest goes back; an end that something holds up says what it waits for, and is cut short at its bound",
        "supervisor.cut_short",
        "ends",
    ),
    (
        "a supervisor is stopped, replaced, and comes back",
        "its late outcomes change nothing, its ticks are decided already",
        None,
        "zombie",
    ),
    (
        "no descriptors, processes or threads are left",
        "the supervisor stays up and tries again; a refused start is no failure of a job",
        "command.not_started",
        "exhaust",
    ),
    (
        "a job prints without end",
        "its first and last part are kept, the rest is counted; the pipe never blocks it",
        '"… 1073741824 bytes left out here: an attempt keeps its first 1024 KiB and its last 1024 KiB"',
        "faults",
    ),
    (
        "arguments that are huge, deep, or no JSON",
        "refused at the enqueue with the limit and the value's size; certainly not stored",
        "args.invalid",
        "fuzz",
    ),
    (
        "a configuration is half written when it is read",
        "all of it is judged before any of it counts: the old one stays in force",
        "config.syntax",
        "faults",
    ),
    (
        "a backup is made under load, or killed",
        "the copy is one instant; whatever has a backup's name is whole; a restored copy runs nothing until told to",
        '"this store is a copy"',
        "backups",
    ),
    ("an older program meets a newer store", "it refuses to write, and says which version it needs", "store.newer_schema", "acceptance"),
    (
        "a deploy leaves jobs that the new code does not know",
        "held, shown, released by themselves when the task is back; never dropped, never retried in a loop",
        "job.unknown_task",
        "faults",
    ),
    ("jobs come while no supervisor runs", "stored all the same; the next one runs them", None, "kills"),
    (
        "a process forks, or a coroutine is cancelled, during `enqueue`",
        "no handle is shared; the job is stored or not, and its id is known",
        None,
        "faults",
    ),
    (
        "strangers send broken requests to the dashboard",
        "an answer that says what was wrong, never a failure of the program",
        "web.request_invalid",
        "http",
    ),
    ("a second supervisor starts", "it ends with exit code 3 and names the first", "supervisor.held", "acceptance"),
    ("a process of a dead supervisor does not die", "the new one ends it, or says which it is", "supervisor.children_alive", "acceptance"),
    ("another program holds the write lock", "5 s of fair waiting, then refused; certainly not stored", "store.busy", "acceptance"),
    (
        "a job kills its worker again and again",
        "three crashes of its own: held as `quarantine`, shown, blocking nothing",
        None,
        "acceptance",
    ),
]

NOT_PROMISED = """\
## What is not promised
- **A disk that lies.** The promise rests on `fsync`. A drive or a virtual disk that says yes and forgets loses what it said yes to; no program can help that.
- **Damage inside a value.** SQLite keeps no checksum of its main pages: bits that rot inside a number or a text, an id too, can go unnoticed. Damage to the structure is noticed, and refused. Why there is no checksum column: [ADR 0027](adr/0027-no-checksum-of-values.md).
- **A wait across a clock that is set.** A retry waits at most twice its wait, whatever the clock does. A job for an instant (`at`, `delay`, a snooze) is due when the clock shows it: a clock that is set back shows it later. So it is with a schedule whose ticks were decided under a clock that was ahead: it is silent until the clock has caught up, for none of them may run twice.
- **A WAL damaged before its checkpoint.** From the first frame whose checksum is wrong on, SQLite takes the WAL for cut off by a power loss: what was acknowledged behind that frame is gone, and nothing tells.
- **Copies made by `cp` of a store in use.** They may be torn, and their jobs may be the live store's: a copy starts paused until `workaday up --adopt`.
- **A network file system.** Refused where it is recognised.
- **Effects outside.** A job that died after its effect and before its outcome runs again: [write tasks that bear it](guides/retries-and-idempotency.md).
- **Failover of an asynchronous PostgreSQL replica.** PostgreSQL is not served yet; when it is, a failover to a replica that lags loses what had not reached it.
"""

HOW: dict[str, tuple[str, str]] = {
    "kill_sweep": (
        "Kill at every call",
        "a preloaded seam counts the calls on the store's files; `kill -9` at each of them, then recovery, then the same ids again",
    ),
    "power_loss": (
        "Power-loss images",
        "writes, syncs, truncations and names of a real run are noted; at each sync, images are made with none, all or any 512-byte sectors of what was not synced; each is opened and counted once by its content",
    ),
    "io_errors": (
        "I/O errors",
        "EIO, ENOSPC and writes cut short at every call, once and for ever; what was told is held against the file",
    ),
    "corrupt": (
        "Damaged files",
        "bits, pages, noise, ends cut off, in the file, its WAL and its shared memory; opened by the engine, the client, the command line and `workaday up`",
    ),
    "kills": (
        "Kill storm",
        "supervisors and enqueuers killed while jobs run; the rescue is timed from the exec of the new supervisor to the job being available",
    ),
    "zombie": (
        "Zombie supervisors",
        "a second engine takes over from one that was stopped; the first comes back and goes on: its outcomes must be refused, no tick decided twice",
    ),
    "ends": (
        "Told to go",
        "SIGTERM and SIGINT, once and twice, after SIGHUP, at any moment from the exec on, with pages that stay open, half requests, a webhook that never answers, a backup, figures without end, somebody who holds the store: it ends within its bound, nothing runs on, nothing is lost or charged",
    ),
    "faults": (
        "Faults of the machine",
        "stopped processes, no descriptors, floods, poison jobs, C code that keeps the GIL, memory hogs, full disks, half-written configuration: the acceptance tests, counted as they passed",
    ),
    "fuzz": ("Fuzzing", "random and mutated input for cron, configuration, rows and logs: refused with a code, or taken; no panic"),
    "clock": (
        "Clock steps",
        "libfaketime sets the clock of a supervisor, its children and a client while they work: hours, minutes, fractions of a second, forward and back; all that waits goes on within seconds, ticks follow each other without a gap and without an overlap",
    ),
    "exhaust": (
        "No descriptors, no processes",
        "the limit of open files falls to what is open, or a pids cgroup is full, while children die and jobs come in; each job has one attempt only, so that a refused start would show as a discarded job",
    ),
    "oom": (
        "Out of memory",
        "a task eats until the kernel kills in a memory cgroup of ours; where none can be made the harness sends that SIGKILL itself, which is counted under another name",
    ),
    "backups": (
        "Backups under load",
        "made while clients enqueue and jobs run, restored elsewhere and held against what was told before; some are killed in the middle, then every file with a backup's name proves itself",
    ),
    "http": (
        "Hostile HTTP",
        "mangled requests to every route of the dashboard, half of them from somebody who is let in: none is answered by a failure, none hangs",
    ),
    "storm": (
        "Kill storm, Python children",
        "supervisors, Python children and enqueuers killed under a load of sync and async tasks, a hundred in flight",
    ),
    "simulator (model)": (
        "Simulated lives",
        "the real engine over a store in plain Rust, with clocks, processes and chance of its own: clock jumps, suspends, zombies, two supervisors, deploys, power cuts and faults at every seam, also during recovery. A checker holds each history against sixteen invariants; it has been shown to reject every one of its false histories, and each seed replays",
    ),
    "simulator (memory)": ("Simulated lives on SQLite in memory", "the same lives on the SQLite store, without files"),
    "simulator (file)": ("Simulated lives on SQLite files", "the same lives on the SQLite store as it is used, with its WAL and its locks"),
}


def main() -> int:
    fresh = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(fresh, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != fresh:
        print("docs/reliability.md is stale: run `python -m chaos.page`", file=sys.stderr)
        return 1
    return 0


def page() -> str:
    parts = [HEAD, "## Fault by fault", faults(), "## Totals so far", totals(), NOT_PROMISED, repeat()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def faults() -> str:
    titles = {code: told["meaning"] for file in sorted(CODES.glob("*.json")) for code, told in json.loads(file.read_text()).items()}
    rows = ["| what happens | what Workaday does | what you see | tried by |", "|---|---|---|---|"]
    for fault, does, code, harness in FAULTS:
        # A code with its meaning, or the words themselves.
        seen = "-" if code is None else f"`{code}`: {titles[code]}" if code in titles else code
        tried = "`tests/acceptance`" if harness == "acceptance" else HOW[harness][0].lower()
        rows.append(f"| {fault} | {does} | {seen} | {tried} |")
    return "\n".join(rows)


def lines() -> list[dict[str, object]]:
    if not LEDGER.exists():
        return []
    found = [json.loads(line) for line in LEDGER.read_text().splitlines() if line.strip()]
    # What ran on a tree that nobody can get again proves nothing.
    return [line for line in found if not str(line["revision"]).endswith("+dirty")]


def totals() -> str:
    by_harness: dict[str, list[dict]] = collections.defaultdict(list)
    for line in lines():
        by_harness[str(line["harness"])].append(line)
    rows = ["| harness | tried | lost | doubled | panics | otherwise broken | last run |", "|---|---|---|---|---|---|---|"]
    notes = []
    for harness in sorted(by_harness, key=lambda name: list(HOW).index(name) if name in HOW else 99):
        runs = by_harness[harness]
        title, how = HOW.get(harness, (harness, ""))
        results: collections.Counter[str] = collections.Counter()
        for run in runs:
            results.update(run["result"])
        other = sum(count for kind, count in results.items() if kind not in {"lost", "doubled", "panics"})
        last = runs[-1]  # the ledger is appended to
        count = sum(run["count"] for run in runs)
        rows.append(
            f"| {title} | {count:,} {runs[0]['unit']} | {results['lost']} | {results['doubled']} | {results['panics']} | {other} | {last['date']}, `{last['revision']}` |"
        )
        notes.append(f"- **{title}**: {how}.{more(harness, runs)}" if how else f"- **{title}**.")
    if not notes:
        return "Nothing has been counted yet."
    parts = ["\n".join(rows), "\n".join(notes), "A run on a changed, uncommitted tree is not counted.", *found()]
    return "\n\n".join(parts)


def found() -> list[str]:
    """What runs that did not hold have found: lines of the ledger with a `note`, written by whoever looked into it."""
    noted = [line for line in lines() if line.get("note")]
    told = [f"- {HOW[str(line['harness'])][0]}, {line['date']}, `{line['revision']}`: {line['note']}." for line in noted]
    return ["What is not zero above, and what it was:\n\n" + "\n".join(told)] if told else []


def more(harness: str, runs: list[dict]) -> str:
    """What else a reader would ask of this harness."""
    match harness:
        case "power_loss":
            workloads = sum(run["workloads"] for run in runs)
            return f" {workloads} workloads, {sum(run['two_writers'] for run in runs)} of them with two writers at once."
        case "kill_sweep" | "io_errors":
            best: dict[str, tuple[int, int]] = {}
            for run in runs:
                for name, text in run["points"].items():
                    covered, whole = map(int, text.split("/"))
                    best[name] = max(best.get(name, (0, whole)), (covered, whole))
            covered, whole = (sum(pair[n] for pair in best.values()) for n in (0, 1))
            text = f" Points covered in the fullest runs: {covered:,} of {whole:,}, on {len(best)} paths."
            return text + (f" By kind of fault: {_kinds(runs)}." if harness == "io_errors" else "")
        case "corrupt":
            outcomes: collections.Counter[str] = collections.Counter()
            for run in runs:
                outcomes.update(run["outcomes"])
            return " What came of it: " + "; ".join(f"{name} {count:,}" for name, count in outcomes.most_common(8)) + "."
        case "kills":
            timed = [run for run in runs if run.get("rescue")]
            if not timed:
                return ""
            newest, worst = timed[-1], max(timed, key=lambda run: run["rescue"]["p99"])
            return f" {_rescues('In the newest run that was timed', newest)}" + (
                f" {_rescues('In the slowest one', worst)}" if worst is not newest else ""
            )
        case _:
            return ""


def _kinds(runs: list[dict]) -> str:
    counts: collections.Counter[str] = collections.Counter()
    for run in runs:
        counts.update(run["faults"])
    return ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())


def _rescues(which: str, run: dict[str, Any]) -> str:
    seen = run["rescue"]
    return (
        f"{which} ({run['count']:,} kills) {seen['rescued']:,} rescues took p50 {seen['p50']:.3f} s, "
        f"p99 {seen['p99']:.3f} s, at most {seen['max']:.3f} s."
    )


def repeat() -> str:
    return """\
## Do it again
`make chaos HOURS=8` runs all of it within a budget and prints its seed; `python -m chaos.power_loss --seed 7 --n 20000` runs one alone. With `WORKADAY_LEDGER=1` a run adds its line to `docs/reliability-ledger.jsonl`, of which this page is made. `tests/acceptance/test_chaos.py` plants bugs (a weaker sync, a sync left out, an id that is not looked for, a fence that is not asked for, a tick decided twice, a lock that is inherited, a retry that waits for a past clock, a backup by `cp`) and asks that each harness finds its own. Every named crash point is reached and survived by `tests/acceptance/test_crash_points.py`, which fails when one is left off.

`make mutants` changes the rules of core (a job's life, retries, holds, unique keys, deciding ticks) line by line and asks that a test fails. On 22 November 2026: 168 changes, of which 25 did not compile, 136 failed a test and 7 did not; since then each of the seven does."""


if __name__ == "__main__":
    sys.exit(main())

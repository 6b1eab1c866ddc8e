"""What the window costs, and how fast its pages are: `python bench/window.py` prints a table and writes it into docs/benchmarks.md.

Pages: a store with a million jobs (made once, kept under build/bench), every page and its JSON twin; the first time that it
is asked for, a second after the process started, and again and again. The file is in the page cache of the system, as that of
a store at work is; with `--from-disk` the first time is without it, which measures the disk. Cost: one drain of no-op jobs, in
turns with and without 500 viewers who follow, and with and without five dashboards that refresh as browsers do and a
Prometheus that scrapes. Both sides of each ratio are from the same drain. Beside that the processor time of the window's own
threads is told, which hardly scatters: it has all that a page costs itself, not how it slows others. `--quick` takes a small store and short drains and writes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import http.client
import json
import math
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TREE = Path(__file__).parents[1]
for folder in ("bench", "tests/acceptance", "tests"):
    sys.path.insert(0, str(TREE / folder))

from browser import fill, places  # noqa: E402
from harness import Project, Supervisor, cpu_seconds, memory_kib  # noqa: E402
from run import machine, publish  # noqa: E402
from scratch import scratch, spread  # noqa: E402

PAGE = TREE / "docs" / "benchmarks.md"
MARKS = ("<!-- window -->", "<!-- /window -->")
KEPT = TREE / "build" / "bench"
WINDOW = TREE / "target" / "release" / "examples" / "window"
PAGE_MS, PAGE_KB = 50, 60
VIEWERS, VIEWERS_PERCENT = 500, 5.0
DASHBOARDS, DASHBOARDS_PERCENT = ("/", "/jobs", "/queues", "/errors", "/schedules"), 2.0
SCRAPE_EVERY = 2.5
FIRST_AFTER = 1.0
COSTS = (
    (f"{VIEWERS} viewers who follow", "viewers", VIEWERS_PERCENT),
    (f"{len(DASHBOARDS)} dashboards and a scrape each {SCRAPE_EVERY:g} s", "dashboards", DASHBOARDS_PERCENT),
)
CONFIG = 'app = "jobs:app"\n[security]\nrate = "10000/s"\n'


# ---- pages ------------------------------------------------------------------------------------------------------


def filled(jobs: int) -> Path:
    """A store with so many jobs, as it stands now; one of the last hours is used again."""
    KEPT.mkdir(parents=True, exist_ok=True)
    store = KEPT / f"{jobs}.db"
    if store.exists() and time.time() - store.stat().st_mtime < 3 * 3600:
        return store
    for old in KEPT.glob(f"{jobs}.db*"):
        old.unlink()
    fill.fill(store, jobs)
    return store


@contextlib.contextmanager
def served(store: Path) -> Iterator[int]:
    """The window on a store; ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([WINDOW, store, str(port)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    try:
        while process.poll() is None:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield port
    finally:
        process.stdin.close()
        process.wait(10)


def evict(store: Path) -> None:
    """Out of the page cache, as far as the kernel lets us without being root."""
    for path in (store, Path(f"{store}-wal"), Path(f"{store}-shm")):
        if path.exists():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def admit(store: Path) -> None:
    """Into the page cache, where a store at work is: made hours ago, it may have been pushed out since."""
    with store.open("rb") as file:
        while file.read(1 << 20):
            pass


def ask(connection: http.client.HTTPConnection, port: int, path: str) -> tuple[float, int]:
    """Milliseconds until the last byte, and bytes of the body."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": f"workaday-{port}={fill.SECRET}"})
    answer = connection.getresponse()
    body = answer.read()
    passed = 1000 * (time.perf_counter() - began)
    # No supervisor serves this store: /health/deep says so with its 503.
    assert answer.status == (503 if path.startswith("/health") else 200), f"{path}: {answer.status} {body[:300]!r}"
    return passed, len(body)


def twin(path: str) -> str:
    return path + ("&" if "?" in path else "?") + "format=json"


def named(path: str) -> str:
    """Where the address holds a key, what it is the key of."""
    kind, _, key = path.strip("/").partition("/")
    return f"/{kind}/…" if key and kind in ("jobs", "errors") else path


def pages(jobs: int, rounds: int, first_rounds: int, from_disk: bool) -> dict[str, object]:
    store = filled(jobs)
    figures: dict[str, dict[str, object]] = {}
    for path in [
        *places.pages(store),
        "/jobs?text=order_id",
        # Found nowhere: as much is read as one look may read.
        "/jobs?text=nothing-like-it",
        "/jobs?task=mail.send_invoice",
        "/jobs?tag=black-friday",
        "/metrics",
        "/health/deep",
    ]:
        shown = {"first_ms": [], "warm_ms": [], "json_ms": [], "bytes": 0}
        has_twin = not path.startswith(("/metrics", "/health"))
        for _ in range(first_rounds):
            evict(store) if from_disk else admit(store)
            with served(store) as port:
                # What it counts in advance is counted by the time that somebody comes.
                time.sleep(FIRST_AFTER)
                ours = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                passed, _size = ask(ours, port, path)
                shown["first_ms"].append(passed)
                ours.close()
        with served(store) as port:
            ours = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            ask(ours, port, path)
            for _ in range(rounds):
                passed, shown["bytes"] = ask(ours, port, path)
                shown["warm_ms"].append(passed)
                if has_twin:
                    shown["json_ms"].append(ask(ours, port, twin(path))[0])
            ours.close()
        name = named(path)
        while name in figures:
            name += "'"
        figures[name] = {key: spread(value, 1) if isinstance(value, list) and value else value for key, value in shown.items()}
    return {"jobs": jobs, "store_mib": round(store.stat().st_size / 2**20), "pages": figures}


# ---- what following costs ---------------------------------------------------------------------------------------

# What the supervisor calls the threads that answer.
THREADS = ("the dashboard", "window")
# The first jobs of a backlog are slower: the system still writes what the filling left.
SETTLE_S = 8.0

FILL = """
    import sys
    import jobs
    count = int(sys.argv[1])
    for first in range(0, count, 1000):
        jobs.app.enqueue_many([jobs.noop.prepare(n) for n in range(first, min(first + 1000, count))])
"""


@dataclass
class Dashboard:
    """A running supervisor, as browsers and scrapers see it."""

    project: Project
    supervisor: Supervisor
    port: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {self.token}"}

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers=self.headers)
        answer = connection.getresponse()
        size = len(answer.read())
        assert answer.status == 200, f"{path}: {answer.status}"
        connection.close()
        return size

    def follow(self) -> socket.socket:
        """One page that follows: its stream, after the head of the answer."""
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        stream.sendall(f"GET /events HTTP/1.1\r\n{lines}\r\n".encode())
        seen = b""
        while b": workaday" not in seen:
            chunk = stream.recv(4096)
            assert chunk, seen
            seen += chunk
        return stream


PACE = re.compile(rb'"pace":(\d+)')


@contextlib.contextmanager
def viewers(dashboard: Dashboard, count: int) -> Iterator[dict[str, int]]:
    """So many pages are open, take what they are told, and look again at the pace that the events name, as live.js does."""
    streams = [dashboard.follow() for _ in range(count)]
    told = {"viewers": len(streams), "events": 0, "pages": 0}
    pace_s = [1.0]
    chosen = selectors.DefaultSelector()
    for stream in streams:
        chosen.register(stream, selectors.EVENT_READ)
    ending = threading.Event()

    def take() -> None:
        while not ending.is_set():
            for key, _ in chosen.select(0.1):
                chunk = key.fileobj.recv(65536)  # type: ignore[union-attr]
                told["events"] += chunk.count(b"event: changed")
                for pace in PACE.findall(chunk)[-1:]:
                    pace_s[0] = int(pace) / 1000

    def refresh() -> None:
        """Whichever page's turn it is: all of them together, spread over their pace."""
        seen = 0
        while not ending.wait(pace_s[0] / count):
            if told["events"] > seen:
                dashboard.get(DASHBOARDS[told["pages"] % len(DASHBOARDS)])
                told["pages"] += 1
                # Every page has heard of a change by the time its turn has come again.
                seen = max(seen, told["events"] - count)

    threads = [threading.Thread(target=take), threading.Thread(target=refresh)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        ending.set()
        for thread in threads:
            thread.join()
        for stream in streams:
            stream.close()


@contextlib.contextmanager
def dashboards(dashboard: Dashboard) -> Iterator[dict[str, int]]:
    """Open pages that refresh as live.js does, at most once a second when told, and a Prometheus that scrapes."""
    seen = {"pages": 0, "scrapes": 0, "kilobytes": 0}
    ending = threading.Event()

    def page(path: str) -> None:
        stream = dashboard.follow()
        stream.settimeout(0.1)
        last = 0.0
        due = False
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                due |= b"event: changed" in stream.recv(65536)
            if due and time.monotonic() - last >= 1:
                last, due = time.monotonic(), False
                seen["kilobytes"] += dashboard.get(path) // 1000
                seen["pages"] += 1
        stream.close()

    def scrape() -> None:
        while True:
            seen["kilobytes"] += dashboard.get("/metrics") // 1000
            seen["scrapes"] += 1
            if ending.wait(SCRAPE_EVERY):
                return

    threads = [threading.Thread(target=page, args=(path,)) for path in DASHBOARDS] + [threading.Thread(target=scrape)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ending.set()
        for thread in threads:
            thread.join()


@dataclass
class Turns:
    """Figures of a drain, in turns: one without, then pairs of one with and one without."""

    without: list[float] = field(default_factory=list)
    having: list[float] = field(default_factory=list)

    def more_percent(self) -> list[float]:
        """Each turn with, above the mean of its neighbours without: a drift of the machine takes no part."""
        return [100 * (now / statistics.mean(self.without[at : at + 2]) - 1) for at, now in enumerate(self.having)]


def judged(percents: list[float]) -> dict[str, float]:
    """The median, and between which two of the values it lies in 9 of 10 measurements, whatever their distribution (as far
    as so few values can tell; then the outermost)."""
    ordered, count = sorted(percents), len(percents)
    outside, skipped = 1 / 2**count, 0
    while skipped < (count - 1) // 2 and 2 * (more := outside + math.comb(count, skipped + 1) / 2**count) <= 0.1:
        outside, skipped = more, skipped + 1
    values = {"median": statistics.median(ordered), "low": ordered[skipped], "high": ordered[-1 - skipped]}
    return {name: round(value, 2) for name, value in values.items()} | {"sure": round(1 - 2 * outside, 2)}


def window_seconds(pid: int) -> float:
    """Processor time of the window's threads so far. One that has ended is left out: they live while there is work."""
    spent = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            if (thread / "comm").read_text().strip() in THREADS:
                spent += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return spent


def cost(
    jobs: int, seconds: float, pairs: int, load: Callable[[Dashboard], contextlib.AbstractContextManager[dict[str, int]]]
) -> dict[str, object]:
    """One drain: a turn without, then pairs of a turn with and one without. Of each turn: jobs a second, the processor time
    of the supervisor and its children for 1,000 jobs, and the share of it that the window's own threads took."""
    with scratch() as project:
        project.write("workaday.toml", CONFIG)
        project.python(FILL, str(jobs), within=600)
        project.workaday("queue", "pause", "default", "--reason", "not before everything is ready")
        supervisor = project.up()
        port = int(supervisor.wait_line(r"the dashboard is at \S+, listening on 127\.0\.0\.1:(\d+)").group(1))
        supervisor.wait_children(1)
        token = project.workaday("token", "create", "bench", "--role", "viewer", "--json").json["token"]
        dashboard = Dashboard(project, supervisor, port, token)
        memory = {"before_kib": memory_kib(supervisor.pid)}
        project.workaday("queue", "resume", "default")
        time.sleep(SETTLE_S if seconds > 1 else 1)
        processes = [supervisor.pid, *supervisor.children()]
        rates, times, shares, told, spans = Turns(), Turns(), Turns(), {}, []

        def spent() -> tuple[float, float]:
            return sum(map(cpu_seconds, processes)), window_seconds(supervisor.pid)

        def turn() -> tuple[float, float, float, float]:
            # What connecting costs is not what following costs.
            time.sleep(0.4)
            began, (all_before, window_before) = time.time(), spent()
            time.sleep(seconds)
            all_after, window_after = spent()
            return began, time.time(), all_after - all_before, window_after - window_before

        spans.append((False, turn()))
        for _ in range(pairs):
            with load(dashboard) as seen:
                spans.append((True, turn()))
                memory["with_kib"] = max(memory.get("with_kib", 0), memory_kib(supervisor.pid))
            told = {key: told.get(key, 0) + value for key, value in seen.items()}
            spans.append((False, turn()))
        left = project.one("SELECT count(*) FROM workaday_jobs")
        assert left, "the drain ended before the last turn: give it more jobs"
        memory["peak_kib"] = memory_kib(supervisor.pid, "VmHWM")
        for having, (began, ended, all_s, window_s) in spans:
            done = project.one("SELECT count(*) FROM workaday_attempts WHERE ended_at BETWEEN ? AND ?", int(began * 1e6), int(ended * 1e6))
            (rates.having if having else rates.without).append(done / (ended - began))
            (times.having if having else times.without).append(1e6 * all_s / done)
            (shares.having if having else shares.without).append(100 * window_s / (all_s - window_s))
        project.end_everything()
    return {
        "throughput_percent": judged([-percent for percent in rates.more_percent()]),
        "processor_percent": judged(times.more_percent()),
        "window_percent": round(statistics.mean(shares.having) - statistics.mean(shares.without), 2),
        "window_percents": [round(share, 2) for share in shares.having],
        "turn_seconds": seconds,
        "jobs_left": left,
        "without_per_second": [round(rate) for rate in rates.without],
        "with_per_second": [round(rate) for rate in rates.having],
        "without_ms_per_1000": [round(time, 2) for time in times.without],
        "with_ms_per_1000": [round(time, 2) for time in times.having],
        "told": told,
        "memory": memory,
    }


def idle_memory() -> dict[str, object]:
    """The supervisor's memory with the dashboard off, on, and on after each page was read once."""
    found: dict[str, object] = {}
    for name, more in (("off", "[web]\nenabled = false\n"), ("on", "")):
        with scratch() as project:
            project.write("workaday.toml", CONFIG + more)
            supervisor = project.up()
            supervisor.wait_line("is up on")
            supervisor.wait_children(1)
            time.sleep(1)
            found[f"{name}_mib"] = round(memory_kib(supervisor.pid) / 1024, 1)
            if name == "on":
                port = int(supervisor.wait_line(r"listening on 127\.0\.0\.1:(\d+)").group(1))
                token = project.workaday("token", "create", "bench", "--role", "admin", "--json").json["token"]
                dashboard = Dashboard(project, supervisor, port, token)
                for path in places.ALWAYS:
                    dashboard.get(path)
                found["read_mib"] = round(memory_kib(supervisor.pid) / 1024, 1)
            supervisor.stop()
    return found


# ---- the table --------------------------------------------------------------------------------------------------


def table(run: dict) -> str:
    lines = ["| measure | figure | bar |", "|---|---:|---:|"]
    for what, name, bar in COSTS:
        seen = run[name]
        for kind, unit, without in (
            ("processor time for each job", "ms for 1,000", seen["without_ms_per_1000"]),
            ("jobs a second", "a second", seen["without_per_second"]),
        ):
            found = seen["processor_percent" if kind.startswith("processor") else "throughput_percent"]
            # Without its own scatter a cost below it would look like a finding.
            shown = (
                f"{found['median']} %, surely {found['low']} to {found['high']} % (without: {min(without):,} to {max(without):,} {unit})"
            )
            lines.append(f"| {what}: cost in {kind} | {shown} | < {bar:g} % |")
        own = f"{seen['window_percent']} % (a turn: {min(seen['window_percents'])} to {max(seen['window_percents'])})"
        lines.append(f"| … the window's own threads, of what the jobs need | {own} | < {bar:g} % |")
    memory = run["memory"]
    lines.append(
        f"| supervisor: memory, dashboard off / on / after every page | {memory['off_mib']} / {memory['on_mib']} / {memory['read_mib']} MiB | |"
    )
    lines.append(f"| … with {VIEWERS} viewers in a drain | {run['viewers']['memory']['with_kib'] / 1024:.1f} MiB | |")
    shown = run["pages"]
    lines += [
        "",
        f"With {shown['jobs']:,} jobs stored ({shown['store_mib']} MiB), as a client waits, in ms; *first*: a page's first time in a new process. The bar is {PAGE_MS} ms and {PAGE_KB} kB.",
        "",
        "| page | first p50 | warm p50 | warm p99 | as JSON p50 | p99 | kB |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for path, page in shown["pages"].items():
        as_json = page["json_ms"] or {"p50": "", "p99": ""}
        cells = [
            page["first_ms"]["p50"],
            page["warm_ms"]["p50"],
            page["warm_ms"]["p99"],
            as_json["p50"],
            as_json["p99"],
            f"{page['bytes'] / 1000:.1f}",
        ]
        lines.append(f"| `{path}` | " + " | ".join(str(cell) for cell in cells) + " |")
    if above := missed(run):
        lines += ["", f"Above the bar: {'; '.join(above)}."]
    host = run["machine"]
    return "\n".join([*lines, "", f"{host['processor']}, {host['cores']} cores, Python {host['python']}; {run['when']}.", ""])


def missed(run: dict) -> list[str]:
    """What is above its bar. A cost is when all of its interval is; what only its median says is told as such."""
    found = []
    for _what, name, bar in COSTS:
        for kind in ("processor_percent", "throughput_percent") if name in run else ():
            cost = run[name][kind]
            said = f"{name}: {kind.partition('_')[0]} {cost['median']} % ({cost['low']} to {cost['high']}), expected < {bar:g} %"
            if cost["low"] >= bar:
                found.append(said)
            elif cost["median"] >= bar:
                found.append(f"{said}: likely, but not beyond the scatter")
        if name in run and run[name]["window_percent"] >= bar:
            found.append(f"{name}: the window's own threads {run[name]['window_percent']} %, expected < {bar:g} %")
    for path, page in run.get("pages", {}).get("pages", {}).items():
        for kind in ("first_ms", "warm_ms", "json_ms"):
            share = "p50" if kind == "first_ms" else "p99"
            if page[kind] and page[kind][share] >= PAGE_MS:
                found.append(f"{path} {kind} {share}: {page[kind][share]}, expected < {PAGE_MS}")
        if page["bytes"] >= 1000 * PAGE_KB:
            found.append(f"{path}: {page['bytes']} bytes")
    return found


PARTS = ("pages", "viewers", "dashboards", "memory")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true")
    options.add_argument("--only", default=",".join(PARTS), help="a part: " + ", ".join(PARTS))
    options.add_argument("--jobs", type=int, help="jobs of the store whose pages are read")
    options.add_argument("--from-disk", action="store_true", help="the first time without the page cache of the system")
    options.add_argument("--build", action="store_true", help="build the window first (needs cargo)")
    options.add_argument("--keep", type=Path, help="write the raw figures here, and take from here what --only leaves out")
    chosen = options.parse_args()
    if chosen.build or not WINDOW.exists():
        subprocess.run(
            ["cargo", "build", "--quiet", "--release", "--locked", "-p", "workaday-web", "--example", "window"], cwd=TREE, check=True
        )
    now = datetime.datetime.now(datetime.UTC)
    run: dict = json.loads(chosen.keep.read_text()) if chosen.keep and chosen.keep.exists() else {}
    run |= {"when": now.strftime("%Y-%m-%d %H:%M UTC"), "quick": chosen.quick, "machine": machine()}
    jobs, drained, seconds, pairs = (10_000, 400_000, 0.5, 2) if chosen.quick else (1_000_000, 5_000_000, 6.0, 8)
    work: dict[str, Callable[[], dict[str, object]]] = {
        "pages": lambda: pages(chosen.jobs or jobs, 10 if chosen.quick else 40, 1 if chosen.quick else 3, chosen.from_disk),
        # Connecting so many takes its time, in which the drain goes on.
        "viewers": lambda: cost(drained * 5 // 4, seconds, pairs, lambda dashboard: viewers(dashboard, VIEWERS)),
        "dashboards": lambda: cost(drained, seconds, pairs, dashboards),
        "memory": idle_memory,
    }
    for name in chosen.only.split(","):
        print(f"measuring {name} …", flush=True)
        run[name] = work[name]()
        if name != "pages":
            print(json.dumps(run[name]), flush=True)
        if chosen.keep:
            chosen.keep.write_text(json.dumps(run, indent=1) + "\n")
    above = missed(run)
    if all(part in run for part in PARTS):
        text = table(run)
        print(f"\n{text}")
        if not run["quick"]:
            publish(text, PAGE, MARKS)
            (TREE / "bench" / "results" / f"window-{now:%Y-%m-%d-%H%M}.json").write_text(json.dumps(run, indent=1) + "\n")
    else:
        for path, page in run.get("pages", {}).get("pages", {}).items():
            print(path, json.dumps(page))
    for line in above:
        print(f"above its bar: {line}")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())

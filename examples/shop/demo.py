"""`make demo`: real requests, a worker killed with -9 in the middle of a charge, and the proof that nothing was lost.

It ends with exit code 0 only when every order has exactly one charge, one invoice, one thumbnail and one receipt, the
killed job shows its two claims, the job that crashes its process is held while all others finished, and the evening's
report and archive hold what the ledger says. `KEEP=1` leaves the shop running until Ctrl-C.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import data

ORDERS = 24
KILLED_ORDER = 7
HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).parent / "workaday"
# Any free port for the dashboard: the usual one may be another program's.
ENVIRONMENT = {"WORKADAY_WEB_BIND": "127.0.0.1:0", **os.environ}
OF_ORDERS = ("charge", "render_invoice", "make_thumbnail", "send_receipt")
T = TypeVar("T")


def say(text: str) -> None:
    print(text, flush=True)


def wait_for(what: str, fact: Callable[[], T | None], seconds: float = 120) -> T:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if value := fact():
            return value
        time.sleep(0.01)
    raise SystemExit(f"✕ not within {seconds:g} s: {what}\n{logs()}")


def logs() -> str:
    told = [f"--- {path.name}\n{path.read_text()[-2000:]}" for path in sorted(data.RUN.glob("*.log"))]
    return "\n".join(told)


@contextlib.contextmanager
def running(*command: str | Path, log: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the shop; asked to end when the block does."""
    with (data.RUN / log).open("wb") as output:
        # In a session of its own: Ctrl-C is for the demo, which then ends them in order.
        process = subprocess.Popen(
            command, cwd=HERE, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def workaday(*command: str) -> str:
    ended = subprocess.run([PROGRAM, *command], cwd=HERE, capture_output=True, text=True, timeout=40, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"✕ workaday {' '.join(command)} ended with {ended.returncode}\n{ended.stdout}{ended.stderr}\n{logs()}")
    return ended.stdout


def login_link() -> str | None:
    """Opens the dashboard once; none while it is not served yet."""
    asked = subprocess.run([PROGRAM, "open", "--json"], cwd=HERE, capture_output=True, text=True, timeout=40, check=False)
    return str(json.loads(asked.stdout)["url"]) if asked.returncode == 0 else None


# ---- the traffic ------------------------------------------------------------------------------------------------


def request(port: int, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def answers(port: int) -> bool:
    try:
        return request(port, "GET", "/openapi.json")[0] == 200
    except OSError:
        return False


def place(port: int, n: int) -> dict[str, object]:
    order = {"customer": f"Customer {n}", "email": f"c{n}@example.org", "item": "Notebook", "cents": 1200 + n}
    status, answer = request(port, "POST", "/orders", order)
    if status != 201:
        raise SystemExit(f"✕ order {n} was answered {status}: {answer}\n{logs()}")
    return answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


# ---- what happened ----------------------------------------------------------------------------------------------


def store(sql: str, *values: object) -> list[tuple]:
    """Read the store as any program may: it is SQLite."""
    connection = sqlite3.connect(f"file:{data.RUN / 'workaday.db'}?mode=ro", uri=True, timeout=5)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def claims(job_id: str) -> list[tuple[int, str]]:
    sql = """SELECT a.fence, a.outcome FROM workaday_attempts a
             JOIN (SELECT key, id FROM workaday_jobs UNION ALL SELECT key, id FROM workaday_finished) j ON j.key = a.job
             WHERE j.id = ? ORDER BY a.fence"""
    return store(sql, uuid.UUID(job_id).bytes)


def charging(order_id: int) -> int | None:
    """The worker that has charged this order and still has the label to print."""
    steps = [(r["what"], r["pid"]) for r in data.runs() if (r["task"], r["order"]) == ("charge", order_id)]
    return steps[-1][1] if steps and steps[-1][0] == "charged" else None


def all_done() -> bool:
    names = ", ".join(f"'shop.{name}'" for name in OF_ORDERS)
    [(finished,)] = store(f"SELECT count(*) FROM workaday_finished WHERE task IN ({names})")
    return finished == len(OF_ORDERS) * ORDERS and store("SELECT 1 FROM workaday_jobs WHERE held = 'quarantine'") == [(1,)]


def close_the_day(port: int, day: date) -> str:
    """The evening's work by its two doors: a task over HTTP, a command task from a shell. What the command said."""
    status, answer = request(port, "POST", f"/days/{day}/close")
    if status != 202:
        raise SystemExit(f"✕ closing the day was answered {status}: {answer}\n{logs()}")
    arguments = json.dumps({"args": [str(day)]})
    packed = workaday("enqueue", "command.pack_invoices", "--args", arguments, "--wait", "--json")
    wait_for("the report is made", lambda: request(port, "GET", f"/jobs/{answer['job']}")[1]["state"] == "completed")
    return workaday("job", "logs", json.loads(packed)["id"])


def till() -> list[tuple[str, int]]:
    """What the schedule of every two seconds wrote: tick and charges, the oldest first."""
    with data.connect() as shop:
        return shop.execute("SELECT tick, charges FROM till ORDER BY tick").fetchall()


def schedule_proof() -> list[tuple[bool, str]]:
    counted = till()
    ran = store("SELECT tick, state FROM workaday_finished WHERE task = 'shop.count_till'")
    once = len({tick for tick, _ in ran}) == len(ran)
    listed = {row["name"]: row for row in json.loads(workaday("schedule", "list", "--json"))}
    nightly = listed.get("shop.nightly_report", {})
    return [
        (
            len(counted) >= 2 and once and counted[-1][1] == ORDERS,
            f"the till was counted every two seconds: {len(counted)} ticks, each ran once, the last one saw {counted[-1][1]} charges",
        ),
        (bool(nightly.get("next_at")), f"the report of the night is due next at {nightly.get('next_at')}"),
    ]


def evening_proof(day: date, packed: str) -> list[tuple[bool, str]]:
    with data.connect() as shop:
        ledger = "SELECT count(*), total(cents) FROM charges WHERE date(at, 'unixepoch') = ?"
        [(count, cents)] = shop.execute(ledger, (str(day),))
    report = (data.REPORTS / f"{day}.html").read_text()
    total = f"{count} orders, {data.money(cents)}"
    with tarfile.open(data.RUN / f"invoices-{day}.tar.gz") as archive:
        names = [name for name in archive.getnames() if name.endswith(".pdf")]
    said = f"{ORDERS} invoices in invoices-{day}.tar.gz"
    return [
        (total in report, f"the nightly report says what the ledger says: {total}"),
        (len(names) == ORDERS and said in packed, f'the command task packed {len(names)} invoices; its output is kept: "{said}"'),
    ]


def proof(orders: dict[int, list[str]]) -> list[tuple[bool, str]]:
    """Each line of the proof, and whether it holds."""
    with data.connect() as shop:
        charges = collections.Counter(row[0] for row in shop.execute("SELECT order_id FROM charges"))
    wrong = {n: charges[n] for n in orders if charges[n] != 1}
    files = {
        "invoice": [p for p in data.INVOICES.glob("*.pdf") if p.read_bytes().startswith(b"%PDF-")],
        "thumbnail": [p for p in data.PICTURES.glob("*.jpg") if p.read_bytes().startswith(b"\xff\xd8")],
        "receipt": list(data.OUTBOX.glob("*.eml")),
    }
    ended = collections.Counter(r["task"] for r in data.runs() if r["what"] == "end")
    begun = collections.Counter(r["task"] for r in data.runs() if r["what"] == "begin")
    killed = claims(orders[KILLED_ORDER][0])
    killed_runs = [r for r in data.runs() if (r["task"], r["order"]) == ("charge", KILLED_ORDER) and r["what"] == "begin"]
    retried = begun["send_receipt"] - ended["send_receipt"]
    [(poison_crashes,)] = store("SELECT crash_count FROM workaday_jobs WHERE held = 'quarantine'")
    lost = [job for jobs in orders.values() for job in jobs if not claims(job)]
    doubled = store("SELECT job FROM workaday_attempts WHERE outcome = 'completed' GROUP BY job HAVING count(*) > 1")
    return [
        (not lost, f"{4 * len(orders)} jobs acknowledged, {len(lost)} lost, {len(doubled)} settled twice"),
        (not wrong, f"{len(orders)} orders, exactly one charge each" if not wrong else f"charged not once: {wrong}"),
        *((len(made) == len(orders), f"{len(made)} {kind} files, one an order") for kind, made in files.items()),
        (
            len(killed) == 2 and killed[-1][1] == "completed" and len(killed_runs) == 2,
            f"the killed job of order {KILLED_ORDER}: {len(killed_runs)} runs, claims "
            + ", ".join(f"{fence} {outcome}" for fence, outcome in killed),
        ),
        (retried > 0, f"{retried} receipts were refused by the mail server and sent by a retry"),
        (
            poison_crashes == 3,
            f"the job that crashes its process: {poison_crashes} crashes, then held; no other waited",
        ),
    ]


# ---- the story --------------------------------------------------------------------------------------------------


def play() -> bool:
    shutil.rmtree(data.RUN, ignore_errors=True)
    data.prepare()
    port = free_port()
    web = (sys.executable, "-m", "uvicorn", "api:api", "--workers", "2", "--port", str(port), "--log-level", "warning")
    with running(*web, log="uvicorn.log"), running(PROGRAM, "up", "jobs:app", log="workaday.log"):
        wait_for("uvicorn answers", lambda: answers(port))
        say(f"▶ the shop is open on http://127.0.0.1:{port}: two uvicorn workers, and `workaday up` beside them")
        link = wait_for("the dashboard answers", login_link)
        say(f"▶ its dashboard is at {link.partition('/login')[0]}; in {os.path.relpath(HERE)}/, `workaday open` prints a login link")

        with ThreadPoolExecutor(4) as customers:
            placed = list(customers.map(lambda n: place(port, n), range(1, ORDERS + 1)))
        orders = {int(str(answer["order"])): [str(job) for job in answer["jobs"]] for answer in placed}  # type: ignore[attr-defined]
        request(port, "POST", "/orders/1/stamp")
        say(f"▶ {len(orders)} orders placed over HTTP, {4 * len(orders)} jobs, and one that will crash its process")

        pid = wait_for(f"order {KILLED_ORDER} is charged", lambda: charging(KILLED_ORDER))
        os.kill(pid, signal.SIGKILL)
        say(f"▶ kill -9 {pid}: the worker that had just charged order {KILLED_ORDER} and was printing its label")

        wait_for("every job has finished", all_done)
        today = datetime.now(UTC).date()
        packed = close_the_day(port, today)
        say(f"▶ closing time: the report of {today} over HTTP, and the invoices packed by a program, as a command task")

        wait_for("the till is counted with all charges", lambda: len(till()) >= 2 and till()[-1][1] >= ORDERS)
        say("\nThe proof:")
        lines = proof(orders) + evening_proof(today, packed) + schedule_proof()
        for holds, line in lines:
            say(f"  {'✓' if holds else '✕'} {line}")
        say(f"\nLook yourself: {os.path.relpath(data.RUN)}/ has runs.jsonl (a line a step of each run), shop.db, invoices/,")
        say(f"pictures/, outbox/, reports/ and the logs. In {os.path.relpath(HERE)}/: workaday job list, workaday job why ID.")
        if os.environ.get("KEEP"):
            # Who reads the last line may press Ctrl-C before the next step. `pause` would miss it, and wait for a second one.
            with contextlib.suppress(KeyboardInterrupt):
                say(f"\nStill open: http://127.0.0.1:{port}/docs (Ctrl-C closes the shop)")
                say(f"Its dashboard, a link that opens once within five minutes: {login_link()}")
                while True:
                    time.sleep(1)
    return all(holds for holds, _ in lines)


if __name__ == "__main__":
    # What ends it closes the shop: nothing stays behind. A shell that starts it in the background has Ctrl-C ignored.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    try:
        sys.exit(0 if play() else 1)
    except KeyboardInterrupt:
        sys.exit(130)

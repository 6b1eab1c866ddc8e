"""What the shop does after it has said "thank you": charge, invoice, picture, receipt; and at night, its report.

A job runs at least once. Each task here is written so that a second run does no harm, and the one where that takes a
thought, `charge`, says how.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from datetime import date, timedelta
from email.message import EmailMessage

import data
import paper
from workaday import App, Context, Retry, cron, every

app = App("shop")
soon = Retry(attempts=6, backoff="exponential", base="200ms", cap="5s")


@app.task(
    retry=soon,
    timeout="30s",
    owner="payments@shop.example",
    expects="one row in charges for the order",
    rollback="refund the order in the ledger",
    retry_safe=True,
)
def charge(order_id: int) -> int:
    """Charge the customer once, then print the parcel label, which takes its time."""
    data.note_run("charge", order_id, "begin")
    order = data.order(order_id)
    with data.transaction() as shop:
        already_charged = shop.execute("SELECT 1 FROM charges WHERE order_id = ?", (order_id,)).fetchone()
        if not already_charged:  # the idempotency check: a run before this one may have been killed after its charge
            shop.execute("INSERT INTO charges VALUES (?, ?, ?)", (order_id, order.cents, time.time()))
    data.note_run("charge", order_id, "charged")
    time.sleep(0.25)  # the label printer
    data.note_run("charge", order_id, "end")
    return order.cents


@app.task(retry=soon, owner="office@shop.example", retry_safe=True)
def render_invoice(order_id: int) -> str:
    """The same order gives the same bytes at the same place, so writing it again changes nothing."""
    data.note_run("render_invoice", order_id, "begin")
    order = data.order(order_id)
    path = data.INVOICES / f"{order_id:04}.pdf"
    lines = ["Shop", "", f"Invoice {order_id:04}", f"for {order.customer}", "", f"{order.item}: {order.price}"]
    data.write_whole(path, paper.pdf(lines))
    data.note_run("render_invoice", order_id, "end")
    return path.name


@app.task(queue="pictures", retry=soon, memory="512M", retry_safe=True)
def make_thumbnail(order_id: int) -> str:
    data.note_run("make_thumbnail", order_id, "begin")
    path = data.PICTURES / f"{order_id:04}.jpg"
    data.write_whole(path, paper.thumbnail(paper.photo(order_id)))
    data.note_run("make_thumbnail", order_id, "end")
    return path.name


@app.task(queue="mail", retry=soon, timeout="10s", owner="office@shop.example", retry_safe=True)
async def send_receipt(order_id: int) -> str:
    """The mail server refuses every third order once: the retry policy's business, not ours."""
    data.note_run("send_receipt", order_id, "begin")
    order = data.order(order_id)
    await asyncio.sleep(0.05)  # the network
    tried = sum(1 for run in data.runs() if (run["task"], run["order"]) == ("send_receipt", order_id))
    if order_id % 3 == 0 and tried == 1:
        raise ConnectionError("450 mailbox busy, try again")
    mail = EmailMessage()
    mail["To"], mail["Subject"] = order.email, f"Your order {order_id}"
    mail["Message-ID"] = f"<order-{order_id}@shop.example>"  # the same for each try: the receiver can tell
    mail.set_content(f"Thank you, {order.customer}! {order.item}, {order.price}.\n")
    data.write_whole(data.OUTBOX / f"{order_id:04}.eml", bytes(mail))
    data.note_run("send_receipt", order_id, "end")
    return order.email


@app.task(
    queue="reports",
    retry=soon,
    timeout="5m",
    owner="data@shop.example",
    expects="one page for the day, its total equal to the ledger's",
    rollback="delete the day's page, then enqueue the same day again",
    retry_safe=True,
    schedule=cron("15 3 * * *", tz="Europe/Lisbon"),  # when the day is over in UTC, too, in summer and in winter
)
def nightly_report(ctx: Context, day: date | None = None) -> int:
    """At night the day before the tick, by day the one that was asked for; never today's by the clock of the machine.

    A late run, or a second one, writes the page of the same day again.
    """
    day = day or ctx.tick.date() - timedelta(days=1)
    data.note_run("nightly_report", 0, "begin")
    sales = data.sales(day)
    data.write_whole(data.REPORTS / f"{day}.html", paper.report(day, sales).encode())
    data.note_run("nightly_report", 0, "end")
    return sum(sale.cents for sale in sales)


@app.task(
    timeout="10s",
    owner="office@shop.example",
    expects="a row a tick in till",
    rollback="delete the tick's row",
    retry_safe=True,
    schedule=every("2s", catch_up="none"),
)
def count_till(ctx: Context) -> int:
    """What is in the till. Each tick has one row, named by the tick and not by when it happened to run."""
    return data.count_till(ctx.tick)


@app.task(retry=soon, owner="office@shop.example")
def stamp_with_old_library(order_id: int) -> None:
    """Reads address 0, as a C library with a bug would: the process dies, the queue goes on."""
    data.note_run("stamp_with_old_library", order_id, "begin")
    ctypes.string_at(0)

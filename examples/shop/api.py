"""The shop's web service. A request that was answered 201 has its order and its jobs on disk."""

from __future__ import annotations

from datetime import date

import data
import jobs
import workaday.fastapi
from fastapi import FastAPI
from pydantic import BaseModel, Field

api = FastAPI(title="Shop")
workaday.fastapi.setup(api, jobs.app, health="/health")
data.prepare()


class NewOrder(BaseModel):
    customer: str = Field(min_length=1)
    email: str
    item: str
    cents: int = Field(gt=0)


@api.post("/orders", status_code=201)
async def place_order(new: NewOrder) -> dict[str, object]:
    order = data.add_order(new.customer, new.email, new.item, new.cents)
    queued = await jobs.app.aenqueue_many(
        [
            jobs.charge.prepare(order.id),
            jobs.render_invoice.prepare(order.id),
            jobs.make_thumbnail.prepare(order.id),
            jobs.send_receipt.prepare(order.id),
        ]
    )
    return {"order": order.id, "jobs": [str(job.id) for job in queued]}


@api.post("/orders/{order_id}/stamp", status_code=202)
async def stamp(order_id: int) -> dict[str, str]:
    job = await jobs.stamp_with_old_library.aenqueue(order_id)
    return {"job": str(job.id)}


@api.post("/days/{day}/close", status_code=202)
async def close(day: date) -> dict[str, str]:
    job = await jobs.nightly_report.aenqueue(day)
    return {"job": str(job.id)}


@api.get("/jobs/{job_id}")
def job(job_id: str) -> dict[str, object]:
    found = jobs.app.job(job_id)
    return {"id": str(found.id), "state": str(found.state), "attempt": found.attempt}

"""Durable background jobs for Python services.

from workaday import App

app = App("shop")

@app.task(queue="mail", retry_safe=True)
def send_invoice(order_id: int) -> str: ...

job = send_invoice.enqueue(42)      # on disk when this returns; `workaday up module:app` runs it
"""

from workaday.app import App
from workaday.call import Prepared
from workaday.context import Context
from workaday.errors import (
    ArgumentsInvalid,
    ConfigError,
    EnqueueError,
    JobError,
    JobFailed,
    JobNotFound,
    JobTimeout,
    OutcomeUnknown,
    RegistrationError,
    ScheduleError,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    WorkadayError,
    WorkadayWarning,
)
from workaday.expects import Expect
from workaday.job import Job
from workaday.measure.caches import counted_cache
from workaday.measure.counters import cache_hit, cache_miss
from workaday.outcomes import Cancel, Discard, Snooze, TaskTimedOut
from workaday.retry import Retry
from workaday.schedule import Schedule, at, cron, every
from workaday.schedules import Schedules, ScheduleStatus
from workaday.task import Task

__all__ = [
    "App",
    "ArgumentsInvalid",
    "Cancel",
    "ConfigError",
    "Context",
    "Discard",
    "EnqueueError",
    "Expect",
    "Job",
    "JobError",
    "JobFailed",
    "JobNotFound",
    "JobTimeout",
    "OutcomeUnknown",
    "Prepared",
    "RegistrationError",
    "Retry",
    "Schedule",
    "ScheduleError",
    "ScheduleStatus",
    "Schedules",
    "Snooze",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "Task",
    "TaskTimedOut",
    "WorkadayError",
    "WorkadayWarning",
    "at",
    "cache_hit",
    "cache_miss",
    "counted_cache",
    "cron",
    "every",
]

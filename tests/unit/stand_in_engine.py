"""A stand-in for `workaday test-engine`: the same lines, few of the rules. For the plugin's own tests, where no binary is."""

import json
import sqlite3
import sys
import uuid

database = None
claimed = {}
numbers = iter(range(1, 10**9))


def claim(limit, now):
    database.execute("UPDATE workaday_jobs SET state = 'available' WHERE state IN ('scheduled', 'retryable') AND run_at <= ?", (now,))
    found = database.execute(
        "SELECT key, id, task, args, attempt, fence, run_at FROM workaday_jobs WHERE state = 'available' "
        "ORDER BY priority DESC, run_at, key LIMIT ?",
        (limit,),
    ).fetchall()
    jobs = []
    for key, job_id, task, args, attempt, fence, run_at in found:
        database.execute("UPDATE workaday_jobs SET state = 'running', generation = 1, attempt = attempt + 1 WHERE key = ?", (key,))
        seq = next(numbers)
        claimed[seq] = key
        jobs.append({"seq": seq, "id": str(uuid.UUID(bytes=job_id)), "task": task, "args": json.loads(args), "attempt": attempt + 1,
                     "fence": fence + 1, "timeout_us": 0, "run_at": run_at})  # fmt: skip
    return {"jobs": jobs}


def outcome(seq, kind, now, retry=False, until_us=0, result=None, **_):
    key = claimed.pop(seq)
    if kind == "snoozed":
        return again(key, "scheduled", until_us)
    if kind == "failed" and retry and attempt_of(key) < 5:
        return again(key, "retryable", now + 5_000_000)
    state = {"completed": "completed", "cancelled": "cancelled"}.get(kind, "discarded")
    return finish(key, state, json.dumps(result), now)


def attempt_of(key):
    return database.execute("SELECT attempt FROM workaday_jobs WHERE key = ?", (key,)).fetchone()[0]


def again(key, state, run_at):
    database.execute("UPDATE workaday_jobs SET state = ?, generation = NULL, run_at = ? WHERE key = ?", (state, run_at, key))
    return {"state": state, "run_at": run_at}


def finish(key, state, result, now):
    database.execute(
        "INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, run_at, args, result, attempt, attempt_extra, fence, "
        "created_at, finished_at) SELECT key, id, task, queue, priority, lane, ?, run_at, args, ?, attempt, 0, 1, created_at, ? "
        "FROM workaday_jobs WHERE key = ?",
        (state, result, now, key),
    )
    database.execute("DELETE FROM workaday_jobs WHERE key = ?", (key,))
    return {"state": state, "run_at": None}


def answer(request):
    global database  # noqa: PLW0603 - one store at a time
    op, now = request.pop("op"), request.pop("now")
    if op == "open":
        assert all(entry["name"] for entry in request["catalogue"])
        database = sqlite3.connect(request["database"], isolation_level=None)
        return {}
    if op == "claim":
        return claim(request["limit"], now)
    if op == "outcome":
        return outcome(now=now, **request)
    if op == "crash":
        for seq in request["seqs"]:
            again(claimed.pop(seq), "retryable", now + 5_000_000)
        return {}
    if op == "peek":
        ready = database.execute("SELECT count(*) FROM workaday_jobs WHERE state = 'available'").fetchone()[0]
        due = database.execute("SELECT min(run_at) FROM workaday_jobs WHERE state IN ('scheduled', 'retryable')").fetchone()[0]
        return {"ready": ready, "next_due_at": due}
    if op == "close":
        database.close()
        return {}
    return {"error": {"code": "test.engine_refused", "message": f"no op {op}", "expected": "an op", "retry": "never"}}


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as error:
        reply = {"error": {"code": "test.engine_refused", "message": repr(error), "expected": "sense", "retry": "never"}}
    print(json.dumps({"ok": "error" not in reply, **reply}), flush=True)

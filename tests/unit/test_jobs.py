"""The handle of a job: results, cancelling, running again. What is done by hand leaves a line in the audit table."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from test_enqueue import rows, run
from workaday import App, JobError, JobFailed, JobTimeout
from workaday.client import failures


@pytest.fixture
def add(app: App) -> Any:
    @app.task(retry_safe=False)
    def add(a: int, b: int = 2) -> int:
        return a + b

    return add


def finish(database: Path, state: str, *, result: str | None = None, reason: str | None = None, error: str | None = None) -> None:
    """What a settlement does to the row."""
    connection = sqlite3.connect(database)
    (key,) = connection.execute("SELECT key FROM workaday_jobs").fetchone()
    connection.execute(
        "INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, reason, run_at, args, result, attempt, "
        "attempt_extra, fence, unique_key, unique_while, created_at, finished_at) SELECT key, id, task, queue, priority, lane, ?, ?, "
        "run_at, args, ?, 5, attempt_extra, 5, unique_key, unique_while, created_at, created_at FROM workaday_jobs",
        (state, reason, result),
    )
    connection.execute("DELETE FROM workaday_jobs")
    if error:
        connection.execute(
            "INSERT INTO workaday_attempts (job, fence, attempt, outcome, claimed_at, ended_at, error) VALUES (?, 5, 5, 'failed', 1, 1, ?)",
            (key, error),
        )
    connection.commit()
    connection.close()


def test_a_result_comes_back_as_the_task_returned_it(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    finish(database, "completed", result="3")
    assert job.result() == 3
    assert job.finished


def test_a_wait_ends_when_the_job_does(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    waiting = threading.Event()
    threading.Thread(target=lambda: (waiting.wait(), finish(database, "completed", result="3"))).start()
    waiting.set()
    assert job.result(timeout="20s") == 3


def test_a_coroutine_waits_without_stopping_its_loop(add: Any, database: Path) -> None:
    async def main() -> int:
        job = await add.aenqueue(1)
        asyncio.get_running_loop().call_later(0.005, lambda: finish(database, "completed", result="3"))
        return await job.aresult(timeout="20s")

    assert asyncio.run(main()) == 3


def test_what_is_done_is_told_as_done_when_nothing_can_be_read_afterwards(add: Any, database: Path, monkeypatch: Any) -> None:
    """A disk that fails one read after the COMMIT must not turn into "nothing of this was stored"."""
    job = add.enqueue(1)
    connection = sqlite3.connect(database)

    def failing(*_: Any) -> Any:
        raise failures.io("shop.db", "disk I/O error")

    monkeypatch.setattr(type(add.app.store), "read", failing)
    assert job.cancel() is True
    assert connection.execute("SELECT state FROM workaday_finished").fetchall() == [("cancelled",)]
    again = job.retry()
    assert (again.id, again.state) == (job.id, "available")
    finish(database, "completed", result="3")
    rerun = again.retry()
    assert (rerun.id != job.id, rerun.state) == (True, "available")
    assert connection.execute("SELECT state FROM workaday_jobs").fetchall() == [("available",)]


def test_a_wait_that_is_over_says_so_and_the_job_goes_on(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    with pytest.raises(JobTimeout) as late:
        job.result(timeout="2ms")
    assert (late.value.code, late.value.retry) == ("job.result_timeout", "safe")
    assert f"running on {database.resolve()}?" in (late.value.hint or ""), "the folder that was meant is seen at once"
    assert isinstance(late.value, TimeoutError)


def test_a_discarded_job_tells_its_last_error_and_whether_a_retry_is_safe(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    finish(database, "discarded", error='{"type":"LookupError","message":"no order 1","traceback":""}')
    with pytest.raises(JobFailed) as failed:
        job.result()
    assert failed.value.code == "job.discarded"
    assert "LookupError: no order 1" in failed.value.message
    assert failed.value.retry_note == "its owner says that it must not run twice"


def test_a_result_that_was_not_kept_says_so(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    finish(database, "completed", result="null", reason="result.not_stored: too large")
    with pytest.raises(JobFailed) as failed:
        job.result()
    assert failed.value.code == "job.result_not_stored"


def test_a_result_of_another_release_that_does_not_fit_is_not_bent(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    finish(database, "completed", result='"3"')
    with pytest.raises(JobError) as misfit:
        job.result()
    assert misfit.value.code == "job.result_misfit"


def test_a_waiting_job_is_cancelled_at_once(app: App, add: Any, database: Path) -> None:
    job = add.enqueue(1)
    assert job.cancel("no longer wanted") is True
    assert (job.state, rows(database)) == ("cancelled", [])
    with pytest.raises(JobFailed, match="no longer wanted"):
        job.result()
    (line,) = rows(database, "SELECT * FROM workaday_audit")
    assert (line["action"], line["target"], line["why"]) == ("cancel", f"job {job.id}", "no longer wanted")
    assert job.cancel() is True


def test_an_act_on_a_job_answers_the_alert_about_it(app: App, add: Any, database: Path) -> None:
    """`status` went on saying that a job is held which somebody had cancelled."""
    job, other = add.enqueue(1), add.enqueue(2)
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT INTO workaday_alerts (code, subject, message, first_at, last_at) VALUES ('job.quarantined', ?, 'is held', 1, 1)",
            [(str(job.id),), (str(other.id),)],
        )
    connection.close()
    job.cancel("no longer wanted")
    (left,) = rows(database, "SELECT subject FROM workaday_alerts WHERE closed_at IS NULL")
    assert left["subject"] == str(other.id)


def test_a_running_job_is_asked_to_stop(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    run(database)
    assert job.cancel("stop") is False
    (row,) = rows(database)
    assert (row["state"], row["cancel_reason"]) == ("running", "stop")
    assert row["cancel_requested_at"] is not None


def test_a_finished_job_is_not_cancelled(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    finish(database, "completed", result="3")
    with pytest.raises(JobError) as refused:
        job.cancel()
    assert (refused.value.code, refused.value.got) == ("job.state_refuses", "completed")


def test_a_discarded_job_runs_again_with_one_more_attempt(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    finish(database, "discarded")
    again = job.retry("the address was mended")
    assert (again, again.state) == (job, "available")
    (row,) = rows(database)
    assert (row["attempt"], row["attempt_extra"], row["fence"]) == (5, 1, 5)
    assert rows(database, "SELECT * FROM workaday_finished") == []


def test_a_retry_grants_enough_when_the_policy_has_shrunk(add: Any, database: Path) -> None:
    job = add.enqueue(1)
    finish(database, "discarded")
    add.policy.retry.attempts = 2
    job.retry()
    assert rows(database)[0]["attempt_extra"] == 4


def test_a_completed_job_is_run_again_as_a_new_linked_one(add: Any, database: Path) -> None:
    job = add.options(tags=["x"]).enqueue(1)
    finish(database, "completed", result="3")
    again = job.retry()
    assert again != job
    (row,) = rows(database)
    assert (row["rerun_of"], row["args"]) == (job.id.bytes, '{"a":1}')


def test_an_unfinished_job_is_not_run_again(add: Any) -> None:
    with pytest.raises(JobError) as refused:
        add.enqueue(1).retry()
    assert refused.value.code == "job.state_refuses"


def test_a_retry_is_refused_while_another_job_holds_the_unique_key(add: Any, database: Path) -> None:
    job = add.options(unique=True).enqueue(1)
    finish(database, "discarded")
    add.options(unique=True).enqueue(1)
    with pytest.raises(JobError) as refused:
        job.retry()
    assert refused.value.code == "job.unique_taken"
    assert job.refresh().state == "discarded"


class TestHolds:
    def test_a_pause_is_a_rule_with_reason_owner_and_end(self, app: App, add: Any, database: Path) -> None:
        app.pause(add, where={"a": 42}, reason="disputed", owner="ops@shop.example", until="2d")
        (rule,) = rows(database, "SELECT * FROM workaday_holds")
        assert (rule["task"], rule["queue"], rule["where_args"]) == ("shop.add", None, '{"a":42}')
        assert (rule["reason"], rule["owner"]) == ("disputed", "ops@shop.example")
        assert rule["until"] - rule["created_at"] == 2 * 86_400_000_000
        assert rows(database, "SELECT action, target FROM workaday_audit") == [{"action": "pause", "target": "task shop.add"}]

    def test_resume_ends_the_rules_it_names(self, app: App, database: Path) -> None:
        app.pause("shop.add", reason="a")
        app.pause("shop.add", where={"x": [1]}, reason="b")
        app.pause(queue="mail", reason="c")
        assert app.resume("shop.add", where={"x": [1]}) == 1
        assert app.resume("shop.add") == 1
        assert app.resume("shop.add") == 0
        assert app.resume(queue="mail") == 1

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({"reason": "r"}, "hold.target_unclear"),
            ({"task": "shop.add", "queue": "mail", "reason": "r"}, "hold.target_unclear"),
            ({"task": "shop.add", "reason": " "}, "hold.option_invalid"),
            ({"task": "shop.add", "where": {"c": 1}, "reason": "r"}, "hold.option_invalid"),
            ({"task": "shop.add", "where": {"a": "1"}, "reason": "r"}, "hold.option_invalid"),
            ({"task": "other.task", "where": {"a": {1}}, "reason": "r"}, "hold.option_invalid"),
            ({"queue": "mail", "where": {"a": 1}, "reason": "r"}, "hold.option_invalid"),
            ({"task": "shop.add", "until": "soon", "reason": "r"}, "option.length_invalid"),
        ],
        ids=str,
    )
    def test_a_pause_that_cannot_be_is_refused(self, app: App, add: Any, options: Any, code: str) -> None:
        with pytest.raises(JobError) as refused:
            app.pause(options.pop("task", None), **options)
        assert refused.value.code == code

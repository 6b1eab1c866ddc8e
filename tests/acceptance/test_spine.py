"""A job from enqueue to outcome, as a user meets it first."""

from __future__ import annotations

import pytest
from harness import Project

JOBS = """
    from workaday import App, Context, Discard, Retry, Snooze
    from effects import effect

    app = App("shop")

    @app.task
    def add(a: int, b: int = 1) -> int:
        effect("add", a=a, b=b)
        print("adding", a, "and", b)
        return a + b

    @app.task
    async def add_later(a: int, b: int = 1) -> int:
        effect("add_later", a=a, b=b)
        return a + b

    @app.task(retry=Retry(attempts=3, backoff="fixed", base="20ms", never=(KeyError,)))
    def third_time_lucky(n: int) -> str:
        effect("try", n=n)
        from effects import tries
        if tries("try") < 3:
            raise RuntimeError("not yet")
        return "done"

    @app.task(retry=Retry(attempts=3, backoff="fixed", base="20ms", never=(KeyError,)))
    def hopeless(kind: str) -> None:
        effect("hopeless", kind=kind)
        raise KeyError("no retry") if kind == "never" else RuntimeError("always")

    @app.task
    def give_up() -> None:
        raise Discard("the customer left")

    @app.task
    def slow(n: int) -> None:
        effect("slow", n=n)
"""

TRIES = """

def tries(what):
    with open(os.environ["EFFECTS"]) as lines:
        return sum(1 for line in lines if json.loads(line)["what"] == what)
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("jobs.py", JOBS)
    with (project.root / "effects.py").open("a") as effects:
        effects.write(TRIES)
    return project


@pytest.mark.parametrize("task", ["add", "add_later"])
def test_an_enqueued_job_runs_and_its_result_comes_back(shop: Project, task: str) -> None:
    shop.up()
    got = shop.python(f"from jobs import {task}; print({task}.enqueue(40, b=2).result(timeout='20s'))")
    assert got.out.strip() == "42"
    assert [(e["a"], e["b"]) for e in shop.effects(task)] == [(40, 2)]


def test_a_job_enqueued_before_the_supervisor_starts_waits_for_it(shop: Project) -> None:
    [job] = shop.enqueue("add.enqueue(1)")
    assert shop.job(job)["state"] == "available"
    shop.up()
    assert shop.wait_state(job, "completed")["attempt"] == 1


def test_the_function_itself_stays_a_plain_function(shop: Project) -> None:
    got = shop.python("from jobs import add; print(add(1, b=2))")
    assert got.out.splitlines()[-1] == "3"
    assert not shop.database.exists()


def test_a_failure_is_retried_until_it_succeeds(shop: Project) -> None:
    shop.up()
    [job] = shop.enqueue("third_time_lucky.enqueue(1)")
    assert shop.wait_state(job, "completed")["attempt"] == 3
    assert shop.outcomes(job) == ["failed", "failed", "completed"]
    assert "not yet" in shop.attempts(job)[0]["error"]


@pytest.mark.parametrize(("kind", "tried"), [("always", 3), ("never", 1)])
def test_a_job_whose_attempts_are_used_up_is_discarded(shop: Project, kind: str, tried: int) -> None:
    shop.up()
    [job] = shop.enqueue(f"hopeless.enqueue('{kind}')")
    shop.wait_state(job, "discarded")
    assert len(shop.effects("hopeless")) == tried
    assert len(shop.attempts(job)) == tried


def test_a_task_can_discard_its_own_job(shop: Project) -> None:
    shop.up()
    [job] = shop.enqueue("give_up.enqueue()")
    shop.wait_state(job, "discarded")
    assert "the customer left" in str(shop.attempts(job)[0]["error"])


def test_a_delayed_job_waits_until_it_is_due(shop: Project) -> None:
    shop.up().wait_lock()
    [job] = shop.enqueue("slow.options(delay='1h').enqueue(1)")
    [now] = shop.enqueue("slow.enqueue(2)")
    shop.wait_state(now, "completed")
    assert shop.job(job)["state"] == "scheduled"
    assert [e["n"] for e in shop.effects("slow")] == [2]


def test_the_command_line_enqueues_waits_and_explains(shop: Project) -> None:
    shop.up()
    [first] = shop.enqueue("add.enqueue(1)")
    shop.wait_state(first, "completed")  # the catalogue is in the store now
    ended = shop.workaday("enqueue", "shop.add", "--args", '{"a": 2, "b": 3}', "--wait", "--json")
    assert ended.json["state"] == "completed"
    assert shop.workaday("job", "list", "--json").out.count("shop.add") == 2
    shown = shop.workaday("job", "show", first, "--json").json
    assert shown["task"] == "shop.add"
    assert shown["state"] == "completed"
    assert "completed" in shop.workaday("job", "why", first).out
    assert "adding 1 and 1" in shop.workaday("job", "logs", first).out


def test_a_wrong_argument_is_refused_and_nothing_is_stored(shop: Project) -> None:
    got = shop.python("""
        from jobs import add
        from workaday import WorkadayError
        add.enqueue(1)
        for call in (lambda: add.enqueue("42"), lambda: add.enqueue(1, c=2), lambda: add.enqueue(float("nan")),
                     lambda: add.enqueue(1 << 63), lambda: add.enqueue(True), lambda: add.enqueue()):
            try:
                call()
                print("stored")
            except WorkadayError as error:
                print(error.code, bool(error.expected), error.retry)
    """)
    assert "stored" not in got.out
    assert got.out.count("args.") == 6, got.out
    assert shop.one("SELECT count(*) FROM workaday_jobs") == 1


def test_the_same_id_twice_is_one_job_also_when_it_has_finished(shop: Project) -> None:
    same = "019ad000-0000-7000-8000-000000000001"
    enqueue = f"add.options(id='{same}').enqueue(1)"
    shop.enqueue(f"[{enqueue}, {enqueue}]")
    shop.up()
    shop.wait_state(same, "completed")
    shop.enqueue(enqueue)
    [probe] = shop.enqueue("slow.enqueue(1)")
    shop.wait_state(probe, "completed")
    assert len(shop.effects("add")) == 1

"""`workaday enqueue` and the Python client write the same row for the same wish."""

from __future__ import annotations

import json

from harness import Project

JOBS = """
    from workaday import App

    app = App("shop")


    @app.task
    def send(order: dict, rate: float = 1e16, note: str = "Grüße", lines: list[int] = [1, 2]) -> None: ...  # noqa: B006
"""


def test_equal_arguments_are_one_job_whoever_enqueues_first(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with_worker = project.up()
    with_worker.wait_children()
    later = "options(unique='args', delay='1h').enqueue"
    (first,) = project.enqueue(f"send.{later}({{'b': {{'d': 1, 'c': 0.1}}, 'a': 1e-05}})")
    args = json.dumps({"rate": 1e16, "order": {"a": 0.00001, "b": {"c": 0.1, "d": 1}}})
    again = project.workaday("enqueue", "shop.send", "--args", args, "--unique", "--json").json
    assert (again["id"], again["new"]) == (first, False)
    other = project.workaday("enqueue", "shop.send", "--args", '{"order": {}}', "--unique", "--delay", "1h", "--json").json
    assert other["new"]
    (same,) = project.enqueue(f"send.{later}({{}}, note='Grüße')")
    assert same == other["id"], "a default written out is the default"
    with_worker.stop()

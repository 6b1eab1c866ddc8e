"""What is left open in a terminal: followed logs, the watched status, a question, and `dev` with its reload."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from harness import LateError, Project, program, wait_until

JOBS = """
    import os, time
    from workaday import App
    from effects import effect

    app = App("terminal")

    @app.task
    def talks() -> None:
        print("first words", flush=True)
        while not os.path.exists("go"):
            time.sleep(0.005)
        print("last words")

    @app.task
    def later() -> None:
        effect("later")
"""

API = """
    from fastapi import FastAPI
    from jobs import hello

    api = FastAPI()

    @api.post("/hello")
    def greet() -> dict[str, str]:
        return {"id": str(hello.enqueue("web").id)}
"""

RELOAD_SECONDS_MAX = 1.0
"""From the change of a file to the new code at work; the best of a few, since a busy machine only ever adds to it."""


def output_of(project: Project, log: str) -> str:
    return (project.root / log).read_text(encoding="utf-8", errors="replace")


def test_the_log_of_a_job_is_followed_until_the_job_ends(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    [job] = project.enqueue("talks.enqueue()")
    follower = project.start(program(), "job", "logs", job, "--follow", log="follow.log")
    wait_until(lambda: "first words" in output_of(project, "follow.log"), within=20, what="the first line", seen=project.tell)
    assert follower.poll() is None, "the job still runs, so there may be more"
    (project.root / "go").touch()
    assert follower.wait(20) == 0
    assert re.findall(r"(?:first|last) words", output_of(project, "follow.log")) == ["first words", "last words"]


def test_all_logs_are_followed_also_of_jobs_that_come_later(project: Project) -> None:
    project.write("jobs.py", JOBS)
    (project.root / "go").touch()
    project.up().wait_line("is up on")
    follower = project.start(program(), "logs", "--follow", "--json", log="follow.log")
    ids = {project.enqueue("talks.enqueue()")[0] for _ in range(2)}

    def lines() -> list[dict[str, str]]:
        whole = output_of(project, "follow.log").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    wait_until(lambda: len(lines()) >= 4, within=20, what="both lines of both jobs", seen=project.tell)
    assert {line["id"] for line in lines()} == ids
    assert follower.poll() is None, "it goes on until it is interrupted"
    follower.send_signal(signal.SIGINT)
    assert follower.wait(10) == -signal.SIGINT


@dataclass
class Terminal:
    """A program on a terminal of its own: what it shows, and what somebody types."""

    process: subprocess.Popen[bytes]
    side: int
    shown: str = ""

    def wait(self, fact: str, *, times: int = 1, within: float = 20) -> str:
        ends = time.monotonic() + within
        while self.shown.count(fact) < times:
            if not select.select([self.side], [], [], max(0.0, ends - time.monotonic()))[0]:
                raise LateError(f"not within {within:g} s: {fact!r} {times} times\n{self.shown}")
            try:
                self.shown += os.read(self.side, 65_536).decode(errors="replace")
            except OSError:  # how Linux says that nobody has the other side open any more
                raise LateError(f"it ended without {fact!r}\n{self.shown}") from None
        return self.shown

    def type(self, keys: str) -> None:
        os.write(self.side, keys.encode())

    def wait_exit(self, within: float = 20) -> int:
        """Reads to the end, since a program may wait for its reader, and gives the exit code."""
        with contextlib.suppress(OSError):
            while read := os.read(self.side, 65_536):
                self.shown += read.decode(errors="replace")
        return self.process.wait(within)


@contextlib.contextmanager
def terminal(project: Project, *arguments: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    environment = {**project.environment, "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [program(), *arguments], cwd=project.root, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    project.started.append(process)
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        os.close(ours)


@pytest.fixture
def waiting(project: Project) -> list[str]:
    """Three jobs that wait, and nobody who runs them."""
    project.write("jobs.py", JOBS)
    up = project.up()
    up.wait_children()
    wait_until(lambda: project.one("SELECT count(*) FROM workaday_tasks"), within=20, what="the catalogue", seen=project.tell)
    assert up.stop() == 0
    return project.enqueue("[later.enqueue() for _ in range(3)]")


def test_the_watched_status_is_a_screen_that_renews_itself(project: Project, waiting: list[str]) -> None:
    with terminal(project, "status", "--watch", "--every", "100ms") as screen:
        shown = screen.wait("\x1b[H\x1b[J", times=3)
        assert f"No supervisor runs while {len(waiting)} jobs wait" in shown
        assert "Ctrl-C ends" in shown
        project.workaday("job", "cancel", "--task", "terminal.later", "--yes")
        screen.wait("0 running", times=1)
        wait_until(
            lambda: screen.wait("\x1b[H\x1b[J", times=screen.shown.count("\x1b[H\x1b[J") + 1) and "cancelled" in screen.shown,
            within=20,
            what="the cancelled jobs on the screen",
        )
        screen.process.send_signal(signal.SIGINT)
        assert screen.wait_exit() == -signal.SIGINT


def test_a_watched_status_in_json_is_a_line_each_time(project: Project, waiting: list[str]) -> None:
    watcher = project.start(program(), "status", "--watch", "--every", "100ms", "--json", log="watch.log")
    wait_until(lambda: output_of(project, "watch.log").count("\n") >= 3, within=20, what="three lines", seen=project.tell)
    watcher.kill()
    watcher.wait(10)
    whole = output_of(project, "watch.log").rpartition("\n")[0]
    assert [json.loads(line)["states"]["available"] for line in whole.splitlines()][:3] == [len(waiting)] * 3


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 3, 3), ("", 3, 3), ("y", 0, 0)])
def test_a_batch_is_asked_about_on_a_terminal(project: Project, waiting: list[str], answer: str, code: int, left: int) -> None:
    with terminal(project, "job", "cancel", "--task", "terminal.later") as screen:
        screen.wait("Cancel 3 jobs of terminal.later? [y/N] ")
        assert project.one("SELECT count(*) FROM workaday_jobs") == 3, "nothing happens before the answer"
        screen.type(answer + "\n")
        assert screen.wait_exit() == code
        assert ("Nothing was changed." in screen.shown) == (left == 3)
        assert ("Undo: workaday job retry " in screen.shown) == (left == 0)
    assert project.one("SELECT count(*) FROM workaday_jobs") == left


def test_completions_on_a_terminal_say_where_to_keep_them(project: Project) -> None:
    with terminal(project, "completions", "bash") as screen:
        assert screen.wait_exit() == 0
        assert "bash-completion/completions/workaday" in screen.shown
    assert "To keep them" not in project.workaday("completions", "bash").err


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_dev_serves_web_and_workers_and_runs_new_code_within_a_second(project: Project) -> None:
    (project.root / "workaday.toml").unlink()
    project.workaday("init")
    project.write("api.py", API)
    port = free_port()
    dev = project.start(program(), "dev", "api:api", "--port", str(port), log="dev.log")

    def enqueue_by_web() -> str | None:
        # Refused while it starts, cut off while it stops: asked again, as a browser would be.
        request = urllib.request.Request(f"http://127.0.0.1:{port}/hello", method="POST")
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            urllib.request.urlopen(request, timeout=5) as answer,
        ):
            return json.loads(answer.read())["id"]
        return None

    def result_of_next_job() -> str:
        job = wait_until(enqueue_by_web, within=30, what="an answer of the web service", seen=project.tell)
        return project.wait_state(job, "completed")["result"]

    source = (project.root / "jobs.py").read_text(encoding="utf-8")
    assert "web" in result_of_next_job()
    took: list[float] = []
    for version in range(1, 4):
        changed_at = time.monotonic()
        (project.root / "jobs.py").write_text(source.replace('return f"hello', f'return f"version {version}'), encoding="utf-8")
        wait_until(
            lambda version=version: f"version {version}" in result_of_next_job(), within=30, what="the new code at work", seen=project.tell
        )
        took.append(time.monotonic() - changed_at)
    print(f"reload: {', '.join(f'{seconds * 1000:.0f} ms' for seconds in took)}")
    assert sorted(took)[1] < RELOAD_SECONDS_MAX, f"{took}\n{project.tell()}"

    (project.root / "workaday.toml").write_text('app = "jobs:app"\n[worker]\nproceses = 1\n', encoding="utf-8")
    wait_until(lambda: "config.unknown_key" in output_of(project, "dev.log"), within=20, what="the refusal", seen=project.tell)
    assert "version 3" in result_of_next_job(), "the old configuration stays"
    dev.send_signal(signal.SIGTERM)
    assert dev.wait(20) == 0


@pytest.mark.parametrize("asked", [("--json", ""), ("", "json")], ids=["option", "variable"])
def test_the_log_of_up_is_json_line_by_line_when_asked_for(project: Project, asked: tuple[str, str]) -> None:
    option, variable = asked
    project.write("jobs.py", "from workaday import App\napp = App('shop')\n\n@app.task\ndef one() -> int:\n    return 1\n")
    up = project.up("jobs:app", *([option] if option else []), WORKADAY_LOG_FORMAT=variable)
    up.wait_line(r"the dashboard is at")
    up.stop()
    lines = [json.loads(line) for line in up.output().splitlines()]
    assert lines and all({"timestamp", "level", "fields"} <= set(line) and line["fields"]["message"] for line in lines)
    assert not any("WORKADAY_LOG_FORMAT" in line["fields"]["message"] for line in lines), "it is no unknown variable"

"""A release that is killed with kill -9 at each of its stages: what `resume` and `abort` leave is whole."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Project, program, wait_until
from test_crash_points import debug_program
from test_releases import JOBS, Shop

__all__ = ["debug_program"]

CONFIG = """
app = "jobs:app"
[worker]
processes = 1
grace = "3s"
kill_after = "200ms"
[backup]
pages = 5
pause = "1ms"
[release]
owner = "ops@shop.example"
expects = "work leaves its line"
deploy = ["sh", "deploy.sh"]
rollback = ["sh", "deploy.sh"]
health = ["sh", "health.sh"]
watch = "0s"
health_timeout = "30s"
on_worse = "keep"
checks = { unit = ["sh", "check.sh"] }
"""


def gate(name: str) -> str:
    """A place where a script waits while a file is there, and says that it has come so far."""
    return f"if [ -e ../hold-{name} ]; then touch ../at-{name}; while [ -e ../hold-{name} ]; do sleep 0.02; done; fi\n"


# What the deploy starts is not to be killed at the points of the release that is under test.
DEPLOY = (
    gate("deploy")
    + f"""
echo $WORKADAY_RELEASE_KIND >> ../deployed
unset WORKADAY_CRASH_POINT
test -e ../bare || setsid {program()} up >> up.log 2>&1 < /dev/null &
"""
)

HOOK = '#!/bin/sh\ngrep -q refs/tags/ || exit 0\ncd "$(dirname $0)/../.."\n' + gate("note")


class Held(Shop):
    """A service whose release can be held at each stage."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        project.write("workaday.toml", CONFIG)
        project.write("jobs.py", JOBS + SLOW)
        project.write("deploy.sh", DEPLOY)
        project.write("check.sh", gate("checks"))
        project.write("health.sh", gate("health"))
        project.write(".git/hooks/reference-transaction", HOOK).chmod(0o755)
        self.commit("held")
        self.temporary = project.root.parent / "temporary"
        self.temporary.mkdir()
        project.extra_environment["TMPDIR"] = str(self.temporary)

    def file(self, name: str) -> Path:
        return self.project.root.parent / name

    def begun(self, step: str) -> bool:
        return bool(self.project.rows("SELECT 1 FROM workaday_release_steps WHERE step = ? AND state = 'begun'", step))

    def begin(self, stage: str) -> subprocess.Popen[bytes]:
        """A release that is in the middle of that stage."""
        words = [program(), "release", "run", "--reason", "cut off"]
        if stage in ("checks", "deploy", "health", "note"):
            self.file(f"hold-{stage}").touch()
        if stage == "watch":
            words += ["--watch", "3s"]
        if stage == "backup":
            text = (self.project.root / "workaday.toml").read_text()
            self.project.write("workaday.toml", text.replace('pages = 5\npause = "1ms"', 'pages = 1\npause = "50ms"'))
            self.commit("a slow backup")
        if stage == "drain":
            self.project.enqueue("slow.enqueue()")
            self.project.wait_effect("slow")
        running = self.project.start(*words, log="release.log")
        facts = {
            "backup": lambda: list(self.project.database.parent.glob("backups/*.partial")),
            "drain": lambda: self.begun("drain"),
            "watch": lambda: self.begun("watch"),
        }
        wait_until(facts.get(stage, self.file(f"at-{stage}").exists), within=60, what=f"the release is at {stage}", seen=self.project.tell)
        return running

    def let_go(self) -> None:
        for held in self.project.root.parent.glob("hold-*"):
            held.unlink()

    def end_deploy(self) -> None:
        """The deploy command goes on without its release: nobody takes up before it has ended."""
        pid_file = next(self.project.database.parent.glob("releases/*/deploy.log.pid"), None)
        if pid_file is not None:
            pid = int(pid_file.read_text().split()[0])
            wait_until(lambda: not Path(f"/proc/{pid}").exists(), within=20, what="the deploy command has ended")

    def assert_whole(self, releases: int, state: str) -> None:
        """One release, one note, a tag where it got through; nothing held, nothing left over; and jobs run."""
        listed = self.release("list")["releases"]
        assert [row["state"] for row in listed] == [state] * releases
        notes = self.project.root / "releases"
        assert [path.name for path in notes.glob("*")] == ["0001-cut-off.md"] * releases
        tags = self.git("tag").split()
        assert tags == (["release-0001"] if releases and state in ("done", "worse") else [])
        if releases:
            shown = self.release("show", "1")
            assert shown["note"] == (notes / "0001-cut-off.md").read_text()
            assert all(step["state"] != "begun" for step in shown["steps"]) or state == "aborted"
        assert not list(self.temporary.iterdir()), "no scratch folder is left"
        beside = self.project.database.parent
        assert not [path for path in beside.rglob("*") if path.name.endswith(".partial") or path.name.startswith("workaday-restore-")]
        assert self.project.rows("SELECT 1 FROM workaday_holds WHERE released_at IS NULL") == []
        assert not [queue for queue in self.project.workaday("queue", "list", "--json").json if queue["paused"]]
        if not self.project.workaday("status", "--json").json["supervisor"]:
            self.project.up()
        (job,) = self.project.enqueue("work.enqueue(77)")
        self.project.wait_state(job, "completed")


SLOW = """
    @app.task(owner="office@shop.example", expects="a line", rollback="nothing to undo", retry=Retry(attempts=1))
    def slow() -> None:
        import time
        effect("slow")
        time.sleep(1)
"""


@pytest.fixture
def shop(project: Project) -> Iterator[Held]:
    held = Held(project)
    yield held
    held.let_go()
    project.workaday("worker", "drain", code=None)


@pytest.mark.parametrize("close", ["resume", "abort"])
@pytest.mark.parametrize("stage", ["checks", "backup", "drain", "deploy", "health", "watch", "note"])
def test_a_release_that_is_killed_in_a_stage_is_closed_whole(shop: Held, stage: str, close: str) -> None:
    supervisor = shop.project.up()
    supervisor.wait_children()
    running = shop.begin(stage)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    shop.let_go()
    shop.end_deploy()
    if stage == "checks":
        # Nothing was begun: there is nothing to close, and the supervisor was never asked to stop.
        assert shop.release(close, code=3)["code"] == "release.none_open"
        shop.assert_whole(0, "")
        return
    words = ["--deployed"] if stage == "deploy" and close == "resume" else []
    if stage == "drain" and close == "abort":
        # It may still finish what runs: whoever aborts is told that it goes.
        told = shop.project.workaday("release", close, within=90)
        assert "start `workaday up`" in told.out
        ended = {"state": shop.release("list")["releases"][0]["state"]}
    else:
        ended = shop.release(close, *words)
    if stage not in ("checks", "backup"):
        supervisor.wait_exit()
    # What was cut off after every step had got through is what it was judged to be, whoever closes it.
    assert ended["state"] == ("aborted" if close == "abort" and stage != "note" else "done"), ended
    shop.assert_whole(1, ended["state"])
    assert shop.release(close, code=3)["code"] == "release.none_open"
    assert shop.deployed == (["release"] if close == "resume" or stage not in ("backup", "drain") else [])


@pytest.mark.parametrize(("point", "close"), [("store.before_commit", "resume"), ("store.committed", "abort")])
def test_a_release_that_is_killed_at_each_of_its_commits_is_closed_whole(
    new_project: Any, tmp_path: Path, debug_program: str, point: str, close: str
) -> None:
    met: set[str] = set()
    for nth in range(1, 100):
        (tmp_path / f"kill-{nth}").mkdir()
        shop = Held(new_project(f"kill-{nth}/shop"))
        shop.file("bare").touch()
        # The last of these ends by itself: every commit of a release has then been met.
        words = [debug_program, "release", "run", "--reason", "cut off", "--json"]
        done = shop.project.run(*words, code=None, within=90, WORKADAY_CRASH_POINT=f"{point}:{nth}")
        if done.code == 0:
            break
        assert done.code == -signal.SIGKILL, done
        steps = shop.project.rows("SELECT step, state FROM workaday_release_steps ORDER BY seq")
        met.add(" ".join(steps[-1].values()) if steps else "none")
        shop.end_deploy()
        code = 0 if shop.project.rows("SELECT 1 FROM workaday_releases WHERE state = 'open'") else 3
        words = ["--deployed"] if close == "resume" and {"step": "deploy", "state": "begun"} in steps and shop.deployed else []
        ended = shop.release(close, *words, code=code)
        if code == 0:
            got_through = {"step": "compare", "state": "done"} in steps
            assert ended["state"] == ("aborted" if close == "abort" and not got_through else "done"), (nth, ended)
            listed = [row["state"] for row in shop.release("list")["releases"]]
            assert listed == [ended["state"]]
        closed = shop.release("list")["releases"]
        notes = [path.name for path in (shop.project.root / "releases").glob("*")]
        assert notes == ["0001-cut-off.md"] * len(closed), nth
        assert shop.git("tag").split() == ["release-0001"] * sum(row["state"] == "done" for row in closed), nth
        assert not list(shop.temporary.iterdir()) or not closed, nth
        assert len(shop.deployed) <= 1, "a deploy that got through is not run again"
    else:
        pytest.fail("a release has no hundred commits")
    assert {f"{step} begun" for step in ("backup", "baseline", "drain", "deploy", "caches", "health", "watch", "compare")} <= met
    assert "compare done" in met

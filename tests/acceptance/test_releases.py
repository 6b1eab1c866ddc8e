"""A release is refused with every reason at once, survives a kill at any step, and leaves a note that can be repeated."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Project, alive, program, wait_until

JOBS = """
    from workaday import App, Retry
    from effects import effect

    app = App("shop")

    @app.task(owner="office@shop.example", expects="a line", rollback="nothing to undo", retry=Retry(attempts=1))
    def work(n: int) -> int:
        \"\"\"Leaves a line.\"\"\"
        effect("work", n=n)
        return n
"""

CONFIG = """
app = "jobs:app"
[worker]
processes = 1
grace = "1s"
kill_after = "200ms"
[release]
owner = "ops@shop.example"
expects = "work leaves its line"
deploy = ["sh", "deploy.sh"]
rollback = ["sh", "deploy.sh"]
watch = "0s"
health_timeout = "15s"
on_worse = "keep"
caches = { pages = ["sh", "-c", "echo pages >> ../cleared"], prices = ["sh", "-c", "echo prices >> ../cleared"] }
"""


class Shop:
    """A project in a repository, with a store."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.git("init", "-q")
        project.write(".gitignore", ".workaday/\n__pycache__/\n*.log\neffects.jsonl\n")
        project.write("workaday.toml", CONFIG)
        project.write("jobs.py", JOBS)
        project.write("deploy.sh", "echo $WORKADAY_RELEASE_KIND $WORKADAY_REVISION >> ../deployed\n")
        self.commit("first")
        project.enqueue("work.enqueue(1)")

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words]
        return subprocess.run(command, cwd=self.project.root, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def config(self, old: str, new: str) -> None:
        path = self.project.root / "workaday.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def release(self, *words: str, code: int = 0, **environment: str) -> Any:
        done = self.project.workaday("release", *words, "--json", code=code, within=90, **environment)
        return json.loads(done.out or done.err)

    def run(self, *words: str, reason: str = "a reason", code: int = 0) -> Any:
        return self.release("run", "--reason", reason, *words, code=code)

    def refused(self, *words: str) -> set[str]:
        whole = self.run(*words, code=3)
        return {whole["code"], *(problem["code"] for problem in whole.get("more", []))}

    @property
    def deployed(self) -> list[str]:
        path = self.project.root.parent / "deployed"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def shop(project: Project) -> Iterator[Shop]:
    yield Shop(project)
    project.workaday("worker", "drain", code=None)


def test_every_reason_against_a_release_is_said_at_once(shop: Shop) -> None:
    shop.config('owner = "ops@shop.example"\n', "")
    shop.config('deploy = ["sh", "deploy.sh"]\n', "")
    shop.config('watch = "0s"', 'checks = { lint = "true", unit = ["sh", "-c", "echo seven; exit 7"] }\n[release.staging]\nlevel = 1')
    shop.config('health_timeout = "15s"\non_worse = "keep"\n', "")
    text = (shop.project.root / "workaday.toml").read_text()
    shop.project.write("workaday.toml", text.split("caches =")[0])
    shop.project.write("jobs.py", JOBS.replace("n: int) -> int", "n: int, m: int) -> int").replace('owner="office@shop.example", ', ""))
    whole = shop.run("--clear-cache", "page", code=3)
    problems = {problem["code"]: problem for problem in [whole, *whole["more"]]}
    assert set(problems) == {
        "release.dirty",
        "release.unowned",
        "release.no_deploy",
        "release.unknown_cache",
        "release.rehearsal_missing",
        "release.jobs_misfit",
        "release.check_failed",
    }
    assert "jobs.py" in problems["release.dirty"]["got"]
    assert "`m` is missing" in problems["release.jobs_misfit"]["message"]
    assert "seven" in problems["release.check_failed"]["got"] and "exit code 7" in problems["release.check_failed"]["message"]
    unowned = [problem["message"] for problem in [whole, *whole["more"]] if problem["code"] == "release.unowned"]
    assert any("[release] says no owner" in message for message in unowned)
    assert any("shop.work" in message for message in unowned)
    assert shop.release("list")["releases"] == [] and shop.deployed == []


def test_a_release_leaves_a_note_a_tag_and_every_command(shop: Shop) -> None:
    shop.config('watch = "0s"', 'watch = "0s"\nchecks = { unit = "true" }')
    revision = shop.commit("checks")
    (shop.project.root / "stray.txt").write_text("")
    done = shop.run("--assume", "no traffic at night", "--clear-cache", "pages", reason="Faster invoices!")
    assert done["state"] == "done" and done["judgement"]["verdict"] == "not_enough"
    note = (shop.project.root / "releases/0001-faster-invoices.md").read_text()
    for words in ("Faster invoices!", "no traffic at night", "ops@shop.example", "work leaves its line", "`stray.txt`", "true    # exit code 0",
                  "sh deploy.sh    # exit code 0", "pages.", "Not enough data: ", "no `[release.staging]`",
                  "**Rollback:** no release is recorded before this one", "No release is recorded before this one, so there is nothing to compare with"):  # fmt: skip
        assert words in note, words
    assert (shop.project.root.parent / "cleared").read_text() == "pages\n", "only the cache that was named"
    assert shop.deployed == [f"release {revision}"]
    assert shop.git("rev-parse", "release-0001^{commit}") == revision and shop.git("cat-file", "-t", "release-0001") == "tag"
    shown = shop.release("show", "1")
    assert [step["step"] for step in shown["steps"]] == ["backup", "baseline", "drain", "deploy", "caches", "health", "watch", "compare"]
    assert {step["state"] for step in shown["steps"]} == {"done"}
    assert shown["steps"][0]["detail"]["proof"]["opens"] is True
    assert shown["steps"][1]["detail"]["says"] == "10m before the change are kept; nothing ended in them"
    assert "Faster invoices" in shop.project.workaday("notes", "INVOICES", "night").out
    assert "No note" in shop.project.workaday("notes", "zebra").out
    # The note that it wrote is no dirt, and nothing has changed for the next one.
    assert shop.run("--dry-run")["plan"]["previous"]["release"] == 1


def test_code_and_configuration_together_are_warned_of(shop: Shop) -> None:
    shop.run()
    shop.config('watch = "0s"', 'watch = "1ms"')
    shop.project.write("jobs.py", JOBS.replace("Leaves a line", "Leaves one line"))
    shop.commit("both")
    plan = shop.run("--dry-run")["plan"]
    assert plan["warnings"] and "code and configuration change together" in plan["warnings"][0]
    assert set(plan["files_touched"]) == {"jobs.py", "workaday.toml"} and plan["tasks_changed"] == ["shop.work"]


def test_waiting_jobs_of_a_task_that_is_gone_stop_a_release(shop: Shop) -> None:
    shop.project.write("jobs.py", JOBS.replace("def work(n", "def toil(n"))
    shop.commit("renamed")
    assert shop.refused() == {"release.jobs_misfit"}
    shop.project.write("jobs.py", "import nothing_of_that_name\n")
    shop.commit("broken")
    whole = shop.run(code=3)
    assert whole["code"] == "release.import_failed" and "nothing_of_that_name" in whole["message"]
    assert shop.deployed == []


@pytest.mark.parametrize("step", ["deploy", "health", "watch"])
def test_a_release_that_is_killed_is_taken_up_where_it_was(shop: Shop, step: str) -> None:
    gate = shop.project.root.parent / "go"
    if step == "deploy":
        shop.project.write("deploy.sh", "echo begun >> ../deployed\nwhile [ ! -e ../go ]; do sleep 0.02; done\necho ended >> ../deployed\n")
    elif step == "health":
        shop.config('watch = "0s"', 'watch = "0s"\nhealth = ["test", "-e", "../go"]')
    else:
        shop.config('watch = "0s"', 'watch = "60s"')
    shop.commit(step)
    running = shop.project.start(program(), "release", "run", "--reason", "cut off", log="release.log")

    def state_of_step() -> str | None:
        rows = shop.project.rows("SELECT state FROM workaday_release_steps WHERE step = ?", step)
        return rows[0]["state"] if rows else None

    wait_until(lambda: state_of_step() == "begun" and (step != "deploy" or shop.deployed), within=60, what=f"{step} has begun")
    assert shop.refused() == {"release.held"}
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not alive(running.pid)
    if step == "deploy":
        # Its deploy command goes on without it: nobody starts a second one.
        assert shop.release("resume", code=3)["code"] == "release.deploy_running"
        gate.touch()
        wait_until(lambda: shop.deployed == ["begun", "ended"], within=20, what="the deploy ends")
        done = wait_until(lambda: resumed_after_deploy(shop), within=20, what="resumed")
        assert shop.deployed == ["begun", "ended"], "a deploy that got through is not run again"
    else:
        gate.touch()
        assert shop.refused() == {"release.open"}
        if step == "watch":
            aborted = shop.release("abort")
            assert aborted["state"] == "aborted" and aborted["deployed"]
            assert shop.release("abort", code=3)["code"] == "release.none_open"
            assert "aborted" in Path(aborted["note"]).read_text()
            return
        done = shop.release("resume")
    assert done["state"] == "done"
    tries = {row["step"]: row["tries"] for row in shop.project.rows("SELECT step, tries FROM workaday_release_steps")}
    assert tries[step] == 2 and {tries[other] for other in tries if other != step} == {1}
    assert shop.release("resume", code=3)["code"] == "release.none_open"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_rollback_that_is_ended_while_it_reads_the_old_code_leaves_no_checkout(shop: Shop, tmp_path: Path, how: signal.Signals) -> None:
    told, scratch = tmp_path / "told", tmp_path / "scratch"
    scratch.mkdir()
    # The old code waits when it is imported for the gate, and only there.
    waits = f"""
    import pathlib, time
    if "{scratch}" in __file__ and not pathlib.Path("{told}").exists():
        pathlib.Path("{told}").touch()
        time.sleep(600)
    """
    shop.project.write("jobs.py", textwrap.dedent(waits) + textwrap.dedent(JOBS))
    shop.commit("waits")
    shop.run(reason="one")
    shop.project.write("jobs.py", JOBS)
    shop.commit("does not wait")
    shop.run(reason="two")
    ended = shop.project.start(program(), "release", "rollback", log="rollback.log", TMPDIR=str(scratch))
    wait_until(told.exists, within=60, what="the old code is imported", seen=shop.project.tell)
    (left,) = scratch.glob("workaday-code-*/tree")
    os.kill(ended.pid, how)
    assert ended.wait(20) == -how
    if how == signal.SIGKILL:
        assert left.exists()
    else:
        assert not list(scratch.iterdir())
    done = shop.release("rollback", TMPDIR=str(scratch))
    assert done["state"] == "done" and not list(scratch.iterdir())
    if how == signal.SIGKILL:
        assert str(left) not in shop.git("worktree", "list"), "the repository has forgotten it too"


def resumed_after_deploy(shop: Shop) -> Any:
    """`resume --deployed`, once the deploy command is seen to have ended."""
    done = shop.project.workaday("release", "resume", "--deployed", "--json", code=None)
    return json.loads(done.out) if done.code == 0 else None


def test_what_goes_wrong_after_the_deploy_has_failed_and_is_written_down(shop: Shop) -> None:
    shop.project.write("deploy.sh", "echo no >&2; exit 9\n")
    shop.commit("deploy fails")
    failed = shop.run(code=1)
    assert failed["problem"]["code"] == "release.deploy_failed" and failed["problem"]["got"] == "no" and failed["deployed"]
    assert "deploy | failed" in Path(failed["note"]).read_text()
    assert shop.release("rollback", code=3)["code"] == "release.no_previous"
    shop.config('on_worse = "keep"', 'on_worse = "rollback"')
    shop.commit("by policy")
    again = shop.run(code=1)
    assert again["rolled_back"] is None and again["rollback_refused"][0]["code"] == "release.no_previous"
    shop.config('on_worse = "rollback"', 'on_worse = "keep"')
    shop.project.write("deploy.sh", "true\n")
    shop.config("echo prices >> ../cleared", "exit 1")
    shop.config('health_timeout = "15s"', 'health_timeout = "1s"\nhealth = "http://127.0.0.1:9/health"')
    shop.commit("cache and health fail")
    assert shop.run("--clear-cache", "prices", code=1)["problem"]["code"] == "release.cache_failed"
    unhealthy = shop.run(code=1)["problem"]
    assert unhealthy["code"] == "release.unhealthy"
    assert unhealthy["hint"].startswith("no release is recorded before this one"), "a rollback that would be refused is not promised"
    assert shop.release("show", "99", code=3)["code"] == "release.not_found"
    states = [row["state"] for row in shop.release("list")["releases"]]
    assert states == ["failed"] * 4


def test_a_release_outside_a_repository_is_refused(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.enqueue("work.enqueue(1)")
    done = project.workaday("release", "run", "--reason", "r", "--json", code=3)
    assert json.loads(done.err)["code"] == "release.no_repository"


def test_a_rollback_goes_the_same_way_to_the_recorded_release(shop: Shop) -> None:
    first = shop.git("rev-parse", "HEAD")
    shop.run(reason="one")
    second = shop.commit("two")
    shop.run(reason="two")
    shop.commit("an unreleased commit is not what is gone back to")
    planned = shop.release("rollback", "--dry-run")["plan"]
    assert (planned["revision"], planned["undoes"]) == (first, 2)
    done = shop.release("rollback", "--reason", "not good")
    assert done["state"] == "done" and shop.deployed == [f"release {first}", f"release {second}", f"rollback {first}"]
    shown = shop.release("show", "3")
    assert [step["step"] for step in shown["steps"]][:4] == ["backup", "baseline", "drain", "deploy"], "the same steps"
    # Both notes lead to each other, in their files and in the store.
    notes = shop.project.root / "releases"
    undone, undoing = (notes / "0002-two.md").read_text(), (notes / "0003-not-good.md").read_text()
    assert " by [release 0003](0003-not-good.md) with `sh deploy.sh`, which got through\n" in undone
    assert "- **Undoes:** [release 0002](0002-two.md)\n" in undoing
    assert shop.release("show", "2")["note"] == undone and "Rolled back" not in shop.release("show", "1")["note"]
    # Jobs that only the newer code understands stop the way back, too.
    shop.project.write("jobs.py", JOBS.replace("n: int) -> int", 'n: int, text: str = "") -> int'))
    shop.commit("wider")
    shop.run(reason="wider")
    shop.project.enqueue('work.enqueue(1, text="new")')
    refused = shop.release("rollback", code=3)
    assert refused["code"] == "release.jobs_misfit" and "`text` is no parameter" in refused["message"]


def test_a_rollback_is_not_undone_by_asking_for_one_again(shop: Shop) -> None:
    first = shop.git("rev-parse", "HEAD")
    shop.run(reason="good")
    second = shop.commit("bad")
    shop.run(reason="bad")
    # It could not get through: asked for again, it is tried again, and the bad release is not put back.
    (shop.project.root / "broken").write_text("")
    shop.project.write("deploy.sh", "test ! -e broken && echo $WORKADAY_RELEASE_KIND $WORKADAY_REVISION >> ../deployed\n")
    shop.git("update-index", "--assume-unchanged", "deploy.sh")
    assert shop.release("rollback", code=1)["problem"]["code"] == "release.deploy_failed"
    (shop.project.root / "broken").unlink()
    planned = shop.release("rollback", "--dry-run")["plan"]
    assert (planned["revision"], planned["undoes"]) == (first, 2)
    assert shop.release("rollback")["state"] == "done"
    assert shop.deployed == [f"release {first}", f"release {second}", f"rollback {first}"]
    # It got through: what else is to be undone has to be said.
    refused = shop.release("rollback", code=3)
    assert refused["code"] == "release.rolled_back" and "`workaday release rollback 4` puts release 2 back" in refused["hint"]
    assert "further" not in refused["hint"], "nothing is recorded before release 1"
    assert shop.release("rollback", "4", "--dry-run")["plan"]["revision"] == second
    assert len(shop.deployed) == 3


def test_a_deploy_that_failed_after_the_drain_says_that_nothing_serves(shop: Shop) -> None:
    supervisor = shop.project.up()
    supervisor.wait_children()
    shop.project.write("deploy.sh", "exit 9\n")
    shop.commit("deploy fails")
    done = shop.project.workaday("release", "run", "--reason", "r", code=1, within=90)
    supervisor.wait_exit()
    assert "Release 1: failed." in done.out and "No supervisor runs: start `workaday up`." in done.out


def test_a_revision_that_is_gone_is_named(shop: Shop) -> None:
    shop.run(reason="one")
    old = shop.git("rev-parse", "HEAD")
    shop.git("tag", "-d", "release-0001")
    shop.git("checkout", "-q", "--orphan", "other")
    shop.commit("anew")
    shop.run(reason="two")
    for branch in shop.git("branch", "--format=%(refname:short)").split():
        if branch != "other":
            shop.git("branch", "-q", "-D", branch)
    shop.git("reflog", "expire", "--expire=now", "--all")
    shop.git("gc", "-q", "--prune=now")
    refused = shop.release("rollback", code=3)
    assert refused["code"] == "release.revision_gone" and old[:12] in refused["message"]


def test_worse_goes_back_by_policy_through_drain_and_restart(shop: Shop) -> None:
    shop.project.write(
        "deploy.sh",
        f"""
        git -c advice.detachedHead=false checkout -q "$WORKADAY_REVISION"
        echo $WORKADAY_RELEASE_KIND $WORKADAY_REVISION >> ../deployed
        setsid {program()} up >> up.log 2>&1 < /dev/null &
        {sys.executable} -c 'import jobs; [jobs.work.enqueue(n) for n in range(40)]'
        """,
    )
    shop.config('on_worse = "keep"', 'on_worse = "rollback"')
    shop.config('watch = "0s"', 'watch = "6s"')
    first = shop.commit("with a supervisor")
    done = shop.run(reason="good")
    assert done["state"] == "done"
    assert shop.project.one("SELECT count(*) FROM workaday_finished WHERE state = 'completed'") >= 40
    shop.project.write("jobs.py", JOBS.replace("return n", "raise ValueError(n)"))
    second = shop.commit("bad")
    worse = shop.run(reason="bad", code=4)
    assert worse["state"] == "worse" and worse["judgement"]["verdict"] == "worse"
    assert "failures rose" in worse["judgement"]["sentences"][0]
    assert worse["rolled_back"]["state"] in ("done", "worse") and worse["rolled_back"]["release"] == 3
    assert shop.deployed == [f"release {first}", f"release {second}", f"rollback {first}"]
    assert shop.git("rev-parse", "HEAD") == first
    alert = shop.project.rows("SELECT * FROM workaday_alerts WHERE code = ?", "release.worse")[0]
    assert alert["subject"] == "release 2" and (alert["closed_at"] is not None) == (worse["rolled_back"]["state"] == "done")
    steps = {step["step"]: step["detail"]["says"] for step in shop.release("show", "3")["steps"]}
    assert re.fullmatch(r"10m before the change are kept; \d\d+ attempts ended in them", steps["baseline"])
    assert "finished what ran and stopped" in steps["drain"] and "the supervisor is back" in steps["health"]
    book = shop.project.workaday("runbook", "shop.work", "--json").json
    assert book["last_good"] and "ValueError" in book["failures"][0]["why"] and book["last_change"]["release"] == 1
    assert (book["owner"], book["expects"], book["for"]) == ("office@shop.example", "a line", "Leaves a line.")


def test_a_supervisor_that_does_not_stop_keeps_the_deploy_back(shop: Shop) -> None:
    supervisor = shop.project.up()
    supervisor.wait_children()
    os.kill(supervisor.pid, signal.SIGSTOP)
    try:
        failed = shop.run(code=1)
        assert failed["problem"]["code"] == "release.not_drained" and not failed["deployed"] and shop.deployed == []
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)
    supervisor.wait_exit()

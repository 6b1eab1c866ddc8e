"""From the import of the user's module to the goodbye."""

import json

import pytest


@pytest.mark.parametrize("kind", ["sync", "async", "solo"])
def test_a_child_says_hello_runs_and_drains(start, kind):
    child = start(kind, ready=False)
    hello = json.loads(child.ready().json)
    assert hello["protocol"] == 1
    assert hello["pid"] == child.pid
    assert hello["release"] == "v7"
    assert "t.add" in [entry["name"] for entry in hello["catalogue"]]
    assert len(hello["catalogue_hash"]) == 32

    outcome = child.run("add", a=1, b=2)
    assert (outcome.kind, outcome.payload) == ("completed", "3")
    assert 0 < outcome.started_ns < outcome.ended_ns
    assert outcome.maxrss_kib > 1000

    child.send(b"\x01\x00\x00\x00\x0d")  # drain, byte by byte as the page says
    assert json.loads(child.wait("bye").json) == {"reason": "drained"}
    assert child.exit() == 0
    assert child.lock_is_free()


def test_equal_code_has_an_equal_catalogue_hash(start):
    hashes = {json.loads(start(kind).wait("hello").json)["catalogue_hash"] for kind in ("sync", "async")}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("app", "kind", "words"),
    [
        ("nowhere:app", "ModuleNotFoundError", "nowhere"),
        ("broken:app", "ModuleNotFoundError", "jobs_that_do_not_exist"),
        ("jobs:nothing", "AttributeError", "nothing"),
        ("raises:app", "RuntimeError", "no database password"),
        ("exits:app", "SystemExit", "not today"),
        ("shapes:app", "TypeError", "shapes:app is str; expected a workaday.App"),
    ],
)
def test_an_import_that_fails_says_what_must_be_mended(start, app, kind, words):
    child = start(ready=False, app=app)
    said = json.loads(child.wait("bye").json)
    assert said["reason"] == "import_error"
    assert said["import_error"]["type"] == kind
    assert words in said["import_error"]["message"]
    assert child.exit() == 3


def test_the_traceback_of_an_import_shows_the_users_frames_only(start):
    trace = json.loads(start(ready=False, app="raises:app").wait("bye").json)["import_error"]["traceback"]
    assert "raises.py" in trace
    assert "_child" not in trace
    assert "importlib" not in trace


def test_what_a_module_prints_before_it_breaks_is_heard(start):
    child = start(ready=False, app="raises:app")
    child.wait("bye")
    assert child.lines(0, "stdout") == ["before it broke"]


def test_a_module_started_by_hand_says_what_is_missing(start):
    child = start(ready=False)
    child.wait("hello")
    import subprocess
    import sys

    from supervisor import PACKAGE

    ended = subprocess.run([sys.executable, "-m", "workaday._child"], env={"PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "WORKADAY_WIRE_FD is not set" in ended.stderr


def test_a_drain_before_ready_is_obeyed(start):
    child = start(ready=False)
    child.wait("hello")
    child.send(b"\x01\x00\x00\x00\x0d")
    assert child.exit() == 0


def test_an_unknown_frame_ends_the_child(start):
    child = start()
    child.send(b"\x01\x00\x00\x00\x63")
    assert child.exit() == 70
    assert "frame type 99" in child.raw()

"""A full disk: new work is refused early and says so, running work ends, and nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import EFFECTS, Project, wait_until

JOBS = """
    import os, time
    from workaday import App
    from effects import effect

    app = App("full")

    @app.task
    def work(n: int, text: str = "") -> int:
        effect("work", n=n)
        return n

    @app.task
    def patient(n: int) -> int:
        effect("begin", n=n)
        while not os.path.exists(os.environ["GO_ON"]):
            time.sleep(0.01)
        effect("end", n=n)
        return n
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Project]:
    root = tmp_path / "small"
    root.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", root], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode().strip()}")
    project = Project(root)
    project.extra_environment.update(EFFECTS=str(tmp_path / "effects.jsonl"), GO_ON=str(tmp_path / "go"))
    project.write("workaday.toml", 'app = "jobs:app"\n[worker]\nprocesses = 1\ngrace = "2s"\n')
    project.write("effects.py", EFFECTS)
    project.write("jobs.py", JOBS)
    try:
        yield project
    finally:
        project.end_everything()
        subprocess.run(["umount", "-l", root], check=False)


@pytest.mark.root
def test_a_full_disk_refuses_new_work_and_loses_none(small_disk: Project) -> None:
    effects = Path(small_disk.extra_environment["EFFECTS"])
    [running] = small_disk.enqueue("patient.enqueue(1)")
    supervisor = small_disk.up()
    wait_until(lambda: effects.exists() and b"begin" in effects.read_bytes(), within=20, what="the job runs")

    filler = small_disk.root / "filler"
    got = small_disk.python("""
        import json
        from jobs import work
        from workaday import WorkadayError
        ids, error = [], None
        with open("filler", "wb", buffering=0) as filler:
            for n in range(200):
                filler.write(b"\\0" * (1 << 20))
                try:
                    ids.append(str(work.options(delay="1h").enqueue(n, "x" * 20_000).id))
                except WorkadayError as refused:
                    error = refused
                    break
        assert error is not None, "200 jobs and 200 MiB fitted into 96 MiB"
        print(json.dumps({"ids": ids, "code": error.code, "expected": error.expected}))
    """)
    assert got.json["code"] == "store.full", got.json
    assert got.json["expected"]
    acknowledged = got.json["ids"]
    assert acknowledged, "refused before anything was short"

    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    Path(small_disk.extra_environment["GO_ON"]).touch()
    wait_until(lambda: b'"end"' in effects.read_bytes(), within=20, what="running work ends")
    assert supervisor.process.poll() is None, small_disk.tell()

    filler.unlink()
    small_disk.wait_state(running, "completed", within=30)
    assert supervisor.stop() == 0
    assert len(acknowledged) == len([i for i in acknowledged if small_disk.job(i)["state"] == "scheduled"])

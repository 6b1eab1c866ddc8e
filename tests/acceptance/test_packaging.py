"""The wheel under test, and one built from the sdist outside the tree: program, extension, client and their data."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path

import pytest
from harness import Project, program

TREE = Path(__file__).parents[2]

THREE_PARTS = """
    import importlib.metadata, importlib.resources, subprocess, sysconfig, pathlib
    import workaday, workaday._core
    files = importlib.resources.files("workaday")
    assert (files / "py.typed").is_file()
    assert any(entry.name.endswith(".sql") for entry in (files / "sql" / "sqlite").iterdir())
    assert any(entry.name.endswith(".json") for entry in (files / "codes").iterdir())
    [plugin] = [e for e in importlib.metadata.entry_points(group="pytest11") if e.name == "workaday"]
    version = importlib.metadata.version("workaday")
    native = pathlib.Path(sysconfig.get_path("scripts")) / "workaday"
    assert native.read_bytes()[:4] == b"\\x7fELF"
    said = subprocess.run([native, "--version"], capture_output=True, text=True, check=True).stdout
    assert version in said, said
    print(version)
"""


def version() -> str:
    return tomllib.loads((TREE / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def test_the_installed_wheel_has_all_three_parts(project: Project) -> None:
    assert project.python(THREE_PARTS).out.strip() == version()


def test_the_tests_look_at_the_wheel_and_not_at_the_tree() -> None:
    import workaday

    assert TREE / "python" not in Path(workaday.__file__).parents


def test_the_program_starts_quickly(project: Project) -> None:
    import time

    took = []
    for _ in range(9):
        began = time.perf_counter()
        project.run(program(), "--version")
        took.append(1000 * (time.perf_counter() - began))
    assert min(took) < 30, took  # the start itself is far below; a process of ours costs the rest


@pytest.mark.skipif(not (TREE / "Cargo.lock").exists(), reason="needs a checkout")
@pytest.mark.timeout(1500)
def test_the_sdist_builds_the_same_wheel_outside_the_tree(tmp_path: Path, new_project) -> None:
    """Reuses the tree's compiled crates (CARGO_TARGET_DIR), so only our own crates are built again."""
    build = [sys.executable, "-m", "build", "--sdist", "--outdir", str(tmp_path), str(TREE)]
    done = subprocess.run(build, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    [sdist] = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "Cargo.lock",
        "pyproject.toml",
        "crates/workaday-py/src/lib.rs",
        "xtask/Cargo.toml",
        ".cargo/config.toml",
    } <= names

    outside = tmp_path / "venv"
    venv.create(outside, with_pip=True)
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TREE / "target")}
    pip = [outside / "bin" / "pip", "install", "--quiet", str(sdist)]
    done = subprocess.run(pip, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    project = new_project("bare")
    script = project.write("three_parts.py", THREE_PARTS)
    assert project.run(str(outside / "bin" / "python"), str(script)).out.strip() == version()

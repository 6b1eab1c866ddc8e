"""`workaday install` below a scratch root: verified, graded, and gone again as if it had never been."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from harness import Project, program

UNIT = "etc/systemd/system/workaday.service"
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def tree(root: Path) -> dict[str, tuple[int, str]]:
    def seen(path: Path) -> tuple[int, str]:
        return stat.S_IMODE(path.stat().st_mode), "" if path.is_dir() else path.read_text()

    return {str(path.relative_to(root)): seen(path) for path in sorted(root.rglob("*"))}


@pytest.fixture
def shop(project: Project) -> Project:
    project.write("workaday.toml", "")
    return project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "etc/systemd/system").mkdir(parents=True)
    (root / UNIT).write_text("[Service]\nExecStart=/usr/bin/old\n")
    (root / UNIT).chmod(0o640)
    return root


@needs_systemd
def test_the_units_are_clean_graded_and_leave_no_trace(shop: Project, root: Path) -> None:
    before = tree(root)
    done = shop.workaday("install", "--root", str(root), "--service", f"{program()} --version", "--yes", "--json").json
    assert done["written"]
    assert len(done["units"]) == 2
    for unit in done["units"]:
        assert unit["verified"], unit["complaint"]
        assert unit["exposure"] <= 2.0
    assert stat.S_IMODE((root / "etc/workaday/environment").stat().st_mode) == 0o600
    shop.workaday("uninstall", "--root", str(root), "--yes")
    assert tree(root) == before


def test_the_difference_is_shown_and_nothing_is_written_unasked(shop: Project, root: Path) -> None:
    before = tree(root)
    shown = shop.workaday("install", "--root", str(root), "--dry-run").out
    assert "-ExecStart=/usr/bin/old" in shown
    assert "+NoNewPrivileges=yes" in shown
    refused = shop.workaday("install", "--root", str(root), code=2)
    assert "usage.confirm" in refused.err
    assert tree(root) == before


def test_a_second_install_changes_nothing_and_keeps_what_was_first(shop: Project, root: Path) -> None:
    before = tree(root)
    shop.workaday("install", "--root", str(root), "--yes", "--account", "shop")
    (root / "etc/workaday/environment").write_text("A=1\n")
    shop.workaday("install", "--root", str(root), "--yes", "--account", "other")
    assert "User=other" in (root / UNIT).read_text()
    assert (root / "etc/workaday/environment").read_text() == "A=1\n"
    assert shop.workaday("install", "--root", str(root), "--account", "other", "--json").json["changes"] == 0
    left = shop.workaday("uninstall", "--root", str(root), "--yes", "--json").json["left"]
    assert left == ["/etc/workaday/environment"], "what a person wrote is not thrown away"
    assert tree(root)[UNIT] == before[UNIT]


def test_what_cannot_be_installed_is_refused_with_its_code(project: Project, tmp_path: Path) -> None:
    root = ("--root", str(tmp_path / "root"), "--yes")
    assert "install.not_installed" in project.workaday("uninstall", *root, code=3).err
    (project.root / "workaday.toml").unlink()
    assert "install.no_config" in project.workaday("install", *root, code=3).err
    project.write("workaday.toml", "")
    assert "install.no_program" in project.workaday("install", *root, "--service", "no-such-program-here", code=3).err
    assert "install.unfit" in project.workaday("install", *root, "--account", "Not Fit", code=3).err
    assert "install.no_home" in project.workaday("install", *root, "--user", code=3, HOME="", XDG_CONFIG_HOME="").err
    (tmp_path / "file").write_text("")
    assert "install.failed" in project.workaday("install", "--root", str(tmp_path / "file"), "--yes", code=1).err

"""An input/output error is told as one, wherever it comes: nobody is sent to a backup because a disk failed to answer once."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from harness import Project

sys.path.insert(0, str(Path(__file__).parents[2]))

from chaos.scene import Fault

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="the seam between program and kernel is compiled with cc")
EIO = "5"


@pytest.mark.parametrize(("always", "every"), [(False, 2), (True, 9)], ids=["once", "for ever"])
def test_a_read_that_fails_while_the_tables_are_learned_is_no_damage(project: Project, tmp_path: Path, always: bool, every: int) -> None:
    project.workaday("migrate")
    count, codes = tmp_path / "count", set()
    for at in range(1, 1_000, every):
        folder = tmp_path / "copy"
        shutil.copytree(project.database.parent, folder)
        fault = Fault(at=at, act=EIO, always=always).environment(folder, count)
        done = project.workaday("status", "--json", code=None, **fault, WORKADAY_DATABASE=str(folder / "workaday.db"))
        shutil.rmtree(folder)
        if int(count.read_text()) < at:
            break
        if done.code:
            codes.add(json.loads(done.err or done.out)["code"])
    else:
        pytest.fail("a look at the status needs no thousand calls")
    assert codes == {"store.io", "store.cannot_open"}

"""User code under pyright in strict mode: no error where none is marked, and one where one is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import workaday

USER_CODE = Path(__file__).parent.parent / "typing" / "user_code.py"


@pytest.fixture
def pyright() -> str:
    found = shutil.which("pyright", path=str(Path(sys.executable).parent)) or shutil.which("pyright")
    if not found:
        pytest.skip("pyright is not installed")
    return found


def test_user_code_is_typed(pyright: str, tmp_path: Path) -> None:
    package = Path(workaday.__file__).parent.parent
    (tmp_path / "user_code.py").write_bytes(USER_CODE.read_bytes())
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(package)], "include": ["."]}
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(settings), encoding="utf-8")
    done = subprocess.run([pyright, "--outputjson", "-p", str(project)], capture_output=True, text=True, timeout=170)
    found = {
        entry["range"]["start"]["line"]: entry["message"] for entry in json.loads(done.stdout)["generalDiagnostics"]
        if entry["severity"] == "error"
    }  # fmt: skip
    lines = USER_CODE.read_text(encoding="utf-8").splitlines()
    marked = {number for number, line in enumerate(lines) if line.endswith("# error")}
    assert {number: found.get(number) for number in found.keys() | marked if (number in found) != (number in marked)} == {}

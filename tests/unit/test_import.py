"""`import workaday` is quick and drags nothing heavy along: a web service pays it in every worker."""

import subprocess
import sys

HEAVY = ["asyncio", "sqlite3", "inspect", "json", "tomllib", "uuid", "datetime", "logging", "pydantic", "fastapi", "sqlalchemy", "ctypes"]


def test_importing_workaday_imports_nothing_heavy() -> None:
    script = (
        f"import sys; before = set(sys.modules); import workaday; print([n for n in {HEAVY!r} if n in sys.modules and n not in before])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    import workaday

    assert sorted(workaday.__all__) == workaday.__all__
    assert all(getattr(workaday, name) is not None for name in workaday.__all__)

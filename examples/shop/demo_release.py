"""Two releases on real traffic: a good one, then one with an N+1 query, which the comparison names and the policy rolls back.

Works in a scratch repository of its own, so nothing here is changed. It ends with exit code 0 only when the first change
went out, the second turned out worse because of its statement, and the code before it is in place again, by the same way.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = Path(sys.executable).parent / "workaday"
WATCH = os.environ.get("WATCH", "20s")

CONFIG = f"""
app = "jobs:app"
[worker]
processes = 2
grace = "2s"
[release]
owner = "office@shop.example"
expects = "price lists go out, each with one look into the database"
checks = {{ unit = "python -m py_compile jobs.py" }}
deploy = ["sh", "deploy.sh"]
rollback = ["sh", "deploy.sh"]
watch = "{WATCH}"
on_worse = "rollback"
"""

JOBS = '''
import sqlite3

from workaday import App

app = App("shop")


@app.task(owner="office@shop.example", expects="a line an item", rollback="send the list of yesterday", retry_safe=True)
def price_list(day: int) -> int:
    """The prices of a day."""
    shop = sqlite3.connect("shop.db")
    QUERY
    shop.close()
    return len(rows)
'''

FIRST = 'rows = shop.execute("SELECT id, cents FROM items").fetchall()'
GOOD = 'rows = shop.execute("SELECT id, cents FROM items ORDER BY id").fetchall()'
N_PLUS_ONE = (
    'rows = [shop.execute("SELECT id, cents FROM items WHERE id = ?", (n,)).fetchone() '
    'for (n,) in shop.execute("SELECT id FROM items").fetchall()]'
)

DEPLOY = f"""
git -c advice.detachedHead=false checkout -q "$WORKADAY_REVISION"
setsid {PROGRAM} up >> up.log 2>&1 < /dev/null &
"""

TRAFFIC = """
import time, jobs
n = 0
while True:
    jobs.price_list.enqueue(n)
    n += 1
    time.sleep(0.02)
"""


def say(text: str) -> None:
    print(text, flush=True)


class Shop:
    """A repository with a shop in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        scripts = str(PROGRAM.parent)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WORKADAY_")}
        self.environment = {**kept, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(root)}
        (root / ".gitignore").write_text(".workaday/\n__pycache__/\n*.log\nshop.db*\n")
        (root / "workaday.toml").write_text(CONFIG)
        (root / "deploy.sh").write_text(DEPLOY)
        with sqlite3.connect(root / "shop.db") as shop:
            shop.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, cents INTEGER)")
            shop.executemany("INSERT INTO items VALUES (?, ?)", [(n, n * 10) for n in range(200)])
        self.git("init", "-q")

    def run(self, *command: str, code: int = 0) -> str:
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != code:
            raise SystemExit(f"✕ {' '.join(command)}: exit code {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout

    def git(self, *words: str) -> str:
        return self.run("git", "-c", "user.name=shop", "-c", "user.email=office@shop.example", *words).strip()

    def commit(self, query: str, message: str) -> str:
        (self.root / "jobs.py").write_text(JOBS.replace("QUERY", query))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def release(self, reason: str, code: int = 0) -> dict[str, object]:
        say(f"→ workaday release run --reason {reason!r}")
        began = time.monotonic()
        done: dict[str, object] = json.loads(self.run(str(PROGRAM), "release", "run", "--reason", reason, "--json", code=code))
        judged = done["judgement"]
        say(f"  {done['state']} after {time.monotonic() - began:.0f} s")
        for sentence in judged["sentences"] if isinstance(judged, dict) else []:
            say(f"  {sentence}")
        return done


def main() -> None:
    root = Path(tempfile.mkdtemp(prefix="workaday-demo-"))
    shop = Shop(root)
    traffic = None
    try:
        shop.commit(FIRST, "first")
        shop.run(sys.executable, "-c", "import jobs; jobs.price_list.enqueue(0)")
        (root / ".workaday" / "traffic.py").write_text(TRAFFIC)
        traffic = subprocess.Popen([sys.executable, str(root / ".workaday" / "traffic.py")], cwd=root, env=shop.environment)
        shop.release("the first one")
        good = shop.commit(GOOD, "in order")
        shop.release("prices in order")
        shop.commit(N_PLUS_ONE, "a query an item")
        worse = shop.release("one more column", code=4)
        told = json.dumps(worse["judgement"])
        if "SELECT id, cents FROM items WHERE id" not in told:
            raise SystemExit(f"✕ the comparison does not name the statement: {told}")
        if shop.git("rev-parse", "HEAD") != good:
            raise SystemExit("✕ the release before is not in place again")
        say(f"✓ worse, named, and rolled back through the same steps. Its note:\n\n{Path(str(worse['note'])).read_text()}")
    finally:
        if traffic:
            traffic.kill()
            traffic.wait()
        subprocess.run([str(PROGRAM), "worker", "drain"], cwd=root, env=shop.environment, capture_output=True, check=False)
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()

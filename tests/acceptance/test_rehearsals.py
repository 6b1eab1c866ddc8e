"""A rehearsal proves the way back, or says what was not as before; each level of isolation stops what it says it stops."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Project, alive, processes_with, program, wait_until

JOBS = """
    from workaday import App, every

    app = App("shop")

    @app.task(owner="office@shop.example", expects="a line", rollback="nothing to undo", schedule=every("1h"))
    def work(n: int = 1) -> int:
        return n
"""

CONFIG = """
app = "jobs:app"
[worker]
processes = 1
grace = "1s"
[schedules]
tz = "UTC"
[release]
owner = "ops@shop.example"
expects = "it works"
deploy = ["sh", "deploy.sh"]
rollback = ["sh", "rollback.sh"]
watch = "0s"
health_timeout = "5s"
health = ["test", "-e", "shop.db"]
[release.staging]
level = 2
copy = ["secrets.env"]
databases = ["shop.db"]
integration = ["sh", "-c", "test $PORT -gt 0"]
"""

DEPLOY = """
echo deployed > deployed.txt
python3 -c 'import sqlite3; d = sqlite3.connect("shop.db"); d.execute("CREATE TABLE parcels (id)"); d.commit()'
"""

ROLLBACK = """
git checkout -q --detach $WORKADAY_REVISION
rm -f deployed.txt
python3 -c 'import sqlite3; d = sqlite3.connect("shop.db"); d.execute("DROP TABLE parcels"); d.commit()'
"""


class Stage:
    """A project with an app's database, two commits and something secret."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.write(".gitignore", ".workaday/\n__pycache__/\n*.log\nshop.db*\nsecrets.env\neffects.jsonl\nreached-*\n")
        project.write("workaday.toml", CONFIG)
        project.write("jobs.py", JOBS)
        project.write("secrets.env", "API_TOKEN=abc\nCOLOUR=red\n")
        project.write("deploy.sh", DEPLOY)
        project.write("rollback.sh", ROLLBACK)
        with sqlite3.connect(project.root / "shop.db") as own:
            own.execute("CREATE TABLE orders (id)")
            own.executemany("INSERT INTO orders VALUES (?)", [(1,), (2,), (3,)])
        self.git("init", "-q")
        self.commit("first")
        project.enqueue("work.enqueue(1)")
        project.write("jobs.py", JOBS.replace("n: int = 1", "n: int = 2"))
        self.commit("second")

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words]
        return subprocess.run(command, cwd=self.project.root, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def level(self, level: int) -> None:
        self.project.write("workaday.toml", CONFIG.replace("level = 2", f"level = {level}"))
        self.commit(f"level {level}")

    def rehearse(self, *words: str, code: int = 0, **environment: str) -> Any:
        done = self.project.workaday("rehearse", *words, "--json", code=code, within=120, **environment)
        return json.loads(done.out)["proof"] if done.out else json.loads(done.err)

    def problem(self, *words: str, code: int, **environment: str) -> Any:
        return json.loads(self.project.workaday("rehearse", *words, "--json", code=code, within=120, **environment).err)


@pytest.fixture
def stage(project: Project) -> Stage:
    return Stage(project)


@pytest.fixture
def production() -> Iterator[tuple[int, list[int]]]:
    """A port of production (a database, a webhook): counts who came."""
    server = socket.create_server(("127.0.0.1", 0))
    came: list[int] = []

    def serve() -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return
            came.append(1)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1], came
    server.shutdown(socket.SHUT_RDWR)
    server.close()


class Sockets:
    """Programs of production that listen on Unix sockets and read a named pipe: on a file system in memory, as /run is, and in
    an ordinary folder. One of them begins to listen when it is asked to."""

    def __init__(self, ordinary: Path, memory: Path) -> None:
        self.came: list[str] = []
        self.listening: list[socket.socket] = []
        self.ordinary, self.memory = ordinary / "live.sock", memory / "live.sock"
        self.abstract = f"workaday-test-{ordinary.name}-{os.getpid()}"
        self.late = ordinary / "late.sock"
        self.pipe = ordinary / "live.pipe"
        for at in (str(self.ordinary), str(self.memory), "\0" + self.abstract):
            self.listen(at)
        os.mkfifo(self.pipe)
        self.reader = os.open(self.pipe, os.O_RDWR | os.O_NONBLOCK)

    def listen(self, at: str) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.bind(at)
        server.listen()
        self.listening.append(server)
        threading.Thread(target=self.serve, args=(server, at), daemon=True).start()

    def serve(self, server: socket.socket, at: str) -> None:
        while True:
            try:
                heard = server.accept()[0].recv(100)
            except OSError:
                return
            if heard == b"charge the card":
                self.came.append(Path(at.replace("\0", "@")).name)

    def was_written(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return os.read(self.reader, 100) == b"go\n"
        return False

    def close(self) -> None:
        for server in self.listening:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        os.close(self.reader)


@pytest.fixture
def sockets(project: Project) -> Iterator[Sockets]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        made = Sockets(project.root, Path(memory))
        yield made
        made.close()


WALL = 'mount -t tmpfs t /mnt && mkdir /mnt/empty && mount -t overlay o -o "ro,lowerdir=$0:/mnt/empty" "$0"'


def has_walls(place: Path) -> bool:
    """What level 3 needs of the kernel and of the file system: namespaces for users, and overlays."""
    return subprocess.run(["unshare", "-rnm", "sh", "-c", WALL, place], capture_output=True, check=False).returncode == 0


def test_a_good_release_is_proved_and_the_proof_ends_with_the_next_commit(stage: Stage) -> None:
    before = sorted(path.name for path in stage.project.root.iterdir())
    orders = sqlite3.connect(stage.project.root / "shop.db")
    proof = stage.rehearse()
    assert proof["passed"] and proof["differences"] == [] and proof["level"] >= 2
    assert [step["step"] for step in proof["steps"]] == [
        "new code", "deploy", "health after deploy", "integration", "schedules", "trace", "rollback", "health after rollback",
    ]  # fmt: skip
    assert proof["replaced"] == ["API_TOKEN"]
    assert sorted(path.name for path in stage.project.root.iterdir()) == before, "nothing of it was done here"
    assert [row[0] for row in orders.execute("SELECT name FROM sqlite_schema")] == ["orders"]
    planned = stage.project.workaday("release", "run", "--reason", "r", "--dry-run", "--json").json["plan"]
    assert planned["rehearsal"] == 1
    stage.commit("another")
    refused = stage.project.workaday("release", "run", "--reason", "r", "--json", code=3)
    assert json.loads(refused.err)["code"] == "release.rehearsal_stale" and "revision" in refused.err


@pytest.mark.parametrize(
    ("rollback", "says"),
    [
        ("true\n", "not as"),
        (ROLLBACK.replace("DROP TABLE parcels", "DELETE FROM orders WHERE id = 3").replace("d.commit()", 'd.execute("DROP TABLE parcels"); d.commit()'), "orders has 2 rows and had 3"),
        (ROLLBACK.replace("DROP TABLE parcels", "DELETE FROM parcels"), "the schema of shop.db is not as it was"),
        (ROLLBACK + "exit 3\n", "exit code 3"),
        (ROLLBACK + "echo COLOUR=blue > secrets.env\n", "the configuration is not as it was"),
        (
            ROLLBACK + "python3 -c 'import os, sqlite3; d = sqlite3.connect(os.environ[\"WORKADAY_DATABASE\"]); d.execute(\"DELETE FROM workaday_jobs\"); d.commit()'\n",
            "1 jobs were lost",
        ),
    ],
    ids=["does nothing", "loses a row", "leaves a table", "fails", "changes configuration", "loses a job"],
)  # fmt: skip
def test_a_way_back_that_does_not_lead_back_fails_the_proof(stage: Stage, rollback: str, says: str) -> None:
    stage.project.write("rollback.sh", rollback)
    stage.commit("another way back")
    # The way back is that of the code before, so it is committed twice.
    stage.project.write("jobs.py", JOBS.replace("n: int = 1", "n: int = 3"))
    stage.commit("and another release")
    problem = stage.problem(code=1)
    assert problem["code"] == "rehearse.failed" and says in problem["message"], problem["message"]
    refused = stage.project.workaday("release", "run", "--reason", "r", "--json", code=3)
    assert json.loads(refused.err)["code"] == "release.rehearsal_stale" and "it failed" in refused.err


def test_a_deploy_that_leaves_no_trace_proves_nothing(stage: Stage) -> None:
    stage.project.write("deploy.sh", "true\n")
    stage.project.write("rollback.sh", "true\n")
    stage.commit("nothing")
    stage.git("commit", "-q", "--allow-empty", "-m", "empty")
    assert "going back would prove nothing" in stage.problem(code=1)["message"]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_each_level_stops_the_traps_it_says(stage: Stage, production: tuple[int, list[int]], level: int) -> None:
    if level == 3 and not has_walls(stage.project.root):
        pytest.skip("this machine has no user namespaces with overlays")
    port, came = production
    root = stage.project.root
    stage.project.write(
        "deploy.sh",
        DEPLOY
        + f"""
        echo here > reached-relative
        (echo there > {root}/reached-absolute) 2>/dev/null || true
        {sys.executable} -c 'import socket; socket.create_connection(("127.0.0.1", {port}), 2)' 2>/dev/null || true
        {sys.executable} -c 'import sqlite3; d = sqlite3.connect("{root}/shop.db", timeout=1); d.execute("INSERT INTO orders VALUES (99)"); d.commit()' 2>/dev/null || true
        echo "dsn=$SHOP_DSN port=$PORT"
        """,
    )
    stage.project.write("rollback.sh", ROLLBACK + "rm -f reached-relative\n")
    stage.commit("traps")
    stage.level(level)
    done = stage.rehearse(SHOP_DSN="postgresql://real", PORT="8000")
    assert done["level"] == level, done["traps"]
    stopped = {trap["trap"]: trap["stopped"] for trap in done["traps"]}
    deploy = next(step for step in done["steps"] if step["step"] == "deploy")["commands"][0]["tail"]
    orders = sqlite3.connect(root / "shop.db").execute("SELECT count(*) FROM orders").fetchone()[0]
    assert not (root / "reached-relative").exists() and stopped["relative paths of production"]
    assert "port=8000" not in deploy and stopped["the port of production"] and stopped["the store of production"]
    assert ("dsn=postgresql://real" in deploy) == (level == 1) == (not stopped["a DSN in the environment"])
    assert (len(came) > 0) == (level < 3) == (not stopped["a port, database or webhook on the network"])
    assert (root / "reached-absolute").exists() == (level < 3) == (not stopped["absolute paths of production"])
    assert orders == (4 if level < 3 else 3), "the database of production, by its whole path"
    assert done["passed"], done


SEND = """
import contextlib, os, socket, sys, time
open("asked", "w").close()
ends = time.monotonic() + 30
while not os.path.exists("answered") and time.monotonic() < ends:
    time.sleep(0.01)
*sockets, pipe = sys.argv[1:]
for at in sockets:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.connect(at.replace("@", chr(0)))
        client.sendall(b"charge the card")
with contextlib.suppress(OSError):
    os.write(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK), b"go\\n")
# What lies in the scratch place is its own.
with socket.socket(socket.AF_UNIX) as own, socket.socket(socket.AF_UNIX) as client:
    own.bind("own.sock")
    own.listen()
    client.connect("own.sock")
    print("own socket reached")
"""


@pytest.mark.parametrize("level", [2, 3])
def test_no_unix_socket_and_no_named_pipe_leads_out_of_level_3(stage: Stage, sockets: Sockets, tmp_path: Path, level: int) -> None:
    if level == 3 and not has_walls(stage.project.root):
        pytest.skip("this machine has no user namespaces with overlays")
    stage.project.write(".gitignore", (stage.project.root / ".gitignore").read_text() + "*.sock\n*.pipe\nasked\nanswered\n")
    stage.project.write("send.py", SEND)
    ways = f"{sockets.memory} {sockets.ordinary} {sockets.late} @{sockets.abstract} {sockets.pipe}"
    stage.project.write("deploy.sh", DEPLOY + f"{sys.executable} send.py {ways}\n")
    stage.project.write("rollback.sh", ROLLBACK + "rm -f asked answered own.sock\n")
    stage.commit("sends")
    stage.level(level)
    stage.project.up().wait_children()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    answered: list[bool] = []

    def begin_late() -> None:
        asked = wait_until(lambda: list(scratch.glob("*/code/**/asked")), within=60, what="the deploy runs")
        sockets.listen(str(sockets.late))
        answered.append(bool(asked[0].with_name("answered").touch() is None))

    late = threading.Thread(target=begin_late)
    late.start()
    done = stage.rehearse(TMPDIR=str(scratch))
    late.join()
    assert answered and done["level"] == level, done["traps"]
    trap = next(trap for trap in done["traps"] if trap["trap"] == "a Unix socket of the machine")
    deploy = next(step for step in done["steps"] if step["step"] == "deploy")["commands"][0]["tail"]
    assert "own socket reached" in deploy
    every = ["live.sock", "live.sock", "late.sock", f"@{sockets.abstract}"]
    if level == 3:
        assert not sockets.came and not sockets.was_written()
        assert trap["stopped"] and "reached" not in trap
    else:
        wait_until(lambda: sorted(sockets.came) == sorted(every), within=10, what="all came", seen=lambda: str(sockets.came))
        assert sockets.was_written()
        planted = [at for at in trap["reached"] if at.startswith(f"{scratch}/workaday-rehearsal-") and at.endswith(".sock")]
        mark = Path(planted[0]).name.removesuffix(".sock")
        live = {f"{stage.project.database}-{end}" for end in ("wake", "measures")}
        assert {str(sockets.ordinary), str(sockets.memory), f"@{mark}", *live} <= set(trap["reached"]) and not trap["stopped"]
    assert done["passed"], done
    assert not list(scratch.iterdir())


def test_below_the_level_nothing_is_played_unless_that_is_said(stage: Stage) -> None:
    # A variable that is asked to be kept is a hole, and the trap finds it.
    stage.project.write("workaday.toml", CONFIG + 'keep_env = ["WORKADAY_SECRET_PLANTED_DSN"]\n')
    stage.commit("a hole")
    problem = stage.problem(code=3)
    assert problem["code"] == "rehearse.isolation" and "a DSN in the environment" in problem["got"]
    assert stage.project.rows("SELECT * FROM workaday_rehearsals") == []
    proof = stage.rehearse("--unsafe")
    assert proof["passed"] and proof["level"] == 1
    refused = stage.project.workaday("release", "run", "--reason", "r", "--json", code=3)
    assert "reached level 1 and 2 is configured" in refused.err


def test_schedules_run_once_each_in_the_scratch_place_alone(stage: Stage) -> None:
    up = stage.project.up()
    up.wait_children()
    stage.project.wait_all_finished()
    up.stop()
    stage.project.write("workaday.toml", CONFIG + 'schedules = "run"\n')
    stage.commit("run them")
    finished = stage.project.one("SELECT count(*) FROM workaday_finished")
    proof = stage.rehearse()
    says = next(step for step in proof["steps"] if step["step"] == "schedules")["says"]
    assert says.startswith("each ran once: shop.work"), says
    assert stage.project.one("SELECT count(*) FROM workaday_finished") == finished
    assert proof["passed"], proof


def test_what_the_commands_leave_running_is_ended(stage: Stage) -> None:
    stage.project.write("deploy.sh", DEPLOY + "setsid sleep 987 > /dev/null 2>&1 < /dev/null &\n")
    stage.commit("a daemon")
    assert stage.rehearse("--keep", TMPDIR=str(stage.project.root.parent))["passed"]
    assert list(stage.project.root.parent.glob("workaday-rehearsal-*")), "kept, to be looked at"
    assert not [pid for pid in processes_with("WORKADAY_RELEASE_KIND=release") if "987" in Path(f"/proc/{pid}/cmdline").read_text()]


def test_what_a_killed_rehearsal_left_is_cleared_by_the_next(stage: Stage, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    told = tmp_path / "told"
    stage.project.write("deploy.sh", f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 600\n")
    stage.commit("never ends")
    killed = stage.project.start(program(), "rehearse", log="rehearse.log", TMPDIR=str(scratch))
    wait_until(told.exists, within=60, what="the deploy runs", seen=stage.project.tell)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert list(scratch.glob("workaday-rehearsal-*/code")), "it could not clear up"
    kept = scratch / "workaday-rehearsal-kept"
    kept.mkdir()
    stage.project.write("deploy.sh", DEPLOY)
    stage.commit("ends")
    stage.rehearse(TMPDIR=str(scratch))
    assert list(scratch.glob("workaday-rehearsal-*")) == [kept], "one that is kept has no lock"
    assert not alive(int(told.read_text()))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_rehearsal_that_is_stopped_takes_everything_away(stage: Stage, tmp_path: Path, how: signal.Signals) -> None:
    scratch, told = tmp_path / "scratch", tmp_path / "told"
    scratch.mkdir()
    stage.project.write("deploy.sh", f"echo $$ > {told}.new; mv {told}.new {told}; exec sleep 600\n")
    stage.commit("never ends")
    stopped = stage.project.start(program(), "rehearse", log="rehearse.log", TMPDIR=str(scratch))
    wait_until(told.exists, within=60, what="the deploy runs", seen=stage.project.tell)
    # As Ctrl-C does it: to all of the terminal's processes at once.
    os.killpg(stopped.pid, how)
    assert stopped.wait(20) == -how
    assert not list(scratch.iterdir()) and not alive(int(told.read_text()))
    assert "error[" not in (stage.project.root / "rehearse.log").read_text(), "that it was stopped is no failure to tell"
    assert stage.project.rows("SELECT * FROM workaday_rehearsals") == []


def test_what_cannot_be_staged_is_said(stage: Stage) -> None:
    stage.project.write("workaday.toml", CONFIG.replace('["secrets.env"]', '["nothing.env"]'))
    stage.commit("no such file")
    assert stage.problem(code=3)["code"] == "rehearse.file_missing"
    assert stage.problem(code=3, TMPDIR="/proc/nowhere")["code"] == "rehearse.stage_failed"
    stage.project.write("jobs.py", JOBS + "\n")
    assert stage.problem(code=3)["code"] == "release.dirty"
    stage.project.write("workaday.toml", CONFIG.split("[release.staging]", maxsplit=1)[0])
    stage.commit("no staging")
    assert stage.problem(code=3)["code"] == "rehearse.no_staging"

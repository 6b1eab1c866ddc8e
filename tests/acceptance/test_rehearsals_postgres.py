"""A rehearsal with PostgreSQL: the commands work on a copy, the proof looks into it, and the real database is read and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Project, program, wait_until
from postgres import Postgres

JOBS = """
    from workaday import App

    app = App("shop")

    @app.task(owner="office@shop.example", expects="a line", rollback="nothing to undo")
    def work(n: int = 1) -> int:
        return n
"""

CONFIG = """
app = "jobs:app"
[release]
owner = "ops@shop.example"
expects = "it works"
deploy = ["sh", "deploy.sh"]
rollback = ["sh", "rollback.sh"]
watch = "0s"
health_timeout = "5s"
[release.staging]
level = 2
postgres = ["DATABASE_URL"]
copy = ["settings.env"]
"""

# As services often do it: the DSN stands in a file that is not in the repository.
DEPLOY = """
. ./settings.env
psql -qX "$DATABASE_URL" -c "CREATE TABLE parcels (id int)" -c "INSERT INTO orders VALUES (99)" -c "DELETE FROM orders WHERE id = 99"
"""
ROLLBACK = """
git checkout -q --detach $WORKADAY_REVISION
psql -qX "$DATABASE_URL" -c "DROP TABLE parcels"
"""


class Shop:
    """A project whose data are in PostgreSQL; the database has a user with a password, as real ones do."""

    def __init__(self, project: Project, server: Postgres) -> None:
        self.project, self.server = project, server
        server.psql("CREATE ROLE clerk LOGIN CREATEDB PASSWORD 'open:sesame@1'")
        server.psql("CREATE DATABASE orders OWNER clerk", "postgres")
        server.psql(
            "SET ROLE clerk; CREATE SCHEMA depot; CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE depot.shelves (id int);"
            "INSERT INTO orders SELECT generate_series(1, 50); INSERT INTO depot.shelves VALUES (1)",
            "orders",
        )
        self.dsn = f"postgresql://clerk:open%3Asesame%401@127.0.0.1:{server.port}/orders"
        project.write(".gitignore", ".workaday/\n__pycache__/\n*.log\nsettings.env\neffects.jsonl\n")
        project.write("workaday.toml", CONFIG)
        project.write("jobs.py", JOBS)
        # The same as words, of which one needs quotes.
        self.words = f"host=127.0.0.1 port={server.port} user=clerk password='open:sesame@1' dbname=orders"
        project.write("settings.env", f"DATABASE_URL='{self.dsn}'\n")
        project.write("deploy.sh", DEPLOY)
        project.write("rollback.sh", ROLLBACK)
        self.git("init", "-q")
        self.commit("first")
        project.enqueue("work.enqueue(1)")
        self.commit("second")

    def git(self, *words: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words]
        subprocess.run(command, cwd=self.project.root, check=True, capture_output=True)

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def rehearse(self, *words: str, code: int = 0, **environment: str) -> Any:
        done = self.project.workaday("rehearse", *words, "--json", code=code, within=120, **environment)
        assert "sesame" not in done.out + done.err, "the password is shown to nobody"
        return json.loads(done.out)["proof"] if code == 0 else json.loads(done.err)

    def real(self) -> tuple[str, str, str]:
        """What must stay as it is."""
        tables = self.server.psql(
            "SELECT string_agg(tablename, ' ' ORDER BY 1) FROM pg_tables WHERE schemaname IN ('public', 'depot')", "orders"
        )
        return tables, self.server.psql("SELECT count(*) FROM orders", "orders"), self.server.psql("SELECT sum(id) FROM orders", "orders")


@pytest.fixture
def shop(project: Project, postgres: Postgres) -> Iterator[Shop]:
    shop = Shop(project, postgres)
    before = shop.real()
    yield shop
    try:
        assert shop.real() == before, "the real database was written to"
        assert not [name for name in postgres.databases() if name.startswith("workaday_rehearsal")], "a copy was left behind"
    finally:
        postgres.psql("DROP DATABASE orders WITH (FORCE)", "postgres")
        postgres.psql("DROP ROLE clerk", "postgres")


def test_a_good_release_is_proved_on_a_copy(shop: Shop) -> None:
    proof = shop.rehearse()
    assert proof["passed"] and proof["differences"] == [] and proof["level"] >= 2
    assert "DATABASE_URL" in proof["replaced"]
    trace = next(step for step in proof["steps"] if step["step"] == "trace")
    assert trace["passed"], "that the deploy made a table is seen in the copy"


@pytest.mark.parametrize("place", ["file", "environment"])
def test_a_dsn_in_words_is_worth_as_much_as_a_url(shop: Shop, place: str) -> None:
    shop.project.write("settings.env", f'DATABASE_URL="{shop.words}"\n' if place == "file" else "COLOUR=red\n")
    told = 'psql -qX "$DATABASE_URL" -At -c "SELECT \'works on \' || current_database()"\n'
    shop.project.write("deploy.sh", DEPLOY + told)
    shop.project.write("rollback.sh", ROLLBACK.lstrip())
    shop.commit("says where it works")
    proof = shop.rehearse(**({"DATABASE_URL": shop.words} if place == "environment" else {}))
    assert proof["passed"] and "DATABASE_URL" in proof["replaced"]
    deploy = next(step for step in proof["steps"] if step["step"] == "deploy")["commands"][0]["tail"]
    assert "works on workaday_rehearsal_" in deploy
    # A way back that loses a row is seen in the copy, whichever form led there.
    shop.project.write("rollback.sh", ROLLBACK + 'psql -qX "$DATABASE_URL" -c "DELETE FROM orders WHERE id = 7"\n')
    shop.commit("another way back")
    shop.commit("and another release")
    problem = shop.rehearse(code=1, **({"DATABASE_URL": shop.words} if place == "environment" else {}))
    assert "DATABASE_URL: public.orders has 49 rows and had 50" in problem["message"]


@pytest.mark.parametrize("spelling", ["{words}", "postgres://bob@localhost:{port}/orders", "dbname=orders port={port} host={folder}"])
def test_the_real_database_is_known_under_every_name_that_leads_there(shop: Shop, spelling: str) -> None:
    shop.project.write("workaday.toml", CONFIG + 'keep_env = ["OLD_DSN"]\n')
    shop.commit("a hole")
    other = spelling.format(words=shop.words, port=shop.server.port, folder=shop.server.folder)
    problem = shop.rehearse(code=3, OLD_DSN=other)
    assert problem["code"] == "rehearse.isolation" and "a DSN in the environment" in problem["got"]
    # Another database on the same server is none of ours to judge.
    assert shop.rehearse(OLD_DSN=f"postgresql://shop@127.0.0.1:{shop.server.port}/shop")["level"] == 2


@pytest.mark.parametrize("place", ["url", "words"])
def test_level_3_refuses_a_database_on_a_socket_and_says_why(shop: Shop, place: str) -> None:
    folder, port = shop.server.folder, shop.server.port
    dsn = {"url": f"postgresql://clerk@/orders?host={folder}&port={port}", "words": f"host={folder} port={port} user=clerk dbname=orders"}[
        place
    ]
    assert shop.rehearse(DATABASE_URL=dsn)["passed"], "on level 2 a socket is as good as a port"
    shop.project.write("workaday.toml", CONFIG.replace("level = 2", "level = 3"))
    shop.commit("level 3")
    problem = shop.rehearse(code=3, DATABASE_URL=dsn)
    assert (
        problem["code"] == "rehearse.postgres"
        and "a server that is reached by a socket has the real database beside the copy" in problem["message"]
    )


@pytest.mark.parametrize(
    ("rollback", "says"),
    [
        ("true\n", "the schema of DATABASE_URL is not as it was"),
        (
            ROLLBACK + 'psql -qX "$DATABASE_URL" -c "DELETE FROM orders WHERE id = 7"\n',
            "DATABASE_URL: public.orders has 49 rows and had 50",
        ),
        (ROLLBACK + 'psql -qX "$DATABASE_URL" -c "TRUNCATE depot.shelves"\n', "DATABASE_URL: depot.shelves has 0 rows and had 1"),
    ],
    ids=["does nothing", "loses a row", "empties a table of another schema"],
)
def test_a_way_back_that_does_not_lead_back_fails_the_proof(shop: Shop, rollback: str, says: str) -> None:
    shop.project.write("rollback.sh", rollback)
    shop.commit("another way back")
    shop.commit("and another release")
    problem = shop.rehearse(code=1)
    assert problem["code"] == "rehearse.failed" and says in problem["message"], problem["message"]


@pytest.mark.parametrize("level", [1, 2])
def test_the_real_dsn_is_out_of_reach_from_its_level_on(shop: Shop, level: int) -> None:
    shop.project.write("workaday.toml", CONFIG.replace("level = 2", f"level = {level}"))
    trap = 'test -z "$OLD_DSN" || psql -qX "$OLD_DSN" -At -c "SELECT \'reached \' || current_database()"\n'
    shop.project.write("deploy.sh", DEPLOY + trap + 'psql -qX "$DATABASE_URL" -At -c "SELECT \'works on \' || current_database()"\n')
    shop.commit("a trap")
    # The same DSN by another name: nobody has said that it leads there.
    proof = shop.rehearse(OLD_DSN=shop.dsn, DATABASE_URL=shop.dsn)
    deploy = next(step for step in proof["steps"] if step["step"] == "deploy")["commands"][0]["tail"]
    assert "works on workaday_rehearsal_" in deploy, "the named variable leads to the copy on every level"
    stopped = {trap["trap"]: trap["stopped"] for trap in proof["traps"]}["a DSN in the environment"]
    assert ("reached orders" in deploy) == (level == 1) == (not stopped)
    assert proof["level"] == level


def test_a_variable_that_is_kept_and_leads_to_the_real_database_is_a_hole(shop: Shop) -> None:
    shop.project.write("workaday.toml", CONFIG + 'keep_env = ["OLD_DSN"]\n')
    shop.commit("a hole")
    problem = shop.rehearse(code=3, OLD_DSN=shop.dsn)
    assert problem["code"] == "rehearse.isolation" and "a DSN in the environment" in problem["got"]


def test_what_cannot_be_copied_is_said_and_leaves_nothing(shop: Shop) -> None:
    def refused(settings: str) -> str:
        shop.project.write("settings.env", settings)
        problem = shop.rehearse(code=3)
        assert problem["code"] == "rehearse.postgres"
        return problem["message"]

    assert "it is not set" in refused("COLOUR=red\n")
    assert "no DSN like" in refused("DATABASE_URL=mysql://db/orders\n")
    assert "nowhere" in refused(f"DATABASE_URL={shop.dsn.replace('/orders', '/nowhere')}\n")
    shop.server.psql("ALTER ROLE clerk NOCREATEDB")
    assert "permission denied" in refused(f"DATABASE_URL={shop.dsn}\n")
    shop.server.psql("ALTER ROLE clerk CREATEDB; CREATE TABLE secret (id int); REVOKE ALL ON secret FROM PUBLIC", "orders")
    try:
        assert "permission denied" in refused(f"DATABASE_URL={shop.dsn}\n")
    finally:
        shop.server.psql("DROP TABLE secret", "orders")
    shop.project.write("workaday.toml", CONFIG.replace("level = 2", "level = 3"))
    shop.commit("level 3")
    assert "level 3 has no network" in refused(f"DATABASE_URL={shop.dsn}\n")


def test_the_copy_that_a_killed_rehearsal_left_is_dropped_by_the_next(shop: Shop, tmp_path: Path) -> None:
    told, scratch = tmp_path / "told", tmp_path / "scratch"
    scratch.mkdir()
    shop.project.write("deploy.sh", f"touch {told}; exec sleep 600\n")
    shop.commit("never ends")
    killed = shop.project.start(program(), "rehearse", log="rehearse.log", TMPDIR=str(scratch))
    wait_until(told.exists, within=60, what="the deploy runs", seen=shop.project.tell)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    (left,) = [name for name in shop.server.databases() if name.startswith("workaday_rehearsal")]
    shop.project.write("deploy.sh", DEPLOY)
    shop.commit("ends")
    assert shop.rehearse(TMPDIR=str(scratch))["passed"]
    assert left not in shop.server.databases()
    assert not list(scratch.glob("workaday-rehearsal-*"))


def test_what_is_kept_is_kept_whole(shop: Shop) -> None:
    done = shop.project.workaday("rehearse", "--keep", within=120, TMPDIR=str(shop.project.root.parent))
    (name,) = [name for name in shop.server.databases() if name.startswith("workaday_rehearsal")]
    assert f"The database {name} stays too" in done.out
    assert shop.server.psql("SELECT count(*) FROM orders", name) == "50"
    shop.server.psql(f'DROP DATABASE "{name}"', "postgres")

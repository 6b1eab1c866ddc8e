"""Command tasks on the real program: exit codes, output, time, memory, and every way a process tries to get away."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Project, Supervisor, alive, children_of, command_line, processes_with, program, wait_until

WORKER = """
[worker]
grace = "300ms"
kill_after = "300ms"
"""

# What a command leaves behind for the test: its number, in a file whose name says what it is.
TELL = "echo $$ > {name}.part && mv {name}.part {name}"


def command(name: str, *run: str, **keys: str) -> str:
    lines = [f"[command.{name}]", f"run = {json.dumps(run)}", *(f"{key} = {value}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def script(name: str, text: str, **keys: str) -> str:
    return command(name, "sh", "-c", text, **keys)


@pytest.fixture
def commands(new_project: Callable[..., Project]) -> Callable[..., Project]:
    """A project of commands only: no application, and no Python to be found."""

    def make(*tables: str) -> Project:
        project = new_project()
        project.write("workaday.toml", WORKER + "".join(tables))
        project.extra_environment["WORKADAY_PYTHON"] = str(project.root / "there-is-no-python")
        return project

    return make


def up(project: Project) -> Supervisor:
    process = project.start(program(), "up", log="up-0.log")
    supervisor = Supervisor(project, process, project.root / "up-0.log", 0, 0)
    supervisor.wait_line("is up on")
    # The first turn states the commands.
    wait_until(lambda: project.one("SELECT count(*) FROM workaday_tasks WHERE present = 1"), within=5, what="the commands are stated")
    return supervisor


def enqueue(project: Project, name: str, *options: str) -> str:
    return project.workaday("enqueue", f"command.{name}", *options).out.split()[0]


def told(project: Project, name: str) -> int:
    """The number that a process of the test wrote down."""
    path = project.root / name
    return int(wait_until(lambda: path.exists() and path.read_text().strip(), within=10, what=f"the file {name}", seen=project.tell))


def error(project: Project, job: str) -> dict[str, object]:
    return json.loads(project.attempts(job)[-1]["error"])


def gone(pid: int) -> None:
    wait_until(lambda: not alive(pid), within=5, what=f"process {pid} ({command_line(pid)}) is gone")


# ---- exit codes and output ---------------------------------------------------------------------------------------


def test_a_command_runs_with_its_arguments_folder_and_environment_and_its_output_is_kept(commands) -> None:
    shown = 'pwd; echo "$GREETING, $1"; echo to-stderr >&2; cat; echo "$WORKADAY_ATTEMPT $WORKADAY_TOKEN."'
    project = commands(command("hello", "sh", "-c", shown, "sh", cwd='"below"', env='{ GREETING = "good day" }'))
    (project.root / "below").mkdir()
    project.extra_environment["WORKADAY_TOKEN"] = "secret"
    up(project)
    job = enqueue(project, "hello", "--args", '{"args": ["Ann O\'Hara; $(id)"]}')
    row = project.wait_state(job, "completed")
    assert json.loads(row["result"]) == {"exit_code": 0}
    assert project.outcomes(job) == ["completed"]
    lines = project.rows("SELECT stream, text FROM workaday_logs WHERE job = ? ORDER BY seq", row["key"])
    by_stream = {stream: [line["text"] for line in lines if line["stream"] == stream] for stream in ("stdout", "stderr")}
    assert by_stream["stdout"] == [str(project.root / "below"), "good day, Ann O'Hara; $(id)", "1 ."]
    assert by_stream["stderr"] == ["to-stderr"]


def test_a_failing_command_is_retried_and_says_its_last_words(commands) -> None:
    project = commands(script("three", "echo no such database >&2; exit 3", retry='{ attempts = 2, base = "10ms" }'))
    up(project)
    job = enqueue(project, "three")
    project.wait_state(job, "discarded")
    assert project.outcomes(job) == ["failed", "failed"]
    assert error(project, job)["message"] == "`sh` left with exit code 3: no such database"
    assert "exit code 3" in project.workaday("job", "show", job).out


def test_a_command_killed_by_a_signal_is_a_crash_with_its_cause(commands) -> None:
    project = commands(script("crash", "kill -SEGV $$", retry="{ attempts = 1 }"))
    up(project)
    job = enqueue(project, "crash")
    project.wait_state(job, "discarded")
    assert project.outcomes(job) == ["crashed"]
    assert json.loads(project.attempts(job)[0]["cause"])["signal"] == "SIGSEGV"


@pytest.mark.parametrize(
    ("run", "keys", "code"),
    [
        (["no-such-program"], {}, "command.not_found"),
        (["./plain.txt"], {}, "command.not_executable"),
        (["./no-interpreter"], {}, "command.not_executable"),
        (["true"], {"cwd": '"no/such/folder"'}, "command.folder_missing"),
    ],
)
def test_what_cannot_be_started_says_why_and_is_not_tried_again(commands, run: list[str], keys: dict[str, str], code: str) -> None:
    project = commands(command("broken", *run, **keys))
    project.write("plain.txt", "no program")
    project.write("no-interpreter", "#!/no/such/interpreter\n").chmod(0o700)
    up(project)
    job = enqueue(project, "broken")
    project.wait_state(job, "discarded")
    assert project.outcomes(job) == ["failed"]
    assert error(project, job)["type"] == code


def test_a_flood_of_output_is_bounded_and_its_end_is_kept(commands) -> None:
    project = commands(script("flood", "yes 0123456789 | head -c 20000000; printf 'the end'"))
    up(project)
    job = enqueue(project, "flood")
    row = project.wait_state(job, "completed", within=60)
    kept = project.one("SELECT sum(length(text)) FROM workaday_logs WHERE job = ?", row["key"])
    assert kept < 1_200_000
    assert "bytes left out here" in project.log_text(job)
    assert project.log_text(job).endswith("the end")


def test_lines_are_there_while_the_command_still_runs(commands) -> None:
    project = commands(script("slow", "echo first line; exec sleep 600"))
    up(project)
    job = enqueue(project, "slow")
    wait_until(lambda: "first line" in project.log_text(job), within=5, what="the line of a running command")
    assert project.job(job)["state"] == "running"


# ---- time, memory, people ----------------------------------------------------------------------------------------


def test_a_command_and_a_child_that_ignore_term_end_at_their_timeout(commands) -> None:
    child = "trap '' TERM; " + TELL.format(name="child").replace("$$", "\\$\\$") + "; while :; do sleep 1; done"
    deaf = f"trap '' TERM; sh -c \"{child}\" & wait; wait"
    project = commands(script("deaf", deaf, timeout='"400ms"', retry="{ attempts = 1 }"))
    up(project)
    job = enqueue(project, "deaf")
    child = told(project, "child")
    project.wait_state(job, "discarded")
    assert project.outcomes(job) == ["timed_out"]
    gone(child)


def test_a_command_over_its_memory_is_ended_with_its_children_counted(commands) -> None:
    # The shell is small; what it starts is not.
    hog = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(4 << 20)); time.sleep(0.01)"
    project = commands(script("hog", f"{sys.executable} -c '{hog}'; true", memory='"96M"', retry="{ attempts = 1 }"))
    up(project)
    job = enqueue(project, "hog")
    project.wait_state(job, "discarded", within=30)
    assert project.outcomes(job) == ["over_memory"]


def test_a_cancel_by_hand_stops_a_running_command(commands) -> None:
    project = commands(script("long", TELL.format(name="long") + "; exec sleep 600"))
    up(project)
    job = enqueue(project, "long")
    pid = told(project, "long")
    project.workaday("job", "cancel", job)
    project.wait_state(job, "cancelled")
    gone(pid)


def test_a_drain_gives_a_running_command_back_without_spending_its_attempt(commands) -> None:
    project = commands(script("long", TELL.format(name="long") + "; exec sleep 600"))
    supervisor = up(project)
    job = enqueue(project, "long")
    pid = told(project, "long")
    assert supervisor.stop() == 0
    gone(pid)
    row = project.job(job)
    assert (row["state"], row["attempt"]) == ("available", 0)


# ---- those that try to get away ----------------------------------------------------------------------------------

ESCAPES = {
    "a session of its own": "setsid sh -c '" + TELL.format(name="escaped") + "; exec sleep 600' &",
    "a double fork": "(setsid sh -c '" + TELL.format(name="escaped") + "; exec sleep 600' >/dev/null 2>&1 </dev/null &) &",
    "a double fork without our mark": "(env -i /bin/sh -c 'setsid /bin/sh -c \""
    + TELL.format(name="escaped").replace("$$", "\\$\\$")
    + "; exec sleep 600\" &') &",
}


@pytest.mark.parametrize("way", ESCAPES)
def test_what_a_command_leaves_behind_is_ended_with_it(commands, way: str) -> None:
    project = commands(script("leaves", ESCAPES[way] + " while [ ! -e escaped ]; do sleep 0.01; done; exit 0"))
    up(project)
    job = enqueue(project, "leaves")
    project.wait_state(job, "completed")
    gone(told(project, "escaped"))
    assert "outlived it and were ended" in project.log_text(job)


@pytest.mark.parametrize("way", ESCAPES)
def test_a_killed_supervisor_leaves_nothing_and_the_job_is_rescued(commands, way: str) -> None:
    project = commands(script("leaves", f"echo $$ >> runs; [ $(wc -l < runs) = 2 ] && exit 0; {ESCAPES[way]} exec sleep 600"))
    supervisor = up(project)
    job = enqueue(project, "leaves")
    escaped = told(project, "escaped")
    first = int((project.root / "runs").read_text().split()[0])
    assert alive(first)
    supervisor.kill()
    gone(first)
    gone(escaped)
    up(project)
    project.wait_state(job, "completed")
    assert project.outcomes(job) == ["rescued", "completed"]
    assert project.job(job)["attempt"] == 1


def blocked_signals(pid: int) -> int:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigBlk:")]
    return int(line.split()[1], 16)


def shim_of(supervisor: Supervisor) -> int:
    [shim] = [pid for pid in children_of(supervisor.pid) if "command-shim" in command_line(pid)]
    return shim


def test_a_killed_shim_takes_its_command_along_and_the_job_is_tried_again(commands) -> None:
    run = f"{TELL.format(name='first')}; [ -e again ] && exit 0; touch again; exec sleep 600"
    project = commands(script("long", run, retry='{ attempts = 2, base = "10ms" }'))
    supervisor = up(project)
    job = enqueue(project, "long")
    first = told(project, "first")
    wait_until((project.root / "again").exists, within=5, what="the first run is past its marker")
    os.kill(shim_of(supervisor), signal.SIGKILL)
    gone(first)
    project.wait_state(job, "completed")
    assert project.outcomes(job) == ["crashed", "completed"]


def test_the_shim_holds_the_lock_that_the_next_supervisor_waits_for_and_the_command_does_not(commands) -> None:
    project = commands(script("long", TELL.format(name="long") + "; exec sleep 600"))
    supervisor = up(project)
    enqueue(project, "long")
    pid = told(project, "long")
    lock = f"{project.database}-children"
    opened = {who: {os.readlink(fd) for fd in Path(f"/proc/{who}/fd").iterdir()} for who in (shim_of(supervisor), pid)}
    assert lock in opened[shim_of(supervisor)]
    assert all(str(project.root) not in path for path in opened[pid]), "a command inherits no file of ours"
    assert blocked_signals(pid) == 0


def test_a_stopped_supervisor_does_not_keep_a_command_past_its_deadline(commands) -> None:
    project = commands(script("long", TELL.format(name="long") + "; exec sleep 600", timeout='"300ms"', retry="{ attempts = 1 }"))
    supervisor = up(project)
    job = enqueue(project, "long")
    pid = told(project, "long")
    os.kill(supervisor.pid, signal.SIGSTOP)
    gone(pid)
    os.kill(supervisor.pid, signal.SIGCONT)
    project.wait_state(job, "discarded")
    assert project.outcomes(job) == ["timed_out"]


def test_nothing_of_a_finished_command_is_left_in_the_process_table(commands) -> None:
    project = commands(script("quick", "exit 0"))
    supervisor = up(project)
    jobs = [enqueue(project, "quick") for _ in range(5)]
    for job in jobs:
        project.wait_state(job, "completed")
    assert children_of(supervisor.pid) == []
    assert [pid for pid in processes_with(f"EFFECTS={project.effects_file}") if pid != supervisor.pid] == []


# ---- beside Python, and on the surface ---------------------------------------------------------------------------


def test_commands_and_tasks_of_the_application_live_side_by_side(new_project: Callable[..., Project]) -> None:
    project = new_project(config=WORKER + script("hello", "echo hello"))
    project.write(
        "jobs.py", "from workaday import App\n\napp = App('jobs')\n\n\n@app.task\ndef add(a: int, b: int) -> int:\n    return a + b\n"
    )
    project.up().wait_children()
    [job] = project.enqueue("add.enqueue(1, 2)")
    project.wait_state(job, "completed")
    project.wait_state(enqueue(project, "hello"), "completed")
    listed = project.workaday("task", "list", "--json").json
    assert {"command.hello", "jobs.add"} <= {task["name"] for task in (listed["tasks"] if isinstance(listed, dict) else listed)}


def test_a_reload_brings_commands_and_takes_them_away(commands) -> None:
    project = commands(script("old", "echo old"))
    supervisor = up(project)
    project.write("workaday.toml", WORKER + script("new", "echo new"))
    supervisor.process.send_signal(signal.SIGHUP)
    supervisor.wait_line("read again")
    wait_until(lambda: project.one("SELECT present FROM workaday_tasks WHERE name = 'command.new'"), within=5, what="the new command")
    project.wait_state(enqueue(project, "new"), "completed")
    assert project.one("SELECT present FROM workaday_tasks WHERE name = 'command.old'") == 0


def test_a_reload_states_schedules_whole_or_not_at_all(commands) -> None:
    project = commands(script("hello", "echo hello"))
    supervisor = up(project)
    stated = "SELECT name, state, json_extract(declared, '$.cron[0]') AS cron FROM workaday_schedules ORDER BY name"
    assert project.rows(stated) == []

    def written(config: str) -> None:
        project.write("workaday.toml", WORKER + config)
        supervisor.process.send_signal(signal.SIGHUP)

    nightly = '[schedules.nightly]\ntask = "command.hello"\ncron = "0 3 * * *"\ntz = "UTC"\n'
    written(script("hello", "echo hello", schedule='"* * * * * *"') + nightly)
    wait_until(lambda: len(project.rows(stated)) == 2, within=5, what="both schedules", seen=project.tell)
    wait_until(
        lambda: project.one("SELECT count(*) FROM workaday_finished WHERE schedule = 'command.hello' AND state = 'completed'"),
        within=10,
        what="the job of a tick",
        seen=project.tell,
    )
    written(script("hello", "echo hello") + nightly.replace("0 3", "0 99"))
    supervisor.wait_line("the old one goes on")
    assert [row["state"] for row in project.rows(stated)] == ["active", "active"], "nothing of it was taken over"
    written(script("hello", "echo hello") + nightly.replace("0 3", "0 4"))
    expected = [("command.hello", "absent"), ("nightly", "active")]
    wait_until(lambda: [(row["name"], row["state"]) for row in project.rows(stated)] == expected, within=5, what="the schedule is gone")
    assert project.rows(stated)[1]["cron"] == "0 4 * * *"


def test_a_command_is_shown_and_refuses_arguments_that_do_not_fit(commands) -> None:
    project = commands(script("hello", "true", owner='"ops@shop.example"', expects='"a greeting"'))
    up(project)
    shown = project.workaday("task", "show", "command.hello").out
    assert "ops@shop.example" in shown and "runs command" in shown and "sh -c true" in shown
    refused = project.workaday("enqueue", "command.hello", "--args", '{"args": "x"}', code=None)
    assert refused.code != 0 and "args.invalid" in refused.err


def test_a_command_given_as_text_is_refused_with_the_list_to_write(commands) -> None:
    project = commands('[command.backup]\nrun = "pg_dump shop"\n')
    refused = project.run(program(), "up", code=2)
    assert 'one item a word, no shell: ["pg_dump", "shop"]' in refused.err


def test_the_program_that_runs_need_not_be_on_the_disk_any_more(commands, tmp_path: Path) -> None:
    """An upgrade replaces the program while it runs: the shim is the same build as its supervisor."""
    project = commands(script("hello", "echo hello"))
    copy = tmp_path / "workaday"
    copy.write_bytes(Path(program()).read_bytes())
    copy.chmod(0o700)
    process = project.start(str(copy), "up", log="up-0.log")
    Supervisor(project, process, project.root / "up-0.log", 0, 0).wait_line("is up on")
    wait_until(lambda: project.one("SELECT count(*) FROM workaday_tasks"), within=5, what="the commands are stated")
    copy.unlink()
    project.wait_state(enqueue(project, "hello"), "completed")

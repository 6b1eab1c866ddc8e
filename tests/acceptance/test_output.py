"""What a job prints and logs is kept with its attempt, and no more than is bearable."""

from __future__ import annotations

from harness import Project

JOBS = """
    import asyncio, logging, os, subprocess, sys
    from workaday import App, Retry
    from effects import effect

    app = App("output")
    logger = logging.getLogger("shop.mail")

    @app.task
    def talks(n: int) -> None:
        print("printed", n)
        print("to stderr", n, file=sys.stderr)
        logger.warning("logged %d", n)

    @app.task
    async def talks_async(n: int) -> None:
        print("before", n)
        await asyncio.sleep(0.01)
        print("after", n)

    @app.task
    def raw() -> None:
        os.write(1, b"raw bytes \\xff here\\n")
        subprocess.run(["echo", "from a program"], check=True)

    @app.task
    def flood(megabytes: int) -> str:
        line = "x" * 1023
        for _ in range(megabytes * 1024):
            print(line)
        return "said it all"

    @app.task
    def one_endless_line() -> None:
        sys.stdout.write("y" * (8 << 20))

    @app.task(retry=Retry(attempts=1))
    def last_words() -> None:
        print("just before the end")
        sys.stdout.flush()
        os._exit(1)

    @app.task
    def good(n: int) -> int:
        return n
"""

LOG_BYTES_MAX = 4 << 20
"""No attempt may fill the store: what is beyond the bound is counted and dropped."""


def test_a_backlog_does_not_hide_what_was_printed(project: Project) -> None:
    """`logs` looked at the newest jobs only: with 200 of them waiting it said that none had printed anything."""
    project.write("jobs.py", JOBS)
    supervisor = project.up()
    [job] = project.enqueue("talks.enqueue(7)")
    project.wait_state(job, "completed")
    supervisor.stop()
    project.enqueue("[good.enqueue(n) for n in range(201)]")
    assert "printed 7" in project.workaday("logs").out
    assert "It printed nothing" not in project.workaday("job", "logs", job).out


def test_print_stderr_and_logging_are_kept_with_the_attempt(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    [job] = project.enqueue("talks.enqueue(7)")
    project.wait_state(job, "completed")
    rows = project.rows("SELECT * FROM workaday_logs WHERE job = ? ORDER BY seq", project.job(job)["key"])
    seen = {(row["stream"], row["text"].rstrip("\n")) for row in rows}
    assert {("stdout", "printed 7"), ("stderr", "to stderr 7"), ("log", "logged 7")} <= seen
    [logged] = [row for row in rows if row["stream"] == "log"]
    assert logged["logger"] == "shop.mail"


def test_lines_of_jobs_that_share_a_loop_go_to_the_right_job(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    jobs = project.enqueue("[talks_async.enqueue(n) for n in range(20)]")
    for n, job in enumerate(jobs):
        project.wait_state(job, "completed")
        assert project.log_text(job).split() == ["before", str(n), "after", str(n)]


def test_bytes_past_python_are_kept_too(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    [job] = project.enqueue("raw.enqueue()")
    project.wait_state(job, "completed")
    [probe] = project.enqueue("good.enqueue(1)")
    project.wait_state(probe, "completed")
    text = "\n".join(row["text"] for row in project.rows("SELECT text FROM workaday_logs")) + "".join(
        path.read_text(errors="replace") for path in project.root.glob("up-*.log")
    )
    assert "raw bytes" in text
    assert "from a program" in text


def test_a_flood_is_bounded_and_counted_and_the_job_completes(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    [job] = project.enqueue("flood.enqueue(32)")
    [good] = project.enqueue("good.enqueue(1)")
    project.wait_state(good, "completed")
    project.wait_state(job, "completed", within=60)
    kept = project.one("SELECT sum(length(text)) FROM workaday_logs WHERE job = ?", project.job(job)["key"])
    assert 0 < kept <= LOG_BYTES_MAX
    assert project.attempts(job)[0]["log_dropped_bytes"] > 0


def test_a_line_without_end_is_cut(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    [job] = project.enqueue("one_endless_line.enqueue()")
    project.wait_state(job, "completed")
    longest = project.one("SELECT max(length(text)) FROM workaday_logs WHERE job = ?", project.job(job)["key"])
    assert longest is None or longest <= 64 * 1024


def test_last_words_before_a_crash_are_kept(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.up()
    [job] = project.enqueue("last_words.enqueue()")
    project.wait_state(job, "discarded")
    assert "just before the end" in project.log_text(job)


def test_an_answer_about_nothing_says_that_nobody_has_looked(project: Project) -> None:
    project.write("jobs.py", JOBS)
    project.write("workaday.toml", "")  # the app is named on the command line of `up` only
    project.up().wait_children()
    assert "The code was not looked at" in project.workaday("schedule", "diff").out
    assert "not looked at" not in project.workaday("schedule", "diff", "--app", "jobs:app").out
    assert "No release has a note yet" in project.workaday("notes").out
    assert "No note has these words" in project.workaday("notes", "zebra").out

"""Who is told: webhooks and mail that arrive, pings of schedules and commands, and jobs that never notice any of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
from email import message_from_string

import reached
from harness import Project, wait_until
from receiver import http_receiver, mail_receiver

JOBS = """
    from effects import effect
    from workaday import App, Retry

    app = App("shop")

    @app.task(retry=Retry(attempts=1), owner="data@shop.example", expects="one row per store", rollback="delete the day's rows", retry_safe=True)
    def report(store: str) -> None:
        raise ValueError(f"no rows for {store}")

    @app.task
    def fine() -> None:
        effect("fine")
"""


def configure(project: Project, text: str) -> None:
    project.write("workaday.toml", 'app = "jobs:app"\n[worker]\nprocesses = 1\ngrace = "2s"\n' + text)


def route(url: str, more: str = "") -> str:
    return f'[alerts]\nallow_http = true\nallow_private = true\n[alerts.ops]\nwebhook = "{url}/hook"\ngroup = "1s"\n{more}\n'


def test_a_discarded_job_is_told_once_with_all_that_is_known(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with http_receiver() as receiver:
        configure(project, route(receiver.url, 'secret = "env:WORKADAY_SECRET_OPS"\n[web]\npublic_url = "https://jobs.shop.example/"'))
        up = project.up(WORKADAY_SECRET_OPS="s3cret")
        job, *_ = project.enqueue('[report.enqueue("Lisbon") for _ in range(3)]')
        got = receiver.wait()[0]
        project.wait_all_finished()
        told = got.json
        assert (told["code"], told["kind"], told["task"], told["owner"]) == ("job.discarded", "raised", "shop.report", "data@shop.example")
        assert (told["expects"], told["rollback"], told["retry_safe"]) == ("one row per store", "delete the day's rows", True)
        assert told["got"] == "ValueError: no rows for Lisbon"
        assert told["link"] == f"https://jobs.shop.example/jobs/{told['job_id']}"
        assert got.headers["workaday-id"] == told["id"]
        seconds, signature = (part.partition("=")[2] for part in got.headers["workaday-signature"].split(","))
        assert hmac.new(b"s3cret", f"{seconds}.".encode() + got.body, hashlib.sha256).hexdigest() == signature
        counted = wait_until(
            lambda: project.one("SELECT sum(count) FROM workaday_notices") == 3, within=15, what="three told or gathered", seen=project.tell
        )
        assert counted and len(receiver.got) == 1, "what is alike is one notice, or waits for the silence to end"
        # The matter is closed by a person: all is well again.
        alert = project.workaday("alert", "list", "--json").json[0]
        assert (alert["code"], alert["count"]) == ("job.discarded", 3)
        project.workaday("alert", "close", str(alert["number"]), "--reason", "seen")
        assert receiver.wait(2)[1].json["kind"] == "closed"
        assert project.workaday("alert", "list", "--json").json == []
        assert project.one("SELECT action || ' ' || target FROM workaday_audit") == f"close alert {alert['number']}"
        again = project.workaday("alert", "close", str(alert["number"]), code=3)
        assert "alert.not_found" in again.err
        deliveries = project.workaday("alert", "deliveries", "--json").json["notices"]
        assert {row["state"] for row in deliveries} <= {"sent", "dropped"} and job
        assert up.stop() == 0
        assert "s3cret" not in up.output()


def test_a_receiver_that_fails_hears_it_later_and_jobs_do_not_wait(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with http_receiver(status=503) as receiver:
        configure(project, route(receiver.url))
        up = project.up()
        project.enqueue('report.enqueue("Lisbon")')
        first = receiver.wait()[0]
        project.enqueue("[fine.enqueue() for _ in range(20)]")
        project.wait_effect("fine", 20)
        failing = wait_until(
            lambda: project.workaday("alert", "deliveries", "--failing", "--json").json["notices"],
            within=10,
            what="the failure",
            seen=project.tell,
        )
        assert (failing[0]["state"], failing[0]["last_error"]) == ("waiting", "answered 503: ok")
        up.kill()
        receiver.status = 200
        project.up()
        second = receiver.wait(2, within=30)[1]
        assert second.json["id"] == first.json["id"], "the same notice, known by its id"
        assert second.body == first.body


def test_inner_addresses_redirects_and_plain_http_are_refused(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with http_receiver(status=302, location="http://127.0.0.1:1/") as receiver:
        for allowed, said in [
            ("", "only https:// is sent to"),
            ("allow_http = true", "127.0.0.1 is a loopback address"),
            ("allow_http = true\nallow_private = true", "redirects are not followed"),
        ]:
            configure(project, f'[alerts]\n{allowed}\n[alerts.ops]\nwebhook = "env:HOOK"\n')
            refused = project.workaday("alert", "test", "ops", code=1, HOOK=f"{receiver.url}/s3cret-path")
            assert said in refused.out and "alert.not_sent" in refused.out
            assert "s3cret-path" not in refused.out + refused.err
        assert len(receiver.got) == 1, "only the last was let out, and its redirect was not followed"
        receiver.status, receiver.location = 204, None
        assert "answered 204" in project.workaday("alert", "test", "ops", HOOK=receiver.url).out
        assert (receiver.got[-1].json["kind"], receiver.got[-1].json["code"]) == ("test", "alert.test")
        reached.note(receiver.got[-1].json["code"])
        unknown = project.workaday("alert", "test", "opps", code=3)
        assert "alert.unknown" in unknown.err and "did you mean `ops`?" in unknown.err


def test_a_mail_arrives_with_what_a_person_needs(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with mail_receiver() as (port, messages):
        configure(
            project,
            f'[alerts]\nsmtp = "smtp://127.0.0.1:{port}"\nfrom = "workaday@shop.example"\n[alerts.ops]\nemail = "ops@shop.example"\ngroup = "0s"\non = ["discarded"]\n',
        )
        up = project.up()
        project.enqueue('report.enqueue("Lisbon\\r\\nBcc: all@shop.example")')
        wait_until(lambda: messages, within=20, what="a mail", seen=project.tell)
        mail = message_from_string(messages[0])
        assert (mail["To"], mail["From"], mail["Bcc"]) == ("ops@shop.example", "workaday@shop.example", None)
        assert mail["Subject"].startswith("[workaday jobs:app] shop.report job")
        text = mail.get_payload(decode=True).decode()
        for line in [
            "Owner: data@shop.example",
            "There should be: one row per store",
            "Undo: delete the day's rows",
            "its owner says that it may run twice",
        ]:
            assert line in text
        up.stop()


def test_a_changed_receiver_holds_after_sighup(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with http_receiver() as receiver:
        configure(project, "")
        up = project.up()
        up.wait_line("is up on")
        configure(project, route(receiver.url))
        up.process.send_signal(signal.SIGHUP)
        up.wait_line("who is told of alerts was read again")
        project.enqueue('report.enqueue("Lisbon")')
        assert receiver.wait()[0].json["code"] == "job.discarded"


def test_a_word_that_is_no_alert_is_refused_and_a_secret_is_not_repeated(project: Project) -> None:
    configure(project, '[alerts.ops]\nwebhook = "https://hooks.example/x"\non = ["discared"]\n')
    refused = project.workaday("status", code=2)
    assert "config.impossible_value" in refused.err and "did you mean `discarded`?" in refused.err
    configure(project, '[alerts.ops]\nwebhook = "https://hooks.example/x"\nsecret = "hunter2"\n')
    refused = project.workaday("status", code=2)
    assert "env:NAME" in refused.err and "hunter2" not in refused.err
    configure(project, '[alerts.ops]\nemail = "ops@shop.example"\n')
    assert "there is no mail server" in project.workaday("status", code=2).err


PINGED = """
    import os
    from effects import effect
    from workaday import App, Retry, cron

    app = App("shop")
    HC = os.environ["HC"]

    @app.task(retry=Retry(attempts=1), schedule=cron("* * * * * *", catch_up="none", ping=HC + "/from-code-s3cret"))
    def beat() -> None:
        print("all rows counted")
        if os.path.exists("broken"):
            raise ValueError("no rows")
        effect("beat")
"""


def test_a_schedule_tells_its_start_its_success_and_its_failure(project: Project) -> None:
    project.write("jobs.py", PINGED)
    with http_receiver() as receiver:
        configure(project, "[alerts]\nallow_http = true\nallow_private = true\n")
        project.extra_environment["HC"] = receiver.url
        up = project.up()
        project.wait_effect("beat", 2)
        receiver.wait(4)
        start = next(got for got in receiver.got if "/start?" in got.path)
        run = start.path.partition("rid=")[2]
        success = wait_until(
            lambda: [got for got in receiver.got if got.path == f"/from-code-s3cret?rid={run}"], within=10, what="its success"
        )
        assert success[0].body == b"all rows counted"
        assert project.job(run)["state"] == "completed", "the run id is the id of the job"
        (project.root / "broken").touch()
        failed = wait_until(lambda: [got for got in receiver.got if "/fail?" in got.path], within=15, what="a failure", seen=project.tell)
        assert failed[0].body.decode().endswith("ValueError: no rows")
        shown = project.workaday("schedule", "list", "--json")
        assert "s3cret" not in shown.out and shown.json[0]["declared"]["ping"] == f"{receiver.url}/…"
        assert "s3cret" not in project.workaday("task", "show", "shop.beat", "--json").out
        assert "s3cret" not in project.workaday("alert", "deliveries", "--json").out
        up.stop()
        assert "s3cret" not in up.output()
        paths = [path for path in receiver.paths() if run in path]
        assert [path.partition("?")[0] for path in paths] == ["/from-code-s3cret/start", "/from-code-s3cret"], "in order, each once"


def test_a_command_pings_also_when_run_by_hand_and_a_dead_receiver_delays_nothing(project: Project) -> None:
    project.write("jobs.py", JOBS)
    with http_receiver() as receiver:
        configure(
            project,
            "[alerts]\nallow_http = true\nallow_private = true\n"
            f'[command.backup]\nrun = ["/bin/echo", "saved"]\nping = "{receiver.url}/backup"\n'
            '[command.deaf]\nrun = ["/bin/echo", "saved"]\nping = "http://127.0.0.1:1/deaf"\n',
        )
        up = project.up()
        wait_until(
            lambda: "command.deaf" in project.workaday("task", "list", code=None).out, within=15, what="the commands", seen=project.tell
        )
        deaf = project.workaday("enqueue", "command.deaf", "--json").json["id"]
        backup = project.workaday("enqueue", "command.backup", "--json").json["id"]
        project.wait_state(deaf, "completed")
        project.wait_state(backup, "completed")
        receiver.wait(2)
        assert receiver.paths() == [f"/backup/start?rid={backup}", f"/backup?rid={backup}"]
        assert receiver.got[1].body == b"saved"
        failing = project.workaday("alert", "deliveries", "--failing", "--json").json["pings"]
        assert {row["name"] for row in failing} == {"command.deaf"} and "/deaf" not in json.dumps(failing)
        up.stop()


CRONTAB = """\
MAILTO=ops@shop.example
30 2 * * *  cd /srv/shop && ./venv/bin/python manage.py clearsessions
*/20 * * * * /usr/local/bin/poll --fast > /dev/null 2>&1
0,30 2 * * 0 /opt/bill
@reboot /usr/bin/warm
0 5 * * FRI-MON /opt/odd
"""


def test_a_crontab_is_proposed_with_both_timetables_and_the_proposal_loads(project: Project) -> None:
    project.write("crontab", CRONTAB)
    before = (project.root / "workaday.toml").read_bytes()
    found = project.workaday("import", "crontab", "crontab", "--tz", "Europe/Berlin", "--after", "2026-10-01T00:00:00Z", "--json").json
    sessions, poll, bill, odd = found["commands"]
    assert sessions["month"]["cron_count"] == sessions["month"]["workaday_count"] == 30
    assert sessions["month"]["differences"] == [] == poll["month"]["differences"]
    assert [change["date"] for change in poll["clock_changes"]] == ["2026-10-25", "2027-03-28"]
    assert all(change["runs"]["differences"] == [] for entry in (sessions, poll) for change in entry["clock_changes"])
    # Both named times fall into the gap: cron starts two runs at once, here they are one tick.
    assert [one["who"] for one in bill["clock_changes"][1]["runs"]["differences"]] == ["cron more than once"]
    assert odd["refused"] and found["left"][0]["line"] == 5 and "systemd" in found["left"][0]["why"]
    taken = "\n".join(entry["toml"] for entry in found["commands"] if not entry["refused"])
    shown = project.workaday("import", "crontab", "crontab", "--tz", "Europe/Berlin").out
    assert "it needs a shell (a redirection)" in shown and "@reboot is no time" in shown and "Nothing was changed" in shown
    assert (project.root / "workaday.toml").read_bytes() == before
    project.write("jobs.py", JOBS)
    configure(project, taken)
    up = project.up()
    up.wait_line("is up on")
    wait_until(lambda: len(project.rows("SELECT 1 FROM workaday_schedules")) == 3, within=15, what="its schedules", seen=project.tell)
    names = {row["name"]: row["state"] for row in project.rows("SELECT name, state FROM workaday_schedules")}
    assert names == {"command.manage": "active", "command.poll": "active", "command.bill": "active"}
    up.stop()
    missing = project.workaday("import", "crontab", "no-such-file", code=1)
    assert "import.unreadable" in missing.err

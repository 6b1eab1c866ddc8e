//! The program, run as a user runs it, against a store in a temporary folder.

mod support;

use serde_json::json;
use support::Project;
use workaday_core::clock::Length;
use workaday_core::job::{Fence, Generation, HeldCode, Lane};
use workaday_store::sqlite::read::open_reader;
use workaday_store::{LogLine, Store};

#[test]
fn without_a_store_each_command_says_what_would_make_one() {
    let project = Project::empty();
    for command in [&["status"][..], &["job", "list"], &["task", "list"], &["enqueue", "shop.send"], &["prune"], &["logs"]] {
        let ended = project.refused(command, 3, "store.missing");
        assert!(ended.err.contains("workaday up"), "{ended:?}");
    }
    assert!(!project.folder.path().join(".workaday").exists(), "looking makes nothing");
}

#[test]
fn a_store_that_is_not_there_is_told_with_who_named_its_place() {
    let project = Project::empty();
    let said = |arguments: &[&str]| project.refused(arguments, 3, "store.missing").err;
    assert!(said(&["status"]).contains("the default place: no `database` in workaday.toml"));
    assert!(said(&["status", "--database", "elsewhere.db"]).contains("the place named by --database"));
    std::fs::write(project.folder.path().join("workaday.toml"), "app = \"jobs:app\"\ndatabase = \"sqlite:///shop.db\"\n").expect("written");
    assert!(said(&["status"]).contains("workaday.toml:2"));
}

#[test]
fn an_enqueue_is_judged_by_the_catalogue() {
    let project = Project::with_store();
    let id = project.enqueue(r#"{"order_id": 42, "copy": true}"#);
    let shown = project.ok(&["job", "show", &id, "--json"]).json();
    assert_eq!((&shown["task"], &shown["queue"], &shown["state"]), (&json!("shop.send"), &json!("mail"), &json!("available")));
    assert_eq!(shown["args"], json!({"order_id": 42, "copy": true}));
    let near = project.refused(&["enqueue", "shop.sned"], 3, "task.unknown");
    assert!(near.err.contains("did you mean `shop.send`?"), "{near:?}");
    let far = project.refused(&["enqueue", "shop.nightly_report"], 3, "task.unknown");
    assert!(far.err.contains("a task that is new is known once `workaday up` was started with its code"), "{far:?}");
    let misfit = project.refused(&["enqueue", "shop.send", "--args", r#"{"order_id": "abc"}"#], 2, "args.invalid");
    assert!(misfit.err.contains("`order_id` is \"abc\"\n  expected: an integer"), "{misfit:?}");
    project.refused(&["enqueue", "shop.send", "--args", r#"{"order_id": NaN}"#], 2, "args.invalid");
    project.refused(&["enqueue", "shop.send", "--args", r#"{"order_id": 1}"#, "--queue", "mial"], 3, "queue.unknown");
    for value in [["--delay", "soon"], ["--at", "tomorrow"], ["--id", "42"], ["--priority", "101"], ["--expires", "5"]] {
        project.refused(&["enqueue", "shop.send", "--args", r#"{"order_id": 1}"#, value[0], value[1]], 2, "usage.value");
    }
    assert_eq!(project.ok(&["job", "list", "--json"]).json().as_array().unwrap().len(), 1, "nothing of all that was stored");
}

#[test]
fn arguments_may_come_from_standard_input() {
    let project = Project::with_store();
    let ended = project.run_with_input(&["enqueue", "shop.send", "--args", "-", "--json"], r#"{"order_id": 7}"#);
    assert_eq!(ended.json()["new"], true);
}

#[test]
fn the_same_id_twice_is_one_job() {
    let project = Project::with_store();
    let id = "019ad000-0000-7000-8000-000000000001";
    let again = ["enqueue", "shop.sweep", "--id", id, "--json"];
    assert_eq!(project.ok(&again).json()["new"], true);
    assert_eq!(project.ok(&again).json()["new"], false);
}

#[test]
fn a_unique_key_is_one_unfinished_job() {
    let project = Project::with_store();
    let enqueue = ["enqueue", "shop.sweep", "--unique", "nightly"];
    let first = project.ok(&enqueue).out.trim().to_owned();
    assert_eq!(project.ok(&enqueue).out.trim(), format!("{first}  (holds this unique key; nothing was added)"));
    let again = project.ok(&[&enqueue[..], &["--json"]].concat()).json();
    assert_eq!((again["id"].as_str(), &again["new"]), (Some(&*first), &json!(false)));
    let taken = project.refused(&[&enqueue[..], &["--on-conflict", "error"]].concat(), 3, "enqueue.unique_taken");
    assert!(taken.err.contains(&first) && taken.err.contains("(available)"), "{taken:?}");
    assert_eq!(
        project.ok(&["job", "show", &first, "--json"]).json()["unique_key"],
        "shop.sweep key=nightly",
        "as the Python client writes it"
    );
    project.ok(&["job", "cancel", &first]);
    let second = project.ok(&[&enqueue[..], &["--while", "waiting", "--json"]].concat()).json();
    assert_eq!(second["new"], true, "a finished job holds no key");
    let retaken = project.refused(&["job", "retry", &first], 3, "job.unique_taken");
    assert!(retaken.err.contains("nothing was changed"), "{retaken:?}");
    project.refused(&["enqueue", "shop.sweep", "--unique", ""], 2, "usage.value");
    for slip in [&["--while", "waiting"][..], &["--unique", "x", "--while", "always"]] {
        assert_eq!(project.run(&[&["enqueue", "shop.sweep"], slip].concat()).code, 2, "{slip:?}");
    }
}

#[test]
fn jobs_are_found_by_a_word_they_were_given() {
    let project = Project::with_store();
    let tagged = project.ok(&["enqueue", "shop.sweep", "--tag", "import", "--tag", "spring"]).out.trim().to_owned();
    project.ok(&["enqueue", "shop.sweep", "--tag", "importer"]);
    let listed = project.ok(&["job", "list", "--tag", "import", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect::<Vec<_>>(), [tagged.as_str()]);
    assert!(project.ok(&["job", "show", &tagged]).out.contains("import, spring\n"));
    let chosen = project.ok(&["job", "cancel", "--tag", "import", "--dry-run"]).out;
    assert!(chosen.starts_with(&format!("Cancel {tagged} ")), "{chosen}");
}

#[test]
fn without_a_key_equal_arguments_are_one_job() {
    let project = Project::with_store();
    let enqueue = |args: &str| project.ok(&["enqueue", "shop.send", "--args", args, "--unique", "--json"]).json();
    let first = enqueue(r#"{"order_id": 7, "note": "a"}"#);
    assert_eq!(enqueue(r#"{"note":"a","order_id":7}"#)["id"], first["id"], "the order of the names is no difference");
    assert_eq!(enqueue(r#"{"order_id": 8, "note": "a"}"#)["new"], true);
}

#[test]
fn a_waiting_holder_of_the_key_is_replaced_and_a_running_one_is_not() {
    let project = Project::with_store();
    let replace = ["enqueue", "shop.sweep", "--unique", "nightly", "--on-conflict", "replace"];
    let first = project.ok(&replace).out.trim().to_owned();
    let second = project.ok(&replace).out.trim().to_owned();
    assert_ne!(first, second);
    let shown = project.ok(&["job", "show", &first, "--json"]).json();
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("cancelled"), &json!("replaced")));
    project.write(|store, now| {
        let candidate = store.claimable(Lane::Async, "default", now, 1).unwrap().remove(0);
        store.claim(candidate.key, Generation(1), None, now).unwrap().expect("it waits");
    });
    let taken = project.refused(&replace, 3, "enqueue.unique_taken");
    assert!(taken.err.contains(&second) && taken.err.contains("--while waiting"), "{taken:?}");
}

#[test]
fn a_job_is_cancelled_retried_and_explained() {
    let project = Project::with_store();
    let id = project.ok(&["enqueue", "shop.sweep", "--delay", "1h"]).out.trim().to_owned();
    let why = project.ok(&["job", "why", &id]).out;
    assert!(why.contains("scheduled") && why.contains("No supervisor serves this store"), "{why}");
    assert_eq!(
        project.ok(&["job", "cancel", &id, "--reason", "not needed"]).out,
        format!("1 job cancelled.\nUndo: workaday job retry {id}\n")
    );
    assert!(project.ok(&["job", "why", &id]).out.contains("not needed"));
    let twice = project.refused(&["job", "cancel", &id], 3, "job.state_refuses");
    assert!(twice.err.contains("it is cancelled"), "{twice:?}");
    assert_eq!(project.ok(&["job", "retry", &id]).out, format!("1 job available again.\nUndo: workaday job cancel {id}\n"));
    let asked = project.refused(&["job", "delete", &id], 2, "usage.confirm");
    assert!(asked.err.contains("this cannot be undone"), "{asked:?}");
    project.refused(&["job", "why", "019ad000-0000-7000-8000-00000000ffff"], 3, "job.not_found");
    let audit = open_reader(project.database()).unwrap().audit(None, 10).unwrap();
    let cancel = audit.iter().find(|row| row.action == "cancel").unwrap();
    assert!(cancel.who.starts_with("ada@") && cancel.why.as_deref() == Some("not needed"), "{cancel:?}");
}

#[test]
fn a_batch_says_how_many_and_waits_for_a_yes() {
    let project = Project::with_store();
    for order in 0..3 {
        project.enqueue(&format!(r#"{{"order_id": {order}}}"#));
    }
    project.ok(&["enqueue", "shop.sweep"]);
    let dry = project.ok(&["job", "cancel", "--task", "shop.send", "--dry-run"]).out;
    assert!(dry.starts_with("Cancel 3 jobs of shop.send. This is a dry run; nothing was changed."), "{dry}");
    let asked = project.refused(&["job", "cancel", "--task", "shop.send"], 2, "usage.confirm");
    assert!(asked.err.contains("Cancel 3 jobs of shop.send"), "{asked:?}");
    assert_eq!(project.ok(&["job", "list", "--state", "available", "--json"]).json().as_array().unwrap().len(), 4);
    assert_eq!(project.ok(&["job", "cancel", "--task", "shop.send", "--yes"]).out.lines().next(), Some("3 jobs cancelled."));
    project.refused(&["job", "cancel"], 2, "usage.no_jobs_named");
    let slip = project.refused(&["job", "list", "--state", "availabel"], 2, "usage.value");
    assert!(slip.err.contains("did you mean `available`?"), "{slip:?}");
    assert_eq!(project.ok(&["job", "delete", "--state", "cancelled", "--yes", "--json"]).json()["done"].as_array().unwrap().len(), 3);
}

#[test]
fn what_a_job_says_cannot_move_the_cursor() {
    let project = Project::with_store();
    let id = project.enqueue("{\"order_id\": 1, \"note\": \"\\u001b[2J\\u202egpj.exe\"}");
    let key = open_reader(project.database()).unwrap().find_job(&id).unwrap().summary.key;
    project.write(|store, now| {
        let line = LogLine {
            job: key,
            fence: Fence(1),
            seq: 1,
            at: now,
            stream: "stdout",
            level: None,
            logger: None,
            text: "\x1b]0;owned\x07 hello\nsecond \u{202e}line".into(),
        };
        store.append_logs(&[line]).unwrap();
    });
    for command in [
        &["job", "show", &id][..],
        &["job", "show", &id, "--json"],
        &["job", "logs", &id],
        &["job", "logs", &id, "--json"],
        &["logs"],
        &["job", "list"],
    ] {
        let out = project.ok(command).out;
        let bad = out.chars().find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
        assert_eq!(bad, None, "{command:?}: {out:?}");
    }
    let logs = project.ok(&["job", "logs", &id]).out;
    assert!(logs.contains("\\x1b]0;owned\\x07 hello\n") && logs.contains("second \\u{202e}line"), "{logs}");
    let line: serde_json::Value = serde_json::from_str(project.ok(&["job", "logs", &id, "--json"]).out.trim()).unwrap();
    assert_eq!(line["text"], "\x1b]0;owned\x07 hello\nsecond \u{202e}line", "the value itself is whole");
}

#[test]
fn one_argument_value_is_switched_off_and_on_again() {
    let project = Project::with_store();
    project.refused(&["task", "pause", "shop.send"], 2, "usage.value");
    let off = project
        .ok(&["task", "pause", "shop.send", "--where", "order_id=42", "--reason", "bad address", "--owner", "ops", "--until", "2h"])
        .out;
    assert!(off.contains("Undo: workaday task resume shop.send --where 'order_id=42'"), "{off}");
    let holds = open_reader(project.database()).unwrap().holds(false).unwrap();
    assert_eq!(holds[0].rule.where_args, [("order_id".to_owned(), json!(42))], "a number, as its parameter is one");
    project.ok(&["task", "pause", "shop.send", "--where", "note=42", "--reason", "text"]);
    assert_eq!(open_reader(project.database()).unwrap().holds(false).unwrap()[0].rule.where_args, [("note".to_owned(), json!("42"))]);
    let slip = project.refused(&["task", "pause", "shop.send", "--where", "ordr_id=1", "--reason", "x"], 2, "usage.value");
    assert!(slip.err.contains("did you mean `order_id`?"), "{slip:?}");
    project.refused(&["task", "pause", "shop.send", "--where", "order_id=abc", "--reason", "x"], 2, "usage.value");
    project.refused(&["task", "pause", "shop.send", "--until", "2001-01-01T00:00:00Z", "--reason", "x"], 2, "usage.value");
    assert!(project.ok(&["task", "list"]).out.contains("2 argument values switched off"));
    let whole = project.refused(&["task", "resume", "shop.send"], 3, "hold.not_found");
    assert!(whole.err.contains("--where"), "{whole:?}");
    project.ok(&["task", "resume", "shop.send", "--where", "order_id=42"]);
    assert!(project.ok(&["task", "list"]).out.contains("1 argument value switched off"));
}

#[test]
fn a_held_job_names_its_hold_and_a_quarantined_one_comes_back_by_retry() {
    let project = Project::with_store();
    let id = project.enqueue(r#"{"order_id": 1}"#);
    let key = open_reader(project.database()).unwrap().find_job(&id).unwrap().summary.key;
    for (code, word) in [(HeldCode::UnknownTask, "unknown_task"), (HeldCode::Quarantine, "quarantine")] {
        project.write(|store, _| store.hold_job(key, code, None).unwrap());
        let why = project.ok(&["job", "why", &id]).out;
        assert!(why.contains(&format!("held: {word}")), "{why}");
        assert!(project.ok(&["job", "list", "--held", word]).out.contains(&id));
        project.ok(&["job", if code == HeldCode::Quarantine { "retry" } else { "release" }, &id]);
    }
    assert_eq!(project.ok(&["job", "list", "--held", "--json"]).json(), json!([]));
}

#[test]
fn a_queue_is_paused_and_resumed() {
    let project = Project::with_store();
    let id = project.enqueue(r#"{"order_id": 1}"#);
    project.ok(&["queue", "pause", "mail", "--reason", "mail server is down"]);
    assert!(project.ok(&["job", "why", &id]).out.contains("its queue `mail` is paused"), "said to who asks");
    let listed = project.ok(&["queue", "list"]).out;
    assert!(listed.contains("‖ paused"));
    assert!(listed.contains("‖ mail is paused by "), "who, until when and why: {listed}");
    assert!(listed.contains("until it is resumed: mail server is down"), "{listed}");
    let all = project.ok(&["queue", "list", "--json"]).json();
    let mail = all.as_array().and_then(|all| all.iter().find(|queue| queue["queue"] == "mail")).expect("the queue");
    assert_eq!(mail["holds"][0]["reason"], "mail server is down", "{all}");
    for never in ["9000000d", "+012345-01-01T00:00:00Z"] {
        project.refused(&["queue", "pause", "mail", "--reason", "x", "--until", never], 2, "usage.value");
    }
    let slip = project.refused(&["queue", "pause", "mial", "--reason", "x"], 3, "queue.unknown");
    assert!(slip.err.contains("did you mean `mail`?"), "{slip:?}");
    project.ok(&["queue", "resume", "mail"]);
    project.refused(&["queue", "resume", "mail"], 3, "hold.not_found");
}

#[test]
fn waiting_for_a_result_ends_in_time_and_leaves_the_job() {
    let project = Project::with_store();
    let ended = project.run(&["enqueue", "shop.sweep", "--wait", "--timeout", "50ms"]);
    assert_eq!(ended.code, 75, "{ended:?}");
    assert!(ended.err.starts_with("error[job.result_timeout]") && ended.out.contains("No supervisor serves this store yet"), "{ended:?}");
    assert_eq!(project.ok(&["job", "list", "--json"]).json()[0]["state"], "available");
}

#[test]
fn pruning_counts_first_and_deletes_what_is_past_retention() {
    let project = Project::with_store();
    let id = project.enqueue(r#"{"order_id": 1}"#);
    project.write(|store, now| {
        store.cancel(id.parse().unwrap(), &workaday_store::ByHand { who: "test".into(), why: None }, now - Length::days(30)).unwrap()
    });
    let dry = project.ok(&["prune", "--dry-run", "--json"]).json();
    assert_eq!((&dry["pruned"], &dry["dry_run"]), (&json!(1), &json!(true)));
    assert_eq!(project.ok(&["prune", "--json"]).json()["pruned"], 1);
    assert_eq!(project.ok(&["prune", "--json"]).json()["pruned"], 0);
}

#[test]
fn the_schema_goes_up_and_down_with_a_backup() {
    let project = Project::empty();
    assert_eq!(project.run(&["migrate", "--check"]).code, 1);
    assert!(project.ok(&["migrate", "--dry-run"]).out.contains("A new store would be made, at schema"));
    assert_eq!(project.run(&["migrate", "--check"]).code, 1, "a dry run changes nothing");
    project.ok(&["migrate"]);
    assert_eq!(project.run(&["migrate", "--check"]).code, 0);
    project.refused(&["migrate", "--down-to", "0"], 2, "usage.confirm");
    let down = project.ok(&["migrate", "--down-to", "0", "--yes", "--json"]).json();
    assert!(down["backup"].as_str().is_some_and(|backup| std::path::Path::new(backup).exists()), "{down}");
    project.refused(&["status"], 1, "store.tables_missing");
    project.refused(&["migrate", "--down-to", "99"], 1, "migrate.unknown_number");
    project.ok(&["migrate"]);
    project.ok(&["status"]);
}

#[test]
fn init_writes_three_files_and_never_overwrites() {
    let project = Project::empty();
    project.ok(&["init", "--dry-run"]);
    assert!(!project.folder.path().join("jobs.py").exists());
    project.ok(&["init"]);
    for name in ["workaday.toml", "jobs.py", "test_jobs.py"] {
        assert!(project.folder.path().join(name).exists(), "{name}");
    }
    let again = project.refused(&["init"], 3, "init.exists");
    assert!(again.err.contains("workaday.toml, jobs.py and test_jobs.py are there already"), "{again:?}");
    project.refused(&["status"], 3, "store.missing");
    let none = project.run(&["migrate", "--check"]);
    assert!(none.code == 1 && none.out.starts_with("There is no store at ") && !none.out.contains("schema 0"), "{none:?}");
    for kept in ["workaday.toml", "test_jobs.py"] {
        std::fs::remove_file(project.folder.path().join(kept)).unwrap();
    }
    assert!(project.refused(&["init"], 3, "init.exists").err.contains("jobs.py is there already"));
}

#[test]
fn errors_are_json_when_json_is_asked_for() {
    let project = Project::with_store();
    let ended = project.run(&["job", "show", "nonsense", "--json"]);
    let problem: serde_json::Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!((&problem["code"], &problem["retry"]), (&json!("job.id_invalid"), &json!("safe_after_fix")));
    assert_eq!(ended.code, 2, "what does not read is usage");
    let ended = project.run(&["job", "--json"]);
    assert_eq!(ended.code, 2);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ended.err).unwrap()["code"], "usage.missing");
    std::fs::write(project.folder.path().join("workaday.toml"), "[worker]\nproceses = 1\nthreads = 0\n").unwrap();
    let ended = project.run(&["status", "--json"]);
    assert_eq!(ended.code, 2);
    let problem: serde_json::Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!((&problem["code"], &problem["more"][0]["code"]), (&json!("config.unknown_key"), &json!("config.impossible_value")));
}

#[test]
fn up_without_an_app_says_where_to_name_one() {
    let project = Project::empty();
    project.refused(&["up"], 2, "usage.app_missing");
    let file = project.refused(&["up", "jobs.py"], 2, "config.impossible_value");
    assert!(file.err.contains("\"jobs:app\""), "{file:?}");
}

#[test]
fn cron_expressions_are_answered_without_a_store() {
    let project = Project::empty();
    assert_eq!(
        project.ok(&["cron", "next", "0 12 * * MON", "--after", "2026-01-01T00:00:00Z", "-n", "2"]).out,
        "2026-01-05T12:00:00+00:00\n2026-01-12T12:00:00+00:00\n"
    );
    let lines = "{\"expr\": \"0 8 * * *\", \"tz\": \"Europe/Berlin\", \"after\": \"2026-03-28T12:00:00+01:00\", \"n\": 1}\n{\"expr\": \"99 * * * *\"}\nnonsense\n";
    let ended = project.run_with_input(&["cron", "next", "--jsonl"], lines);
    assert_eq!(ended.code, 0);
    let answers: Vec<serde_json::Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers[0], json!({"next": ["2026-03-29T08:00:00+02:00"]}));
    assert_eq!((&answers[1]["error"]["code"], &answers[1]["error"]["field"]), (&json!("cron.value_out_of_range"), &json!("minute")));
    assert_eq!(answers[2]["error"]["code"], "cron.question_invalid");
    assert!(
        project.ok(&["cron", "explain", "30 2 * * *", "--tz", "Europe/Berlin"]).out.starts_with("Every day at 02:30, Europe/Berlin time.")
    );
    project.refused(&["cron", "next", "* * * *"], 2, "cron.field_count");
    let zone = project.refused(&["cron", "next", "* * * * *", "--tz", "Europe/Berln"], 2, "usage.value");
    assert!(zone.err.contains("did you mean `Europe/Berlin`?"), "{zone:?}");
}

#[test]
fn completions_and_the_man_page_are_printed() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(project.ok(&["completions", shell]).out.contains("workaday"), "{shell}");
    }
    assert!(project.ok(&["man"]).out.starts_with(".ie"));
    assert!(project.ok(&["man", "job", "retry"]).out.contains("Give finished or quarantined jobs another attempt"));
    let slip = project.refused(&["man", "job", "rety"], 2, "usage.value");
    assert!(slip.err.contains("did you mean `retry`?"), "{slip:?}");
    let written = project.ok(&["man", "--out", "pages", "--json"]).json();
    assert!(written["written"].as_array().is_some_and(|pages| pages.len() > 30), "{written}");
    for page in ["workaday.1", "workaday-up.1", "workaday-job-retry.1", "workaday-cron-next.1"] {
        assert!(project.folder.path().join("pages").join(page).exists(), "{page}");
    }
    std::fs::write(project.folder.path().join("taken"), "").unwrap();
    project.refused(&["man", "--out", "taken"], 1, "cli.man_unwritable");
    assert_eq!(project.ok(&["--version"]).out, format!("workaday {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let project = Project::with_store();
    for _ in 0..50 {
        project.enqueue(r#"{"order_id": 1}"#);
    }
    let command = format!("{} job list -n 50 --json | head -n 1", env!("CARGO_BIN_EXE_workaday"));
    let ended =
        std::process::Command::new("bash").args(["-o", "pipefail", "-c", &command]).current_dir(project.folder.path()).output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

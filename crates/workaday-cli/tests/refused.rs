//! What is refused before anything begins, or cut off by the machine: each with its code, in the words of the interface.

#[allow(dead_code, reason = "each test file uses some of these")]
mod support;

use serde_json::json;
use std::process::Command;
use support::{Ended, Project};
use workaday_store::Store;

/// The program, run by a shell that first spoils something: `$W` is the program.
fn spoiled(project: &Project, script: &str) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(project.folder.path()).env_clear();
    support::note_codes(&mut command);
    let ended = command.env("PATH", "/usr/bin:/bin").env("W", env!("CARGO_BIN_EXE_workaday")).output().expect("a shell");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: ended.status.code().expect("an exit code"), out: text(ended.stdout), err: text(ended.stderr) }
}

#[track_caller]
fn says(ended: &Ended, code: &str) {
    assert!(ended.err.contains(&format!("error[{code}]: ")), "{ended:?}");
    assert!(ended.err.contains("\n  expected: ") && ended.err.contains("\n  retry:    "), "{ended:?}");
    workaday_core::reached::note(code);
}

#[test]
fn a_full_disk_under_the_output_is_said_and_so_is_a_folder_that_is_gone() {
    let project = Project::empty();
    says(&spoiled(&project, "$W cron next '0 0 * * *' >/dev/full"), "cli.output");
    says(&spoiled(&project, "mkdir gone && cd gone && rmdir ../gone && $W status"), "cli.no_folder");
}

#[test]
fn dev_says_what_the_machine_refused() {
    let project = Project::empty();
    // One descriptor is for the loader of the program, and the signals take it: none is left to watch the folder.
    says(&spoiled(&project, "ulimit -n 4; WORKADAY_APP=jobs:app $W dev"), "supervisor.system");
    std::fs::write(project.folder.path().join("python"), "no program").unwrap();
    says(&spoiled(&project, "WORKADAY_APP=jobs:app WORKADAY_WORKER_PYTHON=./python $W dev api:api"), "dev.cannot_start");
}

#[test]
fn up_without_an_interpreter_or_a_folder_starts_nothing() {
    let project = Project::empty();
    says(&spoiled(&project, "WORKADAY_WORKER_PYTHON=./nowhere $W up jobs:app"), "worker.no_python");
    std::fs::write(project.folder.path().join("taken"), "").unwrap();
    says(&spoiled(&project, "WORKADAY_WORKER_PYTHON=/bin/true $W up jobs:app --database taken/jobs.db"), "store.unwritable");
}

#[test]
fn a_store_that_is_served_is_not_served_twice_and_not_migrated_down() {
    let project = Project::with_store();
    let lock = std::fs::File::create(project.folder.path().join(".workaday/workaday.db-lock")).unwrap();
    std::io::Write::write_all(&mut &lock, b"pid=4242 since=now").unwrap();
    lock.lock().unwrap();
    let held = spoiled(&project, "WORKADAY_WORKER_PYTHON=/bin/true $W up jobs:app");
    says(&held, "supervisor.held");
    assert!(held.err.contains("pid=4242"), "{held:?}");
    let refused = project.refused(&["migrate", "--down-to", "0", "--yes"], 3, "migrate.refused");
    assert!(refused.err.contains("pid=4242"), "{refused:?}");
    project.ok(&["status"]);
}

#[test]
fn a_store_whose_earlier_children_live_is_not_served() {
    let project = Project::with_store();
    let children = std::fs::File::create(project.folder.path().join(".workaday/workaday.db-children")).unwrap();
    children.lock_shared().unwrap();
    let alive = spoiled(&project, "WORKADAY_WORKER_PYTHON=/bin/true $W up jobs:app");
    says(&alive, "supervisor.children_alive");
    assert!(alive.err.contains(&format!("pid {} (", std::process::id())), "it names who holds it: {alive:?}");
}

#[test]
fn a_task_that_the_newest_code_lacks_takes_no_new_jobs() {
    let project = Project::with_store();
    project.write(|store, now| store.put_catalogue(&[], &[], Some("r2"), now).unwrap());
    let absent = project.refused(&["enqueue", "shop.sweep"], 3, "task.absent");
    assert!(absent.err.contains("last stated by release r1"), "{absent:?}");
}

#[test]
fn init_says_where_it_could_not_write() {
    let project = Project::empty();
    std::fs::write(project.folder.path().join("taken"), "").unwrap();
    project.refused(&["init", "taken/shop"], 1, "init.unwritable");
}

#[test]
fn each_line_of_cron_questions_is_answered_by_itself() {
    let project = Project::empty();
    let lines = "{\"expr\": \"0 8 * * *\", \"tz\": \"Europe/Berln\"}\n{\"expr\": \"0 8 * * *\", \"after\": \"tomorrow\"}\n{\"expr\": \"0 8 * * *\", \"after\": \"2030-01-01T00:00:00Z\", \"n\": 1}\n";
    let ended = project.run_with_input(&["cron", "next", "--jsonl"], lines);
    let answers: Vec<serde_json::Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&answers[0]["error"]["code"], &answers[0]["error"]["value"]), (&json!("cron.zone_unknown"), &json!("Europe/Berln")));
    assert_eq!((&answers[1]["error"]["code"], &answers[1]["error"]["value"]), (&json!("cron.instant_invalid"), &json!("tomorrow")));
    assert_eq!(answers[2], json!({"next": ["2030-01-01T08:00:00+00:00"]}));
}

#[test]
fn a_schedule_that_nobody_states_cannot_be_paused() {
    let project = Project::with_store();
    let unknown = project.refused(&["schedule", "pause", "shop.report", "--reason", "closed"], 3, "schedule.unknown");
    assert!(unknown.err.contains("`shop.report`") && unknown.err.contains("workaday schedule list"), "{unknown:?}");
}

#[test]
fn a_command_line_that_does_not_read_is_said_in_the_same_shape() {
    let project = Project::with_store();
    for (line, code, hint) in [
        ("statsu", "usage.unknown_command", "did you mean `status`?"),
        ("job lsit", "usage.unknown_command", "did you mean `list`?"),
        ("job list --stat running", "usage.unknown_option", "did you mean `--state`?"),
        ("status now", "usage.unknown_option", "workaday status --help"),
        ("enqueue", "usage.missing", "workaday enqueue --help"),
        ("enqueue shop.sweep --delay 1s --at 2030-01-01T00:00:00Z", "usage.conflict", "workaday enqueue --help"),
        ("enqueue shop.sweep --delay", "usage.value", "workaday enqueue --help"),
        ("enqueue shop.sweep --unique k --on-conflict retrun", "usage.value", "did you mean `return`?"),
        ("enqueue shop.sweep --priority high", "usage.value", "workaday enqueue --help"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let refused = project.refused(&words, 2, code);
        assert!(refused.err.contains("\n  hint:     ") && refused.err.contains(hint), "{line}: {refused:?}");
        assert!(refused.out.is_empty(), "{refused:?}");
        let json = project.run(&[&words[..], &["--json"]].concat());
        let document: serde_json::Value = serde_json::from_str(&json.err).unwrap_or_else(|error| panic!("{line}: {error}: {json:?}"));
        assert_eq!((json.code, &document["code"]), (2, &json!(code)), "{line}");
    }
    let bare = project.run(&["job", "--json"]);
    assert!(bare.code == 2 && bare.err.contains("usage.missing") && bare.err.contains("`why`"), "{bare:?}");
    assert!(project.run(&["job"]).err.contains("Usage: workaday job"), "a person gets the help");
}

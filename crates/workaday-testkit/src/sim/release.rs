//! What a deploy changes: the tasks of each release, with their schedules. Tasks vanish, change their kind and budget.

use crate::TaskBuilder;
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use workaday_core::catalogue::TaskEntry;
use workaday_core::schedule::ScheduleEntry;

/// A release that has every task and no schedule: the last one, which lets all drain.
pub const LAST: u32 = u32::MAX;
/// Tasks that clients ask for; the last one is known to no release.
pub const TASKS: [&str; 7] = ["t.quick", "t.slow", "t.async", "t.once", "t.heavy", "t.cmd", "t.wave"];
pub const NEVER: &str = "t.never";
pub const QUEUES: [&str; 3] = ["default", "mail", "reports"];

/// Attempts of a task in a release.
pub fn attempts(task: &str, release: u32) -> u32 {
    match task {
        "t.once" => 1,
        "t.quick" if release.is_multiple_of(2) => 5,
        _ => 3,
    }
}

/// Does the code of this release refuse these arguments?
pub fn misfits(task: &str, number: i64, release: u32) -> bool {
    release != LAST && release % 3 == 1 && task == "t.quick" && number == 3
}

fn retry(task: &str, release: u32) -> serde_json::Value {
    json!({"attempts": attempts(task, release), "base_us": 700_000, "cap_us": 4_000_000, "jitter": 0.2})
}

fn plan(name: &str, task: &str, more: serde_json::Value) -> serde_json::Value {
    let mut plan = json!({"name": name, "task": task});
    if let (Some(plan), Some(more)) = (plan.as_object_mut(), more.as_object()) {
        plan.extend(more.clone());
    }
    plan
}

/// The tasks that children of this release state.
pub fn tasks(release: u32) -> Vec<TaskEntry> {
    let last = release == LAST;
    let odd = !last && release % 2 == 1;
    let entry = |builder: TaskBuilder, name: &str| builder.with("retry", retry(name, release)).with("params", json!({}));
    let period = if odd { "60s" } else { "45s" };
    let quick = [
        plan("s.every", "t.quick", json!({"every": period})),
        plan("s.queue", "t.quick", json!({"every": "20s", "overlap": "queue", "late_after_us": 2_000_000})),
    ];
    let slow = [plan("s.cancel", "t.slow", json!({"every": "30s", "overlap": "cancel_running", "catch_up": "none"}))];
    let loops = [plan("s.cron", "t.async", json!({"cron": ["*/2 * * * *"], "catch_up": "all", "catch_up_limit": 3, "overlap": "allow"}))];
    let wave = [plan("s.wave", "t.wave", json!({"every": "25s"}))];
    let on = |schedules: &[serde_json::Value]| if last { json!([]) } else { json!(schedules) };
    let slow_kind = if odd { TaskBuilder::asynchronous("t.slow") } else { TaskBuilder::sync("t.slow") };
    let mut entries = vec![
        entry(TaskBuilder::sync("t.quick"), "t.quick").with("schedules", on(&quick)),
        entry(slow_kind, "t.slow").with("timeout_us", json!(4_000_000)).with("schedules", on(&slow)),
        entry(TaskBuilder::asynchronous("t.async"), "t.async").with("queue", json!("mail")).with("schedules", on(&loops)),
        entry(TaskBuilder::sync("t.once"), "t.once").with("at_most_once", json!(true)),
        entry(TaskBuilder::sync("t.heavy"), "t.heavy").with("memory_bytes", json!(1 << 30)).with("timeout_us", json!(9_000_000)),
    ];
    if !odd {
        entries.push(entry(TaskBuilder::sync("t.wave"), "t.wave").with("schedules", on(&wave)));
    }
    entries.into_iter().map(TaskBuilder::entry).collect()
}

/// A release's tasks, and the JSON of each.
pub type Stated = Rc<(Vec<TaskEntry>, Vec<String>)>;

/// The same, built once: thousands of children say it.
pub fn stated(release: u32) -> Stated {
    thread_local! { static KNOWN: RefCell<HashMap<u32, Stated>> = RefCell::default(); }
    KNOWN.with_borrow_mut(|known| {
        let build = || {
            let entries = tasks(release);
            let raw = entries.iter().map(|entry| serde_json::to_string(entry).expect("an entry is JSON")).collect();
            Rc::new((entries, raw))
        };
        known.entry(release).or_insert_with(build).clone()
    })
}

/// The commands of the configuration.
pub fn commands() -> Vec<TaskEntry> {
    vec![TaskBuilder::command("t.cmd").with("retry", retry("t.cmd", 0)).with("timeout_us", json!(6_000_000)).entry()]
}

/// A schedule of the configuration. Its task may be one that the running release does not have.
pub fn configured(release: u32) -> Vec<ScheduleEntry> {
    let stated = serde_json::from_value(plan("c.wave", "t.wave", json!({"every": "40s", "overlap": "allow"})));
    if release == LAST { Vec::new() } else { vec![stated.expect("a schedule that fits")] }
}

/// Has this release the task? Without building all of it.
pub fn tasks_has(task: &str, release: u32) -> bool {
    match task {
        "t.wave" => release == LAST || release.is_multiple_of(2),
        "t.cmd" => false,
        task => TASKS.contains(&task),
    }
}

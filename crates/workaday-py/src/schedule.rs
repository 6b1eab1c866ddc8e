//! The one judge of schedules, for a client that adds one: pure, no store, no wire.

use pyo3::prelude::*;
use serde_json::{Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Problem;
use workaday_core::schedule::{ScheduleEntry, judge};

/// Answers `{"declared": …}`, the declaration as it is to be stored, or `{"problem": …}`.
#[pyfunction]
#[pyo3(signature = (declared, task, now_us, tz=None))]
pub fn judge_schedule(declared: &str, task: &str, now_us: i64, tz: Option<&str>) -> String {
    answer(declared, task, now_us, tz).unwrap_or_else(|problem| json!({"problem": problem})).to_string()
}

fn answer(declared: &str, task: &str, now_us: i64, tz: Option<&str>) -> Result<Value, Problem> {
    let entry: ScheduleEntry = serde_json::from_str(declared).map_err(|error| unreadable("declaration", &error))?;
    let task: TaskEntry = serde_json::from_str(task).map_err(|error| unreadable("task", &error))?;
    let (entry, _) = judge(entry, &task, Timestamp(now_us), tz)?;
    Ok(json!({"declared": entry}))
}

fn unreadable(what: &str, error: &serde_json::Error) -> Problem {
    Problem::new("schedule.invalid", format!("the schedule was not added: its {what} cannot be read: {error}"))
        .expected("the JSON that this version writes")
}

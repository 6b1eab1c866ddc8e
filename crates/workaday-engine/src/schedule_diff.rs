//! What a deploy would do to the schedules: declared against stored, before anything is written.
//!
//! The same judgements as [`crate::schedules::reconcile`], told instead of done. Dynamic schedules are stated by
//! themselves; they appear here only when the new code has lost their task.

use crate::scheduler::{declared, no_such_task};
use serde_json::Value;
use std::collections::BTreeMap;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::schedule::{ScheduleEntry, ScheduleSource, ScheduleState};
use workaday_store::ScheduleRow;

/// What is declared now.
#[derive(Clone, Copy, Debug)]
pub struct Stated<'a> {
    /// `None`: no code was asked, so its schedules are not judged.
    pub code: Option<&'a [ScheduleEntry]>,
    pub config: &'a [ScheduleEntry],
    /// Every task and command there is, by name, with the schema of its arguments; `null` takes any.
    pub tasks: &'a BTreeMap<String, Value>,
    /// `[schedules] tz`.
    pub tz: Option<&'a str>,
}

/// What becomes of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Same,
    Added,
    Changed,
    /// No longer declared.
    Absent,
    /// Declared, and cannot run.
    Broken,
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            What::Same => "same",
            What::Added => "added",
            What::Changed => "changed",
            What::Absent => "absent",
            What::Broken => "broken",
        }
    }
}

/// One option that differs; `null`: not given.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub field: String,
    pub from: Value,
    pub to: Value,
}

/// One schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub name: String,
    pub source: ScheduleSource,
    pub what: What,
    pub changes: Vec<Change>,
    /// When it is due has changed: its cursor becomes the moment of the deploy.
    pub starts_anew: bool,
    pub problem: Option<Problem>,
}

/// Every schedule of both sides, by name.
pub fn diff(rows: &[ScheduleRow], stated: &Stated<'_>, now: Timestamp) -> Vec<Difference> {
    let held: BTreeMap<&str, &ScheduleRow> = rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let code = stated.code.unwrap_or_default().iter().map(|entry| (ScheduleSource::Code, entry));
    let config = stated.config.iter().map(|entry| (ScheduleSource::Config, entry));
    let mut found: BTreeMap<&str, Difference> = BTreeMap::new();
    for (source, entry) in code.chain(config) {
        let twice = found.get(entry.name.as_str()).is_some_and(|one| one.source != source);
        let difference = match twice {
            true => broken(&entry.name, source, stated_twice(&entry.name)),
            false => of_one(entry, source, held.get(entry.name.as_str()).copied(), stated, now),
        };
        found.insert(&entry.name, difference);
    }
    for row in rows.iter().filter(|row| row.state != ScheduleState::Absent && !found.contains_key(row.name.as_str())).collect::<Vec<_>>() {
        let has_task = stated.tasks.contains_key(&row.task);
        let difference = match row.source {
            ScheduleSource::Code if stated.code.is_none() => continue,
            ScheduleSource::Dynamic if has_task => continue,
            ScheduleSource::Dynamic | ScheduleSource::Code if !has_task => {
                broken(&row.name, row.source, no_such_task(&row.name, &row.task))
            }
            _ => plain(&row.name, row.source, What::Absent),
        };
        found.insert(&row.name, difference);
    }
    found.into_values().collect()
}

fn of_one(entry: &ScheduleEntry, source: ScheduleSource, held: Option<&ScheduleRow>, stated: &Stated<'_>, now: Timestamp) -> Difference {
    let anchor = held.map_or(now, |row| row.anchor);
    if let Err(problem) = entry.plan(anchor, stated.tz) {
        return broken(&entry.name, source, problem);
    }
    let Some(params) = stated.tasks.get(&entry.task) else {
        return broken(&entry.name, source, no_such_task(&entry.name, &entry.task));
    };
    if let Err(problem) = entry.fits(params) {
        return broken(&entry.name, source, problem);
    }
    let standing = held.filter(|row| row.state != ScheduleState::Absent);
    if standing.is_some_and(|row| row.source == ScheduleSource::Dynamic) {
        return broken(&entry.name, source, stated_twice(&entry.name));
    }
    let Some(row) = standing else { return plain(&entry.name, source, What::Added) };
    let old = declared(row).unwrap_or_default();
    let mut changes = changes(&old, entry);
    if row.source != source {
        changes.push(Change { field: "source".into(), from: row.source.as_str().into(), to: source.as_str().into() });
    }
    let what = if changes.is_empty() && row.state == ScheduleState::Active { What::Same } else { What::Changed };
    Difference { changes, starts_anew: !old.same_timing(entry), ..plain(&entry.name, source, what) }
}

/// The options that are not alike, in the words of the declaration.
fn changes(old: &ScheduleEntry, new: &ScheduleEntry) -> Vec<Change> {
    let fields = |entry: &ScheduleEntry| match serde_json::to_value(entry) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (fields(old), fields(new));
    let differ = new.iter().filter_map(|(field, to)| {
        let from = old.get(field).cloned().unwrap_or_default();
        (from != *to).then(|| Change { field: field.clone(), from, to: to.clone() })
    });
    differ.collect()
}

fn plain(name: &str, source: ScheduleSource, what: What) -> Difference {
    Difference { name: name.to_owned(), source, what, changes: vec![], starts_anew: false, problem: None }
}

fn broken(name: &str, source: ScheduleSource, problem: Problem) -> Difference {
    Difference { problem: Some(problem), ..plain(name, source, What::Broken) }
}

fn stated_twice(name: &str) -> Problem {
    Problem::new("schedule.name_taken", format!("schedule {name} is stated twice; the first one goes on"))
        .expected("one of code, workaday.toml and `schedule add` for a name")
        .retry(RetryAdvice::SafeAfterFix, "safe once one of the two is renamed")
}

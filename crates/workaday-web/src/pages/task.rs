//! One task: what it is, who owns it, how it does, and its switch.

use super::errors::{Known, known};
use super::job::missing;
use super::rows::{self, JobRow};
use super::today::retry_said;
use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page, segment};
use crate::{facts, words};
use askama::Template;
use serde_json::{Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Length;
use workaday_core::explain::Problem;
use workaday_engine::document;
use workaday_store::sqlite::read::{Look, Reader, TaskRow};

const RUNS_LOOKED: usize = 2_000;

struct Pause {
    said: String,
    pairs: String,
}

#[derive(Template)]
#[template(path = "task.html")]
struct View<'a> {
    s: Sheet<'a>,
    row: &'a TaskRow,
    verdict: String,
    entry: Option<TaskEntry>,
    retry: &'static str,
    policy: String,
    measures: Vec<(&'static str, String)>,
    holds: Vec<Pause>,
    params: Vec<(String, String)>,
    schedules: Vec<(String, String)>,
    errors: Vec<Known>,
    jobs: Vec<JobRow>,
    path: String,
}

pub fn task(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let name = context.params.first().map(String::as_str).unwrap_or_default();
    let tasks = reader.tasks()?;
    let Some(row) = tasks.iter().find(|row| row.name == name) else {
        let what = format!("there is no task `{}`", words::cut(name, 80));
        return Err(missing("task.unknown", what, "the name of a task that a worker has stated"));
    };
    let s = Sheet::new(context, row.name.clone(), "Jobs");
    let now = context.now;
    let entry = facts::entry_of(&tasks, name);
    let active: Vec<_> =
        reader.holds(false)?.into_iter().filter(|hold| facts::is_active(hold, now) && hold.rule.task.as_deref() == Some(name)).collect();
    let holds: Vec<Pause> = active
        .iter()
        .map(|hold| {
            let until =
                hold.rule.until.map_or_else(|| "until somebody resumes it".to_owned(), |until| format!("until {}", s.t.moment_text(until)));
            let owner = hold.rule.owner.as_deref().map_or_else(String::new, |owner| format!(" by {owner}"));
            let pairs = facts::where_pairs(&hold.rule).join(" ");
            let what = if pairs.is_empty() { "The whole task".to_owned() } else { format!("Jobs with {pairs}") };
            Pause { said: format!("{what}, paused{owner} {until}: {}", hold.rule.reason), pairs }
        })
        .collect();
    let runs: Vec<_> = reader.recent_runs(now - Length::days(7), now, RUNS_LOOKED)?.into_iter().filter(|run| run.task == name).collect();
    let seen = reader.look(&Look { task: Some(name.to_owned()), limit: 20, ..Look::default() })?;
    let errors: Vec<Known> =
        known(reader, context, now - Length::days(7), 200)?.into_iter().filter(|known| known.task == name).take(5).collect();
    let schedules = reader.schedules()?.into_iter().filter(|schedule| schedule.task == name).map(|schedule| {
        let href = format!("/schedules/{}", segment(&schedule.name));
        (schedule.name, href)
    });
    let schedules: Vec<_> = schedules.collect();
    let verdict = match (row.present, holds.is_empty(), errors.first()) {
        (false, ..) => format!("No worker states {name} now."),
        (true, false, _) if holds.iter().any(|hold| hold.pairs.is_empty()) => format!("{name} is paused."),
        (true, false, _) => format!("{name} is paused for some of its jobs."),
        (true, true, Some(error)) => format!("{name} has failed {} times in 24 hours.", error.count_day),
        (true, true, None) => format!("{name} is in order."),
    };
    let verdict = if errors.first().is_some_and(|error| error.count_day == "0") && row.present && holds.is_empty() {
        format!("{name} is in order today.")
    } else {
        verdict
    };
    let measure = |value: fn(&workaday_store::sqlite::read::RunSample) -> Option<i64>, percent: usize| {
        let mut values: Vec<i64> = runs.iter().filter_map(value).collect();
        values.sort_unstable();
        values.get((values.len() * percent / 100).min(values.len().saturating_sub(1))).copied()
    };
    let measures = vec![
        ("ran, p50", s.t.span_or(measure(|run| run.ran_us, 50))),
        ("ran, p95", s.t.span_or(measure(|run| run.ran_us, 95))),
        ("waited, p95", s.t.span_or(measure(|run| run.waited_us, 95))),
        ("memory, at most", measure(|run| run.memory_peak_kib, 100).map_or_else(|| "–".to_owned(), words::kib)),
        ("runs looked at", words::thousands(runs.len() as i64)),
    ];
    let mut declared = document::declared(&row.entry);
    crate::mask::declaration(&mut declared, &context.mask);
    let json = json!({
        "name": row.name, "queue": row.queue, "lane": row.lane, "present": row.present, "release": row.release,
        "entry": declared,
        "paused": holds.iter().map(|hold| hold.said.clone()).collect::<Vec<_>>(),
        "jobs": seen.jobs.iter().map(|job| rows::to_json(context, job)).collect::<Vec<_>>(),
    });
    let view = View {
        verdict,
        retry: entry.as_ref().map_or("nobody has said", retry_said),
        policy: entry.as_ref().map_or_else(String::new, policy),
        params: entry.as_ref().map_or_else(Vec::new, params),
        measures,
        holds,
        schedules,
        errors,
        jobs: seen.jobs.iter().map(|job| rows::row(context, &s.t, job)).collect(),
        path: format!("/actions/tasks/{}", segment(name)),
        entry,
        row,
        s,
    };
    page(&view.s, &view, json)
}

/// `up to 8 attempts · stopped after 30 s · stopped above 256 MiB`.
fn policy(entry: &TaskEntry) -> String {
    let attempts = match entry.attempts() {
        1 => "one attempt".to_owned(),
        number => format!("up to {number} attempts"),
    };
    let timeout = entry.timeout().map_or_else(|| "no timeout".to_owned(), |timeout| format!("stopped after {}", words::length(timeout)));
    let memory = entry.memory_bytes.map(|bytes| format!("stopped above {}", words::kib(bytes / 1_024)));
    let once = entry.at_most_once.then(|| "runs at most once".to_owned());
    [Some(attempts), Some(timeout), memory, once].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Parameters and their types, from the schema that the task states.
fn params(entry: &TaskEntry) -> Vec<(String, String)> {
    let of = |schema: &Value| schema.get("type").and_then(Value::as_str).unwrap_or("any").to_owned();
    let fields = entry.params.get("properties").and_then(Value::as_object);
    fields.map_or_else(Vec::new, |fields| fields.iter().map(|(name, schema)| (name.clone(), of(schema))).take(50).collect())
}

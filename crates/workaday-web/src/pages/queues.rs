//! Queues and workers: do jobs wait, how long, and who works?

use super::today::marks;
use super::workers::{self, Staff};
use crate::page::{Page, PageContext};
use crate::plot::{self, SERIES_MAX, Series, Span};
use crate::sheet::{Sheet, page, segment};
use crate::{facts, words};
use askama::Template;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use workaday_core::clock::Length;
use workaday_core::explain::Problem;
use workaday_store::StoreError;
use workaday_store::sqlite::read::{Counted, Reader, RunSample};

const COUNT_MAX: i64 = 10_000;
const HOURS: usize = 24;
/// Runs looked at an hour: enough for a quantile, and the same cost on every store.
const RUNS_AN_HOUR: usize = 60;
const QUEUES_MAX: usize = 60;

struct Queue {
    name: String,
    path: String,
    available: String,
    running: i64,
    later: String,
    held: String,
    oldest: String,
    waited: (String, String),
    ran: (String, String),
    memory: String,
    at_once: String,
    hold: Option<String>,
}

#[derive(Template)]
#[template(path = "queues.html")]
struct View<'a> {
    s: Sheet<'a>,
    verdict: String,
    second: String,
    queues: Vec<Queue>,
    plot: String,
    table: Vec<(String, Vec<String>)>,
    names: Vec<String>,
    staff: Staff,
    samples: String,
}

pub fn queues(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Queues", "Queues");
    let now = context.now;
    let loads = reader.loads(now, COUNT_MAX)?;
    let holds = reader.holds(false)?;
    let staff = workers::staff(reader, context.async_slots, &s)?;
    let runs = runs(reader, &s)?;
    let held = |queue: &str| holds.iter().find(|hold| facts::is_active(hold, now) && hold.rule.queue.as_deref() == Some(queue));
    let of = |queue: &str, value: fn(&RunSample) -> Option<i64>| -> Vec<i64> {
        let mut values: Vec<i64> = runs.iter().flatten().filter(|run| run.queue == queue).filter_map(value).collect();
        values.sort_unstable();
        values
    };
    let queues: Vec<Queue> = loads
        .iter()
        .take(QUEUES_MAX)
        .map(|load| {
            let (waited, ran) = (of(&load.queue, |run| run.waited_us), of(&load.queue, |run| run.ran_us));
            let both = |values: &[i64]| (s.t.span_or(quantile(values, 50)), s.t.span_or(quantile(values, 95)));
            Queue {
                name: load.queue.clone(),
                path: format!("/actions/queues/{}", segment(&load.queue)),
                available: words::counted(load.available),
                running: load.running,
                later: words::counted(load.scheduled + load.retryable),
                held: words::counted(load.held),
                oldest: load.oldest_waiting_at.map_or_else(|| "–".to_owned(), |at| words::length(now - at)),
                waited: both(&waited),
                ran: both(&ran),
                memory: quantile(&of(&load.queue, |run| run.memory_peak_kib), 95).map_or_else(|| "–".to_owned(), words::kib),
                at_once: staff.at_once.get(&load.queue).map_or_else(|| "–".to_owned(), |taken| workers::number(*taken)),
                hold: held(&load.queue).map(|hold| hold.rule.reason.clone()),
            }
        })
        .collect();
    let (plot, names, table) = plotted(reader, &runs, &s)?;
    let served = facts::is_served(reader, now)?;
    let waiting = loads.iter().fold(Counted::default(), |sum, load| sum + load.available);
    let oldest = loads.iter().filter_map(|load| load.oldest_waiting_at).min();
    let children = staff.alive.iter().filter(|worker| worker.kind != "supervisor").count();
    let verdict = match (served, waiting.number) {
        (false, 0) => "Nothing is working: no supervisor is running.".to_owned(),
        (false, _) => format!("{} waiting, and no supervisor is running.", words::count_of(waiting, "job")),
        (true, 0) => "Nothing is waiting.".to_owned(),
        (true, _) => format!(
            "{} ready, the oldest for {}.",
            words::count_of(waiting, "job"),
            oldest.map_or_else(String::new, |at| words::length(now - at))
        ),
    };
    let running: i64 = loads.iter().map(|load| load.running).sum();
    let processes = format!("{children} worker {}", if children == 1 { "process" } else { "processes" });
    let second = match running {
        0 => format!("No job is running; {processes} alive."),
        _ => format!("{} running in {processes}.", words::many(running as usize, "job")),
    };
    let mut json = json!({
        "verdict": verdict,
        "queues": loads.iter().map(|load| json!({
            "queue": load.queue, "available": load.available.number, "available_more": load.available.more, "running": load.running,
            "scheduled": load.scheduled.number, "retryable": load.retryable.number, "held": load.held.number, "paused": load.paused,
            "oldest_waiting_at": load.oldest_waiting_at.map(|at| at.to_string()),
            "waited_p50_us": quantile(&of(&load.queue, |run| run.waited_us), 50), "waited_p95_us": quantile(&of(&load.queue, |run| run.waited_us), 95),
            "ran_p50_us": quantile(&of(&load.queue, |run| run.ran_us), 50), "ran_p95_us": quantile(&of(&load.queue, |run| run.ran_us), 95),
            "memory_p95_kib": quantile(&of(&load.queue, |run| run.memory_peak_kib), 95), "at_once": staff.at_once.get(&load.queue),
        })).collect::<Vec<_>>(),
    });
    if let (Value::Object(whole), Value::Object(more)) = (&mut json, staff.to_json()) {
        whole.extend(more);
    }
    let second = if served { second } else { "`workaday up` starts one; what waits is kept.".to_owned() };
    let samples = words::thousands(runs.iter().map(Vec::len).sum::<usize>() as i64);
    let view = View { verdict, second, queues, plot, table, names, staff, samples, s };
    page(&view.s, &view, json)
}

/// Runs of each of the last 24 hours, the oldest hour first.
fn runs(reader: &Reader, s: &Sheet<'_>) -> Result<Vec<Vec<RunSample>>, StoreError> {
    let from = s.t.now - Length::hours(HOURS as i64);
    let hour = |number: usize| from + Length::hours(number as i64);
    (0..HOURS).map(|number| reader.recent_runs(hour(number), hour(number + 1), RUNS_AN_HOUR)).collect()
}

fn quantile(sorted: &[i64], percent: usize) -> Option<i64> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied()
}

type Plotted = (String, Vec<String>, Vec<(String, Vec<String>)>);

/// p95 of the wait for the busiest queues. With one queue, its median as well.
fn plotted(reader: &Reader, runs: &[Vec<RunSample>], s: &Sheet<'_>) -> Result<Plotted, StoreError> {
    let span = Span { from: s.t.now - Length::hours(HOURS as i64), until: s.t.now };
    let mut busy: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs.iter().flatten() {
        *busy.entry(&run.queue).or_default() += 1;
    }
    let mut names: Vec<(&str, usize)> = busy.into_iter().collect();
    names.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    names.truncate(SERIES_MAX);
    let values = |name: &str, percent: usize| -> Vec<Option<i64>> {
        runs.iter()
            .map(|hour| {
                let mut waited: Vec<i64> = hour.iter().filter(|run| run.queue == name).filter_map(|run| run.waited_us).collect();
                waited.sort_unstable();
                quantile(&waited, percent)
            })
            .collect()
    };
    let mut series: Vec<Series> = names.iter().map(|(name, _)| Series { name: (*name).to_owned(), values: values(name, 95) }).collect();
    if let [only] = series.as_mut_slice() {
        let median = Series { name: format!("{} p50", only.name), values: values(&only.name, 50) };
        only.name = format!("{} p95", only.name);
        series.push(median);
    }
    let plot = if series.is_empty() {
        String::new()
    } else {
        plot::lines(&s.t, span, &series, &marks(reader, span)?, "Wait before the start, p95 by hour")
    };
    let table = (0..HOURS)
        .filter(|number| series.iter().any(|line| line.values[*number].is_some()))
        .map(|number| {
            let at = s.t.moment_text(span.from + Length::hours(number as i64));
            (at, series.iter().map(|line| s.t.span_or(line.values[number])).collect())
        })
        .collect();
    Ok((plot, series.into_iter().map(|line| line.name).collect(), table))
}

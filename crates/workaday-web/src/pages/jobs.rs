//! Jobs: filters in the address, pages by key, batches with a dry run.

use super::rows::{self, JobRow};
use crate::page::{Page, PageContext};
use crate::search::Search;
use crate::sheet::{Sheet, page};
use crate::words;
use askama::Template;
use serde_json::json;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::State;
use workaday_store::StoreError;
use workaday_store::sqlite::read::{Counted, LOOK_MAX, Look, QueueLoad, Reader, Seen};

const PAGE: usize = 50;
const COUNT_MAX: i64 = 10_000;
/// What a filter may be long.
const TEXT_MAX: usize = 200;
/// Names offered in a list.
const OFFERED_MAX: usize = 200;

struct Tab {
    href: String,
    symbol: &'static str,
    word: &'static str,
    count: Option<String>,
    is_here: bool,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct View<'a> {
    s: Sheet<'a>,
    verdict: String,
    second: Option<String>,
    tabs: Vec<Tab>,
    look: Look,
    text: Option<String>,
    state: String,
    tasks: Vec<String>,
    queues: Vec<String>,
    jobs: Vec<JobRow>,
    further: Option<String>,
    stopped_early: bool,
    first_page: Option<String>,
    filter: String,
    batch: Vec<(&'static str, String)>,
    is_new: bool,
    is_filtered: bool,
    /// Beyond the state: what the fold of filters holds.
    is_narrowed: bool,
}

pub fn jobs(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Jobs", "Jobs");
    let search = asked(context)?;
    let seen = seen(reader, &search, &context.mask)?;
    let Search { look, text } = search;
    let loads = reader.loads(context.now, COUNT_MAX)?;
    reader.advance_ended(context.now)?;
    let finished = reader.finished_in(Timestamp(0), context.now + Length::days(1), COUNT_MAX)?;
    let known = reader.tasks()?;
    let mut tasks: Vec<String> = known.iter().map(|task| task.name.clone()).take(OFFERED_MAX).collect();
    tasks.extend(look.task.clone().filter(|task| !tasks.contains(task)));
    let mut queues: Vec<String> = loads.iter().map(|load| load.queue.clone()).take(OFFERED_MAX).collect();
    queues.extend(look.queue.clone().filter(|queue| !queues.contains(queue)));
    let jobs: Vec<JobRow> = seen.jobs.iter().map(|job| rows::row(context, &s.t, job)).collect();
    let is_narrowed = look.task.is_some() || look.queue.is_some() || look.tag.is_some() || text.is_some();
    let is_filtered = look.state.is_some() || look.held || is_narrowed;
    let state = context.query.get("state").unwrap_or_default().to_owned();
    let is_new = jobs.is_empty() && !is_filtered && look.from.is_none();
    let json = json!({
        "jobs": seen.jobs.iter().map(|job| rows::to_json(context, job)).collect::<Vec<_>>(),
        "next": seen.next.map(|next| next.to_string()), "stopped_early": seen.stopped_early,
    });
    let view = View {
        verdict: verdict(&look, &seen, is_new),
        second: second(&look, text.as_deref(), &seen),
        tabs: tabs(&s, &loads, finished, &state),
        further: seen.next.map(|next| s.here(&[("from", &next.to_string())])),
        stopped_early: seen.stopped_early,
        first_page: look.from.map(|_| s.here(&[("from", "")])),
        filter: filter(&s),
        batch: batch(&look),
        state,
        tasks,
        queues,
        jobs,
        look,
        text,
        is_new,
        is_filtered,
        is_narrowed,
        s,
    };
    page(&view.s, &view, json)
}

/// What the address asks for; a word that means nothing is refused, not ignored.
pub fn asked(context: &PageContext) -> Result<Search, Problem> {
    let query = &context.query;
    let text = |name: &str| match query.get(name).map(str::trim) {
        Some(text) if text.chars().count() > TEXT_MAX => Err(refused(name, &words::cut(text, 40), format!("at most {TEXT_MAX} letters"))),
        other => Ok(other.filter(|text| !text.is_empty()).map(str::to_owned)),
    };
    let word = text("state")?;
    let held = word.as_deref() == Some("held");
    let state = match word.as_deref() {
        None | Some("held") => None,
        Some(word) => Some(word.parse::<State>().map_err(|_| {
            let known: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).chain(["held"]).collect();
            refused("state", &words::cut(word, 40), format!("one of {}", known.join(", ")))
        })?),
    };
    let from = match query.get("from") {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| refused("from", &words::cut(text, 40), "the place that the page before ended with"))?),
    };
    let look = Look { state, held, task: text("task")?, queue: text("queue")?, tag: text("tag")?, from, limit: PAGE };
    Ok(Search { look, text: text("text")? })
}

fn refused(name: &str, got: &str, expected: impl Into<String>) -> Problem {
    Problem::new("web.query_invalid", format!("the page was not shown: `{name}` in its address is `{got}`"))
        .expected(expected)
        .retry(RetryAdvice::SafeAfterFix, "safe with another value; nothing was changed")
}

fn is_id(text: &str) -> bool {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    (8..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What looks like an id is one, if a job has it; an order number of eight digits looks like one too.
fn seen(reader: &Reader, search: &Search, mask: &[String]) -> Result<Seen, StoreError> {
    if let Some(text) = search.text.as_deref().filter(|text| is_id(text))
        && let Ok(detail) = reader.find_job(text)
    {
        let found = reader.job_by_key(detail.summary.key)?;
        return Ok(Seen { jobs: found.into_iter().collect(), ..Seen::default() });
    }
    search.run(reader, mask)
}

fn verdict(look: &Look, seen: &Seen, is_new: bool) -> String {
    if is_new {
        return "No jobs yet.".to_owned();
    }
    let count = Counted { number: seen.jobs.len() as i64, more: seen.next.is_some() };
    let state = match (look.held, look.state) {
        (true, _) => "held ",
        (false, Some(State::Retryable)) => "retrying ",
        (false, Some(state)) => state.as_str(),
        (false, None) => "",
    };
    let state = if state.is_empty() || state.ends_with(' ') { state.to_owned() } else { format!("{state} ") };
    let of = match (&look.task, &look.queue) {
        (Some(task), _) => format!(" of {task}"),
        (None, Some(queue)) => format!(" in queue {queue}"),
        (None, None) => String::new(),
    };
    match (count.number, look.from) {
        (0, None) => format!("No {state}jobs{of}."),
        (0, Some(_)) => format!("No more {state}jobs{of}."),
        (_, Some(_)) => format!("Further {state}jobs{of}."),
        (number, None) if count.more => format!("The {} {} {state}jobs{of}.", order(look), number),
        _ => format!("{}{of}.", words::count_of(count, &format!("{state}job"))),
    }
}

fn order(look: &Look) -> &'static str {
    match look.state {
        Some(State::Scheduled | State::Retryable) if !look.held => "next",
        Some(state) if state.is_finished() => "last",
        _ => "newest",
    }
}

fn second(look: &Look, text: Option<&str>, seen: &Seen) -> Option<String> {
    let tag = look.tag.as_ref().map(|tag| format!("tagged “{tag}”"));
    let text = text.map(|text| format!("with “{text}” in id, task or arguments"));
    let asked: Vec<String> = tag.into_iter().chain(text).collect();
    let early = seen.stopped_early.then(|| format!("Looked through {} jobs so far.", words::thousands(LOOK_MAX)));
    let asked = (!asked.is_empty()).then(|| format!("Only those {}.", asked.join(" and ")));
    let parts: Vec<String> = asked.into_iter().chain(early).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn tabs(s: &Sheet<'_>, loads: &[QueueLoad], finished: workaday_store::sqlite::read::Finished, here: &str) -> Vec<Tab> {
    let sum = |count: fn(&QueueLoad) -> Counted| loads.iter().fold(Counted::default(), |sum, load| sum + count(load));
    let running = Counted { number: loads.iter().map(|load| load.running).sum(), more: false };
    let all: [(&str, &str, &str, Option<Counted>); 9] = [
        ("", "", "all", None),
        ("available", "○", "available", Some(sum(|load| load.available))),
        ("scheduled", "◷", "scheduled", Some(sum(|load| load.scheduled))),
        ("running", "▶", "running", Some(running)),
        ("retryable", "↻", "retrying", Some(sum(|load| load.retryable))),
        ("held", "‖", "held", Some(sum(|load| load.held))),
        ("completed", "✓", "completed", Some(finished.completed)),
        ("discarded", "✕", "discarded", Some(finished.discarded)),
        ("cancelled", "⊘", "cancelled", Some(finished.cancelled)),
    ];
    let tab = |(value, symbol, word, count): (&str, &'static str, &'static str, Option<Counted>)| Tab {
        href: s.here(&[("state", value), ("from", "")]),
        symbol,
        word,
        count: count.map(words::counted),
        is_here: value == here,
    };
    all.into_iter().map(tab).collect()
}

/// The filter as a batch takes it: without the place in the list.
fn filter(s: &Sheet<'_>) -> String {
    let mut query = s.c.query.clone();
    query.0.retain(|(name, value)| !value.is_empty() && matches!(name.as_str(), "state" | "task" | "queue" | "tag" | "text"));
    query.to_text()
}

/// What can be done with all jobs of a filter. Without any condition nothing is offered: that would mean everything.
fn batch(look: &Look) -> Vec<(&'static str, String)> {
    let what = match (&look.task, &look.queue) {
        (Some(task), _) => format!(" of {task}"),
        (None, Some(queue)) => format!(" in queue {queue}"),
        _ => String::new(),
    };
    let all = |verb: &str, state: &str| format!("{verb} all {state} jobs{what}…");
    match (look.held, look.state) {
        (true, _) => vec![("cancel", all("Cancel", "held"))],
        (_, Some(State::Discarded)) => vec![("retry", all("Retry", "discarded")), ("delete", all("Delete", "discarded"))],
        (_, Some(State::Cancelled)) => vec![("retry", all("Retry", "cancelled")), ("delete", all("Delete", "cancelled"))],
        (_, Some(State::Completed)) => vec![("delete", all("Delete", "completed"))],
        (_, Some(State::Retryable)) => vec![("cancel", all("Cancel", "retrying"))],
        (_, Some(state)) => vec![("cancel", all("Cancel", state.as_str()))],
        (_, None) => vec![],
    }
}

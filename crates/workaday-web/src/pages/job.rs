//! One job: why it stands where it stands, what each attempt left, and what can be done.

use super::rows;
use super::today::retry_said;
use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page, segment};
use crate::{facts, mask, show, words};
use askama::Template;
use serde_json::{Value, json};
use std::collections::HashMap;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::fingerprint::{fingerprint, place};
use workaday_core::job::{Fence, State};
use workaday_core::measure::Evidence;
use workaday_store::StoreError;
use workaday_store::sqlite::read::{AttemptRow, JobDetail, LogRow, Reader};

/// Attempts shown; the first and the last ones say most.
const ATTEMPTS_MAX: usize = 20;
/// Lines of log on the page, and their bytes: the last ones.
const LOG_LINES_MAX: usize = 1_000;
const LOG_BYTES_MAX: usize = 24_000;
const TRACEBACK_CHARS: usize = 4_000;
const JSON_CHARS: usize = 6_000;
/// Completed jobs looked through for runs of the same task.
const RUNS_LOOKED: usize = 1_000;

struct Line {
    clock_html: String,
    source: String,
    class: &'static str,
    text: String,
}

struct Attempt {
    number: u32,
    outcome_html: String,
    started_html: String,
    ran: String,
    waited: String,
    cpu: String,
    memory: String,
    release: Option<String>,
    did: Option<String>,
    repeated: Vec<(String, u64)>,
    unexpected: Option<String>,
    said: Option<String>,
    expected: Option<String>,
    retry: Option<String>,
    place: Option<String>,
    traceback: Option<String>,
    error_href: Option<String>,
    lines: Vec<Line>,
    lines_left_out: i64,
    dropped: i64,
    is_last: bool,
}

struct Step {
    said: &'static str,
    when_html: String,
    note: String,
}

#[derive(Template)]
#[template(path = "job.html")]
struct View<'a> {
    s: Sheet<'a>,
    detail: &'a JobDetail,
    id: String,
    args_line: String,
    args: String,
    args_editable: Option<String>,
    result: Option<String>,
    state_html: String,
    because: String,
    next: String,
    commands: Vec<String>,
    attempts: Vec<Attempt>,
    attempts_left_out: usize,
    is_running: bool,
    running: Vec<Line>,
    /// The attempt that runs has printed more than is shown.
    running_is_cut: bool,
    steps: Vec<Step>,
    entry: Option<TaskEntry>,
    retry: &'static str,
    tags: Vec<String>,
    usual: Option<String>,
    progress: Option<(String, String)>,
    task_href: String,
    created_html: String,
    expires_html: Option<String>,
}

pub fn job(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let now = context.now;
    let detail = reader.find_job(context.params.first().map(String::as_str).unwrap_or_default())?;
    let job = &detail.summary;
    let s = Sheet::new(context, job.task.clone(), "Jobs");
    let all = reader.attempts(job.key)?;
    let tasks = reader.tasks()?;
    let entry = facts::entry_of(&tasks, &job.task);
    let why = facts::explain(reader, facts::is_served(reader, now)?, &detail, &all, &tasks, now)?;
    let (mut logs, cut) = logs(reader, &detail, &s)?;
    let attempts_left_out = all.len().saturating_sub(ATTEMPTS_MAX);
    let count = all.len();
    let attempts: Vec<Attempt> = all
        .iter()
        .enumerate()
        .skip(attempts_left_out)
        .map(|(number, row)| attempt(&job.task, row, &s, logs.remove(&row.fence).unwrap_or_default(), number + 1 == count))
        .collect();
    let running = logs.remove(&job.fence).unwrap_or_default();
    let shown = rows::shown(&detail.args, &context.mask);
    let pretty = |value: &Value| words::cut(&serde_json::to_string_pretty(value).unwrap_or_default(), JSON_CHARS);
    let args = shown.as_ref().map_or_else(|| words::cut(&mask::text(&detail.args), 200), pretty);
    // Arguments with hidden parts cannot be sent back as they are shown.
    let is_whole = serde_json::from_str::<Value>(&detail.args).ok() == shown && args.len() < JSON_CHARS;
    let usual = usual(reader, &detail, &all, &s)?;
    let json = to_json(context, &detail, &all, &why);
    let view = View {
        id: job.id.to_string(),
        args_line: words::cut(&rows::arguments(&detail.args, &context.mask), 160),
        args_editable: is_whole.then(|| args.clone()),
        args,
        result: detail.result.as_deref().and_then(|text| rows::shown(text, &context.mask)).map(|value| pretty(&value)),
        state_html: show::state(job.state, job.held),
        because: show::prose(&s.t.readable(&mask::text(&why.because))),
        next: show::prose(&s.t.readable(&mask::text(&why.next))),
        commands: why.commands,
        attempts,
        attempts_left_out,
        is_running: job.state == State::Running,
        running,
        running_is_cut: cut == Some(job.fence),
        steps: steps(&detail, &all, &s),
        retry: entry.as_ref().map_or("no worker has stated this task", retry_said),
        entry,
        tags: rows::tags(job),
        usual,
        progress: job.progress.map(|share| (format!("{:.3}", share.clamp(0.0, 1.0)), format!("{:.0} %", share * 100.0))),
        task_href: format!("/tasks/{}", segment(&job.task)),
        created_html: s.t.ago(job.created_at),
        expires_html: detail.expires_at.map(|at| s.t.ago(at)),
        detail: &detail,
        s,
    };
    page(&view.s, &view, json)
}

/// Lines by claim.
type Lines = HashMap<Fence, Vec<Line>>;

/// The last lines of all, and the claim whose beginning was left out, if one was.
fn logs(reader: &Reader, detail: &JobDetail, s: &Sheet<'_>) -> Result<(Lines, Option<Fence>), StoreError> {
    let mut rows = reader.last_logs(detail.summary.key, LOG_LINES_MAX)?;
    let (mut bytes, mut kept) = (0, 0);
    for row in rows.iter().rev() {
        bytes += row.text.len() + 90;
        if bytes > LOG_BYTES_MAX {
            break;
        }
        kept += 1;
    }
    let left_out = rows.len() == LOG_LINES_MAX || kept < rows.len();
    rows.drain(..rows.len() - kept);
    let cut = rows.first().map(|row| row.fence).filter(|_| left_out);
    let mut by_claim = Lines::new();
    for row in rows {
        by_claim.entry(row.fence).or_default().push(line(&row, s));
    }
    Ok((by_claim, cut))
}

fn line(row: &LogRow, s: &Sheet<'_>) -> Line {
    let (source, class) = match (row.level.as_deref(), row.stream.as_str()) {
        (Some(level @ ("ERROR" | "CRITICAL")), _) => (level.to_owned(), "bad"),
        (Some(level @ "WARNING"), _) => (level.to_owned(), "wait"),
        (Some(level), _) => (level.to_owned(), "soft"),
        (None, stream) => (stream.to_owned(), "soft"),
    };
    let text = match row.logger.as_deref().filter(|logger| !logger.is_empty()) {
        Some(logger) => format!("{logger}: {}", row.text.trim_end()),
        None => row.text.trim_end().to_owned(),
    };
    Line { clock_html: s.t.clock(row.at), source, class, text: mask::text(&words::cut(&text, 2_000)) }
}

fn attempt(task: &str, row: &AttemptRow, s: &Sheet<'_>, lines: Vec<Line>, is_last: bool) -> Attempt {
    let error: Option<Value> = row.error.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let field = |name: &str| {
        error.as_ref().and_then(|error| error.get(name)).and_then(Value::as_str).filter(|text| !text.is_empty()).map(mask::text)
    };
    let traceback = field("traceback");
    let evidence = row.evidence.as_deref().and_then(Evidence::read).unwrap_or_default();
    let group = fingerprint(task, row.outcome, row.error.as_deref(), row.cause.as_deref());
    Attempt {
        number: row.attempt,
        outcome_html: show::outcome(row.outcome),
        started_html: s.t.clock(row.started_at.unwrap_or(row.claimed_at)),
        ran: s.t.span_or(row.ran_us),
        waited: s.t.span_or(row.waited_us),
        cpu: s.t.span_or(row.cpu_us),
        memory: row.memory_peak_kib.map_or_else(|| "–".to_owned(), words::kib),
        release: row.release.clone(),
        did: did(&evidence, s),
        repeated: evidence.statements.into_iter().map(|(statement, calls)| (mask::text(&statement), calls)).collect(),
        unexpected: row.unexpected.as_deref().map(mask::text),
        said: facts::said(row.error.as_deref(), row.cause.as_deref()),
        expected: field("expected"),
        retry: field("retry"),
        place: traceback.as_deref().and_then(place),
        // The end of a traceback is where it happened.
        traceback: traceback.map(|text| {
            let from = text.char_indices().rev().nth(TRACEBACK_CHARS).map_or(0, |(at, _)| at);
            if from > 0 { format!("…{}", &text[from..]) } else { text }
        }),
        error_href: group.map(|group| format!("/errors/{group}")),
        lines_left_out: (row.log_lines - lines.len() as i64).max(0),
        dropped: row.log_dropped_bytes,
        lines,
        is_last,
    }
}

/// What it did besides running: `12 statements in 34 ms, 2 HTTP calls in 1.2 s`.
fn did(evidence: &Evidence, s: &Sheet<'_>) -> Option<String> {
    let calls =
        |calls: u64, us: u64, noun| (calls > 0).then(|| format!("{} in {}", words::many(calls as usize, noun), s.t.span(us as i64)));
    let looked = evidence.cache_hits + evidence.cache_misses;
    let cache = (looked > 0).then(|| format!("{} of {looked} found in a cache", evidence.cache_hits));
    let said = [calls(evidence.db_calls, evidence.db_us, "statement"), calls(evidence.http_calls, evidence.http_us, "HTTP call"), cache];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn steps(detail: &JobDetail, attempts: &[AttemptRow], s: &Sheet<'_>) -> Vec<Step> {
    let job = &detail.summary;
    let after = |from: Timestamp, to: Timestamp| format!("{} later", words::length(to - from));
    let mut steps = vec![Step { said: "enqueued", when_html: s.t.clock(job.created_at), note: s.t.day_text(job.created_at) }];
    if job.run_at - job.created_at > Length::seconds(1) && !matches!(job.state, State::Retryable) && attempts.is_empty() {
        steps.push(Step { said: "due", when_html: s.t.clock(job.run_at), note: after(job.created_at, job.run_at) });
    }
    if let Some(first) = attempts.first() {
        let started = first.started_at.unwrap_or(first.claimed_at);
        steps.push(Step { said: "started", when_html: s.t.clock(started), note: after(job.created_at, started) });
    } else if let Some(claimed) = job.claimed_at {
        steps.push(Step { said: "started", when_html: s.t.clock(claimed), note: after(job.created_at, claimed) });
    }
    match (job.finished_at, job.state) {
        (Some(ended), state) => {
            let said = match state {
                State::Completed => "completed",
                State::Cancelled => "cancelled",
                _ => "discarded",
            };
            steps.push(Step { said, when_html: s.t.clock(ended), note: after(job.created_at, ended) });
        }
        (None, State::Retryable | State::Scheduled) if job.run_at > s.t.now => {
            steps.push(Step { said: "next", when_html: s.t.clock(job.run_at), note: words::ago(s.t.now, job.run_at) });
        }
        _ => {}
    }
    steps
}

/// `It ran 0.8 s; the last 50 runs of this task took 0.6 s to 1.1 s.`
fn usual(reader: &Reader, detail: &JobDetail, attempts: &[AttemptRow], s: &Sheet<'_>) -> Result<Option<String>, StoreError> {
    let now = s.t.now;
    let runs = reader.recent_runs(now - Length::days(30), now, RUNS_LOOKED)?;
    let mut ran: Vec<i64> = runs.iter().filter(|run| run.task == detail.summary.task).filter_map(|run| run.ran_us).take(50).collect();
    ran.sort_unstable();
    let (Some(low), Some(high)) = (ran.get(ran.len() / 10), ran.get((ran.len() * 9 / 10).min(ran.len().saturating_sub(1)))) else {
        return Ok(None);
    };
    let own = attempts.last().and_then(|row| row.ran_us).map_or_else(String::new, |us| format!("The last attempt ran {}; ", s.t.span(us)));
    let of = if ran.len() == 1 {
        "the only other run that is kept took".to_owned()
    } else {
        format!("of the last {} runs most took", ran.len())
    };
    let range = if s.t.span(*low) == s.t.span(*high) { s.t.span(*low) } else { format!("{} to {}", s.t.span(*low), s.t.span(*high)) };
    let text = format!("{own}{of} {range}.");
    Ok(Some(text[..1].to_uppercase() + &text[1..]))
}

fn to_json(context: &PageContext, detail: &JobDetail, attempts: &[AttemptRow], why: &workaday_core::why::Why) -> Value {
    let job = &detail.summary;
    json!({
        "id": job.id, "task": job.task, "queue": job.queue, "state": job.state, "held": job.held, "priority": job.priority,
        "attempt": job.attempt, "reason": job.reason, "tags": rows::tags(job),
        "args": rows::shown(&detail.args, &context.mask),
        "result": detail.result.as_deref().and_then(|text| rows::shown(text, &context.mask)),
        "created_at": job.created_at.to_string(), "run_at": job.run_at.to_string(),
        "finished_at": job.finished_at.map(|at| at.to_string()), "rerun_of": detail.rerun_of,
        "why": {"because": mask::text(&why.because), "next": mask::text(&why.next), "commands": why.commands},
        "attempts": attempts.iter().map(|row| json!({
            "attempt": row.attempt, "outcome": row.outcome, "claimed_at": row.claimed_at.to_string(), "ended_at": row.ended_at.to_string(),
            "waited_us": row.waited_us, "ran_us": row.ran_us, "cpu_us": row.cpu_us, "memory_peak_kib": row.memory_peak_kib,
            "release": row.release, "said": facts::said(row.error.as_deref(), row.cause.as_deref()), "log_lines": row.log_lines,
            "evidence": row.evidence.as_deref().and_then(|text| rows::shown(text, &context.mask)), "unexpected": row.unexpected.as_deref().map(mask::text),
        })).collect::<Vec<_>>(),
    })
}

/// A page for something that is not in the store.
pub fn missing(code: &'static str, what: String, expected: &str) -> Problem {
    Problem::new(code, what).expected(expected).retry(RetryAdvice::SafeAfterFix, "safe with another name; nothing was changed")
}

//! A job as one row: the same on every page that lists some.

use crate::page::PageContext;
use crate::show::{self, Teller};
use crate::{mask, words};
use serde_json::{Value, json};
use workaday_core::clock::Timestamp;
use workaday_core::job::{JobId, State};
use workaday_store::sqlite::read::{JobSummary, ListedJob};

/// What is shown of arguments in a row.
const CALL_CHARS: usize = 110;

/// Markup is in fields that end in `_html`.
pub struct JobRow {
    pub id: JobId,
    pub short_id: String,
    pub task: String,
    pub args: String,
    pub queue: String,
    pub state_html: String,
    pub attempt: String,
    pub when_html: String,
    pub note: Option<String>,
    pub tags: Vec<String>,
}

pub fn row(context: &PageContext, teller: &Teller, listed: &ListedJob) -> JobRow {
    let job = &listed.job;
    let id = job.id.to_string();
    JobRow {
        id: job.id,
        short_id: words::short_id(&id),
        task: job.task.clone(),
        args: words::cut(&arguments(&listed.args, &context.mask), CALL_CHARS),
        queue: job.queue.clone(),
        state_html: show::state(job.state, job.held),
        attempt: if job.attempt == 0 { "–".to_owned() } else { job.attempt.to_string() },
        when_html: when(teller, job),
        note: progress(job),
        tags: tags(job),
    }
}

/// The instant that says most about a job in its state.
pub fn when(teller: &Teller, job: &JobSummary) -> String {
    let (word, at): (&str, Timestamp) = match (job.state, job.finished_at, job.claimed_at) {
        (_, Some(finished), _) => ("ended", finished),
        (State::Running, _, Some(claimed)) => ("started", claimed),
        (State::Scheduled | State::Retryable, ..) => ("due", job.run_at),
        _ => ("enqueued", job.created_at),
    };
    format!("<span class=soft>{word}</span> {}", teller.ago(at))
}

fn progress(job: &JobSummary) -> Option<String> {
    let share = job.progress.map(|share| format!("{:.0} %", share * 100.0));
    let parts: Vec<String> = share.into_iter().chain(job.progress_note.clone()).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

pub fn tags(job: &JobSummary) -> Vec<String> {
    job.tags.as_deref().and_then(|tags| serde_json::from_str(tags).ok()).unwrap_or_default()
}

/// `order_id=42, copy=true`, secrets hidden. Arguments that were cut cannot be searched for secrets, so they are not shown.
pub fn arguments(args: &str, mask: &[String]) -> String {
    match shown(args, mask) {
        Some(Value::Object(fields)) => fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "),
        Some(other) => other.to_string(),
        None => "…".to_owned(),
    }
}

/// The arguments as JSON, secrets hidden.
pub fn shown(args: &str, mask: &[String]) -> Option<Value> {
    let mut value: Value = serde_json::from_str(args).ok()?;
    mask::value(&mut value, mask);
    Some(value)
}

pub fn to_json(context: &PageContext, listed: &ListedJob) -> Value {
    let job = &listed.job;
    json!({
        "id": job.id, "task": job.task, "queue": job.queue, "state": job.state, "held": job.held, "priority": job.priority,
        "attempt": job.attempt, "args": shown(&listed.args, &context.mask), "tags": tags(job), "reason": job.reason,
        "progress": job.progress, "progress_note": job.progress_note,
        "run_at": job.run_at.to_string(), "created_at": job.created_at.to_string(),
        "finished_at": job.finished_at.map(|at| at.to_string()),
    })
}

//! Gathers what `core::why` needs to explain a job, so that the page says the same words as `workaday job why`.

use serde_json::Value;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_core::job::{Lane, State};
use workaday_core::why::{Facts, Last, Rule, Why, why};
use workaday_store::StoreError;
use workaday_store::sqlite::read::{AttemptRow, HoldRow, JobDetail, JobFilter, Reader, TaskRow};

/// Explains a job from what the store says of it now. `is_served`: a supervisor is there, as each face finds out in its own way.
pub fn explain(
    reader: &Reader,
    is_served: bool,
    detail: &JobDetail,
    attempts: &[AttemptRow],
    tasks: &[TaskRow],
    now: Timestamp,
) -> Result<Why, StoreError> {
    let job = &detail.summary;
    let id = job.id.to_string();
    let entry = stated(tasks, &job.task);
    let holds = reader.holds(true)?;
    let marking = job.held_rule.and_then(|number| holds.iter().find(|hold| hold.rule.rule == number));
    let of_queue = holds.iter().find(|hold| is_active(hold, now) && hold.rule.queue.as_deref() == Some(&job.queue));
    let rule = marking.or(of_queue).map(|hold| &hold.rule);
    let where_args: Vec<String> = rule.map(where_pairs).unwrap_or_default();
    let last_error = attempts.last().and_then(|row| said(row.error.as_deref(), row.cause.as_deref()).or_else(|| row.unexpected.clone()));
    let ahead = if job.state == State::Available && job.held.is_none() { ahead(reader, detail)? } else { None };
    Ok(why(&Facts {
        now,
        id: &id,
        task: &job.task,
        queue: &job.queue,
        state: job.state,
        lane: if job.counts.suspect > 0 { Lane::Solo } else { job.lane },
        run_at: job.run_at,
        counts: job.counts,
        attempts_max: entry.as_ref().map(|entry| entry.attempts() + job.attempt_extra),
        timeout: entry.as_ref().and_then(TaskEntry::timeout),
        held: job.held,
        rule: rule.map(|rule| Rule { reason: &rule.reason, owner: rule.owner.as_deref(), until: rule.until, where_args: &where_args }),
        queue_paused: of_queue.is_some(),
        expires_at: detail.expires_at,
        cancel_requested: job.cancel_requested_at.is_some(),
        claimed_at: job.claimed_at,
        supervisor: is_served,
        ahead,
        last: attempts.last().map(|row| Last {
            attempt: row.attempt,
            outcome: row.outcome,
            ended_at: row.ended_at,
            error: last_error.as_deref(),
            limit: Last::limit_of(row.cause.as_deref()),
        }),
        finished_at: job.finished_at,
        reason: job.reason.as_deref(),
        cancel_reason: detail.cancel_reason.as_deref(),
    }))
}

/// The task's entry, if a worker that is present has stated it.
pub fn stated(tasks: &[TaskRow], name: &str) -> Option<TaskEntry> {
    entry(tasks.iter().find(|row| row.name == name && row.present))
}

/// The task's entry, whether or not a worker states it now.
pub fn entry_of(tasks: &[TaskRow], name: &str) -> Option<TaskEntry> {
    entry(tasks.iter().find(|row| row.name == name))
}

fn entry(row: Option<&TaskRow>) -> Option<TaskEntry> {
    row.and_then(|row| serde_json::from_str(&row.entry).ok())
}

pub fn is_active(hold: &HoldRow, now: Timestamp) -> bool {
    hold.released_at.is_none() && hold.rule.is_active(now)
}

/// `order_id=42`, as `--where` takes it: text stands without its JSON quotes.
pub fn where_pairs(rule: &HoldRule) -> Vec<String> {
    let one = |(name, value): &(String, Value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    };
    rule.where_args.iter().map(one).collect()
}

/// What an attempt says of its end: `SMTPError: 535 bad credentials`, else how its process died: `signal SIGKILL`.
pub fn said(error: Option<&str>, cause: Option<&str>) -> Option<String> {
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let field = |json: &Value, name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(error) = read(error) {
        let message = field(&error, "message").unwrap_or_default();
        return match field(&error, "type").filter(|kind| !kind.is_empty()) {
            Some(kind) if message.is_empty() => Some(kind),
            Some(kind) => Some(format!("{kind}: {message}")),
            None => Some(message),
        };
    }
    let cause = read(cause)?;
    let kind = field(&cause, "kind").unwrap_or_else(|| "unknown".into());
    let more = field(&cause, "signal").or_else(|| cause.get("signal").or_else(|| cause.get("code")).map(Value::to_string));
    Some(more.map_or(kind.clone(), |more| format!("{kind} {more}")))
}

/// Ready jobs of the same queue that go first; not counted beyond a page, where the exact number helps nobody.
fn ahead(reader: &Reader, detail: &JobDetail) -> Result<Option<u64>, StoreError> {
    const PAGE: usize = 1_000;
    let job = &detail.summary;
    let filter =
        JobFilter { state: Some(State::Available), queue: Some(job.queue.clone()), held: Some(false), limit: PAGE, ..JobFilter::default() };
    let ready = reader.jobs(&filter)?;
    if ready.len() >= PAGE {
        return Ok(None);
    }
    let order = |priority: i32, run_at: Timestamp, key: i64| (-i64::from(priority), run_at, key);
    let own = order(job.priority, job.run_at, job.key.0);
    Ok(Some(ready.iter().filter(|other| order(other.priority, other.run_at, other.key.0) < own).count() as u64))
}

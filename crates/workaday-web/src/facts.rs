//! What the store knows of a job, gathered for `core::why`: the page says the same words as `workaday job why`.

use serde_json::Value;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::{Lane, State};
use workaday_core::why::{Facts, Last, Rule, Why, why};
use workaday_store::StoreError;
use workaday_store::sqlite::read::{AttemptRow, HoldRow, JobDetail, Look, Reader, TaskRow};

/// A supervisor that has not written for so long is gone.
const SILENCE_MAX: Length = Length::seconds(90);

/// Does a supervisor serve this store, as far as the store knows?
pub fn is_served(reader: &Reader, now: Timestamp) -> Result<bool, StoreError> {
    Ok(reader.workers(false, 200)?.iter().any(|worker| worker.kind == "supervisor" && now - worker.seen_at < SILENCE_MAX))
}

/// The task's entry, whether or not a worker states it now.
pub fn entry_of(tasks: &[TaskRow], name: &str) -> Option<TaskEntry> {
    tasks.iter().find(|row| row.name == name).and_then(|row| serde_json::from_str(&row.entry).ok())
}

pub fn is_active(hold: &HoldRow, now: Timestamp) -> bool {
    hold.released_at.is_none() && hold.rule.is_active(now)
}

/// `order_id=42`, for each argument value that a rule names.
pub fn where_pairs(hold: &HoldRow) -> Vec<String> {
    let one = |(name, value): &(String, Value)| match value {
        Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    };
    hold.rule.where_args.iter().map(one).collect()
}

/// Explains a job from what the store says of it now.
pub fn explain(reader: &Reader, detail: &JobDetail, attempts: &[AttemptRow], tasks: &[TaskRow], now: Timestamp) -> Result<Why, StoreError> {
    let job = &detail.summary;
    let id = job.id.to_string();
    let entry = entry_of(tasks, &job.task).filter(|_| tasks.iter().any(|row| row.name == job.task && row.present));
    let holds = reader.holds(true)?;
    let marking = job.held_rule.and_then(|number| holds.iter().find(|hold| hold.rule.rule == number));
    let of_queue = holds.iter().find(|hold| is_active(hold, now) && hold.rule.queue.as_deref() == Some(&job.queue));
    let hold = marking.or(of_queue);
    let where_args: Vec<String> = hold.map(where_pairs).unwrap_or_default();
    let last_error = attempts
        .last()
        .and_then(|row| said(row.error.as_deref(), row.cause.as_deref()).or_else(|| row.unexpected.as_deref().map(crate::mask::text)));
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
        rule: hold.map(|hold| Rule {
            reason: &hold.rule.reason,
            owner: hold.rule.owner.as_deref(),
            until: hold.rule.until,
            where_args: &where_args,
        }),
        queue_paused: of_queue.is_some(),
        expires_at: detail.expires_at,
        cancel_requested: job.cancel_requested_at.is_some(),
        claimed_at: job.claimed_at,
        supervisor: is_served(reader, now)?,
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

/// `SMTPError: 535 bad credentials`, or how the process died: `signal 9`.
pub fn said(error: Option<&str>, cause: Option<&str>) -> Option<String> {
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let field = |json: &Value, name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(error) = read(error) {
        let message = crate::mask::text(&field(&error, "message").unwrap_or_default());
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
    const PAGE: usize = 200;
    let job = &detail.summary;
    let seen = reader.look(&Look { state: Some(State::Available), queue: Some(job.queue.clone()), limit: PAGE, ..Look::default() })?;
    if seen.next.is_some() {
        return Ok(None);
    }
    let order = |priority: i32, run_at: Timestamp, key: i64| (-i64::from(priority), run_at, key);
    let own = order(job.priority, job.run_at, job.key.0);
    let waiting = seen.jobs.iter().filter(|other| other.job.held.is_none());
    Ok(Some(waiting.filter(|other| order(other.job.priority, other.job.run_at, other.job.key.0) < own).count() as u64))
}

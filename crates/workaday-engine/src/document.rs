//! Rows as JSON documents: what `--json` prints. Names are those of the store; instants are ISO 8601 in UTC.

use serde_json::{Value, json};
use workaday_core::clock::Timestamp;
use workaday_store::sqlite::read::{AttemptRow, HoldRow, JobDetail, JobSummary, LogRow, QueueCounts, TaskRow, WorkerStatus};
use workaday_store::{ScheduleRow, TickSeen};

/// An instant as text.
pub fn instant(at: Timestamp) -> Value {
    at.to_string().into()
}

pub fn optional(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, instant)
}

/// Stored JSON as a value; text that does not parse stays text, so that a damaged row can still be shown.
pub fn stored(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// The declaration of a task or schedule: what follows the host of a `ping` is its secret, and is not shown.
pub fn declared(text: &str) -> Value {
    let mut whole = stored(text);
    mask_ping(&mut whole);
    for schedule in whole.get_mut("schedules").and_then(Value::as_array_mut).into_iter().flatten() {
        mask_ping(schedule);
    }
    whole
}

fn mask_ping(declared: &mut Value) {
    if let Some(ping) = declared.get_mut("ping").filter(|ping| ping.is_string()) {
        *ping = workaday_core::visible::masked_url(ping.as_str().unwrap_or_default()).into();
    }
}

fn stored_optional(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| stored(text))
}

pub fn job(job: &JobSummary) -> Value {
    json!({
        "id": job.id, "task": job.task, "queue": job.queue, "state": job.state, "held": job.held, "reason": job.reason,
        "priority": job.priority, "lane": job.lane, "attempt": job.attempt, "attempt_extra": job.attempt_extra,
        "crash_count": job.counts.crash, "suspect_count": job.counts.suspect, "rescue_count": job.counts.rescue,
        "tags": stored_optional(job.tags.as_ref()), "progress": job.progress, "progress_note": job.progress_note,
        "created_at": instant(job.created_at), "run_at": instant(job.run_at), "claimed_at": optional(job.claimed_at),
        "cancel_requested_at": optional(job.cancel_requested_at), "finished_at": optional(job.finished_at),
    })
}

pub fn job_whole(detail: &JobDetail, attempts: &[AttemptRow]) -> Value {
    let mut whole = job(&detail.summary);
    let more = json!({
        "args": stored(&detail.args), "result": stored_optional(detail.result.as_ref()), "expires_at": optional(detail.expires_at),
        "cancel_reason": detail.cancel_reason, "unique_key": detail.unique_key, "rerun_of": detail.rerun_of,
        "enqueued_release": detail.enqueued_release, "attempts": attempts.iter().map(attempt).collect::<Vec<_>>(),
    });
    if let (Value::Object(whole), Value::Object(more)) = (&mut whole, more) {
        whole.extend(more);
    }
    whole
}

pub fn attempt(row: &AttemptRow) -> Value {
    json!({
        "attempt": row.attempt, "fence": row.fence.0, "outcome": row.outcome, "claimed_at": instant(row.claimed_at),
        "started_at": optional(row.started_at), "ended_at": instant(row.ended_at), "waited_us": row.waited_us, "ran_us": row.ran_us,
        "cpu_us": row.cpu_us, "memory_peak_kib": row.memory_peak_kib, "error": stored_optional(row.error.as_ref()),
        "cause": stored_optional(row.cause.as_ref()), "child": row.child, "release": row.release, "log_lines": row.log_lines,
        "log_dropped_bytes": row.log_dropped_bytes, "evidence": stored_optional(row.evidence.as_ref()), "unexpected": row.unexpected,
    })
}

pub fn log_line(row: &LogRow) -> Value {
    json!({
        "fence": row.fence.0, "seq": row.seq, "at": instant(row.at), "stream": row.stream, "level": row.level, "logger": row.logger, "text": row.text,
    })
}

pub fn task(row: &TaskRow) -> Value {
    let mut entry = declared(&row.entry);
    if let Value::Object(fields) = &mut entry {
        fields.insert("release".into(), json!(row.release));
        fields.insert("present".into(), json!(row.present));
        fields.insert("updated_at".into(), instant(row.updated_at));
    }
    entry
}

pub fn hold(row: &HoldRow) -> Value {
    json!({
        "rule": row.rule.rule, "task": row.rule.task, "queue": row.rule.queue,
        "where": row.rule.where_args.iter().cloned().collect::<serde_json::Map<_, _>>(), "reason": row.rule.reason, "owner": row.rule.owner,
        "until": optional(row.rule.until), "created_at": instant(row.created_at), "released_at": optional(row.released_at),
    })
}

pub fn queue(row: &QueueCounts) -> Value {
    json!({
        "queue": row.queue, "available": row.available, "scheduled": row.scheduled, "retryable": row.retryable, "pending": row.pending,
        "running": row.running, "held": row.held, "oldest_waiting_at": optional(row.oldest_waiting_at), "paused": row.paused,
    })
}

pub fn worker(row: &WorkerStatus) -> Value {
    json!({
        "worker": row.worker, "generation": row.generation.0, "kind": row.kind, "pid": row.pid, "release": row.release,
        "started_at": instant(row.started_at), "seen_at": instant(row.seen_at), "ended_at": optional(row.ended_at),
        "end_cause": row.end_cause, "info": row.info.as_deref().map(stored),
    })
}

pub fn schedule(row: &ScheduleRow) -> Value {
    json!({
        "name": row.name, "task": row.task, "source": row.source, "state": row.state, "broken_reason": row.broken_reason,
        "declared": declared(&row.declared), "anchor": instant(row.anchor), "cursor": instant(row.cursor),
        "next_at": optional(row.next_at), "skips": row.skips, "paused_at": optional(row.paused_at),
        "paused_until": optional(row.paused_until), "pause_note": row.pause_note, "owner": row.owner, "reason": row.reason,
        "runs_known": row.learned.runs(), "expected_us": row.learned.expected().map(|length| length.0),
        "too_long_us": row.learned.too_long().map(|length| length.0), "failures": row.learned.failures,
        "created_at": instant(row.created_at), "updated_at": instant(row.updated_at),
    })
}

pub fn tick(seen: &TickSeen) -> Value {
    let tick = &seen.tick;
    json!({
        "at": instant(tick.at), "until": instant(tick.until), "count": tick.count, "reason": tick.reason,
        "job": tick.job, "job_state": seen.job_state, "late": tick.late, "nominal": tick.nominal, "offset_seconds": tick.offset_seconds,
        "merged": tick.merged, "decided_at": instant(seen.decided_at),
    })
}

//! Frames ↔ events and commands: the engine knows no bytes, the wire knows no jobs.

use crate::clocks::micros_since;
use serde_json::Value;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::measure::Evidence;
use workaday_engine::event::{Ended, Line, Spent, StopWhy};
use workaday_engine::{ChildNo, Event, JobFrame, Moment, Seq};
use workaday_wire::{CancelWhy, Frame, Job, Log, Outcome, OutcomeKind, Stream};

/// A job as its frame.
pub fn job_frame(job: JobFrame) -> Frame {
    let meta = job.meta();
    Frame::Job(Job {
        seq: job.seq.0,
        flush_at_once: job.flush,
        attempt: job.attempt,
        fence: job.fence.max(0) as u64,
        timeout_us: job.timeout_us,
        memory_bytes: job.memory_bytes,
        run_at: job.run_at.0,
        id: *job.id.0.as_bytes(),
        task: job.task,
        args: job.args,
        meta,
    })
}

pub fn cancel_why(why: StopWhy) -> CancelWhy {
    match why {
        StopWhy::ByHand => CancelWhy::ByHand,
        StopWhy::Timeout => CancelWhy::Timeout,
        StopWhy::Drain => CancelWhy::Drain,
    }
}

/// A frame of a child as an event; `None` for those that the supervisor keeps to itself.
pub fn event(child: ChildNo, frame: Frame, now: Moment) -> Option<Event> {
    Some(match frame {
        Frame::Outcome(outcome) => {
            let seq = Seq(outcome.seq);
            let spent = spent(&outcome, now);
            Event::Outcome { child, seq, ended: ended(outcome), spent }
        }
        Frame::Started { seq, at_ns } => Event::Started { child, seq: Seq(seq), at: Timestamp(now.steady.0 - micros_since(at_ns)) },
        Frame::Evidence { seq, json } => Event::Evidence { child, seq: Seq(seq), evidence: Box::new(Evidence::read(&json)?) },
        Frame::Recalled { seqs, .. } => Event::Recalled { child, seqs: seqs.into_iter().map(Seq).collect() },
        Frame::Progress { seq, share, note } => Event::Progress { child, seq: Seq(seq), share, note },
        Frame::Log(log) => {
            let seq = (log.seq != 0).then_some(Seq(log.seq));
            Event::Log { child, seq, line: line(log) }
        }
        _ => return None,
    })
}

fn spent(outcome: &Outcome, now: Moment) -> Spent {
    let begun = outcome.started_ns > 0;
    Spent {
        started_at: begun.then(|| Timestamp(now.wall.0 - micros_since(outcome.started_ns))),
        ran_us: (outcome.ended_ns.saturating_sub(outcome.started_ns) / 1_000) as i64,
        cpu_us: outcome.cpu_us as i64,
        memory_peak_kib: outcome.maxrss_kib as i64,
    }
}

fn ended(outcome: Outcome) -> Ended {
    let payload = outcome.payload;
    let some = |text: String| (!text.is_empty()).then_some(text);
    match outcome.kind {
        OutcomeKind::Completed => Ended::Completed { result: some(payload), mark: some(outcome.mark) },
        OutcomeKind::Failed => Ended::Failed { error: payload, retry: outcome.retry },
        OutcomeKind::TimedOut => Ended::TimedOut { error: some(payload) },
        OutcomeKind::OverMemory => Ended::OverMemory { error: some(payload) },
        OutcomeKind::Snoozed => Ended::Snoozed { until: Timestamp(outcome.until_us) },
        OutcomeKind::Cancelled => Ended::Cancelled { error: some(payload) },
        OutcomeKind::Discarded => Ended::Discarded { error: some(payload) },
        OutcomeKind::GivenBack => Ended::GivenBack,
        OutcomeKind::Misfit => Ended::Misfit { error: payload },
        OutcomeKind::UnknownTask => Ended::UnknownTask,
    }
}

fn line(log: Log) -> Line {
    let stream = match log.stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
        Stream::Log => "log",
        Stream::Raw => "raw",
        Stream::System => "system",
    };
    let level = match log.level {
        0 => None,
        1 => Some("DEBUG".to_owned()),
        2 => Some("INFO".to_owned()),
        3 => Some("WARNING".to_owned()),
        4 => Some("ERROR".to_owned()),
        5 => Some("CRITICAL".to_owned()),
        other => Some(format!("LEVEL{}", i32::from(other) * 10)),
    };
    let logger = (!log.logger.is_empty()).then_some(log.logger);
    Line { stream, level, logger, text: log.text, at: Timestamp(log.at_us) }
}

/// What `hello` holds, or why it cannot be used.
pub fn hello(child: ChildNo, json: &str, pid: i64) -> Result<Event, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| format!("hello is no JSON: {error}"))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("workaday");
    if version != env!("CARGO_PKG_VERSION") {
        return Err(format!(
            "its workaday is {version}, this program is {}: install the same version in the interpreter of the workers",
            env!("CARGO_PKG_VERSION")
        ));
    }
    if value.get("protocol").and_then(Value::as_u64) != Some(u64::from(workaday_wire::PROTOCOL)) {
        return Err(format!("its protocol is {:?}, this program speaks {}", value.get("protocol"), workaday_wire::PROTOCOL));
    }
    let stated = value.get("catalogue").and_then(Value::as_array).cloned().unwrap_or_default();
    let raw: Vec<String> = stated.iter().map(Value::to_string).collect();
    let catalogue: Result<Vec<TaskEntry>, _> = stated.into_iter().map(serde_json::from_value).collect();
    let catalogue = catalogue.map_err(|error| format!("a catalogue entry cannot be read: {error}"))?;
    let release = Some(text("release")).filter(|release| !release.is_empty());
    Ok(Event::Ready { child, catalogue, raw, hash: text("catalogue_hash"), release, pid })
}

/// What `bye` says of a failed import, in one line.
pub fn import_error(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    let error = value.get("import_error").filter(|error| !error.is_null())?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    Some(format!("{}: {}", text("type"), text("message")))
}

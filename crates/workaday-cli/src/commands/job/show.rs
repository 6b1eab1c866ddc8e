//! `job show ID`: all that is known of one job, the verdict first.

use crate::args::JobShow;
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::render::{Cell, Output, Table, Tone, state};
use crate::{beside, document, facts, text, words};
use std::io;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::job::{AttemptOutcome, HeldCode};
use workaday_core::measure::Evidence;
use workaday_store::sqlite::read::{AttemptRow, JobDetail};

pub fn run(args: &JobShow, context: &mut Context) -> Done {
    let (reader, database, now) = (context.reader()?, context.database()?, context.now());
    let detail = reader.find_job(&args.id)?;
    let attempts = reader.attempts(detail.summary.key)?;
    let tasks = reader.tasks()?;
    let why = facts::explain(&reader, beside::supervisor(&database).is_some(), &detail, &attempts, &tasks, now)?;
    if context.out.json {
        let mut whole = document::job_whole(&detail, &attempts);
        whole["why"] = serde_json::json!({"because": why.because, "next": why.next});
        context.out.json(&whole)?;
        return Ok(DONE);
    }
    let entry = facts::stated(&tasks, &detail.summary.task);
    let out = &mut context.out;
    head(out, &detail)?;
    out.line(format!("{} {}", text::line(&why.because), text::line(&why.next)))?;
    out.line("")?;
    particulars(out, &detail, entry.as_ref(), now)?;
    if !attempts.is_empty() {
        out.line("")?;
        out.table(&table(&attempts, now), "")?;
    }
    for row in &attempts {
        if let Some(evidence) = row.evidence.as_deref().and_then(Evidence::read) {
            out.line(out.paint(Tone::Soft, &text::line(&format!("attempt {}: {}", row.attempt, did(&evidence)))))?;
        }
    }
    trace(out, &attempts, args.traceback)?;
    Ok(DONE)
}

fn head(out: &mut Output, detail: &JobDetail) -> io::Result<()> {
    let job = &detail.summary;
    let state = out.cell(&state(job.state, job.held.map(HeldCode::as_str)));
    let call = text::cut(&call(&job.task, &detail.args), 100).into_owned();
    let attempt = if job.attempt > 0 { format!(", attempt {}", job.attempt) } else { String::new() };
    out.line(format!("{}  {state}{attempt}", out.paint(Tone::Strong, &call)))
}

/// `mail.send_invoice(order_id=42, copy=true)`.
fn call(task: &str, args: &str) -> String {
    let shown = match document::stored(args) {
        serde_json::Value::Object(args) => args.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    text::line(&format!("{task}({shown})")).into_owned()
}

fn particulars(out: &mut Output, detail: &JobDetail, entry: Option<&TaskEntry>, now: Timestamp) -> io::Result<()> {
    let job = &detail.summary;
    let mut rows: Vec<(&str, String)> = vec![
        ("id", job.id.to_string()),
        ("queue", format!("{}, priority {}, lane {}", job.queue, job.priority, job.lane)),
        ("enqueued", words::exactly(now, job.created_at)),
    ];
    let optional = [
        ("due", (!job.state.is_finished()).then(|| words::exactly(now, job.run_at))),
        ("claimed", job.claimed_at.map(|at| words::exactly(now, at))),
        ("finished", job.finished_at.map(|at| words::exactly(now, at))),
        ("expires", detail.expires_at.map(|at| words::exactly(now, at))),
        ("progress", job.progress.map(|share| format!("{:.0} % {}", share * 100.0, job.progress_note.as_deref().unwrap_or_default()))),
        ("result", detail.result.as_deref().map(|result| text::cut(result, 200).into_owned())),
        ("tags", job.tags.as_deref().map(|tags| serde_json::from_str::<Vec<String>>(tags).map_or(tags.to_owned(), |tags| tags.join(", ")))),
        ("unique key", detail.unique_key.clone()),
        ("run again of", detail.rerun_of.map(|id| id.to_string())),
        ("release", detail.enqueued_release.clone()),
        ("owner", entry.and_then(|entry| entry.owner.clone())),
        ("expects", entry.and_then(|entry| entry.expects.clone())),
        ("rollback", entry.and_then(|entry| entry.rollback.clone())),
        ("run twice", entry.and_then(|entry| entry.retry_safe).map(|safe| if safe { "safe".to_owned() } else { "not safe".to_owned() })),
    ];
    rows.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    for (name, value) in rows {
        let name = out.paint(Tone::Soft, &format!("{name:<13}"));
        out.line(format!("{name}{}", text::line(&value)))?;
    }
    Ok(())
}

fn table(attempts: &[AttemptRow], now: Timestamp) -> Table {
    let mut table = Table::new(&[">attempt", "outcome", "ended", ">ran", ">cpu", ">peak", ">lines", "error"]);
    for row in attempts {
        let length = |value: Option<i64>| Cell::new(value.map_or_else(|| "-".to_owned(), words::micros));
        let outcome = match row.unexpected {
            Some(_) => format!("{}, unexpected", row.outcome.as_str()),
            None => row.outcome.as_str().to_owned(),
        };
        let tone = match row.outcome {
            AttemptOutcome::Completed if row.unexpected.is_some() => Tone::Wait,
            AttemptOutcome::Completed => Tone::Good,
            AttemptOutcome::Snoozed | AttemptOutcome::GivenBack | AttemptOutcome::Cancelled => Tone::Soft,
            _ => Tone::Bad,
        };
        table.row([
            Cell::new(row.attempt.to_string()),
            Cell::new(outcome).tone(tone),
            Cell::new(words::ago(now, row.ended_at)),
            length(row.ran_us),
            length(row.cpu_us),
            Cell::new(row.memory_peak_kib.map_or_else(|| "-".to_owned(), |kib| format!("{} MiB", kib / 1024))),
            Cell::new(row.log_lines.to_string()),
            Cell::new(
                facts::said(row.error.as_deref(), row.cause.as_deref())
                    .or_else(|| row.unexpected.clone())
                    .as_deref()
                    .and_then(|error| error.lines().next())
                    .unwrap_or_default(),
            ),
        ]);
    }
    table
}

/// What an attempt did besides running, in words.
fn did(evidence: &Evidence) -> String {
    let mut said = Vec::new();
    let within = |us: u64| words::micros(us as i64);
    if evidence.db_calls > 0 {
        said.push(format!("{} in {}", words::count(evidence.db_calls as usize, "statement"), within(evidence.db_us)));
    }
    if evidence.http_calls > 0 {
        said.push(format!("{} in {}", words::count(evidence.http_calls as usize, "HTTP call"), within(evidence.http_us)));
    }
    if evidence.cache_hits + evidence.cache_misses > 0 {
        said.push(format!("{} of {} found in a cache", evidence.cache_hits, evidence.cache_hits + evidence.cache_misses));
    }
    said.extend(evidence.statements.iter().map(|(statement, calls)| format!("{calls} times `{statement}`")));
    said.join(", ")
}

fn trace(out: &mut Output, attempts: &[AttemptRow], asked: bool) -> io::Result<()> {
    let error = attempts.last().and_then(|row| row.error.as_deref()).map(document::stored);
    let Some(trace) = error.as_ref().and_then(|error| error["traceback"].as_str()).filter(|trace| !trace.trim().is_empty()) else {
        return Ok(());
    };
    out.line("")?;
    if asked { out.line(text::block(trace.trim_end())) } else { out.line("--traceback shows where the last attempt failed.") }
}

//! `runbook TASK`: all that is wanted at three in the morning, on one screen.

use super::task::find;
use crate::args::Runbook;
use crate::context::Context;
use crate::failure::{DONE, Done, Failure};
use crate::render::Tone;
use crate::{text, words};
use serde_json::{Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_store::sqlite::read::{FailureRow, Reader, ReleaseRow};

const FAILURES_SHOWN: usize = 5;
const LOOK_BACK: usize = 200;
const UNSAID: &str = "nobody has said";

pub fn run(args: &Runbook, context: &mut Context) -> Done {
    let (reader, now) = (context.reader()?, context.now());
    let tasks = reader.tasks()?;
    let row = find(&tasks, &args.task)?;
    let entry: Option<TaskEntry> = serde_json::from_str(&row.entry).ok();
    let said = |pick: fn(&TaskEntry) -> Option<&String>| entry.as_ref().and_then(pick).cloned();
    let (doc, owner) = (said(|entry| entry.doc.as_ref()), said(|entry| entry.owner.as_ref()));
    let (expects, rollback) = (said(|entry| entry.expects.as_ref()), said(|entry| entry.rollback.as_ref()));
    let retry_safe = entry.as_ref().and_then(|entry| entry.retry_safe);
    let disable = format!("workaday task pause {} --reason \"…\"", row.name);
    let last_good = reader.last_good(&row.name)?;
    let failures = reader.failures_of(&row.name, FAILURES_SHOWN)?;
    let last_change = last_change(&reader, &row.name)?;
    if context.out.json {
        context.out.json(&json!({
            "task": row.name, "for": doc, "owner": owner, "expects": expects, "rollback": rollback, "retry_safe": retry_safe,
            "disable": disable, "last_good": last_good.map(|(id, at)| json!({"job": id.to_string(), "finished_at": at.to_string()})),
            "failures": failures.iter().map(failure).collect::<Vec<_>>(),
            "last_change": last_change.as_ref().map(|release| json!({"release": release.release, "reason": release.reason, "at": release.started_at.to_string()})),
            "present": row.present, "stated_by": row.release,
        }))?;
        return Ok(DONE);
    }
    let out = &mut context.out;
    out.line(out.paint(Tone::Strong, &text::line(&row.name)))?;
    let mut line = |name: &str, value: String| out.line(format!("{}{}", out.paint(Tone::Soft, &format!("{name:<14}")), text::line(&value)));
    let or_unsaid = |value: Option<String>| value.unwrap_or_else(|| UNSAID.to_owned());
    line("for", or_unsaid(doc))?;
    line("owner", or_unsaid(owner))?;
    line("expected", or_unsaid(expects))?;
    line("may run twice", retry_safe.map_or_else(|| UNSAID.to_owned(), |safe| if safe { "yes" } else { "no" }.to_owned()))?;
    line(
        "last good run",
        last_good.map_or_else(|| "none is kept".to_owned(), |(id, at)| format!("{}, job {id}", words::exactly(now, at))),
    )?;
    line("disable", disable)?;
    line("roll back", or_unsaid(rollback))?;
    let change = last_change.map_or_else(
        || {
            format!(
                "none by `workaday release`; stated {} by release {}",
                words::ago(now, row.updated_at),
                row.release.as_deref().unwrap_or("unknown")
            )
        },
        |release| format!("release {:04}, {}: {}", release.release, words::ago(now, release.started_at), release.reason),
    );
    line("last change", change)?;
    if failures.is_empty() {
        line("failures", "none that was given up is kept".to_owned())?;
    }
    for (index, one) in failures.iter().enumerate() {
        let name = if index == 0 { "failures" } else { "" };
        line(name, format!("{}, job {}: {}", words::ago(now, one.finished_at), one.id, why(one)))?;
    }
    Ok(DONE)
}

fn why(row: &FailureRow) -> String {
    let error: Value = row.error.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let text = |name: &str| error.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("type"), text("message")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => row.reason.clone().unwrap_or_else(|| "its process died".to_owned()),
    }
}

fn failure(row: &FailureRow) -> Value {
    json!({"job": row.id.to_string(), "finished_at": row.finished_at.to_string(), "reason": row.reason, "why": why(row)})
}

/// The newest release whose gate saw this task new or changed.
fn last_change(reader: &Reader, task: &str) -> Result<Option<ReleaseRow>, Failure> {
    let names = |row: &ReleaseRow| {
        let plan: Value = serde_json::from_str(&row.plan).unwrap_or(Value::Null);
        plan["tasks_changed"].as_array().is_some_and(|names| names.iter().any(|name| name == task))
    };
    Ok(reader.releases(None, LOOK_BACK)?.into_iter().find(names))
}

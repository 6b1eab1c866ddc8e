//! `release list` and `release show`.

use crate::args::ReleaseList;
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::render::{Cell, Table, Tone};
use crate::{text, words};
use serde_json::{Value, json};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::read::{ReleaseRow, StepRow};

pub fn list(args: &ReleaseList, context: &mut Context) -> Done {
    let rows = context.reader()?.releases(None, args.limit as usize)?;
    if context.out.json {
        let rows: Vec<_> = rows.iter().map(document).collect();
        context.out.json(&json!({"releases": rows}))?;
        return Ok(DONE);
    }
    let now = context.now();
    let mut table = Table::new(&[">no", "kind", "state", "verdict", "began", "revision", "reason"]);
    for row in &rows {
        let tone = match row.state.as_str() {
            "done" => Tone::Good,
            "open" => Tone::Work,
            "worse" | "failed" => Tone::Bad,
            _ => Tone::Soft,
        };
        table.row([
            Cell::new(row.release.to_string()),
            Cell::new(&row.kind),
            Cell::new(&row.state).tone(tone),
            Cell::new(row.verdict.as_deref().unwrap_or("-")),
            Cell::new(words::ago(now, row.started_at)),
            Cell::new(workaday_ops::git::short(&row.revision)),
            Cell::new(text::line(&row.reason)),
        ]);
    }
    context.out.table(&table, "No release is recorded. `workaday release run --reason … -- CMD` makes the first.")?;
    Ok(DONE)
}

pub fn one(number: i64, context: &mut Context) -> Done {
    let reader = context.reader()?;
    let row = reader.release(number)?.ok_or_else(|| {
        Problem::new("release.not_found", format!("there is no release {number}"))
            .expected("a number that `workaday release list` shows")
            .retry(RetryAdvice::SafeAfterFix, "safe with another number; nothing was changed")
    })?;
    let steps = reader.release_steps(number)?;
    if context.out.json {
        let mut whole = document(&row);
        whole["plan"] = serde_json::from_str(&row.plan).unwrap_or(Value::Null);
        whole["note"] = json!(row.note);
        whole["steps"] = steps.iter().map(step).collect();
        context.out.json(&whole)?;
        return Ok(DONE);
    }
    if let Some(note) = &row.note {
        context.out.line(text::block(note))?;
        return Ok(DONE);
    }
    context.out.line(format!("Release {number} was not closed: {}", text::line(&row.reason)))?;
    for step in &steps {
        context.out.line(format!("  {}: {}", step.step, step.state))?;
    }
    context.out.line("`workaday release resume` goes on with it, `workaday release abort` closes it as it stands.")?;
    Ok(DONE)
}

pub fn document(row: &ReleaseRow) -> Value {
    json!({
        "release": row.release, "kind": row.kind, "state": row.state, "verdict": row.verdict, "revision": row.revision,
        "previous": row.previous, "reason": row.reason, "owner": row.owner, "started_at": row.started_at.to_string(),
        "ended_at": row.ended_at.map(|at| at.to_string()),
    })
}

fn step(step: &StepRow) -> Value {
    json!({
        "step": step.step, "state": step.state, "tries": step.tries, "began_at": step.began_at.to_string(),
        "ended_at": step.ended_at.map(|at| at.to_string()),
        "detail": step.detail.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
    })
}

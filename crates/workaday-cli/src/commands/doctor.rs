//! `doctor`: the checklist, the worst first, and the runs before this one.

use crate::args::Doctor;
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, FAILED, Failure};
use crate::render::{Cell, Table, Tone};
use crate::{document, text, words};
use serde_json::{Value, json};
use workaday_ops::doctor::{Check, Ground, State, gather, judge};
use workaday_store::sqlite::NewChecks;

pub fn run(args: &Doctor, context: &mut Context) -> Done {
    if args.history {
        return history(args.limit as usize, context);
    }
    let now = context.now();
    let settings = context.settings()?;
    let python = workaday_supervisor::interpreter::find(settings.worker.python.as_deref()).ok();
    let checks = judge(&gather(&Ground { settings, now, python }));
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let reds = count(State::Red);
    let kept = keep(&checks, context);
    if context.out.json {
        context.out.json(&json!({
            "at": document::instant(now), "checks": checks, "kept": kept.is_ok(),
            "counts": {"red": reds, "warn": count(State::Warn), "unknown": count(State::Unknown), "ok": count(State::Ok)},
        }))?;
        return Ok(if reds > 0 { FAILED } else { DONE });
    }
    let mut table = Table::new(&["", "check", "found", "expected"]);
    for check in &checks {
        table.row([
            state(check.state),
            Cell::new(&check.name),
            Cell::new(&check.found),
            Cell::new(format!("{} ({})", check.expected, check.sure.as_str())),
        ]);
    }
    context.out.table(&table, "")?;
    let lacking: Vec<&Check> = checks.iter().filter(|check| matches!(check.state, State::Red | State::Warn)).collect();
    if !lacking.is_empty() {
        context.out.line("\nWhat to do:")?;
        for check in &lacking {
            context.out.line(format!("  {}: {}", check.name, text::line(&check.fix)))?;
        }
    }
    let verdict = format!("\n{reds} red, {} to mend, {} unknown, {} ok.", count(State::Warn), count(State::Unknown), count(State::Ok));
    let tone = if reds > 0 { Tone::Bad } else { Tone::Good };
    context.out.line(context.out.paint(tone, &verdict))?;
    if let Err(Failure::Problems(problems)) = kept {
        let why = problems.first().map_or("", |problem| &problem.message);
        context.out.line(format!("This run was not kept: {}", text::line(why)))?;
    }
    Ok(if reds > 0 { FAILED } else { DONE })
}

fn state(state: State) -> Cell {
    let (mark, tone) = match state {
        State::Red => ("✕ red", Tone::Bad),
        State::Warn => ("! warn", Tone::Wait),
        State::Unknown => ("? unknown", Tone::Soft),
        State::Ok => ("✓ ok", Tone::Good),
    };
    Cell::new(mark).tone(tone)
}

/// Writes the run down. A store that is missing or older is a finding, and no reason not to report it.
fn keep(checks: &[Check], context: &Context) -> Result<(), Failure> {
    let count = |state| checks.iter().filter(|check| check.state == state).count() as i64;
    let new = NewChecks {
        at: context.now(),
        reds: count(State::Red),
        warnings: count(State::Warn),
        unknowns: count(State::Unknown),
        goods: count(State::Ok),
        checks: json!(checks).to_string(),
    };
    let mut store = context.writer()?;
    transaction(&mut store, |store| store.write_checks(&new))
}

fn history(limit: usize, context: &mut Context) -> Done {
    let rows = context.reader()?.checks(limit)?;
    if context.out.json {
        let runs: Vec<Value> = rows
            .iter()
            .map(|row| {
                let checks: Value = serde_json::from_str(&row.checks).unwrap_or_default();
                json!({
                    "run": row.run, "at": document::instant(row.at), "checks": checks,
                    "counts": {"red": row.reds, "warn": row.warnings, "unknown": row.unknowns, "ok": row.goods},
                })
            })
            .collect();
        context.out.json(&json!({"runs": runs}))?;
        return Ok(DONE);
    }
    let now = context.now();
    let mut table = Table::new(&["run", "when", ">red", ">warn", ">unknown", ">ok", "red"]);
    for row in &rows {
        let checks: Vec<Check> = serde_json::from_str(&row.checks).unwrap_or_default();
        let red: Vec<&str> = checks.iter().filter(|check| check.state == State::Red).map(|check| check.name.as_str()).collect();
        table.row([
            Cell::new(row.run.to_string()),
            Cell::new(words::ago(now, row.at)),
            Cell::new(row.reds.to_string()).tone(if row.reds > 0 { Tone::Bad } else { Tone::Plain }),
            Cell::new(row.warnings.to_string()),
            Cell::new(row.unknowns.to_string()),
            Cell::new(row.goods.to_string()),
            Cell::new(red.join(" ")),
        ]);
    }
    context.out.table(&table, "No run was kept yet. `workaday doctor` makes one.")?;
    Ok(DONE)
}

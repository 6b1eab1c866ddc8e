//! `cron next` and `cron explain`: pure; no store, no configuration.

mod jsonl;

use crate::args::{Cron, CronExplain, CronNext};
use crate::context::Context;
use crate::failure::{DONE, Done, Failure, usage};
use crate::render::{Cell, Table, Tone};
use crate::{text, words};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::schedule::{CronError, CronExpr, DstPolicy, Tick};

pub fn run(args: &Cron, context: &mut Context) -> Done {
    match args {
        Cron::Next(args) if args.jsonl => jsonl::run(context),
        Cron::Next(args) => next(args, context),
        Cron::Explain(args) => explain(args, context),
    }
}

fn next(args: &CronNext, context: &mut Context) -> Done {
    let expr = parse(args.expr.as_deref().unwrap_or_default())?;
    let zone = zone(&args.tz)?;
    let after = match &args.after {
        Some(text) => crate::context::instant(text, "--after")?,
        None => context.now(),
    };
    let ticks: Vec<Tick> = expr.ticks(to_jiff(after)?, &zone).take(args.n as usize).collect();
    if context.out.json {
        context.out.json(&json!({"expr": expr.as_str(), "tz": args.tz, "next": shown(&ticks)}))?;
        return Ok(DONE);
    }
    for tick in &ticks {
        context.out.line(tick.to_string())?;
    }
    Ok(DONE)
}

fn explain(args: &CronExplain, context: &mut Context) -> Done {
    const TICKS: usize = 5;
    let expr = parse(&args.expr)?;
    let zone = zone(&args.tz)?;
    let now = context.now();
    let ticks: Vec<Tick> = expr.ticks(to_jiff(now)?, &zone).take(TICKS).collect();
    let changes = expr.clock_changes(to_jiff(now)?, &zone, DstPolicy::default());
    let warnings: Vec<_> = expr.warnings().into_iter().chain(changes.into_iter().map(|change| change.warning)).collect();
    if context.out.json {
        let warnings: Vec<Value> = warnings
            .iter()
            .map(|warning| json!({"code": warning.code, "field": warning.field.name(), "message": warning.message, "hint": warning.hint}))
            .collect();
        let dst = DstPolicy::default().explain(expr.is_wildcard());
        context.out.json(&json!({"expr": expr.as_str(), "tz": args.tz, "meaning": expr.explain(), "dst": dst, "warnings": warnings, "next": shown(&ticks)}))?;
        return Ok(DONE);
    }
    let out = &mut context.out;
    out.line(format!("{}, {} time.", out.paint(Tone::Strong, &expr.explain()), text::line(&args.tz)))?;
    out.line(DstPolicy::default().explain(expr.is_wildcard()))?;
    for warning in &warnings {
        let hint = warning.hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
        out.line(out.paint(Tone::Wait, &text::line(&format!("! {}{hint}", warning.message))))?;
    }
    out.line("")?;
    let mut table = Table::new(&["next", "in UTC", "from now"]);
    for tick in &ticks {
        table.row([
            Cell::new(tick.to_string()),
            Cell::new(tick.due_at.to_string()),
            Cell::new(words::ago(now, Timestamp(tick.due_micros()))),
        ]);
    }
    out.table(&table, "It has no tick to come.")?;
    Ok(DONE)
}

fn shown(ticks: &[Tick]) -> Vec<String> {
    ticks.iter().map(ToString::to_string).collect()
}

fn parse(text: &str) -> Result<CronExpr, Failure> {
    CronExpr::parse(text).map_err(|error| problem(&error).into())
}

/// The same for `--jsonl`, where an error is an answer.
fn parse_quietly(text: &str) -> Result<CronExpr, Value> {
    CronExpr::parse(text).map_err(|error| {
        json!({"code": error.code, "field": error.field.name(), "value": error.value, "expected": error.expected, "hint": error.hint, "message": error.to_string()})
    })
}

/// The refusal of an expression in the words of every other error.
fn problem(error: &CronError) -> Problem {
    let message = error.to_string();
    let what = message.split(": expected ").next().unwrap_or(&message).to_owned();
    let problem = Problem::new(error.code, what)
        .expected(error.expected.clone())
        .got(error.value.clone())
        .retry(RetryAdvice::SafeAfterFix, "safe once the expression is mended");
    match &error.hint {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}

fn zone(name: &str) -> Result<TimeZone, Problem> {
    TimeZone::get(name).map_err(|_| {
        let problem = usage(format!("there is no time zone `{name}`"), "a name of the IANA database: Europe/Lisbon, America/New_York, UTC");
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        problem.meant(name, names.iter().map(String::as_str))
    })
}

fn to_jiff(at: Timestamp) -> Result<jiff::Timestamp, Problem> {
    workaday_core::schedule::from_micros(at.0)
        .ok_or_else(|| usage(format!("the instant {at} is out of range"), "an instant between the years -9999 and 9999"))
}

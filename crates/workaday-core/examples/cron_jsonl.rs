//! Answers lines `{expr, tz, after, n}` with `{next: [...]}` or `{error: {...}}`: the seam for the oracles in
//! `tests/oracle`, which are written in another language so that they share nothing with this code.
//!
//! `reverse: true` asks for the ticks at or before `after`, latest first; `until` asks for their count; `gap` and
//! `fold` choose the policy for clock changes.

use std::io::{BufRead, Write};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use workaday_core::schedule::{CronExpr, DstPolicy, ExcludedDates, FoldPolicy, GapPolicy, Walk};

fn main() -> std::io::Result<()> {
    let mut answers = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(question) => answer(&question).unwrap_or_else(|problem| json!({"problem": problem.to_string()})),
            Err(problem) => json!({"problem": problem.to_string()}),
        };
        writeln!(answers, "{answer}")?;
    }
    Ok(())
}

fn answer(question: &Value) -> Result<Value, Box<dyn std::error::Error>> {
    let text = |key: &str| question[key].as_str().unwrap_or_default();
    let expr = match CronExpr::parse(text("expr")) {
        Ok(expr) => expr,
        Err(error) => {
            return Ok(json!({"error": {
                "code": error.code, "field": error.field.name(), "value": error.value,
                "expected": error.expected, "hint": error.hint, "message": error.to_string(),
            }}));
        }
    };
    let (zone, after): (_, Timestamp) = (TimeZone::get(text("tz"))?, text("after").parse()?);
    let n = question["n"].as_u64().unwrap_or(5) as usize;
    let walk = Walk::new(&expr, &zone, policy(question), const { &ExcludedDates::NONE });
    if let Some(until) = question["until"].as_str() {
        return Ok(json!({"count": walk.count(after, until.parse()?)}));
    }
    let ticks: Vec<String> = if question["reverse"] == true {
        let before = |at: Timestamp| walk.latest(at);
        let earlier = |at: Timestamp| at - jiff::SignedDuration::from_nanos(1);
        std::iter::successors(before(after), |tick| before(earlier(tick.due_at))).take(n).map(|tick| tick.to_string()).collect()
    } else {
        walk.ticks(after).take(n).map(|tick| tick.to_string()).collect()
    };
    Ok(json!({"next": ticks}))
}

fn policy(question: &Value) -> DstPolicy {
    let gap = match question["gap"].as_str() {
        Some("run_after") => Some(GapPolicy::RunAfter),
        Some("skip") => Some(GapPolicy::Skip),
        Some("shift") => Some(GapPolicy::Shift),
        _ => None,
    };
    let fold = match question["fold"].as_str() {
        Some("first") => Some(FoldPolicy::First),
        Some("second") => Some(FoldPolicy::Second),
        Some("both") => Some(FoldPolicy::Both),
        _ => None,
    };
    DstPolicy { gap, fold }
}

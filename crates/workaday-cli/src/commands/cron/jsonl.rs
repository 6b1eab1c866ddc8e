//! `cron next --jsonl`: a line of question, a line of answer. An error is an answer, so the exit code is 0.

use super::{parse_quietly, shown};
use crate::context::Context;
use crate::failure::{DONE, Done};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::BufRead;
use workaday_core::schedule::Tick;

#[derive(Deserialize)]
struct Question {
    expr: String,
    #[serde(default = "utc")]
    tz: String,
    after: Option<String>,
    #[serde(default = "five")]
    n: usize,
}

const TICKS_MAX: usize = 100_000;

pub fn run(context: &mut Context) -> Done {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = answer(&line, context).unwrap_or_else(|error| json!({ "error": error }));
        context.out.json_line(&answer)?;
    }
    Ok(DONE)
}

fn answer(line: &str, context: &Context) -> Result<Value, Value> {
    let refuse = |code: &str, field: &str, expected: &str, got: &str| {
        workaday_core::reached::note(code);
        json!({"code": code, "field": field, "expected": expected, "value": got})
    };
    let question: Question = serde_json::from_str(line)
        .map_err(|error| refuse("cron.question_invalid", "line", "{\"expr\", \"tz\", \"after\", \"n\"}", &error.to_string()))?;
    let expr = parse_quietly(&question.expr)?;
    let zone = TimeZone::get(&question.tz).map_err(|_| refuse("cron.zone_unknown", "tz", "a name of the IANA database", &question.tz))?;
    let after = match &question.after {
        Some(text) => {
            text.parse::<jiff::Timestamp>().map_err(|_| refuse("cron.instant_invalid", "after", "an instant with its offset", text))?
        }
        None => workaday_core::schedule::from_micros(context.now().0).ok_or(Value::Null)?,
    };
    let ticks: Vec<Tick> = expr.ticks(after, &zone).take(question.n.min(TICKS_MAX)).collect();
    Ok(json!({ "next": shown(&ticks) }))
}

fn utc() -> String {
    "UTC".to_owned()
}

fn five() -> usize {
    5
}

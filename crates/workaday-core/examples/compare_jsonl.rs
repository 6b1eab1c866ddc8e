//! Judges exported evidence that another program made: the seam for `tests/oracle/judge_grid.py`.
//!
//! The argument is a file of evidence, a line for each minute and series, as `workaday compare --jsonl` reads it. Each line
//! of standard input is a question: `{before: [from, to], after: [from, to], history: from, put: [lines]}`, in minutes since
//! 1970; the lines of `put` stand in for those of the window after the change. The answer is that of `compare --json`.

use serde_json::{Value, json};
use std::io::{BufRead, Write};
use workaday_core::compare::{Line, Question, Rules, Series, judge, read_lines};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("the first argument is a file of evidence")?;
    let mut whole = Series::default();
    read_lines(&std::fs::read_to_string(path)?, &mut whole).map_err(|(at, why)| format!("line {at}: {why}"))?;
    let mut answers = std::io::BufWriter::new(std::io::stdout().lock());
    for question in std::io::stdin().lock().lines() {
        let question: Value = serde_json::from_str(&question?)?;
        let answer = answer(&whole, &question).ok_or_else(|| json!({"problem": "this is no question"}));
        writeln!(answers, "{}", answer.unwrap_or_else(|problem| problem))?;
    }
    Ok(())
}

fn answer(whole: &Series, question: &Value) -> Option<Value> {
    let span = |name: &str| Some((question[name][0].as_i64()?, question[name][1].as_i64()?));
    let (before, after) = (span("before")?, span("after")?);
    let from = question["history"].as_i64()?.min(before.0);
    let put: Vec<Line> = serde_json::from_value(question["put"].clone()).unwrap_or_default();
    let end = if put.is_empty() { after.1 } else { after.0 };
    let mut series = Series::default();
    for (key, minutes) in &whole.minutes {
        let kept = minutes.range(from..end).map(|(at, minute)| (*at, minute.clone())).collect();
        series.minutes.insert(key.clone(), kept);
    }
    for line in put {
        series.add(line);
    }
    series.minutes.retain(|_, minutes| !minutes.is_empty());
    let question = Question { before, after, controls: vec![], also_changed: vec![] };
    serde_json::to_value(judge(&series, &question, &Rules::default())).ok()
}

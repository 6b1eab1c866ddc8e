//! One minute of one series as a line of JSON: what `workaday measures export` writes and the judge reads.
//!
//! `docs/reference/measures.md` says what each field means. A reader leaves out what it does not know.

use super::figures::{Figures, Metric, Statement};
use super::histogram::Histogram;
use super::series::{Series, SeriesKind};
use crate::clock::Timestamp;
use serde_json::{Map, Value, json};

/// The line, without its line end.
pub fn write(minute: Timestamp, series: &Series, figures: &Figures) -> String {
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| drop(line.insert(name.to_owned(), value));
    put("minute", json!(rfc3339(minute)));
    put("kind", json!(series.kind.as_str()));
    put("name", json!(series.name));
    put("release", json!(series.release));
    put("count", json!(figures.count));
    put("errors", json!(figures.errors));
    put("unexpected", json!(figures.unexpected));
    put("refused", json!(figures.refused));
    for metric in Metric::ALL {
        let histogram = figures.of(*metric);
        if !histogram.is_empty() {
            put(metric.as_str(), histogram_json(histogram));
        }
    }
    put("cache_hits", json!(figures.cache_hits));
    put("cache_misses", json!(figures.cache_misses));
    if !figures.statements.is_empty() {
        let statements: Map<String, Value> =
            figures.statements.iter().map(|(text, s)| (text.clone(), json!({"runs": s.runs, "calls_max": s.calls_max}))).collect();
        put("statements", Value::Object(statements));
    }
    Value::Object(line).to_string()
}

/// `{"sum", "max", "buckets": [[value, count], …]}`.
pub fn histogram_json(histogram: &Histogram) -> Value {
    let buckets: Vec<Value> = histogram.buckets().map(|(value, count)| json!([value, count])).collect();
    json!({"sum": histogram.sum(), "max": histogram.max(), "buckets": buckets})
}

/// The other way. The text says which field is wrong.
pub fn read(line: &str) -> Result<(Timestamp, Series, Figures), String> {
    let line: Value = serde_json::from_str(line).map_err(|error| format!("it is no JSON: {error}"))?;
    let text = |name: &str| line[name].as_str().ok_or_else(|| format!("`{name}` is {}, expected a text", line[name]));
    let count = |name: &str| match &line[name] {
        Value::Null => Ok(0),
        value => value.as_u64().ok_or_else(|| format!("`{name}` is {value}, expected a whole number of 0 or more")),
    };
    let minute = text("minute")?;
    let minute: jiff::Timestamp =
        minute.parse().map_err(|_| format!("`minute` is \"{minute}\", expected an instant such as 2026-11-22T14:00:00Z"))?;
    let kind = text("kind")?;
    let kind: SeriesKind =
        kind.parse().map_err(|_| format!("`kind` is \"{kind}\", expected task, queue, route, stream, websocket or dropped"))?;
    let release = line["release"].as_str().unwrap_or("unknown").to_owned();
    let mut figures = Figures {
        count: count("count")?,
        errors: count("errors")?,
        unexpected: count("unexpected")?,
        refused: count("refused")?,
        cache_hits: count("cache_hits")?,
        cache_misses: count("cache_misses")?,
        ..Figures::default()
    };
    for metric in Metric::ALL {
        let value = &line[metric.as_str()];
        if !value.is_null() {
            let histogram = read_histogram(value).ok_or_else(|| {
                format!("`{}` is {value}, expected {{\"sum\", \"max\", \"buckets\": [[value, count], …]}}", metric.as_str())
            })?;
            figures.set(*metric, histogram);
        }
    }
    for (text, said) in line["statements"].as_object().into_iter().flatten() {
        let number = |name: &str| said[name].as_u64().unwrap_or(0);
        figures.statements.insert(text.clone(), Statement { runs: number("runs"), calls_max: number("calls_max") });
    }
    Ok((Timestamp(minute.as_microsecond()), Series { kind, name: text("name")?.to_owned(), release }, figures))
}

fn read_histogram(value: &Value) -> Option<Histogram> {
    let pair = |pair: &Value| Some((pair[0].as_u64()?, pair[1].as_u64()?));
    let buckets: Option<Vec<(u64, u64)>> = value["buckets"].as_array()?.iter().map(pair).collect();
    Some(Histogram::from_buckets(buckets?, value["sum"].as_u64()?, value["max"].as_u64()?))
}

fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}

//! `measures show`, `measures export`: what was measured, as a table of a span, or as a line a minute and series.

use crate::args::{Measures, MeasuresWhich};
use crate::context::{Context, instant, length};
use crate::failure::{DONE, Done, Failure, usage};
use crate::render::{Cell, Table, Tone};
use crate::{document, words};
use serde_json::{Value, json};
use workaday_core::clock::{Length, Timestamp, parse_length};
use workaday_core::measure::{Figures, Metric, Series, SeriesKind, line};
use workaday_store::sqlite::read::MeasureFilter;

pub fn run(args: &Measures, context: &mut Context) -> Done {
    match args {
        Measures::Show(which) => show(which, context),
        Measures::Export(which) => export(which, context),
    }
}

fn filter(which: &MeasuresWhich, now: Timestamp, usual: Option<Length>) -> Result<MeasureFilter, Failure> {
    let kind = match &which.kind {
        None => None,
        Some(word) => Some(word.parse::<SeriesKind>().map_err(|_| {
            let known: Vec<&str> = SeriesKind::ALL.iter().map(|kind| kind.as_str()).collect();
            usage(format!("--kind is \"{word}\""), format!("one of {}", known.join(", "))).got(word.clone())
        })?),
    };
    let from = match &which.from {
        Some(text) => Some(at(text, "--from", now)?),
        None => usual.map(|span| now - span),
    };
    let to = which.to.as_deref().map(|text| at(text, "--to", now)).transpose()?;
    Ok(MeasureFilter { kind, name: which.name.clone(), release: which.release.clone(), from, to })
}

/// An instant, or how long ago.
fn at(text: &str, option: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if parse_length(text).is_some() {
        return Ok(now - length(text, option)?);
    }
    Ok(instant(text, option)?)
}

fn export(which: &MeasuresWhich, context: &mut Context) -> Done {
    let filter = filter(which, context.now(), None)?;
    let reader = context.reader()?;
    let mut failed = None;
    let out = &mut context.out;
    reader.each_measure(&filter, |row| {
        if failed.is_none() {
            failed = out.line(line::write(row.minute, &row.series, &row.figures)).err();
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(DONE),
    }
}

fn show(which: &MeasuresWhich, context: &mut Context) -> Done {
    let now = context.now();
    let filter = filter(which, now, Some(Length::hours(1)))?;
    let mut sums: Vec<(Series, Figures)> = context.reader()?.measured(&filter)?.into_iter().collect();
    // A queue tells what its tasks have told already; it is shown when it is asked for.
    sums.retain(|(series, _)| series.kind != SeriesKind::Queue || filter.kind == Some(SeriesKind::Queue));
    if context.out.json {
        let series: Vec<Value> = sums.iter().map(|(series, figures)| entry(series, figures)).collect();
        context.out.json(&json!({
            "from": document::optional(filter.from), "to": document::optional(filter.to.or(Some(now))), "series": series,
        }))?;
        return Ok(DONE);
    }
    let mut table =
        Table::new(&["kind", "name", "release", ">count", ">errors", ">p50", ">p95", ">db calls", ">db time", ">http", ">cache hits"]);
    for (series, figures) in &sums {
        let quantile = |share| time(figures.of(Metric::Run).quantile(share));
        let tone = if figures.errors > 0 { Tone::Bad } else { Tone::Plain };
        table.row([
            Cell::new(series.kind.as_str()).tone(Tone::Soft),
            Cell::new(&series.name),
            Cell::new(&series.release).tone(Tone::Soft),
            Cell::new(words::thousands(figures.count as i64)),
            Cell::new(words::thousands(figures.errors as i64)).tone(tone),
            Cell::new(quantile(0.5)),
            Cell::new(quantile(0.95)),
            Cell::new(mean(figures, Metric::DbCalls)),
            Cell::new(figures.of(Metric::DbTime).mean().map_or_else(|| "-".to_owned(), |mean| words::micros(mean as i64))),
            Cell::new(mean(figures, Metric::HttpCalls)),
            Cell::new(figures.cache_hit_share().map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", share * 100.0))),
        ]);
    }
    let out = &mut context.out;
    out.table(&table, "Nothing was measured in this time; what ran just now is there within seconds. Tasks are measured by `workaday up`, routes by `workaday.fastapi.setup`.")?;
    for (series, figures) in &sums {
        if figures.unexpected > 0 {
            let runs = words::count(figures.unexpected as usize, "run");
            let text = format!("{}: {runs} succeeded, but not as `expects=` says.", series.name);
            out.line(out.cell(&Cell::new(text).tone(Tone::Wait)))?;
        }
        for (text, statement) in &figures.statements {
            let text = format!(
                "{}: up to {} calls of one statement in a single run (in {}): {text}",
                series.name,
                statement.calls_max,
                words::count(statement.runs as usize, "run")
            );
            out.line(out.cell(&Cell::new(text).tone(Tone::Wait)))?;
        }
    }
    Ok(DONE)
}

fn time(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |us| words::micros(us as i64))
}

fn mean(figures: &Figures, metric: Metric) -> String {
    figures.of(metric).mean().map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}"))
}

fn entry(series: &Series, figures: &Figures) -> Value {
    let mut metrics = serde_json::Map::new();
    for metric in Metric::ALL {
        let histogram = figures.of(*metric);
        if !histogram.is_empty() {
            let quantile = |share| histogram.quantile(share);
            let told = json!({
                "mean": histogram.mean(), "p50": quantile(0.5), "p95": quantile(0.95), "p99": quantile(0.99), "max": histogram.max(),
            });
            metrics.insert(metric.as_str().into(), told);
        }
    }
    let statements: Vec<Value> = figures
        .statements
        .iter()
        .map(|(text, statement)| json!({"statement": text, "runs": statement.runs, "calls_max": statement.calls_max}))
        .collect();
    json!({
        "kind": series.kind, "name": series.name, "release": series.release, "count": figures.count, "errors": figures.errors,
        "unexpected": figures.unexpected, "refused": figures.refused, "cache_hits": figures.cache_hits,
        "cache_misses": figures.cache_misses, "metrics": metrics, "repeated_statements": statements,
    })
}

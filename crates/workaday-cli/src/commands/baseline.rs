//! `baseline …`: a stretch of time under a name, with what a person noticed in it.

use super::up::release;
use crate::args::{Baseline, BaselineCapture};
use crate::context::{Context, length, transaction};
use crate::failure::{DONE, Done, Failure};
use crate::render::{Cell, Table, Tone};
use crate::{document, text, words};
use serde_json::{Map, Value, json};
use workaday_core::clock::Length;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::measure::MINUTE_US;
use workaday_ops::release::{CONFIG_FILE, fingerprint};
use workaday_store::Reader;
use workaday_store::sqlite::read::{BaselineRow, MeasureFilter};

/// Baselines in a list.
const LISTED: usize = 100;

pub fn run(args: &Baseline, context: &mut Context) -> Done {
    match args {
        Baseline::Capture(args) => capture(args, context),
        Baseline::List => list(context),
        Baseline::Show(args) => show(&args.name, context),
        Baseline::Remove(args) => remove(&args.name, args.dry_run, context),
    }
}

fn capture(args: &BaselineCapture, context: &mut Context) -> Done {
    let long = length(&args.length, "--for")?;
    if long < Length::minutes(1) {
        let problem = crate::failure::usage(format!("--for is {}", args.length), "at least one minute: 10m, 1h, 1d");
        return Err(problem.got(args.length.clone()).into());
    }
    let now = context.now();
    let root = context.settings()?.root.clone();
    let config = root.join(CONFIG_FILE);
    let hashes = fingerprint(&root, config.exists().then_some(config.as_path()));
    let mut noticed = Map::new();
    for (name, said) in [("route", &args.route), ("input", &args.input), ("symptom", &args.symptom)] {
        if let Some(said) = said {
            noticed.insert(name.to_owned(), json!(said));
        }
    }
    noticed.insert("fingerprint".to_owned(), json!(hashes));
    let row = BaselineRow {
        name: args.name.clone(),
        since: now - long,
        before: now,
        captured_at: now,
        release: release(&root),
        noticed: Value::Object(noticed).to_string(),
    };
    let mut store = context.writer()?;
    if !transaction(&mut store, |store| store.put_baseline(&row))? {
        return Err(Problem::new("baseline.exists", format!("there is a baseline `{}` already; nothing was captured", args.name))
            .expected("a name that is free: what was usual is never overwritten")
            .retry(RetryAdvice::SafeAfterFix, "safe with another name, or after `workaday baseline remove`")
            .into());
    }
    let reader = context.reader()?;
    let counted = counted(&reader, &row)?;
    if context.out.json {
        context.out.json(&shown(&row, &counted))?;
        return Ok(DONE);
    }
    context.out.line(format!("Kept as `{}`: the {} up to now.", text::line(&row.name), args.length))?;
    say_counted(&counted, context)?;
    let again = workaday_ops::command::line(&["workaday".into(), "compare".into(), row.name.clone()]);
    context.out.line(text::line(&format!("After the change: {again}")))?;
    Ok(DONE)
}

/// (kind, name, count, errors) of each task and route in the span.
type Counted = Vec<(String, String, u64, u64)>;

fn counted(reader: &Reader, row: &BaselineRow) -> Result<Counted, Failure> {
    // The minute in which it began counts: a short baseline would have none else.
    let from = workaday_core::clock::Timestamp(row.since.0.div_euclid(MINUTE_US) * MINUTE_US);
    let filter = MeasureFilter { from: Some(from), to: Some(row.before), ..MeasureFilter::default() };
    let mut found = std::collections::BTreeMap::<(String, String), (u64, u64)>::new();
    for (series, figures) in reader.measured(&filter)? {
        let sum = found.entry((series.kind.as_str().to_owned(), series.name)).or_default();
        *sum = (sum.0 + figures.count, sum.1 + figures.errors);
    }
    let is_shown = |kind: &str| kind == "task" || kind == "route";
    Ok(found.into_iter().filter(|((kind, _), _)| is_shown(kind)).map(|((kind, name), sum)| (kind, name, sum.0, sum.1)).collect())
}

fn say_counted(counted: &Counted, context: &mut Context) -> Result<(), Failure> {
    let mut table = Table::new(&["kind", "name", ">count", ">errors"]);
    for (kind, name, count, errors) in counted {
        let tone = if *errors > 0 { Tone::Bad } else { Tone::Plain };
        table.row([
            Cell::new(kind).tone(Tone::Soft),
            Cell::new(text::line(name)),
            Cell::new(words::thousands(*count as i64)),
            Cell::new(words::thousands(*errors as i64)).tone(tone),
        ]);
    }
    context.out.table(&table, "Nothing was measured in this time: there will be nothing to compare.")?;
    Ok(())
}

fn shown(row: &BaselineRow, counted: &Counted) -> Value {
    let series: Vec<Value> =
        counted.iter().map(|(kind, name, count, errors)| json!({"kind": kind, "name": name, "count": count, "errors": errors})).collect();
    json!({
        "name": row.name, "since": document::instant(row.since), "before": document::instant(row.before),
        "captured_at": document::instant(row.captured_at), "release": row.release, "noticed": document::stored(&row.noticed),
        "series": series,
    })
}

fn list(context: &mut Context) -> Done {
    let rows = context.reader()?.baselines(LISTED)?;
    if context.out.json {
        let rows: Vec<Value> = rows.iter().map(|row| shown(row, &vec![])).collect();
        context.out.json(&json!({"baselines": rows}))?;
        return Ok(DONE);
    }
    let now = context.now();
    let mut table = Table::new(&["baseline", "captured", "length", "release", "noticed"]);
    for row in &rows {
        let noticed: Value = serde_json::from_str(&row.noticed).unwrap_or_default();
        table.row([
            Cell::new(text::line(&row.name)),
            Cell::new(words::ago(now, row.captured_at)),
            Cell::new(workaday_core::clock::format_length(row.before - row.since)),
            Cell::new(row.release.clone().unwrap_or_default()).tone(Tone::Soft),
            Cell::new(text::line(noticed["symptom"].as_str().or(noticed["route"].as_str()).unwrap_or_default())),
        ]);
    }
    context.out.table(&table, "No baseline yet: `workaday baseline capture before-the-index --for 1h` keeps the last hour.")?;
    Ok(DONE)
}

/// A baseline by its name, or the refusal with the nearest one.
fn find(reader: &Reader, name: &str) -> Result<BaselineRow, Failure> {
    if let Some(row) = reader.baseline(name)? {
        return Ok(row);
    }
    let known = reader.baselines(LISTED)?;
    let problem = Problem::new("baseline.unknown", format!("there is no baseline `{name}`"))
        .expected("a name that `workaday baseline list` shows")
        .retry(RetryAdvice::SafeAfterFix, "safe once the name is right; nothing was changed");
    Err(problem.hint("`workaday baseline capture NAME` keeps the last hour").meant(name, known.iter().map(|row| row.name.as_str())).into())
}

fn show(name: &str, context: &mut Context) -> Done {
    let reader = context.reader()?;
    let row = find(&reader, name)?;
    let counted = counted(&reader, &row)?;
    if context.out.json {
        context.out.json(&shown(&row, &counted))?;
        return Ok(DONE);
    }
    let noticed: Value = serde_json::from_str(&row.noticed).unwrap_or_default();
    context.out.line(format!("{}  {} to {}", text::line(&row.name), row.since, row.before))?;
    for name in ["route", "input", "symptom"] {
        if let Some(said) = noticed[name].as_str() {
            context.out.line(format!("  {name:8} {}", text::line(said)))?;
        }
    }
    say_counted(&counted, context)?;
    Ok(DONE)
}

fn remove(name: &str, dry_run: bool, context: &mut Context) -> Done {
    let row = find(&context.reader()?, name)?;
    if !dry_run {
        let mut store = context.writer()?;
        transaction(&mut store, |store| store.remove_baseline(&row.name))?;
    }
    if context.out.json {
        context.out.json(&json!({"removed": row.name, "dry_run": dry_run}))?;
        return Ok(DONE);
    }
    let what = if dry_run { "Would forget" } else { "Forgot" };
    context.out.line(format!("{what} `{}`; what was measured stays.", text::line(&row.name)))?;
    Ok(DONE)
}

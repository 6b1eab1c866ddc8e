//! Releases, baselines and measures, for programs.

use super::read::{Read, at, limit, next, ok};
use crate::answer::invalid;
use crate::asked::{Asked, instant};
use crate::fields;
use serde_json::{Value, json};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::measure::{MINUTE_US, line, minute_of};
use workaday_engine::document;
use workaday_store::sqlite::read::{BaselineRow, MeasureFilter, MinuteRow, ReleaseRow, ReleaseSeen, StepRow};

/// The longest span of measures in one request.
const SPAN_MAX: Length = Length::days(31);
/// Measures are read in pieces of this length, so that a page costs the same beside an hour and a month.
const PIECE: Length = Length::hours(1);

/// What of a release is a list's line.
pub fn told(row: &ReleaseRow) -> Value {
    json!({
        "release": row.release, "kind": row.kind, "state": row.state, "verdict": row.verdict, "revision": row.revision,
        "previous": row.previous, "reason": row.reason, "owner": row.owner, "started_at": at(row.started_at),
        "ended_at": document::optional(row.ended_at),
    })
}

fn step(row: &StepRow) -> Value {
    json!({
        "step": row.step, "state": row.state, "tries": row.tries, "began_at": at(row.began_at),
        "ended_at": document::optional(row.ended_at), "detail": row.detail.as_deref().map(document::stored),
    })
}

pub fn releases(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let limit = limit(&fields);
    let rows = asked.reader.releases(fields.number("before"), limit).map_err(|error| error.problem())?;
    let seen = asked.reader.releases_seen(limit).map_err(|error| error.problem())?;
    let next = next(&rows, limit, |row| row.release.into());
    let name = |seen: &ReleaseSeen| json!({"release": seen.release, "first_at": at(seen.first_at), "last_at": at(seen.last_at)});
    ok(
        asked,
        json!({
            "releases": rows.iter().map(told).collect::<Vec<_>>(), "next": next,
            "seen": seen.iter().map(name).collect::<Vec<_>>(), "running": asked.window.options.release,
        }),
    )
}

pub fn release(asked: &Asked<'_>) -> Read {
    fields::of_api(asked)?;
    let number = asked.param(0).parse::<i64>().ok();
    let row = number.map(|number| asked.reader.release(number)).transpose().map_err(|error| error.problem())?.flatten();
    let row = row.ok_or_else(|| {
        Problem::new("release.not_found", format!("there is no release {}", asked.param(0).chars().take(40).collect::<String>()))
            .expected("a number that /api/v1/releases lists")
            .retry(RetryAdvice::SafeAfterFix, "safe with another number; nothing was changed")
    })?;
    let steps = asked.reader.release_steps(row.release).map_err(|error| error.problem())?;
    let mut whole = told(&row);
    whole["plan"] = document::stored(&row.plan);
    whole["note"] = json!(row.note);
    whole["steps"] = steps.iter().map(step).collect();
    ok(asked, whole)
}

pub fn baselines(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let rows = asked.reader.baselines(limit(&fields)).map_err(|error| error.problem())?;
    let one = |row: &BaselineRow| {
        json!({
            "name": row.name, "since": at(row.since), "before": at(row.before), "captured_at": at(row.captured_at),
            "release": row.release, "noticed": document::stored(&row.noticed),
        })
    };
    ok(asked, json!({"baselines": rows.iter().map(one).collect::<Vec<_>>()}))
}

/// Lines as `workaday measures export` writes them. A page ends with a whole minute; `next` is the `from` of the next one.
pub fn measures(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let limit = limit(&fields);
    let bound = |name: &str| fields.text(name).map(|text| instant(text, name)).transpose();
    let to = bound("to")?.unwrap_or(asked.now);
    let from = bound("from")?.unwrap_or(to - Length::hours(1));
    if from >= to || to - from > SPAN_MAX {
        return Err(invalid("the span is empty or too long", "`from` before `to`, at most 31 days").got(format!("{from} to {to}")));
    }
    let kind = fields.text("kind").and_then(|kind| kind.parse().ok());
    let text = |name: &str| fields.text(name).map(str::to_owned);
    let mut filter = MeasureFilter { kind, name: text("name"), release: text("release"), from: None, to: None };
    let mut found: Vec<MinuteRow> = vec![];
    let mut begin = from;
    while begin < to && found.len() <= limit {
        let end = (begin + PIECE).min(to);
        (filter.from, filter.to) = (Some(begin), Some(end));
        asked.reader.each_measure(&filter, |row| found.push(row)).map_err(|error| error.problem())?;
        begin = end;
    }
    // With a name and a kind, minutes of several releases need not come in order.
    found.sort_by_key(|row| row.minute);
    let next = found.get(limit).map(|row| row.minute).map(|cut| {
        let first = found.first().map_or(cut, |row| row.minute);
        // One minute alone may be more than a page: it is told whole, or nobody would get past it.
        if cut > first { cut } else { Timestamp((minute_of(cut) + 1) * MINUTE_US) }
    });
    found.retain(|row| next.is_none_or(|next| row.minute < next));
    let lines: Vec<Value> = found.iter().map(|row| document::stored(&line::write(row.minute, &row.series, &row.figures))).collect();
    ok(asked, json!({"measures": lines, "next": next.filter(|next| *next < to).map(at)}))
}

//! Before and after: is it better? The verdict is that of `workaday compare`, over the same evidence.

use super::job::missing;
use super::releases::{SHOWN, compared, runs_of};
use crate::answer::invalid;
use crate::page::{Page, PageContext};
use crate::plot;
use crate::sheet::{Sheet, page};
use crate::words;
use askama::Template;
use serde_json::{Value, json};
use workaday_core::clock::{Length, Timestamp, parse_length};
use workaday_core::compare::track::Measure;
use workaday_core::compare::{Comparison, Finding, Question, Rules, Verdict, judge};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::measure::minute_of;
use workaday_ops::evidence;
use workaday_store::sqlite::read::{Reader, ReleaseSeen};

/// The longest side that a release or an open end stands for.
const SIDE_LONGEST: Length = Length::hours(24);
/// Measures in the table; the worst come first.
const FINDINGS_MAX: usize = 100;

struct Row {
    verdict_html: String,
    what: String,
    before: String,
    after: String,
    change: String,
    sentence: String,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct View<'a> {
    s: Sheet<'a>,
    verdict: String,
    class: &'static str,
    windows: Option<String>,
    noticed: Option<String>,
    choices: Vec<String>,
    before: String,
    after: String,
    plot: Option<String>,
    findings: Vec<Row>,
    left_out: usize,
    confounders: Vec<String>,
    beside: Vec<(&'static str, String, String)>,
}

/// One side: the time it stands for.
struct Side {
    since: Timestamp,
    before: Timestamp,
    noticed: Option<String>,
}

pub fn compare(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Compare", "Releases");
    let seen = reader.releases_seen(SHOWN)?;
    let mut choices: Vec<String> = seen.iter().map(|seen| seen.release.clone()).collect();
    choices.extend(reader.baselines(SHOWN)?.into_iter().map(|row| row.name));
    let asked = |name: &str| context.query.get(name).map(|text| text.trim().to_owned());
    let before = asked("before").or_else(|| seen.get(1).map(|seen| seen.release.clone()));
    let after = asked("after").or_else(|| seen.first().map(|seen| seen.release.clone()));
    let (Some(before), Some(after)) = (before, after) else {
        let verdict = if choices.is_empty() {
            "Nothing to compare yet: no release was named."
        } else {
            "Nothing to compare yet: there was only one release."
        };
        return nothing(s, verdict, choices);
    };
    // The evidence of two weeks is read when somebody asks, not whenever the page is opened.
    let comparison =
        if asked("before").is_some() || asked("after").is_some() { Some(judged(reader, context, &seen, &before, &after)?) } else { None };
    let of = |name: &str| seen.iter().find(|seen| seen.release == name);
    let beside = match (of(&before), of(&after)) {
        (Some(before), Some(after)) => compared(&runs_of(reader, before)?, &runs_of(reader, after)?, &s),
        _ => vec![],
    };
    let rows: Vec<Value> = beside.iter().map(|(name, before, after)| json!({"measure": name, "before": before, "after": after})).collect();
    let mut view = View {
        verdict: format!("{} beside {}.", words::cut(&after, 40), words::cut(&before, 40)),
        class: "",
        windows: None,
        noticed: None,
        choices,
        plot: None,
        findings: vec![],
        left_out: 0,
        confounders: vec![],
        beside,
        before,
        after,
        s,
    };
    if let Some((comparison, noticed)) = &comparison {
        show(&mut view, comparison);
        view.noticed.clone_from(noticed);
    }
    let json = json!({
        "verdict": view.verdict, "before": view.before, "after": view.after, "rows": rows,
        "comparison": comparison.as_ref().map(|(comparison, _)| comparison),
    });
    page(&view.s, &view, json)
}

fn nothing(s: Sheet<'_>, verdict: &str, choices: Vec<String>) -> Result<Page, Problem> {
    let (verdict, none) = (verdict.to_owned(), String::new);
    let json = json!({"verdict": verdict, "rows": []});
    let view = View {
        s,
        verdict,
        class: "",
        windows: None,
        noticed: None,
        choices,
        before: none(),
        after: none(),
        plot: None,
        findings: vec![],
        left_out: 0,
        confounders: vec![],
        beside: vec![],
    };
    page(&view.s, &view, json)
}

type Judged = (Comparison, Option<String>);

fn judged(reader: &Reader, context: &PageContext, seen: &[ReleaseSeen], before: &str, after: &str) -> Result<Judged, Problem> {
    let one = side(reader, context.now, seen, before, None)?;
    let other = side(reader, context.now, seen, after, Some(&one))?;
    let at = minute_of(other.since);
    if at < minute_of(one.before) {
        return Err(Problem::new("compare.order", "the second side begins before the first has ended")
            .expected("the time before the change, then the time after it")
            .got(format!("the first until {}, the second from {}", one.before, other.since))
            .retry(RetryAdvice::SafeAfterFix, "safe in the other order; nothing was compared"));
    }
    let change = evidence::Change::seen(reader, other.since, other.before)?;
    let series = evidence::of_store(reader, one.since - evidence::HISTORY, other.before, Some(&change))?;
    let start = minute_of(one.since);
    let question = Question {
        before: (start, minute_of(one.before).clamp(start + 1, at.max(start + 1))),
        after: (at, (minute_of(Timestamp(other.before.0 - 1)) + 1).max(at + 1)),
        controls: context.query.all("control").map(str::to_owned).collect(),
        also_changed: vec![],
    };
    Ok((judge(&series, &question, &Rules::default()), one.noticed))
}

/// A release, a baseline, a span, or `now`.
fn side(reader: &Reader, now: Timestamp, seen: &[ReleaseSeen], given: &str, before: Option<&Side>) -> Result<Side, Problem> {
    let of = |since, before| Side { since, before, noticed: None };
    if let (Some(before), "now") = (before, given) {
        return Ok(of(before.before.max(now - SIDE_LONGEST), now));
    }
    if let Some((since, end)) = given.split_once("..") {
        let at = |text: &str| match (text, parse_length(text)) {
            ("now" | "", _) => Ok(now),
            (_, Some(ago)) => Ok(now - ago),
            _ => crate::asked::instant(text, "the span"),
        };
        let (since, end) = (at(since)?, at(end)?);
        if end <= since {
            return Err(invalid("the span ends before it begins", "FROM..TO, the earlier first").got(words::cut(given, 60)));
        }
        return Ok(of(since, end));
    }
    let measured = reader.measured_releases()?.into_iter().find(|(release, ..)| release == given).map(|(_, first, last)| (first, last));
    let ran = || seen.iter().find(|seen| seen.release == given).map(|seen| (seen.first_at, seen.last_at));
    if let Some((first, last)) = measured.or_else(ran) {
        let end = last + Length::minutes(1);
        // Of a release before the change its last day counts, of the one after it its first.
        let (since, end) = match before {
            None => (first.max(end - SIDE_LONGEST), end),
            Some(before) => (first.max(before.before), end.min(first + SIDE_LONGEST)),
        };
        return Ok(of(since, end.max(since + Length::minutes(1))));
    }
    if let Some(row) = reader.baseline(given)? {
        let noticed: Value = serde_json::from_str(&row.noticed).unwrap_or_default();
        let noticed = noticed["symptom"].as_str().map(|text| crate::mask::text(&words::first_line(text, 240)));
        return Ok(Side { since: row.since, before: row.before, noticed });
    }
    Err(missing(
        "baseline.unknown",
        format!("there is no release and no baseline `{}`", words::cut(given, 60)),
        "a release, a baseline, `now`, or a span such as 2h..1h",
    ))
}

fn show(view: &mut View<'_>, comparison: &Comparison) {
    view.verdict.clone_from(&comparison.sentence);
    view.class = class(comparison.verdict);
    let history = match comparison.moments {
        0 => "no history to rank it in".to_owned(),
        moments => format!("ranked among {} moments without a release in {:.1} days", words::thousands(moments as i64), comparison.days),
    };
    let warmup = match comparison.warmup_minutes {
        0 => String::new(),
        minutes => format!(" (the first {minutes} skipped)"),
    };
    view.windows = Some(format!("{} min before, {} min after{warmup}; {history}.", comparison.before_minutes, comparison.after_minutes));
    view.confounders.clone_from(&comparison.confounders);
    view.plot = comparison.findings.iter().find(|finding| finding.moments > 0 && !finding.scores.1.is_empty()).map(|finding| {
        let name = format!("{} of {}", said(finding.measure), words::cut(&finding.series.name, 60));
        plot::placebos(finding.scores.0, &finding.scores.1, &name)
    });
    view.left_out = comparison.findings.len().saturating_sub(FINDINGS_MAX);
    view.findings = comparison.findings.iter().take(FINDINGS_MAX).map(|finding| row(finding, view)).collect();
}

fn row(finding: &Finding, view: &View<'_>) -> Row {
    let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| figure(finding.measure, value, view));
    let change = finding.change.map_or_else(
        || "–".to_owned(),
        |change| if finding.measure.is_share() { format!("{:+.1} points", change * 100.0) } else { format!("{:+.0} %", change * 100.0) },
    );
    Row {
        verdict_html: mark(finding.verdict).to_owned(),
        what: format!("{} {}", said(finding.measure), words::cut(&finding.series.name, 80)),
        before: value(finding.before),
        after: value(finding.after),
        change,
        sentence: finding.sentence.clone(),
    }
}

fn figure(measure: Measure, value: f64, view: &View<'_>) -> String {
    match measure {
        Measure::RunP50 | Measure::RunP95 | Measure::WaitP95 => view.s.t.span(value as i64),
        Measure::DbCalls | Measure::HttpCalls => format!("{value:.1}"),
        Measure::ErrorRate => format!("{:.2} %", value * 100.0),
    }
}

const fn said(measure: Measure) -> &'static str {
    match measure {
        Measure::RunP50 => "ran, p50,",
        Measure::RunP95 => "ran, p95,",
        Measure::WaitP95 => "waited, p95,",
        Measure::DbCalls => "statements a run,",
        Measure::HttpCalls => "HTTP calls a run,",
        Measure::ErrorRate => "share of failures,",
    }
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "bad",
        _ => "",
    }
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "<span class=\"state discarded\"><i aria-hidden=true>✕</i> worse</span>",
        Verdict::Better => "<span class=\"state completed\"><i aria-hidden=true>✓</i> better</span>",
        Verdict::Same => "<span class=\"state cancelled\"><i aria-hidden=true>·</i> the same</span>",
        Verdict::NotEnough => "<span class=\"state scheduled\"><i aria-hidden=true>?</i> not enough data</span>",
    }
}

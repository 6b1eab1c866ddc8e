//! Before and after: is it better? The verdict is that of `workaday compare`, over the same evidence.

use super::releases::{SHOWN, compared, runs_of};
use crate::answer::invalid;
use crate::page::{Page, PageContext};
use crate::plot;
use crate::sheet::{Sheet, page};
use crate::words;
use askama::Template;
use serde_json::{Value, json};
use workaday_core::compare::track::Measure;
use workaday_core::compare::{Comparison, Finding, Rules, Verdict};
use workaday_core::explain::Problem;
use workaday_ops::compare::{self as sides, NoSide, Side};
use workaday_store::sqlite::read::Reader;

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
            "Nothing to compare yet: no release has a name."
        } else {
            "Nothing to compare yet: there was only one release."
        };
        return nothing(s, verdict, choices);
    };
    // The evidence of two weeks is read when somebody asks, not whenever the page is opened.
    let comparison =
        if asked("before").is_some() || asked("after").is_some() { Some(judged(reader, context, &before, &after)?) } else { None };
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

fn judged(reader: &Reader, context: &PageContext, before: &str, after: &str) -> Result<Judged, Problem> {
    let side = |given: &str, before: Option<&Side>| Side::read(given, before, reader, context.now).map_err(|why| refused(why, given));
    let before = side(before, None)?;
    let after = side(after, Some(&before))?;
    sides::check_order(before.window, after.window)?;
    let controls = context.query.all("control").map(str::to_owned).collect();
    let comparison = sides::windows(reader, before.window, after.window, controls, vec![], &Rules::default())?;
    let noticed = before.noticed["symptom"].as_str().map(|text| crate::mask::text(&words::first_line(text, 240)));
    Ok((comparison, noticed))
}

fn refused(why: NoSide, given: &str) -> Problem {
    match why {
        NoSide::Span { what, expected } => invalid(what, expected).got(words::cut(given, 60)),
        NoSide::Problem(problem) => *problem,
    }
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

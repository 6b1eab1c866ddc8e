//! Releases: what ran, what was deployed, what it rests on.

use super::job::missing;
use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page, segment};
use crate::words;
use askama::Template;
use serde_json::json;
use workaday_core::clock::Length;
use workaday_core::explain::Problem;
use workaday_store::StoreError;
use workaday_store::sqlite::read::{ErrorGroup, Reader, ReleaseRow, ReleaseSeen, RunSample};

pub const SHOWN: usize = 50;
/// Completed jobs looked at for one release.
const RUNS: usize = 600;

/// One line of the ledger: a release that `workaday release run` led.
struct Led {
    number: i64,
    state_html: String,
    verdict: String,
    revision: String,
    reason: String,
    owner: String,
    began_html: String,
}

impl Led {
    fn new(row: &ReleaseRow, s: &Sheet<'_>) -> Self {
        Self {
            number: row.release,
            state_html: state(&row.kind, &row.state),
            verdict: row.verdict.as_deref().map_or_else(|| "–".to_owned(), |verdict| verdict.replace('_', " ")),
            revision: words::cut(&row.revision, 12),
            reason: words::first_line(&row.reason, 120),
            owner: row.owner.clone(),
            began_html: s.t.moment(row.started_at),
        }
    }
}

/// Symbol, word and colour, as for jobs.
fn state(kind: &str, state: &str) -> String {
    let (class, symbol) = match state {
        "done" => ("completed", "✓"),
        "open" => ("running", "▶"),
        "worse" | "failed" => ("discarded", "✕"),
        _ => ("cancelled", "⊘"),
    };
    let kind = if kind == "release" { "" } else { " <span class=soft>rollback</span>" };
    format!("<span class=\"state {class}\"><i aria-hidden=true>{symbol}</i> {}</span>{kind}", crate::escape::escaped(state))
}

/// Name of a practice, and what is known of its newest run.
struct Rest {
    what: &'static str,
    said: String,
    command: &'static str,
}

/// What a release rests on: a backup that restores, a rehearsal, a baseline.
fn rests(reader: &Reader, s: &Sheet<'_>) -> Result<Vec<Rest>, StoreError> {
    let status = reader.backup_status()?;
    let backup = match (status.newest, status.gone) {
        (None, None) => "none was made".to_owned(),
        (None, Some(row)) => format!("made {}, and its file is gone", words::ago(s.t.now, row.at)),
        (Some(row), _) => format!("{}, {}, {}", words::ago(s.t.now, row.at), words::kib(row.stored_bytes / 1024), row.why),
    };
    let proof = match status.proved.and_then(|row| row.proved_at) {
        None => "none was ever proved to restore".to_owned(),
        Some(at) => format!("{}, by restoring it", words::ago(s.t.now, at)),
    };
    let rehearsal = match reader.rehearsals(1)?.first() {
        None => "none".to_owned(),
        Some(row) => {
            let passed = if row.passed { "passed" } else { "FAILED" };
            format!("{passed} {}, level {}, of {}", words::ago(s.t.now, row.at), row.level, words::cut(&row.revision, 12))
        }
    };
    let baseline = match reader.baselines(1)?.first() {
        None => "none".to_owned(),
        Some(row) => format!("{}, captured {}", words::cut(&row.name, 60), words::ago(s.t.now, row.captured_at)),
    };
    Ok(vec![
        Rest { what: "newest backup", said: backup, command: "workaday backup" },
        Rest { what: "last proof of a backup", said: proof, command: "workaday restore --check" },
        Rest { what: "last rehearsal", said: rehearsal, command: "workaday rehearse" },
        Rest { what: "newest baseline", said: baseline, command: "workaday baseline capture NAME" },
    ])
}

struct Line {
    name: String,
    href: String,
    first_html: String,
    last_html: String,
    served: String,
    errors: usize,
    is_now: bool,
}

#[derive(Template)]
#[template(path = "releases.html")]
struct ListView<'a> {
    s: Sheet<'a>,
    verdict: String,
    second: String,
    lines: Vec<Line>,
    led: Vec<Led>,
    rests: Vec<Rest>,
}

pub fn releases(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Releases", "Releases");
    let seen = reader.releases_seen(SHOWN)?;
    let groups = reader.error_groups(context.now - Length::days(30))?;
    let lines: Vec<Line> = seen.iter().map(|seen| line(seen, &groups, context, &s)).collect();
    let ledger = reader.releases(None, SHOWN)?;
    let led: Vec<Led> = ledger.iter().map(|row| Led::new(row, &s)).collect();
    let rests = rests(reader, &s)?;
    let (verdict, second) = match seen.first() {
        None if !led.is_empty() => {
            (words::many(led.len(), "release") + " led so far.", "No process that named its release has run a job yet.".to_owned())
        }
        None => (
            "No release has a name yet.".to_owned(),
            "A release gets its name from the deploy; jobs, errors and plots then say which one they belong to.".to_owned(),
        ),
        Some(newest) => (
            format!("{} has been running since {}.", words::cut(&newest.release, 40), s.t.moment_text(newest.first_at)),
            match fresh(&groups, &newest.release) {
                0 => "No error began with it.".to_owned(),
                1 => "1 error began with it.".to_owned(),
                several => format!("{several} errors began with it."),
            },
        ),
    };
    let json = json!({
        "verdict": verdict,
        "led": ledger.iter().map(crate::api::evidence::told).collect::<Vec<_>>(),
        "releases": seen.iter().map(|seen| json!({
            "release": seen.release, "first_at": seen.first_at.to_string(), "last_at": seen.last_at.to_string(), "errors_begun": fresh(&groups, &seen.release),
        })).collect::<Vec<_>>(),
    });
    let view = ListView { s, verdict, second, lines, led, rests };
    page(&view.s, &view, json)
}

/// Errors whose first failure was in this release.
fn fresh(groups: &[ErrorGroup], release: &str) -> usize {
    groups.iter().filter(|group| group.first.release.as_deref() == Some(release)).count()
}

fn line(seen: &ReleaseSeen, groups: &[ErrorGroup], context: &PageContext, s: &Sheet<'_>) -> Line {
    Line {
        name: seen.release.clone(),
        href: format!("/releases/{}", segment(&seen.release)),
        first_html: s.t.moment(seen.first_at),
        last_html: s.t.ago(seen.last_at),
        served: words::coarse(seen.last_at - seen.first_at),
        errors: fresh(groups, &seen.release),
        is_now: context.release.as_deref() == Some(&seen.release),
    }
}

struct Begun {
    href: String,
    said: String,
    when_html: String,
}

#[derive(Template)]
#[template(path = "release.html")]
struct OneView<'a> {
    s: Sheet<'a>,
    name: String,
    verdict: String,
    served: String,
    last_html: String,
    before: Option<String>,
    rows: Vec<(&'static str, String, String)>,
    begun: Vec<Begun>,
}

pub fn release(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let name = context.params.first().map(String::as_str).unwrap_or_default();
    let all = reader.releases_seen(SHOWN)?;
    let Some(place) = all.iter().position(|seen| seen.release == name) else {
        // The releases of the ledger have numbers: /releases/no-12.
        let number = name.strip_prefix("no-").and_then(|number| number.parse().ok());
        if let Some(row) = number.map(|number| reader.release(number)).transpose()?.flatten() {
            return led(reader, context, &row);
        }
        return Err(missing(
            "web.release_unknown",
            format!("there is no release `{}`", words::cut(name, 60)),
            "the name of a release that a process ran",
        ));
    };
    let (seen, before) = (all[place].clone(), all.get(place + 1));
    let s = Sheet::new(context, format!("Release {}", words::cut(name, 40)), "Releases");
    let groups = reader.error_groups(context.now - Length::days(30))?;
    let begun: Vec<Begun> = groups
        .iter()
        .filter(|group| group.first.release.as_deref() == Some(name))
        .take(20)
        .map(|group| Begun {
            href: format!("/errors/{}", group.fingerprint),
            said: crate::facts::said(group.first.error.as_deref(), group.first.cause.as_deref())
                .unwrap_or_else(|| group.first.outcome.as_str().to_owned()),
            when_html: s.t.ago(group.first.ended_at),
        })
        .collect();
    let own = runs_of(reader, &seen)?;
    let other = before.map(|before| runs_of(reader, before)).transpose()?.unwrap_or_default();
    let verdict = match begun.len() {
        0 => format!("{} began {}; no error began with it.", words::cut(name, 40), s.t.moment_text(seen.first_at)),
        number => {
            format!("{} began {}, and {} with it.", words::cut(name, 40), s.t.moment_text(seen.first_at), words::many(number, "error"))
        }
    };
    let json = json!({
        "release": name, "first_at": seen.first_at.to_string(), "last_at": seen.last_at.to_string(), "verdict": verdict,
        "before": before.map(|before| before.release.clone()), "runs": own.len(), "errors_begun": begun.len(),
    });
    let rows = compared(&other, &own, &s);
    let view = OneView {
        name: name.to_owned(),
        verdict,
        before: before.map(|before| before.release.clone()),
        served: words::coarse(seen.last_at - seen.first_at),
        last_html: s.t.ago(seen.last_at),
        rows,
        begun,
        s,
    };
    page(&view.s, &view, json)
}

struct Step {
    step: String,
    state_html: String,
    tries: u32,
    began_html: String,
    took: String,
}

#[derive(Template)]
#[template(path = "led.html")]
struct LedView<'a> {
    s: Sheet<'a>,
    number: i64,
    verdict: String,
    led: Led,
    note: Option<String>,
    plan: String,
    steps: Vec<Step>,
}

/// A release of the ledger: its steps, its plan, its note.
fn led(reader: &Reader, context: &PageContext, row: &ReleaseRow) -> Result<Page, Problem> {
    let s = Sheet::new(context, format!("Release {}", row.release), "Releases");
    let steps: Vec<Step> = reader
        .release_steps(row.release)?
        .iter()
        .map(|step| Step {
            step: step.step.clone(),
            state_html: match step.state.as_str() {
                "begun" => state("release", "open"),
                other => state("release", other),
            },
            tries: step.tries,
            began_html: s.t.clock(step.began_at),
            took: step.ended_at.map_or_else(|| "–".to_owned(), |ended| words::length(ended - step.began_at)),
        })
        .collect();
    let compared = row.verdict.as_deref().map_or_else(String::new, |verdict| format!(", compared: {}", verdict.replace('_', " ")));
    let verdict = match row.ended_at {
        None => format!("Release {} has been open since {}.", row.release, s.t.moment_text(row.started_at)),
        Some(ended) => format!("Release {} is {}{compared}; it ended {}.", row.release, row.state, s.t.moment_text(ended)),
    };
    let mut json = crate::api::evidence::told(row);
    json["note"] = json!(row.note);
    json["steps"] = steps.iter().map(|step| json!({"step": step.step, "tries": step.tries, "took": step.took})).collect();
    let plan = serde_json::from_str::<serde_json::Value>(&row.plan).ok().and_then(|plan| serde_json::to_string_pretty(&plan).ok());
    let view = LedView {
        number: row.release,
        verdict,
        led: Led::new(row, &s),
        note: row.note.as_deref().map(|note| crate::mask::text(&words::cut(note, 20_000))),
        plan: crate::mask::text(&words::cut(&plan.unwrap_or_default(), 6_000)),
        steps,
        s,
    };
    page(&view.s, &view, json)
}

/// The last completed jobs while it served, of its own processes.
pub fn runs_of(reader: &Reader, seen: &ReleaseSeen) -> Result<Vec<RunSample>, StoreError> {
    let mut runs = reader.recent_runs(seen.first_at, seen.last_at + Length::seconds(1), RUNS)?;
    runs.retain(|run| run.release.as_deref() == Some(seen.release.as_str()));
    Ok(runs)
}

/// Too few runs say nothing, and are not shown as if they did.
pub fn compared(before: &[RunSample], after: &[RunSample], s: &Sheet<'_>) -> Vec<(&'static str, String, String)> {
    const ENOUGH: usize = 20;
    let quantile = |runs: &[RunSample], value: fn(&RunSample) -> Option<i64>, percent: usize| {
        let mut values: Vec<i64> = runs.iter().filter_map(value).collect();
        values.sort_unstable();
        if values.len() < ENOUGH {
            "not enough data".to_owned()
        } else {
            s.t.span(values[(values.len() * percent / 100).min(values.len() - 1)])
        }
    };
    let row =
        |name, value: fn(&RunSample) -> Option<i64>, percent| (name, quantile(before, value, percent), quantile(after, value, percent));
    vec![
        ("completed jobs looked at", words::thousands(before.len() as i64), words::thousands(after.len() as i64)),
        row("waited, p50", |run| run.waited_us, 50),
        row("waited, p95", |run| run.waited_us, 95),
        row("ran, p50", |run| run.ran_us, 50),
        row("ran, p95", |run| run.ran_us, 95),
    ]
}

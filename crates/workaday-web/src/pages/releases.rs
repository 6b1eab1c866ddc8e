//! Releases and comparing: what changed, and is it better?

use super::job::missing;
use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page, segment};
use crate::words;
use askama::Template;
use serde_json::json;
use workaday_core::clock::Length;
use workaday_core::explain::Problem;
use workaday_store::StoreError;
use workaday_store::sqlite::read::{ErrorGroup, Reader, ReleaseSeen, RunSample};

const SHOWN: usize = 50;
/// Completed jobs looked at for one release.
const RUNS: usize = 600;

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
}

pub fn releases(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Releases", "Releases");
    let seen = reader.releases_seen(SHOWN)?;
    let groups = reader.error_groups(context.now - Length::days(30))?;
    let lines: Vec<Line> = seen.iter().map(|seen| line(seen, &groups, context, &s)).collect();
    let (verdict, second) = match seen.first() {
        None => (
            "No release was named yet.".to_owned(),
            "A release gets its name from the deploy; jobs, errors and plots then say which one they belong to.".to_owned(),
        ),
        Some(newest) => (
            format!("{} runs since {}.", words::cut(&newest.release, 40), s.t.moment_text(newest.first_at)),
            match fresh(&groups, &newest.release) {
                0 => "No error began with it.".to_owned(),
                1 => "1 error began with it.".to_owned(),
                several => format!("{several} errors began with it."),
            },
        ),
    };
    let json = json!({
        "verdict": verdict,
        "releases": seen.iter().map(|seen| json!({
            "release": seen.release, "first_at": seen.first_at.to_string(), "last_at": seen.last_at.to_string(), "errors_begun": fresh(&groups, &seen.release),
        })).collect::<Vec<_>>(),
    });
    let view = ListView { s, verdict, second, lines };
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

/// The last completed jobs while it served, of its own processes.
fn runs_of(reader: &Reader, seen: &ReleaseSeen) -> Result<Vec<RunSample>, StoreError> {
    let mut runs = reader.recent_runs(seen.first_at, seen.last_at + Length::seconds(1), RUNS)?;
    runs.retain(|run| run.release.as_deref() == Some(seen.release.as_str()));
    Ok(runs)
}

/// Too few runs say nothing, and are not shown as if they did.
fn compared(before: &[RunSample], after: &[RunSample], s: &Sheet<'_>) -> Vec<(&'static str, String, String)> {
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

#[derive(Template)]
#[template(path = "compare.html")]
struct CompareView<'a> {
    s: Sheet<'a>,
    verdict: String,
    releases: Vec<String>,
    before: String,
    after: String,
    rows: Vec<(&'static str, String, String)>,
}

pub fn compare(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Compare", "Releases");
    let all = reader.releases_seen(SHOWN)?;
    let pick = |name: &str, place: usize| {
        let wanted = context.query.get(name);
        let found = wanted.map_or_else(|| all.get(place), |wanted| all.iter().find(|seen| seen.release == wanted));
        found.ok_or(wanted)
    };
    let (before, after) = (pick("before", 1), pick("after", 0));
    if let Err(Some(unknown)) = before.as_ref().and(after.as_ref()) {
        return Err(missing(
            "web.release_unknown",
            format!("there is no release `{}`", words::cut(unknown, 60)),
            "the name of a release that a process ran",
        ));
    }
    let (Ok(before), Ok(after)) = (before, after) else {
        let verdict = if all.is_empty() {
            "Nothing to compare yet: no release was named."
        } else {
            "Nothing to compare yet: there was only one release."
        };
        let view =
            CompareView { s, verdict: verdict.to_owned(), releases: vec![], before: String::new(), after: String::new(), rows: vec![] };
        return page(&view.s, &view, json!({"verdict": verdict, "rows": []}));
    };
    let rows = compared(&runs_of(reader, before)?, &runs_of(reader, after)?, &s);
    let verdict = format!("{} beside {}.", words::cut(&after.release, 40), words::cut(&before.release, 40));
    let json = json!({
        "verdict": verdict, "before": before.release, "after": after.release,
        "rows": rows.iter().map(|(name, before, after)| json!({"measure": name, "before": before, "after": after})).collect::<Vec<_>>(),
    });
    let view = CompareView {
        s,
        verdict,
        releases: all.iter().map(|seen| seen.release.clone()).collect(),
        before: before.release.clone(),
        after: after.release.clone(),
        rows,
    };
    page(&view.s, &view, json)
}

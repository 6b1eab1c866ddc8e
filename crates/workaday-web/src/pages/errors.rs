//! Errors, grouped: what goes wrong, how often, since when, and what to do about all of it at once.

use super::job::missing;
use super::rows::{self, JobRow};
use super::today::{marks, retry_said};
use crate::page::{Page, PageContext};
use crate::plot::{self, Span};
use crate::sheet::{Sheet, page, segment};
use crate::{facts, mask, words};
use askama::Template;
use serde_json::{Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::Problem;
use workaday_core::fingerprint::place;
use workaday_core::job::State;
use workaday_store::StoreError;
use workaday_store::sqlite::read::{Counted, ErrorGroup, Mute, Reader};

/// Failures of one error that are counted.
const COUNT_MAX: i64 = 10_000;
const GROUPS_SHOWN: usize = 50;
pub const DAYS: i64 = 7;
/// Bars of the seven days: six hours each.
const BARS: usize = 28;
const BAR_MAX: i64 = 2_000;
/// Attempts looked through for jobs that can be retried.
const FAILURES_LOOKED: usize = 1_000;

/// One error as the pages say it.
pub struct Known {
    pub fingerprint: String,
    pub task: String,
    pub said: String,
    pub place: Option<String>,
    pub count_day: String,
    pub count: String,
    pub first_html: String,
    pub last_html: String,
    pub first_release: Option<String>,
    pub muted: Option<String>,
    first_at: Timestamp,
    last_at: Timestamp,
    day: Counted,
}

impl Known {
    pub fn to_json(&self) -> Value {
        json!({
            "fingerprint": self.fingerprint, "task": self.task, "said": self.said, "place": self.place,
            "last_24_h": self.day.number, "first_at": self.first_at.to_string(), "last_at": self.last_at.to_string(),
            "first_release": self.first_release, "muted": self.muted,
        })
    }
}

/// Errors that came since, the most frequent of the last day first.
pub fn known(reader: &Reader, context: &PageContext, since: Timestamp, shown_max: usize) -> Result<Vec<Known>, StoreError> {
    let teller = crate::show::Teller::new(context.now, &context.zone);
    let mutes = reader.mutes()?;
    let groups = reader.error_groups(since)?;
    let mut known =
        groups.iter().take(shown_max).map(|group| one(reader, context, &teller, group, &mutes)).collect::<Result<Vec<_>, _>>()?;
    known.sort_by_key(|known| (std::cmp::Reverse(known.day.number), std::cmp::Reverse(known.last_at)));
    Ok(known)
}

fn one(
    reader: &Reader,
    context: &PageContext,
    teller: &crate::show::Teller,
    group: &ErrorGroup,
    mutes: &[Mute],
) -> Result<Known, StoreError> {
    let now = context.now;
    let end = now + Length::days(1);
    let job = reader.job_by_key(group.last.job)?;
    let day = reader.error_count(&group.fingerprint, now - Length::hours(24), end, COUNT_MAX)?;
    let all = reader.error_count(&group.fingerprint, Timestamp(0), end, COUNT_MAX)?;
    let said =
        facts::said(group.last.error.as_deref(), group.last.cause.as_deref()).unwrap_or_else(|| group.last.outcome.as_str().to_owned());
    Ok(Known {
        fingerprint: group.fingerprint.clone(),
        task: job.map_or_else(|| "a job that was deleted".to_owned(), |listed| listed.job.task),
        said: words::first_line(&said, 160),
        place: traceback(group.last.error.as_deref()).as_deref().and_then(place),
        count_day: words::counted(day),
        count: words::counted(all),
        first_html: teller.ago(group.first.ended_at),
        last_html: teller.ago(group.last.ended_at),
        first_release: group.first.release.clone(),
        muted: mutes
            .iter()
            .find(|mute| mute.fingerprint == group.fingerprint)
            .filter(|mute| mute.is_active(now, context.release.as_deref()))
            .map(muted_said),
        first_at: group.first.ended_at,
        last_at: group.last.ended_at,
        day,
    })
}

fn traceback(error: Option<&str>) -> Option<String> {
    let error: Value = serde_json::from_str(error?).ok()?;
    error.get("traceback").and_then(Value::as_str).filter(|text| !text.is_empty()).map(mask::text)
}

fn muted_said(mute: &Mute) -> String {
    let note = mute.note.as_deref().map_or_else(String::new, |note| format!(": {note}"));
    let until = if mute.release.is_some() { " until the next release" } else { "" };
    format!("muted by {}{until}{note}", mute.who)
}

#[derive(Template)]
#[template(path = "errors.html")]
struct ListView<'a> {
    s: Sheet<'a>,
    verdict: String,
    second: String,
    errors: Vec<Known>,
    left_out: usize,
}

pub fn errors(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Errors", "Errors");
    let errors = known(reader, context, context.now - Length::days(DAYS), GROUPS_SHOWN + 1)?;
    let left_out = errors.len().saturating_sub(GROUPS_SHOWN);
    let day: i64 = errors.iter().map(|known| known.day.number).sum();
    let fresh = errors.iter().filter(|known| context.now - known.first_at < Length::hours(24)).count();
    let (verdict, second) = match errors.len() {
        0 => ("Nothing has failed in 7 days.".to_owned(), "Attempts that fail are grouped here by task, type and place.".to_owned()),
        number => (
            format!(
                "{} in 7 days{}.",
                words::many(number, "error"),
                if fresh > 0 { format!(", {fresh} of them new today") } else { String::new() }
            ),
            format!("They occurred {} in the last 24 hours.", words::many(day as usize, "time")),
        ),
    };
    let json = json!({"verdict": verdict, "errors": errors.iter().map(Known::to_json).collect::<Vec<_>>()});
    let view = ListView { s, verdict, second, errors: errors.into_iter().take(GROUPS_SHOWN).collect(), left_out };
    page(&view.s, &view, json)
}

#[derive(Template)]
#[template(path = "error_group.html")]
struct GroupView<'a> {
    s: Sheet<'a>,
    known: Known,
    plot: String,
    bars: Vec<(String, i64)>,
    traceback: Option<String>,
    jobs: Vec<JobRow>,
    discarded: usize,
    discarded_more: bool,
    entry: Option<TaskEntry>,
    retry: &'static str,
    task_href: String,
}

pub fn error_group(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let name = context.params.first().map(String::as_str).unwrap_or_default();
    let Some(group) = reader.error_group(name)? else {
        let what = format!("there is no error `{}`", words::cut(name, 40));
        return Err(missing("error.not_found", what, "the fingerprint of an error whose jobs are still kept"));
    };
    let now = context.now;
    let s = Sheet::new(context, "Error", "Errors");
    let known = one(reader, context, &s.t, &group, &reader.mutes()?)?;
    let span = Span { from: now - Length::days(DAYS), until: now };
    let length = Length((span.until - span.from).0 / BARS as i64);
    let at = |number: usize| span.from + Length(length.0 * number as i64);
    let values: Vec<i64> = (0..BARS)
        .map(|number| Ok(reader.error_count(name, at(number), at(number + 1), BAR_MAX)?.number))
        .collect::<Result<_, StoreError>>()?;
    let plot = plot::bars(&s.t, span, &values, &marks(reader, span)?, "This error in 7 days", "6 h");
    let mut keys = vec![];
    let failures = reader.failures(name, None, FAILURES_LOOKED)?;
    for failure in &failures {
        if !keys.contains(&failure.job) && keys.len() < 200 {
            keys.push(failure.job);
        }
    }
    let mut listed = vec![];
    for key in keys {
        listed.extend(reader.job_by_key(key)?);
    }
    let discarded = listed.iter().filter(|listed| listed.job.state == State::Discarded).count();
    let entry = facts::entry_of(&reader.tasks()?, &known.task);
    let bars =
        values.iter().enumerate().filter(|(_, value)| **value > 0).map(|(number, value)| (s.t.moment_text(at(number)), *value)).collect();
    let json = json!({
        "error": known.to_json(), "every_6_h": values, "jobs": listed.iter().take(20).map(|job| rows::to_json(context, job)).collect::<Vec<_>>(),
        "discarded": discarded,
    });
    let view = GroupView {
        plot,
        bars,
        traceback: traceback(group.last.error.as_deref()).map(|text| words::cut(&text, 6_000)),
        jobs: listed.iter().take(20).map(|job| rows::row(context, &s.t, job)).collect(),
        discarded,
        discarded_more: failures.len() == FAILURES_LOOKED || listed.len() == 200,
        retry: entry.as_ref().map_or("no worker has stated this task", retry_said),
        task_href: format!("/tasks/{}", segment(&known.task)),
        entry,
        known,
        s,
    };
    page(&view.s, &view, json)
}

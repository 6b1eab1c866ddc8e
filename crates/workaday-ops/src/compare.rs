//! `compare A B`, for every face: which time each side stands for, and the judgement of one against the other.

use crate::evidence::{self, Change};
use crate::release::Window;
use serde_json::Value;
use workaday_core::clock::{Length, Timestamp, parse_instant, parse_length};
use workaday_core::compare::{Comparison, Question, Rules, judge};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::measure::minute_of;
use workaday_store::{Reader, StoreError};

/// The longest side that a release or an open end stands for.
const SIDE_LONGEST: Length = Length::hours(24);
/// Names that a mistyped one is compared with, and releases that are looked through; the newest.
const NAMES_MAX: usize = 100;
/// As much of a name as an error repeats.
const NAME_CHARS_MAX: usize = 60;

/// One side: the time it stands for, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    pub window: Window,
    pub release: Option<String>,
    /// What was noticed when the baseline was captured; null for anything else.
    pub noticed: Value,
}

/// Why a text names no side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoSide {
    /// A span that does not read: each face says so in the words of its own input.
    Span {
        what: &'static str,
        expected: &'static str,
    },
    Problem(Box<Problem>),
}

impl From<StoreError> for NoSide {
    fn from(error: StoreError) -> Self {
        NoSide::Problem(Box::new(error.into()))
    }
}

impl Side {
    /// Reads a span, a release, a baseline or, beside the side `before`, `now`.
    pub fn read(given: &str, before: Option<&Side>, reader: &Reader, now: Timestamp) -> Result<Side, NoSide> {
        if let (Some(before), "now") = (before, given) {
            return Ok(before.until(now));
        }
        if let Some((since, end)) = given.split_once("..") {
            return Ok(Side::of(span(since, end, now)?));
        }
        if let Some((first, last)) = ran(reader, given)? {
            let window = of_release(first, last + Length::minutes(1), before);
            return Ok(Side { release: Some(given.to_owned()), ..Side::of(window) });
        }
        let row = reader.baseline(given)?.ok_or_else(|| unknown(reader, given))?;
        let noticed = serde_json::from_str(&row.noticed).unwrap_or_default();
        Ok(Side { window: Window { since: row.since, before: row.before }, release: row.release, noticed })
    }

    /// From the end of this side until now, a day at most.
    pub fn until(&self, now: Timestamp) -> Side {
        Side::of(Window { since: self.window.before.max(now - SIDE_LONGEST), before: now })
    }

    fn of(window: Window) -> Side {
        Side { window, release: None, noticed: Value::Null }
    }
}

/// `2030-01-01T12:00:00Z..2030-01-01T13:00:00Z`, `2h..1h` (ago), `1h..now`.
fn span(since: &str, end: &str, now: Timestamp) -> Result<Window, NoSide> {
    let at = |text: &str| match text {
        "now" | "" => Some(now),
        _ => parse_length(text).map(|ago| now - ago).or_else(|| parse_instant(text)),
    };
    let (Some(since), Some(end)) = (at(since), at(end)) else {
        return Err(NoSide::Span {
            what: "the span does not read",
            expected: "instants with their offset, 2030-01-01T00:00:00Z, or lengths ago: 2h..1h",
        });
    };
    if end <= since {
        return Err(NoSide::Span { what: "the span ends before it begins", expected: "FROM..TO, the earlier first" });
    }
    Ok(Window { since, before: end })
}

/// When a release was first and last measured, else when attempts of it ran.
fn ran(reader: &Reader, release: &str) -> Result<Option<(Timestamp, Timestamp)>, NoSide> {
    if let Some((_, first, last)) = reader.measured_releases()?.into_iter().find(|(name, ..)| name == release) {
        return Ok(Some((first, last)));
    }
    let seen = reader.releases_seen(NAMES_MAX)?.into_iter().find(|seen| seen.release == release);
    Ok(seen.map(|seen| (seen.first_at, seen.last_at)))
}

/// Of a release before the change its last day counts, of the one after it its first.
fn of_release(first: Timestamp, end: Timestamp, before: Option<&Side>) -> Window {
    let (since, end) = match before {
        None => (first.max(end - SIDE_LONGEST), end),
        Some(before) => (first.max(before.window.before), end.min(first + SIDE_LONGEST)),
    };
    Window { since, before: end.max(since + Length::minutes(1)) }
}

fn unknown(reader: &Reader, given: &str) -> NoSide {
    let names = || -> Result<Vec<String>, NoSide> {
        let baselines = reader.baselines(NAMES_MAX)?.into_iter().map(|row| row.name);
        let releases = reader.measured_releases()?.into_iter().map(|(name, ..)| name);
        Ok(baselines.chain(releases).collect())
    };
    // The name is wrong whether or not the others can be read.
    let names = names().unwrap_or_default();
    let shown: String = given.chars().take(NAME_CHARS_MAX).collect();
    let problem = Problem::new("baseline.unknown", format!("there is no baseline and no measured release `{shown}`"))
        .expected("a baseline, a release, `now`, or a span such as 2h..1h")
        .retry(RetryAdvice::SafeAfterFix, "safe once the name is right; nothing was changed")
        .hint("`workaday baseline capture NAME` keeps the last hour")
        .meant(given, names.iter().map(String::as_str));
    NoSide::Problem(Box::new(problem))
}

/// Refuses a time after the change that begins before the one before it has ended.
pub fn check_order(before: Window, after: Window) -> Result<(), Problem> {
    if minute_of(after.since) >= minute_of(before.before) {
        return Ok(());
    }
    Err(Problem::new("compare.order", "the second side begins before the first has ended")
        .expected("the time before the change, then the time after it")
        .got(format!("the first until {}, the second from {}", before.before, after.since))
        .retry(RetryAdvice::SafeAfterFix, "safe in the other order; nothing was compared"))
}

/// Compares two windows of the store's evidence, with the 14 days before them as history.
///
/// `also`: what else changed between them, in words.
pub fn windows(
    reader: &Reader,
    before: Window,
    after: Window,
    controls: Vec<String>,
    also: Vec<String>,
    rules: &Rules,
) -> Result<Comparison, Problem> {
    let change = Change::seen(reader, after.since, after.before)?;
    let series = evidence::of_store(reader, before.since - evidence::HISTORY, after.before, Some(&change))?;
    let (start, at) = (minute_of(before.since), minute_of(after.since));
    let question = Question {
        before: (start, minute_of(before.before).clamp(start + 1, at.max(start + 1))),
        // Whole minutes: the last one of the window has begun before it ends.
        after: (at, (minute_of(Timestamp(after.before.0 - 1)) + 1).max(at + 1)),
        controls,
        also_changed: also,
    };
    Ok(judge(&series, &question, rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000 * 3_600_000_000);

    fn window(from_hours: i64, to_hours: i64) -> Window {
        Window { since: NOW - Length::hours(from_hours), before: NOW - Length::hours(to_hours) }
    }

    #[test]
    fn a_span_is_written_as_lengths_ago_or_instants() {
        assert_eq!(span("2h", "1h", NOW), Ok(window(2, 1)));
        assert_eq!(span("1h", "", NOW), Ok(window(1, 0)));
        assert_eq!(span("1h", "now", NOW), Ok(window(1, 0)));
        assert_eq!(span(&window(3, 0).since.to_string(), "2h", NOW), Ok(window(3, 2)));
    }

    #[test]
    fn a_span_that_is_none_is_refused() {
        assert!(matches!(span("1h", "2h", NOW), Err(NoSide::Span { what: "the span ends before it begins", .. })));
        assert!(matches!(span("yesterday", "1h", NOW), Err(NoSide::Span { what: "the span does not read", .. })));
    }

    #[test]
    fn of_the_old_release_the_last_day_counts_and_of_the_new_one_the_first() {
        let old = Side::of(of_release(NOW - Length::hours(100), NOW - Length::hours(50), None));
        assert_eq!(old.window, window(74, 50));
        assert_eq!(
            of_release(NOW - Length::hours(60), NOW, Some(&old)),
            window(50, 36),
            "both ran for a while: it begins when the old one ended"
        );
        assert_eq!(old.until(NOW), Side::of(window(24, 0)), "an open end is a day at most");
    }

    #[test]
    fn the_times_come_in_their_order() {
        assert!(check_order(window(3, 2), window(2, 1)).is_ok());
        assert_eq!(check_order(window(3, 1), window(2, 0)).expect_err("they overlap").code, "compare.order");
    }
}

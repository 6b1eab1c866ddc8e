//! Evidence for the judge: from the store, or from exported lines.

use workaday_core::clock::{Length, Timestamp};
use workaday_core::compare::line::{Minute, Series, SeriesKey, Spread};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::measure::{Figures, Histogram, Metric, SeriesKind, minute_of};
use workaday_store::Reader;
use workaday_store::sqlite::read::MeasureFilter;

/// How far back the moments without a release are looked for.
pub const HISTORY: Length = Length::days(14);

/// So many processes are looked through for the one that ran at some moment.
const WORKERS_MAX: usize = 1_000;

/// The minute of a change. Both releases ran in it, each is counted on its own side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Minutes since 1970.
    pub minute: i64,
    /// What ran until then, and what ran at the end of the time after it; `None`: not known.
    pub old: Option<String>,
    pub new: Option<String>,
}

impl Change {
    /// The change at `at`, seen from `until`: the releases are those of the supervisors of these moments.
    pub fn seen(reader: &Reader, at: Timestamp, until: Timestamp) -> Result<Change, Problem> {
        let workers = reader.workers(true, WORKERS_MAX).map_err(|error| error.problem())?;
        let running = |when: Timestamp| workers.iter().filter(|worker| worker.started_at <= when).max_by_key(|worker| worker.started_at);
        let release = |when| running(when).and_then(|worker| worker.release.clone());
        Ok(Change { minute: minute_of(at), old: release(at), new: release(until) })
    }

    /// Do figures of this minute and release lie before the change? `is_known`: the release had figures before it.
    fn is_before(&self, minute: i64, release: &str, is_known: bool) -> bool {
        let (is_old, is_new) = (self.old.as_deref() == Some(release), self.new.as_deref() == Some(release));
        match (is_old, is_new) {
            // Its last requests, in whichever minute they end; also when it began in this very minute.
            (true, false) => true,
            // A release that is put back was known before: what it does from here on is the change.
            (false, true) => false,
            // Another one that ran within this minute ended before the old one began.
            (false, false) if self.old.is_some() && self.new.is_some() && self.old != self.new => minute == self.minute,
            _ => minute == self.minute && is_known,
        }
    }
}

/// All that was measured of tasks and routes in this time.
pub fn of_store(reader: &Reader, from: Timestamp, to: Timestamp, change: Option<&Change>) -> Result<Series, Problem> {
    let mut series = Series::default();
    let filter = MeasureFilter { from: Some(from), to: Some(to), ..MeasureFilter::default() };
    let mut known_before = std::collections::BTreeSet::new();
    let read = reader.each_measure(&filter, |row| {
        if !matches!(row.series.kind, SeriesKind::Task | SeriesKind::Route) {
            return;
        }
        let (mut minute, release) = (minute_of(row.minute), row.series.release);
        match change {
            Some(change) if minute < change.minute => drop(known_before.insert(release.clone())),
            Some(change) if change.is_before(minute, &release, known_before.contains(&release)) => minute = change.minute - 1,
            _ => {}
        }
        let first = series.releases.entry(release).or_insert(minute);
        *first = (*first).min(minute);
        let key = SeriesKey { kind: row.series.kind.as_str().to_owned(), name: row.series.name };
        add(series.minutes.entry(key).or_default().entry(minute).or_default(), &row.figures);
    });
    read.map_err(|error| error.problem())?;
    Ok(series)
}

fn add(minute: &mut Minute, figures: &Figures) {
    minute.count += figures.count;
    minute.errors += figures.errors;
    minute.cache_hits += figures.cache_hits;
    minute.cache_misses += figures.cache_misses;
    for (into, metric) in [
        (&mut minute.run_us, Metric::Run),
        (&mut minute.wait_us, Metric::Wait),
        (&mut minute.db_calls, Metric::DbCalls),
        (&mut minute.http_calls, Metric::HttpCalls),
    ] {
        merge(into, figures.of(metric));
    }
}

fn merge(into: &mut Spread, histogram: &Histogram) {
    into.sum += histogram.sum() as f64;
    into.max = into.max.max(histogram.max() as f64);
    into.buckets.extend(histogram.buckets().map(|(value, count)| (value as f64, count)));
}

/// Adds the lines of a file that `workaday measures export` wrote, or another program in the same form.
pub fn of_lines(text: &str, file: &str, into: &mut Series) -> Result<usize, Problem> {
    let read = workaday_core::compare::read_lines(text, into).map_err(|(line, why)| {
        Problem::new("compare.line_invalid", format!("line {line} of `{file}` is no line of evidence: {why}"))
            .expected("{\"minute\", \"kind\", \"name\", \"count\", …} as `workaday measures export` writes them")
            .retry(RetryAdvice::SafeAfterFix, "safe after the line is mended; nothing was compared")
            .hint("docs/reference/measures.md says what each field means")
    })?;
    if read == 0 {
        return Err(Problem::new("compare.empty", format!("`{file}` holds no evidence"))
            .expected("at least one line of JSON")
            .retry(RetryAdvice::SafeAfterFix, "safe with a file that has lines; nothing was compared"));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(old: Option<&str>, new: Option<&str>) -> Change {
        Change { minute: 100, old: old.map(str::to_owned), new: new.map(str::to_owned) }
    }

    #[test]
    fn the_last_requests_of_the_old_release_lie_before_the_change() {
        let change = change(Some("a"), Some("b"));
        assert!(change.is_before(100, "a", true) && change.is_before(101, "a", true), "they end when they end");
        assert!(change.is_before(100, "a", false), "it began in this very minute");
        assert!(change.is_before(100, "c", false), "it began and ended in this very minute, before a");
        assert!(!change.is_before(100, "b", false) && !change.is_before(101, "b", false));
    }

    #[test]
    fn a_release_that_is_put_back_counts_after_the_change() {
        let back = change(Some("b"), Some("a"));
        assert!(!back.is_before(100, "a", true), "it was known before, and it is the change");
        assert!(back.is_before(100, "b", true));
    }

    #[test]
    fn without_names_the_minute_decides() {
        for change in [change(None, None), change(Some("a"), Some("a"))] {
            assert!(change.is_before(100, "a", true));
            assert!(!change.is_before(100, "a", false) && !change.is_before(101, "a", true));
        }
    }
}

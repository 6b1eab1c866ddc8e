//! Evidence for the judge: from the store, or from exported lines.

use workaday_core::clock::{Length, Timestamp};
use workaday_core::compare::line::{Minute, Series, SeriesKey, Spread};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::measure::{Figures, Histogram, Metric, SeriesKind, minute_of};
use workaday_store::Reader;
use workaday_store::sqlite::read::MeasureFilter;

/// How far back the moments without a release are looked for.
pub const HISTORY: Length = Length::days(14);

/// All that was measured of tasks and routes in this time.
///
/// `at`: the minute of the change. In that minute both releases ran; each is counted on its own side.
pub fn of_store(reader: &Reader, from: Timestamp, to: Timestamp, at: Option<i64>) -> Result<Series, Problem> {
    let mut series = Series::default();
    let filter = MeasureFilter { from: Some(from), to: Some(to), ..MeasureFilter::default() };
    let mut known_before = std::collections::BTreeSet::new();
    let read = reader.each_measure(&filter, |row| {
        if !matches!(row.series.kind, SeriesKind::Task | SeriesKind::Route) {
            return;
        }
        let (mut minute, release) = (minute_of(row.minute), row.series.release);
        match at {
            Some(at) if minute < at => drop(known_before.insert(release.clone())),
            // The old release's last requests: they belong before the change.
            Some(at) if minute == at && known_before.contains(&release) => minute = at - 1,
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

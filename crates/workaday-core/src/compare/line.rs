//! A line of exported evidence: one minute of one task or route. `workaday measures export` writes them, `compare` reads them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A distribution: how often each value was seen. `sum` and `max` are exact, the values of `buckets` representative.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spread {
    pub sum: f64,
    pub max: f64,
    /// `[value, count]`, in any order.
    pub buckets: Vec<(f64, u64)>,
}

impl Spread {
    /// How many values it holds.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    fn merge(&mut self, other: Spread) {
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self.buckets.extend(other.buckets);
    }
}

/// One minute of one series, as exported. Unknown fields are ignored, so that a newer export can still be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The start of the minute, ISO 8601: `2026-11-22T14:00:00Z`.
    pub minute: jiff::Timestamp,
    /// `task`, `route` or `queue`.
    pub kind: String,
    /// `shop.send_invoice`, `GET /orders/{id}`.
    pub name: String,
    #[serde(default)]
    pub release: Option<String>,
    /// Attempts or requests that ended in this minute.
    pub count: u64,
    #[serde(default)]
    pub errors: u64,
    /// Run or response time, microseconds.
    #[serde(default)]
    pub run_us: Option<Spread>,
    /// Time between due and started, microseconds.
    #[serde(default)]
    pub wait_us: Option<Spread>,
    /// Database calls of each attempt or request.
    #[serde(default)]
    pub db_calls: Option<Spread>,
    /// Outgoing HTTP calls of each.
    #[serde(default)]
    pub http_calls: Option<Spread>,
    #[serde(default)]
    pub cache_hits: u64,
    #[serde(default)]
    pub cache_misses: u64,
}

/// Which task or route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SeriesKey {
    pub kind: String,
    pub name: String,
}

impl std::fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// What one minute holds, all releases together.
#[derive(Clone, Debug, Default)]
pub struct Minute {
    pub count: u64,
    pub errors: u64,
    pub run_us: Spread,
    pub wait_us: Spread,
    pub db_calls: Spread,
    pub http_calls: Spread,
    pub cache_hits: u64,
    pub cache_misses: u64,
}

/// All series, by minute since 1970.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub minutes: BTreeMap<SeriesKey, BTreeMap<i64, Minute>>,
    /// The first minute in which each release was seen.
    pub releases: BTreeMap<String, i64>,
}

impl Series {
    pub fn add(&mut self, line: Line) {
        let at = line.minute.as_second().div_euclid(60);
        if let Some(release) = line.release.filter(|release| !release.is_empty()) {
            let first = self.releases.entry(release).or_insert(at);
            *first = (*first).min(at);
        }
        let minute = self.minutes.entry(SeriesKey { kind: line.kind, name: line.name }).or_default().entry(at).or_default();
        minute.count += line.count;
        minute.errors += line.errors;
        minute.cache_hits += line.cache_hits;
        minute.cache_misses += line.cache_misses;
        for (into, from) in [
            (&mut minute.run_us, line.run_us),
            (&mut minute.wait_us, line.wait_us),
            (&mut minute.db_calls, line.db_calls),
            (&mut minute.http_calls, line.http_calls),
        ] {
            into.merge(from.unwrap_or_default());
        }
    }

    /// The first minute and the one after the last; `None` when there is nothing.
    pub fn span(&self) -> Option<(i64, i64)> {
        let first = self.minutes.values().filter_map(|minutes| minutes.keys().next()).min()?;
        let last = self.minutes.values().filter_map(|minutes| minutes.keys().next_back()).max()?;
        Some((*first, last + 1))
    }

    /// Minutes at which a release appeared that had not been seen before, the first of all apart.
    pub fn release_minutes(&self) -> Vec<i64> {
        let mut firsts: Vec<i64> = self.releases.values().copied().collect();
        firsts.sort_unstable();
        firsts.into_iter().skip(1).collect()
    }
}

/// Reads lines into `into`. The error names the line, counted from 1.
pub fn read_lines(text: &str, into: &mut Series) -> Result<usize, (usize, String)> {
    let mut read = 0;
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|error| (at + 1, error.to_string()))?;
        into.add(line);
        read += 1;
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_two_releases_in_one_minute_are_one_minute() {
        let text = r#"
{"minute":"2026-11-22T14:00:00Z","kind":"route","name":"/a","release":"r1","count":2,"errors":1,"run_us":{"sum":30,"max":20,"buckets":[[10,1],[20,1]]}}
{"minute":"2026-11-22T14:00:00Z","kind":"route","name":"/a","release":"r2","count":1,"run_us":{"sum":40,"max":40,"buckets":[[40,1]]},"new_field":7}"#;
        let mut series = Series::default();
        assert_eq!(read_lines(text, &mut series), Ok(2));
        let minute = series.minutes.values().next().and_then(|minutes| minutes.values().next()).expect("one minute");
        assert_eq!((minute.count, minute.errors, minute.run_us.count(), minute.run_us.sum), (3, 1, 3, 70.0));
        assert_eq!(series.release_minutes(), vec![series.span().expect("a span").0]);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let (at, why) = read_lines("\n{\"minute\":\"yesterday\"}", &mut Series::default()).expect_err("no instant");
        assert!(at == 2 && !why.is_empty(), "{at} {why}");
    }
}

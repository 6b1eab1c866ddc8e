//! One measure of one series. After one pass over the minutes, any window is answered by two look-ups.

use super::line::{Minute, Spread};
use super::placebo::median;
use serde::Serialize;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    RunP50,
    RunP95,
    WaitP95,
    DbCalls,
    HttpCalls,
    ErrorRate,
}

impl Measure {
    pub const ALL: [Measure; 6] =
        [Measure::DbCalls, Measure::HttpCalls, Measure::ErrorRate, Measure::RunP50, Measure::RunP95, Measure::WaitP95];

    /// A share from 0 to 1, compared by its difference. The others are compared by their ratio.
    pub const fn is_share(self) -> bool {
        matches!(self, Measure::ErrorRate)
    }

    /// Counted, not timed: almost the same in each run, so that it can be judged without a history.
    pub const fn is_counter(self) -> bool {
        matches!(self, Measure::DbCalls | Measure::HttpCalls | Measure::ErrorRate)
    }

    /// Calls of something else, counted in each request.
    pub const fn is_calls(self) -> bool {
        matches!(self, Measure::DbCalls | Measure::HttpCalls)
    }

    /// Fewer values than this in a window say nothing of it.
    pub const fn count_min(self) -> f64 {
        match self {
            Measure::RunP95 | Measure::WaitP95 => 300.0,
            Measure::RunP50 | Measure::ErrorRate => 100.0,
            Measure::DbCalls | Measure::HttpCalls => 30.0,
        }
    }

    const fn quantile(self) -> Option<f64> {
        match self {
            Measure::RunP50 => Some(0.5),
            Measure::RunP95 | Measure::WaitP95 => Some(0.95),
            Measure::DbCalls | Measure::HttpCalls | Measure::ErrorRate => None,
        }
    }

    fn spread(self, minute: &Minute) -> &Spread {
        match self {
            Measure::WaitP95 => &minute.wait_us,
            Measure::DbCalls => &minute.db_calls,
            Measure::HttpCalls => &minute.http_calls,
            Measure::RunP50 | Measure::RunP95 | Measure::ErrorRate => &minute.run_us,
        }
    }
}

/// A median of fewer slices is none.
const SLICES_MIN: usize = 3;
/// A slice needs this share of the values that a window needs: a tenth.
const SLICE_SHARE: f64 = 10.0;

/// What a window shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Microseconds, calls or a share.
    pub value: f64,
    /// How many attempts or requests it rests on.
    pub count: f64,
}

/// The minutes of one series, and what is made of them once for all measures.
pub struct Source<'a> {
    pub minutes: &'a BTreeMap<i64, Minute>,
    pub span: (i64, i64),
    run: OnceCell<Rc<Cumulated>>,
    wait: OnceCell<Rc<Cumulated>>,
    db: OnceCell<Rc<Cumulated>>,
    http: OnceCell<Rc<Cumulated>>,
}

impl<'a> Source<'a> {
    pub fn new(minutes: &'a BTreeMap<i64, Minute>, span: (i64, i64)) -> Source<'a> {
        Source { minutes, span, run: OnceCell::new(), wait: OnceCell::new(), db: OnceCell::new(), http: OnceCell::new() }
    }

    fn cumulated(&self, measure: Measure) -> Rc<Cumulated> {
        let cell = match measure {
            Measure::WaitP95 => &self.wait,
            Measure::DbCalls => &self.db,
            Measure::HttpCalls => &self.http,
            Measure::RunP50 | Measure::RunP95 | Measure::ErrorRate => &self.run,
        };
        cell.get_or_init(|| Rc::new(Cumulated::new(measure, self.minutes, self.span))).clone()
    }
}

/// A distribution, cumulated over the minutes: any window of it is a difference.
struct Cumulated {
    /// The values that occur, ascending.
    values: Vec<f64>,
    /// For each minute, how many values up to each of `values` came before it.
    below: Vec<u32>,
}

impl Cumulated {
    fn new(measure: Measure, minutes: &BTreeMap<i64, Minute>, (first, end): (i64, i64)) -> Cumulated {
        let values = distinct(measure, minutes);
        let width = values.len();
        let mut below = vec![0; width];
        below.reserve_exact(width * usize::try_from(end - first).unwrap_or(0));
        let mut here = vec![0_u32; width];
        let mut places = Recent::default();
        let mut known = minutes.range(first..end).peekable();
        for at in first..end {
            let from = below.len() - width;
            below.extend_from_within(from..);
            let Some((_, minute)) = known.next_if(|(minute, _)| **minute == at) else { continue };
            here.fill(0);
            for (value, count) in &measure.spread(minute).buckets {
                let place = places.of(*value, || values.partition_point(|known| known < value));
                here[place] += u32::try_from(*count).unwrap_or(u32::MAX);
            }
            let from = below.len() - width;
            let mut so_far = 0;
            for (sum, count) in below[from..].iter_mut().zip(&here) {
                so_far += count;
                *sum += so_far;
            }
        }
        Cumulated { values, below }
    }
}

/// Sums from the first minute on, for every minute.
pub struct Track {
    pub measure: Measure,
    first: i64,
    /// `counts[m]` = how many values before minute `first + m`.
    counts: Vec<f64>,
    /// The same for their sum (means) or for the errors.
    sums: Vec<f64>,
    /// For quantiles, which need no sums.
    cumulated: Option<Rc<Cumulated>>,
    /// The quantile of the slice that begins at each minute, once it was asked for, and how long these slices are.
    slices: RefCell<(i64, Vec<Option<f64>>)>,
    /// The same measure of series that the change cannot have touched; what they did is taken off.
    pub controls: Vec<Rc<Track>>,
}

impl Track {
    /// `None` when the series never has this measure.
    pub fn new(measure: Measure, source: &Source<'_>) -> Option<Track> {
        let (first, end) = source.span;
        let has_any = source.minutes.values().any(|minute| match measure {
            Measure::ErrorRate => minute.count > 0,
            Measure::DbCalls | Measure::HttpCalls => measure.spread(minute).sum > 0.0,
            Measure::RunP50 | Measure::RunP95 | Measure::WaitP95 => !measure.spread(minute).buckets.is_empty(),
        });
        if !has_any || end <= first {
            return None;
        }
        let cumulated = (measure != Measure::ErrorRate).then(|| source.cumulated(measure));
        let mut track = Track { measure, first, counts: vec![], sums: vec![], cumulated, slices: RefCell::default(), controls: vec![] };
        match (measure.quantile(), &track.cumulated) {
            (Some(_), Some(cumulated)) => track.counts = cumulated.counts(),
            _ => track.sum(source),
        }
        Some(track)
    }

    fn sum(&mut self, source: &Source<'_>) {
        let (first, end) = source.span;
        let (mut count, mut sum) = (0.0, 0.0);
        (self.counts, self.sums) = (vec![count], vec![sum]);
        let mut known = source.minutes.range(first..end).peekable();
        for at in first..end {
            if let Some((_, minute)) = known.next_if(|(minute, _)| **minute == at) {
                // A request without a database call may have left no bucket: the mean is over all that were counted.
                count += minute.count as f64;
                sum += if self.measure == Measure::ErrorRate { minute.errors as f64 } else { self.measure.spread(minute).sum };
            }
            self.counts.push(count);
            self.sums.push(sum);
        }
    }

    /// What minutes `from..to` show; `None` when they hold too few values, or lie outside.
    ///
    /// A quantile is taken of each slice of `slice` minutes, and the median of these is the level: a stall that passes
    /// moves the slices it fell into, a change moves them all (the median of means, Nemirovski and Yudin 1983, with
    /// quantiles for means). When half of the slices are all but empty, it is the quantile of the whole.
    pub fn level(&self, from: i64, to: i64, slice: i64) -> Option<Level> {
        let count = self.count(from, to)?;
        if count < self.measure.count_min() {
            return None;
        }
        if self.measure.quantile().is_some() && slice > 0 {
            let starts = || (from..=to - slice).step_by(usize::try_from(slice).unwrap_or(1));
            let mut values: Vec<f64> = starts().filter_map(|start| self.slice(start, slice)).collect();
            if values.len() >= SLICES_MIN && values.len() * 2 > starts().count() {
                return Some(Level { value: median(&mut values)?, count });
            }
        }
        self.level_of_any(from, to)
    }

    /// How many values minutes `from..to` hold; `None` when it is none, or they lie outside.
    fn count(&self, from: i64, to: i64) -> Option<f64> {
        let (from, to) = (usize::try_from(from - self.first).ok()?, usize::try_from(to - self.first).ok()?);
        let is_inside = from < to && to < self.counts.len();
        is_inside.then(|| self.counts[to] - self.counts[from]).filter(|count| *count > 0.0)
    }

    /// The quantile of one slice, kept for the many windows that it lies in.
    fn slice(&self, start: i64, slice: i64) -> Option<f64> {
        let at = usize::try_from(start - self.first).ok()?;
        let mut kept = self.slices.borrow_mut();
        if kept.0 != slice {
            *kept = (slice, vec![None; self.counts.len()]);
        }
        let value = *kept.1.get_mut(at)?.get_or_insert_with(|| {
            let level = self.level_of_any(start, start + slice);
            let is_filled = |level: &Level| level.count * SLICE_SHARE >= self.measure.count_min();
            level.filter(is_filled).map_or(f64::NAN, |level| level.value)
        });
        (!value.is_nan()).then_some(value)
    }

    /// A quantile of single attempts or requests, whatever the measure is by itself.
    pub fn quantile_of(&self, quantile: f64, from: i64, to: i64) -> Option<f64> {
        let (from, to) = (usize::try_from(from - self.first).ok()?, usize::try_from(to - self.first).ok()?);
        let is_inside = from < to && to < self.counts.len() && self.counts[to] > self.counts[from];
        is_inside.then(|| self.cumulated.as_ref()?.quantile(quantile, from, to))?
    }

    /// The same, however few values there are.
    pub fn level_of_any(&self, from: i64, to: i64) -> Option<Level> {
        let count = self.count(from, to)?;
        let (from, to) = (usize::try_from(from - self.first).ok()?, usize::try_from(to - self.first).ok()?);
        let value = match self.measure.quantile() {
            Some(quantile) => self.cumulated.as_ref()?.quantile(quantile, from, to)?,
            None => (self.sums[to] - self.sums[from]) / count,
        };
        Some(Level { value, count })
    }
}

impl Cumulated {
    /// How many values came before each minute.
    fn counts(&self) -> Vec<f64> {
        let width = self.values.len();
        self.below.iter().skip(width - 1).step_by(width).map(|count| f64::from(*count)).collect()
    }

    fn quantile(&self, quantile: f64, from: usize, to: usize) -> Option<f64> {
        let width = self.values.len();
        let (before, after) = (&self.below[from * width..(from + 1) * width], &self.below[to * width..(to + 1) * width]);
        let up_to = |at: usize| f64::from(after[at].saturating_sub(before[at]));
        let wanted = quantile * up_to(width.checked_sub(1)?);
        // The first value up to which there are as many as wanted, and one at least.
        let (mut low, mut high) = (0, width);
        while low < high {
            let middle = low.midpoint(high);
            if up_to(middle) >= wanted.max(f64::MIN_POSITIVE) { high = middle } else { low = middle + 1 }
        }
        let value = *self.values.get(low)?;
        let below = low.checked_sub(1).map_or(0.0, up_to);
        let here = up_to(low) - below;
        // Within a bucket the values are spread evenly, at most 3 % to each side: without it, a step of the
        // buckets would look like a change.
        let half = |other: Option<&f64>| other.map_or(0.0, |other| ((other - value).abs() / 2.0).min(value.abs() * 0.03));
        let bottom = value - half(low.checked_sub(1).and_then(|before| self.values.get(before)));
        let top = value + half(self.values.get(low + 1));
        Some(bottom + (top - bottom) * ((wanted - below) / here).clamp(0.0, 1.0))
    }
}

/// What was found for a value, kept for the next time: weeks of minutes have the same hundred values.
struct Recent(Vec<Option<(f64, usize)>>);

impl Default for Recent {
    fn default() -> Self {
        Recent(vec![None; 1 << Recent::BITS])
    }
}

impl Recent {
    const BITS: u32 = 10;

    fn of(&mut self, value: f64, find: impl FnOnce() -> usize) -> usize {
        // Fibonacci hashing: its high bits depend on all of the value's.
        let at = (value.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - Recent::BITS)) as usize;
        match self.0[at] {
            Some((known, found)) if known == value => found,
            _ => {
                let found = find();
                self.0[at] = Some((value, found));
                found
            }
        }
    }
}

fn distinct(measure: Measure, minutes: &BTreeMap<i64, Minute>) -> Vec<f64> {
    // Buckets repeat from minute to minute: a set is far smaller than the list.
    let mut found = HashSet::new();
    let mut seen = Recent::default();
    for (value, _) in minutes.values().flat_map(|minute| &measure.spread(minute).buckets) {
        seen.of(*value, || usize::from(found.insert(value.to_bits())));
    }
    let mut values: Vec<f64> = found.into_iter().map(f64::from_bits).collect();
    values.sort_by(f64::total_cmp);
    coarsen(values)
}

/// Evidence of another origin may name every single value: beyond a thousand they are thinned to steps of 1 %.
fn coarsen(values: Vec<f64>) -> Vec<f64> {
    const MANY: usize = 1_000;
    if values.len() <= MANY {
        return values;
    }
    let mut kept: Vec<f64> = Vec::with_capacity(MANY);
    for value in values.iter().rev() {
        if kept.last().is_none_or(|last| value.abs() < last.abs() * 0.99) {
            kept.push(*value);
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(values: &[(f64, u64)]) -> Minute {
        let count = values.iter().map(|(_, count)| count).sum();
        let sum = values.iter().map(|(value, count)| value * *count as f64).sum();
        let spread = Spread { sum, max: 0.0, buckets: values.to_vec() };
        Minute { count, errors: count / 10, run_us: spread.clone(), db_calls: spread, ..Minute::default() }
    }

    #[test]
    fn a_window_is_the_merge_of_its_minutes() {
        let minutes = BTreeMap::from([(10, minute(&[(100.0, 400)])), (12, minute(&[(300.0, 400)])), (13, minute(&[(900.0, 800)]))]);
        let p50 = Track::new(Measure::RunP50, &Source::new(&minutes, (10, 14))).expect("a track");
        assert!(p50.level(10, 11, 0).is_some_and(|level| (97.0..=103.0).contains(&level.value) && level.count == 400.0));
        assert_eq!(p50.level(10, 13, 0).map(|level| level.count), Some(800.0));
        assert!(p50.level(12, 14, 0).is_some_and(|level| (873.0..=927.0).contains(&level.value)));
        let calls = Track::new(Measure::DbCalls, &Source::new(&minutes, (10, 14))).expect("a track");
        assert_eq!(calls.level(10, 13, 0).map(|level| level.value), Some(200.0));
        let errors = Track::new(Measure::ErrorRate, &Source::new(&minutes, (10, 14))).expect("a track");
        assert_eq!(errors.level(10, 14, 0).map(|level| level.value), Some(0.1));
    }

    #[test]
    fn an_empty_or_outside_window_has_no_level() {
        let minutes = BTreeMap::from([(10, minute(&[(100.0, 50)]))]);
        let track = Track::new(Measure::RunP50, &Source::new(&minutes, (10, 11))).expect("a track");
        assert_eq!(track.level(10, 11, 0), None, "fifty are too few");
        assert!(track.level_of_any(10, 11).is_some());
        assert_eq!((track.level_of_any(9, 11), track.level_of_any(10, 12), track.level_of_any(10, 10)), (None, None, None));
        assert!(Track::new(Measure::WaitP95, &Source::new(&minutes, (10, 11))).is_none());
    }

    #[test]
    fn a_stall_that_passes_is_not_the_level_and_a_change_is() {
        let minutes: BTreeMap<i64, Minute> =
            (0..60).map(|at| (at, minute(&[(if (20..40).contains(&at) { 900.0 } else { 300.0 }, 30)]))).collect();
        let p95 = Track::new(Measure::RunP95, &Source::new(&minutes, (0, 60))).expect("a track");
        let near = |slice: i64, from: i64, to: i64, value: f64| {
            let level = p95.level(from, to, slice).expect("a level");
            assert!((level.value / value - 1.0).abs() < 0.05, "{level:?} is not {value}");
        };
        near(0, 0, 60, 900.0);
        near(10, 0, 60, 300.0);
        near(5, 15, 40, 900.0);
        near(10, 5, 25, 900.0);
    }

    #[test]
    fn thousands_of_single_values_are_thinned() {
        let values = coarsen((1..50_000).map(f64::from).collect());
        assert!(values.len() < 1_000, "{}", values.len());
        assert_eq!(values.last(), Some(&49_999.0));
    }
}

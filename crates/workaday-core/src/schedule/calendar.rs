//! Several expressions as one schedule, less the dates on which it rests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::civil::{DstPolicy, Segment};
use super::cron::{CronExpr, Matches, Month};
use super::excluded::ExcludedDates;
use super::tick::Tick;
use super::ticks::{Walk, floor};

const SECONDS_PER_DAY: i64 = 86_400;
/// How far a clock change can reach into the days beside it, and a day more; the greatest is 24 hours.
const MARGIN_DAYS: i64 = 3;

/// Ticks where any of its expressions has one, except on excluded dates. Ticks on one instant are one tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    pub expressions: Vec<CronExpr>,
    pub dst: DstPolicy,
    pub excluded: ExcludedDates,
}

impl From<CronExpr> for Calendar {
    fn from(expr: CronExpr) -> Self {
        Self { expressions: vec![expr], dst: DstPolicy::default(), excluded: ExcludedDates::NONE }
    }
}

impl Calendar {
    /// The first tick strictly after an instant.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Tick> {
        let ticks = self.walks(zone).filter_map(|walk| walk.next(after));
        ticks.reduce(|one, other| join(one, other, other.due_at < one.due_at))
    }

    /// The last tick at or before an instant.
    pub fn latest(&self, at: Timestamp, zone: &TimeZone) -> Option<Tick> {
        let ticks = self.walks(zone).filter_map(|walk| walk.latest(at));
        ticks.reduce(|one, other| join(one, other, other.due_at > one.due_at))
    }

    /// How many ticks are after `after` and not after `until`.
    ///
    /// With one expression this costs a few steps a month. With several it costs a step a day, and walks through the
    /// days around a clock change.
    pub fn count(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> u64 {
        match self.expressions.as_slice() {
            [] => 0,
            [_] => self.walks(zone).map(|walk| walk.count(after, until)).sum(),
            _ => self.count_union(after, until, zone),
        }
    }

    fn walks<'a>(&'a self, zone: &'a TimeZone) -> impl Iterator<Item = Walk<'a>> {
        self.expressions.iter().map(move |expr| Walk::new(expr, zone, self.dst, &self.excluded))
    }

    fn count_union(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> u64 {
        let mut plain = PlainDays::new(self);
        let mut total = 0;
        let mut at = after;
        while at < until {
            let (days, end) = plain_days_after(at, until, zone);
            // The rest before the plain days, then the plain days, each counted in its own way.
            let start = days.map_or(end, |days| days.from_at);
            total += self.walk_count(at, start, zone);
            total += days.map_or(0, |days| plain.count(days.first, days.last));
            at = end;
        }
        total
    }

    fn walk_count(&self, after: Timestamp, until: Timestamp, zone: &TimeZone) -> u64 {
        let ticks = std::iter::successors(self.next(after, zone), |tick| self.next(tick.due_at, zone));
        ticks.take_while(|tick| tick.due_at <= until).count() as u64
    }
}

/// Days, counted from 1970-01-01, on which the clock is not changed, nor on the days beside them.
#[derive(Clone, Copy)]
struct Days {
    first: i64,
    last: i64,
    /// The last instant before the first of them.
    from_at: Timestamp,
}

/// The plain days in the stretch of one offset after an instant, and the instant up to which that has looked.
fn plain_days_after(at: Timestamp, until: Timestamp, zone: &TimeZone) -> (Option<Days>, Timestamp) {
    let Some(segment) = Segment::holding(zone, floor(at) + 1) else {
        return (None, until);
    };
    let day_of = |instant: i64| (instant + segment.offset).div_euclid(SECONDS_PER_DAY);
    let last_before = |day: i64| Timestamp::from_second(day * SECONDS_PER_DAY - segment.offset - 1);
    let first = (day_of(floor(at)) + 1).max(day_of(segment.from) + MARGIN_DAYS);
    let last = (day_of(floor(until)) - 1).min(day_of(segment.until) - MARGIN_DAYS);
    match (last_before(first), last_before(last + 1)) {
        (Ok(from_at), Ok(end)) if first <= last => (Some(Days { first, last, from_at }), end),
        _ => (None, Timestamp::from_second(segment.until).map_or(until, |next| until.min(next))),
    }
}

/// Counts whole days. A day's ticks depend only on which expressions name it, so each such set is counted once.
struct PlainDays<'a> {
    calendar: &'a Calendar,
    known: BTreeMap<Vec<bool>, u64>,
}

impl<'a> PlainDays<'a> {
    fn new(calendar: &'a Calendar) -> Self {
        Self { calendar, known: BTreeMap::new() }
    }

    fn count(&mut self, first: i64, last: i64) -> u64 {
        let months = std::iter::successors(Month::holding(first), |month| month.next());
        months.take_while(|month| month.first_day <= last).map(|month| self.count_month(month, first, last)).sum()
    }

    fn count_month(&mut self, month: Month, first: i64, last: i64) -> u64 {
        let excluded = &self.calendar.excluded;
        let expressions = self.calendar.expressions.iter();
        let days: Vec<u64> = expressions.map(|expr| Matches { pattern: expr.pattern(), excluded }.days_in(month)).collect();
        let from = (first - month.first_day + 1).max(1);
        let to = (last - month.first_day + 1).min(month.length);
        (from..=to).map(|day| self.count_day(days.iter().map(|days| days >> day & 1 == 1).collect())).sum()
    }

    fn count_day(&mut self, named: Vec<bool>) -> u64 {
        if let Some(count) = self.known.get(&named) {
            return *count;
        }
        let chosen = self.calendar.expressions.iter().zip(&named).filter(|(_, named)| **named);
        let times: Vec<_> = chosen.map(|(expr, _)| &expr.pattern().times).collect();
        let mut count = 0;
        for (hour, minute) in (0..24).flat_map(|hour| (0..60).map(move |minute| (hour, minute))) {
            let here = times.iter().filter(|times| times.hours >> hour & times.minutes >> minute & 1 == 1);
            count += u64::from(here.fold(0, |seconds, times| seconds | times.seconds).count_ones());
        }
        self.known.insert(named, count);
        count
    }
}

/// One of two ticks: the one that wins, or on one instant both as one. A time from a gap gives it its name.
fn join(one: Tick, other: Tick, other_wins: bool) -> Tick {
    if one.due_at != other.due_at {
        return if other_wins { other } else { one };
    }
    let (kept, joined) = if other.nominal < one.nominal { (other, one) } else { (one, other) };
    let another = u32::from(kept.nominal != joined.nominal);
    Tick { merged: kept.merged.max(joined.merged) + another, ..kept }
}

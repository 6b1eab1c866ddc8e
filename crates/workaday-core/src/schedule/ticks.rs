//! The walk from tick to tick: forwards, backwards, and counted without walking.
//!
//! The zone's time is taken stretch by stretch (`civil.rs`); inside a stretch the matches are found by bit sets
//! (`cron/pattern.rs`). So a search costs the number of clock changes on its way, never the number of seconds.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, civil::DateTime};

use super::civil::{DstPolicy, FoldPolicy, GapPolicy, Segment};
use super::cron::{CronExpr, Matches};
use super::excluded::ExcludedDates;
use super::tick::{Landing, Tick};

/// An expression read in a zone: everything that decides its ticks. Borrowed, so that it costs nothing to make.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    matches: Matches<'a>,
    zone: &'a TimeZone,
    gap: GapPolicy,
    fold: FoldPolicy,
}

impl<'a> Walk<'a> {
    pub fn new(expr: &'a CronExpr, zone: &'a TimeZone, dst: DstPolicy, excluded: &'a ExcludedDates) -> Self {
        let wildcard = expr.is_wildcard();
        let matches = Matches { pattern: expr.pattern(), excluded };
        Self { matches, zone, gap: dst.gap(wildcard), fold: dst.fold(wildcard) }
    }

    /// The first tick strictly after an instant.
    pub fn next(&self, after: Timestamp) -> Option<Tick> {
        let start = floor(after) + 1;
        self.first_from(start, &mut Segment::holding(self.zone, start)?)
    }

    /// The last tick at or before an instant, found without walking from the past.
    pub fn latest(&self, at: Timestamp) -> Option<Tick> {
        let mut last = floor(at);
        let mut segment = Segment::holding(self.zone, last)?;
        loop {
            let regular = self.last_regular(&segment, last);
            if let Some(tick) = later(regular, self.last_of_gap(&segment, last)) {
                return Some(tick);
            }
            last = segment.from - 1;
            segment = segment.previous(self.zone)?;
        }
    }

    /// How many ticks are after `after` and not after `until`. Costs a few steps a month, however many ticks.
    pub fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        let (mut first, last) = (floor(after) + 1, floor(until));
        let mut total = 0;
        let mut segment = Segment::holding(self.zone, first);
        while let Some(now) = segment
            && first <= last
        {
            total += self.count_in(&now, first, last.min(now.until - 1));
            first = now.until;
            segment = now.next(self.zone);
        }
        total
    }

    /// All ticks strictly after an instant, in order.
    pub fn ticks(self, after: Timestamp) -> Ticks<'a> {
        let start = floor(after) + 1;
        Ticks { walk: self, start, segment: Segment::holding(self.zone, start) }
    }

    fn first_from(&self, mut start: i64, segment: &mut Segment) -> Option<Tick> {
        // Long searches cross many clock changes; the match found for the last one mostly serves the next one too.
        let mut found: Option<(i64, i64)> = None;
        loop {
            let regular = self.first_regular(segment, start, &mut found);
            if let Some(tick) = earlier(regular, self.first_of_gap(segment, start)) {
                return Some(tick);
            }
            start = segment.until;
            *segment = segment.next(self.zone)?;
        }
    }

    fn first_regular(&self, segment: &Segment, start: i64, found: &mut Option<(i64, i64)>) -> Option<Tick> {
        let window = segment.window(self.fold);
        let from = window.start.max(start + segment.offset);
        let civil = match *found {
            Some((asked, civil)) if asked <= from && from <= civil => civil,
            _ => self.matches.at_or_after(from)?,
        };
        *found = Some((from, civil));
        if civil < window.end { regular(segment, civil) } else { None }
    }

    fn last_regular(&self, segment: &Segment, last: i64) -> Option<Tick> {
        let window = segment.window(self.fold);
        let civil = self.matches.at_or_before((window.end - 1).min(last + segment.offset))?;
        if civil >= window.start { regular(segment, civil) } else { None }
    }

    /// The first tick that stands for times in the gap before this stretch.
    fn first_of_gap(&self, segment: &Segment, start: i64) -> Option<Tick> {
        let gap = segment.gap_before();
        if gap.is_empty() {
            return None;
        }
        match self.gap {
            GapPolicy::Skip => None,
            GapPolicy::RunAfter => (start <= segment.from).then(|| self.after_gap(segment))?,
            GapPolicy::Shift => {
                let from = gap.start.max(segment.civil_by_old_clock(start));
                let civil = self.matches.at_or_after(from).filter(|civil| *civil < gap.end)?;
                shifted(segment, civil)
            }
        }
    }

    fn last_of_gap(&self, segment: &Segment, last: i64) -> Option<Tick> {
        let gap = segment.gap_before();
        if gap.is_empty() {
            return None;
        }
        match self.gap {
            GapPolicy::Skip => None,
            GapPolicy::RunAfter => (last >= segment.from).then(|| self.after_gap(segment))?,
            GapPolicy::Shift => {
                let upto = (gap.end - 1).min(segment.civil_by_old_clock(last));
                let civil = self.matches.at_or_before(upto).filter(|civil| *civil >= gap.start)?;
                shifted(segment, civil)
            }
        }
    }

    fn after_gap(&self, segment: &Segment) -> Option<Tick> {
        let gap = segment.gap_before();
        let civil = self.matches.at_or_after(gap.start).filter(|civil| *civil < gap.end)?;
        let merged = self.matches.count(civil + 1, gap.end).try_into().unwrap_or(u32::MAX);
        tick(segment, segment.from, civil, Landing::AfterGap, merged)
    }

    /// The ticks of one stretch, from `first` to `last`, both inside it.
    fn count_in(&self, segment: &Segment, first: i64, last: i64) -> u64 {
        let window = segment.window(self.fold);
        let from = window.start.max(first + segment.offset);
        let regular = self.matches.count(from, window.end.min(last + 1 + segment.offset));
        regular + self.count_of_gap(segment, first, last)
    }

    /// The ticks of the gap that no regular tick coincides with.
    fn count_of_gap(&self, segment: &Segment, first: i64, last: i64) -> u64 {
        let window = segment.window(self.fold);
        let alone = |instant: &i64| {
            let civil = instant + segment.offset;
            !(window.contains(&civil) && self.matches.contains(civil))
        };
        let mut total = 0;
        let mut start = first;
        // At most one step for `RunAfter`; for `Shift` one a tick, inside a gap of hours.
        while let Some(tick) = self.first_of_gap(segment, start) {
            let instant = tick.due_at.as_second();
            if instant > last {
                break;
            }
            total += u64::from(alone(&instant));
            start = instant + 1;
        }
        total
    }
}

/// The ticks of one expression in order, each strictly later than the one before.
pub struct Ticks<'a> {
    walk: Walk<'a>,
    start: i64,
    segment: Option<Segment>,
}

impl Iterator for Ticks<'_> {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        let segment = self.segment.as_mut()?;
        if !segment.contains(self.start) {
            *segment = Segment::holding(self.walk.zone, self.start)?;
        }
        let tick = self.walk.first_from(self.start, segment);
        match tick {
            Some(tick) => self.start = tick.due_at.as_second() + 1,
            None => self.segment = None,
        }
        tick
    }
}

impl CronExpr {
    /// The first tick strictly after an instant, with the default policy for clock changes.
    ///
    /// Nothing only when the year 9998 has passed.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Tick> {
        self.in_zone(zone).next(after)
    }

    /// The last tick at or before an instant.
    pub fn latest(&self, at: Timestamp, zone: &TimeZone) -> Option<Tick> {
        self.in_zone(zone).latest(at)
    }

    /// All ticks strictly after an instant, in order.
    pub fn ticks<'a>(&'a self, after: Timestamp, zone: &'a TimeZone) -> Ticks<'a> {
        self.in_zone(zone).ticks(after)
    }

    /// This expression read in a zone, with the default policy for clock changes.
    pub fn in_zone<'a>(&'a self, zone: &'a TimeZone) -> Walk<'a> {
        Walk::new(self, zone, DstPolicy::default(), const { &ExcludedDates::NONE })
    }
}

fn regular(segment: &Segment, civil: i64) -> Option<Tick> {
    let landing = match () {
        () if segment.is_second_pass(civil) => Landing::SecondPass,
        () if segment.is_first_pass(civil) => Landing::FirstPass,
        () => Landing::Regular,
    };
    tick(segment, civil - segment.offset, civil, landing, 0)
}

/// A time of the gap by the old clock. A change that comes before it cuts it off; no IANA zone has one so near.
fn shifted(segment: &Segment, civil: i64) -> Option<Tick> {
    let instant = segment.instant_by_old_clock(civil);
    if segment.contains(instant) { tick(segment, instant, civil, Landing::Shifted, 0) } else { None }
}

fn tick(segment: &Segment, instant: i64, civil: i64, landing: Landing, merged: u32) -> Option<Tick> {
    let offset = Offset::from_seconds(i32::try_from(segment.offset).ok()?).ok()?;
    Some(Tick { due_at: Timestamp::from_second(instant).ok()?, nominal: shown(civil)?, offset, landing, merged })
}

/// What a clock shows at a civil second.
pub(super) fn shown(civil: i64) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_second(civil).ok()?))
}

/// The earlier of a regular tick and one from the gap; on one instant they are one tick, named by the gap.
fn earlier(regular: Option<Tick>, gap: Option<Tick>) -> Option<Tick> {
    pick(regular, gap, |regular, gap| regular.due_at < gap.due_at)
}

fn later(regular: Option<Tick>, gap: Option<Tick>) -> Option<Tick> {
    pick(regular, gap, |regular, gap| regular.due_at > gap.due_at)
}

fn pick(regular: Option<Tick>, gap: Option<Tick>, regular_wins: fn(&Tick, &Tick) -> bool) -> Option<Tick> {
    match (regular, gap) {
        (Some(regular), Some(gap)) if regular.due_at == gap.due_at => Some(Tick { merged: gap.merged + 1, ..gap }),
        (Some(regular), Some(gap)) => Some(if regular_wins(&regular, &gap) { regular } else { gap }),
        (one, other) => one.or(other),
    }
}

/// Whole seconds, towards the past.
pub(super) fn floor(at: Timestamp) -> i64 {
    at.as_second() - i64::from(at.subsec_nanosecond() < 0)
}

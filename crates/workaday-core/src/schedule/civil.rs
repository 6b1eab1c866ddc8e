//! Where wall time meets instants: the stretches between clock changes, and what to do at each change.
//!
//! The rules are Debian cron's, widened to offset changes of any size: a named time happens once a day, a rhythm
//! follows real time. This file alone knows gaps and folds. All numbers are whole seconds since 1970-01-01: of UTC
//! where they are called instants, of the zone's own clock where they are called civil.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Before and after every instant there is.
const BEGINNING: i64 = i64::MIN / 4;
pub(super) const END: i64 = i64::MAX / 4;

/// What becomes of a time that the clock leaps over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapPolicy {
    /// Run at the first instant after the gap, once for all that it held. The default for named times.
    RunAfter,
    /// No run. The default for rhythms.
    Skip,
    /// Run as if the clock had not been changed yet: 02:30 becomes 03:30.
    Shift,
}

/// What becomes of a time that the clock shows twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FoldPolicy {
    /// Run the first time only. The default for named times.
    First,
    /// Run the second time only.
    Second,
    /// Run both times. The default for rhythms.
    Both,
}

/// A schedule's own choice for clock changes; what is left open follows the expression's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DstPolicy {
    pub gap: Option<GapPolicy>,
    pub fold: Option<FoldPolicy>,
}

impl DstPolicy {
    pub(super) fn gap(self, wildcard: bool) -> GapPolicy {
        self.gap.unwrap_or(if wildcard { GapPolicy::Skip } else { GapPolicy::RunAfter })
    }

    pub(super) fn fold(self, wildcard: bool) -> FoldPolicy {
        self.fold.unwrap_or(if wildcard { FoldPolicy::Both } else { FoldPolicy::First })
    }
}

/// A stretch of real time with one offset, and the offsets on either side of it.
///
/// No two changes of any IANA zone lie so near that a gap or fold of one reaches the other; a test asks every zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// First instant.
    pub from: i64,
    /// First instant that is no longer in it.
    pub until: i64,
    pub offset: i64,
    offset_before: i64,
    offset_after: i64,
}

impl Segment {
    /// The stretch that holds an instant. Nothing outside the years -9999 to 9999.
    pub fn holding(zone: &TimeZone, instant: i64) -> Option<Self> {
        let at = Timestamp::from_second(instant).ok()?;
        let just_after = Timestamp::from_second(instant + 1).ok()?;
        let offset = i64::from(zone.to_offset(at).seconds());
        let (mut from, mut offset_before) = (BEGINNING, offset);
        if let Some(change) = last_change(zone, at, just_after) {
            from = change.as_second();
            offset_before = offset_at(zone, from - 1).unwrap_or(offset);
        }
        let (until, offset_after) = match zone.following(at).next() {
            Some(change) => (change.timestamp().as_second(), i64::from(change.offset().seconds())),
            None => (END, offset),
        };
        Some(Self { from, until, offset, offset_before, offset_after })
    }

    pub fn next(&self, zone: &TimeZone) -> Option<Self> {
        Self::holding(zone, self.until)
    }

    pub fn previous(&self, zone: &TimeZone) -> Option<Self> {
        Self::holding(zone, self.from - 1)
    }

    pub fn contains(&self, instant: i64) -> bool {
        (self.from..self.until).contains(&instant)
    }

    /// The civil times that count in this stretch: a fold takes away those that count in the neighbouring one.
    pub fn window(&self, fold: FoldPolicy) -> Range<i64> {
        let start = match fold {
            FoldPolicy::First => self.from + self.offset.max(self.offset_before),
            FoldPolicy::Second | FoldPolicy::Both => self.from + self.offset,
        };
        let end = match fold {
            FoldPolicy::Second => self.until + self.offset.min(self.offset_after),
            FoldPolicy::First | FoldPolicy::Both => self.until + self.offset,
        };
        start..end
    }

    /// The civil times that the clock leapt over when this stretch began; empty without a gap.
    pub fn gap_before(&self) -> Range<i64> {
        self.from + self.offset_before..self.from + self.offset
    }

    /// The civil time of an instant on the clock as it was before this stretch.
    pub fn civil_by_old_clock(&self, instant: i64) -> i64 {
        instant + self.offset_before
    }

    /// The instant of a civil time by the clock as it was before this stretch.
    pub fn instant_by_old_clock(&self, civil: i64) -> i64 {
        civil - self.offset_before
    }

    /// Whether the clock shows this civil time again in the next stretch.
    pub fn is_first_pass(&self, civil: i64) -> bool {
        civil >= self.until + self.offset_after
    }

    /// Whether the clock has shown this civil time already, in the stretch before.
    pub fn is_second_pass(&self, civil: i64) -> bool {
        civil < self.from + self.offset_before
    }
}

/// The last change at or before `at`.
///
/// Where a zone's listed changes end and its yearly rule begins, jiff 0.2.43 may take a change of the rule that the
/// list has overruled (Ciudad Juarez, November 2022). Looking forward from there is right, so it has the last word.
fn last_change(zone: &TimeZone, at: Timestamp, just_after: Timestamp) -> Option<Timestamp> {
    let guess = zone.preceding(just_after).next()?.timestamp();
    let later = zone.following(guess).map(|change| change.timestamp());
    Some(later.take_while(|change| *change <= at).last().unwrap_or(guess))
}

fn offset_at(zone: &TimeZone, instant: i64) -> Option<i64> {
    Some(zone.to_offset(Timestamp::from_second(instant).ok()?).seconds().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZoneDatabase;

    #[test]
    fn every_stretch_of_every_zone_lies_between_two_changes() {
        let database = TimeZoneDatabase::bundled();
        let (start, end) = (Timestamp::UNIX_EPOCH, "2038-01-01T00:00:00Z".parse().unwrap());
        for name in database.available() {
            let zone = database.get(name.as_str()).unwrap();
            let changes = zone.following(start).map(|change| change.timestamp());
            let changes: Vec<i64> = changes.take_while(|at| *at < end).map(|at| at.as_second()).collect();
            for pair in changes.windows(2) {
                for inside in [pair[0], pair[0] + 1, pair[1] - 1] {
                    let segment = Segment::holding(&zone, inside).unwrap();
                    assert_eq!((segment.from, segment.until), (pair[0], pair[1]), "{name} at {inside}");
                    assert_eq!(Some(segment.offset), offset_at(&zone, inside), "{name} at {inside}");
                    assert_eq!(Some(segment.offset_before), offset_at(&zone, pair[0] - 1), "{name} at {inside}");
                    assert_eq!(Some(segment.offset_after), offset_at(&zone, pair[1]), "{name} at {inside}");
                }
            }
        }
    }
}

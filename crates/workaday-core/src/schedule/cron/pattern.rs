//! An expression's matches on an ideal clock: civil time without zone, gap or fold.
//!
//! Times here are *civil seconds*: seconds since 1970-01-01T00:00 as the zone's own clock shows them.

use super::days::{DayRule, Month};
use super::times::Times;
use crate::schedule::excluded::ExcludedDates;

const SECONDS_PER_DAY: i64 = 86_400;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub days: DayRule,
    pub times: Times,
}

/// A pattern with some dates taken out of it.
#[derive(Clone, Copy)]
pub(crate) struct Matches<'a> {
    pub pattern: &'a Pattern,
    pub excluded: &'a ExcludedDates,
}

impl Matches<'_> {
    pub fn contains(self, civil: i64) -> bool {
        let (day, second) = split(civil);
        self.pattern.times.contains(second)
            && Month::holding(day).is_some_and(|month| self.days_in(month) >> (day - month.first_day + 1) & 1 == 1)
    }

    /// The earliest match at or after `civil`; nothing past the last year that ticks are looked for in.
    pub fn at_or_after(self, civil: i64) -> Option<i64> {
        let (day, second) = split(civil);
        let mut month = Month::holding(day)?;
        let mut days = self.days_in(month) & (u64::MAX << (day - month.first_day + 1));
        if days >> (day - month.first_day + 1) & 1 == 1 {
            if let Some(time) = self.pattern.times.at_or_after(second) {
                return Some(day * SECONDS_PER_DAY + time);
            }
            days &= days - 1;
        }
        while days == 0 {
            month = month.next()?;
            days = self.days_in(month);
        }
        let day = month.first_day + i64::from(days.trailing_zeros()) - 1;
        Some(day * SECONDS_PER_DAY + self.pattern.times.at_or_after(0)?)
    }

    /// The latest match at or before `civil`.
    pub fn at_or_before(self, civil: i64) -> Option<i64> {
        let (day, second) = split(civil);
        let mut month = Month::holding(day)?;
        let bit = day - month.first_day + 1;
        let mut days = self.days_in(month) & ((2 << bit) - 1);
        if days >> bit & 1 == 1 {
            if let Some(time) = self.pattern.times.at_or_before(second) {
                return Some(day * SECONDS_PER_DAY + time);
            }
            days ^= 1 << bit;
        }
        while days == 0 {
            month = month.previous()?;
            days = self.days_in(month);
        }
        let day = month.first_day + 62 - i64::from(days.leading_zeros());
        Some(day * SECONDS_PER_DAY + self.pattern.times.at_or_before(SECONDS_PER_DAY - 1)?)
    }

    /// How many matches lie in `from..until`: a few steps a month, however many there are.
    pub fn count(self, from: i64, until: i64) -> u64 {
        if until <= from {
            return 0;
        }
        let (first, start) = split(from);
        let (last, end) = split(until);
        let mut total = self.days_between(first, last) * self.pattern.times.per_day();
        if self.on(last) {
            total += self.pattern.times.count_before(end);
        }
        if self.on(first) {
            total -= self.pattern.times.count_before(start);
        }
        total
    }

    fn days_between(self, from: i64, until: i64) -> u64 {
        let mut month = Month::holding(from);
        let mut total = 0;
        while let Some(now) = month
            && now.first_day < until
        {
            let mut days = self.days_in(now) & (u64::MAX << (from - now.first_day + 1).max(0));
            if until < now.first_day + now.length {
                days &= (1 << (until - now.first_day + 1)) - 1;
            }
            total += u64::from(days.count_ones());
            month = now.next();
        }
        total
    }

    fn on(self, day: i64) -> bool {
        Month::holding(day).is_some_and(|month| self.days_in(month) >> (day - month.first_day + 1) & 1 == 1)
    }

    pub fn days_in(self, month: Month) -> u64 {
        self.pattern.days.days_in(month) & !self.excluded.days_in(month)
    }
}

fn split(civil: i64) -> (i64, i64) {
    (civil.div_euclid(SECONDS_PER_DAY), civil.rem_euclid(SECONDS_PER_DAY))
}

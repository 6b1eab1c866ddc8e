//! Which days of a month an expression names, as one bit a day.
//!
//! A month is decided at once with a handful of shifts, so `29 2` or `L` years ahead costs no day-by-day walk.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

const SECONDS_PER_DAY: i64 = 86_400;
/// The years in which ticks are looked for; a search that leaves them ends.
const YEARS: std::ops::RangeInclusive<i16> = 1..=9998;

/// The two day fields and the month field, read together (Debian's rule: see [`DayRule::both`]).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DayRule {
    /// Bits 1 to 12.
    pub months: u64,
    /// Bits 1 to 31.
    pub days: u64,
    /// `L`: the last day of the month.
    pub last_day: bool,
    /// `LW`: the last day from Monday to Friday.
    pub last_weekday: bool,
    /// `nW`, bits 1 to 31: the day from Monday to Friday nearest to day n, inside the month.
    pub nearest_weekday: u64,
    /// Bits 0 (Sunday) to 6.
    pub weekdays: u64,
    /// `d#n`: for n = 1 to 5, the weekdays whose n-th occurrence is named.
    pub nth: [u64; 5],
    /// `dL`: the weekdays whose last occurrence is named.
    pub last: u64,
    /// Both day fields must match, because one of them begins with `*` or is `?`; else either may.
    pub both: bool,
}

/// One month of the Gregorian calendar; days are counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Month {
    pub year: i16,
    pub month: i8,
    pub first_day: i64,
    pub length: i64,
}

impl Month {
    /// The month that holds a day, or nothing outside the years that ticks are looked for in.
    pub fn holding(day: i64) -> Option<Self> {
        let date = date_of(day)?;
        let month = Self {
            year: date.year(),
            month: date.month(),
            first_day: day - i64::from(date.day()) + 1,
            length: date.days_in_month().into(),
        };
        YEARS.contains(&month.year).then_some(month)
    }

    pub fn next(self) -> Option<Self> {
        Self::holding(self.first_day + self.length)
    }

    pub fn previous(self) -> Option<Self> {
        Self::holding(self.first_day - 1)
    }

    /// 0 = Sunday; 1970-01-01 was a Thursday.
    fn first_weekday(self) -> i64 {
        (self.first_day + 4).rem_euclid(7)
    }

    fn weekday(self, day: i64) -> i64 {
        (self.first_weekday() + day - 1) % 7
    }

    /// Bits 1 to the month's length.
    fn all(self) -> u64 {
        (1 << (self.length + 1)) - 2
    }
}

impl DayRule {
    /// The days of this month that match, bit d for day d.
    pub fn days_in(&self, month: Month) -> u64 {
        if self.months >> month.month & 1 == 0 {
            return 0;
        }
        let (by_day, by_weekday) = (self.by_day(month), self.by_weekday(month));
        if self.both { by_day & by_weekday } else { by_day | by_weekday }
    }

    fn by_day(&self, month: Month) -> u64 {
        let mut days = self.days;
        if self.last_day {
            days |= 1 << month.length;
        }
        if self.last_weekday {
            days |= 1 << nearest_weekday(month, month.length);
        }
        if self.nearest_weekday != 0 {
            let named = self.nearest_weekday & month.all();
            days |= (1..=month.length).filter(|day| named >> day & 1 == 1).fold(0, |days, day| days | 1 << nearest_weekday(month, day));
        }
        days & month.all()
    }

    fn by_weekday(&self, month: Month) -> u64 {
        let first_week = |weekdays| rotate_week(weekdays, month.first_weekday()) << 1;
        let every_week = |weekdays| (0..5).fold(0, |days, week| days | first_week(weekdays) << (7 * week));
        let mut days = every_week(self.weekdays);
        for (week, weekdays) in self.nth.iter().enumerate() {
            days |= first_week(*weekdays) << (7 * week);
        }
        if self.last != 0 {
            days |= every_week(self.last) & (0x7f << (month.length - 6));
        }
        days & month.all()
    }
}

/// Turns a set of weekdays (bit 0 = Sunday) so that bit 0 is the weekday the month begins on.
fn rotate_week(weekdays: u64, first: i64) -> u64 {
    (weekdays >> first | weekdays << (7 - first)) & 0x7f
}

/// The day from Monday to Friday nearest to `day`, without leaving the month.
fn nearest_weekday(month: Month, day: i64) -> i64 {
    match month.weekday(day) {
        6 if day == 1 => 3,
        6 => day - 1,
        0 if day == month.length => day - 2,
        0 => day + 1,
        _ => day,
    }
}

/// The date of a day counted from 1970-01-01.
pub(crate) fn date_of(day: i64) -> Option<Date> {
    let at = Timestamp::from_second(day.checked_mul(SECONDS_PER_DAY)?).ok()?;
    Some(Offset::UTC.to_datetime(at).date())
}

/// The day of a date, counted from 1970-01-01.
pub(crate) fn day_of(date: Date) -> i64 {
    let since: SignedDuration = date.duration_since(Date::constant(1970, 1, 1));
    since.as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn days(rule: DayRule, year: i16, month: i8) -> Vec<i64> {
        let month = Month::holding(day_of(date(year, month, 1))).unwrap();
        let days = rule.days_in(month);
        (1..=31).filter(|day| days >> day & 1 == 1).collect()
    }

    fn rule() -> DayRule {
        DayRule { months: 0x1ffe, ..DayRule::default() }
    }

    #[test]
    fn weekdays_fall_where_the_calendar_has_them() {
        // February 2026 begins on a Sunday and has 28 days.
        assert_eq!(days(DayRule { weekdays: 1, ..rule() }, 2026, 2), [1, 8, 15, 22]);
        assert_eq!(days(DayRule { weekdays: 1 << 6, ..rule() }, 2026, 2), [7, 14, 21, 28]);
        assert_eq!(days(DayRule { last: 1 << 5, ..rule() }, 2026, 11), [27]);
        assert_eq!(days(DayRule { nth: [0, 0, 0, 0, 1 << 1], ..rule() }, 2026, 11), [30]);
        assert_eq!(days(DayRule { nth: [0, 0, 0, 0, 1 << 2], ..rule() }, 2026, 11), Vec::<i64>::new());
    }

    #[test]
    fn the_nearest_weekday_never_leaves_its_month() {
        let nearest = |day: i64| DayRule { nearest_weekday: 1 << day, ..rule() };
        assert_eq!(days(nearest(1), 2026, 8), [3], "the first is a Saturday");
        assert_eq!(days(nearest(31), 2026, 5), [29], "the last is a Sunday");
        assert_eq!(days(nearest(15), 2026, 8), [14]);
        assert_eq!(days(nearest(16), 2026, 8), [17]);
        assert_eq!(days(nearest(30), 2026, 2), Vec::<i64>::new(), "day 30 does not exist: skipped");
        assert_eq!(days(DayRule { last_weekday: true, ..rule() }, 2026, 5), [29]);
        assert_eq!(days(DayRule { last_day: true, ..rule() }, 2028, 2), [29]);
    }

    #[test]
    fn days_and_dates_are_inverse() {
        for day in [-719_162, -1, 0, 1, 20_000, 146_097, 2_900_000] {
            assert_eq!(day_of(date_of(day).unwrap()), day);
        }
    }
}

//! Dates on which a schedule rests: public holidays, a freeze, a stock-take.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;

use super::cron::Month;

/// A set of dates without ticks. A tick is tested by its nominal date, in the schedule's own zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExcludedDates {
    /// By year and month, one bit a day.
    months: BTreeMap<(i16, i8), u64>,
}

/// A line of a holidays file that is not a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayError {
    /// Stable slug: `calendar.not_a_date`.
    pub code: &'static str,
    /// Counted from 1.
    pub line: usize,
    pub value: String,
    pub expected: &'static str,
}

impl fmt::Display for HolidayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "holidays line {}: `{}` is not a date: expected {}", self.line, self.value, self.expected)
    }
}

impl std::error::Error for HolidayError {}

impl ExcludedDates {
    /// No date at all.
    pub const NONE: Self = Self { months: BTreeMap::new() };

    /// Reads a holidays file: a date a line, `2026-12-25`, then anything; `#` begins a comment.
    ///
    /// The whole file is refused when one line is wrong: a holiday overlooked is a job run on a holiday.
    ///
    /// ```
    /// use workaday_core::schedule::ExcludedDates;
    /// let dates = ExcludedDates::parse("# bank holidays\n2026-12-25 Christmas Day\n")?;
    /// assert!(dates.contains(jiff::civil::date(2026, 12, 25)));
    /// # Ok::<(), workaday_core::schedule::HolidayError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, HolidayError> {
        let mut dates = Self::NONE;
        for (place, line) in text.lines().enumerate() {
            let Some(word) = line.split('#').next().and_then(|line| line.split_whitespace().next()) else {
                continue;
            };
            match word.parse::<Date>() {
                Ok(date) if word.len() == "2026-12-25".len() => dates.insert(date),
                _ => {
                    let expected = "a date such as 2026-12-25";
                    return Err(HolidayError { code: "calendar.not_a_date", line: place + 1, value: word.to_owned(), expected });
                }
            }
        }
        Ok(dates)
    }

    pub fn insert(&mut self, date: Date) {
        *self.months.entry((date.year(), date.month())).or_default() |= 1 << date.day();
    }

    pub fn contains(&self, date: Date) -> bool {
        self.months.get(&(date.year(), date.month())).is_some_and(|days| days >> date.day() & 1 == 1)
    }

    /// The dates in order, from one of them to another, both included.
    pub fn between(&self, first: Date, last: Date) -> impl Iterator<Item = Date> {
        let months = self.months.range((first.year(), first.month())..=(last.year(), last.month()));
        let days = months.flat_map(|((year, month), days)| {
            (1..=31).filter(move |day| days >> day & 1 == 1).filter_map(|day| Date::new(*year, *month, day).ok())
        });
        days.filter(move |date| (first..=last).contains(date))
    }

    pub fn is_empty(&self) -> bool {
        self.months.is_empty()
    }

    /// The excluded days of a month, bit d for day d.
    pub(crate) fn days_in(&self, month: Month) -> u64 {
        if self.months.is_empty() {
            return 0;
        }
        self.months.get(&(month.year, month.month)).copied().unwrap_or(0)
    }
}

impl FromIterator<Date> for ExcludedDates {
    fn from_iter<I: IntoIterator<Item = Date>>(dates: I) -> Self {
        let mut all = Self::NONE;
        dates.into_iter().for_each(|date| all.insert(date));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_holidays_file_may_hold_comments_and_names() {
        let dates = ExcludedDates::parse("# 2026\n\n2026-12-25  Christmas # every year\n2027-01-01\r\n").unwrap();
        assert!(dates.contains(date(2026, 12, 25)) && dates.contains(date(2027, 1, 1)));
        assert!(!dates.contains(date(2026, 12, 26)));
    }

    #[test]
    fn one_wrong_line_refuses_the_whole_file_and_is_named() {
        let error = ExcludedDates::parse("2026-12-25\n25.12.2026\n").unwrap_err();
        assert_eq!(error.to_string(), "holidays line 2: `25.12.2026` is not a date: expected a date such as 2026-12-25");
        assert_eq!(ExcludedDates::parse("2026-02-30").unwrap_err().line, 1);
    }
}

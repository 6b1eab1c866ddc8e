//! When the cron daemon would run an entry: Debian's `cron.c`, minute by minute, sharing no code with our own parser and
//! walk, so that a difference between the two can be seen.

use jiff::tz::TimeZone;

/// Clock changes of less than this are made up for; larger ones are a new clock.
const ADJUSTED: i64 = 3 * 60;

/// An entry as `entry.c` keeps it: bit strings, and which fields begin with a star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
    day_star: bool,
    weekday_star: bool,
    /// Minute or hour begins with a star: not bound to a time of day.
    wildcard: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Fields {
    /// `None` where cron itself says "bad minute" and the like.
    pub fn parse(expr: &str) -> Option<Fields> {
        let fields: Vec<&str> = expr.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else { return None };
        let mut week = bits(weekday, 0, 7, &DAYS)?;
        if week & (1 << 7) != 0 || week & 1 != 0 {
            week |= 1 | (1 << 7);
        }
        Some(Fields {
            minute: bits(minute, 0, 59, &[])?,
            hour: bits(hour, 0, 23, &[])?,
            day: bits(day, 1, 31, &[])?,
            month: bits(month, 1, 12, &MONTHS)?,
            weekday: week,
            day_star: day.starts_with('*'),
            weekday_star: weekday.starts_with('*'),
            wildcard: minute.starts_with('*') || hour.starts_with('*'),
        })
    }

    /// Is it due in this minute of local time, counted from 1970?
    fn is_due(&self, minute: i64) -> bool {
        let days = minute.div_euclid(1440);
        let of_day = minute.rem_euclid(1440);
        let Some(date) = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).ok() else { return false };
        let has = |bits: u64, value: i64| bits & (1 << value) != 0;
        let in_month = has(self.day, i64::from(date.day()));
        let in_week = has(self.weekday, i64::from(date.weekday().to_sunday_zero_offset()));
        // The famous rule: with both restricted, either is enough.
        let day = if self.day_star || self.weekday_star { in_month && in_week } else { in_month || in_week };
        has(self.minute, of_day % 60) && has(self.hour, of_day / 60) && has(self.month, i64::from(date.month())) && day
    }
}

fn bits(field: &str, low: i64, high: i64, names: &[&str]) -> Option<u64> {
    field.split(',').try_fold(0, |bits, part| Some(bits | range(part, low, high, names)?))
}

fn range(part: &str, low: i64, high: i64, names: &[&str]) -> Option<u64> {
    let (span, step) = match part.split_once('/') {
        Some((span, step)) => (span, step.parse::<i64>().ok().filter(|step| *step > 0)?),
        None => (part, 1),
    };
    let number = |text: &str| {
        let named = names.iter().position(|name| text.eq_ignore_ascii_case(name)).map(|at| at as i64 + low);
        named.or_else(|| text.parse().ok()).filter(|value| (low..=high).contains(value))
    };
    let (first, last) = match span.split_once('-') {
        _ if span == "*" => (low, high),
        Some((first, last)) => (number(first)?, number(last)?),
        None => {
            let one = number(span)?;
            (one, one)
        }
    };
    (first <= last).then(|| (first..=last).step_by(step as usize).fold(0, |bits, value| bits | (1 << value)))
}

/// The instants (UTC seconds) at which the daemon runs it, after one and up to another; twice where it would run twice.
pub fn runs(fields: &Fields, zone: &TimeZone, after: i64, until: i64) -> Vec<i64> {
    let local = |at: i64| {
        let offset = jiff::Timestamp::from_second(at).map_or(0, |at| i64::from(zone.to_offset(at).seconds()));
        (at + offset).div_euclid(60)
    };
    let first = after.div_euclid(60) * 60;
    let mut virtual_time = local(first);
    let mut runs = vec![];
    let mut at = first + 60;
    while at <= until {
        let clock = local(at);
        let mut run = |minute: i64, wild: bool, fixed: bool| {
            if fields.is_due(minute) && (if fields.wildcard { wild } else { fixed }) {
                runs.push(at);
            }
        };
        match clock - virtual_time {
            // Set back a little: rhythms go on, fixed times wait until the clock is where it was.
            difference if difference <= 0 && difference > -ADJUSTED => run(clock, true, false),
            difference if (1..=5).contains(&difference) => {
                while virtual_time < clock {
                    virtual_time += 1;
                    run(virtual_time, true, true);
                }
            }
            // Set forward: fixed times that were passed over run now.
            difference if (6..=ADJUSTED).contains(&difference) => {
                run(clock, true, false);
                while virtual_time < clock {
                    virtual_time += 1;
                    run(virtual_time, false, true);
                }
            }
            _ => {
                virtual_time = clock;
                run(clock, true, true);
            }
        }
        at += 60;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("an instant").as_second()
    }

    fn shown(expr: &str, zone: &str, after: &str, until: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).expect("a zone");
        let fields = Fields::parse(expr).expect("cron takes it");
        runs(&fields, &zone, at(after), at(until))
            .iter()
            .map(|at| jiff::Timestamp::from_second(*at).expect("in range").to_string())
            .collect()
    }

    #[test]
    fn a_fixed_time_in_the_spring_gap_runs_when_the_gap_ends() {
        let runs = shown("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(runs, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    }

    #[test]
    fn a_fixed_time_in_the_autumn_fold_runs_once_and_a_rhythm_goes_on() {
        let runs = shown("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
        assert_eq!(runs, ["2026-10-25T00:30:00Z"]);
        assert_eq!(shown("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z").len(), 4);
    }

    #[test]
    fn day_and_weekday_are_either_unless_one_is_a_star() {
        let days = |expr: &str| shown(expr, "UTC", "2026-11-01T00:00:00Z", "2026-11-30T23:59:00Z").len();
        assert_eq!((days("0 5 13 * 5"), days("0 5 * * 5"), days("0 5 */2 * 5")), (4, 4, 2));
    }

    #[test]
    fn what_cron_refuses_is_refused() {
        for expr in ["60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "* * * *", "x * * * *"] {
            assert_eq!(Fields::parse(expr), None, "{expr}");
        }
    }
}

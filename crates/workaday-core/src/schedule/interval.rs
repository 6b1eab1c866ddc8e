//! "Every 90 minutes": elapsed time from an anchor, whatever the clocks on the wall do.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A steady length: ticks at anchor + k × length, for k = 0, 1, 2 …
///
/// The anchor is stored with the schedule and not taken anew at a start: a process that is restarted more often
/// than the length would otherwise never tick. No clock change touches it; `1d` is 24 hours.
///
/// ```
/// use workaday_core::schedule::Interval;
/// let every = Interval::parse("90m", "2026-01-01T00:00:00Z".parse()?)?;
/// assert_eq!(every.next("2026-01-01T01:30:00Z".parse()?), Some("2026-01-01T03:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    anchor: i64,
    length: i64,
}

/// Why a length was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntervalError {
    /// Stable slug: `interval.not_a_length` or `interval.out_of_range`.
    pub code: &'static str,
    pub value: String,
    pub expected: &'static str,
}

impl fmt::Display for IntervalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interval `{}` is refused: expected {}", self.value, self.expected)
    }
}

impl std::error::Error for IntervalError {}

impl Interval {
    /// A length from one second to a thousand years.
    pub fn new(length: SignedDuration, anchor: Timestamp) -> Result<Self, IntervalError> {
        let whole = i64::try_from(length.as_micros()).unwrap_or(0);
        if !(MICROS_PER_SECOND..=31_557_600_000 * MICROS_PER_SECOND).contains(&whole) {
            return Err(IntervalError {
                code: "interval.out_of_range",
                value: format!("{length:#}"),
                expected: "a length from one second to a thousand years",
            });
        }
        Ok(Self { anchor: anchor.as_microsecond(), length: whole })
    }

    /// Reads `45s`, `90m`, `1h30m`, `1d`, `2w`: whole numbers, largest unit first, each unit once.
    pub fn parse(text: &str, anchor: Timestamp) -> Result<Self, IntervalError> {
        let seconds = parse_seconds(text).ok_or_else(|| IntervalError {
            code: "interval.not_a_length",
            value: text.to_owned(),
            expected: "whole numbers with w, d, h, m or s, largest first, such as `90m` or `1h30m`",
        })?;
        Self::new(SignedDuration::from_secs(seconds), anchor)
    }

    pub fn length(&self) -> SignedDuration {
        SignedDuration::from_micros(self.length)
    }

    pub fn anchor(&self) -> Timestamp {
        Timestamp::from_microsecond(self.anchor).expect("the anchor came as a timestamp")
    }

    /// The first tick strictly after an instant.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.tick(self.steps(after) + 1)
    }

    /// The last tick at or before an instant; nothing before the anchor.
    pub fn latest(&self, at: Timestamp) -> Option<Timestamp> {
        let steps = self.steps(at);
        if steps < 0 { None } else { self.tick(steps) }
    }

    /// How many ticks are after `after` and not after `until`.
    pub fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        u64::try_from(self.steps(until) - self.steps(after)).unwrap_or(0)
    }

    /// The k of the last tick at or before an instant; -1 before the anchor.
    fn steps(&self, at: Timestamp) -> i64 {
        // Nanoseconds round down to the microsecond before, and a tick lies on a microsecond.
        let micros = at.as_nanosecond().div_euclid(1000) as i64;
        (micros - self.anchor).div_euclid(self.length).max(-1)
    }

    fn tick(&self, k: i64) -> Option<Timestamp> {
        let since = self.length.checked_mul(k)?;
        Timestamp::from_microsecond(self.anchor.checked_add(since)?).ok()
    }
}

/// As [`Interval::parse`] reads it: `1h30m`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.length;
        for (unit, seconds) in UNITS {
            let length = seconds * MICROS_PER_SECOND;
            if left >= length {
                write!(f, "{}{unit}", left / length)?;
                left %= length;
            }
        }
        if left == 0 { Ok(()) } else { write!(f, "{left}us") }
    }
}

const UNITS: [(char, i64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

fn parse_seconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    for (unit, seconds) in UNITS {
        if let Some((number, after)) = rest.split_once(unit) {
            let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let number: i64 = plain.then(|| number.parse().ok())??;
            total = total.checked_add(number.checked_mul(seconds)?)?;
            rest = after;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn every(text: &str) -> Interval {
        Interval::parse(text, at("2026-03-28T23:00:00Z")).unwrap()
    }

    #[test]
    fn an_interval_is_counted_from_its_anchor_across_a_clock_change() {
        let daily = every("1d");
        assert_eq!(daily.next(at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T23:00:00Z")));
        assert_eq!(daily.next(at("2026-03-28T22:59:59.999999999Z")), Some(at("2026-03-28T23:00:00Z")));
        assert_eq!(daily.next(at("1999-01-01T00:00:00Z")), Some(at("2026-03-28T23:00:00Z")));
        assert_eq!(daily.latest(at("2026-03-28T22:59:59.999999999Z")), None);
        assert_eq!(daily.latest(at("2026-03-30T22:00:00Z")), Some(at("2026-03-29T23:00:00Z")));
    }

    #[test]
    fn a_year_of_seconds_is_counted_at_once() {
        let year = every("1s").count(at("2027-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
        assert_eq!(year, 365 * 86_400);
        assert_eq!(every("90m").count(at("1999-01-01T00:00:00Z"), at("2026-03-29T02:00:00Z")), 3);
        assert_eq!(every("90m").count(at("2027-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z")), 0);
    }

    #[test]
    fn lengths_are_read_and_written_alike() {
        for text in ["45s", "90m", "1h30m", "1d", "2w3d4h5m6s"] {
            let again = Interval::parse(&every(text).to_string(), every(text).anchor()).unwrap();
            assert_eq!(again, every(text), "{text}");
        }
        assert_eq!(every("90m").to_string(), "1h30m");
    }

    #[test]
    fn what_is_not_a_length_is_refused() {
        let refused = |text| Interval::parse(text, Timestamp::UNIX_EPOCH).unwrap_err().code;
        for text in ["", "90", "m", "1.5h", "-1h", "30m1h", "1h 30m", "1h1h", "９m", "9999999999999999999s"] {
            assert_eq!(refused(text), "interval.not_a_length", "{text}");
        }
        assert_eq!(refused("0s"), "interval.out_of_range");
        assert_eq!(refused("999999w"), "interval.out_of_range");
    }
}

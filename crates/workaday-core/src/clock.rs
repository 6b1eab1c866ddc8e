//! Instants and lengths in microseconds, and the one place that reads the wall clock.

use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};

/// An instant: microseconds since 1970-01-01 UTC. The form in which the store keeps every `_at` and `_until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in microseconds; negative lengths are allowed in arithmetic, never in settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Length(pub i64);

impl Length {
    pub const fn micros(value: i64) -> Self {
        Self(value)
    }
    pub const fn millis(value: i64) -> Self {
        Self(value * 1_000)
    }
    pub const fn seconds(value: i64) -> Self {
        Self(value * 1_000_000)
    }
    pub const fn minutes(value: i64) -> Self {
        Self::seconds(value * 60)
    }
    pub const fn hours(value: i64) -> Self {
        Self::seconds(value * 3_600)
    }
    pub const fn days(value: i64) -> Self {
        Self::hours(value * 24)
    }
    /// The same length for the standard library; a negative one becomes zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(self.0.max(0) as u64)
    }
}

impl Add<Length> for Timestamp {
    type Output = Timestamp;
    fn add(self, length: Length) -> Timestamp {
        Timestamp(self.0.saturating_add(length.0))
    }
}

impl Sub<Length> for Timestamp {
    type Output = Timestamp;
    fn sub(self, length: Length) -> Timestamp {
        Timestamp(self.0.saturating_sub(length.0))
    }
}

impl Sub for Timestamp {
    type Output = Length;
    fn sub(self, other: Timestamp) -> Length {
        Length(self.0.saturating_sub(other.0))
    }
}

impl std::fmt::Display for Timestamp {
    /// ISO 8601 in UTC with microseconds, the form of every log line and JSON answer.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

/// Where "now" comes from. Injected, so that a test and the simulator move time themselves.
pub trait Clock: Send {
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one reading of the wall clock
    fn now(&self) -> Timestamp {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Timestamp(since.as_micros() as i64),
            Err(before) => Timestamp(-(before.duration().as_micros() as i64)),
        }
    }
}

/// Reads a length as users write it: `"250ms"`, `"90s"`, `"5m"`, `"2h"`, `"1d"`, or parts together: `"1h30m"`.
///
/// Returns `None` for anything else, also for a bare number: a unit is part of the value.
pub fn parse_length(text: &str) -> Option<Length> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits_end);
        let value: f64 = number.parse().ok()?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let micros = match unit.trim() {
            "us" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            "m" => 60e6,
            "h" => 3_600e6,
            "d" => 86_400e6,
            "w" => 604_800e6,
            _ => return None,
        };
        let part = value * micros;
        if !part.is_finite() || part > 9e17 {
            return None;
        }
        total = total.checked_add(part.round() as i64)?;
        rest = tail.trim_start();
    }
    Some(Length(total))
}

/// An instant with its offset, `2030-01-01T00:00:00Z`, or with its zone as well, `2030-01-01T01:00:00+01:00[Europe/Berlin]`.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let instant = text.parse::<jiff::Timestamp>().or_else(|_| text.parse::<jiff::Zoned>().map(|zoned| zoned.timestamp()));
    instant.ok().map(|instant| Timestamp(instant.as_microsecond()))
}

/// Writes a length for people: the two largest units that matter, `"1h30m"`, `"250ms"`, `"4.2s"`.
pub fn format_length(length: Length) -> String {
    let us = length.0.unsigned_abs();
    let sign = if length.0 < 0 { "-" } else { "" };
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{sign}{big}{big_unit}"),
        _ => format!("{sign}{big}{big_unit}{small}{small_unit}"),
    };
    match us {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{us}us"),
        1_000..1_000_000 => format!("{sign}{}ms", trim_zeros(us as f64 / 1e3)),
        1_000_000..60_000_000 => format!("{sign}{}s", trim_zeros(us as f64 / 1e6)),
        60_000_000..3_600_000_000 => two(us / 60_000_000, "m", us / 1_000_000 % 60, "s"),
        3_600_000_000..86_400_000_000 => two(us / 3_600_000_000, "h", us / 60_000_000 % 60, "m"),
        _ => two(us / 86_400_000_000, "d", us / 3_600_000_000 % 24, "h"),
    }
}

fn trim_zeros(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_they_are_written() {
        for (text, expected) in [
            ("250ms", Length::millis(250)),
            ("90s", Length::seconds(90)),
            ("5m", Length::minutes(5)),
            ("2h", Length::hours(2)),
            ("1d", Length::days(1)),
            ("1h30m", Length::minutes(90)),
            ("0.5s", Length::millis(500)),
        ] {
            assert_eq!(parse_length(text), Some(expected), "{text}");
        }
        for text in ["", "5", "m", "5 parsecs", "-5s", "1e3s", "5m3", "ms5", "..5s"] {
            assert_eq!(parse_length(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_written_for_people() {
        for (length, text) in [
            (Length(0), "0s"),
            (Length(12), "12us"),
            (Length::millis(250), "250ms"),
            (Length::millis(4_200), "4.2s"),
            (Length::minutes(90), "1h30m"),
            (Length::days(2), "2d"),
        ] {
            assert_eq!(format_length(length), text);
        }
    }
}

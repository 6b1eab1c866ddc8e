//! Zones from the data that the tests carry, and times as people write them.

#![allow(dead_code, reason = "each test file uses some of these")]

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use workaday_core::schedule::{CronExpr, Tick};

pub fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or_else(|error| panic!("{error}"))
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn cron(text: &str) -> CronExpr {
    CronExpr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn shown(ticks: impl IntoIterator<Item = Tick>) -> Vec<String> {
    ticks.into_iter().map(|tick| tick.to_string()).collect()
}

/// A number of random cases. A failure prints what it needs to be told as a test of its own; nothing is written
/// into the tree.
pub fn cases(number: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config { failure_persistence: None, ..proptest::test_runner::Config::with_cases(number) }
}

//! Zones from the data that the tests carry, and times as people write them.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use workaday_core::schedule::{CronExpr, Tick};

#[allow(dead_code, reason = "each test file uses some of these")]
pub fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled()
        .get(name)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[allow(dead_code, reason = "each test file uses some of these")]
pub fn at(text: &str) -> Timestamp {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[allow(dead_code, reason = "each test file uses some of these")]
pub fn cron(text: &str) -> CronExpr {
    CronExpr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[allow(dead_code, reason = "each test file uses some of these")]
pub fn shown(ticks: impl IntoIterator<Item = Tick>) -> Vec<String> {
    ticks.into_iter().map(|tick| tick.to_string()).collect()
}

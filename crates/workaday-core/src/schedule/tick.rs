//! One due time of a schedule.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// How a tick came to its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Landing {
    /// The clock shows the nominal time, once.
    Regular,
    /// The clock leapt over the nominal time, so the tick is at the end of the gap.
    AfterGap,
    /// The clock leapt over the nominal time, and the tick keeps the clock as it was.
    Shifted,
    /// The clock shows the nominal time twice; this is the first.
    FirstPass,
    /// The clock shows the nominal time twice; this is the second.
    SecondPass,
}

/// One due time of a schedule. Its identity is the instant; the rest says what the schedule meant by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tick {
    /// When it is due; whole seconds for a cron expression.
    pub due_at: Timestamp,
    /// The time that the schedule names, on the zone's own clock: the report for this date is this tick's.
    /// After a gap it is the time that was leapt over, not the one that the clock showed.
    pub nominal: DateTime,
    /// The zone's offset from UTC at `due_at`.
    pub offset: Offset,
    pub landing: Landing,
    /// How many more occurrences fell on this instant and became part of this tick.
    pub merged: u32,
}

impl Tick {
    /// Microseconds since 1970-01-01T00:00Z, as the store keeps it.
    pub fn due_micros(&self) -> i64 {
        self.due_at.as_microsecond()
    }

    /// The tick as the zone's clock shows it.
    pub fn due_zoned(&self, zone: &TimeZone) -> Zoned {
        self.due_at.to_zoned(zone.clone())
    }

    /// A tick that no clock change has touched, at the zone's civil time.
    pub fn plain(due_at: Timestamp, zone: &TimeZone) -> Self {
        let offset = zone.to_offset(due_at);
        Self { due_at, nominal: offset.to_datetime(due_at), offset, landing: Landing::Regular, merged: 0 }
    }
}

/// The instant with its offset: `2026-03-29T03:00:00+02:00`.
impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let seconds = seconds.unsigned_abs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        write!(f, "{}{sign}{hours:02}:{minutes:02}", self.offset.to_datetime(self.due_at))?;
        // RFC 9557 rounds the offset to minutes, which would write another instant: Monrovia was 44:30 behind.
        if seconds.is_multiple_of(60) { Ok(()) } else { write!(f, ":{:02}", seconds % 60) }
    }
}

/// The instant of a number of microseconds since 1970-01-01T00:00Z, as the store keeps it.
pub fn from_micros(micros: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(micros).ok()
}

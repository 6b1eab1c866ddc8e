//! The two clocks of one moment.

use workaday_core::clock::Timestamp;

/// Now, twice: what the wall says (for rows) and what only moves forward (for waits and timeouts).
///
/// A stepped wall clock must neither end every running job nor keep one alive for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub wall: Timestamp,
    /// Microseconds of a clock that never steps (CLOCK_BOOTTIME in production).
    pub steady: Timestamp,
}

impl Moment {
    /// The wall time of an earlier steady instant.
    pub fn wall_of(self, steady: Timestamp) -> Timestamp {
        self.wall - (self.steady - steady)
    }
    /// When on the steady clock a wall instant will come, as far as known now.
    pub fn steady_of(self, wall: Timestamp) -> Timestamp {
        self.steady + (wall - self.wall)
    }
}

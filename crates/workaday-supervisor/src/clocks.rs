//! The clocks of this machine, read together.

use rustix::time::{ClockId, clock_gettime};
use workaday_core::clock::{Clock, SystemClock, Timestamp};
use workaday_engine::Moment;

fn micros(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

/// Wall time, and CLOCK_BOOTTIME: it never steps, and it counts the time a machine was suspended.
pub fn moment() -> Moment {
    Moment { wall: SystemClock.now(), steady: Timestamp(micros(ClockId::Boottime)) }
}

/// How long ago a CLOCK_MONOTONIC instant of this machine (as children state it) was, in µs.
pub fn micros_since(monotonic_ns: u64) -> i64 {
    (micros(ClockId::Monotonic) - (monotonic_ns / 1_000) as i64).max(0)
}

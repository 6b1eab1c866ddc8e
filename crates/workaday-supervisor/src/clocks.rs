//! The clocks of this machine, read together.

use rustix::time::{ClockId, clock_gettime};
use workaday_core::clock::{Clock, Length, SystemClock, Timestamp, format_length};
use workaday_engine::Moment;

fn micros(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

/// Wall time, and CLOCK_BOOTTIME: it never steps, and it counts the time a machine was suspended.
pub fn moment() -> Moment {
    Moment { wall: SystemClock.now(), steady: Timestamp(micros(ClockId::Boottime)) }
}

/// Says when a clock was set or the machine slept. Ticks need no help with either: the cursor decides what has run, and
/// the loop compares with the wall clock at least every two seconds. People do.
#[derive(Debug)]
pub struct ClockWatch {
    /// Wall clock less the steady one: changes only when the clock is set.
    set: i64,
    /// Steady clock less CLOCK_MONOTONIC: grows only while the machine sleeps.
    slept: i64,
}

/// Clocks that are merely disciplined, and readings a moment apart, stay below this.
const NOTICED_US: i64 = 1_000_000;

impl ClockWatch {
    pub fn new() -> Self {
        let (set, slept) = Self::read();
        Self { set, slept }
    }

    /// What happened since the last look, in words.
    pub fn look(&mut self) -> Vec<String> {
        self.compare(Self::read())
    }

    fn read() -> (i64, i64) {
        let now = moment();
        ((now.wall - now.steady).0, micros(ClockId::Boottime) - micros(ClockId::Monotonic))
    }

    fn compare(&mut self, (set, slept): (i64, i64)) -> Vec<String> {
        let mut said = Vec::new();
        let by = Length(set - self.set);
        if by.0.abs() >= NOTICED_US {
            let (way, meaning) = match by.0 > 0 {
                true => ("forward", "schedules take it as downtime: their catch-up decides"),
                false => ("back", "no tick that was decided runs again"),
            };
            said.push(format!("the wall clock was set {way} by {}; {meaning}", format_length(Length(by.0.abs()))));
            self.set = set;
        }
        if slept - self.slept >= NOTICED_US {
            let length = format_length(Length(slept - self.slept));
            said.push(format!("the machine was suspended for {length}; schedules take it as downtime: their catch-up decides"));
        }
        self.slept = slept;
        said
    }
}

impl Default for ClockWatch {
    fn default() -> Self {
        Self::new()
    }
}

/// How long ago a CLOCK_MONOTONIC instant of this machine (as children state it) was, in µs.
pub fn micros_since(monotonic_ns: u64) -> i64 {
    (micros(ClockId::Monotonic) - (monotonic_ns / 1_000) as i64).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_and_a_machine_that_slept_are_said_once() {
        let mut watch = ClockWatch { set: 0, slept: 0 };
        assert_eq!(watch.compare((900_000, 10)), Vec::<String>::new(), "a clock that is only disciplined");
        let said = watch.compare((-7_200_000_000, 20));
        assert_eq!(said, ["the wall clock was set back by 2h; no tick that was decided runs again"]);
        assert_eq!(watch.compare((-7_200_000_000, 20)), Vec::<String>::new());
        let said = watch.compare((3_600_000_000, 600_000_020));
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("the wall clock was set forward by 3h") && said[1].starts_with("the machine was suspended for 10m"));
    }
}

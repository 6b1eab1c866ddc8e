//! Will what is to run by the clock run?

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either};
use workaday_core::clock::format_length;

const LATE_US: i64 = 60_000_000;
const UNKNOWN: &str = "the store could not be asked";

const BROKEN: Ask = ask("schedules.readable", Sure::Measured, "no schedule that is broken", "workaday schedule list");
const NEVER: Ask = ask("schedules.ran", Sure::Measured, "no schedule that was due and never ran", "workaday schedule history NAME");
const UNREACHABLE: Ask =
    ask("schedules.reachable", Sure::Measured, "no cron expression without a tick to come", "workaday cron next EXPRESSION");
const LATE: Ask = ask("schedules.decided", Sure::Measured, "each tick decided within a minute", "workaday up; workaday status");

pub fn checks(facts: &Facts) -> Vec<Check> {
    let schedules = facts.schedules.as_ref();
    vec![
        BROKEN.without(schedules.map(|found| &*found.broken), State::Red, UNKNOWN),
        NEVER.without(schedules.map(|found| &*found.never_run), State::Warn, UNKNOWN),
        UNREACHABLE.without(schedules.map(|found| &*found.unreachable), State::Red, UNKNOWN),
        LATE.of(schedules, UNKNOWN, |found| {
            let age = found.health.oldest_due_age(facts.now);
            (
                either(age.0 <= LATE_US, State::Red),
                if age.0 == 0 { "none waits".to_owned() } else { format!("one has been due for {}", format_length(age)) },
            )
        }),
    ]
}

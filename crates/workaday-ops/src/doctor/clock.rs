//! Is the time right, and are the zones known?

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask};
use workaday_core::clock::{Length, format_length};

const SYNCHRONISED: Ask =
    ask("clock.synchronised", Sure::Measured, "a clock that the kernel calls synchronised", "timedatectl set-ntp true, or install chrony");
const ZONES: Ask = ask("clock.zones", Sure::Measured, "time zone data of a known version", "install tzdata, and keep it up to date");

const AHEAD: Ask = ask(
    "clock.not_behind",
    Sure::Measured,
    "nothing in the store from the future",
    "set the clock; what was written with the wrong one is due at its own time",
);
/// Two processors' clocks, and a row that was written while we looked.
const AHEAD_MAX: Length = Length::seconds(5);

pub fn checks(facts: &Facts) -> Vec<Check> {
    vec![
        SYNCHRONISED.of(facts.clock.is_synchronised, "the kernel refuses to say (a container?)", |is_synchronised| match is_synchronised {
            true => (State::Ok, "synchronised".to_owned()),
            false => (State::Warn, "not synchronised: schedules follow a clock that drifts".to_owned()),
        }),
        AHEAD.of(facts.clock.ahead, "the store has nothing to compare with", |ahead| match ahead > AHEAD_MAX {
            false => (State::Ok, "nothing".to_owned()),
            true => {
                (State::Red, format!("the newest entry is {} ahead of this clock", format_length(Length(ahead.0 / 1_000_000 * 1_000_000))))
            }
        }),
        ZONES.of(facts.clock.zones.as_ref(), "no version of it was found", |zones| (State::Ok, zones.clone())),
    ]
}

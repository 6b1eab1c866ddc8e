//! Is the time right, and are the zones known?

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask};

const SYNCHRONISED: Ask =
    ask("clock.synchronised", Sure::Measured, "a clock that the kernel calls synchronised", "timedatectl set-ntp true, or install chrony");
const ZONES: Ask = ask("clock.zones", Sure::Measured, "time zone data of a known version", "install tzdata, and keep it up to date");

pub fn checks(facts: &Facts) -> Vec<Check> {
    vec![
        SYNCHRONISED.of(facts.clock.is_synchronised, "the kernel refuses to say (a container?)", |is_synchronised| match is_synchronised {
            true => (State::Ok, "synchronised".to_owned()),
            false => (State::Warn, "not synchronised: schedules follow a clock that drifts".to_owned()),
        }),
        ZONES.of(facts.clock.zones.as_ref(), "no version of it was found", |zones| (State::Ok, zones.clone())),
    ]
}

//! What the service could still do to the machine, by systemd's own figure, and what killed commands left on it.

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either};

const EXPOSURE: Ask = ask("system.exposure", Sure::Measured, "2.0 or less, as `systemd-analyze security` counts", "workaday install");

const LEFTOVERS: Ask = ask(
    "system.leftovers",
    Sure::Measured,
    "no scratch folder of a restore, rehearsal or release that was killed: copies of the store are in them",
    "workaday restore --check, as the user they belong to: it clears them, as do rehearse and release",
);

pub fn checks(facts: &Facts) -> Vec<Check> {
    let leftovers = LEFTOVERS.without(Some(&facts.system.leftovers), State::Warn, "");
    let exposure = EXPOSURE.of(facts.system.exposure, "no unit of the supervisor, or no systemd-analyze", |grade| {
        (if grade > 7.0 { State::Red } else { either(grade <= 2.0, State::Warn) }, format!("{grade:.1}"))
    });
    vec![exposure, leftovers]
}

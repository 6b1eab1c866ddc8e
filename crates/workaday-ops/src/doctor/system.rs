//! What the service could still do to the machine, by systemd's own figure.

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either};

const EXPOSURE: Ask = ask("system.exposure", Sure::Measured, "2.0 or less, as `systemd-analyze security` counts", "workaday install");

pub fn checks(facts: &Facts) -> Vec<Check> {
    vec![EXPOSURE.of(facts.system.exposure, "no unit of the supervisor, or no systemd-analyze", |grade| {
        (if grade > 7.0 { State::Red } else { either(grade <= 2.0, State::Warn) }, format!("{grade:.1}"))
    })]
}

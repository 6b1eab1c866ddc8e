//! Would anybody hear of it?

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either};

const RECEIVERS: Ask =
    ask("alerts.receivers", Sure::Stated, "one receiver or more", "[alerts.ops] webhook or email; then workaday alert test");
const UNDELIVERED: Ask = ask("alerts.undelivered", Sure::Measured, "every notice of the last day delivered", "workaday alert deliveries");

pub fn checks(facts: &Facts) -> Vec<Check> {
    let alerts = &facts.alerts;
    vec![
        RECEIVERS.is(
            either(alerts.receivers > 0, State::Red),
            if alerts.receivers == 0 { "none: nobody is told".to_owned() } else { alerts.receivers.to_string() },
        ),
        UNDELIVERED.of(alerts.undelivered, "the store could not be asked", |count| (either(count == 0, State::Red), count.to_string())),
    ]
}

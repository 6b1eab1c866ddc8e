//! Is there a copy, does it restore, and would it survive the disk?

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, either};
use workaday_core::clock::{Length, Timestamp, format_length};

/// A proof says less as code and data move on.
const PROOF_DAYS: i64 = 30;

const AGE: Ask = ask("backup.age", Sure::Measured, "one younger than twice `[backup] every`", "workaday backup; then put it in a schedule");
const PROOF: Ask = ask("backup.proof", Sure::Measured, "a restore proved in the last 30 days", "workaday restore --check");
const APART: Ask = ask(
    "backup.apart",
    Sure::Measured,
    "a folder on another disk, or copied off the machine",
    "set `[backup] folder`, or copy the folder elsewhere (Litestream, rsync)",
);

pub fn checks(facts: &Facts) -> Vec<Check> {
    let backup = &facts.backup;
    let aged = |at: Timestamp, max: i64| {
        let age = Length((facts.now - at).0.max(0) / 1_000_000 * 1_000_000);
        (age.0 <= max, format!("{} ago", format_length(age)))
    };
    vec![
        AGE.of(backup.newest, "the store could not be asked", |newest| match newest.map(|at| aged(at, backup.every.0.saturating_mul(2))) {
            Some((is_young, found)) => (either(is_young, State::Red), found + &backup.gone.as_ref().map_or_else(String::new, gone)),
            None => (State::Red, backup.gone.as_ref().map_or_else(|| "there is none".to_owned(), |path| format!("{path} is gone"))),
        }),
        PROOF.of(backup.proved, "the store could not be asked", |proved| match proved.map(|at| aged(at, PROOF_DAYS * 86_400_000_000)) {
            Some((is_young, found)) => (either(is_young, State::Warn), found),
            None => (State::Warn, "never".to_owned()),
        }),
        APART.of(backup.is_same_disk, "there is no backup folder yet", |is_same| match is_same {
            true => (State::Warn, "on the disk of the store".to_owned()),
            false => (State::Ok, "on another disk".to_owned()),
        }),
    ]
}

fn gone(path: &String) -> String {
    format!("; a newer one is gone: {path}")
}

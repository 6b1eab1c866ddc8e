//! Does a change hang half done?

use super::facts::Facts;
use super::{Ask, Check, State, Sure, ask, few};
use workaday_core::clock::{Length, Timestamp, format_length};

const OPEN: Ask = ask("release.open", Sure::Measured, "no release that was left open", "workaday release resume, or abort");
const REHEARSAL: Ask =
    ask("release.rehearsal", Sure::Measured, "a rehearsal of this revision that passed and has not expired", "workaday rehearse");
const CLEAN: Ask = ask("release.clean", Sure::Measured, "no tracked file changed by hand", "git status; commit it, or take it back");

/// A release is watched for minutes, not for hours.
const OPEN_US: i64 = 3_600_000_000;

pub fn checks(facts: &Facts) -> Vec<Check> {
    let release = &facts.release;
    let age = |at: Timestamp| Length((facts.now - at).0.max(0) / 1_000_000 * 1_000_000);
    vec![
        OPEN.of(release.open, "the store could not be asked", |open| match open {
            None => (State::Ok, "none".to_owned()),
            Some((number, at)) if age(at).0 > OPEN_US => (State::Red, format!("release {number}, for {}", format_length(age(at)))),
            Some((number, at)) => (State::Warn, format!("release {number}, for {}", format_length(age(at)))),
        }),
        match release.has_staging {
            // `workaday rehearse` alone would be refused.
            false => Check {
                fix: "[release.staging] in workaday.toml, then workaday rehearse".to_owned(),
                ..REHEARSAL.is(State::Warn, "`[release.staging]` is not set: releases are not rehearsed")
            },
            true => REHEARSAL.of(release.rehearsed.as_ref(), "the store could not be asked", |found| match found {
                None => (State::Warn, "there was none".to_owned()),
                Some(found) if !found.passed => (State::Red, "the last one failed".to_owned()),
                Some(found) if age(found.at).0 > release.expires.0 => {
                    (State::Warn, format!("expired: {} old", format_length(age(found.at))))
                }
                Some(found) => match found.is_of_this_revision {
                    Some(true) => (State::Ok, format!("{} ago", format_length(age(found.at)))),
                    Some(false) => (State::Warn, "of another revision".to_owned()),
                    None => (State::Unknown, "of a revision that cannot be compared: there is no repository".to_owned()),
                },
            }),
        },
        CLEAN.of(release.dirt.as_ref(), "there is no repository", |dirt| match dirt.is_empty() {
            true => (State::Ok, "clean".to_owned()),
            false => (State::Warn, few(dirt)),
        }),
    ]
}

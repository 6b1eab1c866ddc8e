//! The checklist: what is wrong or missing around a running store, and what to do about each.
//!
//! | file | one idea |
//! |---|---|
//! | `facts` | what is known, as plain values; `None` = it could not be found out |
//! | `gather`, `machine`, `leaks`, `proxy` | the only code that looks |
//! | `store`, `backup`, `worker`, `tasks`, `schedules`, `clock`, `security`, `release`, `system`, `alerts` | the checks of one area each, over the facts alone |
//!
//! What cannot be decided is unknown, never green.

mod alerts;
mod backup;
mod clock;
pub mod facts;
mod gather;
mod leaks;
mod machine;
mod proxy;
mod release;
mod schedules;
mod security;
mod store;
mod system;
mod tasks;
#[cfg(test)]
mod tests;
mod worker;

pub use facts::Facts;
pub use gather::{Ground, gather, scratch_folders};
pub use machine::{answer, grade};

use serde::{Deserialize, Serialize};

/// How a check came out, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Work is lost, late or open to strangers, or soon will be.
    Red,
    /// It works; one fault more and it does not.
    Warn,
    /// It could not be found out.
    Unknown,
    Ok,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Red => "red",
            State::Warn => "warn",
            State::Unknown => "unknown",
            State::Ok => "ok",
        }
    }
}

/// How sure the finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sure {
    /// Looked at where it is.
    Measured,
    /// Said by configuration or code; nobody tried whether it is so.
    Stated,
    /// Concluded from signs that could have another cause.
    Inferred,
}

impl Sure {
    pub const fn as_str(self) -> &'static str {
        match self {
            Sure::Measured => "measured",
            Sure::Stated => "stated",
            Sure::Inferred => "inferred",
        }
    }
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `store.permissions`: stable, for scripts.
    pub name: String,
    pub area: String,
    pub state: State,
    pub found: String,
    pub expected: String,
    pub fix: String,
    pub sure: Sure,
}

/// Judges everything, the worst first; within a state in the order of the areas.
pub fn judge(facts: &Facts) -> Vec<Check> {
    let areas: [fn(&Facts) -> Vec<Check>; 10] = [
        store::checks,
        backup::checks,
        worker::checks,
        tasks::checks,
        schedules::checks,
        clock::checks,
        security::checks,
        release::checks,
        system::checks,
        alerts::checks,
    ];
    let mut checks: Vec<Check> = areas.iter().flat_map(|area| area(facts)).collect();
    checks.sort_by_key(|check| check.state);
    checks
}

/// A question, before its answer.
struct Ask {
    name: &'static str,
    expected: &'static str,
    fix: &'static str,
    sure: Sure,
}

const fn ask(name: &'static str, sure: Sure, expected: &'static str, fix: &'static str) -> Ask {
    Ask { name, expected, fix, sure }
}

impl Ask {
    fn is(&self, state: State, found: impl Into<String>) -> Check {
        Check {
            name: self.name.to_owned(),
            area: self.name.split('.').next().unwrap_or_default().to_owned(),
            state,
            found: found.into(),
            expected: self.expected.to_owned(),
            fix: self.fix.to_owned(),
            sure: self.sure,
        }
    }

    /// Judges what is known; nothing known is unknown, with `why`.
    fn of<T>(&self, known: Option<T>, why: &str, judge: impl FnOnce(T) -> (State, String)) -> Check {
        match known {
            Some(known) => {
                let (state, found) = judge(known);
                self.is(state, found)
            }
            None => self.is(State::Unknown, why),
        }
    }

    /// Names of things that lack something: none is ok.
    fn without(&self, known: Option<&[String]>, state: State, why: &str) -> Check {
        self.of(known, why, |names| match names {
            [] => (State::Ok, "none".to_owned()),
            names => (state, few(names)),
        })
    }
}

/// The first of many.
fn few(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `512 bytes`, `48 KiB`, `256 MiB`, `41.1 GiB`: as fine as a reader cares.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

/// Chooses by a condition.
fn either(is_ok: bool, otherwise: State) -> State {
    if is_ok { State::Ok } else { otherwise }
}

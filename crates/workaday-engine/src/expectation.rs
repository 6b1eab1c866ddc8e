//! A run that succeeds, but not as `expects=` says: `unexpected`.
//!
//! Purpose: "no error" is not "it worked". The result is judged in the child, where it lives; the time here. An unexpected
//! run keeps its outcome; it is recorded, counted and alerted. Turn it off by leaving `within=`, `result=`, `rows=` out.

use workaday_core::catalogue::{TaskEntry, TaskKind};
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::job::JobId;
use workaday_core::lifecycle::Outcome;
use workaday_core::measure::Evidence;
use workaday_store::{Store, StoreError};

/// The code of the alert.
pub const CODE: &str = "job.unexpected";

/// Why an attempt is not what was expected; `None`: it is, or it failed by itself.
pub fn missed(entry: &TaskEntry, outcome: Outcome, evidence: Option<&Evidence>, due: Timestamp, now: Timestamp) -> Option<String> {
    let told = evidence.and_then(|evidence| evidence.unexpected.clone());
    match outcome {
        Outcome::Completed => {}
        // `Expect(retry=True)` turns it into a failure, which is an unexpected one all the same. A command that fails has failed.
        Outcome::Failed { .. } if entry.kind != TaskKind::Command => return told,
        _ => return None,
    }
    let within = entry.expects_within_us.map(Length).filter(|within| now - due > *within);
    let late = within
        .map(|within| format!("it was done {} after it was due, expected within {}", format_length(now - due), format_length(within)));
    match (told, late) {
        (Some(told), Some(late)) => Some(format!("{told}; {late}")),
        (told, late) => told.or(late),
    }
}

/// One alert a task: it counts up.
pub fn raise(store: &mut dyn Store, entry: &TaskEntry, id: JobId, why: &str, now: Timestamp) -> Result<(), StoreError> {
    let expected = entry.expects.as_deref().map(|text| format!(" (expected: {text})")).unwrap_or_default();
    store.raise_alert(CODE, &entry.name, &format!("{} job {id} succeeded, but {why}{expected}", entry.name), now)
}

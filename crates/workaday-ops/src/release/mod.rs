//! The pipeline of a release, and of a rollback, which is one: the same steps, the same record, another command.
//!
//! | file | one idea |
//! |---|---|
//! | `plan` | what is to be done, written once before the first step |
//! | `refusals` | what must hold before: everything that does not, at once |
//! | `gate` | waiting jobs and changed tasks against the new code |
//! | `record` | the lock, the open row, the note as a file |
//! | `pipeline` | the steps, each written down before and after |
//! | `judge` | better, worse, same, not enough data |
//! | `note` | the page that stays |
//!
//! Killed at any step: the record says where, `resume` goes on from there, `abort` closes it.

mod evidence_judge;
mod gate;
mod judge;
mod note;
mod pipeline;
mod plan;
mod record;
mod refusals;

pub use evidence_judge::EvidenceJudge;
pub use gate::{Misfits, changed_tasks, misfits};
pub use judge::{Judge, Judgement, Metric, OutcomeJudge, Verdict, Window};
pub use note::{file_name, markdown};
pub use pipeline::{Ended, Pipeline, Resume, STEPS};
pub use plan::{CONFIG_FILE, Fingerprint, Kind, Plan, Previous, fingerprint, last_in_place, warnings};
pub use record::{ReleaseLock, refuse_open};
pub use refusals::{Asked, Ground, Prepared, dirty, no_repository, prepare};

use serde_json::Value;
use std::path::Path;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::Problem;

/// What the pipeline needs of the machine and cannot do itself: it knows no supervisor and no terminal.
pub trait Host {
    fn now(&self) -> Timestamp;
    fn sleep(&mut self, length: Length);
    /// A line for whoever watches.
    fn say(&mut self, line: &str);
    /// A backup that is whole and proved. What it was, as JSON.
    fn back_up(&mut self, release: i64) -> Result<Value, Problem>;
    /// The pid of the supervisor, if one holds the store.
    fn supervisor(&self) -> Option<i64>;
    /// Asks the supervisor to finish what runs and stop.
    fn drain(&mut self) -> Result<(), Problem>;
    /// The catalogue entries that the code in a folder states.
    fn catalogue(&mut self, folder: &Path) -> Result<Vec<Value>, Problem>;
}

//! Acts of people on jobs: which jobs an act concerns, what it does, and how a refusal is said. For every face.

use std::collections::HashMap;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::{HeldCode, State};
use workaday_core::retry::RetryPolicy;
use workaday_store::sqlite::read::{JobSummary, TaskRow};
use workaday_store::{Act, ByHand, Store, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Retry,
    Cancel,
    Delete,
    Release,
}

/// The number of attempts that each task's own policy grants.
pub fn attempts_by_task(tasks: &[TaskRow]) -> HashMap<String, u32> {
    let entry = |row: &TaskRow| serde_json::from_str::<TaskEntry>(&row.entry).ok().filter(|_| row.present);
    tasks.iter().filter_map(|row| Some((row.name.clone(), entry(row)?.attempts()))).collect()
}

impl Deed {
    pub const fn word(self) -> &'static str {
        match self {
            Deed::Retry => "retry",
            Deed::Cancel => "cancel",
            Deed::Delete => "delete",
            Deed::Release => "release",
        }
    }

    pub const fn verb(self) -> &'static str {
        match self {
            Deed::Retry => "Retry",
            Deed::Cancel => "Cancel",
            Deed::Delete => "Delete",
            Deed::Release => "Release",
        }
    }

    pub const fn past(self) -> &'static str {
        match self {
            Deed::Retry => "available again",
            Deed::Cancel => "cancelled",
            Deed::Delete => "deleted",
            Deed::Release => "released",
        }
    }

    /// Only jobs that the act can concern: retrying the jobs of a task means the discarded ones, not all.
    pub fn concerns(self, job: &JobSummary) -> bool {
        match self {
            Deed::Retry => matches!(job.state, State::Discarded | State::Cancelled) || job.held == Some(HeldCode::Quarantine),
            Deed::Cancel => !job.state.is_finished(),
            Deed::Delete => job.state != State::Running,
            Deed::Release => job.held.is_some() && !job.state.is_finished(),
        }
    }

    /// Inside the caller's transaction.
    pub fn act(
        self,
        store: &mut dyn Store,
        job: &JobSummary,
        policies: &HashMap<String, u32>,
        by: &ByHand,
        now: Timestamp,
    ) -> Result<Act, StoreError> {
        match self {
            // A quarantined job is not finished; "again" means out of quarantine.
            Deed::Retry if job.held == Some(HeldCode::Quarantine) => store.release_job(job.id, by, now),
            Deed::Retry => {
                let attempts = policies.get(&job.task).copied().unwrap_or(RetryPolicy::default().attempts);
                store.retry(job.id, attempts, by, now)
            }
            Deed::Cancel => store.cancel(job.id, by, now),
            Deed::Delete => store.delete(job.id, by, now),
            Deed::Release => store.release_job(job.id, by, now),
        }
    }

    pub fn refusal(self, job: &JobSummary, state: State) -> Problem {
        let (expected, hint) = match (self, state) {
            (Deed::Retry, State::Completed) => {
                ("a discarded, cancelled or quarantined job", Some("enqueue the work again: a completed job is not run twice"))
            }
            (Deed::Retry, State::Running) => {
                ("a discarded, cancelled or quarantined job", Some("it runs now; `workaday job cancel` stops it"))
            }
            (Deed::Retry, _) => {
                ("a discarded, cancelled or quarantined job", Some("it is going to run by itself; `workaday job why` says when"))
            }
            (Deed::Cancel, _) => ("a job that has not finished", None),
            (Deed::Delete, _) => ("a job that is not running", Some("cancel it first, and delete it when it has ended")),
            (Deed::Release, _) => ("a job that is held", None),
        };
        let held = job.held.map_or_else(String::new, |code| format!(", held: {code}"));
        let problem =
            Problem::new("job.state_refuses", format!("job {} ({}) was not {}: it is {state}{held}", job.id, job.task, self.participle()))
                .expected(expected)
                .retry(RetryAdvice::Never, "not in this state; nothing was changed");
        match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    pub const fn participle(self) -> &'static str {
        match self {
            Deed::Retry => "retried",
            Deed::Cancel => "cancelled",
            Deed::Delete => "deleted",
            Deed::Release => "released",
        }
    }
}

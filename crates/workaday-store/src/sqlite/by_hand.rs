//! Acts of people: cancel, retry, release, delete. Each leaves its line in the audit table, in the same transaction.

use super::{SqliteStore, failure, rows};
use crate::crash_point;
use crate::error::Result;
use crate::statements as sql;
use crate::store::{Act, ByHand};
use rusqlite::params;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::{HeldCode, JobId, JobKey, State};
use workaday_core::lifecycle::{self, CancelEffect};

/// What an act by hand decides on.
struct Found {
    key: JobKey,
    state: State,
    held: Option<HeldCode>,
    attempt: u32,
    attempt_extra: u32,
}

impl SqliteStore {
    pub(super) fn cancel_by_hand(&self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        let Some(job) = self.find(id)? else { return Ok(Act::Missing) };
        let act = match lifecycle::cancel(job.state) {
            CancelEffect::Refused => return Ok(Act::Refused(job.state)),
            CancelEffect::Now => {
                self.finish_waiting(job.key, "by_hand", by.why.as_deref(), now)?;
                Act::Done
            }
            CancelEffect::Requested => {
                self.link.execute(&sql::MARK_CANCEL, params![now.0, by.why, job.key.0])?;
                crash_point!("cancel.asked");
                Act::Requested
            }
        };
        self.attended(id, now)?;
        self.audit(by, "cancel", &format!("job {id}"), None, now)?;
        Ok(act)
    }

    pub(super) fn retry_by_hand(&self, id: JobId, policy_attempts: u32, by: &ByHand, now: Timestamp) -> Result<Act> {
        let Some(job) = self.find(id)? else { return Ok(Act::Missing) };
        let Some(attempt_extra) = lifecycle::retry_by_hand(job.state, job.attempt, job.attempt_extra, policy_attempts) else {
            return Ok(Act::Refused(job.state));
        };
        let revived = self.link.try_execute(&sql::REVIVE_JOB, params![now.0, attempt_extra, job.key.0]);
        match revived {
            Ok(_) => {}
            Err(error) if failure::is_unique_violation(&error) => return Err(unique_taken(id).into()),
            Err(error) => return Err(self.link.fail(error)),
        }
        crash_point!("retry.revived");
        self.link.execute(&sql::DELETE_FINISHED, [job.key.0])?;
        self.attended(id, now)?;
        self.audit(by, "retry", &format!("job {id}"), None, now)?;
        Ok(Act::Done)
    }

    pub(super) fn release_by_hand(&self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        let Some(job) = self.find(id)? else { return Ok(Act::Missing) };
        let Some(held) = job.held else { return Ok(Act::Refused(job.state)) };
        self.link.execute(&sql::RELEASE_JOB, [job.key.0])?;
        self.attended(id, now)?;
        self.audit(by, "release", &format!("job {id}"), Some(&serde_json::json!({"held": held}).to_string()), now)?;
        Ok(Act::Done)
    }

    pub(super) fn delete_by_hand(&self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        let Some(job) = self.find(id)? else { return Ok(Act::Missing) };
        if job.state == State::Running {
            return Ok(Act::Refused(job.state));
        }
        let table = if job.state.is_finished() { &sql::DELETE_FINISHED } else { &sql::DELETE_JOB };
        self.link.execute(table, [job.key.0])?;
        self.delete_history(job.key)?;
        self.attended(id, now)?;
        self.audit(by, "delete", &format!("job {id}"), Some(&serde_json::json!({"state": job.state}).to_string()), now)?;
        Ok(Act::Done)
    }

    /// Somebody has dealt with this job: what was said about it alone (it is held, nobody knows how it ended) is said no
    /// longer. Should it end so once more, that is a new alert.
    fn attended(&self, id: JobId, now: Timestamp) -> Result<()> {
        for code in lifecycle::ALERTS_OF_A_JOB {
            self.link.execute(&sql::CLOSE_ALERT, params![now.0, code, id.to_string()])?;
        }
        Ok(())
    }

    fn find(&self, id: JobId) -> Result<Option<Found>> {
        self.link.writing()?.first(&sql::JOB_STATE, [id.0.as_bytes()], |row| {
            Ok(Found {
                key: JobKey(row.get(0)?),
                state: rows::word(row, 1)?,
                held: rows::optional_word(row, 2)?,
                attempt: row.get(3)?,
                attempt_extra: row.get(4)?,
            })
        })
    }

    pub(super) fn audit(&self, by: &ByHand, action: &str, target: &str, detail: Option<&str>, now: Timestamp) -> Result<()> {
        self.link.execute(&sql::WRITE_AUDIT, params![now.0, by.who, action, target, by.why, detail]).map(|_| ())
    }
}

fn unique_taken(id: JobId) -> Problem {
    Problem::new("job.unique_taken", format!("job {id} was not retried: another unfinished job holds its unique key"))
        .expected("its unique key to be free")
        .retry(RetryAdvice::SafeAfterFix, "safe once the other job has finished or was cancelled; nothing was changed")
        .hint("`workaday job list` shows the job that holds the key")
}

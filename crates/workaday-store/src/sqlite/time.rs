//! What happens because time passes: due jobs become available, overdue ones expire. In bounded steps.

use super::SqliteStore;
use crate::crash_point;
use crate::error::Result;
use crate::statements as sql;
use rusqlite::params;
use workaday_core::clock::Timestamp;
use workaday_core::job::JobKey;

impl SqliteStore {
    pub(super) fn stage_due(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let staged = self.link.writing()?.execute(&sql::STAGE_DUE, params![now.0, limit as i64])?;
        crash_point!("stage.written");
        Ok(staged)
    }

    pub(super) fn expire_waiting(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let keys: Vec<JobKey> =
            self.link.writing()?.list(&sql::EXPIRED_JOBS, params![now.0, limit as i64], |row| row.get(0).map(JobKey))?;
        for key in &keys {
            self.finish_waiting(*key, "expired", None, now)?;
        }
        Ok(keys.len())
    }

    /// A waiting job goes into history as cancelled. `false`: it runs, or is gone.
    pub(super) fn finish_waiting(&self, key: JobKey, reason: &str, cancel_reason: Option<&str>, now: Timestamp) -> Result<bool> {
        if self.link.execute(&sql::FINISH_WAITING, params![reason, cancel_reason, now.0, key.0])? == 0 {
            return Ok(false);
        }
        crash_point!("cancel.row_moved");
        self.link.execute(&sql::DELETE_JOB, [key.0])?;
        Ok(true)
    }
}

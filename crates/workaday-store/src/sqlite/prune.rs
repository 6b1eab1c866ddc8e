//! Retention: finished jobs past their time go with their attempts and logs, a few at a time.

use super::SqliteStore;
use crate::error::Result;
use crate::statements as sql;
use crate::store::PruneBefore;
use rusqlite::params;
use workaday_core::job::{JobKey, State};

impl SqliteStore {
    pub(super) fn prune_some(&self, before: &PruneBefore, limit: usize) -> Result<usize> {
        let mut pruned = 0;
        for (state, before) in
            [(State::Completed, before.completed), (State::Cancelled, before.cancelled), (State::Discarded, before.discarded)]
        {
            let left = (limit - pruned) as i64;
            let keys: Vec<JobKey> =
                self.link.writing()?.list(&sql::PRUNE_FINISHED, params![state.as_str(), before.0, left], |row| row.get(0).map(JobKey))?;
            for key in &keys {
                self.delete_history(*key)?;
            }
            pruned += keys.len();
        }
        Ok(pruned)
    }

    pub(super) fn delete_history(&self, key: JobKey) -> Result<()> {
        self.link.execute(&sql::DELETE_ATTEMPTS, [key.0])?;
        self.link.execute(&sql::DELETE_LOGS, [key.0])?;
        Ok(())
    }
}

//! Retention: finished jobs past their time go with their attempts and logs, a few at a time.

use super::SqliteStore;
use crate::error::Result;
use crate::statements as sql;
use crate::store::{LogPlace, PruneBefore};
use rusqlite::params;
use workaday_core::clock::Timestamp;
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

    /// One step of a walk through all lines: a job that is retried for weeks has old ones, too.
    pub(super) fn prune_lines(&self, before: Timestamp, after: LogPlace, limit: usize) -> Result<(usize, Option<LogPlace>)> {
        let LogPlace(job, fence, seq) = after;
        let link = self.link.writing()?;
        let found: Vec<LogPlace> =
            link.list(&sql::LOG_AFTER, params![job, fence, seq, limit as i64], |row| Ok(LogPlace(row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let next = found.first().copied();
        let last = next.unwrap_or(LogPlace(i64::MAX, i64::MAX, i64::MAX));
        let pruned = link.execute(&sql::PRUNE_LOGS, params![job, fence, seq, last.0, last.1, last.2, before.0])?;
        Ok((pruned, next))
    }

    pub(super) fn delete_history(&self, key: JobKey) -> Result<()> {
        self.link.execute(&sql::DELETE_ATTEMPTS, [key.0])?;
        self.link.execute(&sql::DELETE_LOGS, [key.0])?;
        Ok(())
    }
}

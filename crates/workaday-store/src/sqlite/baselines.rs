//! Baselines: stretches of time that later ones are compared with.

use super::SqliteStore;
use super::read::{BaselineRow, Reader, bounded};
use crate::error::Result;
use crate::statements as sql;
use rusqlite::{Row, params};
use workaday_core::clock::Timestamp;

impl SqliteStore {
    /// `false`: the name is taken, and nothing was written.
    pub fn put_baseline(&mut self, row: &BaselineRow) -> Result<bool> {
        let values = params![row.name, row.since.0, row.before.0, row.captured_at.0, row.release, row.noticed];
        Ok(self.link.writing()?.execute(&sql::PUT_BASELINE, values)? > 0)
    }

    /// `false`: there is none of this name.
    pub fn remove_baseline(&mut self, name: &str) -> Result<bool> {
        Ok(self.link.writing()?.execute(&sql::REMOVE_BASELINE, params![name])? > 0)
    }
}

impl Reader {
    /// The newest first, at most 1,000.
    pub fn baselines(&self, limit: usize) -> Result<Vec<BaselineRow>> {
        self.link.list(&sql::BASELINES, params![None::<&str>, bounded(limit)], baseline)
    }

    pub fn baseline(&self, name: &str) -> Result<Option<BaselineRow>> {
        self.link.first(&sql::BASELINES, params![name, 1], baseline)
    }
}

fn baseline(row: &Row<'_>) -> rusqlite::Result<BaselineRow> {
    Ok(BaselineRow {
        name: row.get(0)?,
        since: Timestamp(row.get(1)?),
        before: Timestamp(row.get(2)?),
        captured_at: Timestamp(row.get(3)?),
        release: row.get(4)?,
        noticed: row.get(5)?,
    })
}

//! What was sent to whom, for `workaday alert deliveries` and the pages.

use super::super::notices;
use super::{Reader, bounded};
use crate::error::Result;
use crate::notices::{NoticeRow, PingRow};
use crate::statements as sql;
use rusqlite::params;

impl Reader {
    /// The newest first; the next page with `before` = the last key. `failing`: only those with an error.
    pub fn notices(&self, failing: bool, before: Option<i64>, limit: usize) -> Result<Vec<NoticeRow>> {
        self.link.list(&sql::ALL_NOTICES, params![before.unwrap_or(i64::MAX), failing, bounded(limit)], notices::notice)
    }

    /// The newest first; the next page with `before` = the last key. `failing`: only those with an error.
    pub fn pings(&self, failing: bool, before: Option<i64>, limit: usize) -> Result<Vec<PingRow>> {
        self.link.list(&sql::ALL_PINGS, params![before.unwrap_or(i64::MAX), failing, bounded(limit)], notices::ping)
    }
}

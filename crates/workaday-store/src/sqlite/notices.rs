//! What the courier asks: which alerts are news, which notices and pings are due, what became of them.

use super::read::AlertRow;
use super::{SqliteStore, rows};
use crate::error::Result;
use crate::notices::{AlertNews, Delivery, Gathered, NoticeKind, NoticeRow, PingKind, PingRow};
use crate::statements as sql;
use crate::store::ByHand;
use rusqlite::{Row, params};
use workaday_core::clock::Timestamp;
use workaday_core::job::{Fence, JobKey};

/// Columns as in `one_alert.sql`.
pub(super) fn alert(row: &Row<'_>) -> rusqlite::Result<AlertRow> {
    Ok(AlertRow {
        key: row.get(0)?,
        code: row.get(1)?,
        subject: row.get(2)?,
        message: row.get(3)?,
        count: row.get(4)?,
        first_at: rows::instant(row, 5)?,
        last_at: rows::instant(row, 6)?,
        closed_at: rows::optional_instant(row, 7)?,
    })
}

/// Columns as in `due_notices.sql`.
pub(super) fn notice(row: &Row<'_>) -> rusqlite::Result<NoticeRow> {
    Ok(NoticeRow {
        key: row.get(0)?,
        id: rows::id(row, 1)?.0,
        route: row.get(2)?,
        kind: rows::word(row, 3)?,
        code: row.get(4)?,
        matter: row.get(5)?,
        alert: row.get(6)?,
        count: row.get(7)?,
        first_at: rows::instant(row, 8)?,
        last_at: rows::instant(row, 9)?,
        state: rows::word(row, 10)?,
        tries: row.get(11)?,
        next_at: rows::instant(row, 12)?,
        body: row.get(13)?,
        last_error: row.get(14)?,
        created_at: rows::instant(row, 15)?,
        ended_at: rows::optional_instant(row, 16)?,
    })
}

/// Columns as in `due_pings.sql`.
pub(super) fn ping(row: &Row<'_>) -> rusqlite::Result<PingRow> {
    Ok(PingRow {
        key: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        kind: rows::word(row, 3)?,
        job: JobKey(row.get(4)?),
        job_id: rows::id(row, 5)?,
        at: rows::instant(row, 6)?,
        state: rows::word(row, 7)?,
        tries: row.get(8)?,
        next_at: rows::instant(row, 9)?,
        last_error: row.get(10)?,
        ended_at: rows::optional_instant(row, 11)?,
    })
}

impl SqliteStore {
    /// Closes one alert, with a line in the audit; false when it is closed already or was never there.
    pub fn close_alert_by_hand(&self, key: i64, by: &ByHand, now: Timestamp) -> Result<bool> {
        let closed = self.link.writing()?.execute(&sql::CLOSE_ALERT_BY_KEY, params![now.0, key])? == 1;
        if closed {
            self.audit(by, "close", &format!("alert {key}"), None, now)?;
        }
        Ok(closed)
    }

    pub fn alert_is_open(&self, code: &str, subject: &str) -> Result<bool> {
        Ok(self.link.first(&sql::ALERT_IS_OPEN, [code, subject], |row| row.get(0))?.unwrap_or(false))
    }

    pub fn alert_news(&self, limit: usize) -> Result<Vec<AlertNews>> {
        self.link.list(&sql::ALERT_NEWS, [limit as i64], |row| Ok(AlertNews { alert: alert(row)?, told: row.get(8)? }))
    }

    pub fn alert_told(&self, key: i64) -> Result<()> {
        self.link.writing()?.execute(&sql::ALERT_TOLD, [key]).map(drop)
    }

    pub fn one_alert(&self, key: i64) -> Result<Option<AlertRow>> {
        self.link.first(&sql::ONE_ALERT, [key], alert)
    }

    pub fn gather_notice(&self, given: &Gathered<'_>, now: Timestamp) -> Result<()> {
        let parameters = params![
            given.id.as_bytes(),
            given.route,
            given.kind.as_str(),
            given.code,
            given.matter,
            given.alert,
            given.count,
            given.first_at.0,
            given.last_at.0,
            given.next_at.0,
            now.0
        ];
        self.link.writing()?.execute(&sql::GATHER_NOTICE, parameters).map(drop)
    }

    /// The last notice of a matter that went out, or is going out, and when.
    pub fn last_notice(&self, route: &str, code: &str, matter: &str) -> Result<Option<(NoticeKind, Timestamp)>> {
        self.link.first(&sql::LAST_NOTICE, [route, code, matter], |row| Ok((rows::word(row, 0)?, rows::instant(row, 1)?)))
    }

    pub fn drop_gathering(&self, route: &str, code: &str, matter: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::DROP_GATHERING, params![now.0, route, code, matter]).map(drop)
    }

    pub fn due_notices(&self, now: Timestamp, limit: usize) -> Result<Vec<NoticeRow>> {
        self.link.list(&sql::DUE_NOTICES, params![now.0, limit as i64], notice)
    }

    /// When the next notice or ping wants to go out.
    pub fn next_notice(&self) -> Result<Option<Timestamp>> {
        Ok(self.link.first(&sql::NEXT_NOTICE, [], |row| rows::optional_instant(row, 0))?.flatten())
    }

    pub fn freeze_notice(&self, key: i64, body: &str) -> Result<()> {
        self.link.writing()?.execute(&sql::FREEZE_NOTICE, params![body, key]).map(drop)
    }

    pub fn end_notice(&self, key: i64, state: Delivery, tried: bool, error: Option<&str>, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::END_NOTICE, params![state.as_str(), tried, error, now.0, key]).map(drop)
    }

    pub fn delay_notice(&self, key: i64, tried: bool, error: Option<&str>, next_at: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::DELAY_NOTICE, params![tried, error, next_at.0, key]).map(drop)
    }

    /// How many notices of a route went out since then, and when the first of them did.
    pub fn sent_since(&self, route: &str, since: Timestamp) -> Result<(i64, Option<Timestamp>)> {
        let found = self.link.first(&sql::SENT_SINCE, params![since.0, route], |row| Ok((row.get(0)?, rows::optional_instant(row, 1)?)))?;
        Ok(found.unwrap_or((0, None)))
    }

    /// Forgets at most `limit` notices and as many pings that ended before then.
    pub fn prune_notices(&self, before: Timestamp, limit: usize) -> Result<usize> {
        let parameters = params![before.0, limit as i64];
        let notices = self.link.writing()?.execute(&sql::PRUNE_NOTICES, parameters)?;
        Ok(notices + self.link.execute(&sql::PRUNE_PINGS, parameters)?)
    }

    /// Writes the ping of a running job, when its schedule or command names a receiver.
    pub(super) fn write_ping(&self, kind: PingKind, key: JobKey, fence: Fence, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::NOTE_PING, params![kind.as_str(), now.0, key.0, fence.0]).map(drop)
    }

    pub fn due_pings(&self, now: Timestamp, limit: usize) -> Result<Vec<PingRow>> {
        self.link.list(&sql::DUE_PINGS, params![now.0, limit as i64], ping)
    }

    pub fn end_ping(&self, key: i64, state: Delivery, error: Option<&str>, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::END_PING, params![state.as_str(), error, now.0, key]).map(drop)
    }

    pub fn delay_ping(&self, key: i64, error: &str, next_at: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::DELAY_PING, params![error, next_at.0, key]).map(drop)
    }
}

//! Tasks, holds, workers, alerts, audit: short tables, read whole or newest first.

use super::super::{notices, rows};
use super::types::{AlertRow, AuditRow, HoldRow, TaskRow, WorkerStatus};
use super::{LIST_MAX, Reader, bounded};
use crate::error::Result;
use crate::statements as sql;
use rusqlite::{Row, params};
use workaday_core::clock::Timestamp;
use workaday_core::job::Generation;

impl Reader {
    /// Every task ever stated, with those absent now.
    pub fn tasks(&self) -> Result<Vec<TaskRow>> {
        self.link.list(&sql::ALL_TASKS, [], |row| {
            Ok(TaskRow {
                name: row.get(0)?,
                queue: row.get(1)?,
                lane: rows::word(row, 2)?,
                entry: row.get(3)?,
                release: row.get(4)?,
                present: row.get(5)?,
                updated_at: rows::instant(row, 6)?,
            })
        })
    }

    /// Switch-offs, the newest first; also those whose `until` has passed.
    pub fn holds(&self, with_released: bool) -> Result<Vec<HoldRow>> {
        self.link.list(&sql::ALL_HOLDS, params![with_released, LIST_MAX as i64], |row| {
            Ok(HoldRow { rule: rows::hold(row)?, created_at: rows::instant(row, 7)?, released_at: rows::optional_instant(row, 8)? })
        })
    }

    pub fn workers(&self, with_ended: bool, limit: usize) -> Result<Vec<WorkerStatus>> {
        self.link.list(&sql::ALL_WORKERS, params![with_ended, bounded(limit)], worker)
    }

    /// Processes that ended since, the newest first.
    pub fn worker_ends(&self, since: Timestamp, limit: usize) -> Result<Vec<WorkerStatus>> {
        self.link.list(&sql::WORKER_ENDS, params![since.0, bounded(limit)], worker)
    }

    /// The newest first; the next page with `before` = the last key.
    pub fn alerts(&self, with_closed: bool, before: Option<i64>, limit: usize) -> Result<Vec<AlertRow>> {
        self.link.list(&sql::ALL_ALERTS, params![before.unwrap_or(i64::MAX), with_closed, bounded(limit)], notices::alert)
    }

    /// The newest first; the next page with `before` = the last key.
    pub fn audit(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditRow>> {
        self.link.list(&sql::AUDIT_TRAIL, params![before.unwrap_or(i64::MAX), bounded(limit)], |row| {
            Ok(AuditRow {
                key: row.get(0)?,
                at: rows::instant(row, 1)?,
                who: row.get(2)?,
                action: row.get(3)?,
                target: row.get(4)?,
                why: row.get(5)?,
                detail: row.get(6)?,
            })
        })
    }
}

fn worker(row: &Row<'_>) -> rusqlite::Result<WorkerStatus> {
    Ok(WorkerStatus {
        worker: row.get(0)?,
        generation: Generation(row.get(1)?),
        kind: row.get(2)?,
        pid: row.get(3)?,
        boot_id: row.get(4)?,
        process_started_at: row.get(5)?,
        release: row.get(6)?,
        started_at: rows::instant(row, 7)?,
        seen_at: rows::instant(row, 8)?,
        ended_at: rows::optional_instant(row, 9)?,
        end_cause: row.get(10)?,
        info: row.get(11)?,
    })
}

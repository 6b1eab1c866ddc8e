//! Outcomes: the claim's row, its evidence, and where the job goes. A stale claim changes nothing.

use super::{SqliteStore, rows};
use crate::crash_point;
use crate::error::Result;
use crate::notices::PingKind;
use crate::statements as sql;
use crate::store::{AttemptRecord, LogLine, RunningRow, Settlement};
use rusqlite::{Row, params};
use workaday_core::clock::{Clock, SystemClock, Timestamp};
use workaday_core::fingerprint::fingerprint;
use workaday_core::job::{Fence, Generation, HeldCode, JobKey, Lane};
use workaday_core::lifecycle::Next;

/// A running job's whole row: what a settlement moves into history.
pub(super) struct WholeRow {
    running: RunningRow,
    queue: String,
    priority: i32,
    run_at: Timestamp,
    args: String,
    unique_key: Option<String>,
    unique_while: Option<String>,
    tags: Option<String>,
    rerun_of: Option<[u8; 16]>,
    enqueued_release: Option<String>,
    cancel_reason: Option<String>,
    created_at: Timestamp,
    schedule: Option<String>,
    tick: Option<String>,
}

/// Columns as in `running_job.sql`.
fn whole(row: &Row<'_>) -> rusqlite::Result<WholeRow> {
    Ok(WholeRow {
        running: rows::running(row)?,
        queue: row.get(13)?,
        priority: row.get(14)?,
        run_at: rows::instant(row, 15)?,
        args: row.get(16)?,
        unique_key: row.get(17)?,
        unique_while: row.get(18)?,
        tags: row.get(19)?,
        rerun_of: row.get(20)?,
        enqueued_release: row.get(21)?,
        cancel_reason: row.get(22)?,
        created_at: rows::instant(row, 23)?,
        schedule: row.get(24)?,
        tick: row.get(25)?,
    })
}

impl SqliteStore {
    /// Remembers the row for the settlement that follows in the same transaction, so that it is read once.
    pub(super) fn running_row(&mut self, key: JobKey, fence: Fence) -> Result<Option<RunningRow>> {
        let (found, strange) = self.sorted(&sql::RUNNING_JOB, params![key.0, fence.0], whole, rows::key)?;
        self.jobs_aside(strange, SystemClock.now())?;
        let found = found.into_iter().next();
        let running = found.as_ref().map(|row| row.running.clone());
        self.row_read = found.filter(|_| self.link.in_transaction());
        Ok(running)
    }

    pub(super) fn running_rows(&self, generation: Generation, limit: usize) -> Result<Vec<RunningRow>> {
        let parameters = params![generation.0, i64::try_from(limit).unwrap_or(i64::MAX)];
        let (found, strange) = self.sorted(&sql::RUNNING_BEFORE, parameters, rows::running, rows::key)?;
        self.jobs_aside(strange, SystemClock.now())?;
        Ok(found)
    }

    /// The row moves on first: that is where a stale claim shows. Then its evidence.
    pub(super) fn write_settlement(&mut self, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        self.link.writing()?;
        let error = self.error_of(settlement)?;
        self.ping_settled(settlement, now)?;
        let settled = match settlement.settled.next {
            Next::Completed | Next::Cancelled => self.finish(settlement, settlement.reason, now)?,
            Next::Discarded { reason } => self.finish(settlement, settlement.reason.or(reason), now)?,
            Next::Retryable { run_at } | Next::Scheduled { run_at } => self.give_back(settlement, Some(run_at))?,
            Next::Available => self.give_back(settlement, None)?,
        };
        crash_point!("settle.before_record");
        if settled && let Some(record) = settlement.attempt {
            self.record_attempt(settlement, record, now)?;
            if let Some(fingerprint) = error {
                self.link.execute(&sql::MARK_ERROR, params![fingerprint, settlement.key.0, settlement.fence.0])?;
            }
        }
        Ok(settled)
    }

    /// Which error a failed attempt was; asked before the row moves on, since its task is part of the answer.
    fn error_of(&self, settlement: &Settlement<'_>) -> Result<Option<String>> {
        let Some(record) = settlement.attempt.filter(|record| record.error.is_some() || record.cause.is_some()) else { return Ok(None) };
        let is_own = |row: &&WholeRow| row.running.key == settlement.key && row.running.fence == settlement.fence;
        let task = match self.row_read.as_ref().filter(is_own) {
            Some(row) => Some(row.running.task.clone()),
            None => self.link.first(&sql::RUNNING_JOB, params![settlement.key.0, settlement.fence.0], whole)?.map(|row| row.running.task),
        };
        Ok(task.and_then(|task| fingerprint(&task, settlement.settled.outcome, record.error.as_deref(), record.cause.as_deref())))
    }

    /// Its receiver outside hears how it ended: while the row is still there, and only from the claim that settles it.
    fn ping_settled(&self, settlement: &Settlement<'_>, now: Timestamp) -> Result<()> {
        let may_ping = |row: &WholeRow| row.schedule.is_some() || row.running.lane == Lane::Command;
        if self.row_read.as_ref().filter(|row| row.running.key == settlement.key).is_some_and(|row| !may_ping(row)) {
            return Ok(());
        }
        let kind = match (settlement.settled.next, settlement.settled.held) {
            (Next::Completed, _) => PingKind::Success,
            (Next::Discarded { .. } | Next::Cancelled, _) | (_, Some(HeldCode::Quarantine)) => PingKind::Fail,
            _ => return Ok(()), // it goes on: not yet known
        };
        self.write_ping(kind, settlement.key, settlement.fence, now)
    }

    fn record_attempt(&self, settlement: &Settlement<'_>, record: &AttemptRecord, now: Timestamp) -> Result<()> {
        let settled = &settlement.settled;
        let parameters = params![
            settlement.key.0,
            settlement.fence.0,
            settled.attempt_ended(),
            settled.outcome.as_str(),
            settlement.claimed_at.0,
            record.started_at.map(|at| at.0),
            now.0,
            record.waited_us,
            record.ran_us,
            record.cpu_us,
            record.memory_peak_kib,
            record.error,
            record.cause,
            record.child,
            record.release,
            record.log_lines,
            record.log_dropped_bytes,
            record.evidence,
            record.unexpected,
        ];
        self.link.execute(&sql::RECORD_ATTEMPT, parameters).map(|_| ())
    }

    fn finish(&mut self, settlement: &Settlement<'_>, reason: Option<&str>, now: Timestamp) -> Result<bool> {
        let read = self.row_read.take().filter(|row| row.running.key == settlement.key && row.running.fence == settlement.fence);
        let row = match read {
            Some(row) => row,
            None => match self.link.first(&sql::RUNNING_JOB, params![settlement.key.0, settlement.fence.0], whole)? {
                Some(row) => row,
                None => return Ok(false),
            },
        };
        if self.link.execute(&sql::DELETE_RUNNING, params![settlement.key.0, settlement.fence.0])? == 0 {
            return Ok(false);
        }
        crash_point!("settle.row_moved");
        let settled = &settlement.settled;
        let reason = match settled.next {
            // Whoever asks later why it was cancelled should not have to guess who wanted it.
            Next::Cancelled if row.running.cancel_requested => Some("by_hand"),
            Next::Cancelled => reason.or(Some("by_task")),
            _ => reason,
        };
        let parameters = params![
            settlement.key.0,
            row.running.id.0.as_bytes(),
            row.running.task,
            row.queue,
            row.priority,
            row.running.lane.as_str(),
            settled.next.state().as_str(),
            reason,
            row.run_at.0,
            row.args,
            settlement.result,
            settled.counts.attempt,
            row.running.attempt_extra,
            settlement.fence.0,
            row.unique_key,
            row.unique_while,
            row.tags,
            row.rerun_of,
            row.enqueued_release,
            row.cancel_reason,
            row.created_at.0,
            now.0,
            row.schedule,
            row.tick,
        ];
        self.link.execute(&sql::FINISH_JOB, parameters).map(|_| true)
    }

    fn give_back(&self, settlement: &Settlement<'_>, run_at: Option<Timestamp>) -> Result<bool> {
        let settled = &settlement.settled;
        let changed = self.link.execute(
            &sql::RETURN_JOB,
            params![
                settled.next.state().as_str(),
                run_at.map(|at| at.0),
                settled.counts.attempt,
                settled.counts.crash,
                settled.counts.suspect,
                settled.counts.rescue,
                settlement.lane.as_str(),
                settled.held.map(|code| code.as_str()),
                settlement.key.0,
                settlement.fence.0,
            ],
        )?;
        crash_point!("settle.given_back");
        Ok(changed == 1)
    }

    pub(super) fn write_logs(&self, lines: &[LogLine]) -> Result<()> {
        self.link.writing()?;
        for line in lines {
            self.link.execute(
                &sql::APPEND_LOG,
                params![line.job.0, line.fence.0, line.seq, line.at.0, line.stream, line.level, line.logger, line.text],
            )?;
        }
        Ok(())
    }
}

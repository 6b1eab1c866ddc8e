//! Outcomes: the claim's row, its evidence, and where the job goes. A stale claim changes nothing.

use super::{SqliteStore, rows};
use crate::error::Result;
use crate::statements as sql;
use crate::store::{AttemptRecord, LogLine, RunningRow, Settlement};
use rusqlite::params;
use workaday_core::clock::Timestamp;
use workaday_core::job::{Fence, JobKey};
use workaday_core::lifecycle::Next;

impl SqliteStore {
    pub(super) fn running_row(&self, key: JobKey, fence: Fence) -> Result<Option<RunningRow>> {
        self.link.first(&sql::RUNNING_JOB, params![key.0, fence.0], rows::running)
    }

    /// The row moves on first: that is where a stale claim shows. Then its evidence.
    pub(super) fn write_settlement(&self, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        self.link.writing()?;
        let settled = match settlement.settled.next {
            Next::Completed | Next::Cancelled => self.finish(settlement, settlement.reason, now)?,
            Next::Discarded { reason } => self.finish(settlement, settlement.reason.or(reason), now)?,
            Next::Retryable { run_at } | Next::Scheduled { run_at } => self.give_back(settlement, Some(run_at))?,
            Next::Available => self.give_back(settlement, None)?,
        };
        if settled && let Some(record) = settlement.attempt {
            self.record_attempt(settlement, record, now)?;
        }
        Ok(settled)
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
        ];
        self.link.execute(&sql::RECORD_ATTEMPT, parameters).map(|_| ())
    }

    fn finish(&self, settlement: &Settlement<'_>, reason: Option<&str>, now: Timestamp) -> Result<bool> {
        let settled = &settlement.settled;
        let parameters = params![
            settled.next.state().as_str(),
            reason,
            settlement.result,
            settled.counts.attempt,
            now.0,
            settlement.key.0,
            settlement.fence.0
        ];
        if self.link.execute(&sql::FINISH_JOB, parameters)? == 0 {
            return Ok(false);
        }
        self.link.execute(&sql::DELETE_JOB, [settlement.key.0])?;
        Ok(true)
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

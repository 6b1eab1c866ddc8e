//! Schedules, their cursor, and the ledger of ticks. A tick and its job are written in one transaction, or neither.

use super::{SqliteStore, rows};
use crate::crash_point;
use crate::error::Result;
use crate::schedules::{ScheduleRow, ScheduledJob, TickJob, TickRow, Watched};
use crate::statements as sql;
use crate::store::{ByHand, Enqueued};
use rusqlite::{Row, params};
use workaday_core::clock::{Clock, SystemClock, Timestamp};
use workaday_core::job::State;
use workaday_core::schedule::Learned;

/// Columns as in `one_schedule.sql`, `all_schedules.sql` and `due_schedules.sql`.
pub(super) fn schedule(row: &Row<'_>) -> rusqlite::Result<ScheduleRow> {
    Ok(ScheduleRow {
        name: row.get(0)?,
        task: row.get(1)?,
        declared: row.get(2)?,
        source: rows::word(row, 3)?,
        state: rows::word(row, 4)?,
        broken_reason: row.get(5)?,
        anchor: rows::instant(row, 6)?,
        cursor: rows::instant(row, 7)?,
        next_at: rows::optional_instant(row, 8)?,
        skips: row.get(9)?,
        paused_at: rows::optional_instant(row, 10)?,
        paused_until: rows::optional_instant(row, 11)?,
        pause_note: row.get(12)?,
        owner: row.get(13)?,
        reason: row.get(14)?,
        created_at: rows::instant(row, 15)?,
        updated_at: rows::instant(row, 16)?,
        learned: Learned::read(&row.get::<_, String>(17)?, row.get(18)?),
    })
}

/// Columns as in `watched_ticks.sql`.
fn watched(row: &Row<'_>) -> rusqlite::Result<Watched> {
    let fence = row.get::<_, Option<i64>>(5)?.or(row.get(7)?);
    Ok(Watched {
        schedule: row.get(0)?,
        at: rows::instant(row, 1)?,
        job: rows::id(row, 2)?,
        start_by: rows::optional_instant(row, 3)?,
        finish_by: rows::optional_instant(row, 4)?,
        // A row that is gone was deleted by hand or pruned: nobody waits for it.
        started: fence.is_none_or(|fence| fence > 0),
        finished_at: rows::optional_instant(row, 8)?,
    })
}

impl SqliteStore {
    pub(super) fn list_schedules(&self) -> Result<Vec<ScheduleRow>> {
        let (found, strange) = self.sorted(&sql::ALL_SCHEDULES, [], schedule, |row| row.get(0))?;
        self.schedules_aside(strange, SystemClock.now())?;
        Ok(found)
    }

    pub(super) fn find_schedule(&self, name: &str) -> Result<Option<ScheduleRow>> {
        self.link.first(&sql::ONE_SCHEDULE, [name], schedule)
    }

    pub(super) fn list_due_schedules(&self, now: Timestamp, limit: usize) -> Result<Vec<ScheduleRow>> {
        let (found, strange) = self.sorted(&sql::DUE_SCHEDULES, params![now.0, limit as i64], schedule, |row| row.get(0))?;
        self.schedules_aside(strange, now)?;
        Ok(found)
    }

    /// When a schedule, or the job of a tick, is to be looked at next.
    pub(super) fn next_tick_at(&self) -> Result<Option<Timestamp>> {
        let schedule = self.link.first(&sql::NEXT_SCHEDULE, [], |row| rows::instant(row, 0))?;
        let watch = self.link.first(&sql::NEXT_WATCH, [], |row| rows::optional_instant(row, 0))?.flatten();
        Ok(schedule.into_iter().chain(watch).min())
    }

    pub(super) fn queued_ticks(&self) -> Result<bool> {
        Ok(self.link.first(&sql::QUEUED_TICKS, [], |_| Ok(()))?.is_some())
    }

    pub(super) fn releasable_ticks(&self) -> Result<bool> {
        Ok(self.link.first(&sql::RELEASABLE_TICKS, [], |_| Ok(()))?.is_some())
    }

    pub(super) fn write_schedule(&self, row: &ScheduleRow, now: Timestamp) -> Result<()> {
        let parameters = params![
            row.name,
            row.task,
            row.declared,
            row.source.as_str(),
            row.state.as_str(),
            row.broken_reason,
            row.anchor.0,
            row.cursor.0,
            row.next_at.map(|at| at.0),
            row.owner,
            row.reason,
            now.0,
        ];
        self.link.writing()?.execute(&sql::PUT_SCHEDULE, parameters).map(|_| ())
    }

    pub(super) fn unfinished_of_schedule(&self, name: &str, limit: usize) -> Result<Vec<ScheduledJob>> {
        let read = |row: &Row<'_>| Ok(ScheduledJob { key: rows::key(row)?, id: rows::id(row, 1)?, state: rows::word::<State>(row, 2)? });
        let (found, strange) = self.sorted(&sql::JOBS_OF_SCHEDULE, params![name, limit as i64], read, rows::key)?;
        self.jobs_aside(strange, SystemClock.now())?;
        Ok(found)
    }

    pub(super) fn record_tick(&self, tick: &TickRow, now: Timestamp) -> Result<()> {
        let job = tick.job.map(|id| id.0);
        let parameters = params![
            tick.schedule,
            tick.at.0,
            tick.until.0,
            i64::try_from(tick.count).unwrap_or(i64::MAX),
            tick.reason.map(|reason| reason.as_str()),
            job.as_ref().map(uuid::Uuid::as_bytes),
            tick.late,
            tick.nominal,
            tick.offset_seconds,
            tick.merged,
            now.0,
            tick.start_by.map(|at| at.0),
            tick.finish_by.map(|at| at.0),
        ];
        self.link.writing()?.execute(&sql::WRITE_TICK, parameters)?;
        crash_point!("tick.written");
        Ok(())
    }

    pub(super) fn insert_tick_job(&self, job: &TickJob, now: Timestamp) -> Result<Enqueued> {
        let parameters = params![
            job.id.0.as_bytes(),
            job.task,
            job.queue,
            job.priority,
            job.lane.as_str(),
            job.waits,
            job.run_at.0,
            now.0,
            job.args,
            job.schedule,
            job.tick,
        ];
        let changed = self.link.writing()?.execute(&sql::INSERT_TICK_JOB, parameters)?;
        crash_point!("tick.job_written");
        Ok(if changed == 1 { Enqueued::Stored } else { Enqueued::Known })
    }

    pub(super) fn list_watched(&self, now: Timestamp, limit: usize) -> Result<Vec<Watched>> {
        let known_by = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
        let (found, strange) = self.sorted(&sql::WATCHED_TICKS, params![now.0, limit as i64], watched, known_by)?;
        self.ticks_aside(strange, now)?;
        Ok(found)
    }

    /// `false`: the name belongs to a schedule that stands.
    pub(super) fn add_by_hand(&self, row: &ScheduleRow, by: &ByHand, now: Timestamp) -> Result<bool> {
        let parameters = params![row.name, row.task, row.declared, now.0, row.owner, row.reason];
        if self.link.writing()?.execute(&sql::ADD_SCHEDULE, parameters)? == 0 {
            return Ok(false);
        }
        self.audit(by, "add", &format!("schedule {}", row.name), Some(&row.declared), now).map(|()| true)
    }

    /// `false`: there is no dynamic schedule of this name.
    pub(super) fn remove_by_hand(&self, name: &str, by: &ByHand, now: Timestamp) -> Result<bool> {
        if self.link.writing()?.execute(&sql::REMOVE_SCHEDULE, params![now.0, name])? == 0 {
            return Ok(false);
        }
        self.audit(by, "remove", &format!("schedule {name}"), None, now).map(|()| true)
    }

    pub(super) fn pause_by_hand(&self, name: &str, until: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::PAUSE_SCHEDULE, params![now.0, until.map(|at| at.0), by.why, name])?;
        let detail = serde_json::json!({"until": until});
        self.audit(by, "pause", &format!("schedule {name}"), Some(&detail.to_string()), now)
    }

    pub(super) fn resume_by_hand(
        &self,
        name: &str,
        cursor: Timestamp,
        next_at: Option<Timestamp>,
        by: &ByHand,
        now: Timestamp,
    ) -> Result<()> {
        self.link.writing()?.execute(&sql::RESUME_SCHEDULE, params![cursor.0, next_at.map(|at| at.0), now.0, name])?;
        self.audit(by, "resume", &format!("schedule {name}"), None, now)
    }
}

//! Schedules and the ledger of their ticks, for the faces.

use super::super::{rows, schedules};
use super::{Reader, bounded};
use crate::error::Result;
use crate::schedules::{SCHEDULER_TURN, ScheduleHealth, ScheduleRow, TickRow, TickSeen};
use crate::statements as sql;
use rusqlite::{Row, params};
use workaday_core::clock::Timestamp;

/// Columns as in `ticks_of.sql` and `tick_at.sql`.
fn tick(schedule: &str, row: &Row<'_>) -> rusqlite::Result<TickSeen> {
    let at = rows::instant(row, 0)?;
    Ok(TickSeen {
        tick: TickRow {
            schedule: schedule.to_owned(),
            at,
            until: rows::instant(row, 1)?,
            count: row.get::<_, i64>(2)?.max(0) as u64,
            reason: rows::optional_word(row, 3)?,
            job: rows::optional_id(row, 4)?,
            late: row.get(5)?,
            nominal: row.get(6)?,
            offset_seconds: row.get(7)?,
            merged: row.get(8)?,
            start_by: None,
            finish_by: None,
        },
        decided_at: rows::instant(row, 9)?,
        job_state: rows::optional_word(row, 10)?,
    })
}

impl Reader {
    pub fn schedules(&self) -> Result<Vec<ScheduleRow>> {
        self.link.list(&sql::ALL_SCHEDULES, [], schedules::schedule)
    }

    pub fn schedule(&self, name: &str) -> Result<Option<ScheduleRow>> {
        self.link.first(&sql::ONE_SCHEDULE, [name], schedules::schedule)
    }

    /// Does somebody decide ticks, and in time? For `/health`, `/metrics` and `status`.
    pub fn schedule_health(&self, now: Timestamp) -> Result<ScheduleHealth> {
        let read = |row: &Row<'_>| {
            Ok(ScheduleHealth {
                on: row.get(0)?,
                paused: row.get(1)?,
                done: row.get(2)?,
                absent: row.get(3)?,
                broken: row.get(4)?,
                next_at: rows::optional_instant(row, 5)?,
                oldest_due_at: None,
                last_turn_at: None,
            })
        };
        let mut health = self.link.first(&sql::SCHEDULE_COUNTS, [], read)?.unwrap_or_default();
        health.oldest_due_at = health.next_at.filter(|at| *at <= now);
        let turn: Option<String> = self.link.first(&sql::GET_META, [SCHEDULER_TURN], |row| row.get(0))?;
        health.last_turn_at = turn.and_then(|at| at.parse().ok()).map(Timestamp);
        Ok(health)
    }

    /// The newest first; the next page with `before` = the instant of the last.
    pub fn ticks(&self, schedule: &str, before: Option<Timestamp>, limit: usize) -> Result<Vec<TickSeen>> {
        let before = before.map_or(i64::MAX, |at| at.0);
        self.link.list(&sql::TICKS_OF, params![schedule, before, bounded(limit)], |row| tick(schedule, row))
    }

    /// What was decided of one instant; `None`: nothing yet.
    pub fn tick_at(&self, schedule: &str, at: Timestamp) -> Result<Option<TickSeen>> {
        self.link.first(&sql::TICK_AT, params![schedule, at.0], |row| tick(schedule, row))
    }
}

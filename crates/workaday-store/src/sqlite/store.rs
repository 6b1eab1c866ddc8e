//! The Store trait, method by method; each answer lives in the file of its idea.

use super::SqliteStore;
use crate::crash_point;
use crate::error::Result;
use crate::schedules::{ScheduleRow, ScheduledJob, TickJob, TickRow, Watched};
use crate::statements as sql;
use crate::store::{
    Act, ByHand, Candidate, Durability, Enqueued, Leftover, LogLine, LogPlace, NewJob, Peek, PruneBefore, RunningRow, Settlement, Store,
    WorkerRow,
};
use rusqlite::params;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_core::job::{Fence, Generation, HeldCode, JobId, JobKey, Lane};
use workaday_core::measure::{Figures, Series};
use workaday_core::schedule::Learned;

impl Store for SqliteStore {
    // -- transactions ------------------------------------------------------------------------------------------------
    fn begin(&mut self, durability: Durability) -> Result<()> {
        self.begin_write(durability)
    }
    fn commit(&mut self) -> Result<()> {
        self.commit_write()
    }
    fn rollback(&mut self) {
        self.rollback_write();
    }

    // -- looks without the write lock --------------------------------------------------------------------------------
    fn changed(&mut self) -> Result<bool> {
        self.data_version_changed()
    }
    fn peek(&mut self, now: Timestamp) -> Result<Peek> {
        self.look(now)
    }

    // -- enqueue and claim -------------------------------------------------------------------------------------------
    fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        self.insert(job, now)
    }
    fn claimable(&mut self, lane: Lane, queue: &str, now: Timestamp, limit: usize) -> Result<Vec<Candidate>> {
        self.candidates(lane, queue, now, limit)
    }
    fn claim(&mut self, key: JobKey, generation: Generation, worker: Option<i64>, now: Timestamp) -> Result<Option<Fence>> {
        self.claim_one(key, generation, worker, now)
    }
    fn ping_started(&mut self, key: JobKey, fence: Fence, now: Timestamp) -> Result<()> {
        self.write_ping(crate::notices::PingKind::Start, key, fence, now)
    }
    fn set_lane(&mut self, key: JobKey, lane: Lane) -> Result<()> {
        self.link.writing()?.execute(&sql::SET_LANE, params![lane.as_str(), key.0]).map(|_| ())
    }

    // -- settle ------------------------------------------------------------------------------------------------------
    fn running(&mut self, key: JobKey, fence: Fence) -> Result<Option<RunningRow>> {
        self.running_row(key, fence)
    }
    fn settle(&mut self, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        self.write_settlement(settlement, now)
    }
    fn running_before(&mut self, generation: Generation, limit: usize) -> Result<Vec<RunningRow>> {
        self.running_rows(generation, limit)
    }
    fn cancelling(&mut self, limit: usize) -> Result<Vec<(JobKey, Fence)>> {
        self.link.list(&sql::CANCELLING_JOBS, [limit as i64], |row| Ok((JobKey(row.get(0)?), Fence(row.get(1)?))))
    }
    fn append_logs(&mut self, lines: &[LogLine]) -> Result<()> {
        self.write_logs(lines)
    }
    fn set_progress(&mut self, key: JobKey, fence: Fence, progress: f64, note: Option<&str>) -> Result<bool> {
        Ok(self.link.writing()?.execute(&sql::SET_PROGRESS, params![progress, note, key.0, fence.0])? == 1)
    }

    // -- time passes -------------------------------------------------------------------------------------------------
    fn stage(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.stage_due(now, limit)
    }
    fn restage_retries(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.link.execute(&sql::RESTAGE_RETRIES, params![now.0, limit as i64])
    }
    fn expire(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.expire_waiting(now, limit)
    }
    fn prune(&mut self, before: &PruneBefore, limit: usize) -> Result<usize> {
        self.prune_some(before, limit)
    }
    fn prune_logs(&mut self, before: Timestamp, after: LogPlace, limit: usize) -> Result<(usize, Option<LogPlace>)> {
        self.prune_lines(before, after, limit)
    }

    // -- holds -------------------------------------------------------------------------------------------------------
    fn holds(&mut self, now: Timestamp) -> Result<Vec<HoldRule>> {
        self.active_holds(now)
    }
    fn hold_job(&mut self, key: JobKey, code: HeldCode, rule: Option<i64>) -> Result<()> {
        self.mark_held(key, code, rule)
    }
    fn lift_ended_holds(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.lift_ended(now, limit)
    }
    fn lift_task_holds(&mut self, task: &str, codes: &[HeldCode], limit: usize) -> Result<usize> {
        self.lift_task(task, codes, limit)
    }
    fn add_hold(&mut self, rule: &HoldRule, by: &ByHand, now: Timestamp) -> Result<i64> {
        self.write_hold(rule, by, now)
    }
    fn release_hold(
        &mut self,
        task: Option<&str>,
        queue: Option<&str>,
        where_args: Option<&str>,
        by: &ByHand,
        now: Timestamp,
    ) -> Result<usize> {
        self.end_holds(task, queue, where_args, by, now)
    }

    // -- catalogue, workers, alerts ----------------------------------------------------------------------------------
    fn put_catalogue(&mut self, entries: &[(TaskEntry, String)], kept: &[String], release: Option<&str>, now: Timestamp) -> Result<()> {
        self.replace_catalogue(entries, kept, release, now)
    }
    fn catalogue(&mut self) -> Result<Vec<TaskEntry>> {
        self.present_tasks()
    }
    fn open_worker(&mut self, generation: Generation, worker: &WorkerRow, now: Timestamp) -> Result<i64> {
        self.write_worker(generation, worker, now)
    }
    fn close_worker(&mut self, worker: i64, cause: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::CLOSE_WORKER, params![now.0, cause, worker]).map(|_| ())
    }
    fn touch_workers(&mut self, generation: Generation, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::TOUCH_WORKERS, params![now.0, generation.0]).map(|_| ())
    }
    fn leftovers(&mut self, generation: Generation) -> Result<Vec<Leftover>> {
        self.workers_left(generation)
    }
    fn raise_alert(&mut self, code: &str, subject: &str, message: &str, now: Timestamp) -> Result<()> {
        workaday_core::reached::note(code);
        self.count_alert(code, subject, message, now)
    }
    fn close_alert(&mut self, code: &str, subject: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::CLOSE_ALERT, params![now.0, code, subject]).map(|_| ())
    }

    // -- schedules and ticks -----------------------------------------------------------------------------------------
    fn schedules(&mut self) -> Result<Vec<ScheduleRow>> {
        self.list_schedules()
    }
    fn schedule(&mut self, name: &str) -> Result<Option<ScheduleRow>> {
        self.find_schedule(name)
    }
    fn due_schedules(&mut self, now: Timestamp, limit: usize) -> Result<Vec<ScheduleRow>> {
        self.list_due_schedules(now, limit)
    }
    fn put_schedule(&mut self, row: &ScheduleRow, now: Timestamp) -> Result<()> {
        self.write_schedule(row, now)
    }
    fn break_schedule(&mut self, name: &str, reason: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::BREAK_SCHEDULE, params![reason, now.0, name]).map(|_| ())
    }
    fn leave_schedule(&mut self, name: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::LEAVE_SCHEDULE, params![now.0, name]).map(|_| ())
    }
    fn jobs_of_schedule(&mut self, name: &str, limit: usize) -> Result<Vec<ScheduledJob>> {
        self.unfinished_of_schedule(name, limit)
    }
    fn move_cursor(
        &mut self,
        name: &str,
        known: Timestamp,
        cursor: Timestamp,
        next_at: Option<Timestamp>,
        skips: u32,
        now: Timestamp,
    ) -> Result<bool> {
        let parameters = params![cursor.0, next_at.map(|at| at.0), skips, now.0, name, known.0];
        let moved = self.link.writing()?.execute(&sql::MOVE_CURSOR, parameters)? == 1;
        crash_point!("tick.cursor_moved");
        Ok(moved)
    }
    fn write_tick(&mut self, tick: &TickRow, now: Timestamp) -> Result<()> {
        self.record_tick(tick, now)
    }
    fn enqueue_tick(&mut self, job: &TickJob, now: Timestamp) -> Result<Enqueued> {
        self.insert_tick_job(job, now)
    }
    fn release_queued_ticks(&mut self, now: Timestamp) -> Result<usize> {
        self.link.writing()?.execute(&sql::RELEASE_QUEUED, [now.0])
    }
    fn watched_ticks(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Watched>> {
        self.list_watched(now, limit)
    }
    fn seen_tick(&mut self, schedule: &str, at: Timestamp, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::SEEN_TICK, params![now.0, schedule, at.0]).map(|_| ())
    }
    fn prune_ticks(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        self.link.writing()?.execute(&sql::PRUNE_TICKS, params![before.0, limit as i64])
    }
    fn pause_schedule(&mut self, name: &str, until: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()> {
        self.pause_by_hand(name, until, by, now)
    }
    fn resume_schedule(&mut self, name: &str, cursor: Timestamp, next_at: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()> {
        self.resume_by_hand(name, cursor, next_at, by, now)
    }
    fn add_schedule(&mut self, row: &ScheduleRow, by: &ByHand, now: Timestamp) -> Result<bool> {
        self.add_by_hand(row, by, now)
    }
    fn remove_schedule(&mut self, name: &str, by: &ByHand, now: Timestamp) -> Result<bool> {
        self.remove_by_hand(name, by, now)
    }
    fn learn_schedule(&mut self, name: &str, learned: &Learned) -> Result<()> {
        self.link.writing()?.execute(&sql::LEARN_SCHEDULE, params![learned.runs_json(), learned.failures, name]).map(|_| ())
    }
    fn move_next(&mut self, name: &str, known: Timestamp, next_at: Option<Timestamp>, now: Timestamp) -> Result<bool> {
        let parameters = params![next_at.map(|at| at.0), now.0, name, known.0];
        Ok(self.link.writing()?.execute(&sql::MOVE_NEXT, parameters)? == 1)
    }
    fn prune_schedules(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        self.link.writing()?.execute(&sql::PRUNE_SCHEDULES, params![before.0, limit as i64])
    }
    fn note(&mut self, by: &ByHand, action: &str, target: &str, detail: Option<&str>, now: Timestamp) -> Result<()> {
        self.audit(by, action, target, detail, now)
    }

    // -- measures ----------------------------------------------------------------------------------------------------
    fn add_measure(&mut self, minute: i64, series: &Series, figures: &Figures) -> Result<()> {
        self.add_to_minute(minute, series, figures)
    }
    fn prune_measures(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        self.prune_minutes(before, limit)
    }

    // -- remarks -----------------------------------------------------------------------------------------------------
    fn remark(&mut self, name: &str) -> Result<Option<String>> {
        self.meta(name)
    }
    fn set_remark(&mut self, name: &str, value: &str) -> Result<()> {
        self.link.writing()?.execute(&sql::SET_META, params![name, value]).map(|_| ())
    }

    // -- terms -------------------------------------------------------------------------------------------------------
    fn next_generation(&mut self) -> Result<Generation> {
        let raised = self.link.writing()?.first(&sql::NEXT_GENERATION, [], |row| row.get(0).map(Generation))?;
        crash_point!("generation.raised");
        Ok(raised.unwrap_or(Generation(1)))
    }

    // -- by hand -----------------------------------------------------------------------------------------------------
    fn cancel(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        self.row_read = None; // a reason written now belongs into the history that a settlement writes next
        self.cancel_by_hand(id, by, now)
    }
    fn retry(&mut self, id: JobId, policy_attempts: u32, by: &ByHand, now: Timestamp) -> Result<Act> {
        self.retry_by_hand(id, policy_attempts, by, now)
    }
    fn release_job(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        self.release_by_hand(id, by, now)
    }
    fn delete(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        self.delete_by_hand(id, by, now)
    }
}

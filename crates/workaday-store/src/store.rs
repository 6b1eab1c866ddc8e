//! The Store trait: one method for each question the engine asks. SQLite answers it today, PostgreSQL later.
//!
//! Writes happen between [`Store::begin`] and [`Store::commit`]; nothing is seen by others, nor acted upon by the
//! engine, before the commit has returned. Time comes in as `now`; a store never reads a clock.

use crate::error::Result;
use crate::schedules::{ScheduleRow, ScheduledJob, TickJob, TickRow, Watched};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_core::job::{AttemptOutcome, Counts, Fence, Generation, HeldCode, JobId, JobKey, Lane, State};
use workaday_core::lifecycle::Settled;
use workaday_core::measure::{Figures, Series};
use workaday_core::schedule::Learned;
use workaday_core::unique::Unique;

/// How durable a commit has to be (protocol, "How durably").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Claims, heartbeats, logs: the next full commit flushes them in order.
    Lazy,
    /// Synced before it returns.
    Full,
}

/// A job to write. Its id is made before the call.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    pub id: JobId,
    pub task: String,
    pub queue: String,
    pub priority: i32,
    pub lane: Lane,
    /// Later than `now`: scheduled; else available.
    pub run_at: Timestamp,
    /// JSON object, parameter name to value.
    pub args: String,
    pub expires_at: Option<Timestamp>,
    /// Refused while another unfinished job holds this key.
    pub unique: Option<Unique>,
    pub tags: Option<String>,
    pub rerun_of: Option<JobId>,
    pub enqueued_release: Option<String>,
}

/// What an enqueue did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    Stored,
    /// The id is known already, unfinished or finished: no second job.
    Known,
    /// Another unfinished job holds the unique key: nothing was written.
    Held {
        by: JobId,
        state: State,
    },
}

/// A job that could be claimed now, in claim order.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub key: JobKey,
    pub id: JobId,
    pub task: String,
    pub queue: String,
    pub args: String,
    pub run_at: Timestamp,
    pub attempt: u32,
    pub attempt_extra: u32,
    pub fence: Fence,
    pub counts: Counts,
    pub lane: Lane,
    /// JSON of the tick it is for.
    pub tick: Option<String>,
}

/// A running row, as the settlement reads it inside its transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningRow {
    pub key: JobKey,
    pub id: JobId,
    pub fence: Fence,
    pub generation: Generation,
    pub task: String,
    pub lane: Lane,
    pub counts: Counts,
    pub attempt_extra: u32,
    pub cancel_requested: bool,
    pub claimed_at: Timestamp,
}

/// The record of one ended claim.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct AttemptRecord {
    pub started_at: Option<Timestamp>,
    pub waited_us: Option<i64>,
    pub ran_us: Option<i64>,
    pub cpu_us: Option<i64>,
    pub memory_peak_kib: Option<i64>,
    /// JSON, see the schema.
    pub error: Option<String>,
    pub cause: Option<String>,
    pub child: Option<String>,
    pub release: Option<String>,
    pub log_lines: i64,
    pub log_dropped_bytes: i64,
    /// JSON of what the child counted, see `core::evidence`.
    pub evidence: Option<String>,
    /// Why it is not what `expects=` says.
    pub unexpected: Option<String>,
}

/// A settlement to write: the decision of `core`, and the evidence.
#[derive(Clone, Debug)]
pub struct Settlement<'a> {
    pub key: JobKey,
    pub fence: Fence,
    pub settled: Settled,
    /// The lane of its next run, if it goes back.
    pub lane: Lane,
    pub claimed_at: Timestamp,
    /// `None`: nothing began, so no attempt row is kept (recalled, not started).
    pub attempt: Option<&'a AttemptRecord>,
    /// JSON of the result, within the limit.
    pub result: Option<&'a str>,
    /// Why a finished job ended so, beyond its state.
    pub reason: Option<&'a str>,
}

/// One line that a job wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    pub job: JobKey,
    pub fence: Fence,
    pub seq: i64,
    pub at: Timestamp,
    /// `stdout`, `stderr`, `log`, `raw`, `system`.
    pub stream: &'static str,
    pub level: Option<String>,
    pub logger: Option<String>,
    pub text: String,
}

/// What a look without the write lock finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peek {
    /// (lane, queue) pairs that have a job ready now, held ones left out.
    pub ready: Vec<(Lane, String)>,
    /// The earliest `run_at` of scheduled and retryable jobs, held ones left out.
    pub next_due_at: Option<Timestamp>,
    pub next_expiry_at: Option<Timestamp>,
    /// A running job that somebody asked to cancel.
    pub cancelling: bool,
    /// Something about holds changed: an `until` has passed or a released rule still marks jobs.
    pub holds_pending: bool,
    /// When a schedule is to be decided, or the job of a tick looked at.
    pub next_tick_at: Option<Timestamp>,
    /// Jobs wait for earlier runs of their schedule.
    pub queued_ticks: bool,
    /// One of them need not wait any longer.
    pub releasable_ticks: bool,
}

/// A queue that is switched off.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerRow {
    pub kind: &'static str,
    pub pid: i64,
    pub boot_id: String,
    pub process_started_at: i64,
    pub release: Option<String>,
    pub info: Option<String>,
}

/// A worker of an earlier generation that was never seen to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    pub worker: i64,
    pub kind: String,
    pub pid: i64,
    pub boot_id: String,
    pub process_started_at: i64,
}

/// Retention: finished jobs older than these go, in small steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruneBefore {
    pub completed: Timestamp,
    pub cancelled: Timestamp,
    pub discarded: Timestamp,
}

/// A log line's place among all: job, fence, number. The default is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace(pub i64, pub i64, pub i64);

/// Who acts by hand, and why. Written to the audit table with the act itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    pub who: String,
    pub why: Option<String>,
}

/// What an act by hand found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Done,
    /// Running: asked to stop.
    Requested,
    /// In this state it cannot be done.
    Refused(State),
    Missing,
}

/// Every question the engine asks of the database. `begin` … `commit` or `rollback` around all that writes.
pub trait Store {
    // -- transactions ------------------------------------------------------------------------------------------------
    /// Takes the write lock (`BEGIN IMMEDIATE`), waiting its turn for at most 5 s.
    fn begin(&mut self, durability: Durability) -> Result<()>;
    /// After an error other than Busy the outcome is unknown and the connection has been replaced.
    fn commit(&mut self) -> Result<()>;
    fn rollback(&mut self);

    // -- looks without the write lock --------------------------------------------------------------------------------
    /// Has another connection committed since the last call? (`PRAGMA data_version`; own commits do not count.)
    fn changed(&mut self) -> Result<bool>;
    fn peek(&mut self, now: Timestamp) -> Result<Peek>;

    // -- enqueue and claim -------------------------------------------------------------------------------------------
    fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<Enqueued>;
    /// Ready jobs of one lane and queue in claim order: priority DESC, run_at, key.
    fn claimable(&mut self, lane: Lane, queue: &str, now: Timestamp, limit: usize) -> Result<Vec<Candidate>>;
    /// available → running: attempt +1, fence +1. Returns the new fence, or `None` if the row is no longer claimable.
    fn claim(&mut self, key: JobKey, generation: Generation, worker: Option<i64>, now: Timestamp) -> Result<Option<Fence>>;
    /// A claimed job begins: when its schedule or command names a receiver outside, a ping is written for it.
    fn ping_started(&mut self, key: JobKey, fence: Fence, now: Timestamp) -> Result<()>;
    /// Corrects the lane of a job whose task has changed its kind.
    fn set_lane(&mut self, key: JobKey, lane: Lane) -> Result<()>;

    // -- settle ------------------------------------------------------------------------------------------------------
    /// The running row of (key, fence), or `None` when that claim is stale.
    fn running(&mut self, key: JobKey, fence: Fence) -> Result<Option<RunningRow>>;
    /// Writes a decision. `false`: stale, nothing was changed.
    fn settle(&mut self, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool>;
    /// Up to `limit` running rows of generations before this one.
    fn running_before(&mut self, generation: Generation, limit: usize) -> Result<Vec<RunningRow>>;
    /// Running rows of this generation that somebody asked to cancel.
    fn cancelling(&mut self, limit: usize) -> Result<Vec<(JobKey, Fence)>>;
    fn append_logs(&mut self, lines: &[LogLine]) -> Result<()>;
    fn set_progress(&mut self, key: JobKey, fence: Fence, progress: f64, note: Option<&str>) -> Result<bool>;

    // -- time passes -------------------------------------------------------------------------------------------------
    /// scheduled and retryable → available, for those due. Returns how many; at most `limit`.
    fn stage(&mut self, now: Timestamp, limit: usize) -> Result<usize>;
    /// After the wall clock was set back: a retry that failed later than `now`, and would wait for more than twice its
    /// wait, waits it from `now` on. Returns how many; at most `limit`. The same job is not found twice.
    fn restage_retries(&mut self, now: Timestamp, limit: usize) -> Result<usize>;
    /// Waiting jobs past their `expires_at` → cancelled (`expired`).
    fn expire(&mut self, now: Timestamp, limit: usize) -> Result<usize>;
    /// Deletes finished jobs past retention with their attempts and logs. Returns how many; at most `limit`.
    fn prune(&mut self, before: &PruneBefore, limit: usize) -> Result<usize>;
    /// Deletes log lines older than this among the next `limit` (from 1) lines after a place, in the order of jobs.
    /// Returns how many went, and the place to go on from: `None` at the end.
    fn prune_logs(&mut self, before: Timestamp, after: LogPlace, limit: usize) -> Result<(usize, Option<LogPlace>)>;

    // -- holds -------------------------------------------------------------------------------------------------------
    /// Rules not released, whose `until` has not passed.
    fn holds(&mut self, now: Timestamp) -> Result<Vec<HoldRule>>;
    fn hold_job(&mut self, key: JobKey, code: HeldCode, rule: Option<i64>) -> Result<()>;
    /// Clears marks of rules that were released or ran out, and of `until` passed. At most `limit` jobs; returns how many.
    fn lift_ended_holds(&mut self, now: Timestamp, limit: usize) -> Result<usize>;
    /// Clears `unknown_task` / `arguments_misfit` marks of the named tasks, since a fitting catalogue arrived.
    fn lift_task_holds(&mut self, task: &str, codes: &[HeldCode], limit: usize) -> Result<usize>;
    fn add_hold(&mut self, rule: &HoldRule, by: &ByHand, now: Timestamp) -> Result<i64>;
    /// Releases matching rules (same task or queue, same where). Returns how many.
    fn release_hold(
        &mut self,
        task: Option<&str>,
        queue: Option<&str>,
        where_args: Option<&str>,
        by: &ByHand,
        now: Timestamp,
    ) -> Result<usize>;

    // -- catalogue, workers, alerts ----------------------------------------------------------------------------------
    /// Replaces the catalogue: named tasks are written, others are marked absent (never deleted), `kept` ones left as they are.
    fn put_catalogue(&mut self, entries: &[(TaskEntry, String)], kept: &[String], release: Option<&str>, now: Timestamp) -> Result<()>;
    fn catalogue(&mut self) -> Result<Vec<TaskEntry>>;
    fn open_worker(&mut self, generation: Generation, worker: &WorkerRow, now: Timestamp) -> Result<i64>;
    fn close_worker(&mut self, worker: i64, cause: &str, now: Timestamp) -> Result<()>;
    fn touch_workers(&mut self, generation: Generation, now: Timestamp) -> Result<()>;
    fn leftovers(&mut self, generation: Generation) -> Result<Vec<Leftover>>;
    /// Opens an alert or counts it up when one with this code and subject is open.
    fn raise_alert(&mut self, code: &str, subject: &str, message: &str, now: Timestamp) -> Result<()>;
    fn close_alert(&mut self, code: &str, subject: &str, now: Timestamp) -> Result<()>;

    // -- schedules and ticks -----------------------------------------------------------------------------------------
    fn schedules(&mut self) -> Result<Vec<ScheduleRow>>;
    fn schedule(&mut self, name: &str) -> Result<Option<ScheduleRow>>;
    /// Active schedules whose `next_at` has come, the earliest first.
    fn due_schedules(&mut self, now: Timestamp, limit: usize) -> Result<Vec<ScheduleRow>>;
    /// Writes a schedule as decided. Its pause stays, and its cursor never goes back.
    fn put_schedule(&mut self, row: &ScheduleRow, now: Timestamp) -> Result<()>;
    fn break_schedule(&mut self, name: &str, reason: &str, now: Timestamp) -> Result<()>;
    fn leave_schedule(&mut self, name: &str, now: Timestamp) -> Result<()>;
    /// Its unfinished jobs, at most `limit`.
    fn jobs_of_schedule(&mut self, name: &str, limit: usize) -> Result<Vec<ScheduledJob>>;
    /// After its ticks were decided from the cursor `known` on. `false`: another scheduler was there first.
    fn move_cursor(
        &mut self,
        name: &str,
        known: Timestamp,
        cursor: Timestamp,
        next_at: Option<Timestamp>,
        skips: u32,
        now: Timestamp,
    ) -> Result<bool>;
    /// One decided tick or range. A second decision of the same tick is refused by the primary key.
    fn write_tick(&mut self, tick: &TickRow, now: Timestamp) -> Result<()>;
    fn enqueue_tick(&mut self, job: &TickJob, now: Timestamp) -> Result<Enqueued>;
    /// The oldest waiting job of each schedule that has no other left may run. Returns how many.
    fn release_queued_ticks(&mut self, now: Timestamp) -> Result<usize>;
    /// Ticks whose job should have started or finished by now.
    fn watched_ticks(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Watched>>;
    fn seen_tick(&mut self, schedule: &str, at: Timestamp, now: Timestamp) -> Result<()>;
    /// Deletes rows of the ledger decided before then, at most `limit`.
    fn prune_ticks(&mut self, before: Timestamp, limit: usize) -> Result<usize>;
    fn pause_schedule(&mut self, name: &str, until: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()>;
    /// The ticks of the pause are written first; `cursor` is the last of them.
    fn resume_schedule(&mut self, name: &str, cursor: Timestamp, next_at: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()>;
    /// A dynamic schedule, with its audit line. `false`: the name belongs to a schedule that stands.
    fn add_schedule(&mut self, row: &ScheduleRow, by: &ByHand, now: Timestamp) -> Result<bool>;
    /// Ends a dynamic schedule, with its audit line. `false`: there is none of this name.
    fn remove_schedule(&mut self, name: &str, by: &ByHand, now: Timestamp) -> Result<bool>;
    /// What a run taught of its schedule.
    fn learn_schedule(&mut self, name: &str, learned: &Learned) -> Result<()>;
    /// Its next tick lies elsewhere now. `false`: its ticks were decided meanwhile.
    fn move_next(&mut self, name: &str, known: Timestamp, next_at: Option<Timestamp>, now: Timestamp) -> Result<bool>;
    /// Deletes dynamic schedules that are over and whose ledger is empty, at most `limit`.
    fn prune_schedules(&mut self, before: Timestamp, limit: usize) -> Result<usize>;
    /// A line in the audit for an act that is made of several of the above.
    fn note(&mut self, by: &ByHand, action: &str, target: &str, detail: Option<&str>, now: Timestamp) -> Result<()>;

    // -- measures ----------------------------------------------------------------------------------------------------
    /// Adds figures to a minute (counted from 1970) of a series.
    fn add_measure(&mut self, minute: i64, series: &Series, figures: &Figures) -> Result<()>;
    /// Deletes minutes before this instant, at most `limit` rows.
    fn prune_measures(&mut self, before: Timestamp, limit: usize) -> Result<usize>;

    // -- remarks -----------------------------------------------------------------------------------------------------
    /// A word that the store keeps about itself (`workaday_meta`).
    fn remark(&mut self, name: &str) -> Result<Option<String>>;
    fn set_remark(&mut self, name: &str, value: &str) -> Result<()>;

    // -- terms -------------------------------------------------------------------------------------------------------
    /// Raises the generation by one and returns it. The caller holds the supervisor lock.
    fn next_generation(&mut self) -> Result<Generation>;

    // -- by hand (the same guarded SQL the client uses) --------------------------------------------------------------
    fn cancel(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act>;
    /// discarded, cancelled → available. `policy_attempts`: the task's own number of attempts.
    fn retry(&mut self, id: JobId, policy_attempts: u32, by: &ByHand, now: Timestamp) -> Result<Act>;
    /// Clears a quarantine or another hold of one job and sets its counts to 0.
    fn release_job(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act>;
    /// Not while it runs. Its attempts and logs go with it; the audit line stays.
    fn delete(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act>;
}

/// How a settled attempt is written; re-exported so that stores need not reach into `core` for it.
pub type Ended = AttemptOutcome;

//! Schedules and their ticks as the store keeps them.

use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::{JobId, JobKey, Lane, State};
use workaday_core::schedule::{Learned, Pause, Reason, ScheduleSource, ScheduleState};

/// One schedule and how it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleRow {
    pub name: String,
    pub task: String,
    /// JSON of the whole declaration.
    pub declared: String,
    pub source: ScheduleSource,
    pub state: ScheduleState,
    pub broken_reason: Option<String>,
    pub anchor: Timestamp,
    /// The last tick decided.
    pub cursor: Timestamp,
    pub next_at: Option<Timestamp>,
    pub skips: u32,
    pub paused_at: Option<Timestamp>,
    pub paused_until: Option<Timestamp>,
    pub pause_note: Option<String>,
    pub owner: Option<String>,
    /// Why it was made, for a dynamic one.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// What its runs have taught.
    pub learned: Learned,
}

impl ScheduleRow {
    pub fn pause(&self) -> Pause {
        match (self.paused_at, self.paused_until) {
            (None, _) => Pause::No,
            (Some(_), None) => Pause::Open,
            (Some(_), Some(until)) => Pause::Until(until),
        }
    }
}

/// The remark under which the engine writes when it last looked for ticks, in microseconds.
pub const SCHEDULER_TURN: &str = "scheduler_turn_at";

/// Whether ticks are decided, for those who watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScheduleHealth {
    /// When a supervisor last looked for due ticks, within a minute and a half; `None`: never. The scheduler's heartbeat.
    pub last_turn_at: Option<Timestamp>,
    /// The earliest tick that is due and not decided. Older than a few seconds: nobody decides, or the store is in trouble.
    pub oldest_due_at: Option<Timestamp>,
    /// When the earliest schedule is to be decided.
    pub next_at: Option<Timestamp>,
    /// Schedules that tick.
    pub on: i64,
    pub paused: i64,
    /// With no tick to come: a one-off that ran.
    pub done: i64,
    /// No longer declared.
    pub absent: i64,
    pub broken: i64,
}

impl ScheduleHealth {
    /// How long the oldest due tick has waited; zero when none does. The gauge of `/metrics`.
    pub fn oldest_due_age(&self, now: Timestamp) -> Length {
        self.oldest_due_at.map_or(Length(0), |at| Length((now - at).0.max(0)))
    }
}

/// What became of one tick, or of a range of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TickRow {
    pub schedule: String,
    pub at: Timestamp,
    /// The last of a range; else `at`.
    pub until: Timestamp,
    pub count: u64,
    /// `None`: it has a job.
    pub reason: Option<Reason>,
    pub job: Option<JobId>,
    pub late: bool,
    /// The civil time that the schedule named.
    pub nominal: String,
    pub offset_seconds: i32,
    pub merged: u32,
    pub start_by: Option<Timestamp>,
    pub finish_by: Option<Timestamp>,
}

/// A row of the ledger as the faces show it.
#[derive(Clone, Debug, PartialEq)]
pub struct TickSeen {
    pub tick: TickRow,
    pub decided_at: Timestamp,
    /// State of its job, while the store still has it.
    pub job_state: Option<State>,
}

/// The job of a tick, to be written with it.
#[derive(Clone, Debug, PartialEq)]
pub struct TickJob {
    pub id: JobId,
    pub task: String,
    pub queue: String,
    pub priority: i32,
    pub lane: Lane,
    pub run_at: Timestamp,
    /// JSON object, parameter name to value.
    pub args: String,
    pub schedule: String,
    /// JSON for the job's frame.
    pub tick: String,
    /// Until the schedule's earlier jobs have finished.
    pub waits: bool,
}

/// An unfinished job of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduledJob {
    pub key: JobKey,
    pub id: JobId,
    pub state: State,
}

/// A tick whose job should have started, or finished, by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub schedule: String,
    pub at: Timestamp,
    pub job: JobId,
    pub start_by: Option<Timestamp>,
    pub finish_by: Option<Timestamp>,
    pub started: bool,
    pub finished_at: Option<Timestamp>,
}

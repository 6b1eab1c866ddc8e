//! What the faces show: plain values, ready for a table or JSON.

use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_core::job::{AttemptOutcome, Counts, Fence, Generation, HeldCode, JobId, JobKey, Lane, State};
use workaday_core::measure::{Figures, Series, SeriesKind};

/// The state of everything, for `status` and the first page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Jobs by state, each state once, also with 0; held ones are counted in their state.
    pub by_state: Vec<(State, i64)>,
    pub queues: Vec<QueueCounts>,
    /// Since when the oldest ready job waits.
    pub oldest_waiting_at: Option<Timestamp>,
    pub running: i64,
    pub held: i64,
    pub alerts_open: i64,
    pub discarded_last_day: i64,
    /// Finished, of any state, in the last minute.
    pub finished_last_minute: i64,
    /// Mean of the last five minutes.
    pub finished_per_minute: f64,
}

/// One queue's jobs. `held` ones are counted nowhere else in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    pub queue: String,
    pub available: i64,
    pub scheduled: i64,
    pub retryable: i64,
    pub pending: i64,
    pub running: i64,
    pub held: i64,
    pub oldest_waiting_at: Option<Timestamp>,
    /// Switched off by a rule that is active now.
    pub paused: bool,
}

/// Which jobs to list. A field left out asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub state: Option<State>,
    pub task: Option<String>,
    pub queue: Option<String>,
    /// One of its tags.
    pub tag: Option<String>,
    /// Enqueued at or after.
    pub since: Option<Timestamp>,
    pub held: Option<bool>,
    /// The next page: the key of the last job shown.
    pub before: Option<JobKey>,
    /// At most 1000; 0 means 50.
    pub limit: usize,
}

/// A job in a list: all but its arguments and result.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSummary {
    pub key: JobKey,
    pub id: JobId,
    pub task: String,
    pub queue: String,
    pub priority: i32,
    pub lane: Lane,
    pub state: State,
    pub reason: Option<String>,
    pub run_at: Timestamp,
    pub attempt: u32,
    pub attempt_extra: u32,
    pub fence: Fence,
    pub counts: Counts,
    pub held: Option<HeldCode>,
    pub held_rule: Option<i64>,
    pub cancel_requested_at: Option<Timestamp>,
    /// JSON, as enqueued.
    pub tags: Option<String>,
    pub progress: Option<f64>,
    pub progress_note: Option<String>,
    pub claimed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// All that is known of one job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobDetail {
    pub summary: JobSummary,
    /// JSON.
    pub args: String,
    /// JSON.
    pub result: Option<String>,
    pub worker: Option<i64>,
    pub generation: Option<Generation>,
    pub expires_at: Option<Timestamp>,
    pub cancel_reason: Option<String>,
    pub unique_key: Option<String>,
    pub unique_while: Option<String>,
    pub rerun_of: Option<JobId>,
    pub enqueued_release: Option<String>,
}

/// One ended claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    pub fence: Fence,
    pub attempt: u32,
    pub outcome: AttemptOutcome,
    pub claimed_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Timestamp,
    pub waited_us: Option<i64>,
    pub ran_us: Option<i64>,
    pub cpu_us: Option<i64>,
    pub memory_peak_kib: Option<i64>,
    /// JSON {"type","message","traceback","expected","retry"}.
    pub error: Option<String>,
    /// JSON {"kind", …}.
    pub cause: Option<String>,
    pub child: Option<String>,
    pub release: Option<String>,
    pub log_lines: i64,
    pub log_dropped_bytes: i64,
    /// JSON of what was counted in the child: statements, cache, HTTP calls.
    pub evidence: Option<String>,
    /// Why it is not what `expects=` says.
    pub unexpected: Option<String>,
}

/// One line that a job wrote. `(fence, seq)` of the last one seen follows on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    pub fence: Fence,
    pub seq: i64,
    pub at: Timestamp,
    pub stream: String,
    pub level: Option<String>,
    pub logger: Option<String>,
    pub text: String,
}

/// A task of the catalogue, present or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRow {
    pub name: String,
    pub queue: String,
    pub lane: Lane,
    /// The whole entry as its child stated it, JSON.
    pub entry: String,
    pub release: Option<String>,
    pub present: bool,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HoldRow {
    pub rule: HoldRule,
    pub created_at: Timestamp,
    pub released_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    pub worker: i64,
    pub generation: Generation,
    pub kind: String,
    pub pid: i64,
    pub boot_id: String,
    pub process_started_at: i64,
    pub release: Option<String>,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub end_cause: Option<String>,
    pub info: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRow {
    pub key: i64,
    pub code: String,
    pub subject: String,
    pub message: String,
    pub count: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    pub key: i64,
    pub at: Timestamp,
    pub who: String,
    pub action: String,
    pub target: String,
    pub why: Option<String>,
    pub detail: Option<String>,
}

/// Which minutes to read. A field left out asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeasureFilter {
    pub kind: Option<SeriesKind>,
    pub name: Option<String>,
    pub release: Option<String>,
    /// Minutes that begin at or after.
    pub from: Option<Timestamp>,
    /// Minutes that begin before.
    pub to: Option<Timestamp>,
}

/// One minute of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct MinuteRow {
    /// Its beginning.
    pub minute: Timestamp,
    pub series: Series,
    pub figures: Figures,
}

/// A series, and the span of its measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesRow {
    pub series: Series,
    pub first_minute: Timestamp,
    pub last_minute: Timestamp,
}

/// A stretch of time that later ones are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineRow {
    pub name: String,
    pub since: Timestamp,
    /// The end, not included.
    pub before: Timestamp,
    pub captured_at: Timestamp,
    /// What ran then.
    pub release: Option<String>,
    /// JSON: what a person noticed, and hashes of configuration and dependencies.
    pub noticed: String,
}

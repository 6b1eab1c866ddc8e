//! What becomes of a job when something happens to it: the state-by-event table, as pure functions.
//!
//! Only this module decides a state; only the store writes one. Time and chance come in as arguments.

use crate::clock::Timestamp;
use crate::job::{AttemptOutcome, Counts, HeldCode, State};
use crate::retry::{Chance, RetryPolicy};

/// Crashes alone in its process before a job is put in quarantine.
pub const CRASHES_TO_QUARANTINE: u32 = 3;
/// Times a suspect before a job runs alone.
pub const SUSPICIONS_TO_SOLO: u32 = 2;
/// Rescues before a job runs alone.
pub const RESCUES_TO_SOLO: u32 = 3;
/// Rescues before a job is put in quarantine.
pub const RESCUES_TO_QUARANTINE: u32 = 10;

/// A running job, as far as its end is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Running {
    pub counts: Counts,
    /// Attempts allowed in all: the task's number plus those granted by hand.
    pub attempts_max: u32,
    pub retry: RetryPolicy,
    pub at_most_once: bool,
    /// Somebody asked to cancel it: whatever ends it then, it is cancelled.
    pub cancel_requested: bool,
}

/// What ended an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Completed,
    /// The task raised. `retry` is what the task's `on` / `never` say of that exception type.
    Failed {
        retry: bool,
    },
    /// Stopped by us.
    TimedOut,
    /// Stopped by us.
    OverMemory,
    Snoozed {
        until: Timestamp,
    },
    /// The task said `Cancel`.
    Cancelled,
    /// The task said `Discard`.
    Discarded,
    /// Drain, recall, or an innocent sibling of a killed child. `frame_written`: may it have begun?
    GivenBack {
        frame_written: bool,
    },
    /// Its process died, and no other job had begun there.
    CrashedAlone {
        frame_written: bool,
    },
    /// Its process died with several jobs begun.
    CrashedAmongSuspects,
    /// Its supervisor died.
    Rescued,
}

/// Where the job goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    Completed,
    Retryable { run_at: Timestamp },
    Scheduled { run_at: Timestamp },
    Available,
    Cancelled,
    Discarded { reason: Option<&'static str> },
}

impl Next {
    pub const fn state(self) -> State {
        match self {
            Next::Completed => State::Completed,
            Next::Retryable { .. } => State::Retryable,
            Next::Scheduled { .. } => State::Scheduled,
            Next::Available => State::Available,
            Next::Cancelled => State::Cancelled,
            Next::Discarded { .. } => State::Discarded,
        }
    }
}

/// A decision: what the store writes, nothing left open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settled {
    pub next: Next,
    pub counts: Counts,
    pub held: Option<HeldCode>,
    /// Its next run is alone in a process of its own.
    pub solo: bool,
    pub outcome: AttemptOutcome,
    /// Somebody should look: discarded, quarantined, outcome unknown.
    pub alert: bool,
}

impl Settled {
    /// The number of the attempt that ended. One that was given back no longer counts, but it had a number.
    pub const fn attempt_ended(&self) -> u32 {
        match self.outcome {
            AttemptOutcome::Snoozed | AttemptOutcome::GivenBack | AttemptOutcome::Suspect | AttemptOutcome::Rescued => {
                self.counts.attempt + 1
            }
            _ => self.counts.attempt,
        }
    }
}

/// Decides what becomes of a running job.
///
/// Pure: time and chance come in as arguments, so a test needs neither a clock nor a database.
pub fn settle(job: &Running, outcome: Outcome, now: Timestamp, chance: Chance) -> Settled {
    let decided = decide(job, outcome, now, chance);
    if job.cancel_requested {
        // Whatever ends it: the person who cancelled was told so. The counts no longer matter.
        return Settled { next: Next::Cancelled, held: None, alert: false, ..decided };
    }
    decided
}

fn decide(job: &Running, outcome: Outcome, now: Timestamp, chance: Chance) -> Settled {
    let counts = job.counts;
    let by_itself = Counts { attempt: counts.attempt, ..Counts::default() };
    // The attempt was not spent: what happened was not the job's own doing.
    let given_back = Counts { attempt: counts.attempt.saturating_sub(1), ..counts };
    match outcome {
        Outcome::Completed => ended(Next::Completed, by_itself, AttemptOutcome::Completed),
        Outcome::Cancelled => ended(Next::Cancelled, by_itself, AttemptOutcome::Cancelled),
        Outcome::Discarded => {
            Settled { alert: true, ..ended(Next::Discarded { reason: Some("by_task") }, by_itself, AttemptOutcome::Discarded) }
        }
        // A snooze is a postponement, not a failure: the attempt is given back.
        Outcome::Snoozed { until } => {
            let counts = Counts { attempt: counts.attempt.saturating_sub(1), ..Counts::default() };
            ended(Next::Scheduled { run_at: until }, counts, AttemptOutcome::Snoozed)
        }
        Outcome::Failed { retry } => again_or_discard(job, by_itself, retry, AttemptOutcome::Failed, now, chance),
        Outcome::TimedOut | Outcome::OverMemory if job.at_most_once => outcome_unknown(counts),
        Outcome::TimedOut => stopped(job, AttemptOutcome::TimedOut, now, chance),
        Outcome::OverMemory => stopped(job, AttemptOutcome::OverMemory, now, chance),
        Outcome::GivenBack { frame_written: true }
        | Outcome::CrashedAlone { frame_written: true }
        | Outcome::CrashedAmongSuspects
        | Outcome::Rescued
            if job.at_most_once =>
        {
            outcome_unknown(counts)
        }
        Outcome::GivenBack { .. } | Outcome::CrashedAlone { frame_written: false } => {
            Settled { solo: runs_alone(given_back), ..ended(Next::Available, given_back, AttemptOutcome::GivenBack) }
        }
        Outcome::CrashedAlone { frame_written: true } => crashed_alone(job, now, chance),
        Outcome::CrashedAmongSuspects => {
            let counts = Counts { suspect: counts.suspect + 1, ..given_back };
            Settled { solo: runs_alone(counts), ..ended(Next::Available, counts, AttemptOutcome::Suspect) }
        }
        Outcome::Rescued => {
            let counts = Counts { rescue: counts.rescue + 1, ..given_back };
            let quarantined = counts.rescue >= RESCUES_TO_QUARANTINE;
            Settled {
                held: quarantined.then_some(HeldCode::Quarantine),
                solo: runs_alone(counts),
                alert: quarantined,
                ..ended(Next::Available, counts, AttemptOutcome::Rescued)
            }
        }
    }
}

/// Stopped by us, so it did not end by itself: its counts stay, and a job that runs alone goes on doing so.
fn stopped(job: &Running, outcome: AttemptOutcome, now: Timestamp, chance: Chance) -> Settled {
    let settled = again_or_discard(job, job.counts, true, outcome, now, chance);
    Settled { solo: runs_alone(job.counts), ..settled }
}

/// Alone in its process, so this job is the one that brought it down.
fn crashed_alone(job: &Running, now: Timestamp, chance: Chance) -> Settled {
    let counts = Counts { crash: job.counts.crash + 1, ..job.counts };
    if counts.crash >= CRASHES_TO_QUARANTINE {
        // Quarantine wins over discard: a person should see a poison job, and its arguments are still needed.
        let next = Next::Retryable { run_at: now };
        return Settled { held: Some(HeldCode::Quarantine), solo: true, alert: true, ..ended(next, counts, AttemptOutcome::Crashed) };
    }
    let settled = again_or_discard(job, counts, true, AttemptOutcome::Crashed, now, chance);
    Settled { solo: runs_alone(counts), ..settled }
}

fn again_or_discard(job: &Running, counts: Counts, retry: bool, outcome: AttemptOutcome, now: Timestamp, chance: Chance) -> Settled {
    if !retry {
        return Settled { alert: true, ..ended(Next::Discarded { reason: Some("not_retried") }, counts, outcome) };
    }
    if counts.attempt >= job.attempts_max {
        return Settled { alert: true, ..ended(Next::Discarded { reason: None }, counts, outcome) };
    }
    let run_at = now + job.retry.delay(counts.attempt, chance);
    ended(Next::Retryable { run_at }, counts, outcome)
}

fn outcome_unknown(counts: Counts) -> Settled {
    let next = Next::Discarded { reason: Some("outcome_unknown") };
    Settled { alert: true, ..ended(next, counts, AttemptOutcome::OutcomeUnknown) }
}

const fn ended(next: Next, counts: Counts, outcome: AttemptOutcome) -> Settled {
    Settled { next, counts, held: None, solo: false, outcome, alert: false }
}

/// The alerts whose subject is one job, not its task: an act by hand on that job answers them.
pub const ALERTS_OF_A_JOB: [&str; 2] = ["job.quarantined", "job.outcome_unknown"];

/// Does a job with these counts run alone?
pub const fn runs_alone(counts: Counts) -> bool {
    counts.suspect >= SUSPICIONS_TO_SOLO || counts.rescue >= RESCUES_TO_SOLO
}

/// What a cancel does to a job in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelEffect {
    /// Waiting: cancelled at once.
    Now,
    /// Running: asked to stop, then stopped.
    Requested,
    /// Finished already: nothing to cancel.
    Refused,
}

pub const fn cancel(state: State) -> CancelEffect {
    match state {
        State::Running => CancelEffect::Requested,
        state if state.is_waiting() => CancelEffect::Now,
        _ => CancelEffect::Refused,
    }
}

/// A retry by hand: what a finished job comes back with.
///
/// `None` when the state does not allow it; a completed job is re-run as a new, linked one instead.
pub fn retry_by_hand(state: State, attempt: u32, attempt_extra: u32, policy_attempts: u32) -> Option<u32> {
    match state {
        // Enough budget for at least one more try, also when the policy has shrunk meanwhile.
        State::Discarded | State::Cancelled => Some((attempt_extra + 1).max((attempt + 1).saturating_sub(policy_attempts))),
        _ => None,
    }
}

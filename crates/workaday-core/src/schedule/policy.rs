//! What a schedule does about ticks it could not keep, and about runs that are still going.

use crate::clock::Length;

/// A tick decided within this time of its instant was kept: shorter than any pause a person would notice, longer than
/// a busy store makes us wait.
pub const ON_TIME: Length = Length::seconds(10);
/// Older ticks are not caught up, whatever the period.
pub const WINDOW_MAX: Length = Length::hours(24);
/// Ticks skipped in a row, for a run that is still going, before somebody is told.
pub const SKIPS_ALERT: u32 = 3;
/// Runs that failed in a row before somebody is told of the schedule; each of them was told as `job.discarded` already.
pub const FAILURES_ALERT: u32 = 3;

/// What happens to ticks that came while nobody could decide them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// They are missed.
    None,
    /// The newest runs, the others are superseded by it. The default.
    Latest,
    /// The newest `limit` run, one after the other.
    All { limit: u32 },
}

/// What happens to a tick while an earlier run of its schedule is unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It is skipped. The default: runs never pile up.
    Skip,
    /// It waits for the earlier run; one waits, those after it are skipped.
    Queue,
    /// The earlier run is cancelled, and the tick waits until it has ended.
    CancelRunning,
    /// Both run.
    Allow,
}

impl CatchUp {
    pub const WORDS: &'static str = "`none`, `latest` or `all`";
}

impl Overlap {
    pub const WORDS: &'static str = "`skip`, `queue`, `cancel_running` or `allow`";

    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "skip" => Self::Skip,
            "queue" => Self::Queue,
            "cancel_running" => Self::CancelRunning,
            "allow" => Self::Allow,
            _ => return None,
        })
    }
}

/// All policies of one schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policies {
    pub catch_up: CatchUp,
    /// How old a tick may be to be caught up. `None`: the schedule's own period, 24 hours at most; for `all`, 24 hours.
    pub window: Option<Length>,
    pub overlap: Overlap,
    /// Each tick's job becomes due up to this long after it; the tick keeps its nominal instant.
    pub jitter: Length,
    /// Alarm when the job of a tick has not started this long after it.
    pub late_after: Option<Length>,
    /// Skips in a row before the alarm.
    pub skips_alert: u32,
    /// A run that completes sooner counts as a failure of the schedule.
    pub min_duration: Option<Length>,
    /// Failures in a row before the alarm.
    pub failures_alert: u32,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            catch_up: CatchUp::Latest,
            window: None,
            overlap: Overlap::Skip,
            jitter: Length(0),
            late_after: None,
            skips_alert: SKIPS_ALERT,
            min_duration: None,
            failures_alert: FAILURES_ALERT,
        }
    }
}

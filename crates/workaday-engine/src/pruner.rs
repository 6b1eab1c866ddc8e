//! Deletes finished jobs past retention, in small steps.
//!
//! Purpose: the store stays small without anybody thinking of it. Options: `[retention] completed, cancelled,
//! discarded, logs`. Each step is at most 500 jobs in a lazy transaction of its own, at most one in 200 ms while there is
//! more, one a minute when there is not. Log lines have no index on their time: they are walked through, 2,000 a step, and
//! again when a twenty-fourth of their retention has passed, an hour at most. Turn it off with a very long retention. Killed midway: the step is undone.

use crate::moment::Moment;
use crate::settings::Settings;
use workaday_core::clock::{Length, Timestamp};
use workaday_store::{LogPlace, PruneBefore, Store, StoreError};

const ROWS_MAX: usize = 500;
/// What became of ticks is kept this long; a schedule of every second makes 86,400 rows a day.
const RETAIN_TICKS: Length = Length::days(30);
const STEP_PAUSE: Length = Length::millis(200);
const IDLE_PAUSE: Length = Length::minutes(1);

/// Lines looked at in a step, and the longest pause between two walks through them.
const LINES_MAX: usize = 2_000;
const WALK_PAUSE_MAX: Length = Length::hours(1);

#[derive(Debug)]
pub struct Pruner {
    next_at: Timestamp,
    /// Where the walk through the log lines stands, and when it begins again.
    place: LogPlace,
    walk_at: Timestamp,
}

impl Pruner {
    pub fn new(now: Timestamp) -> Self {
        Self { next_at: now + Length::seconds(5), place: LogPlace::default(), walk_at: now }
    }

    pub fn next_at(&self) -> Timestamp {
        self.next_at
    }

    /// One step inside the caller's transaction. Returns how many jobs, or ticks where those were more, went.
    pub fn run_once(&mut self, store: &mut dyn Store, settings: &Settings, now: Moment) -> Result<usize, StoreError> {
        let before = PruneBefore {
            completed: now.wall - settings.retain_completed,
            cancelled: now.wall - settings.retain_cancelled,
            discarded: now.wall - settings.retain_discarded,
        };
        let ticks = store.prune_ticks(now.wall - RETAIN_TICKS, ROWS_MAX)?;
        let measures = store.prune_measures(now.wall - settings.retain_measures, ROWS_MAX)?;
        let pruned = store.prune(&before, ROWS_MAX)?.max(ticks).max(measures);
        store.prune_schedules(now.wall - RETAIN_TICKS, ROWS_MAX)?;
        let walks_on = now.steady >= self.walk_at && self.walk(store, settings, now)?;
        self.next_at = now.steady + if pruned == ROWS_MAX || walks_on { STEP_PAUSE } else { IDLE_PAUSE };
        Ok(pruned)
    }

    /// One step through the log lines. `true`: there are more.
    fn walk(&mut self, store: &mut dyn Store, settings: &Settings, now: Moment) -> Result<bool, StoreError> {
        let (_, next) = store.prune_logs(now.wall - settings.retain_logs, self.place, LINES_MAX)?;
        if next.is_none() {
            self.walk_at = now.steady + Length((settings.retain_logs.0 / 24).min(WALK_PAUSE_MAX.0));
        }
        self.place = next.unwrap_or_default();
        Ok(next.is_some())
    }
}

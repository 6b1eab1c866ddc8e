//! What an operator can set of the engine. Lengths in microseconds inside; defaults stated here once.

use std::collections::BTreeMap;
use workaday_core::clock::Length;
use workaday_core::schedule::ScheduleEntry;

/// Limits of one queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueSettings {
    /// Jobs of this queue that may run at once; `None` = as many as children allow.
    pub slots: Option<usize>,
    pub paused: bool,
}

/// Settings of all services.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Sync children. Default: one a core.
    pub processes: usize,
    /// Async children. Default 1.
    pub async_processes: usize,
    /// Jobs at once on the loop of one async child. Default 100.
    pub async_slots: usize,
    /// Solo children at once, for work that runs alone. Default 4: after two crashes a whole loop of 100 suspects waits in this lane.
    pub solo_processes: usize,
    /// Commands at once. Default: one a core.
    pub commands: usize,
    /// Is there an application to import? Without one no Python child is started.
    pub has_app: bool,
    /// Time a drain allows running jobs. Default 10 s.
    pub grace: Length,
    /// From the soft stop to SIGTERM; half as long again to SIGKILL. Default 5 s.
    pub kill_after: Length,
    /// From the spawning of a child to its hello; longer counts as a failed start. Default 60 s.
    pub start_within: Length,
    /// Jobs after which a child is replaced; `None` = never.
    pub recycle_after_jobs: Option<u64>,
    /// Resident size above which a child is replaced when its job ends; `None` = never.
    pub recycle_above_bytes: Option<u64>,
    /// An idle solo child goes after this long. Default 30 s.
    pub solo_linger: Length,
    pub queues: BTreeMap<String, QueueSettings>,
    /// `[schedules] tz`: for schedules that name no zone.
    pub schedules_tz: Option<String>,
    /// `[schedules.NAME]` of workaday.toml.
    pub schedules: Vec<ScheduleEntry>,
    pub retain_completed: Length,
    pub retain_cancelled: Length,
    pub retain_discarded: Length,
    /// Lines that jobs wrote. Default 14 days.
    pub retain_logs: Length,
    /// Figures by minute. Default 30 days.
    pub retain_measures: Length,
    /// Work sent ahead into a sync child, as expected run time. Default 5 ms.
    pub pipeline: Length,
    /// A job running longer than this has what waits behind it taken back. Default 20 ms.
    pub recall_after: Length,
}

/// Beyond the grace and the killing, a drain has this long for the last commit and for closing what is open.
const LAST_WORDS: Length = Length::seconds(3);

impl Settings {
    /// How long an end may take from the signal on: `grace`, twice `kill_after`, and three seconds.
    pub fn ends_within(&self) -> Length {
        ends_within(self.grace, self.kill_after)
    }
}

/// The same, for whoever waits for an end.
pub fn ends_within(grace: Length, kill_after: Length) -> Length {
    Length(grace.0 + 2 * kill_after.0 + LAST_WORDS.0)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            processes: 2,
            async_processes: 1,
            async_slots: 100,
            solo_processes: 4,
            commands: 2,
            has_app: true,
            grace: Length::seconds(10),
            kill_after: Length::seconds(5),
            start_within: Length::seconds(60),
            recycle_after_jobs: None,
            recycle_above_bytes: None,
            solo_linger: Length::seconds(30),
            queues: BTreeMap::new(),
            schedules_tz: None,
            schedules: Vec::new(),
            retain_completed: Length::days(7),
            retain_cancelled: Length::days(7),
            retain_discarded: Length::days(90),
            retain_logs: Length::days(14),
            retain_measures: Length::days(30),
            pipeline: Length::millis(5),
            recall_after: Length::millis(20),
        }
    }
}

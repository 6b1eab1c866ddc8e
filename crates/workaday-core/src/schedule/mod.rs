//! When a schedule is due: parser, civil time, ticks.

mod calendar;
mod civil;
mod cron;
mod decide;
mod declared;
mod describe;
mod error;
mod excluded;
mod interval;
mod judge;
mod learned;
mod policy;
mod resting;
mod spread;
mod tick;
mod ticks;
mod timetable;
mod warning;

pub use calendar::Calendar;
pub use civil::{DstPolicy, FoldPolicy, GapPolicy};
pub use cron::CronExpr;
pub use decide::{Decided, Fire, Pause, Reason, Silence, Standing, decide, silence};
pub use declared::{Plan, ScheduleEntry, ScheduleSource, ScheduleState};
pub use error::{CronError, Field};
pub use excluded::{ExcludedDates, HolidayError};
pub use interval::{Interval, IntervalError};
pub use judge::judge;
pub use learned::{Learned, RUNS_KEPT, RUNS_NEEDED};
pub use policy::{CatchUp, FAILURES_ALERT, ON_TIME, Overlap, Policies, SKIPS_ALERT, WINDOW_MAX};
pub use spread::{jitter, spread, tick_job_id};
pub use tick::{Landing, Tick, from_micros};
pub use ticks::{Ticks, Walk};
pub use timetable::{Rule, Timetable};
pub use warning::{ClockChange, Warning};

//! What runs teach their schedules: how long one takes, how many failed in a row, and when to say so.
//!
//! Purpose: a scheduled job that goes wrong in silence is told. A run that goes on much longer than those before it
//! (`schedule.too_long`), one that was over too soon to have done its work (`schedule.too_short`), and several failures
//! in a row (`schedule.failing`). What it will not do: stop anything; that is `timeout`. Options: `min_duration`,
//! `alert_after_failures`; the expected duration is learned (`core::schedule::Learned`). It costs a job without a
//! schedule nothing. Killed midway: what was learned goes with the transaction of the settlement, and the length of a
//! run is watched anew by whoever runs it next.

use crate::chores::Chore;
use crate::crew::Crew;
use crate::scheduler::declared;
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::job::State;
use workaday_core::lifecycle::Settled;
use workaday_core::schedule::{FAILURES_ALERT, ScheduleEntry};
use workaday_store::{Store, StoreError};

/// The schedule that a job in flight is a run of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Care {
    pub schedule: String,
    /// What its runs usually take.
    pub expected: Option<Length>,
    /// From its start on; `None`: too little is known.
    pub too_long: Option<Length>,
    told: bool,
}

impl Care {
    /// From the tick of a job that is claimed.
    pub fn of(store: &mut dyn Store, tick: Option<&str>) -> Result<Option<Self>, StoreError> {
        let Some(tick) = tick else { return Ok(None) };
        let tick: serde_json::Value = serde_json::from_str(tick).unwrap_or_default();
        let Some(row) = tick["schedule"].as_str().map(|name| store.schedule(name)).transpose()?.flatten() else { return Ok(None) };
        Ok(Some(Self { expected: row.learned.expected(), too_long: row.learned.too_long(), schedule: row.name, told: false }))
    }

    /// An attempt has ended, in the transaction that writes it.
    pub fn settled(&self, store: &mut dyn Store, settled: &Settled, ran_us: Option<i64>, now: Timestamp) -> Result<(), StoreError> {
        store.close_alert("schedule.too_long", &self.schedule, now)?;
        let state = settled.next.state();
        // A retry is not the end of a run, and a cancel is somebody's decision: neither teaches anything.
        if !matches!(state, State::Completed | State::Discarded) {
            return Ok(());
        }
        let Some(row) = store.schedule(&self.schedule)? else { return Ok(()) };
        let entry = declared(&row).unwrap_or_default();
        let mut learned = row.learned;
        let ran = Length(ran_us.unwrap_or(0));
        let too_short = state == State::Completed && entry.min_duration_us.is_some_and(|least| ran < Length(least));
        match state == State::Completed && !too_short {
            true => {
                learned.completed(ran);
                store.close_alert("schedule.too_short", &self.schedule, now)?;
                store.close_alert("schedule.failing", &self.schedule, now)?;
            }
            false => learned.failed(),
        }
        store.learn_schedule(&self.schedule, &learned)?;
        if too_short {
            self.tell_short(store, &entry, ran, now)?;
        }
        let allowed = entry.alert_after_failures.unwrap_or(FAILURES_ALERT).max(1);
        if learned.failures >= allowed {
            let message = format!("schedule {}: {} runs in a row have failed", self.schedule, learned.failures);
            store.raise_alert("schedule.failing", &self.schedule, &message, now)?;
        }
        Ok(())
    }

    fn tell_short(&self, store: &mut dyn Store, entry: &ScheduleEntry, ran: Length, now: Timestamp) -> Result<(), StoreError> {
        let least = format_length(Length(entry.min_duration_us.unwrap_or(0)));
        let message = format!("schedule {}: a run completed after {}; less than {least} is too short", self.schedule, format_length(ran));
        store.raise_alert("schedule.too_short", &self.schedule, &message, now)
    }
}

/// Alerts for the runs that have become too long, each told once.
pub(crate) fn too_long(crew: &mut Crew, now: Timestamp) -> Vec<Chore> {
    let mut alerts = Vec::new();
    for flight in crew.flights.values_mut() {
        let Some(care) = &mut flight.care else { continue };
        if care.told || too_long_at(flight.started_at, care).is_none_or(|at| now < at) {
            continue;
        }
        care.told = true;
        let usual = care.expected.map(format_length).unwrap_or_default();
        let limit = care.too_long.map(format_length).unwrap_or_default();
        let message =
            format!("schedule {}: job {} has run for more than {limit}; its runs usually take up to {usual}", care.schedule, flight.id);
        alerts.push(Chore::Alert { code: "schedule.too_long".into(), subject: care.schedule.clone(), message });
    }
    alerts
}

/// When the next run becomes too long.
pub(crate) fn next_at(crew: &Crew) -> Option<Timestamp> {
    let cared = crew.flights.values().filter_map(|flight| Some((flight.started_at, flight.care.as_ref()?)));
    cared.filter(|(_, care)| !care.told).filter_map(|(started_at, care)| too_long_at(started_at, care)).min()
}

fn too_long_at(started_at: Option<Timestamp>, care: &Care) -> Option<Timestamp> {
    Some(started_at? + care.too_long?)
}

//! Schedules and ticks of the model.

use super::{Decided, Model, Result};
use std::collections::BTreeMap;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Problem;
use workaday_core::job::{JobKey, State};
use workaday_core::schedule::ScheduleState;
use workaday_store::{ScheduleRow, ScheduledJob, TickRow, Watched};

impl Model {
    pub(super) fn next_tick_at(&self) -> Option<Timestamp> {
        let schedules = self.schedules.values().filter(|row| row.state == ScheduleState::Active).filter_map(|row| row.next_at);
        let watched = self.watches.iter().filter_map(|(at, _)| self.ticks.get(at));
        let watches = watched.flat_map(|tick| [tick.row.start_by, tick.row.finish_by]).flatten();
        schedules.chain(watches).min()
    }

    /// The oldest waiting job of each schedule that has no other left.
    pub(super) fn releasable(&self) -> Vec<i64> {
        let mut oldest: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        for (key, job) in self.jobs.iter() {
            let Some(schedule) = &job.schedule else { continue };
            match job.state {
                State::Pending => drop(oldest.entry(schedule).or_insert(Some(*key))),
                _ => drop(oldest.insert(schedule, None)),
            }
        }
        oldest.into_values().flatten().collect()
    }

    pub(super) fn release_queued(&mut self, now: Timestamp) -> usize {
        let keys = self.releasable();
        for key in &keys {
            self.jobs.change(key, |job| job.state = if job.run_at > now { State::Scheduled } else { State::Available });
        }
        keys.len()
    }

    pub(super) fn due(&self, now: Timestamp, limit: usize) -> Vec<ScheduleRow> {
        let is_due = |row: &ScheduleRow| row.state == ScheduleState::Active && row.next_at.is_some_and(|at| at <= now);
        let mut due: Vec<ScheduleRow> = self.schedules.values().filter(|row| is_due(row)).map(|row| (**row).clone()).collect();
        due.sort_by_key(|row| row.next_at);
        due.truncate(limit);
        due
    }

    pub(super) fn state_schedule(&mut self, row: &ScheduleRow, now: Timestamp) {
        let known = self.schedules.get(&row.name).map(|known| (**known).clone());
        let mut new = row.clone();
        (new.updated_at, new.skips, new.pause_note) = (now, 0, None);
        match known {
            None => (new.paused_at, new.paused_until) = (None, None),
            Some(known) => {
                new.cursor = new.cursor.max(known.cursor);
                new.skips = known.skips;
                (new.paused_at, new.paused_until, new.pause_note) = (known.paused_at, known.paused_until, known.pause_note);
                new.owner = new.owner.or(known.owner);
                new.reason = new.reason.or(known.reason);
                new.created_at = known.created_at;
            }
        }
        self.schedules.put(row.name.clone(), new);
    }

    pub(super) fn jobs_of(&self, name: &str, limit: usize) -> Vec<ScheduledJob> {
        let mut jobs: Vec<ScheduledJob> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.schedule.as_deref() == Some(name))
            .map(|(key, job)| ScheduledJob { key: JobKey(*key), id: job.id, state: job.state })
            .collect();
        jobs.sort_by_key(|job| (job.state.as_str(), job.key));
        jobs.truncate(limit);
        jobs
    }

    pub(super) fn record_tick(&mut self, tick: &TickRow, now: Timestamp) -> Result<()> {
        let at = (tick.schedule.clone(), tick.at.0);
        if self.ticks.get(&at).is_some() {
            return Err(Problem::new("store.statement_failed", "UNIQUE constraint failed: ticks_are_decided_once").into());
        }
        if tick.start_by.is_some() || tick.finish_by.is_some() {
            self.watches.put(at.clone(), ());
        }
        self.ticks.put(at, Decided { row: tick.clone(), at: now });
        Ok(())
    }

    pub(super) fn watched(&self, now: Timestamp, limit: usize) -> Vec<Watched> {
        let passed = |by: Option<Timestamp>| by.is_some_and(|by| by <= now);
        let due = self
            .watches
            .iter()
            .filter_map(|(at, _)| self.ticks.get(at))
            .filter(|tick| passed(tick.row.start_by) || passed(tick.row.finish_by))
            .take(limit);
        due.filter_map(|tick| {
            let job = tick.row.job?;
            let found = self.find(job).map(|(_, job)| job);
            Some(Watched {
                schedule: tick.row.schedule.clone(),
                at: tick.row.at,
                job,
                start_by: tick.row.start_by,
                finish_by: tick.row.finish_by,
                started: found.as_ref().is_none_or(|job| job.fence > 0),
                finished_at: found.filter(|job| job.state.is_finished()).map(|job| job.finished_at),
            })
        })
        .collect()
    }

    pub(super) fn seen(&mut self, schedule: &str, at: Timestamp, now: Timestamp) {
        let (at, mut done) = ((schedule.to_owned(), at.0), true);
        self.ticks.change(&at, |tick| {
            tick.row.start_by = tick.row.start_by.filter(|by| *by > now);
            tick.row.finish_by = tick.row.finish_by.filter(|by| *by > now);
            done = tick.row.start_by.is_none() && tick.row.finish_by.is_none();
        });
        if done {
            self.watches.remove(&at);
        }
    }

    pub(super) fn forget_ticks(&mut self, before: Timestamp, limit: usize) -> usize {
        let mut old: Vec<(Timestamp, (String, i64))> =
            self.ticks.iter().filter(|(_, tick)| tick.at < before).map(|(key, tick)| (tick.at, key.clone())).collect();
        old.sort();
        old.truncate(limit);
        for (_, key) in &old {
            self.ticks.remove(key);
            self.watches.remove(key);
        }
        old.len()
    }
}

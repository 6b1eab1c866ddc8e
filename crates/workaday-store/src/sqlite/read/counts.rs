//! Counts for pages: each has a cap, so that no page waits for a million rows.

use super::super::rows;
use super::Reader;
use crate::error::Result;
use crate::statements as sql;
use rusqlite::params;
use std::collections::BTreeMap;
use workaday_core::clock::Timestamp;
use workaday_core::job::{HeldCode, Lane, State};

/// A number that was counted as far as it is worth: `10,000+`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub number: i64,
    /// There are more.
    pub more: bool,
}

impl Counted {
    fn of(number: i64, cap: i64) -> Self {
        Self { number: number.min(cap), more: number > cap }
    }
}

impl std::ops::Add for Counted {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { number: self.number + other.number, more: self.more || other.more }
    }
}

/// One queue's jobs, counted up to a cap each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueLoad {
    pub queue: String,
    pub available: Counted,
    pub scheduled: Counted,
    pub retryable: Counted,
    pub running: i64,
    pub held: Counted,
    pub oldest_waiting_at: Option<Timestamp>,
    /// Switched off by a rule that is active now.
    pub paused: bool,
}

/// What a span of finished jobs looked like: completed, cancelled, discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    pub completed: Counted,
    pub cancelled: Counted,
    pub discarded: Counted,
}

/// What one finished job has measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSample {
    pub task: String,
    pub queue: String,
    pub finished_at: Timestamp,
    pub waited_us: Option<i64>,
    pub ran_us: Option<i64>,
    pub memory_peak_kib: Option<i64>,
    pub release: Option<String>,
}

/// A release that our processes ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseSeen {
    pub release: String,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
}

impl Reader {
    /// Finished jobs of one state in a span, up to `cap`.
    pub fn finished_between(&self, state: State, since: Timestamp, until: Timestamp, cap: i64) -> Result<Counted> {
        if self.ended.is_some() {
            return Ok(Counted::of(self.count_ended(state, since.0, until.0)?, cap));
        }
        let number = self.link.first(&sql::FINISHED_BETWEEN, params![state.as_str(), since.0, until.0, cap + 1], |row| row.get(0))?;
        Ok(Counted::of(number.unwrap_or(0), cap))
    }

    /// The three final states of a span, each up to `cap`.
    pub fn finished_in(&self, since: Timestamp, until: Timestamp, cap: i64) -> Result<Finished> {
        let count = |state| self.finished_between(state, since, until, cap);
        Ok(Finished { completed: count(State::Completed)?, cancelled: count(State::Cancelled)?, discarded: count(State::Discarded)? })
    }

    /// Unfinished jobs, up to `cap`.
    pub fn unfinished(&self, cap: i64) -> Result<Counted> {
        Ok(Counted::of(self.link.first(&sql::UNFINISHED_SOME, [cap + 1], |row| row.get(0))?.unwrap_or(0), cap))
    }

    /// Every queue with unfinished jobs, a task in the catalogue, or a hold.
    ///
    /// Jobs that wait for others are not counted here: no index knows them.
    pub fn loads(&self, now: Timestamp, cap: i64) -> Result<Vec<QueueLoad>> {
        let mut loads: BTreeMap<String, QueueLoad> = BTreeMap::new();
        fn of(loads: &mut BTreeMap<String, QueueLoad>, name: String) -> &mut QueueLoad {
            loads.entry(name).or_insert_with_key(|name| QueueLoad { queue: name.clone(), ..QueueLoad::default() })
        }
        for (lane, name) in self.ready_queues()? {
            let (count, oldest) = (self.ready(lane, &name, cap)?, self.oldest_ready(lane, &name)?);
            let load = of(&mut loads, name);
            load.available = load.available + count;
            load.oldest_waiting_at = load.oldest_waiting_at.into_iter().chain(oldest).min();
        }
        let due = self.link.list(&sql::DUE_SOME, [cap], |row| Ok((row.get(0)?, rows::word::<State>(row, 1)?, row.get::<_, i64>(2)?)))?;
        // The cap is shared by all queues: once it is reached, each of them may have more.
        let more = due.iter().map(|(_, _, count)| count).sum::<i64>() >= cap;
        for (name, state, number) in due {
            let load = of(&mut loads, name);
            *(if state == State::Scheduled { &mut load.scheduled } else { &mut load.retryable }) = Counted { number, more };
        }
        for (name, running) in self.link.list(&sql::RUNNING_COUNTS, [], |row| Ok((row.get(0)?, row.get(1)?)))? {
            of(&mut loads, name).running = running;
        }
        let held = self.held(cap)?;
        let more = held.iter().map(|(_, _, count)| count).sum::<i64>() >= cap;
        for (name, _, number) in held {
            let load = of(&mut loads, name);
            load.held = load.held + Counted { number, more };
        }
        for task in self.tasks()?.into_iter().filter(|task| task.present) {
            of(&mut loads, task.queue);
        }
        for hold in self.holds(false)?.into_iter().filter(|hold| hold.rule.is_active(now)) {
            if let Some(name) = hold.rule.queue {
                of(&mut loads, name).paused = true;
            }
        }
        Ok(loads.into_values().collect())
    }

    /// Held jobs by queue and reason, of the first `cap`.
    pub fn held(&self, cap: i64) -> Result<Vec<(String, HeldCode, i64)>> {
        self.link.list(&sql::HELD_SOME, [cap], |row| Ok((row.get(0)?, rows::word(row, 1)?, row.get(2)?)))
    }

    /// Lanes and queues that have ready jobs: one seek each.
    pub(super) fn ready_queues(&self) -> Result<Vec<(Lane, String)>> {
        let mut found = vec![];
        for lane in Lane::ALL {
            let mut name = String::new();
            while let Some(next) = self.link.first(&sql::READY_QUEUE, params![lane.as_str(), name], |row| row.get::<_, String>(0))? {
                found.push((*lane, next.clone()));
                name = next;
            }
        }
        Ok(found)
    }

    pub(super) fn ready(&self, lane: Lane, queue: &str, cap: i64) -> Result<Counted> {
        let number = self.link.first(&sql::READY_SOME, params![lane.as_str(), queue, cap + 1], |row| row.get(0))?;
        Ok(Counted::of(number.unwrap_or(0), cap))
    }

    pub(super) fn oldest_ready(&self, lane: Lane, queue: &str) -> Result<Option<Timestamp>> {
        let (mut priority, mut oldest) = (i32::MAX, None);
        let step = |priority: i32| {
            let parameters = params![lane.as_str(), queue, priority];
            self.link.first(&sql::READY_STEP, parameters, |row| Ok((row.get(0)?, rows::instant(row, 1)?)))
        };
        while let Some((next, since)) = step(priority)? {
            oldest = oldest.into_iter().chain([since]).min();
            priority = next;
        }
        Ok(oldest)
    }

    /// What the last `limit` completed jobs of a span have measured, the newest first.
    pub fn recent_runs(&self, since: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<RunSample>> {
        self.link.list(&sql::RECENT_RUNS, params![since.0, until.0, limit as i64], |row| {
            Ok(RunSample {
                task: row.get(1)?,
                queue: row.get(2)?,
                finished_at: rows::instant(row, 3)?,
                waited_us: row.get(4)?,
                ran_us: row.get(5)?,
                memory_peak_kib: row.get(6)?,
                release: row.get(7)?,
            })
        })
    }

    /// Releases that our processes ran, the newest first.
    pub fn releases_seen(&self, limit: usize) -> Result<Vec<ReleaseSeen>> {
        self.link.list(&sql::RELEASES_SEEN, [limit as i64], |row| {
            Ok(ReleaseSeen { release: row.get(0)?, first_at: rows::instant(row, 1)?, last_at: rows::instant(row, 2)? })
        })
    }
}

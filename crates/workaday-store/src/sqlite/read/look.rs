//! Jobs for the pages: every filter may be combined, and none makes the store walk through all it holds.
//!
//! A look reads so many rows at most and says where it stopped: "3 found among the newest 10,000; look further".

use super::jobs::summary;
use super::types::JobSummary;
use super::{Reader, bounded};
use crate::error::Result;
use crate::statements as sql;
use rusqlite::{Row, params};
use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use workaday_core::job::{JobKey, State};

/// Rows of each table that one look reads at most: a rare tag among a million jobs is answered within 50 ms.
pub const LOOK_MAX: i64 = 10_000;

/// Which jobs a page shows. A field left out asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    pub state: Option<State>,
    /// Held ones, of any state; `state` is then not asked.
    pub held: bool,
    pub task: Option<String>,
    pub queue: Option<String>,
    pub tag: Option<String>,
    /// A piece of the arguments or of the task's name.
    pub text: Option<String>,
    /// Where the page before stopped: [`Seen::next`].
    pub from: Option<Place>,
    /// At most 1000; 0 means 50.
    pub limit: usize,
}

/// Where a page of a list ended: what the list is ordered by, and the key of the job, since many may share an instant.
/// A list that is ordered by the key alone has no second part. As text: `1795368000000000.42`, or `42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub first: i64,
    pub key: i64,
}

impl Place {
    const TOP: Self = Self { first: i64::MAX, key: i64::MAX };
    const BOTTOM: Self = Self { first: i64::MIN, key: 0 };

    fn of_key(job: &JobSummary) -> Self {
        Self { first: job.key.0, key: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key == 0 { write!(f, "{}", self.first) } else { write!(f, "{}.{}", self.first, self.key) }
    }
}

impl FromStr for Place {
    type Err = ParseIntError;

    fn from_str(text: &str) -> std::result::Result<Self, ParseIntError> {
        let (first, key) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { first: first.parse()?, key: key.parse()? })
    }
}

/// A job in a list, with the beginning of its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedJob {
    pub job: JobSummary,
    /// JSON as far as 400 letters.
    pub args: String,
}

/// What a look has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub jobs: Vec<ListedJob>,
    /// From where to look further; `None`: there is no more.
    pub next: Option<Place>,
    /// It read as far as it may before the page was full.
    pub stopped_early: bool,
}

impl Reader {
    /// Newest first; the last to finish first for a final state; the next due first for scheduled and retryable ones.
    pub fn look(&self, look: &Look) -> Result<Seen> {
        match look.state {
            _ if look.held => self.look_held(look),
            Some(state) if state.is_finished() => self.look_ended(look, state),
            Some(state @ (State::Scheduled | State::Retryable)) => self.look_due(look, state),
            Some(State::Running) => self.look_running(look),
            Some(_) => self.look_unfinished(look),
            None => self.look_all(look),
        }
    }

    /// One job as the lists show it.
    pub fn job_by_key(&self, key: JobKey) -> Result<Option<ListedJob>> {
        self.link.first(&sql::JOB_BY_KEY, [key.0], listed)
    }

    fn look_all(&self, look: &Look) -> Result<Seen> {
        let (mut one, other) = (self.look_unfinished(look)?, self.look_finished(look)?);
        // Both halves have to be whole down to the same key, or jobs between would be passed over.
        let floor = one.next.into_iter().chain(other.next).max();
        one.jobs.extend(other.jobs);
        one.jobs.sort_by_key(|listed| std::cmp::Reverse(listed.job.key));
        one.jobs.retain(|listed| floor.is_none_or(|floor| listed.job.key.0 >= floor.first));
        let limit = bounded(look.limit) as usize;
        let next = if one.jobs.len() > limit { one.jobs.get(limit - 1).map(|listed| Place::of_key(&listed.job)) } else { floor };
        one.jobs.truncate(limit);
        Ok(Seen { stopped_early: next.is_some() && one.jobs.len() < limit, next, jobs: one.jobs })
    }

    fn look_unfinished(&self, look: &Look) -> Result<Seen> {
        let before = look.from.map_or(i64::MAX, |place| place.first);
        let floor = self.link.first(&sql::UNFINISHED_FLOOR, params![before, LOOK_MAX], key_of_floor)?;
        let state = look.state.map(|state| state.as_str());
        let limit = bounded(look.limit);
        let parameters = params![before, floor.unwrap_or(Place::BOTTOM).first, state, look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_UNFINISHED, parameters, listed)?, limit, floor, Place::of_key))
    }

    fn look_finished(&self, look: &Look) -> Result<Seen> {
        let before = look.from.map_or(i64::MAX, |place| place.first);
        let floor = self.link.first(&sql::FINISHED_FLOOR, params![before, LOOK_MAX], key_of_floor)?;
        let limit = bounded(look.limit);
        let parameters = params![before, floor.unwrap_or(Place::BOTTOM).first, look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_FINISHED, parameters, listed)?, limit, floor, Place::of_key))
    }

    fn look_ended(&self, look: &Look, state: State) -> Result<Seen> {
        let before = look.from.unwrap_or(Place::TOP);
        let floor = self.link.first(&sql::ENDED_FLOOR, params![state.as_str(), before.first, before.key, LOOK_MAX], floor)?;
        let limit = bounded(look.limit);
        let back_to = floor.unwrap_or(Place::BOTTOM);
        let (task, queue, tag, text) = (&look.task, &look.queue, &look.tag, &look.text);
        let parameters = params![state.as_str(), before.first, before.key, back_to.first, back_to.key, task, queue, tag, text, limit];
        let ended = |job: &JobSummary| Place { first: job.finished_at.map_or(i64::MIN, |at| at.0), key: job.key.0 };
        Ok(seen(self.link.list(&sql::PAGE_ENDED, parameters, listed)?, limit, floor, ended))
    }

    fn look_due(&self, look: &Look, state: State) -> Result<Seen> {
        let since = look.from.unwrap_or(Place::BOTTOM);
        let floor = self.link.first(&sql::DUE_FLOOR, params![since.first, since.key, LOOK_MAX], floor)?;
        let limit = bounded(look.limit);
        let until = floor.unwrap_or(Place::TOP);
        let (task, queue, tag, text) = (&look.task, &look.queue, &look.tag, &look.text);
        let parameters = params![since.first, since.key, until.first, until.key, state.as_str(), task, queue, tag, text, limit];
        let due = |job: &JobSummary| Place { first: job.run_at.0, key: job.key.0 };
        Ok(seen(self.link.list(&sql::PAGE_DUE, parameters, listed)?, limit, floor, due))
    }

    fn look_running(&self, look: &Look) -> Result<Seen> {
        let limit = bounded(look.limit);
        let parameters = params![look.from.unwrap_or(Place::TOP).first, look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_RUNNING, parameters, listed)?, limit, None, Place::of_key))
    }

    fn look_held(&self, look: &Look) -> Result<Seen> {
        let limit = bounded(look.limit);
        let parameters = params![LOOK_MAX, look.from.unwrap_or(Place::TOP).first, look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_HELD, parameters, listed)?, limit, None, Place::of_key))
    }
}

/// An instant and a key.
fn floor(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { first: row.get(0)?, key: row.get(1)? })
}

fn key_of_floor(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { first: row.get(0)?, key: 0 })
}

fn seen(jobs: Vec<ListedJob>, limit: i64, floor: Option<Place>, place: fn(&JobSummary) -> Place) -> Seen {
    let is_full = jobs.len() as i64 >= limit;
    let next = if is_full { jobs.last().map(|listed| place(&listed.job)) } else { floor };
    Seen { stopped_early: !is_full && floor.is_some(), next, jobs }
}

/// Columns as in `list_unfinished.sql`, then the arguments.
fn listed(row: &Row<'_>) -> rusqlite::Result<ListedJob> {
    Ok(ListedJob { job: summary(row)?, args: row.get(24)? })
}

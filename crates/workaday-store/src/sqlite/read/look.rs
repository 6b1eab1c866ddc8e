//! Jobs for the pages: every filter may be combined, and none makes the store walk through all it holds.
//!
//! A look reads so many rows at most and says where it stopped: "3 found among the newest 10,000; look further".

use super::jobs::summary;
use super::types::JobSummary;
use super::{Reader, bounded};
use crate::error::Result;
use crate::statements::{self as sql, Statement};
use rusqlite::{Params, Row, params};
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

/// Is a job wanted? Asked with its task and its whole arguments, as JSON.
///
/// What may be searched depends on what may be shown, which is no matter of the store: a page hides secrets in arguments,
/// and a search that saw them would tell them letter by letter.
pub type Fits<'a> = &'a dyn Fn(&str, &str) -> bool;

impl Reader {
    /// Newest first; the last to finish first for a final state; the next due first for scheduled and retryable ones.
    pub fn look(&self, look: &Look) -> Result<Seen> {
        self.look_for(look, None)
    }

    /// The same, of those jobs alone that fit.
    pub fn look_for(&self, look: &Look, fits: Option<Fits<'_>>) -> Result<Seen> {
        match look.state {
            _ if look.held => self.look_held(look, fits),
            Some(state) if state.is_finished() => self.look_ended(look, state, fits),
            Some(state @ (State::Scheduled | State::Retryable)) => self.look_due(look, state, fits),
            Some(State::Running) => self.look_running(look, fits),
            Some(_) => self.look_unfinished(look, fits),
            None => self.look_all(look, fits),
        }
    }

    /// Rows of a page, read until `limit` of them fit. The statement bounds how many there are to be read.
    fn page(&self, statement: &Statement, parameters: impl Params, limit: i64, fits: Option<Fits<'_>>) -> Result<Vec<ListedJob>> {
        let read = |prepared: &mut rusqlite::Statement<'static>| {
            let (mut rows, mut found) = (prepared.query(parameters)?, vec![]);
            while (found.len() as i64) < limit
                && let Some(row) = rows.next()?
            {
                if fits.is_none_or(|fits| fits(text(row, 2), text(row, WHOLE))) {
                    found.push(listed(row)?);
                }
            }
            Ok(found)
        };
        self.link.read(statement, read)
    }

    /// One job as the lists show it.
    pub fn job_by_key(&self, key: JobKey) -> Result<Option<ListedJob>> {
        self.link.first(&sql::JOB_BY_KEY, [key.0], listed)
    }

    fn look_all(&self, look: &Look, fits: Option<Fits<'_>>) -> Result<Seen> {
        let (mut one, other) = (self.look_unfinished(look, fits)?, self.look_finished(look, fits)?);
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

    fn look_unfinished(&self, look: &Look, fits: Option<Fits<'_>>) -> Result<Seen> {
        let before = look.from.map_or(i64::MAX, |place| place.first);
        let state = look.state.map(|state| state.as_str());
        let floor = match state {
            None if is_wide(look, fits) => None,
            _ => self.link.first(&sql::UNFINISHED_FLOOR, params![before, LOOK_MAX], key_of_floor)?,
        };
        let (limit, rows) = limits(look, fits);
        let parameters =
            params![fits.is_some(), before, floor.unwrap_or(Place::BOTTOM).first, state, look.task, look.queue, look.tag, rows];
        Ok(seen(self.page(&sql::PAGE_UNFINISHED, parameters, limit, fits)?, limit, floor, Place::of_key))
    }

    fn look_finished(&self, look: &Look, fits: Option<Fits<'_>>) -> Result<Seen> {
        let before = look.from.map_or(i64::MAX, |place| place.first);
        let floor = match is_wide(look, fits) {
            true => None,
            false => self.link.first(&sql::FINISHED_FLOOR, params![before, LOOK_MAX], key_of_floor)?,
        };
        let (limit, rows) = limits(look, fits);
        let parameters = params![fits.is_some(), before, floor.unwrap_or(Place::BOTTOM).first, look.task, look.queue, look.tag, rows];
        Ok(seen(self.page(&sql::PAGE_FINISHED, parameters, limit, fits)?, limit, floor, Place::of_key))
    }

    fn look_ended(&self, look: &Look, state: State, fits: Option<Fits<'_>>) -> Result<Seen> {
        let before = look.from.unwrap_or(Place::TOP);
        let floor = match is_wide(look, fits) {
            true => None,
            false => self.link.first(&sql::ENDED_FLOOR, params![state.as_str(), before.first, before.key, LOOK_MAX], floor)?,
        };
        let (limit, rows) = limits(look, fits);
        let back_to = floor.unwrap_or(Place::BOTTOM);
        let (task, queue, tag) = (&look.task, &look.queue, &look.tag);
        let parameters =
            params![fits.is_some(), state.as_str(), before.first, before.key, back_to.first, back_to.key, task, queue, tag, rows];
        let ended = |job: &JobSummary| Place { first: job.finished_at.map_or(i64::MIN, |at| at.0), key: job.key.0 };
        Ok(seen(self.page(&sql::PAGE_ENDED, parameters, limit, fits)?, limit, floor, ended))
    }

    fn look_due(&self, look: &Look, state: State, fits: Option<Fits<'_>>) -> Result<Seen> {
        let since = look.from.unwrap_or(Place::BOTTOM);
        let floor = self.link.first(&sql::DUE_FLOOR, params![since.first, since.key, LOOK_MAX], floor)?;
        let (limit, rows) = limits(look, fits);
        let until = floor.unwrap_or(Place::TOP);
        let (task, queue, tag) = (&look.task, &look.queue, &look.tag);
        let parameters = params![fits.is_some(), since.first, since.key, until.first, until.key, state.as_str(), task, queue, tag, rows];
        let due = |job: &JobSummary| Place { first: job.run_at.0, key: job.key.0 };
        Ok(seen(self.page(&sql::PAGE_DUE, parameters, limit, fits)?, limit, floor, due))
    }

    fn look_running(&self, look: &Look, fits: Option<Fits<'_>>) -> Result<Seen> {
        let (limit, rows) = limits(look, fits);
        let parameters = params![fits.is_some(), look.from.unwrap_or(Place::TOP).first, look.task, look.queue, look.tag, rows];
        Ok(seen(self.page(&sql::PAGE_RUNNING, parameters, limit, fits)?, limit, None, Place::of_key))
    }

    fn look_held(&self, look: &Look, fits: Option<Fits<'_>>) -> Result<Seen> {
        let (limit, rows) = limits(look, fits);
        let parameters = params![fits.is_some(), LOOK_MAX, look.from.unwrap_or(Place::TOP).first, look.task, look.queue, look.tag, rows];
        Ok(seen(self.page(&sql::PAGE_HELD, parameters, limit, fits)?, limit, None, Place::of_key))
    }
}

/// Does every row of the list fit? Then its limit bounds what is read, and nobody has to look for a floor: finding one costs as
/// much as reading down to it.
fn is_wide(look: &Look, fits: Option<Fits<'_>>) -> bool {
    look.task.is_none() && look.queue.is_none() && look.tag.is_none() && fits.is_none()
}

/// How many jobs are wanted, and how many rows may be read for them: when some do not fit, as many as the floors allow.
fn limits(look: &Look, fits: Option<Fits<'_>>) -> (i64, i64) {
    let limit = bounded(look.limit);
    (limit, if fits.is_some() { i64::MAX } else { limit })
}

/// The column of the whole arguments; empty unless they were asked for.
const WHOLE: usize = 25;

/// A text column as it stands in the row. What is no text fits nothing.
fn text<'a>(row: &'a Row<'_>, column: usize) -> &'a str {
    row.get_ref(column).ok().and_then(|value| value.as_str().ok()).unwrap_or_default()
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

//! Jobs for the pages: every filter may be combined, and none makes the store walk through all it holds.
//!
//! A look reads so many rows at most and says where it stopped: "3 found among the newest 20,000; look further".

use super::jobs::summary;
use super::types::JobSummary;
use super::{Reader, bounded};
use crate::error::Result;
use crate::statements as sql;
use rusqlite::{Row, params};
use workaday_core::job::{JobKey, State};

/// Rows that one look reads at most.
const LOOK_MAX: i64 = 20_000;

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
    pub from: Option<i64>,
    /// At most 1000; 0 means 50.
    pub limit: usize,
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
    pub next: Option<i64>,
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
        one.jobs.retain(|listed| floor.is_none_or(|floor| listed.job.key.0 >= floor));
        let limit = bounded(look.limit) as usize;
        let next = if one.jobs.len() > limit { one.jobs.get(limit - 1).map(|listed| listed.job.key.0) } else { floor };
        one.jobs.truncate(limit);
        Ok(Seen { stopped_early: next.is_some() && one.jobs.len() < limit, next, jobs: one.jobs })
    }

    fn look_unfinished(&self, look: &Look) -> Result<Seen> {
        let before = look.from.unwrap_or(i64::MAX);
        let floor: Option<i64> = self.link.first(&sql::UNFINISHED_FLOOR, params![before, LOOK_MAX], |row| row.get(0))?;
        let state = look.state.map(|state| state.as_str());
        let limit = bounded(look.limit);
        let parameters = params![before, floor.unwrap_or(i64::MIN), state, look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_UNFINISHED, parameters, listed)?, limit, floor, |job| job.key.0))
    }

    fn look_finished(&self, look: &Look) -> Result<Seen> {
        let before = look.from.unwrap_or(i64::MAX);
        let floor: Option<i64> = self.link.first(&sql::FINISHED_FLOOR, params![before, LOOK_MAX], |row| row.get(0))?;
        let limit = bounded(look.limit);
        let parameters = params![before, floor.unwrap_or(i64::MIN), look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_FINISHED, parameters, listed)?, limit, floor, |job| job.key.0))
    }

    fn look_ended(&self, look: &Look, state: State) -> Result<Seen> {
        let before = look.from.unwrap_or(i64::MAX);
        let floor: Option<i64> = self.link.first(&sql::ENDED_FLOOR, params![state.as_str(), before, LOOK_MAX], |row| row.get(0))?;
        let limit = bounded(look.limit);
        let parameters = params![state.as_str(), before, floor.unwrap_or(i64::MIN), look.task, look.queue, look.tag, look.text, limit];
        let ended = |job: &JobSummary| job.finished_at.map_or(i64::MIN, |at| at.0);
        Ok(seen(self.link.list(&sql::PAGE_ENDED, parameters, listed)?, limit, floor, ended))
    }

    fn look_due(&self, look: &Look, state: State) -> Result<Seen> {
        // `next` is the instant of the last one shown, and the same instant is not asked again.
        let since = look.from.map_or(i64::MIN, |at| at.saturating_add(1));
        let until: Option<i64> = self.link.first(&sql::DUE_FLOOR, params![since, LOOK_MAX], |row| row.get(0))?;
        let limit = bounded(look.limit);
        let parameters = params![since, until.unwrap_or(i64::MAX), state.as_str(), look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_DUE, parameters, listed)?, limit, until, |job| job.run_at.0))
    }

    fn look_running(&self, look: &Look) -> Result<Seen> {
        let limit = bounded(look.limit);
        let parameters = params![look.from.unwrap_or(i64::MAX), look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_RUNNING, parameters, listed)?, limit, None, |job| job.key.0))
    }

    fn look_held(&self, look: &Look) -> Result<Seen> {
        let limit = bounded(look.limit);
        let parameters = params![LOOK_MAX, look.from.unwrap_or(i64::MAX), look.task, look.queue, look.tag, look.text, limit];
        Ok(seen(self.link.list(&sql::PAGE_HELD, parameters, listed)?, limit, None, |job| job.key.0))
    }
}

fn seen(jobs: Vec<ListedJob>, limit: i64, floor: Option<i64>, place: fn(&JobSummary) -> i64) -> Seen {
    let is_full = jobs.len() as i64 >= limit;
    let next = if is_full { jobs.last().map(|listed| place(&listed.job)) } else { floor };
    Seen { stopped_early: !is_full && floor.is_some(), next, jobs }
}

/// Columns as in `list_unfinished.sql`, then the arguments.
fn listed(row: &Row<'_>) -> rusqlite::Result<ListedJob> {
    Ok(ListedJob { job: summary(row)?, args: row.get(24)? })
}

//! The final rows against what was promised.

use super::super::history::{Final, Row};
use super::jobs::{Known, Stand};
use super::{Checker, Verdict, broken};
use std::collections::{BTreeMap, HashSet};
use workaday_core::job::{JobId, State};

impl Checker<'_> {
    pub(super) fn end(&self, last: &Final) -> Verdict {
        if last.integrity != "ok" {
            return broken("I15", format!("the store is damaged: {}", last.integrity));
        }
        let mut rows: BTreeMap<JobId, &Row> = BTreeMap::new();
        for row in &last.rows {
            if rows.insert(row.id, row).is_some() {
                return broken("I2", format!("job {} has two rows", row.id));
            }
            if self.jobs.get(&row.id).is_none_or(|job| job.deleted) {
                return broken("I2", format!("job {} is there, and nobody enqueued it", row.id));
            }
        }
        for (id, refused) in &self.answers {
            if *refused && rows.contains_key(id) {
                return broken("I2", format!("job {id} was refused and is there"));
            }
        }
        for (id, job) in self.jobs.iter().filter(|(_, job)| !job.deleted) {
            match rows.get(id) {
                None => return broken("I1", format!("job {id} was stored and is not there")),
                Some(row) => self.end_of(job, row)?,
            }
        }
        self.end_attempts(&last.attempts)?;
        self.end_ticks(&last.ticks, &last.cursors)?;
        self.end_tick_jobs()
    }

    fn end_of(&self, job: &Known, row: &Row) -> Verdict {
        let id = row.id;
        if let Some((fence, _)) = job.running.first() {
            return broken("I13", format!("job {id} still runs for claim {fence}"));
        }
        if row.fence != job.fence {
            return broken("I5", format!("job {id} was claimed {} times, its row says {}", job.fence, row.fence));
        }
        match (job.stand, row.state) {
            (Stand::Finished(state), found) if found == state => Ok(()),
            (Stand::Finished(state), found) => broken("I3", format!("job {id} became {state} and its row says {found}")),
            // An expiry shows in its row only.
            (Stand::Waiting, State::Cancelled) if row.reason.as_deref() == Some("expired") => match job.wish.expires_at {
                Some(at) if at <= self.entries.iter().map(|entry| entry.wall).max().unwrap_or(i64::MIN) => Ok(()),
                _ => broken("I4", format!("job {id} expired, and was not to")),
            },
            (Stand::Waiting, found) if found.is_finished() => broken("I3", format!("job {id} is {found}, and nobody settled it")),
            (Stand::Running { .. }, found) if found.is_finished() => broken("I6", format!("job {id} is {found} and no claim wrote that")),
            (Stand::Running { fence, .. }, _) => broken("I13", format!("job {id} was never given back: claim {fence} is held")),
            (Stand::Waiting, State::Running) => broken("I6", format!("job {id} was settled and its row runs")),
            (Stand::Waiting, found) => match row.held.as_deref() {
                Some("unknown_task") if !self.budgets.contains_key(&job.wish.task) => Ok(()),
                held => broken("I13", format!("job {id} of {} was left {found} (held: {held:?})", job.wish.task)),
            },
        }
    }

    fn end_attempts(&self, attempts: &[(i64, i64)]) -> Verdict {
        let known: HashSet<_> = self.recorded.iter().copied().collect();
        if known.len() != self.recorded.len() {
            return broken("I6", "an attempt was recorded twice".into());
        }
        let found: HashSet<_> = attempts.iter().copied().collect();
        if let Some((key, fence)) = known.difference(&found).next() {
            return broken("I6", format!("the outcome of job {key}, claim {fence}, was written and is not there"));
        }
        if let Some((key, fence)) = found.difference(&known).next() {
            return broken("I6", format!("job {key} has an outcome of claim {fence}, and nobody wrote it"));
        }
        if attempts.len() != found.len() {
            return broken("I14", "counts do not sum up: attempts".into());
        }
        Ok(())
    }
}

//! Look, enqueue, claim: what happens for every job and every wake-up.

use super::{SqliteStore, rows};
use crate::crash_point;
use crate::error::Result;
use crate::statements as sql;
use crate::store::{Candidate, Enqueued, NewJob, Peek};
use rusqlite::params;
use workaday_core::clock::Timestamp;
use workaday_core::job::{Fence, Generation, JobKey, Lane};

impl SqliteStore {
    pub(super) fn data_version_changed(&mut self) -> Result<bool> {
        let read = || self.link.connection().prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get::<_, i64>(0));
        let now = read().map_err(|error| self.link.fail(error))?;
        Ok(self.data_version.replace(now) != Some(now))
    }

    /// One read transaction around all of it: one look at one moment, and the file locks are taken once.
    pub(super) fn look(&mut self, now: Timestamp) -> Result<Peek> {
        if self.link.in_transaction() {
            return self.look_inside(now);
        }
        let plain = |text: &'static str| {
            self.link
                .connection()
                .prepare_cached(text)
                .and_then(|mut statement| statement.execute([]))
                .map_err(|error| self.link.fail(error))
        };
        plain("BEGIN")?;
        let peek = self.look_inside(now);
        let ended = plain("COMMIT");
        let peek = peek?;
        ended?;
        Ok(peek)
    }

    fn look_inside(&self, now: Timestamp) -> Result<Peek> {
        let link = &self.link;
        let queued_ticks = self.queued_ticks()?;
        Ok(Peek {
            ready: self.ready_pairs()?,
            next_due_at: link.first(&sql::NEXT_DUE, [], |row| rows::instant(row, 0))?,
            next_expiry_at: link.first(&sql::NEXT_EXPIRY, [], |row| rows::instant(row, 0))?,
            cancelling: link.first(&sql::CANCELLING_JOBS, [1], |_| Ok(()))?.is_some(),
            holds_pending: self.marking_rules(now, true)?.pop().is_some(),
            next_tick_at: self.next_tick_at()?,
            queued_ticks,
            releasable_ticks: queued_ticks && self.releasable_ticks()?,
        })
    }

    /// Steps from queue to queue: the cost grows with the queues, not with the jobs.
    fn ready_pairs(&self) -> Result<Vec<(Lane, String)>> {
        let mut pairs = Vec::new();
        for &lane in Lane::ALL {
            // No queue has an empty name, so all come after it.
            let mut after = String::new();
            while let Some(queue) = self.link.first(&sql::READY_QUEUE, params![lane.as_str(), after], |row| row.get::<_, String>(0))? {
                pairs.push((lane, queue.clone()));
                after = queue;
            }
        }
        Ok(pairs)
    }

    pub(super) fn insert(&self, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        let rerun_of = job.rerun_of.map(|id| id.0);
        let changed = self.link.writing()?.execute(
            &sql::ENQUEUE,
            params![
                job.id.0.as_bytes(),
                job.task,
                job.queue,
                job.priority,
                job.lane.as_str(),
                job.run_at.0,
                now.0,
                job.args,
                job.expires_at.map(|at| at.0),
                job.unique.as_ref().map(|unique| &unique.key),
                job.unique.as_ref().map(|unique| unique.held.as_str()),
                job.tags,
                rerun_of.as_ref().map(uuid::Uuid::as_bytes),
                job.enqueued_release,
            ],
        )?;
        crash_point!("enqueue.written");
        if changed == 1 { Ok(Enqueued::Stored) } else { self.not_stored(job) }
    }

    /// Enqueues in the place of a waiting job that holds the unique key; a running one keeps it, and is answered as `Held`.
    pub fn enqueue_replacing(&mut self, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        let first = self.insert(job, now)?;
        let (Enqueued::Held { .. }, Some(unique)) = (&first, &job.unique) else { return Ok(first) };
        let holder = self.link.first(&sql::FIND_UNIQUE_HOLDER, [&unique.key], rows::key)?;
        match holder {
            Some(key) if self.finish_waiting(key, "replaced", None, now)? => self.insert(job, now),
            _ => Ok(first),
        }
    }

    /// Why no row was written, asked in the same transaction: the id first, since a repeated call has to find itself.
    fn not_stored(&self, job: &NewJob) -> Result<Enqueued> {
        let Some(unique) = &job.unique else { return Ok(Enqueued::Known) };
        let known = self.link.first(&sql::ID_KNOWN, [job.id.0.as_bytes()], |row| row.get::<_, bool>(0))?;
        if known == Some(true) {
            return Ok(Enqueued::Known);
        }
        let holder = self.link.first(&sql::FIND_UNIQUE_HOLDER, [&unique.key], |row| {
            Ok(Enqueued::Held { by: rows::id(row, 1)?, state: rows::word(row, 2)? })
        })?;
        Ok(holder.expect("a row that is refused has its id or its unique key taken, and we hold the write lock"))
    }

    pub(super) fn candidates(&mut self, lane: Lane, queue: &str, now: Timestamp, limit: usize) -> Result<Vec<Candidate>> {
        let parameters = params![lane.as_str(), queue, limit as i64];
        let (found, strange) = self.sorted(&sql::CLAIMABLE_JOBS, parameters, rows::candidate, rows::key)?;
        self.jobs_aside(strange, now)?;
        if self.link.in_transaction() {
            self.fences.extend(found.iter().map(|candidate| (candidate.key, candidate.fence)));
        }
        Ok(found)
    }

    pub(super) fn claim_one(&mut self, key: JobKey, generation: Generation, worker: Option<i64>, now: Timestamp) -> Result<Option<Fence>> {
        let Some(fence) = self.fence_of(key)? else { return Ok(None) };
        let changed = self.link.writing()?.execute(&sql::CLAIM_JOB, params![fence.0, generation.0, worker, now.0, key.0])?;
        crash_point!("claim.written");
        Ok((changed == 1).then_some(Fence(fence.0 + 1)))
    }

    /// The fence that this transaction has read with the candidate; claims come in the order of the candidates.
    fn fence_of(&mut self, key: JobKey) -> Result<Option<Fence>> {
        match self.fences.iter().position(|(known, _)| *known == key) {
            Some(place) => Ok(self.fences.drain(..=place).next_back().map(|(_, fence)| fence)),
            None => self.link.first(&sql::JOB_FENCE, [key.0], |row| row.get(0).map(Fence)),
        }
    }
}

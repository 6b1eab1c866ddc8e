//! Jobs of the model: the statements on `workaday_jobs` and `workaday_finished`, as loops.

use super::{Job, Model, Result};
use std::rc::Rc;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::Problem;
use workaday_core::job::{Counts, Fence, Generation, JobId, JobKey, Lane, State};
use workaday_core::lifecycle::{self, CancelEffect, Next};
use workaday_store::{Act, Candidate, Enqueued, NewJob, Peek, RunningRow, Settlement, TickJob};

impl Model {
    pub(super) fn look(&self, now: Timestamp) -> Peek {
        let mut peek = Peek::default();
        let mut ready: Vec<(Lane, &str)> = Vec::new();
        for job in self.jobs.values() {
            let unheld = job.held.is_none();
            match job.state {
                State::Available if unheld && !ready.contains(&(job.lane, &*job.queue)) => ready.push((job.lane, &job.queue)),
                State::Scheduled | State::Retryable if unheld => peek.next_due_at = least(peek.next_due_at, job.run_at),
                State::Running if job.cancel_requested_at.is_some() => peek.cancelling = true,
                State::Pending if job.schedule.is_some() => peek.queued_ticks = true,
                _ => {}
            }
            if let (Some(expires_at), true) = (job.expires_at, job.state != State::Running) {
                peek.next_expiry_at = least(peek.next_expiry_at, expires_at);
            }
            peek.holds_pending |= job.held_rule.is_some_and(|rule| self.has_ended(rule, now));
        }
        ready.sort_unstable();
        peek.ready = ready.into_iter().map(|(lane, queue)| (lane, queue.to_owned())).collect();
        peek.next_tick_at = self.next_tick_at();
        peek.releasable_ticks = peek.queued_ticks && !self.releasable().is_empty();
        peek
    }

    pub(super) fn has_ended(&self, rule: i64, now: Timestamp) -> bool {
        self.holds.get(&rule).is_none_or(|hold| hold.released || hold.rule.until.is_some_and(|until| until <= now))
    }

    fn is_known(&self, id: JobId) -> bool {
        self.ids.get(&id).is_some()
    }

    fn holder_of(&self, key: &str) -> Option<&Rc<Job>> {
        self.jobs.values().find(|job| job.unique_held && job.unique.as_ref().is_some_and(|unique| unique.key == key))
    }

    pub(super) fn insert(&mut self, job: &NewJob, now: Timestamp) -> Enqueued {
        if self.is_known(job.id) {
            return Enqueued::Known;
        }
        if let Some(holder) = job.unique.as_ref().and_then(|unique| self.holder_of(&unique.key)) {
            return Enqueued::Held { by: holder.id, state: holder.state };
        }
        let state = if job.run_at > now { State::Scheduled } else { State::Available };
        let row = Job {
            id: job.id,
            task: self.name(&job.task),
            queue: self.name(&job.queue),
            priority: job.priority,
            lane: job.lane,
            state,
            run_at: job.run_at,
            args: self.name(&job.args),
            counts: Counts::default(),
            attempt_extra: 0,
            fence: 0,
            generation: None,
            claimed_at: Timestamp(0),
            held: None,
            held_rule: None,
            expires_at: job.expires_at,
            cancel_requested_at: None,
            unique: job.unique.clone().map(Rc::new),
            unique_held: job.unique.is_some(),
            schedule: None,
            tick: None,
            reason: None,
            finished_at: Timestamp(0),
        };
        let key = self.number(|numbers| &mut numbers.key);
        self.ids.put(job.id, key);
        self.jobs.put(key, row);
        Enqueued::Stored
    }

    pub(super) fn insert_tick(&mut self, job: &TickJob, now: Timestamp) -> Enqueued {
        let plain = NewJob {
            id: job.id,
            task: job.task.clone(),
            queue: job.queue.clone(),
            priority: job.priority,
            lane: job.lane,
            run_at: job.run_at,
            args: job.args.clone(),
            expires_at: None,
            unique: None,
            tags: None,
            rerun_of: None,
            enqueued_release: None,
        };
        let stored = self.insert(&plain, now);
        if stored == Enqueued::Stored {
            let (schedule, key) = (self.name(&job.schedule), self.number_of_last());
            self.jobs.change(&key, |row| {
                row.schedule = Some(schedule);
                row.tick = Some(job.tick.as_str().into());
                if job.waits {
                    row.state = State::Pending;
                }
            });
        }
        stored
    }

    fn number_of_last(&self) -> i64 {
        self.numbers.get(&()).map_or(0, |numbers| numbers.key)
    }

    pub(super) fn candidates(&self, lane: Lane, queue: &str, limit: usize) -> Vec<Candidate> {
        let mut found: Vec<(&i64, &Rc<Job>)> =
            self.jobs.iter().filter(|(_, job)| job.lane == lane && &*job.queue == queue && job.is_ready()).collect();
        found.sort_by_key(|(key, job)| (-job.priority, job.run_at, **key));
        found.truncate(limit);
        found
            .into_iter()
            .map(|(key, job)| Candidate {
                key: JobKey(*key),
                id: job.id,
                task: job.task.to_string(),
                queue: job.queue.to_string(),
                args: job.args.to_string(),
                run_at: job.run_at,
                attempt: job.counts.attempt,
                attempt_extra: job.attempt_extra,
                fence: Fence(job.fence),
                counts: job.counts,
                lane: job.lane,
                tick: job.tick.as_ref().map(|tick| tick.to_string()),
            })
            .collect()
    }

    pub(super) fn claim_one(&mut self, key: JobKey, generation: Generation, now: Timestamp) -> Option<Fence> {
        self.jobs.get(&key.0).filter(|job| job.is_ready())?;
        let mut fence = 0;
        self.jobs.change(&key.0, |job| {
            job.state = State::Running;
            job.counts.attempt += 1;
            job.fence += 1;
            job.generation = Some(generation.0);
            job.claimed_at = now;
            job.unique_held &= !job.gives_up_key_when_claimed();
            fence = job.fence;
        });
        Some(Fence(fence))
    }

    pub(super) fn running_row(&self, key: i64, job: &Job) -> RunningRow {
        RunningRow {
            key: JobKey(key),
            id: job.id,
            fence: Fence(job.fence),
            generation: Generation(job.generation.unwrap_or(0)),
            task: job.task.to_string(),
            lane: job.lane,
            counts: job.counts,
            attempt_extra: job.attempt_extra,
            cancel_requested: job.cancel_requested_at.is_some(),
            claimed_at: job.claimed_at,
        }
    }

    pub(super) fn claimed(&self, key: JobKey, fence: Fence) -> Option<&Rc<Job>> {
        self.jobs.get(&key.0).filter(|job| job.state == State::Running && job.fence == fence.0)
    }

    pub(super) fn write_settlement(&mut self, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        let Some(claimed) = self.claimed(settlement.key, settlement.fence) else { return Ok(false) };
        let by_hand = claimed.cancel_requested_at.is_some();
        let settled = &settlement.settled;
        match settled.next {
            Next::Completed | Next::Cancelled | Next::Discarded { .. } => {
                let reason = match settled.next {
                    Next::Discarded { reason } => settlement.reason.or(reason),
                    Next::Cancelled if by_hand => Some("by_hand"),
                    Next::Cancelled => settlement.reason.or(Some("by_task")),
                    _ => settlement.reason,
                };
                self.finish(settlement.key.0, settled.next.state(), reason, now, |job| job.counts.attempt = settled.counts.attempt);
            }
            next => {
                let run_at = match next {
                    Next::Retryable { run_at } | Next::Scheduled { run_at } => Some(run_at),
                    _ => None,
                };
                self.jobs.change(&settlement.key.0, |job| {
                    job.state = next.state();
                    job.run_at = run_at.unwrap_or(job.run_at);
                    job.counts = settled.counts;
                    job.lane = settlement.lane;
                    job.held = settled.held;
                    job.held_rule = None;
                    job.generation = None;
                });
            }
        }
        if settlement.attempt.is_some() {
            let at = (settlement.key.0, settlement.fence.0);
            if self.attempts.get(&at).is_some() {
                return Err(Problem::new("store.statement_failed", "UNIQUE constraint failed: workaday_attempts").into());
            }
            self.attempts.put(at, now);
        }
        Ok(true)
    }

    fn finish(&mut self, key: i64, state: State, reason: Option<&str>, now: Timestamp, change: impl FnOnce(&mut Job)) {
        let reason = reason.map(|reason| self.name(reason));
        if let Some(row) = self.jobs.remove(&key) {
            let mut row = (*row).clone();
            change(&mut row);
            (row.state, row.reason, row.finished_at) = (state, reason, now);
            (row.held, row.held_rule, row.generation, row.unique_held) = (None, None, None, false);
            self.finished.put(key, row);
        }
    }

    pub(super) fn stage_due(&mut self, now: Timestamp, limit: usize) -> usize {
        let mut due: Vec<(Timestamp, i64)> = self
            .jobs
            .iter()
            .filter(|(_, job)| matches!(job.state, State::Scheduled | State::Retryable) && job.held.is_none() && job.run_at <= now)
            .map(|(key, job)| (job.run_at, *key))
            .collect();
        due.sort_unstable();
        due.truncate(limit);
        for (_, key) in &due {
            self.jobs.change(key, |job| job.state = State::Available);
        }
        due.len()
    }

    pub(super) fn restage_retries(&mut self, now: Timestamp, limit: usize) -> usize {
        let again = |key: i64, job: &Job| {
            let ended = **self.attempts.get(&(key, job.fence))?;
            let waits = job.run_at - ended;
            let is_late = ended > now && job.run_at > now && waits >= Length(0) && waits < ended - now;
            (job.state == State::Retryable && job.held.is_none() && is_late).then_some((job.run_at, key, now + waits))
        };
        let mut late: Vec<(Timestamp, i64, Timestamp)> = self.jobs.iter().filter_map(|(key, job)| again(*key, job)).collect();
        late.sort_unstable();
        late.truncate(limit);
        for (_, key, run_at) in &late {
            self.jobs.change(key, |job| job.run_at = *run_at);
        }
        late.len()
    }

    pub(super) fn expire_waiting(&mut self, now: Timestamp, limit: usize) -> usize {
        let past = |job: &Job| job.state != State::Running && job.expires_at.is_some_and(|at| at <= now);
        let mut over: Vec<(Option<Timestamp>, i64)> =
            self.jobs.iter().filter(|(_, job)| past(job)).map(|(key, job)| (job.expires_at, *key)).collect();
        over.sort_unstable();
        over.truncate(limit);
        for (_, key) in &over {
            self.finish(*key, State::Cancelled, Some("expired"), now, |_| {});
        }
        over.len()
    }

    // -- by hand -----------------------------------------------------------------------------------------------------

    pub(super) fn find(&self, id: JobId) -> Option<(i64, Rc<Job>)> {
        let key = **self.ids.get(&id)?;
        self.jobs.get(&key).or_else(|| self.finished.get(&key)).map(|job| (key, job.clone()))
    }

    pub(super) fn cancel_by_hand(&mut self, id: JobId, now: Timestamp) -> Act {
        let Some((key, job)) = self.find(id) else { return Act::Missing };
        if lifecycle::cancel(job.state) != CancelEffect::Refused {
            self.attended(id);
        }
        match lifecycle::cancel(job.state) {
            CancelEffect::Refused => Act::Refused(job.state),
            CancelEffect::Now => {
                self.finish(key, State::Cancelled, Some("by_hand"), now, |_| {});
                Act::Done
            }
            CancelEffect::Requested => {
                self.jobs.change(&key, |job| job.cancel_requested_at = job.cancel_requested_at.or(Some(now)));
                Act::Requested
            }
        }
    }

    pub(super) fn retry_by_hand(&mut self, id: JobId, policy_attempts: u32, now: Timestamp) -> Result<Act> {
        let Some((key, job)) = self.find(id) else { return Ok(Act::Missing) };
        let Some(extra) = lifecycle::retry_by_hand(job.state, job.counts.attempt, job.attempt_extra, policy_attempts) else {
            return Ok(Act::Refused(job.state));
        };
        if job.unique.as_ref().is_some_and(|unique| self.holder_of(&unique.key).is_some()) {
            return Err(Problem::new("job.unique_taken", format!("job {id} was not retried: another holds its unique key")).into());
        }
        self.finished.remove(&key);
        let mut row = (*job).clone();
        row.state = State::Available;
        row.run_at = now;
        row.counts = Counts { attempt: row.counts.attempt, ..Counts::default() };
        row.attempt_extra = extra;
        row.unique_held = row.unique.is_some();
        (row.expires_at, row.cancel_requested_at, row.reason) = (None, None, None);
        self.jobs.put(key, row);
        self.attended(id);
        Ok(Act::Done)
    }

    fn attended(&mut self, id: JobId) {
        for code in lifecycle::ALERTS_OF_A_JOB {
            self.alerts.remove(&(code.to_owned(), id.to_string()));
        }
    }

    pub(super) fn release_by_hand(&mut self, id: JobId) -> Act {
        let Some((key, job)) = self.find(id) else { return Act::Missing };
        if job.held.is_none() {
            return Act::Refused(job.state);
        }
        self.jobs.change(&key, |job| {
            job.counts = Counts { attempt: job.counts.attempt, ..Counts::default() };
            (job.held, job.held_rule) = (None, None);
        });
        self.attended(id);
        Act::Done
    }

    pub(super) fn delete_by_hand(&mut self, id: JobId) -> Act {
        let Some((key, job)) = self.find(id) else { return Act::Missing };
        if job.state == State::Running {
            return Act::Refused(job.state);
        }
        self.jobs.remove(&key);
        self.finished.remove(&key);
        self.ids.remove(&id);
        self.forget_history(key);
        self.attended(id);
        Act::Done
    }

    pub(super) fn forget_history(&mut self, key: i64) {
        let attempts: Vec<(i64, i64)> = self.attempts.iter().map(|(at, _)| *at).filter(|at| at.0 == key).collect();
        attempts.iter().for_each(|at| drop(self.attempts.remove(at)));
        let logs: Vec<(i64, i64, i64)> = self.logs.iter().map(|(at, _)| *at).filter(|at| at.0 == key).collect();
        logs.iter().for_each(|at| drop(self.logs.remove(at)));
    }
}

fn least(known: Option<Timestamp>, at: Timestamp) -> Option<Timestamp> {
    Some(known.map_or(at, |known| known.min(at)))
}

//! The Store trait, answered by the model.

use super::{Hold, Model, Result, Task};
use serde_json::{Map, Value};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Problem;
use workaday_core::hold::HoldRule;
use workaday_core::job::{Fence, Generation, HeldCode, JobId, JobKey, Lane, State};
use workaday_core::measure::{Figures, Series};
use workaday_core::schedule::{Learned, ScheduleSource, ScheduleState};
use workaday_store::{
    Act, ByHand, Candidate, Durability, Enqueued, Leftover, LogLine, LogPlace, NewJob, Peek, PruneBefore, RunningRow, ScheduleRow,
    ScheduledJob, Settlement, Store, TickJob, TickRow, Watched, WorkerRow,
};

impl Store for Model {
    fn begin(&mut self, durability: Durability) -> Result<()> {
        if self.open.is_some() {
            return Err(workaday_store::StoreError::Busy { path: "model".into(), waited_ms: 5_000 });
        }
        self.open = Some(durability);
        Ok(())
    }
    fn commit(&mut self) -> Result<()> {
        let synced = self.writing()?.open.take() == Some(Durability::Full);
        self.each_table(|table| table.commit(synced));
        Ok(())
    }
    fn rollback(&mut self) {
        self.open = None;
        self.each_table(|table| table.rollback());
    }
    fn changed(&mut self) -> Result<bool> {
        Ok(true)
    }
    fn peek(&mut self, now: Timestamp) -> Result<Peek> {
        Ok(self.look(now))
    }
    fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        Ok(self.writing()?.insert(job, now))
    }
    fn claimable(&mut self, lane: Lane, queue: &str, _now: Timestamp, limit: usize) -> Result<Vec<Candidate>> {
        Ok(self.candidates(lane, queue, limit))
    }
    fn claim(&mut self, key: JobKey, generation: Generation, _worker: Option<i64>, now: Timestamp) -> Result<Option<Fence>> {
        Ok(self.writing()?.claim_one(key, generation, now))
    }
    fn set_lane(&mut self, key: JobKey, lane: Lane) -> Result<()> {
        let waits = self.writing()?.jobs.get(&key.0).is_some_and(|job| job.state != State::Running && job.lane != lane);
        if waits {
            self.jobs.change(&key.0, |job| job.lane = lane);
        }
        Ok(())
    }
    fn running(&mut self, key: JobKey, fence: Fence) -> Result<Option<RunningRow>> {
        Ok(self.claimed(key, fence).map(|job| self.running_row(key.0, job)))
    }
    fn settle(&mut self, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        self.writing()?.write_settlement(settlement, now)
    }
    fn running_before(&mut self, generation: Generation, limit: usize) -> Result<Vec<RunningRow>> {
        let mut rows: Vec<RunningRow> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.generation.is_some_and(|of| of < generation.0))
            .map(|(key, job)| self.running_row(*key, job))
            .collect();
        rows.sort_by_key(|row| (row.generation, row.key));
        rows.truncate(limit);
        Ok(rows)
    }
    fn cancelling(&mut self, limit: usize) -> Result<Vec<(JobKey, Fence)>> {
        let mut asked: Vec<(Option<Timestamp>, i64, i64)> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.state == State::Running && job.cancel_requested_at.is_some())
            .map(|(key, job)| (job.cancel_requested_at, *key, job.fence))
            .collect();
        asked.sort_unstable();
        asked.truncate(limit);
        Ok(asked.into_iter().map(|(_, key, fence)| (JobKey(key), Fence(fence))).collect())
    }
    fn append_logs(&mut self, lines: &[LogLine]) -> Result<()> {
        let model = self.writing()?;
        for line in lines {
            let at = (line.job.0, line.fence.0, line.seq);
            if model.logs.get(&at).is_none() {
                model.logs.put(at, ());
            }
        }
        Ok(())
    }
    fn set_progress(&mut self, key: JobKey, fence: Fence, _progress: f64, _note: Option<&str>) -> Result<bool> {
        Ok(self.writing()?.claimed(key, fence).is_some())
    }
    fn stage(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        Ok(self.writing()?.stage_due(now, limit))
    }
    fn restage_retries(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        Ok(self.writing()?.restage_retries(now, limit))
    }
    fn expire(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        Ok(self.writing()?.expire_waiting(now, limit))
    }
    fn prune(&mut self, before: &PruneBefore, limit: usize) -> Result<usize> {
        let model = self.writing()?;
        let mut pruned = 0;
        for (state, before) in
            [(State::Completed, before.completed), (State::Cancelled, before.cancelled), (State::Discarded, before.discarded)]
        {
            let old = model.finished.iter().filter(|(_, job)| job.state == state && job.finished_at < before);
            let mut keys: Vec<(Timestamp, i64)> = old.map(|(key, job)| (job.finished_at, *key)).collect();
            keys.sort_unstable();
            keys.truncate(limit - pruned);
            for (_, key) in &keys {
                if let Some(job) = model.finished.remove(key) {
                    model.ids.remove(&job.id);
                }
                model.forget_history(*key);
            }
            pruned += keys.len();
        }
        Ok(pruned)
    }
    /// The model keeps no text and no time of a line; what the simulator runs has years of retention.
    fn prune_logs(&mut self, _before: Timestamp, _after: LogPlace, _limit: usize) -> Result<(usize, Option<LogPlace>)> {
        Ok((0, None))
    }
    fn holds(&mut self, now: Timestamp) -> Result<Vec<HoldRule>> {
        Ok(self.holds.values().filter(|hold| !hold.released && hold.rule.is_active(now)).map(|hold| hold.rule.clone()).collect())
    }
    fn hold_job(&mut self, key: JobKey, code: HeldCode, rule: Option<i64>) -> Result<()> {
        let waits = self.writing()?.jobs.get(&key.0).is_some_and(|job| job.state != State::Running);
        if waits {
            self.jobs.change(&key.0, |job| (job.held, job.held_rule) = (Some(code), rule));
        }
        Ok(())
    }
    fn lift_ended_holds(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        let model = self.writing()?;
        let ended = |rule: Option<i64>| rule.is_some_and(|rule| model.has_ended(rule, now));
        let keys: Vec<i64> = model.jobs.iter().filter(|(_, job)| ended(job.held_rule)).map(|(key, _)| *key).take(limit).collect();
        model.lift(&keys)
    }
    fn lift_task_holds(&mut self, task: &str, codes: &[HeldCode], limit: usize) -> Result<usize> {
        let model = self.writing()?;
        let fits = |held: Option<HeldCode>| held.is_some_and(|held| codes.contains(&held));
        let jobs = model.jobs.iter().filter(|(_, job)| &*job.task == task && fits(job.held));
        let keys: Vec<i64> = jobs.map(|(key, _)| *key).take(limit).collect();
        model.lift(&keys)
    }
    fn add_hold(&mut self, rule: &HoldRule, _by: &ByHand, _now: Timestamp) -> Result<i64> {
        let model = self.writing()?;
        if rule.task.is_some() == rule.queue.is_some() {
            return Err(Problem::new("hold.target_unclear", "a hold names a task or a queue, one of the two").into());
        }
        let number = model.number(|numbers| &mut numbers.rule);
        model.holds.put(number, Hold { rule: HoldRule { rule: number, ..rule.clone() }, released: false });
        Ok(number)
    }
    fn release_hold(
        &mut self,
        task: Option<&str>,
        queue: Option<&str>,
        where_args: Option<&str>,
        _by: &ByHand,
        _now: Timestamp,
    ) -> Result<usize> {
        let model = self.writing()?;
        let wanted: Map<String, Value> = where_args.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let same = |rule: &HoldRule| {
            rule.task.as_deref() == task
                && rule.queue.as_deref() == queue
                && rule.where_args.iter().cloned().collect::<Map<_, _>>() == wanted
        };
        let rules: Vec<i64> = model.holds.iter().filter(|(_, hold)| !hold.released && same(&hold.rule)).map(|(rule, _)| *rule).collect();
        for rule in &rules {
            model.holds.change(rule, |hold| hold.released = true);
        }
        Ok(rules.len())
    }
    fn put_catalogue(&mut self, entries: &[(TaskEntry, String)], kept: &[String], _release: Option<&str>, _now: Timestamp) -> Result<()> {
        let model = self.writing()?;
        for (entry, _) in entries {
            let name = model.name(&entry.name);
            model.tasks.put(name, Task { entry: entry.clone(), present: true });
        }
        let named = |name: &str| entries.iter().any(|(entry, _)| entry.name == name) || kept.iter().any(|kept| kept == name);
        let gone: Vec<_> = model.tasks.iter().filter(|(name, task)| task.present && !named(name)).map(|(name, _)| name.clone()).collect();
        for name in &gone {
            model.tasks.change(name, |task| task.present = false);
        }
        Ok(())
    }
    fn catalogue(&mut self) -> Result<Vec<TaskEntry>> {
        Ok(self.tasks.values().filter(|task| task.present).map(|task| task.entry.clone()).collect())
    }
    fn open_worker(&mut self, generation: Generation, _worker: &WorkerRow, _now: Timestamp) -> Result<i64> {
        let number = self.writing()?.number(|numbers| &mut numbers.worker);
        self.workers.put(number, generation.0);
        Ok(number)
    }
    fn close_worker(&mut self, worker: i64, _cause: &str, _now: Timestamp) -> Result<()> {
        self.writing()?.workers.remove(&worker);
        Ok(())
    }
    fn touch_workers(&mut self, _generation: Generation, _now: Timestamp) -> Result<()> {
        self.writing().map(drop)
    }
    fn leftovers(&mut self, _generation: Generation) -> Result<Vec<Leftover>> {
        Ok(Vec::new())
    }
    fn raise_alert(&mut self, code: &str, subject: &str, _message: &str, _now: Timestamp) -> Result<()> {
        let at = (code.to_owned(), subject.to_owned());
        let model = self.writing()?;
        if !model.alerts.change(&at, |count| *count += 1) {
            model.alerts.put(at, 1);
        }
        Ok(())
    }
    fn close_alert(&mut self, code: &str, subject: &str, _now: Timestamp) -> Result<()> {
        self.writing()?.alerts.remove(&(code.to_owned(), subject.to_owned()));
        Ok(())
    }
    fn schedules(&mut self) -> Result<Vec<ScheduleRow>> {
        Ok(self.schedules.values().map(|row| (**row).clone()).collect())
    }
    fn schedule(&mut self, name: &str) -> Result<Option<ScheduleRow>> {
        Ok(self.schedules.get(&name.to_owned()).map(|row| (**row).clone()))
    }
    fn due_schedules(&mut self, now: Timestamp, limit: usize) -> Result<Vec<ScheduleRow>> {
        Ok(self.due(now, limit))
    }
    fn put_schedule(&mut self, row: &ScheduleRow, now: Timestamp) -> Result<()> {
        self.writing()?.state_schedule(row, now);
        Ok(())
    }
    fn break_schedule(&mut self, name: &str, reason: &str, now: Timestamp) -> Result<()> {
        self.writing()?.schedules.change(&name.to_owned(), |row| {
            (row.state, row.broken_reason) = (ScheduleState::Broken, Some(reason.to_owned()));
            (row.next_at, row.updated_at) = (None, now);
        });
        Ok(())
    }
    fn leave_schedule(&mut self, name: &str, now: Timestamp) -> Result<()> {
        self.writing()?.schedules.change(&name.to_owned(), |row| {
            (row.state, row.broken_reason) = (ScheduleState::Absent, None);
            (row.next_at, row.updated_at) = (None, now);
        });
        Ok(())
    }
    fn jobs_of_schedule(&mut self, name: &str, limit: usize) -> Result<Vec<ScheduledJob>> {
        Ok(self.jobs_of(name, limit))
    }
    fn move_cursor(
        &mut self,
        name: &str,
        known: Timestamp,
        cursor: Timestamp,
        next_at: Option<Timestamp>,
        skips: u32,
        now: Timestamp,
    ) -> Result<bool> {
        let name = name.to_owned();
        if self.writing()?.schedules.get(&name).is_none_or(|row| row.cursor != known) {
            return Ok(false);
        }
        Ok(self.schedules.change(&name, |row| {
            (row.cursor, row.next_at, row.skips) = (cursor, next_at, skips);
            if row.paused_until.is_some_and(|until| until <= now) {
                (row.paused_at, row.paused_until, row.pause_note) = (None, None, None);
            }
        }))
    }
    fn write_tick(&mut self, tick: &TickRow, now: Timestamp) -> Result<()> {
        self.writing()?.record_tick(tick, now)
    }
    fn enqueue_tick(&mut self, job: &TickJob, now: Timestamp) -> Result<Enqueued> {
        Ok(self.writing()?.insert_tick(job, now))
    }
    fn release_queued_ticks(&mut self, now: Timestamp) -> Result<usize> {
        Ok(self.writing()?.release_queued(now))
    }
    fn watched_ticks(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Watched>> {
        Ok(self.watched(now, limit))
    }
    fn seen_tick(&mut self, schedule: &str, at: Timestamp, now: Timestamp) -> Result<()> {
        self.writing()?.seen(schedule, at, now);
        Ok(())
    }
    fn prune_ticks(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        Ok(self.writing()?.forget_ticks(before, limit))
    }
    fn pause_schedule(&mut self, name: &str, until: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()> {
        self.writing()?.schedules.change(&name.to_owned(), |row| {
            (row.paused_at, row.paused_until, row.pause_note) = (Some(now), until, by.why.clone());
            (row.next_at, row.updated_at) = (until, now);
        });
        Ok(())
    }
    fn resume_schedule(&mut self, name: &str, cursor: Timestamp, next_at: Option<Timestamp>, _by: &ByHand, now: Timestamp) -> Result<()> {
        self.writing()?.schedules.change(&name.to_owned(), |row| {
            (row.paused_at, row.paused_until, row.pause_note) = (None, None, None);
            row.cursor = row.cursor.max(cursor);
            (row.next_at, row.updated_at) = (next_at, now);
        });
        Ok(())
    }
    fn add_schedule(&mut self, row: &ScheduleRow, _by: &ByHand, now: Timestamp) -> Result<bool> {
        let model = self.writing()?;
        let stands = model.schedules.get(&row.name).is_some_and(|known| known.state != ScheduleState::Absent);
        if !stands {
            model.state_schedule(row, now);
        }
        Ok(!stands)
    }
    fn remove_schedule(&mut self, name: &str, _by: &ByHand, now: Timestamp) -> Result<bool> {
        let mut removed = false;
        self.writing()?.schedules.change(&name.to_owned(), |row| {
            removed = row.source == ScheduleSource::Dynamic && row.state != ScheduleState::Absent;
            if removed {
                (row.state, row.broken_reason, row.next_at, row.updated_at) = (ScheduleState::Absent, None, None, now);
                (row.paused_at, row.paused_until, row.pause_note) = (None, None, None);
            }
        });
        Ok(removed)
    }
    fn learn_schedule(&mut self, name: &str, learned: &Learned) -> Result<()> {
        self.writing()?.schedules.change(&name.to_owned(), |row| row.learned = learned.clone());
        Ok(())
    }
    fn move_next(&mut self, name: &str, known: Timestamp, next_at: Option<Timestamp>, now: Timestamp) -> Result<bool> {
        let mut moved = false;
        self.writing()?.schedules.change(&name.to_owned(), |row| {
            moved = row.cursor == known;
            if moved {
                (row.next_at, row.updated_at) = (next_at, now);
            }
        });
        Ok(moved)
    }
    // The simulation runs for days, not for the months after which these rows go; measures are only looked at by people.
    fn prune_schedules(&mut self, _before: Timestamp, _limit: usize) -> Result<usize> {
        Ok(0)
    }
    // Nobody outside is pinged by a simulation.
    fn ping_started(&mut self, _key: JobKey, _fence: Fence, _now: Timestamp) -> Result<()> {
        Ok(())
    }
    fn add_measure(&mut self, _minute: i64, _series: &Series, _figures: &Figures) -> Result<()> {
        Ok(())
    }
    fn prune_measures(&mut self, _before: Timestamp, _limit: usize) -> Result<usize> {
        Ok(0)
    }
    fn remark(&mut self, name: &str) -> Result<Option<String>> {
        Ok(self.remarks.get(&name.to_owned()).map(|value| value.to_string()))
    }
    fn set_remark(&mut self, name: &str, value: &str) -> Result<()> {
        self.writing()?.remarks.put(name.to_owned(), value.to_owned());
        Ok(())
    }
    fn note(&mut self, _by: &ByHand, _action: &str, _target: &str, _detail: Option<&str>, _now: Timestamp) -> Result<()> {
        self.writing().map(drop)
    }
    fn next_generation(&mut self) -> Result<Generation> {
        Ok(Generation(self.writing()?.number(|numbers| &mut numbers.generation)))
    }
    fn cancel(&mut self, id: JobId, _by: &ByHand, now: Timestamp) -> Result<Act> {
        Ok(self.writing()?.cancel_by_hand(id, now))
    }
    fn retry(&mut self, id: JobId, policy_attempts: u32, _by: &ByHand, now: Timestamp) -> Result<Act> {
        self.writing()?.retry_by_hand(id, policy_attempts, now)
    }
    fn release_job(&mut self, id: JobId, _by: &ByHand, _now: Timestamp) -> Result<Act> {
        Ok(self.writing()?.release_by_hand(id))
    }
    fn delete(&mut self, id: JobId, _by: &ByHand, _now: Timestamp) -> Result<Act> {
        Ok(self.writing()?.delete_by_hand(id))
    }
}

impl Model {
    fn lift(&mut self, keys: &[i64]) -> Result<usize> {
        for key in keys {
            self.jobs.change(key, |job| (job.held, job.held_rule) = (None, None));
        }
        Ok(keys.len())
    }
}

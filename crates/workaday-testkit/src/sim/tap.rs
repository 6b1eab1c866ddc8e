//! The store as one process of the simulation has it: faults above, the history in the middle, a planted bug below.

use super::faults::{self, Fault};
use super::history::{Claim, Entry, Pause, Settle, Tick, What, Wish};
use super::planted::Bug;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Timestamp, parse_length};
use workaday_core::hold::HoldRule;
use workaday_core::job::{Fence, Generation, HeldCode, JobId, JobKey, Lane};
use workaday_core::lifecycle::Next;
use workaday_core::measure::{Figures, Series};
use workaday_core::schedule::{Learned, ScheduleEntry, ScheduleState};
use workaday_store::{
    Act, ByHand, Candidate, Durability, Enqueued, Leftover, LogLine, LogPlace, NewJob, Peek, PruneBefore, RunningRow, ScheduleRow,
    ScheduledJob, Settlement, Store, StoreError, TickJob, TickRow, Watched, WorkerRow,
};

type Result<T> = std::result::Result<T, StoreError>;

/// What all processes of one simulated world share.
pub struct Room {
    pub history: Vec<Entry>,
    /// Committed, and not yet promised to survive a power cut.
    pub unsynced: Vec<What>,
    pub boot: i64,
    pub wall: i64,
    pub bug: Box<dyn Bug>,
    /// How often each fault struck.
    pub struck: BTreeMap<&'static str, u64>,
}

impl Room {
    pub fn note(&mut self, what: What) {
        let (boot, wall) = (self.boot, self.wall);
        self.history.push(Entry { boot, wall, what });
    }
    pub fn count(&mut self, fault: &'static str) {
        *self.struck.entry(fault).or_default() += 1;
    }
}

/// One process's connection.
pub struct Tap {
    pub base: Rc<RefCell<dyn Store>>,
    pub room: Rc<RefCell<Room>>,
    pub armed: Rc<Cell<Option<Fault>>>,
    /// Killed: nothing goes through any more.
    pub dead: Rc<Cell<bool>>,
    open: Option<Durability>,
    pending: Vec<What>,
    /// Candidates as read: job and extra attempts.
    read: HashMap<i64, (JobId, u32, u32)>,
}

impl Tap {
    pub fn new(base: Rc<RefCell<dyn Store>>, room: Rc<RefCell<Room>>) -> Self {
        Self { base, room, armed: Rc::default(), dead: Rc::default(), open: None, pending: Vec::new(), read: HashMap::new() }
    }

    /// The number in a job's arguments.
    pub fn number(args: &str) -> i64 {
        args.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(-1)
    }

    fn strike(&mut self, fault: Fault) {
        self.armed.set(None);
        self.room.borrow_mut().count(fault.name());
    }

    /// Before each call: is it time for what is armed?
    fn step(&mut self) -> Result<()> {
        if self.dead.get() {
            return Err(faults::io_error());
        }
        let Some(fault) = self.armed.get() else { return Ok(()) };
        let (calls, next): (u32, fn(u32) -> Fault) = match fault {
            Fault::IoError { calls } => (calls, |calls| Fault::IoError { calls }),
            Fault::Full { calls } if self.open.is_some() => (calls, |calls| Fault::Full { calls }),
            Fault::Crash { calls } => (calls, |calls| Fault::Crash { calls }),
            _ => return Ok(()),
        };
        if calls > 0 {
            self.armed.set(Some(next(calls - 1)));
            return Ok(());
        }
        self.strike(fault);
        match fault {
            Fault::Full { .. } => Err(faults::full()),
            Fault::Crash { .. } => {
                self.dead.set(true);
                Err(faults::io_error())
            }
            _ => Err(faults::io_error()),
        }
    }

    fn on<T>(&mut self, act: impl FnOnce(&mut dyn Store) -> Result<T>) -> Result<T> {
        self.step()?;
        act(&mut *self.base.borrow_mut())
    }

    fn with_bug<T>(&mut self, act: impl FnOnce(&mut dyn Bug, &mut dyn Store) -> Result<T>) -> Result<T> {
        self.step()?;
        let mut room = self.room.borrow_mut();
        act(&mut *room.bug, &mut *self.base.borrow_mut())
    }

    /// The commit is in the store: from here on it happened.
    fn landed(&mut self) {
        let synced = self.open.take() == Some(Durability::Full);
        let mut room = self.room.borrow_mut();
        if synced {
            room.unsynced.clear();
        } else {
            room.unsynced.extend(self.pending.iter().filter(|what| !matches!(what, What::Stale { .. })).cloned());
        }
        for what in self.pending.drain(..) {
            room.note(what);
        }
    }

    fn undone(&mut self) {
        self.open = None;
        self.pending.clear();
        self.base.borrow_mut().rollback();
    }
}

/// (anchor, period) of what the simulation states: `every "45s"`, or `*/N * * * *` in UTC.
fn timing(row: &ScheduleRow) -> (i64, i64) {
    let entry: ScheduleEntry = serde_json::from_str(&row.declared).expect("the simulation's own declaration");
    match entry.every {
        Some(every) => (row.anchor.0, parse_length(&every).expect("a length").0),
        None => (0, entry.cron[0][2..].split(' ').next().and_then(|n| n.parse::<i64>().ok()).expect("minutes") * 60_000_000),
    }
}

impl Store for Tap {
    fn begin(&mut self, durability: Durability) -> Result<()> {
        self.step()?;
        if self.armed.get() == Some(Fault::BusyAtBegin) {
            self.strike(Fault::BusyAtBegin);
            return Err(faults::busy());
        }
        self.room.borrow_mut().bug.begin(&mut *self.base.borrow_mut(), durability)?;
        self.open = Some(durability);
        self.read.clear();
        Ok(())
    }
    fn commit(&mut self) -> Result<()> {
        // A failed commit ends its transaction, as the real store's does.
        self.step().inspect_err(|_| self.undone())?;
        let fault = self.armed.get();
        if let Some(fault @ (Fault::BusyAtCommit | Fault::FullAtCommit | Fault::UnknownAtCommit { landed: false })) = fault {
            self.strike(fault);
            self.undone();
            return Err(match fault {
                Fault::BusyAtCommit => faults::busy(),
                Fault::FullAtCommit => faults::full(),
                _ => faults::unknown(),
            });
        }
        self.room.borrow_mut().bug.commit(&mut *self.base.borrow_mut())?;
        self.landed();
        match fault {
            Some(fault @ Fault::UnknownAtCommit { .. }) => {
                self.strike(fault);
                Err(faults::unknown())
            }
            Some(fault @ Fault::CrashAfterCommit) => {
                self.strike(fault);
                self.dead.set(true);
                Err(faults::io_error())
            }
            _ => Ok(()),
        }
    }
    fn rollback(&mut self) {
        self.undone();
    }
    fn changed(&mut self) -> Result<bool> {
        self.on(|store| store.changed())
    }
    fn peek(&mut self, now: Timestamp) -> Result<Peek> {
        self.on(|store| store.peek(now))
    }
    fn enqueue(&mut self, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        let enqueued = self.with_bug(|bug, store| bug.enqueue(store, job, now))?;
        if enqueued == Enqueued::Stored {
            self.pending.push(What::Enqueued(Wish {
                id: job.id,
                task: job.task.clone(),
                queue: job.queue.clone(),
                number: Self::number(&job.args),
                run_at: job.run_at.0,
                expires_at: job.expires_at.map(|at| at.0),
                unique: job.unique.as_ref().map(|unique| (unique.key.clone(), unique.held)),
            }));
        }
        Ok(enqueued)
    }
    fn claimable(&mut self, lane: Lane, queue: &str, now: Timestamp, limit: usize) -> Result<Vec<Candidate>> {
        let found = self.on(|store| store.claimable(lane, queue, now, limit))?;
        self.read.extend(found.iter().map(|job| (job.key.0, (job.id, job.attempt_extra, job.attempt))));
        Ok(found)
    }
    fn claim(&mut self, key: JobKey, generation: Generation, _worker: Option<i64>, now: Timestamp) -> Result<Option<Fence>> {
        let claimed = self.with_bug(|bug, store| bug.claim(store, key, generation, now))?;
        if let (Some(fence), Some(&(id, attempt_extra, attempt))) = (claimed, self.read.get(&key.0)) {
            let claim = Claim { id, key: key.0, fence: fence.0, generation: generation.0, attempt: attempt + 1, attempt_extra };
            self.pending.push(What::Claimed(claim));
        }
        Ok(claimed)
    }
    fn set_lane(&mut self, key: JobKey, lane: Lane) -> Result<()> {
        self.on(|store| store.set_lane(key, lane))
    }
    fn running(&mut self, key: JobKey, fence: Fence) -> Result<Option<RunningRow>> {
        let found = self.with_bug(|bug, store| bug.running(store, key, fence))?;
        if found.is_none() {
            self.pending.push(What::Stale { key: key.0, fence: fence.0 });
        }
        Ok(found)
    }
    fn settle(&mut self, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        let (key, fence) = (settlement.key.0, settlement.fence.0);
        let written = self.with_bug(|bug, store| bug.settle(store, settlement, now))?;
        self.pending.push(if written {
            let settled = &settlement.settled;
            let run_at = match settled.next {
                Next::Retryable { run_at } | Next::Scheduled { run_at } => Some(run_at.0),
                _ => None,
            };
            let (to, attempt, held) = (settled.next.state(), settled.counts.attempt, settled.held.is_some());
            What::Settled(Settle { key, fence, to, attempt, run_at, held, recorded: settlement.attempt.is_some() })
        } else {
            What::Stale { key, fence }
        });
        Ok(written)
    }
    fn running_before(&mut self, generation: Generation, limit: usize) -> Result<Vec<RunningRow>> {
        self.on(|store| store.running_before(generation, limit))
    }
    fn cancelling(&mut self, limit: usize) -> Result<Vec<(JobKey, Fence)>> {
        self.on(|store| store.cancelling(limit))
    }
    fn append_logs(&mut self, lines: &[LogLine]) -> Result<()> {
        self.on(|store| store.append_logs(lines))
    }
    fn set_progress(&mut self, key: JobKey, fence: Fence, progress: f64, note: Option<&str>) -> Result<bool> {
        self.on(|store| store.set_progress(key, fence, progress, note))
    }
    fn stage(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.with_bug(|bug, store| bug.stage(store, now, limit))
    }
    fn restage_retries(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.on(|store| store.restage_retries(now, limit))
    }
    fn expire(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.on(|store| store.expire(now, limit))
    }
    fn prune(&mut self, before: &PruneBefore, limit: usize) -> Result<usize> {
        self.on(|store| store.prune(before, limit))
    }
    fn prune_logs(&mut self, before: Timestamp, after: LogPlace, limit: usize) -> Result<(usize, Option<LogPlace>)> {
        self.on(|store| store.prune_logs(before, after, limit))
    }
    fn holds(&mut self, now: Timestamp) -> Result<Vec<HoldRule>> {
        self.with_bug(|bug, store| bug.holds(store, now))
    }
    fn hold_job(&mut self, key: JobKey, code: HeldCode, rule: Option<i64>) -> Result<()> {
        self.on(|store| store.hold_job(key, code, rule))
    }
    fn lift_ended_holds(&mut self, now: Timestamp, limit: usize) -> Result<usize> {
        self.on(|store| store.lift_ended_holds(now, limit))
    }
    fn lift_task_holds(&mut self, task: &str, codes: &[HeldCode], limit: usize) -> Result<usize> {
        self.on(|store| store.lift_task_holds(task, codes, limit))
    }
    fn add_hold(&mut self, rule: &HoldRule, by: &ByHand, now: Timestamp) -> Result<i64> {
        let number = self.on(|store| store.add_hold(rule, by, now))?;
        let value = rule.where_args.first().and_then(|(_, value)| value.as_i64());
        let (task, queue, until) = (rule.task.clone(), rule.queue.clone(), rule.until.map(|at| at.0));
        self.pending.push(What::Paused(Pause { rule: number, task, queue, number: value, until }));
        Ok(number)
    }
    fn release_hold(
        &mut self,
        task: Option<&str>,
        queue: Option<&str>,
        where_args: Option<&str>,
        by: &ByHand,
        now: Timestamp,
    ) -> Result<usize> {
        let released = self.on(|store| store.release_hold(task, queue, where_args, by, now))?;
        let number = where_args.map(Self::number);
        self.pending.push(What::Resumed { task: task.map(str::to_owned), queue: queue.map(str::to_owned), number });
        Ok(released)
    }
    fn put_catalogue(&mut self, entries: &[(TaskEntry, String)], kept: &[String], release: Option<&str>, now: Timestamp) -> Result<()> {
        self.on(|store| store.put_catalogue(entries, kept, release, now))
    }
    fn catalogue(&mut self) -> Result<Vec<TaskEntry>> {
        self.on(|store| store.catalogue())
    }
    fn open_worker(&mut self, generation: Generation, worker: &WorkerRow, now: Timestamp) -> Result<i64> {
        self.on(|store| store.open_worker(generation, worker, now))
    }
    fn close_worker(&mut self, worker: i64, cause: &str, now: Timestamp) -> Result<()> {
        self.on(|store| store.close_worker(worker, cause, now))
    }
    fn touch_workers(&mut self, generation: Generation, now: Timestamp) -> Result<()> {
        self.on(|store| store.touch_workers(generation, now))
    }
    fn leftovers(&mut self, generation: Generation) -> Result<Vec<Leftover>> {
        self.on(|store| store.leftovers(generation))
    }
    fn raise_alert(&mut self, code: &str, subject: &str, message: &str, now: Timestamp) -> Result<()> {
        self.on(|store| store.raise_alert(code, subject, message, now))
    }
    fn close_alert(&mut self, code: &str, subject: &str, now: Timestamp) -> Result<()> {
        self.on(|store| store.close_alert(code, subject, now))
    }
    fn schedules(&mut self) -> Result<Vec<ScheduleRow>> {
        self.on(|store| store.schedules())
    }
    fn schedule(&mut self, name: &str) -> Result<Option<ScheduleRow>> {
        self.on(|store| store.schedule(name))
    }
    fn due_schedules(&mut self, now: Timestamp, limit: usize) -> Result<Vec<ScheduleRow>> {
        self.on(|store| store.due_schedules(now, limit))
    }
    fn put_schedule(&mut self, row: &ScheduleRow, now: Timestamp) -> Result<()> {
        self.on(|store| store.put_schedule(row, now))?;
        let (anchor, period) = timing(row);
        let active = row.state == ScheduleState::Active;
        self.pending.push(What::Stated { schedule: row.name.clone(), anchor, period, cursor: row.cursor.0, active });
        Ok(())
    }
    fn break_schedule(&mut self, name: &str, reason: &str, now: Timestamp) -> Result<()> {
        self.on(|store| store.break_schedule(name, reason, now))?;
        self.pending.push(What::Faltered { schedule: name.to_owned() });
        Ok(())
    }
    fn leave_schedule(&mut self, name: &str, now: Timestamp) -> Result<()> {
        self.on(|store| store.leave_schedule(name, now))?;
        self.pending.push(What::Left { schedule: name.to_owned() });
        Ok(())
    }
    fn jobs_of_schedule(&mut self, name: &str, limit: usize) -> Result<Vec<ScheduledJob>> {
        self.on(|store| store.jobs_of_schedule(name, limit))
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
        self.on(|store| store.move_cursor(name, known, cursor, next_at, skips, now))
    }
    fn write_tick(&mut self, tick: &TickRow, now: Timestamp) -> Result<()> {
        self.on(|store| store.write_tick(tick, now))?;
        let (schedule, count, job) = (tick.schedule.clone(), tick.count, tick.job);
        self.pending.push(What::Ticked(Tick { schedule, at: tick.at.0, until: tick.until.0, count, job }));
        Ok(())
    }
    fn enqueue_tick(&mut self, job: &TickJob, now: Timestamp) -> Result<Enqueued> {
        let enqueued = self.with_bug(|bug, store| bug.enqueue_tick(store, job, now))?;
        if enqueued == Enqueued::Stored {
            let (task, queue, schedule) = (job.task.clone(), job.queue.clone(), job.schedule.clone());
            self.pending.push(What::TickJob { id: job.id, task, queue, schedule });
        }
        Ok(enqueued)
    }
    fn release_queued_ticks(&mut self, now: Timestamp) -> Result<usize> {
        self.on(|store| store.release_queued_ticks(now))
    }
    fn watched_ticks(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Watched>> {
        self.on(|store| store.watched_ticks(now, limit))
    }
    fn seen_tick(&mut self, schedule: &str, at: Timestamp, now: Timestamp) -> Result<()> {
        self.on(|store| store.seen_tick(schedule, at, now))
    }
    fn prune_ticks(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        self.on(|store| store.prune_ticks(before, limit))
    }
    fn pause_schedule(&mut self, name: &str, until: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()> {
        self.on(|store| store.pause_schedule(name, until, by, now))
    }
    fn resume_schedule(&mut self, name: &str, cursor: Timestamp, next_at: Option<Timestamp>, by: &ByHand, now: Timestamp) -> Result<()> {
        self.on(|store| store.resume_schedule(name, cursor, next_at, by, now))
    }
    fn add_schedule(&mut self, row: &ScheduleRow, by: &ByHand, now: Timestamp) -> Result<bool> {
        self.on(|store| store.add_schedule(row, by, now))
    }
    fn remove_schedule(&mut self, name: &str, by: &ByHand, now: Timestamp) -> Result<bool> {
        self.on(|store| store.remove_schedule(name, by, now))
    }
    fn learn_schedule(&mut self, name: &str, learned: &Learned) -> Result<()> {
        self.on(|store| store.learn_schedule(name, learned))
    }
    fn move_next(&mut self, name: &str, known: Timestamp, next_at: Option<Timestamp>, now: Timestamp) -> Result<bool> {
        self.on(|store| store.move_next(name, known, next_at, now))
    }
    fn prune_schedules(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        self.on(|store| store.prune_schedules(before, limit))
    }
    fn ping_started(&mut self, key: JobKey, fence: Fence, now: Timestamp) -> Result<()> {
        self.on(|store| store.ping_started(key, fence, now))
    }
    fn add_measure(&mut self, minute: i64, series: &Series, figures: &Figures) -> Result<()> {
        self.on(|store| store.add_measure(minute, series, figures))
    }
    fn prune_measures(&mut self, before: Timestamp, limit: usize) -> Result<usize> {
        self.on(|store| store.prune_measures(before, limit))
    }
    fn remark(&mut self, name: &str) -> Result<Option<String>> {
        self.on(|store| store.remark(name))
    }
    fn set_remark(&mut self, name: &str, value: &str) -> Result<()> {
        self.on(|store| store.set_remark(name, value))
    }
    fn note(&mut self, by: &ByHand, action: &str, target: &str, detail: Option<&str>, now: Timestamp) -> Result<()> {
        self.on(|store| store.note(by, action, target, detail, now))
    }
    fn next_generation(&mut self) -> Result<Generation> {
        let generation = self.with_bug(|bug, store| bug.next_generation(store))?;
        self.pending.push(What::Generation { number: generation.0 });
        Ok(generation)
    }
    fn cancel(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        let act = self.with_bug(|bug, store| bug.cancel(store, id, by, now))?;
        match act {
            Act::Done => self.pending.push(What::Cancelled { id }),
            Act::Requested => self.pending.push(What::CancelAsked { id }),
            _ => {}
        }
        Ok(act)
    }
    fn retry(&mut self, id: JobId, policy_attempts: u32, by: &ByHand, now: Timestamp) -> Result<Act> {
        let act = self.with_bug(|bug, store| bug.retry(store, id, policy_attempts, by, now))?;
        if act == Act::Done {
            self.pending.push(What::Retried { id });
        }
        Ok(act)
    }
    fn release_job(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        let act = self.on(|store| store.release_job(id, by, now))?;
        if act == Act::Done {
            self.pending.push(What::Released { id });
        }
        Ok(act)
    }
    fn delete(&mut self, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        let act = self.on(|store| store.delete(id, by, now))?;
        if act == Act::Done {
            self.pending.push(What::Deleted { id });
        }
        Ok(act)
    }
}

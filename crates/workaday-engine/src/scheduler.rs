//! Decides the ticks of schedules: one job, or one recorded reason, each exactly once.
//!
//! Purpose: every tick after a schedule's cursor is decided when it is due (`core::schedule::decide`); the tick, its job
//! and the cursor go in one transaction, so a crash leaves all or none. Looks whether the job of a tick has started and
//! finished in time. What it will not do: run anything; import of the app never ticks, only a supervisor does. Any number
//! of schedulers may run: the cursor is moved from the value that was read, and the ledger's key refuses a second
//! decision. Bounded: 100 schedules and 1,000 watched ticks a turn.
//! Alerts: `schedule.missed`, `schedule.skipping`, `schedule.late`, `schedule.unfinished`, `schedule.invalid`,
//! `schedule.broken`. To turn it off: pause the schedule, or take it out of the code. Killed midway: the transaction is
//! undone, and the next turn decides the same ticks from the same cursor.

use crate::catalogue::Catalogue;
use serde_json::json;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::explain::Problem;
use workaday_core::job::{Lane, State};
use workaday_core::schedule::{Decided, Fire, Plan, Reason, ScheduleEntry, Silence, Standing, decide, tick_job_id};
use workaday_store::{ByHand, ScheduleRow, ScheduledJob, Store, StoreError, TickJob, TickRow, Watched};

const SCHEDULES_MAX: usize = 100;
const WATCHED_MAX: usize = 1_000;
/// Unfinished jobs of one schedule that are looked at; more are as good as this many.
const JOBS_MAX: usize = 1_000;

/// What one turn decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulerReport {
    /// Ticks that became jobs.
    pub fired: usize,
    /// Ticks that did not, ranges counted whole.
    pub silent: u64,
    /// Lanes that have a new job.
    pub lanes: Vec<Lane>,
    /// There may be more: come again at once.
    pub more: bool,
}

#[derive(Debug, Default)]
pub struct Scheduler;

impl Scheduler {
    /// Decides what is due, inside the caller's transaction. `tz`: for schedules that name no zone.
    pub fn run_once(
        &mut self,
        store: &mut dyn Store,
        catalogue: &Catalogue,
        tz: Option<&str>,
        now: Timestamp,
    ) -> Result<SchedulerReport, StoreError> {
        let mut report = SchedulerReport::default();
        let due = store.due_schedules(now, SCHEDULES_MAX)?;
        report.more = due.len() == SCHEDULES_MAX;
        for row in due {
            match readable(&row, catalogue, tz) {
                Ok((entry, plan, task)) => Due { row: &row, entry: &entry, plan: &plan, task: &task }.decide(store, now, &mut report)?,
                Err(problem) => broken(store, &row.name, &problem, now)?,
            }
        }
        let watched = store.watched_ticks(now, WATCHED_MAX)?;
        report.more |= watched.len() == WATCHED_MAX;
        for tick in watched {
            watch(store, &tick, now)?;
        }
        Ok(report)
    }
}

/// A schedule with its meaning and its task, or why it cannot run.
fn readable(row: &ScheduleRow, catalogue: &Catalogue, tz: Option<&str>) -> Result<(ScheduleEntry, Plan, TaskEntry), Problem> {
    let entry = declared(row)?;
    let plan = entry.plan(row.anchor, tz)?;
    let task = catalogue.get(&row.task).ok_or_else(|| no_such_task(&row.name, &row.task))?;
    Ok((entry, plan, task.entry.clone()))
}

/// The declaration of a row.
pub fn declared(row: &ScheduleRow) -> Result<ScheduleEntry, Problem> {
    serde_json::from_str(&row.declared).map_err(|error| {
        Problem::new("schedule.invalid", format!("schedule {} does not run: its declaration cannot be read: {error}", row.name))
            .expected("the JSON that this version writes")
    })
}

pub fn no_such_task(schedule: &str, task: &str) -> Problem {
    Problem::new("schedule.broken", format!("schedule {schedule} does not run: no such task `{task}`"))
        .expected("a task of that name in the running code; its ticks wait and are decided when it is back")
}

/// It stays, with its cursor, until a release or somebody mends it.
pub fn broken(store: &mut dyn Store, name: &str, problem: &Problem, now: Timestamp) -> Result<(), StoreError> {
    store.break_schedule(name, &problem.message, now)?;
    let message = format!("{}; expected {}", problem.message, problem.expected);
    store.raise_alert(&problem.code, name, &message, now)
}

/// One schedule that is due.
struct Due<'a> {
    row: &'a ScheduleRow,
    entry: &'a ScheduleEntry,
    plan: &'a Plan,
    task: &'a TaskEntry,
}

impl Due<'_> {
    fn decide(&self, store: &mut dyn Store, now: Timestamp, report: &mut SchedulerReport) -> Result<(), StoreError> {
        let name = &self.row.name;
        let jobs = store.jobs_of_schedule(name, JOBS_MAX)?;
        let decided = decide(self.plan, name, &standing(self.row, &jobs), now);
        if !store.move_cursor(name, self.row.cursor, decided.cursor, decided.next_at, decided.skips, now)? {
            return Ok(()); // another scheduler decided these ticks
        }
        if decided.cancels {
            self.cancel(store, &jobs, now)?;
        }
        for silence in &decided.silences {
            store.write_tick(&silent_row(name, silence), now)?;
            report.silent += silence.count;
        }
        for fire in &decided.fires {
            self.fire(store, fire, now)?;
            report.fired += 1;
            report.lanes.push(self.task.lane());
        }
        self.alarm(store, &decided, now)
    }

    /// The tick and its job: both or neither.
    fn fire(&self, store: &mut dyn Store, fire: &Fire, now: Timestamp) -> Result<(), StoreError> {
        let row = fired_row(self.row, self.entry, self.plan, fire);
        let job = tick_job(self.row, self.entry, self.plan, self.task, fire);
        store.enqueue_tick(&job, now)?;
        store.write_tick(&row, now)
    }

    fn cancel(&self, store: &mut dyn Store, jobs: &[ScheduledJob], now: Timestamp) -> Result<(), StoreError> {
        let by = ByHand { who: format!("schedule {}", self.row.name), why: Some("replaced by its next tick".into()) };
        for job in jobs {
            store.cancel(job.id, &by, now)?;
        }
        Ok(())
    }

    /// A tick that did not happen is told, and one that did ends the complaint about skips.
    fn alarm(&self, store: &mut dyn Store, decided: &Decided, now: Timestamp) -> Result<(), StoreError> {
        let name = &self.row.name;
        for silence in decided.silences.iter().filter(|silence| silence.reason == Reason::Missed) {
            store.raise_alert("schedule.missed", name, &missed_words(name, silence, now), now)?;
        }
        let skips_alert = self.plan.policies.skips_alert;
        if decided.skips >= skips_alert && self.row.skips < decided.skips {
            let message = format!("schedule {name}: {} ticks in a row were skipped, since an earlier run is unfinished", decided.skips);
            store.raise_alert("schedule.skipping", name, &message, now)?;
        }
        if !decided.fires.is_empty() && self.row.skips >= skips_alert {
            store.close_alert("schedule.skipping", name, now)?;
        }
        Ok(())
    }
}

/// How a schedule stands, from its row and its unfinished jobs.
pub fn standing(row: &ScheduleRow, jobs: &[ScheduledJob]) -> Standing {
    let queued = jobs.iter().filter(|job| job.state == State::Pending).count() as u32;
    Standing { cursor: row.cursor, pause: row.pause(), active: jobs.len() as u32 - queued, queued, skips: row.skips }
}

/// The ledger's row of a tick that has a job.
pub fn fired_row(row: &ScheduleRow, entry: &ScheduleEntry, plan: &Plan, fire: &Fire) -> TickRow {
    let at = Timestamp(fire.tick.due_micros());
    TickRow {
        schedule: row.name.clone(),
        at,
        until: at,
        count: 1,
        reason: None,
        job: Some(tick_job_id(&row.name, fire.tick.due_at)),
        late: fire.late,
        nominal: fire.tick.nominal.to_string(),
        offset_seconds: fire.tick.offset.seconds(),
        merged: fire.tick.merged,
        start_by: plan.policies.late_after.map(|length| at + length),
        finish_by: entry.finish_within_us.map(|length| at + Length(length)),
    }
}

/// The ledger's row of ticks without a job.
pub fn silent_row(name: &str, silence: &Silence) -> TickRow {
    TickRow {
        schedule: name.to_owned(),
        at: Timestamp(silence.first.due_micros()),
        until: Timestamp(silence.last.due_micros()),
        count: silence.count,
        reason: Some(silence.reason),
        job: None,
        late: false,
        nominal: silence.first.nominal.to_string(),
        offset_seconds: silence.first.offset.seconds(),
        merged: silence.first.merged,
        start_by: None,
        finish_by: None,
    }
}

/// The job of a tick. Its id is the tick's own, so that no other job can be written for it.
pub fn tick_job(row: &ScheduleRow, entry: &ScheduleEntry, plan: &Plan, task: &TaskEntry, fire: &Fire) -> TickJob {
    let tick = json!({
        "schedule": row.name,
        "at": fire.tick.due_micros(),
        "nominal": fire.tick.nominal.to_string(),
        "offset": fire.tick.offset.seconds(),
        "zone": plan.zone_name,
    });
    TickJob {
        id: tick_job_id(&row.name, fire.tick.due_at),
        task: task.name.clone(),
        queue: entry.queue.clone().unwrap_or_else(|| task.queue.clone()),
        priority: task.priority,
        lane: task.lane(),
        run_at: fire.run_at,
        args: serde_json::Value::Object(entry.args.clone()).to_string(),
        schedule: row.name.clone(),
        tick: tick.to_string(),
        waits: fire.waits,
    }
}

fn missed_words(name: &str, silence: &Silence, now: Timestamp) -> String {
    let (first, last) = (silence.first.due_at, silence.last.due_at);
    match silence.count {
        1 => format!(
            "schedule {name}: the tick of {first} did not run: it was found {} late",
            format_length(now - Timestamp(silence.first.due_micros()))
        ),
        count => format!("schedule {name}: {count} ticks from {first} to {last} did not run"),
    }
}

/// Has the job of a tick started by `late_after`, has it finished within what is expected?
fn watch(store: &mut dyn Store, tick: &Watched, now: Timestamp) -> Result<(), StoreError> {
    let (name, job, at) = (&tick.schedule, tick.job, tick.at);
    let passed = |by: Option<Timestamp>| by.filter(|by| *by <= now);
    if let Some(by) = passed(tick.start_by) {
        let allowed = format_length(by - at);
        match tick.started {
            true => store.close_alert("schedule.late", name, now)?,
            false => {
                let message = format!("schedule {name}: job {job} of the tick of {at} has not started within {allowed}");
                store.raise_alert("schedule.late", name, &message, now)?;
            }
        }
    }
    if let Some(by) = passed(tick.finish_by) {
        let allowed = format_length(by - at);
        match tick.finished_at {
            Some(finished_at) if finished_at <= by => store.close_alert("schedule.unfinished", name, now)?,
            _ => {
                let message = format!("schedule {name}: job {job} of the tick of {at} has not finished within {allowed}");
                store.raise_alert("schedule.unfinished", name, &message, now)?;
            }
        }
    }
    store.seen_tick(name, at, now)
}

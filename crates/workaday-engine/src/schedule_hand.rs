//! Acts of people on schedules: add, remove, resume, run now, run a past tick, skip, backfill. All inside the caller's transaction.
//!
//! The ledger keeps what was decided; a job made by hand for a past tick leaves its row as it is. Such a job has the
//! tick's own id, so that no second act, and no second person, runs the same tick twice.

use crate::scheduler::{declared, silent_row, standing, tick_job};
use crate::schedules::next_at;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::JobId;
use workaday_core::schedule::{
    Fire, Learned, Overlap, Plan, Reason, ScheduleEntry, ScheduleSource, ScheduleState, Silence, Tick, from_micros, judge, silence,
};
use workaday_store::{ByHand, Enqueued, ScheduleRow, Store, StoreError};

/// A schedule that can be acted upon.
pub struct Known {
    pub row: ScheduleRow,
    pub entry: ScheduleEntry,
    pub plan: Plan,
    pub task: TaskEntry,
}

/// Finds a schedule with its meaning and its task.
pub fn find(store: &mut dyn Store, name: &str, tz: Option<&str>) -> Result<Known, StoreError> {
    let Some(row) = store.schedule(name)? else {
        let names: Vec<String> = store.schedules()?.into_iter().map(|row| row.name).collect();
        return Err(unknown(name, &names).into());
    };
    let entry = declared(&row)?;
    let plan = entry.plan(row.anchor, tz)?;
    let task = store.catalogue()?.into_iter().find(|task| task.name == row.task);
    let task = task.ok_or_else(|| crate::scheduler::no_such_task(&row.name, &row.task))?;
    Ok(Known { row, entry, plan, task })
}

pub fn unknown(name: &str, known: &[String]) -> Problem {
    Problem::new("schedule.unknown", format!("there is no schedule `{name}`"))
        .expected("a schedule that the code or workaday.toml states: `workaday schedule list`")
        .retry(RetryAdvice::SafeAfterFix, "safe once the name is fixed; nothing was changed")
        .meant(name, known.iter().map(String::as_str))
}

/// What became of an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    New,
    /// It stands already, word for word: a program that adds its schedules at each start adds each once.
    Known,
}

/// Adds a dynamic schedule, or says why it cannot be. No deploy touches it.
pub fn add(
    store: &mut dyn Store,
    entry: ScheduleEntry,
    tz: Option<&str>,
    by: &ByHand,
    now: Timestamp,
) -> Result<(Added, ScheduleEntry, Plan), StoreError> {
    let tasks = store.catalogue()?;
    let task = tasks.iter().find(|task| task.name == entry.task).ok_or_else(|| unknown_task(&entry.task, &tasks))?;
    let (entry, plan) = judge(entry, task, now, tz)?;
    let row = ScheduleRow {
        name: entry.name.clone(),
        task: entry.task.clone(),
        declared: serde_json::to_string(&entry).unwrap_or_default(),
        source: ScheduleSource::Dynamic,
        state: ScheduleState::Active,
        broken_reason: None,
        anchor: now,
        cursor: now,
        next_at: Some(now),
        skips: 0,
        paused_at: None,
        paused_until: None,
        pause_note: None,
        owner: entry.owner.clone(),
        reason: by.why.clone(),
        created_at: now,
        updated_at: now,
        learned: Learned::default(),
    };
    if store.add_schedule(&row, by, now)? {
        return Ok((Added::New, entry, plan));
    }
    let stands = store.schedule(&entry.name)?;
    match stands.filter(|stands| stands.source != ScheduleSource::Dynamic || declared(stands).ok().as_ref() != Some(&entry)) {
        Some(stands) => Err(name_taken(&stands).into()),
        None => Ok((Added::Known, entry, plan)),
    }
}

/// Takes a dynamic schedule away. Its jobs stay, and so does its ledger until it is pruned.
pub fn remove(store: &mut dyn Store, name: &str, by: &ByHand, now: Timestamp) -> Result<(), StoreError> {
    if store.remove_schedule(name, by, now)? {
        return Ok(());
    }
    match store.schedule(name)?.filter(|row| row.source != ScheduleSource::Dynamic) {
        Some(row) => Err(not_dynamic(&row).into()),
        None => {
            let dynamic = |row: &ScheduleRow| row.source == ScheduleSource::Dynamic && row.state != ScheduleState::Absent;
            let names: Vec<String> = store.schedules()?.into_iter().filter(dynamic).map(|row| row.name).collect();
            Err(unknown(name, &names).into())
        }
    }
}

fn stated_by(row: &ScheduleRow) -> &'static str {
    match row.source {
        ScheduleSource::Code => "the code",
        ScheduleSource::Config => "workaday.toml",
        ScheduleSource::Dynamic => "`schedule add` or `app.schedules.add`",
    }
}

fn name_taken(row: &ScheduleRow) -> Problem {
    Problem::new("schedule.name_taken", format!("schedule {} was not added: one of this name stands, made by {}", row.name, stated_by(row)))
        .expected("a name of its own, or the same declaration once more")
        .retry(RetryAdvice::SafeAfterFix, "safe under another name; nothing was stored")
        .hint("a dynamic one is taken away with `workaday schedule remove NAME`")
}

fn not_dynamic(row: &ScheduleRow) -> Problem {
    Problem::new("schedule.not_dynamic", format!("schedule {} was not removed: {} states it", row.name, stated_by(row)))
        .expected("a schedule made by `schedule add` or `app.schedules.add`")
        .retry(RetryAdvice::SafeAfterFix, "nothing was changed")
        .hint(format!("take it out there and deploy, or: workaday schedule pause {} --reason …", row.name))
}

fn unknown_task(name: &str, tasks: &[TaskEntry]) -> Problem {
    Problem::new("task.unknown", format!("no worker has stated a task `{name}`"))
        .expected("a task of the running code: `workaday task list`")
        .retry(RetryAdvice::SafeAfterFix, "safe once the name is right; nothing was stored")
        .meant(name, tasks.iter().map(|task| task.name.as_str()))
}

/// Ends a pause. What came in it is recorded as one range, and the next tick is one to come.
pub fn resume(store: &mut dyn Store, known: &Known, by: &ByHand, now: Timestamp) -> Result<Option<Silence>, StoreError> {
    // Ticks that wait while nobody is up are the catch-up's to decide: without a pause they are not ticks of a pause.
    if known.row.paused_at.is_none() {
        return Ok(None);
    }
    let passed = silence(&known.plan.timetable, Reason::Paused, known.row.cursor, now);
    if let Some(passed) = &passed {
        store.write_tick(&silent_row(&known.row.name, passed), now)?;
    }
    let cursor = passed.map_or(known.row.cursor, |passed| Timestamp(passed.last.due_micros()));
    let after = ScheduleRow { cursor, paused_at: None, paused_until: None, ..known.row.clone() };
    store.resume_schedule(&known.row.name, cursor, next_at(&known.plan, &after), by, now)?;
    Ok(passed)
}

/// The next `count` ticks will not run. Says which, or nothing when there are none to come.
pub fn skip(store: &mut dyn Store, known: &Known, count: usize, by: &ByHand, now: Timestamp) -> Result<Option<Silence>, StoreError> {
    let timetable = &known.plan.timetable;
    let Some(cursor) = from_micros(known.row.cursor.0) else { return Ok(None) };
    let Some(last) = timetable.ticks(cursor).take(count).last() else { return Ok(None) };
    let Some(skipped) = silence(timetable, Reason::SkippedByHand, known.row.cursor, Timestamp(last.due_micros())) else { return Ok(None) };
    store.write_tick(&silent_row(&known.row.name, &skipped), now)?;
    let cursor = Timestamp(skipped.last.due_micros());
    let after = ScheduleRow { cursor, ..known.row.clone() };
    let moved = store.move_cursor(&known.row.name, known.row.cursor, cursor, next_at(&known.plan, &after), known.row.skips, now)?;
    if !moved {
        return Err(moved_on(&known.row.name).into());
    }
    let detail = serde_json::json!({"first": skipped.first.due_at.to_string(), "count": skipped.count});
    store.note(by, "skip", &format!("schedule {}", known.row.name), Some(&detail.to_string()), now)?;
    Ok(Some(skipped))
}

/// A job of these ticks, in order; one that has a job already gets no second. Runs line up unless the schedule lets them overlap.
pub fn run_ticks(
    store: &mut dyn Store,
    known: &Known,
    ticks: &[Tick],
    action: &str,
    by: &ByHand,
    now: Timestamp,
) -> Result<Vec<(JobId, Enqueued)>, StoreError> {
    known.entry.fits(&known.task.params)?;
    let mut made = Vec::new();
    let together = known.plan.policies.overlap == Overlap::Allow;
    let unfinished = standing(&known.row, &store.jobs_of_schedule(&known.row.name, 1)?);
    let mut alone = unfinished.active + unfinished.queued == 0;
    for tick in ticks {
        let fire = Fire { tick: *tick, run_at: now, late: true, waits: !together && !alone };
        let job = tick_job(&known.row, &known.entry, &known.plan, &known.task, &fire);
        let stored = store.enqueue_tick(&job, now)?;
        alone &= stored == Enqueued::Known;
        made.push((job.id, stored));
    }
    let first = ticks.first().map(ToString::to_string);
    let detail = serde_json::json!({"first": first, "count": ticks.len()});
    store.note(by, action, &format!("schedule {}", known.row.name), Some(&detail.to_string()), now)?;
    Ok(made)
}

/// The tick of this very instant, if the schedule has one and it has passed.
pub fn past_tick(known: &Known, at: Timestamp, now: Timestamp) -> Result<Tick, Problem> {
    let found = from_micros(at.0).and_then(|at| known.plan.timetable.latest(at));
    let refused = |what: String, expected: String| {
        Problem::new("schedule.no_such_tick", what).expected(expected).retry(RetryAdvice::SafeAfterFix, "nothing was changed")
    };
    match found {
        Some(tick) if tick.due_micros() == at.0 && at <= now => Ok(tick),
        Some(tick) if tick.due_micros() == at.0 => Err(refused(
            format!("the tick of {tick} is still to come"),
            "a tick that has passed; `schedule run` without --tick runs now, `schedule skip` leaves out the next".into(),
        )),
        near => Err(refused(
            format!("schedule {} has no tick at {at}", known.row.name),
            near.map_or_else(
                || "an instant at which it was due".into(),
                |tick| format!("an instant at which it was due; the one before is {tick}"),
            ),
        )),
    }
}

fn moved_on(name: &str) -> Problem {
    Problem::new("schedule.moved_on", format!("schedule {name} was decided by the supervisor meanwhile"))
        .expected("a cursor that stands still for the length of this command")
        .retry(RetryAdvice::Safe, "safe now; nothing was changed")
}

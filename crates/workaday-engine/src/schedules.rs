//! What is declared meets what is stored: schedules are reconciled by their stable name, and none is ever deleted.
//!
//! A new schedule begins now: enabling one never runs the past. One whose timing changed begins anew, any other change
//! keeps its cursor. One that is no longer declared is kept as `absent`; one whose task is gone is `broken`, with an
//! alert, and its ticks are decided when the task is back. A failed import states nothing and so changes nothing.

use crate::catalogue::Catalogue;
use crate::scheduler::{broken, declared as declaration, no_such_task, silent_row};
use std::collections::BTreeMap;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Problem;
use workaday_core::schedule::{Learned, Pause, Plan, Reason, ScheduleEntry, ScheduleSource, ScheduleState, from_micros, silence};
use workaday_store::{ScheduleRow, Store, StoreError};

const ALERTS: [&str; 2] = ["schedule.invalid", "schedule.broken"];

/// What every statement is judged against.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    pub catalogue: &'a Catalogue,
    /// `[schedules] tz`.
    pub tz: Option<&'a str>,
    pub now: Timestamp,
    /// Are the application's tasks known? Until then a schedule of one that is not is left for later.
    pub code_has_spoken: bool,
}

/// Brings the stored schedules of one source in line with what it states. Inside the caller's transaction.
pub fn reconcile(store: &mut dyn Store, source: ScheduleSource, stated: &[ScheduleEntry], desk: &Desk<'_>) -> Result<(), StoreError> {
    let rows: BTreeMap<String, ScheduleRow> = store.schedules()?.into_iter().map(|row| (row.name.clone(), row)).collect();
    let now = desk.now;
    // A command is known from the first turn on; a task only once the application was imported.
    let is_known = |task: &str| desk.code_has_spoken || task.starts_with("command.") || desk.catalogue.get(task).is_some();
    let may_judge = |entry: &&ScheduleEntry| is_known(&entry.task);
    for entry in stated.iter().filter(may_judge) {
        let known = rows.get(&entry.name);
        if known.is_some_and(|row| row.source != source && row.state != ScheduleState::Absent) {
            let message = format!("schedule {} is stated twice, in code and in workaday.toml; the first one goes on", entry.name);
            store.raise_alert("schedule.name_taken", &entry.name, &message, now)?;
            continue;
        }
        state(store, source, entry, known, desk)?;
    }
    let unstated = |row: &&ScheduleRow| row.source == source && !stated.iter().any(|entry| entry.name == row.name);
    for row in rows.values().filter(unstated).filter(|row| row.state != ScheduleState::Absent) {
        let problem = no_such_task(&row.name, &row.task);
        match (source, desk.catalogue.get(&row.task)) {
            (ScheduleSource::Dynamic, _) => revive(store, row, desk)?,
            // The task went with its schedule: a rename, or a module that is no longer imported. Silence would hide it.
            (ScheduleSource::Code, None) => broken(store, &row.name, &problem, now)?,
            (ScheduleSource::Code | ScheduleSource::Config, _) => store.leave_schedule(&row.name, now)?,
        }
    }
    Ok(())
}

/// A dynamic schedule is stated by its own row.
fn revive(store: &mut dyn Store, row: &ScheduleRow, desk: &Desk<'_>) -> Result<(), StoreError> {
    match declaration(row) {
        Ok(entry) => state(store, row.source, &entry, Some(row), desk),
        Err(problem) => broken(store, &row.name, &problem, desk.now),
    }
}

/// Writes one stated schedule.
fn state(
    store: &mut dyn Store,
    source: ScheduleSource,
    entry: &ScheduleEntry,
    known: Option<&ScheduleRow>,
    desk: &Desk<'_>,
) -> Result<(), StoreError> {
    let Desk { catalogue, tz, now, .. } = *desk;
    let goes_on =
        known.filter(|row| row.state != ScheduleState::Absent).filter(|row| declaration(row).is_ok_and(|old| old.same_timing(entry)));
    let (anchor, cursor) = goes_on.map_or((now, now), |row| (row.anchor, row.cursor));
    let mut row = ScheduleRow {
        name: entry.name.clone(),
        task: entry.task.clone(),
        declared: serde_json::to_string(entry).unwrap_or_default(),
        source,
        state: ScheduleState::Active,
        broken_reason: None,
        anchor,
        cursor,
        next_at: None,
        skips: 0,
        paused_at: known.and_then(|row| row.paused_at),
        paused_until: known.and_then(|row| row.paused_until),
        pause_note: None,
        owner: entry.owner.clone(),
        reason: None,
        created_at: now,
        updated_at: now,
        learned: Learned::default(),
    };
    let plan = match runnable(entry, anchor, tz, catalogue) {
        Ok(plan) => plan,
        Err(problem) => {
            // Its ticks wait: the old cursor stays, so that they are decided once it is mended.
            row.cursor = known.map_or(now, |row| row.cursor);
            store.put_schedule(&row, now)?;
            return broken(store, &entry.name, &problem, now);
        }
    };
    if let Some(old) = known.filter(|row| goes_on.is_none() && row.state == ScheduleState::Active) {
        close(store, old, tz, now)?;
    }
    row.next_at = next_at(&plan, &row);
    store.put_schedule(&row, now)?;
    ALERTS.into_iter().try_for_each(|code| store.close_alert(code, &entry.name, now))
}

/// What it means, if it is readable and its task is there and takes its arguments.
fn runnable(entry: &ScheduleEntry, anchor: Timestamp, tz: Option<&str>, catalogue: &Catalogue) -> Result<Plan, Problem> {
    let plan = entry.plan(anchor, tz)?;
    let task = catalogue.get(&entry.task).ok_or_else(|| no_such_task(&entry.name, &entry.task))?;
    entry.fits(&task.entry.params)?;
    Ok(plan)
}

/// The ticks of the old timetable that nobody decided yet end here.
fn close(store: &mut dyn Store, old: &ScheduleRow, tz: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
    let Ok(plan) = declaration(old).and_then(|entry| entry.plan(old.anchor, tz)) else { return Ok(()) };
    let reason = if old.pause() == Pause::No { Reason::Missed } else { Reason::Paused };
    match silence(&plan.timetable, reason, old.cursor, now) {
        Some(silence) => store.write_tick(&silent_row(&old.name, &silence), now),
        None => Ok(()),
    }
}

/// When a schedule wants to be decided, from its cursor and its pause.
pub fn next_at(plan: &Plan, row: &ScheduleRow) -> Option<Timestamp> {
    match row.pause() {
        Pause::Open => None,
        Pause::Until(until) => Some(until),
        Pause::No => plan.timetable.next(from_micros(row.cursor.0)?).map(|tick| Timestamp(tick.due_micros())),
    }
}

/// A schedule whose next tick lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub schedule: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// The remark under which the store knows the zone data that its schedules were worked out with.
const ZONE_DATA: &str = "zone_data";

/// Works out every next tick anew when the data of the zones is not the one that the store knew. Ticks up to the cursor
/// stay as they were decided. Inside the caller's transaction.
pub fn zone_data(store: &mut dyn Store, mark: &str, tz: Option<&str>, now: Timestamp) -> Result<Vec<Moved>, StoreError> {
    let known = store.remark(ZONE_DATA)?;
    if known.as_deref() == Some(mark) {
        return Ok(vec![]);
    }
    store.set_remark(ZONE_DATA, mark)?;
    let mut moved = Vec::new();
    let ticking = |row: &ScheduleRow| row.state == ScheduleState::Active && row.pause() == Pause::No && row.next_at.is_some();
    // A store that never knew any was worked out with whatever there is now, or will be in this very turn.
    let rows = if known.is_some() { store.schedules()? } else { vec![] };
    for row in rows.into_iter().filter(ticking) {
        let Ok(plan) = declaration(&row).and_then(|entry| entry.plan(row.anchor, tz)) else { continue };
        let next = next_at(&plan, &row);
        if next != row.next_at && store.move_next(&row.name, row.cursor, next, now)? {
            moved.push(Moved { schedule: row.name, from: row.next_at, to: next });
        }
    }
    Ok(moved)
}

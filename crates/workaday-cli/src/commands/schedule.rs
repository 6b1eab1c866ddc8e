//! `schedule …`: what is due when, what became of each tick, and acts by hand.

mod act;
mod timeline;

use crate::args::{Schedule, ScheduleHistory, ScheduleNext};
use crate::context::Context;
use crate::failure::{DONE, Done, Failure};
use crate::render::{Cell, Table, Tone};
use crate::{document, text, words};
use serde_json::{Value, json};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::schedule::{Pause, Plan, ScheduleState, Tick, from_micros};
use workaday_engine::schedule_hand::unknown;
use workaday_engine::scheduler::declared;
use workaday_store::sqlite::read::Reader;
use workaday_store::{ScheduleRow, TickSeen};

pub fn run(args: &Schedule, context: &mut Context) -> Done {
    match args {
        Schedule::List => list(context),
        Schedule::Next(args) => next(args, context),
        Schedule::History(args) => history(args, context),
        Schedule::Pause(args) => act::pause(args, context),
        Schedule::Resume(args) => act::resume(args, context),
        Schedule::Run(args) => act::run(args, context),
        Schedule::Skip(args) => act::skip(args, context),
        Schedule::Backfill(args) => act::backfill(args, context),
    }
}

/// `[schedules] tz`, for schedules that name no zone.
pub fn default_zone(context: &Context) -> Result<Option<String>, Failure> {
    Ok(workaday_config::schedules::zone(context.settings()?))
}

fn list(context: &mut Context) -> Done {
    let (now, rows) = (context.now(), context.reader()?.schedules()?);
    if context.out.json {
        context.out.json(&rows.iter().map(shown).collect())?;
        return Ok(DONE);
    }
    let mut table = Table::new(&["schedule", "due", "zone", "next", "last decided", "state"]);
    for row in &rows {
        let entry = declared(row).ok();
        table.row([
            Cell::new(text::line(&row.name)),
            Cell::new(text::line(&entry.as_ref().map(|entry| entry.due_shown()).unwrap_or_default())),
            Cell::new(text::line(entry.as_ref().and_then(|entry| entry.tz.as_deref()).unwrap_or("-"))),
            Cell::new(row.next_at.map_or_else(|| "-".to_owned(), |at| words::ago(now, at))),
            Cell::new(if row.cursor == row.created_at { "-".to_owned() } else { words::ago(now, row.cursor) }),
            state(row),
        ]);
    }
    context.out.table(&table, "No schedule is known yet. A task states one: @app.task(schedule=cron(…)); `workaday up` reads it.")?;
    for row in rows.iter().filter(|row| row.broken_reason.is_some()) {
        let why = row.broken_reason.as_deref().unwrap_or_default();
        let line = context.out.paint(Tone::Bad, &text::line(&format!("! {why}")));
        context.out.line(line)?;
    }
    Ok(DONE)
}

fn state(row: &ScheduleRow) -> Cell {
    match (row.state, row.pause()) {
        (ScheduleState::Broken, _) => Cell::new("broken").tone(Tone::Bad),
        (ScheduleState::Absent, _) => Cell::new("absent").tone(Tone::Wait),
        (ScheduleState::Active, Pause::No) if row.next_at.is_none() => Cell::new("done"),
        (ScheduleState::Active, Pause::No) => Cell::new("on"),
        (ScheduleState::Active, _) => Cell::new("‖ paused").tone(Tone::Wait),
    }
}

/// A schedule as JSON.
fn shown(row: &ScheduleRow) -> Value {
    json!({
        "name": row.name, "task": row.task, "source": row.source, "state": row.state, "broken_reason": row.broken_reason,
        "declared": document::declared(&row.declared), "anchor": document::instant(row.anchor), "cursor": document::instant(row.cursor),
        "next_at": document::optional(row.next_at), "skips": row.skips, "paused_at": document::optional(row.paused_at),
        "paused_until": document::optional(row.paused_until), "pause_note": row.pause_note, "owner": row.owner, "reason": row.reason,
        "created_at": document::instant(row.created_at), "updated_at": document::instant(row.updated_at),
    })
}

/// The schedules that tick, with their meaning.
fn ticking(rows: Vec<ScheduleRow>, tz: Option<&str>) -> Vec<(ScheduleRow, Plan)> {
    let active = rows.into_iter().filter(|row| row.state == ScheduleState::Active && row.pause() != Pause::Open);
    active.filter_map(|row| declared(&row).and_then(|entry| entry.plan(row.anchor, tz)).ok().map(|plan| (row, plan))).collect()
}

/// Ticks to come, after the cursor: what is due and not decided yet comes first.
fn coming(row: &ScheduleRow, plan: &Plan, until: Option<Timestamp>, count: usize) -> Vec<Tick> {
    let begin = match row.pause() {
        Pause::Until(until) => row.cursor.max(until - Length(1)),
        _ => row.cursor,
    };
    let Some(begin) = from_micros(begin.0) else { return vec![] };
    let within = |tick: &Tick| until.is_none_or(|until| Timestamp(tick.due_micros()) <= until);
    plan.timetable.ticks(begin).take_while(within).take(count).collect()
}

fn next(args: &ScheduleNext, context: &mut Context) -> Done {
    let (now, tz) = (context.now(), default_zone(context)?);
    let reader = context.reader()?;
    let rows = match &args.name {
        Some(name) => vec![find(&reader, name)?],
        None => reader.schedules()?,
    };
    let plans = ticking(rows, tz.as_deref());
    let mut ticks: Vec<(&str, Tick)> = plans
        .iter()
        .flat_map(|(row, plan)| coming(row, plan, None, args.n as usize).into_iter().map(|tick| (row.name.as_str(), tick)))
        .collect();
    ticks.sort_by_key(|(name, tick)| (tick.due_at, *name));
    ticks.truncate(args.n as usize);
    if context.out.json {
        let lines = ticks.iter().map(|(name, tick)| {
            json!({"schedule": name, "at": document::instant(Timestamp(tick.due_micros())), "local": tick.to_string(), "nominal": tick.nominal.to_string()})
        });
        context.out.json(&lines.collect())?;
        return Ok(DONE);
    }
    let mut table = Table::new(&["next", "in UTC", "from now", "schedule"]);
    for (name, tick) in &ticks {
        table.row([
            Cell::new(tick.to_string()),
            Cell::new(tick.due_at.to_string()),
            Cell::new(words::ago(now, Timestamp(tick.due_micros()))),
            Cell::new(text::line(name)),
        ]);
    }
    context.out.table(&table, "Nothing is due: no schedule is on, or none has a tick to come.")?;
    if args.name.is_none() && !plans.is_empty() {
        context.out.line("")?;
        for line in timeline::lines(&plans, now) {
            context.out.line(text::line(&line))?;
        }
    }
    Ok(DONE)
}

fn find(reader: &Reader, name: &str) -> Result<ScheduleRow, Failure> {
    if let Some(row) = reader.schedule(name)? {
        return Ok(row);
    }
    let names: Vec<String> = reader.schedules()?.into_iter().map(|row| row.name).collect();
    Err(unknown(name, &names).into())
}

fn history(args: &ScheduleHistory, context: &mut Context) -> Done {
    let now = context.now();
    let reader = context.reader()?;
    let row = find(&reader, &args.name)?;
    let ticks = reader.ticks(&row.name, None, args.limit as usize)?;
    if context.out.json {
        context.out.json(&ticks.iter().map(tick_shown).collect())?;
        return Ok(DONE);
    }
    let mut table = Table::new(&["tick", "nominal", "what became of it", "decided", "job"]);
    for seen in &ticks {
        table.row([
            Cell::new(seen.tick.at.to_string()),
            Cell::new(&seen.tick.nominal),
            Cell::new(became(seen)).tone(if seen.tick.reason.is_some() { Tone::Wait } else { Tone::Plain }),
            Cell::new(words::ago(now, seen.decided_at)),
            Cell::new(seen.tick.job.map_or_else(|| "-".to_owned(), |job| job.to_string())),
        ]);
    }
    context.out.table(&table, "No tick of it was decided yet.")?;
    Ok(DONE)
}

fn became(seen: &TickSeen) -> String {
    let tick = &seen.tick;
    let what = match (tick.reason, seen.job_state) {
        (Some(reason), _) if tick.count > 1 => format!("{reason} x{} until {}", words::thousands(tick.count as i64), tick.until),
        (Some(reason), _) => reason.to_string(),
        (None, Some(state)) => state.to_string(),
        (None, None) => "ran (job pruned)".to_owned(),
    };
    let late = if tick.late { ", late" } else { "" };
    let merged = if tick.merged > 0 { format!(", {} merged by a clock change", tick.merged) } else { String::new() };
    format!("{what}{late}{merged}")
}

fn tick_shown(seen: &TickSeen) -> Value {
    let tick = &seen.tick;
    json!({
        "at": document::instant(tick.at), "until": document::instant(tick.until), "count": tick.count, "reason": tick.reason,
        "job": tick.job, "job_state": seen.job_state, "late": tick.late, "nominal": tick.nominal, "offset_seconds": tick.offset_seconds,
        "merged": tick.merged, "decided_at": document::instant(seen.decided_at),
    })
}

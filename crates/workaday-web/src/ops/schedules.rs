//! Schedules: pause, resume, run now or a past tick, leave out the next.

use super::{Done, count};
use crate::asked::{Asked, instant, until};
use crate::fields::Fields;
use serde_json::json;
use workaday_core::explain::Problem;
use workaday_core::schedule::{Tick, from_micros};
use workaday_engine::document;
use workaday_engine::schedule_hand as hand;
use workaday_store::{Enqueued, Store};

pub fn pause(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let note = fields.text("reason").or(fields.text("note"));
    let note = note.ok_or_else(|| crate::answer::invalid("`reason` is missing", "why: whoever meets the pause at night wants to know"))?;
    let (by, until) = (asked.by(Some(note))?, until(fields.text("until"), asked.now)?);
    let name = asked.param(0);
    asked.window.writing(|store| {
        let known = hand::find(store, name, zone(asked))?;
        store.pause_schedule(&known.row.name, until, &by, asked.now)
    })?;
    asked.window.wake();
    let end = until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
    Ok(Done::new(
        format!("Schedule {name} is paused {end}. Its ticks are recorded as paused; a run that goes on is not stopped."),
        json!({"schedule": name, "paused_until": document::optional(until)}),
    ))
}

pub fn resume(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let (name, by) = (asked.param(0), asked.by(fields.text("reason"))?);
    let (was_paused, passed) = asked.window.writing(|store| {
        let known = hand::find(store, name, zone(asked))?;
        Ok((known.row.paused_at.is_some(), hand::resume(store, &known, &by, asked.now)?))
    })?;
    asked.window.wake();
    let passed = passed.map_or(0, |passed| passed.count);
    let said = match was_paused {
        true => format!("Schedule {name} is on again. {} of the pause will not run.", count(passed as usize, "tick")),
        false => format!("Schedule {name} was not paused; nothing was changed."),
    };
    Ok(Done::new(said, json!({"schedule": name, "paused_ticks": passed})))
}

pub fn run(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let (name, by) = (asked.param(0), asked.by(fields.text("reason").or(fields.text("note")))?);
    let at = fields.text("at").map(|at| instant(at, "at")).transpose()?;
    let made = asked.window.writing(|store| {
        let known = hand::find(store, name, zone(asked))?;
        let tick = match at {
            Some(at) => hand::past_tick(&known, at, asked.now)?,
            // Run now: the instant of the request stands for the tick.
            None => Tick::plain(from_micros(asked.now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH), &known.plan.timetable.zone),
        };
        hand::run_ticks(store, &known, &[tick], "run", &by, asked.now)
    })?;
    asked.window.wake();
    let (job, is_new) = made.first().map_or((None, false), |(job, stored)| (Some(*job), *stored == Enqueued::Stored));
    let said = match job {
        Some(job) if is_new => format!("Job {job} was made."),
        Some(job) => format!("This tick has a job already, {job}: no second one was made."),
        None => "No job was made.".to_owned(),
    };
    Ok(Done::new(said, json!({"schedule": name, "job": job, "new": is_new})))
}

pub fn skip(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let (name, by) = (asked.param(0), asked.by(fields.text("reason").or(fields.text("note")))?);
    let ticks = fields.number("count").unwrap_or(1).clamp(1, 10_000) as usize;
    let skipped = asked.window.writing(|store| {
        let known = hand::find(store, name, zone(asked))?;
        hand::skip(store, &known, ticks, &by, asked.now)
    })?;
    asked.window.wake();
    let said = match &skipped {
        None => format!("Schedule {name} has no tick to come."),
        Some(one) if one.count == 1 => format!("The tick of {} will not run.", one.first),
        Some(many) => format!("{} will not run: from {} to {}.", count(many.count as usize, "tick"), many.first, many.last),
    };
    let range =
        skipped.map(|range| json!({"first": range.first.due_at.to_string(), "last": range.last.due_at.to_string(), "count": range.count}));
    Ok(Done::new(said, json!({"schedule": name, "skipped": range})))
}

fn zone<'a>(asked: &Asked<'a>) -> Option<&'a str> {
    asked.window.options.schedules_zone.as_deref()
}

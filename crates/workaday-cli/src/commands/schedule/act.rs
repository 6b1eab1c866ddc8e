//! Acts by hand: pause, resume, run, skip, backfill. Each leaves a line in the audit.

use super::default_zone;
use crate::args::{ScheduleBackfill, SchedulePause, ScheduleResume, ScheduleRun, ScheduleSkip};
use crate::commands::confirm::confirm;
use crate::commands::task::reason_missing;
use crate::context::{Context, instant, instant_or_length, transaction};
use crate::failure::{DONE, Done, usage};
use crate::{beside, document, text, words};
use serde_json::json;
use workaday_core::schedule::{Silence, Tick, from_micros};
use workaday_engine::schedule_hand::{self as hand, Known};
use workaday_store::{Enqueued, Store};

pub fn pause(args: &SchedulePause, context: &mut Context) -> Done {
    let mut by = context.by(&args.by);
    let note = args.by.reason.clone().ok_or_else(|| reason_missing("schedule pause"))?;
    by.why = Some(note);
    let now = context.now();
    let until = args.until.as_deref().map(|until| instant_or_length(until, "--until", now)).transpose()?;
    if until.is_some_and(|until| until <= now) {
        return Err(usage("--until lies in the past", "an instant to come, or a length: 2h").into());
    }
    let tz = default_zone(context)?;
    let mut store = context.writer()?;
    transaction(&mut store, |store| {
        let known = hand::find(store, &args.name, tz.as_deref())?;
        store.pause_schedule(&known.row.name, until, &by, now)
    })?;
    beside::wake(&context.database()?);
    if context.out.json {
        context.out.json(&json!({"schedule": args.name, "paused_until": document::optional(until)}))?;
        return Ok(DONE);
    }
    let end = until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
    context.out.line(text::line(&format!(
        "Schedule {} is paused {end}. Its ticks are recorded as paused; a run that goes on is not stopped.",
        args.name
    )))?;
    context.out.line(text::line(&format!("Undo: workaday schedule resume {}", args.name)))?;
    Ok(DONE)
}

pub fn resume(args: &ScheduleResume, context: &mut Context) -> Done {
    let (by, now, tz) = (context.by(&args.by), context.now(), default_zone(context)?);
    let mut store = context.writer()?;
    let (was_paused, passed) = transaction(&mut store, |store| {
        let known = hand::find(store, &args.name, tz.as_deref())?;
        Ok((known.row.paused_at.is_some(), hand::resume(store, &known, &by, now)?))
    })?;
    beside::wake(&context.database()?);
    let count = passed.map_or(0, |passed| passed.count);
    if context.out.json {
        context.out.json(&json!({"schedule": args.name, "paused_ticks": count}))?;
    } else if !was_paused {
        context.out.line(text::line(&format!("Schedule {} was not paused; nothing was changed.", args.name)))?;
    } else {
        let missed = words::count(count as usize, "tick");
        context.out.line(text::line(&format!("Schedule {} is on again. {missed} of the pause will not run.", args.name)))?;
    }
    Ok(DONE)
}

pub fn run(args: &ScheduleRun, context: &mut Context) -> Done {
    let (by, now, tz) = (context.by(&args.by), context.now(), default_zone(context)?);
    let at = args.tick.as_deref().map(|tick| instant(tick, "--tick")).transpose()?;
    let mut store = context.writer()?;
    let made = transaction(&mut store, |store| {
        let known = hand::find(store, &args.name, tz.as_deref())?;
        let tick = match at {
            Some(at) => hand::past_tick(&known, at, now)?,
            // Run now: the instant of the command stands for the tick.
            None => now_as_tick(&known, now),
        };
        hand::run_ticks(store, &known, &[tick], "run", &by, now)
    })?;
    beside::wake(&context.database()?);
    let Some((job, stored)) = made.first() else { return Ok(DONE) };
    if context.out.json {
        context.out.json(&json!({"schedule": args.name, "job": job, "new": *stored == Enqueued::Stored}))?;
        return Ok(DONE);
    }
    let line = match stored {
        Enqueued::Stored => format!("Job {job} was made."),
        // Jobs of ticks carry no unique key; the store's answer is told all the same.
        Enqueued::Held { by, state } => format!("No job was made: {by} ({state}) holds its unique key."),
        Enqueued::Known => format!("This tick has a job already, {job}: no second one was made. Once more: workaday job retry {job}"),
    };
    context.out.line(text::line(&line))?;
    Ok(DONE)
}

fn now_as_tick(known: &Known, now: workaday_core::clock::Timestamp) -> Tick {
    let due_at = from_micros(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Tick::plain(due_at, &known.plan.timetable.zone)
}

pub fn skip(args: &ScheduleSkip, context: &mut Context) -> Done {
    let (by, now, tz) = (context.by(&args.by), context.now(), default_zone(context)?);
    let mut store = context.writer()?;
    let skipped = transaction(&mut store, |store| {
        let known = hand::find(store, &args.name, tz.as_deref())?;
        hand::skip(store, &known, args.count as usize, &by, now)
    })?;
    beside::wake(&context.database()?);
    if context.out.json {
        context.out.json(&json!({"schedule": args.name, "skipped": skipped.as_ref().map(range)}))?;
        return Ok(DONE);
    }
    let line = match skipped {
        None => format!("Schedule {} has no tick to come.", args.name),
        Some(one) if one.count == 1 => format!("The tick of {} will not run.", one.first),
        Some(many) => format!("{} will not run: from {} to {}.", words::count(many.count as usize, "tick"), many.first, many.last),
    };
    context.out.line(text::line(&line))?;
    Ok(DONE)
}

fn range(silence: &Silence) -> serde_json::Value {
    json!({"first": silence.first.due_at.to_string(), "last": silence.last.due_at.to_string(), "count": silence.count})
}

pub fn backfill(args: &ScheduleBackfill, context: &mut Context) -> Done {
    let (by, now, tz) = (context.by(&args.by), context.now(), default_zone(context)?);
    let (from, to) = (instant(&args.from, "--from")?, instant(&args.to, "--to")?.min(now));
    let mut store = context.writer()?;
    let known = hand::find(&mut store, &args.name, tz.as_deref())?;
    let (Some(after), Some(until)) = (from_micros(from.0 - 1), from_micros(to.0)) else {
        return Err(usage("--from or --to is out of range", "instants between the years -9999 and 9999").into());
    };
    let count = known.plan.timetable.count(after, until);
    if count > u64::from(args.limit) {
        let most = format!("at most {} ticks (--limit); this range has {count}", args.limit);
        return Err(usage(format!("--from {} --to {} is too long a range", args.from, args.to), most).into());
    }
    let ticks = known.plan.timetable.first_between(after, until, args.limit as usize);
    if args.dry_run {
        if context.out.json {
            context.out.json(&json!({"schedule": args.name, "ticks": ticks.iter().map(ToString::to_string).collect::<Vec<_>>()}))?;
        } else {
            for tick in &ticks {
                context.out.line(tick.to_string())?;
            }
            context.out.line(format!("{} would get a job, unless it has one.", words::count(ticks.len(), "tick")))?;
        }
        return Ok(DONE);
    }
    if ticks.is_empty() {
        return Err(usage(
            format!("schedule {} has no tick that has passed in this range", args.name),
            "a range with ticks: `cron next` shows them",
        )
        .into());
    }
    if let Some(code) = confirm(
        &format!("Run {} of {} from {} to {}", words::count(ticks.len(), "tick"), args.name, ticks[0], ticks[ticks.len() - 1]),
        args.yes,
    )? {
        return Ok(code);
    }
    let made = transaction(&mut store, |store| hand::run_ticks(store, &known, &ticks, "backfill", &by, now))?;
    beside::wake(&context.database()?);
    let new = made.iter().filter(|(_, stored)| *stored == Enqueued::Stored).count();
    if context.out.json {
        context.out.json(&json!({"schedule": args.name, "ticks": made.len(), "new": new}))?;
    } else {
        context.out.line(format!(
            "{} made; {} of {} had one already.",
            words::count(new, "job"),
            made.len() - new,
            words::count(made.len(), "tick")
        ))?;
    }
    Ok(DONE)
}

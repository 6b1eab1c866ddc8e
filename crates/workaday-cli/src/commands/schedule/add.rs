//! `schedule add` and `schedule remove`: schedules made at run time, with an owner and a reason.

use super::{default_zone, find};
use crate::args::{ScheduleAdd, ScheduleRemove};
use crate::commands::task::reason_missing;
use crate::context::{Context, length, transaction};
use crate::failure::{DONE, Done, Failure, usage};
use crate::{beside, document, text};
use serde_json::{Map, Value, json};
use workaday_core::clock::Timestamp;
use workaday_core::schedule::{Plan, ScheduleEntry, Tick, from_micros};
use workaday_engine::schedule_hand::{self as hand, Added};
use workaday_store::Store;

const TICKS: usize = 3;

pub fn add(args: &ScheduleAdd, context: &mut Context) -> Done {
    let by = context.by(&args.by);
    if by.why.is_none() {
        return Err(reason_missing("schedule add").into());
    }
    let (now, tz) = (context.now(), default_zone(context)?);
    let entry = entry(args, by.who.clone())?;
    let mut store = context.writer()?;
    if args.dry_run {
        store.begin(workaday_store::Durability::Full)?;
        let judged = hand::add(&mut store, entry, tz.as_deref(), &by, now);
        store.rollback();
        let (_, entry, plan) = judged?;
        return told(context, &entry, &plan, now, None);
    }
    let (added, entry, plan) = transaction(&mut store, |store| hand::add(store, entry, tz.as_deref(), &by, now))?;
    beside::wake(&context.database()?);
    told(context, &entry, &plan, now, Some(added))
}

fn told(context: &mut Context, entry: &ScheduleEntry, plan: &Plan, now: Timestamp, added: Option<Added>) -> Done {
    let ticks: Vec<Tick> = from_micros(now.0).map(|now| plan.timetable.ticks(now).take(TICKS).collect()).unwrap_or_default();
    if context.out.json {
        let next: Vec<Value> = ticks.iter().map(|tick| document::instant(Timestamp(tick.due_micros()))).collect();
        context.out.json(&json!({"schedule": entry.name, "added": added == Some(Added::New), "next": next}))?;
        return Ok(DONE);
    }
    let what = match added {
        None => "could be added; nothing was stored.",
        Some(Added::New) => "was added.",
        Some(Added::Known) => "stands already, word for word; nothing was changed.",
    };
    context.out.line(text::line(&format!("Schedule {} {what} Its next ticks:", entry.name)))?;
    for tick in &ticks {
        context.out.line(tick.to_string())?;
    }
    if added == Some(Added::New) {
        context.out.line(text::line(&format!("Undo: workaday schedule remove {}", entry.name)))?;
    }
    Ok(DONE)
}

fn entry(args: &ScheduleAdd, owner: String) -> Result<ScheduleEntry, Failure> {
    let micros = |text: &Option<String>, option: &str| -> Result<Option<i64>, Failure> {
        Ok(text.as_deref().map(|text| length(text, option)).transpose()?.map(|length| length.0))
    };
    let given: Value = serde_json::from_str(&args.args).unwrap_or(Value::Null);
    let Value::Object(given) = given else {
        return Err(usage("--args is no JSON object", "the arguments by name: --args '{\"store\": \"Lisbon\"}'")
            .got(args.args.clone())
            .into());
    };
    let mut exclude = args.exclude.clone();
    if let Some(file) = &args.holidays {
        let dates = workaday_config::schedules::read_holidays(file);
        exclude.extend(dates.map_err(|error| usage(format!("--holidays {}: {error}", file.display()), "a readable file of dates"))?);
    }
    Ok(ScheduleEntry {
        name: args.name.clone(),
        task: args.task.clone(),
        args: given as Map<String, Value>,
        cron: args.cron.clone(),
        every: args.every.clone(),
        at: args.at.clone(),
        tz: args.tz.clone(),
        queue: args.queue.clone(),
        owner: Some(owner),
        exclude,
        gap: args.gap.clone(),
        fold: args.fold.clone(),
        catch_up: args.catch_up.clone(),
        catch_up_limit: args.limit,
        catch_up_window_us: micros(&args.catch_up_window, "--catch-up-window")?,
        overlap: args.overlap.clone(),
        jitter_us: micros(&args.jitter, "--jitter")?.unwrap_or(0),
        late_after_us: micros(&args.late_after, "--late-after")?,
        finish_within_us: micros(&args.finish_within, "--finish-within")?,
        min_duration_us: micros(&args.min_duration, "--min-duration")?,
        alert_after_failures: args.alert_after_failures,
        skips_alert: args.skips_alert,
        ..ScheduleEntry::default()
    })
}

pub fn remove(args: &ScheduleRemove, context: &mut Context) -> Done {
    let (by, now) = (context.by(&args.by), context.now());
    let mut store = context.writer()?;
    if args.dry_run {
        store.begin(workaday_store::Durability::Full)?;
        let judged = hand::remove(&mut store, &args.name, &by, now);
        store.rollback();
        judged?;
        let row = find(&context.reader()?, &args.name)?;
        if context.out.json {
            context.out.json(&json!({"schedule": args.name, "removed": false, "next_at": document::optional(row.next_at)}))?;
        } else {
            context.out.line(text::line(&format!("Schedule {} would be removed; nothing was changed.", args.name)))?;
        }
        return Ok(DONE);
    }
    transaction(&mut store, |store| hand::remove(store, &args.name, &by, now))?;
    beside::wake(&context.database()?);
    if context.out.json {
        context.out.json(&json!({"schedule": args.name, "removed": true}))?;
    } else {
        let line = format!("Schedule {} was removed. Its jobs stay; what became of its ticks is kept until it is pruned.", args.name);
        context.out.line(text::line(&line))?;
    }
    Ok(DONE)
}

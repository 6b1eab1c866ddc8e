//! `queue …`: what waits where; claim nothing more from one, claim again.

use super::task::{active_holds, not_paused, reason_missing};
use crate::args::{Queue, QueuePause, QueueResume};
use crate::context::{Context, instant_or_length, transaction};
use crate::failure::{DONE, Done, Failure, usage};
use crate::render::{Cell, Table, Tone};
use crate::{beside, document, text, words};
use serde_json::json;
use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_store::Store;
use workaday_store::sqlite::read::{QueueCounts, Reader};

pub fn run(args: &Queue, context: &mut Context) -> Done {
    match args {
        Queue::List => list(context),
        Queue::Pause(args) => pause(args, context),
        Queue::Resume(args) => resume(args, context),
    }
}

fn list(context: &mut Context) -> Done {
    let now = context.now();
    let reader = context.reader()?;
    let queues = reader.queues(now)?;
    let holds = active_holds(&reader, context)?;
    let of_queue = |name: &str| holds.iter().filter(move |hold| hold.rule.queue.as_deref() == Some(name)).collect::<Vec<_>>();
    if context.out.json {
        let with_holds = |queue: &QueueCounts| {
            let mut whole = document::queue(queue);
            whole["holds"] = of_queue(&queue.queue).into_iter().map(document::hold).collect();
            whole
        };
        context.out.json(&queues.iter().map(with_holds).collect())?;
        return Ok(DONE);
    }
    context.out.table(&table(&queues, now), "No queue is in use yet. A task names its queue; `default` serves the rest.")?;
    for queue in &queues {
        for hold in of_queue(&queue.queue) {
            let until = hold.rule.until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
            let by = hold.rule.owner.as_ref().map_or_else(String::new, |owner| format!(" by {owner}"));
            let said = format!("‖ {} is paused{by}, {until}: {}", queue.queue, hold.rule.reason);
            context.out.line(context.out.paint(Tone::Wait, &text::line(&said)))?;
        }
    }
    Ok(DONE)
}

/// The queues as `queue list` and `status` show them.
pub fn table(queues: &[QueueCounts], now: Timestamp) -> Table {
    let mut table = Table::new(&["queue", ">ready", ">running", ">later", ">retrying", ">held", "oldest waits", "state"]);
    for queue in queues {
        let number = |count: i64| Cell::new(words::thousands(count));
        table.row([
            Cell::new(&queue.queue),
            number(queue.available),
            number(queue.running),
            number(queue.scheduled + queue.pending),
            number(queue.retryable),
            number(queue.held),
            Cell::new(
                queue.oldest_waiting_at.map_or_else(|| "-".to_owned(), |since| words::micros((now - since).0.max(0) / 1_000 * 1_000)),
            ),
            if queue.paused { Cell::new("‖ paused").tone(Tone::Wait) } else { Cell::new("on") },
        ]);
    }
    table
}

/// The queues that anything knows: the store, workaday.toml, and `default`.
pub fn known(reader: &Reader, context: &Context) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = reader.queues(context.now())?.into_iter().map(|queue| queue.queue).collect();
    names.extend(reader.tasks()?.into_iter().map(|task| task.queue));
    names.extend(context.settings()?.queues.keys().cloned());
    names.push("default".to_owned());
    names.sort();
    names.dedup();
    Ok(names)
}

pub use workaday_engine::order::check_queue as check;

fn pause(args: &QueuePause, context: &mut Context) -> Done {
    let reason = args.by.reason.clone().ok_or_else(|| reason_missing("queue pause"))?;
    let (reader, now) = (context.reader()?, context.now());
    check(&args.queue, &known(&reader, context)?)?;
    let until = args.until.as_deref().map(|until| instant_or_length(until, "--until", now)).transpose()?;
    if let Some(past) = until.filter(|until| *until <= now) {
        return Err(usage(format!("--until is {past}, which is past"), "an instant to come, or a length: 2h").into());
    }
    let by = context.by(&args.by);
    let rule =
        HoldRule { rule: 0, task: None, queue: Some(args.queue.clone()), where_args: vec![], reason, owner: Some(by.who.clone()), until };
    let mut store = context.writer()?;
    let number = transaction(&mut store, |store| store.add_hold(&rule, &by, now))?;
    beside::wake(&context.database()?);
    if context.out.json {
        context.out.json(&json!({"rule": number, "queue": args.queue, "until": document::optional(until)}))?;
        return Ok(DONE);
    }
    let end = until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
    context.out.line(text::line(&format!("Queue {} is paused {end}. Its jobs wait; those that run go on.", args.queue)))?;
    context.out.line(text::line(&format!("Undo: workaday queue resume {}", args.queue)))?;
    Ok(DONE)
}

fn resume(args: &QueueResume, context: &mut Context) -> Done {
    let (reader, now) = (context.reader()?, context.now());
    let by = context.by(&args.by);
    let mut store = context.writer()?;
    let released = transaction(&mut store, |store| store.release_hold(None, Some(&args.queue), None, &by, now))?;
    beside::wake(&context.database()?);
    if released == 0 {
        return Err(not_paused("queue", &args.queue, &active_holds(&reader, context)?).into());
    }
    if context.out.json {
        context.out.json(&json!({"queue": args.queue, "released": released}))?;
    } else {
        context.out.line(text::line(&format!("Queue {} is on again.", args.queue)))?;
    }
    Ok(DONE)
}

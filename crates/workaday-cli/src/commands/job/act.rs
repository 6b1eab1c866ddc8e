//! `job retry|cancel|delete|release`: acts by hand on one job or on all that a filter names, each audited.

use super::list;
use crate::args::{JobAct, JobFilter};
use crate::commands::confirm::confirm;
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, FAILED, Failure, REFUSED};
use crate::progress::Progress;
use crate::{beside, text, words};
use serde_json::json;
use std::collections::HashMap;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::JobId;
pub use workaday_engine::deed::Deed;
use workaday_engine::deed::attempts_by_task;
use workaday_store::sqlite::read::{JobSummary, Reader};
use workaday_store::{Act, ByHand, StoreError};

/// Jobs a transaction: a batch must not keep other writers waiting.
const STEP: usize = 200;
/// More ids than this are no line to copy.
const UNDO_IDS_MAX: usize = 8;
/// A filter concerns no more than this at once.
const BATCH_MAX: usize = 100_000;

pub fn run(deed: Deed, args: &JobAct, context: &mut Context) -> Done {
    let reader = context.reader()?;
    let chosen = choose(deed, args, &reader)?;
    let no_way_back = if deed == Deed::Delete { ", with attempts and logs; this cannot be undone" } else { "" };
    let sentence = format!("{} {}{no_way_back}", deed.verb(), what(&chosen, args));
    if args.dry_run {
        return dry_run(&sentence, &chosen, context);
    }
    // One job by its id is what was typed; deleting and batches are asked about.
    if (args.ids.is_empty() || deed == Deed::Delete || chosen.len() > 1)
        && !chosen.is_empty()
        && let Some(code) = confirm(&sentence, args.yes)?
    {
        return Ok(code);
    }
    let policies = if deed == Deed::Retry { attempts_by_task(&reader.tasks()?) } else { HashMap::new() };
    drop(reader);
    let (by, now) = (context.by(&args.by), context.now());
    let acts = carry_out(deed, &chosen, &policies, &by, now, context)?;
    beside::wake(&context.database()?);
    report(deed, &acts, args, context)
}

type Acts = Vec<(JobSummary, Act)>;

fn choose(deed: Deed, args: &JobAct, reader: &Reader) -> Result<Vec<JobSummary>, Failure> {
    if !args.ids.is_empty() {
        return args.ids.iter().map(|id| Ok(reader.find_job(id)?.summary)).collect();
    }
    let filter = &args.filter;
    if filter.task.is_none() && filter.queue.is_none() && filter.states.is_empty() && filter.tag.is_none() && filter.held.is_none() {
        return Err(Problem::new("usage.no_jobs_named", format!("`job {}` was told no job", deed.word()))
            .expected("one or more ids, or a condition: --task, --queue, --state, --tag, --held")
            .retry(RetryAdvice::SafeAfterFix, "safe with an id; nothing was changed")
            .hint("`workaday job list` shows ids")
            .into());
    }
    // Only jobs that the act can concern: "retry --task x" means the discarded ones, not all.
    let mut found = list::select(reader, &JobFilter { ..filter.clone() }, BATCH_MAX)?;
    found.retain(|job| deed.concerns(job));
    Ok(found)
}

fn what(chosen: &[JobSummary], args: &JobAct) -> String {
    let count = words::count(chosen.len(), "job");
    match (&args.filter.task, &args.filter.queue, chosen) {
        (Some(task), ..) => format!("{count} of {task}"),
        (None, Some(queue), _) => format!("{count} of queue {queue}"),
        (None, None, [one]) => format!("{} ({})", one.id, one.task),
        _ => count,
    }
}

fn dry_run(sentence: &str, chosen: &[JobSummary], context: &mut Context) -> Done {
    if context.out.json {
        let ids: Vec<_> = chosen.iter().map(|job| job.id).collect();
        context.out.json(&json!({"dry_run": true, "jobs": ids}))?;
        return Ok(DONE);
    }
    context.out.line(format!("{}. This is a dry run; nothing was changed.", text::line(sentence)))?;
    for job in chosen.iter().take(20) {
        context.out.line(format!("  {}  {}  {}", job.id, text::line(&job.task), job.state))?;
    }
    if chosen.len() > 20 {
        context.out.line(format!("  … and {} more", chosen.len() - 20))?;
    }
    Ok(DONE)
}

fn carry_out(
    deed: Deed,
    chosen: &[JobSummary],
    policies: &HashMap<String, u32>,
    by: &ByHand,
    now: Timestamp,
    context: &Context,
) -> Result<Acts, Failure> {
    let mut store = context.writer()?;
    let mut acts = vec![];
    let mut progress = Progress::new(going_on(deed), Some(chosen.len()), context.out.json);
    for step in chosen.chunks(STEP) {
        let done = transaction(&mut store, |store| {
            step.iter().map(|job| Ok((job.clone(), deed.act(store, job, policies, by, now)?))).collect::<Result<Acts, StoreError>>()
        })?;
        acts.extend(done);
        progress.at(acts.len());
    }
    Ok(acts)
}

fn report(deed: Deed, acts: &Acts, args: &JobAct, context: &mut Context) -> Done {
    let of = |wanted: fn(&Act) -> bool| acts.iter().filter(|(_, act)| wanted(act)).map(|(job, _)| job.id).collect::<Vec<_>>();
    let (done, requested) = (of(|act| *act == Act::Done), of(|act| *act == Act::Requested));
    let refused: Vec<_> =
        acts.iter().filter_map(|(job, act)| if let Act::Refused(state) = act { Some((job, *state)) } else { None }).collect();
    let missing = of(|act| *act == Act::Missing);
    if let ([(job, state)], [_]) = (refused.as_slice(), acts.as_slice()) {
        return Err(deed.refusal(job, *state).into());
    }
    if context.out.json {
        let refused: Vec<_> = refused.iter().map(|(job, state)| json!({"id": job.id, "state": state})).collect();
        context.out.json(&json!({"done": done, "requested": requested, "refused": refused, "missing": missing}))?;
    } else {
        let counted = |count: usize, rest: &str| if count == 0 { None } else { Some(format!("{} {rest}.", words::count(count, "job"))) };
        let sentences = [
            counted(done.len(), deed.past()),
            counted(requested.len(), "asked to stop; each is cancelled when it ends"),
            counted(refused.len(), "left as they were: their state had changed meanwhile"),
            counted(missing.len(), "gone meanwhile"),
        ];
        let said: Vec<String> = sentences.into_iter().flatten().collect();
        context.out.line(if said.is_empty() { "No job fits; nothing was changed.".to_owned() } else { said.join(" ") })?;
    }
    if !context.out.json
        && let Some(undo) = undo(deed, &done)
    {
        context.out.line(undo)?;
    }
    let is_by_id = !args.ids.is_empty();
    Ok(match (done.len() + requested.len(), refused.len() + missing.len()) {
        (0, 0) => DONE,
        (0, _) => REFUSED,
        (_, 0) => DONE,
        // Part of what was named by id was not done.
        _ if is_by_id => FAILED,
        _ => DONE,
    })
}

const fn going_on(deed: Deed) -> &'static str {
    match deed {
        Deed::Retry => "Retrying jobs:",
        Deed::Cancel => "Cancelling jobs:",
        Deed::Delete => "Deleting jobs:",
        Deed::Release => "Releasing jobs:",
    }
}

/// The exact command that takes it back. A deleted job is gone, and a hold is not put back by hand.
fn undo(deed: Deed, done: &[JobId]) -> Option<String> {
    let verb = match deed {
        Deed::Retry => "cancel",
        Deed::Cancel => "retry",
        Deed::Delete | Deed::Release => return None,
    };
    match done.len() {
        0 => None,
        1..=UNDO_IDS_MAX => Some(format!("Undo: workaday job {verb} {}", done.iter().map(JobId::to_string).collect::<Vec<_>>().join(" "))),
        _ => Some(format!("Undo, for each: workaday job {verb} ID  (with --json the ids are printed)")),
    }
}

//! `prune`: deletes finished jobs past their retention, in small steps; the supervisor does the same by itself.

use crate::args::Prune;
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, Failure};
use crate::progress::Progress;
use crate::words;
use serde_json::json;
use workaday_core::clock::Timestamp;
use workaday_store::{Durability, PruneBefore, Store};

/// Jobs a transaction: short enough that nobody waits for us.
const STEP: usize = 500;
/// A dry run counts no further: it holds the write lock while it counts.
const COUNT_MAX: usize = 20_000;

pub fn run(args: &Prune, context: &mut Context) -> Done {
    let before = before(context)?;
    let mut store = context.writer()?;
    if args.dry_run {
        // Counted by doing and undoing: what is said is what would be done.
        store.begin(Durability::Full)?;
        let counted = store.prune(&before, COUNT_MAX);
        store.rollback();
        let counted = counted?;
        let or_more = if counted == COUNT_MAX { " or more" } else { "" };
        return report(context, counted, true, &format!("{}{or_more} would be deleted.", words::count(counted, "finished job")));
    }
    let mut pruned = 0;
    let mut progress = Progress::new("Deleting finished jobs:", None, context.out.json);
    loop {
        // A step is a transaction of its own: the store lets other writers have their turn before the next.
        let step = transaction(&mut store, |store| store.prune(&before, STEP))?;
        pruned += step;
        progress.at(pruned);
        if step < STEP {
            break;
        }
    }
    drop(progress);
    report(context, pruned, false, &format!("{} past their retention deleted.", words::count(pruned, "finished job")))
}

fn before(context: &Context) -> Result<PruneBefore, Failure> {
    let (now, retention): (Timestamp, _) = (context.now(), context.settings()?.retention);
    Ok(PruneBefore { completed: now - retention.completed, cancelled: now - retention.cancelled, discarded: now - retention.discarded })
}

fn report(context: &mut Context, pruned: usize, dry_run: bool, sentence: &str) -> Done {
    if context.out.json {
        context.out.json(&json!({"pruned": pruned, "dry_run": dry_run}))?;
    } else {
        context.out.line(sentence)?;
    }
    Ok(DONE)
}

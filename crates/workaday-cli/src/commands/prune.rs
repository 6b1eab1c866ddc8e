//! `prune`: deletes what is past its retention (lines of jobs, measures, finished jobs), in small steps; the supervisor does
//! the same by itself.

use crate::args::Prune;
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, Failure};
use crate::progress::Progress;
use crate::words;
use serde_json::json;
use workaday_core::clock::Timestamp;
use workaday_store::sqlite::SqliteStore;
use workaday_store::{Durability, LogPlace, PruneBefore, Store, StoreError};

/// Rows a transaction: short enough that nobody waits for us.
const STEP: usize = 500;
/// Log lines looked at in a transaction; few of them go.
const LINES_STEP: usize = 2_000;
/// A dry run counts finished jobs no further: it holds the write lock while it counts.
const COUNT_MAX: usize = 20_000;

/// How much of each kind.
#[derive(Default)]
struct Pruned {
    jobs: usize,
    /// Lines past `[retention] logs`; those that go with their job are not counted.
    log_lines: usize,
    /// Minutes of one series.
    measures: usize,
}

pub fn run(args: &Prune, context: &mut Context) -> Done {
    let (now, retention) = (context.now(), context.settings()?.retention);
    let before =
        PruneBefore { completed: now - retention.completed, cancelled: now - retention.cancelled, discarded: now - retention.discarded };
    let (lines_before, measures_before) = (now - retention.logs, now - retention.measures);
    if args.dry_run {
        let pruned = would(context, &before, lines_before, measures_before)?;
        return report(context, &pruned, true);
    }
    let mut store = context.writer()?;
    let mut pruned = Pruned::default();
    {
        let mut progress = Progress::new("Deleting what is past its retention:", None, context.out.json);
        let mut place = LogPlace::default();
        // Lines before their jobs: else those that go with a job would or would not be counted, as the order has it.
        in_steps(&mut store, &mut progress, |store| {
            let (gone, next) = store.prune_logs(lines_before, place, LINES_STEP)?;
            pruned.log_lines += gone;
            place = next.unwrap_or_default();
            Ok((gone, next.is_some()))
        })?;
        in_steps(&mut store, &mut progress, |store| {
            let gone = store.prune_measures(measures_before, STEP)?;
            pruned.measures += gone;
            Ok((gone, gone == STEP))
        })?;
        in_steps(&mut store, &mut progress, |store| {
            let gone = store.prune(&before, STEP)?;
            pruned.jobs += gone;
            Ok((gone, gone == STEP))
        })?;
    }
    report(context, &pruned, false)
}

/// Steps until one says that there is no more.
fn in_steps(
    store: &mut SqliteStore,
    progress: &mut Progress,
    mut step: impl FnMut(&mut SqliteStore) -> Result<(usize, bool), StoreError>,
) -> Result<(), Failure> {
    let mut all = 0;
    loop {
        // A step is a transaction of its own: the store lets other writers have their turn before the next.
        let (gone, is_more) = transaction(store, &mut step)?;
        all += gone;
        progress.at(all);
        if !is_more {
            return Ok(());
        }
    }
}

/// Jobs are counted by doing and undoing, the rest by reading: what is said is what would be done.
fn would(context: &Context, before: &PruneBefore, lines_before: Timestamp, measures_before: Timestamp) -> Result<Pruned, Failure> {
    let (measures, log_lines) = context.reader()?.past_retention(measures_before, lines_before)?;
    let mut store = context.writer()?;
    store.begin(Durability::Full)?;
    let counted = store.prune(before, COUNT_MAX);
    store.rollback();
    Ok(Pruned { jobs: counted?, log_lines, measures })
}

fn report(context: &mut Context, pruned: &Pruned, dry_run: bool) -> Done {
    let Pruned { jobs, log_lines, measures } = *pruned;
    if context.out.json {
        context.out.json(&json!({"pruned": jobs, "log_lines": log_lines, "measures": measures, "dry_run": dry_run}))?;
        return Ok(DONE);
    }
    let or_more = if dry_run && jobs == COUNT_MAX { " or more" } else { "" };
    let all = format!(
        "{}{or_more}, {} and {}",
        words::count(jobs, "finished job"),
        words::count(log_lines, "log line"),
        words::count(measures, "minute") + " of measures"
    );
    context.out.line(if dry_run { format!("{all} would be deleted.") } else { format!("{all} past their retention deleted.") })?;
    Ok(DONE)
}

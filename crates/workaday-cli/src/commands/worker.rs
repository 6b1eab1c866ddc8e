//! `worker list`: the supervisor and its children. `worker drain`: stop them without losing anything.

use crate::args::{Worker, WorkerList};
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::render::{Cell, Table, Tone};
use crate::{beside, document, words};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::path::Path;
use workaday_core::explain::{Problem, RetryAdvice};

const LIST_MAX: usize = 200;

pub fn run(args: &Worker, context: &mut Context) -> Done {
    match args {
        Worker::List(args) => list(args, context),
        Worker::Drain => drain(context),
    }
}

/// The same as SIGTERM to `workaday up`, for those who do not know its number.
fn drain(context: &mut Context) -> Done {
    let database = context.database()?;
    let asked = beside::supervisor(&database).and_then(|found| found.pid).and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    let Some(pid) = asked else { return Err(absent(&database).into()) };
    kill_process(pid, Signal::TERM).map_err(|error| refused(pid, error))?;
    let number = pid.as_raw_nonzero();
    if context.out.json {
        context.out.json(&json!({"pid": number.get(), "draining": true}))?;
        return Ok(DONE);
    }
    context.out.line(format!(
        "Supervisor {number} drains: running jobs may finish within the grace, the rest goes back without losing an attempt."
    ))?;
    context.out.line("`workaday worker list` shows when it is down; `workaday up` starts it again.")?;
    Ok(DONE)
}

fn absent(database: &Path) -> Problem {
    Problem::new("supervisor.absent", format!("no supervisor runs on `{}`", database.display()))
        .expected("a running `workaday up` on this store")
        .retry(RetryAdvice::SafeAfterFix, "there is nothing to stop; nothing was changed")
        .hint("`workaday status` names the store; is this the folder of workaday.toml?")
}

fn refused(pid: Pid, error: rustix::io::Errno) -> Problem {
    Problem::new("supervisor.system", format!("supervisor {} could not be asked to stop: {error}", pid.as_raw_nonzero()))
        .expected("the right to signal it: the same user, or root")
        .retry(RetryAdvice::SafeAfterFix, "safe as its own user; nothing was changed")
}

fn list(args: &WorkerList, context: &mut Context) -> Done {
    let database = context.database()?;
    let workers = context.reader()?.workers(args.all, LIST_MAX)?;
    let supervisor = beside::supervisor(&database);
    if context.out.json {
        let rows: Vec<_> = workers.iter().map(document::worker).collect();
        context.out.json(&json!({"supervisor": supervisor.map(|found| json!({"pid": found.pid})), "workers": rows}))?;
        return Ok(DONE);
    }
    let now = context.now();
    let mut table = Table::new(&["kind", ">pid", "started", "release", "state"]);
    for worker in &workers {
        // Rows of a supervisor that died are closed only when the next one starts.
        let state = match (&worker.end_cause, worker.ended_at, &supervisor) {
            (cause, Some(ended), _) => {
                Cell::new(format!("ended {}: {}", words::ago(now, ended), cause.as_deref().unwrap_or("drained"))).tone(Tone::Soft)
            }
            (_, None, None) => Cell::new("gone with its supervisor").tone(Tone::Bad),
            (_, None, Some(_)) => Cell::new("up").tone(Tone::Good),
        };
        let started = words::ago(now, worker.started_at);
        table.row([
            Cell::new(&worker.kind),
            Cell::new(worker.pid.to_string()),
            Cell::new(started),
            worker.release.as_deref().map_or_else(|| Cell::new("none named").tone(Tone::Soft), Cell::new),
            state,
        ]);
    }
    context.out.table(&table, "No worker is up. `workaday up` starts the supervisor and its workers.")?;
    Ok(DONE)
}

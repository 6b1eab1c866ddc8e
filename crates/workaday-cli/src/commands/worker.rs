//! `worker list`: the supervisor and its children.

use crate::args::{Worker, WorkerList};
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::render::{Cell, Table, Tone};
use crate::{beside, document, words};
use serde_json::json;

const LIST_MAX: usize = 200;

pub fn run(args: &Worker, context: &mut Context) -> Done {
    let Worker::List(args) = args;
    list(args, context)
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
            Cell::new(worker.release.as_deref().unwrap_or("-")),
            state,
        ]);
    }
    context.out.table(&table, "No worker is up. `workaday up` starts the supervisor and its workers.")?;
    Ok(DONE)
}

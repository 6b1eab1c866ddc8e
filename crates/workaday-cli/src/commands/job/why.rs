//! `job why ID`: why it stands where it stands, and what happens next.

use crate::args::JobId;
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::render::{Tone, state};
use crate::{beside, facts, text};
use serde_json::json;
use workaday_core::job::HeldCode;

pub fn run(args: &JobId, context: &mut Context) -> Done {
    let (reader, database) = (context.reader()?, context.database()?);
    let detail = reader.find_job(&args.id)?;
    let job = &detail.summary;
    let attempts = reader.attempts(job.key)?;
    let why = facts::explain(&reader, beside::supervisor(&database).is_some(), &detail, &attempts, &reader.tasks()?, context.now())?;
    if context.out.json {
        context.out.json(&json!({
            "id": job.id, "task": job.task, "state": job.state, "held": job.held, "because": why.because, "next": why.next, "commands": why.commands,
        }))?;
        return Ok(DONE);
    }
    let out = &mut context.out;
    let state = out.cell(&state(job.state, job.held.map(HeldCode::as_str)));
    out.line(format!("{}  {state}", out.paint(Tone::Strong, &text::line(&job.task))))?;
    out.line(text::line(&why.because))?;
    out.line(text::line(&why.next))?;
    for command in &why.commands {
        out.line(format!("  {}", text::line(command)))?;
    }
    Ok(DONE)
}

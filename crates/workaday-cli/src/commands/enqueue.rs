//! `enqueue TASK`: validates against the stored catalogue, writes the job, wakes the supervisor; waits when asked.

use super::queue;
use crate::args::Enqueue;
use crate::context::{Context, instant, length, transaction};
use crate::failure::{DONE, Done, FAILED, Failure, usage};
use crate::render::state;
use crate::{beside, document, facts, text};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::time::{Duration, Instant};
use uuid::Uuid;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::{ARGUMENT_BYTES_MAX, JobId, State};
use workaday_core::unique::{KEY_CHARACTERS_MAX, Unique};
use workaday_core::values;
use workaday_engine::order::{self, Order};
use workaday_store::sqlite::read::{JobDetail, Reader, TaskRow};
use workaday_store::{Enqueued, NewJob, Store};

pub fn run(args: &Enqueue, context: &mut Context) -> Done {
    let (reader, now) = (context.reader()?, context.now());
    let job = job(args, &reader, context, now)?;
    let timeout = args.timeout.as_deref().map(|timeout| length(timeout, "--timeout")).transpose()?;
    let mut store = context.writer()?;
    let replaces = args.on_conflict == "replace";
    let enqueued = transaction(&mut store, |store| if replaces { store.enqueue_replacing(&job, now) } else { store.enqueue(&job, now) })?;
    drop(store);
    let database = context.database()?;
    beside::wake(&database);
    // The job to speak of: another one, when that one holds the unique key.
    let (id, is_new) = match enqueued {
        Enqueued::Stored => (job.id, true),
        Enqueued::Known => {
            if let Some(there) = reader.job(job.id)?
                && let Some(problem) = order::id_taken(&job, &there, &reader.tasks()?)
            {
                return Err(problem.into());
            }
            (job.id, false)
        }
        Enqueued::Held { by, state } if args.on_conflict != "return" => {
            return Err(order::unique_taken(&job.task, by, state, replaces).into());
        }
        Enqueued::Held { by, .. } => (by, false),
    };
    if args.wait {
        return wait(&reader, id, timeout, beside::supervisor(&database).is_some(), context);
    }
    if context.out.json {
        let state = if job.run_at > now { State::Scheduled } else { State::Available };
        context.out.json(&json!({"id": id, "task": job.task, "queue": job.queue, "new": is_new, "state": is_new.then_some(state), "run_at": document::instant(job.run_at)}))?;
        return Ok(DONE);
    }
    let known = match enqueued {
        Enqueued::Stored => "",
        Enqueued::Known => "  (known already; nothing was added)",
        Enqueued::Held { .. } => "  (holds this unique key; nothing was added)",
    };
    context.out.line(format!("{id}{known}"))?;
    Ok(DONE)
}

/// The job as asked for, or the refusal.
fn job(args: &Enqueue, reader: &Reader, context: &Context, now: Timestamp) -> Result<NewJob, Failure> {
    let run_at = match (&args.delay, &args.at) {
        (Some(delay), _) => now + length(delay, "--delay")?,
        (None, Some(at)) => instant(at, "--at")?,
        (None, None) => now,
    };
    let expires_at = args.expires.as_deref().map(|expires| length(expires, "--expires")).transpose()?.map(|length| now + length);
    let (tasks, given) = (reader.tasks()?, argument_text(&args.args)?);
    let unique = args.unique.as_deref().map(|chosen| unique(&tasks, &given, chosen, args)).transpose()?;
    let order = Order {
        id: id(args.id.as_deref())?,
        task: args.task.clone(),
        args: given,
        queue: args.queue.clone(),
        priority: args.priority.map(i64::from),
        run_at,
        expires_at,
        unique,
        tags: args.tags.clone(),
        rerun_of: None,
        release: std::env::var("WORKADAY_RELEASE").ok().filter(|release| !release.is_empty()),
    };
    let queues = if args.queue.is_some() { queue::known(reader, context)? } else { vec![] };
    Ok(order::job(order, &tasks, &queues)?)
}

/// `args` compares arguments, as in Python; any other text is a key.
fn unique(tasks: &[TaskRow], given: &str, chosen: &str, args: &Enqueue) -> Result<Unique, Problem> {
    let held = args.held_while.parse().unwrap_or_default();
    if chosen == "args" {
        let entry = order::present(tasks, &args.task)?;
        let checked = values::check_args(&entry.params, given).map_err(|misfit| misfit.problem(&entry.name))?;
        let digest = Sha256::digest(values::canonical(&entry.params, &checked));
        return Ok(Unique::of_arguments(&entry.name, &digest, held));
    }
    Unique::keyed(&args.task, chosen, held).ok_or_else(|| {
        let expected = format!("a key of 1 to {KEY_CHARACTERS_MAX} printable characters: order-42");
        usage(format!("--unique is \"{}\"", text::line(chosen)), expected).hint("without a key, equal arguments are one job")
    })
}

fn argument_text(given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    // One byte above the limit is enough to refuse; the rest need not be read.
    let read = std::io::stdin().lock().take(ARGUMENT_BYTES_MAX as u64 + 1).read_to_string(&mut text);
    read.map_err(|error| usage(format!("standard input could not be read: {error}"), "a JSON object in UTF-8"))?;
    Ok(text)
}

fn id(given: Option<&str>) -> Result<JobId, Problem> {
    match given {
        None => Ok(JobId(Uuid::now_v7())),
        Some(text) => text.parse().map_err(|_| {
            usage(format!("--id is \"{text}\""), "a UUID: 019ad000-0000-7000-8000-000000000001").hint("for a key of your own use a tag")
        }),
    }
}

/// Waits until the job has finished. SQLite tells other processes nothing: asked is whether somebody has committed, and read only then.
fn wait(reader: &Reader, id: JobId, timeout: Option<Length>, served: bool, context: &mut Context) -> Done {
    const LOOK_AGAIN: Duration = Duration::from_millis(10);
    let began = Instant::now();
    if !served && !context.out.json {
        context.out.line(format!("{id} is stored. No supervisor serves this store yet; it starts when `workaday up` runs."))?;
        context.out.flush()?;
    }
    loop {
        let version = reader.data_version()?;
        match reader.job(id)? {
            Some(detail) if detail.summary.state.is_finished() => return ended(reader, &detail, context),
            Some(_) => {}
            None => return Err(gone(id).into()),
        }
        loop {
            if timeout.is_some_and(|timeout| began.elapsed() >= timeout.to_std()) {
                return Err(too_late(id, timeout.unwrap_or_default()).into());
            }
            std::thread::sleep(LOOK_AGAIN);
            if reader.data_version()? != version {
                break;
            }
        }
    }
}

fn ended(reader: &Reader, detail: &JobDetail, context: &mut Context) -> Done {
    let job = &detail.summary;
    let attempts = reader.attempts(job.key)?;
    let code = if job.state == State::Completed { DONE } else { FAILED };
    if context.out.json {
        context.out.json(&document::job_whole(detail, &attempts))?;
        return Ok(code);
    }
    let out = &mut context.out;
    out.line(format!("{}  {}", job.id, out.cell(&state(job.state, None))))?;
    if let Some(result) = detail.result.as_deref().filter(|result| *result != "null") {
        out.line(text::json(result))?;
    }
    if code != DONE
        && let Some(error) = attempts.last().and_then(|row| facts::said(row.error.as_deref(), row.cause.as_deref()))
    {
        out.line(text::block(&error))?;
    }
    Ok(code)
}

fn too_late(id: JobId, timeout: Length) -> Problem {
    Problem::new("job.result_timeout", format!("job {id} had not finished after {}", workaday_core::clock::format_length(timeout)))
        .expected("its end within --timeout")
        .retry(RetryAdvice::CheckFirst, "the job is stored and goes on; do not enqueue it again")
        .hint(format!("workaday job why {id}"))
}

fn gone(id: JobId) -> Problem {
    Problem::new("job.not_found", format!("job {id} was deleted while its end was waited for"))
        .expected("a job that stays until it is pruned")
        .retry(RetryAdvice::CheckFirst, "look first whether its work was done; somebody deleted it by hand")
}

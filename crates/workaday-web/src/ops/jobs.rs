//! One job: enqueue, run again, retry, cancel, delete. Many at once are `batch`.

use super::Done;
use crate::answer::invalid;
use crate::asked::{Asked, instant};
use crate::fields::Fields;
use axum::http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use workaday_core::clock::parse_length;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::job::{JobId, State};
use workaday_core::unique::Unique;
use workaday_engine::deed::{Deed, attempts_by_task};
use workaday_engine::document;
use workaday_engine::order::{self, Order};
use workaday_store::{Act, Enqueued, Store};

/// A caller's own word for an order: draft-ietf-httpapi-idempotency-key-header.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const KEY_CHARACTERS_MAX: usize = 255;

pub fn enqueue(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let args = fields.0.get("args").map_or_else(|| "{}".to_owned(), Value::to_string);
    place(asked, fields, fields.needed("task", "the name of a task")?, args, None)
}

/// A new job with other arguments, linked to the one it repeats.
pub fn rerun(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let of = asked.reader.find_job(asked.param(0)).map_err(|error| error.problem())?;
    let args = match fields.0.get("args") {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => of.args.clone(),
    };
    place(asked, fields, &of.summary.task, args, Some(of.summary.id))
}

fn place(asked: &Asked<'_>, fields: &Fields, task: &str, args: String, rerun_of: Option<JobId>) -> Result<Done, Problem> {
    let now = asked.now;
    let run_at = match (fields.text("delay"), fields.text("at")) {
        (Some(_), Some(_)) => return Err(invalid("`delay` and `at` are both given", "one of the two")),
        (Some(delay), None) => now + length(delay, "delay")?,
        (None, Some(at)) => instant(at, "at")?,
        (None, None) => now,
    };
    let expires_at = fields.text("expires").map(|expires| length(expires, "expires")).transpose()?.map(|length| now + length);
    let unique = fields.text("unique").map(|chosen| unique(task, chosen, fields.text("while"))).transpose()?;
    let order = Order {
        id: id(asked, fields.text("id"))?,
        task: task.to_owned(),
        args,
        queue: fields.text("queue").map(str::to_owned),
        priority: fields.number("priority"),
        run_at,
        expires_at,
        unique,
        tags: fields.texts("tags"),
        rerun_of,
        release: None,
    };
    let tasks = asked.reader.tasks().map_err(|error| error.problem())?;
    let job = order::job(order, &tasks, &queues(asked)?)?;
    let by = asked.by(fields.text("reason"))?;
    let enqueued = asked.window.writing(|store| {
        let enqueued = store.enqueue(&job, now)?;
        if enqueued == Enqueued::Stored {
            let detail = json!({"task": job.task, "rerun_of": rerun_of}).to_string();
            store.note(&by, if rerun_of.is_some() { "rerun" } else { "enqueue" }, &format!("job {}", job.id), Some(&detail), now)?;
        }
        Ok(enqueued)
    })?;
    asked.window.wake();
    let (id, is_new) = match enqueued {
        Enqueued::Stored => (job.id, true),
        Enqueued::Known => (job.id, false),
        Enqueued::Held { by, state } if fields.text("on_conflict") == Some("error") => {
            return Err(order::unique_taken(&job.task, by, state, false));
        }
        Enqueued::Held { by, .. } => (by, false),
    };
    if is_new {
        let state = if job.run_at > now { State::Scheduled } else { State::Available };
        let document =
            json!({"id": id, "task": job.task, "queue": job.queue, "new": true, "state": state, "run_at": document::instant(job.run_at)});
        return Ok(Done { said: format!("Job {id} of {} was made.", job.task), document, status: StatusCode::CREATED });
    }
    // Told is the job that is there, whatever was asked for.
    let Some(there) = asked.reader.job(id).map_err(|error| error.problem())? else { return Err(gone(id)) };
    if enqueued == Enqueued::Known
        && let Some(problem) = order::id_taken(&job, &there, &tasks)
    {
        return Err(problem);
    }
    let there = there.summary;
    let document = json!({"id": id, "task": there.task, "queue": there.queue, "new": false, "state": there.state, "run_at": document::instant(there.run_at)});
    Ok(Done { said: format!("Job {id} was there already; nothing was added."), document, status: StatusCode::OK })
}

fn length(text: &str, name: &str) -> Result<workaday_core::clock::Length, Problem> {
    parse_length(text).ok_or_else(|| invalid(format!("`{name}` is no length of time"), "a length with its unit: 250ms, 90s, 5m, 2h, 1d"))
}

fn unique(task: &str, chosen: &str, held: Option<&str>) -> Result<Unique, Problem> {
    let keyed =
        if chosen == "args" { None } else { Unique::keyed(task, chosen, held.and_then(|held| held.parse().ok()).unwrap_or_default()) };
    keyed.ok_or_else(|| invalid("`unique` is no key", "1 to 500 printable characters, other than `args`: order-42"))
}

/// The id that was given, the one that an `Idempotency-Key` stands for, or a new one.
fn id(asked: &Asked<'_>, given: Option<&str>) -> Result<JobId, Problem> {
    let given = given
        .map(|text| {
            text.parse::<JobId>().map_err(|_| {
                invalid("`id` is no UUID", "a UUID: 019ad000-0000-7000-8000-000000000001")
                    .hint("for a key of your own use the header Idempotency-Key, or a tag")
            })
        })
        .transpose()?;
    let keyed = asked.header(IDEMPOTENCY_KEY)?.map(|key| idempotent(asked, key)).transpose()?;
    // Libraries add the header to whatever they send: an id that was given in so many words goes first.
    Ok(given.or(keyed).unwrap_or_else(|| JobId(uuid::Uuid::now_v7())))
}

/// A UUID is the job's id. Any other text stands for one that is made of it and of who says it, so that two callers may use
/// the same words: the first half of its SHA-256, as a UUID of version 8 (RFC 9562, section 5.8).
fn idempotent(asked: &Asked<'_>, key: &str) -> Result<JobId, Problem> {
    let key = key.trim().trim_matches('"');
    if let Ok(id) = key.parse() {
        return Ok(id);
    }
    if !(1..=KEY_CHARACTERS_MAX).contains(&key.len()) || !key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(invalid(
            "the header Idempotency-Key is no key",
            format!("1 to {KEY_CHARACTERS_MAX} printable ASCII characters, or a UUID"),
        ));
    }
    let digest = Sha256::new().chain_update(asked.viewer().name).chain_update([0]).chain_update(key).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Ok(JobId(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
}

/// The queues that anything knows: the store, workaday.toml, and `default`.
pub fn queues(asked: &Asked<'_>) -> Result<Vec<String>, Problem> {
    let reader = asked.reader;
    let mut names: Vec<String> =
        reader.loads(asked.now, 1).map_err(|error| error.problem())?.into_iter().map(|queue| queue.queue).collect();
    names.extend(reader.tasks().map_err(|error| error.problem())?.into_iter().map(|task| task.queue));
    names.extend(asked.window.options.queues.iter().cloned());
    names.push("default".to_owned());
    names.sort();
    names.dedup();
    Ok(names)
}

/// One job by its id, at once.
fn act_on_one(asked: &Asked<'_>, fields: &Fields, deed: Deed) -> Result<Done, Problem> {
    let job = asked.reader.find_job(asked.param(0)).map_err(|error| error.problem())?.summary;
    let by = asked.by(fields.text("reason"))?;
    let policies = attempts_by_task(&asked.reader.tasks().map_err(|error| error.problem())?);
    let act = asked.window.writing(|store| deed.act(store, &job, &policies, &by, asked.now))?;
    asked.window.wake();
    let said = match act {
        Act::Done => format!("Job {} is {}.", job.id, deed.past()),
        Act::Requested => format!("Job {} was asked to stop; it is cancelled when it ends.", job.id),
        Act::Refused(state) => return Err(deed.refusal(&job, state)),
        Act::Missing => return Err(gone(job.id)),
    };
    let status = if act == Act::Requested { StatusCode::ACCEPTED } else { StatusCode::OK };
    let document = json!({"id": job.id, "done": act == Act::Done, "requested": act == Act::Requested});
    Ok(Done { said, document, status })
}

fn gone(id: JobId) -> Problem {
    Problem::new("job.not_found", format!("job {id} is gone"))
        .expected("a job that is unfinished, or finished and not yet pruned")
        .retry(RetryAdvice::SafeAfterFix, "safe with a job that is there; nothing was changed")
}

pub fn retry(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    act_on_one(asked, fields, Deed::Retry)
}

pub fn cancel(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    act_on_one(asked, fields, Deed::Cancel)
}

pub fn delete(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    act_on_one(asked, fields, Deed::Delete)
}

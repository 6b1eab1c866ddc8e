//! Switching off and on: tasks, argument values, queues. And the acts on errors and alerts.

use super::{Done, count};
use crate::answer::invalid;
use crate::asked::{Asked, until};
use crate::fields::Fields;
use serde_json::{Map, Value, json};
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::hold::HoldRule;
use workaday_core::values;
use workaday_engine::deed::Deed;
use workaday_engine::{document, order};
use workaday_store::Store;
use workaday_store::sqlite::read::TaskRow;

pub fn pause_task(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let tasks = asked.reader.tasks().map_err(|error| error.problem())?;
    let row = order::find_task(&tasks, asked.param(0))?;
    let where_args = where_args(row, fields)?;
    pause(asked, fields, Some(row.name.clone()), None, where_args)
}

pub fn resume_task(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let tasks = asked.reader.tasks().map_err(|error| error.problem())?;
    let row = order::find_task(&tasks, asked.param(0))?;
    let where_args = where_args(row, fields)?;
    let text = (!where_args.is_empty()).then(|| Value::Object(where_args.into_iter().collect()).to_string());
    resume(asked, fields, Some(&row.name), None, text.as_deref())
}

pub fn pause_queue(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    order::check_queue(asked.param(0), &super::jobs::queues(asked)?)?;
    pause(asked, fields, None, Some(asked.param(0).to_owned()), vec![])
}

pub fn resume_queue(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    resume(asked, fields, None, Some(asked.param(0)), None)
}

/// Every queue that anything knows: nothing is claimed until they are resumed.
pub fn pause_everything(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let reason = fields.needed("reason", "why: whoever meets the pause at night wants to know")?;
    let (by, until) = (asked.by(Some(reason))?, until(fields.text("until"), asked.now)?);
    let paused: Vec<String> = asked
        .reader
        .holds(false)
        .map_err(|error| error.problem())?
        .into_iter()
        .filter(|hold| hold.rule.is_active(asked.now))
        .filter_map(|hold| hold.rule.queue)
        .collect();
    let queues: Vec<String> = super::jobs::queues(asked)?.into_iter().filter(|queue| !paused.contains(queue)).collect();
    asked.window.writing(|store| {
        for queue in &queues {
            let rule = HoldRule {
                rule: 0,
                task: None,
                queue: Some(queue.clone()),
                where_args: vec![],
                reason: reason.to_owned(),
                owner: Some(by.who.clone()),
                until,
            };
            store.add_hold(&rule, &by, asked.now)?;
        }
        Ok(())
    })?;
    asked.window.wake();
    Ok(Done::new(
        format!("{} paused. Jobs that run go on; nothing more is started.", count(queues.len(), "queue")),
        json!({"queues": queues}),
    ))
}

fn pause(
    asked: &Asked<'_>,
    fields: &Fields,
    task: Option<String>,
    queue: Option<String>,
    where_args: Vec<(String, Value)>,
) -> Result<Done, Problem> {
    let reason = fields.needed("reason", "why: whoever meets the pause at night wants to know")?.to_owned();
    let by = asked.by(Some(&reason))?;
    let until = until(fields.text("until"), asked.now)?;
    let owner = fields.text("owner").map_or_else(|| by.who.clone(), |owner| owner.chars().take(200).collect());
    let rule = HoldRule { rule: 0, task, queue, where_args, reason, owner: Some(owner), until };
    let number = asked.window.writing(|store| store.add_hold(&rule, &by, asked.now))?;
    asked.window.wake();
    let what = rule.task.as_deref().map_or_else(|| format!("Queue {}", rule.queue.as_deref().unwrap_or_default()), str::to_owned);
    let narrowed = if rule.where_args.is_empty() { "" } else { ", for these argument values," };
    let end = until.map_or_else(|| "until it is resumed".to_owned(), |until| format!("until {until}"));
    let said = format!("{what}{narrowed} is paused {end}. Its jobs are kept; those that run go on.");
    let shown: Map<String, Value> = rule.where_args.iter().cloned().collect();
    Ok(Done::new(said, json!({"rule": number, "task": rule.task, "queue": rule.queue, "where": shown, "until": document::optional(until)})))
}

fn resume(asked: &Asked<'_>, fields: &Fields, task: Option<&str>, queue: Option<&str>, where_text: Option<&str>) -> Result<Done, Problem> {
    let by = asked.by(fields.text("reason"))?;
    let released = asked.window.writing(|store| store.release_hold(task, queue, where_text, &by, asked.now))?;
    asked.window.wake();
    let what = task.map_or_else(|| format!("queue {}", queue.unwrap_or_default()), |task| format!("task {task}"));
    if released == 0 {
        return Err(Problem::new("hold.not_found", format!("{what} is not paused, or not for just these values"))
            .expected("a switch-off with just these argument values")
            .retry(RetryAdvice::Never, "there is nothing to resume; nothing was changed"));
    }
    Ok(Done::new(
        format!("{what} is on again; its held jobs become ready within a moment."),
        json!({"task": task, "queue": queue, "released": released}),
    ))
}

/// `where`: a JSON object, or lines of `order_id=42`; each value fits its parameter.
fn where_args(row: &TaskRow, fields: &Fields) -> Result<Vec<(String, Value)>, Problem> {
    let params = document::stored(&row.entry)["params"].clone();
    let given = match fields.0.get("where") {
        Some(Value::Object(object)) => object.clone().into_iter().collect(),
        Some(Value::String(text)) => text
            .split(['\n', ','])
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair_of(&params, pair))
            .collect::<Result<Vec<_>, _>>()?,
        _ => vec![],
    };
    for (name, value) in &given {
        let Some(schema) = params["properties"].get(name) else {
            let known: Vec<&str> = params["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            return Err(invalid(
                format!("`where` names `{name}`, which is no parameter of {}", row.name),
                format!("one of {}", known.join(", ")),
            ));
        };
        values::check(schema, value).map_err(|misfit| invalid(format!("`where.{name}` is {}", misfit.got), misfit.expected.clone()))?;
    }
    Ok(given)
}

fn pair_of(params: &Value, pair: &str) -> Result<(String, Value), Problem> {
    let (name, text) = pair.split_once('=').ok_or_else(|| invalid("`where` does not read", "NAME=VALUE, for example order_id=42"))?;
    let schema = &params["properties"][name.trim()];
    let as_json = serde_json::from_str::<Value>(text).ok().filter(|value| values::check(schema, value).is_ok());
    Ok((name.trim().to_owned(), as_json.unwrap_or_else(|| Value::from(text))))
}

pub fn close_alert(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let key: i64 =
        asked.param(0).parse().map_err(|_| invalid("the number of the alert is no number", "a number as /api/v1/alerts shows"))?;
    let open = asked.reader.alerts(false, key.checked_add(1), 1).map_err(|error| error.problem())?;
    let Some(alert) = open.into_iter().find(|alert| alert.key == key) else {
        return Err(Problem::new("alert.not_found", format!("alert {key} is not open"))
            .expected("an open alert: /api/v1/alerts")
            .retry(RetryAdvice::Never, "there is nothing to close; nothing was changed"));
    };
    let by = asked.by(fields.text("reason"))?;
    let detail = json!({"code": alert.code, "subject": alert.subject}).to_string();
    asked.window.writing(|store| {
        store.close_alert(&alert.code, &alert.subject, asked.now)?;
        store.note(&by, "close", &format!("alert {key}"), Some(&detail), asked.now)
    })?;
    Ok(Done::new(
        format!("The alert about {} is closed. It opens again when the same happens anew.", alert.subject),
        json!({"id": key, "closed": true}),
    ))
}

/// Nobody needs to hear of this error for a while.
pub fn mute_error(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let fingerprint = asked.param(0);
    if asked.reader.error_group(fingerprint).map_err(|error| error.problem())?.is_none() {
        return Err(no_such_error(fingerprint));
    }
    let until = until(fields.text("until"), asked.now)?;
    // Without an end of its own it lasts as long as this release: the next one may bring it back.
    let release = asked.window.options.release.as_deref().filter(|_| until.is_none() && !fields.flag("any_release"));
    let by = asked.by(fields.text("reason").or(fields.text("note")))?;
    let ends = fields.flag("unmute");
    if ends {
        asked.window.writing(|store| store.unmute_error(fingerprint, &by, asked.now))?;
        return Ok(heard(fingerprint));
    }
    asked.window.writing(|store| store.mute_error(fingerprint, release, until, &by, asked.now))?;
    let end = match (until, release) {
        (Some(until), _) => format!("until {until}"),
        (None, Some(release)) => format!("while release {release} runs"),
        (None, None) => "until it is heard of again by hand".into(),
    };
    Ok(Done::new(
        format!("This error is muted {end}."),
        json!({"fingerprint": fingerprint, "muted": true, "until": document::optional(until), "release": release}),
    ))
}

/// It is heard of again.
pub fn unmute_error(asked: &Asked<'_>, fields: &Fields) -> Result<Done, Problem> {
    let fingerprint = asked.param(0);
    if asked.reader.error_group(fingerprint).map_err(|error| error.problem())?.is_none() {
        return Err(no_such_error(fingerprint));
    }
    let by = asked.by(fields.text("reason"))?;
    asked.window.writing(|store| store.unmute_error(fingerprint, &by, asked.now))?;
    Ok(heard(fingerprint))
}

fn heard(fingerprint: &str) -> Done {
    Done::new("This error is heard of again.", json!({"fingerprint": fingerprint, "muted": false, "until": null, "release": null}))
}

pub fn no_such_error(fingerprint: &str) -> Problem {
    Problem::new("web.not_found", "no error has this fingerprint")
        .expected("the fingerprint of an error that the store still knows")
        .got(fingerprint.chars().take(40).collect::<String>())
        .retry(RetryAdvice::Never, "not with this fingerprint; nothing was changed")
}

/// The jobs whose last failure was this error and that can be retried.
pub fn jobs_of_error(asked: &Asked<'_>, fingerprint: &str) -> Result<Vec<workaday_store::sqlite::read::JobSummary>, Problem> {
    let reader = asked.reader;
    let mut before = None;
    let mut found: Vec<workaday_store::sqlite::read::JobSummary> = vec![];
    let mut seen = std::collections::HashSet::new();
    loop {
        let failures = reader.failures(fingerprint, before, 1_000).map_err(|error| error.problem())?;
        let Some(last) = failures.last().map(|failure| failure.ended_at) else { break };
        for failure in failures.iter().filter(|failure| seen.insert(failure.job)) {
            let job = reader.job_by_key(failure.job).map_err(|error| error.problem())?.map(|listed| listed.job);
            // A later attempt may have ended otherwise: then it is no job of this error.
            found.extend(job.filter(|job| Deed::Retry.concerns(job) && job.fence == failure.fence));
        }
        if failures.len() < 1_000 || before == Some(last) || found.len() >= super::batch::BATCH_MAX {
            break;
        }
        before = Some(last);
    }
    if seen.is_empty() {
        return Err(no_such_error(fingerprint));
    }
    Ok(found)
}

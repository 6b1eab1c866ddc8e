//! What programs see. Lists come in pages: `next` of one is `before` of the next. Secrets are masked, whoever asks.

use crate::answer::{self, Answer, invalid};
use crate::asked::{Asked, instant};
use crate::fields::{self, Fields};
use crate::{mask, pages};
use axum::http::StatusCode;
use serde_json::{Value, json};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem};
use workaday_core::job::{Fence, JobKey};
use workaday_engine::{document, order, schedule_hand};
use workaday_store::sqlite::read::JobFilter;

pub(super) type Read = Result<Answer, Problem>;

const USUAL: usize = 50;

pub(super) fn ok(asked: &Asked<'_>, mut value: Value) -> Read {
    mask::value(&mut value, &asked.window.options.mask);
    Ok(answer::json(StatusCode::OK, &value))
}

pub(super) fn limit(fields: &Fields) -> usize {
    fields.number("limit").map_or(USUAL, |limit| limit.clamp(1, 1_000) as usize)
}

/// `next` only when there may be more.
pub(super) fn next<T>(found: &[T], limit: usize, place: impl Fn(&T) -> Value) -> Value {
    if found.len() < limit { Value::Null } else { found.last().map_or(Value::Null, place) }
}

pub fn jobs(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let limit = limit(&fields);
    let text = |name: &str| fields.text(name).map(str::to_owned);
    let state = fields
        .text("state")
        .map(str::parse)
        .transpose()
        .map_err(|_| invalid("`state` is no state of a job", "available, running, discarded …"))?;
    let filter = JobFilter {
        state,
        task: text("task"),
        queue: text("queue"),
        tag: text("tag"),
        since: fields.text("since").map(|since| instant(since, "since")).transpose()?,
        held: fields.0.get("held").and_then(Value::as_bool),
        before: fields.number("before").map(JobKey),
        limit,
    };
    let found = asked.reader.jobs(&filter).map_err(|error| error.problem())?;
    let next = next(&found, limit, |job| job.key.0.into());
    ok(asked, json!({"jobs": found.iter().map(document::job).collect::<Vec<_>>(), "next": next}))
}

pub fn job(asked: &Asked<'_>) -> Read {
    fields::of_api(asked)?;
    let detail = asked.reader.find_job(asked.param(0)).map_err(|error| error.problem())?;
    let attempts = asked.reader.attempts(detail.summary.key).map_err(|error| error.problem())?;
    ok(asked, document::job_whole(&detail, &attempts))
}

pub fn logs(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let limit = limit(&fields);
    let after = fields.text("after").map(place).transpose()?;
    let job = asked.reader.find_job(asked.param(0)).map_err(|error| error.problem())?.summary;
    let lines = asked.reader.logs(job.key, after, limit).map_err(|error| error.problem())?;
    // A job that runs may say more: the last place is told even when the page is not full.
    let next = lines.last().map(|line| format!("{}.{}", line.fence.0, line.seq));
    ok(asked, json!({"id": job.id, "state": job.state, "lines": lines.iter().map(document::log_line).collect::<Vec<_>>(), "next": next}))
}

fn place(text: &str) -> Result<(Fence, i64), Problem> {
    let parsed = text.split_once('.').and_then(|(fence, seq)| Some((Fence(fence.parse().ok()?), seq.parse().ok()?)));
    parsed.ok_or_else(|| invalid("`after` is no place in a log", "`next` of the answer before: 1.42"))
}

pub fn errors(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let since = asked.now - Length::days(pages::errors::DAYS);
    let found = pages::errors::known(asked.reader, &asked.page_context(), since, limit(&fields)).map_err(|error| error.problem())?;
    ok(asked, json!({"errors": found.iter().map(pages::errors::Known::to_json).collect::<Vec<_>>()}))
}

pub fn tasks(asked: &Asked<'_>) -> Read {
    fields::of_api(asked)?;
    let tasks = asked.reader.tasks().map_err(|error| error.problem())?;
    Ok(answer::json(StatusCode::OK, &json!({"tasks": tasks.iter().map(|row| shown(asked, row)).collect::<Vec<_>>()})))
}

fn shown(asked: &Asked<'_>, row: &workaday_store::sqlite::read::TaskRow) -> Value {
    let mut task = document::task(row);
    mask::declaration(&mut task, &asked.window.options.mask);
    task
}

pub fn task(asked: &Asked<'_>) -> Read {
    fields::of_api(asked)?;
    let tasks = asked.reader.tasks().map_err(|error| error.problem())?;
    let row = order::find_task(&tasks, asked.param(0))?;
    let holds = asked.reader.holds(false).map_err(|error| error.problem())?;
    let own = holds.iter().filter(|hold| hold.rule.is_active(asked.now) && hold.rule.task.as_deref() == Some(&*row.name));
    let mut shown = shown(asked, row);
    let mut holds: Value = own.map(document::hold).collect();
    mask::value(&mut holds, &asked.window.options.mask);
    shown["holds"] = holds;
    Ok(answer::json(StatusCode::OK, &shown))
}

pub fn queues(asked: &Asked<'_>) -> Read {
    fields::of_api(asked)?;
    let queues = asked.reader.queues(asked.now).map_err(|error| error.problem())?;
    ok(asked, json!({"queues": queues.iter().map(document::queue).collect::<Vec<_>>()}))
}

pub fn schedules(asked: &Asked<'_>) -> Read {
    fields::of_api(asked)?;
    let schedules = asked.reader.schedules().map_err(|error| error.problem())?;
    ok(asked, json!({"schedules": schedules.iter().map(document::schedule).collect::<Vec<_>>()}))
}

fn known(asked: &Asked<'_>) -> Result<workaday_store::ScheduleRow, Problem> {
    let found = asked.reader.schedule(asked.param(0)).map_err(|error| error.problem())?;
    match found {
        Some(row) => Ok(row),
        None => {
            let names: Vec<String> = asked.reader.schedules().map_err(|error| error.problem())?.into_iter().map(|row| row.name).collect();
            Err(schedule_hand::unknown(asked.param(0), &names))
        }
    }
}

pub fn schedule(asked: &Asked<'_>) -> Read {
    fields::of_api(asked)?;
    ok(asked, document::schedule(&known(asked)?))
}

pub fn history(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let (row, limit) = (known(asked)?, limit(&fields));
    let before = fields.text("before").map(|before| instant(before, "before")).transpose()?;
    let ticks = asked.reader.ticks(&row.name, before, limit).map_err(|error| error.problem())?;
    let next = next(&ticks, limit, |seen| document::instant(seen.tick.at));
    ok(asked, json!({"schedule": row.name, "ticks": ticks.iter().map(document::tick).collect::<Vec<_>>(), "next": next}))
}

pub fn workers(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let workers = asked.reader.workers(fields.flag("all"), limit(&fields)).map_err(|error| error.problem())?;
    ok(asked, json!({"workers": workers.iter().map(document::worker).collect::<Vec<_>>()}))
}

pub(super) fn at(at: Timestamp) -> Value {
    document::instant(at)
}

pub fn alerts(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let limit = limit(&fields);
    let alerts = asked.reader.alerts(fields.flag("closed"), fields.number("before"), limit).map_err(|error| error.problem())?;
    let next = next(&alerts, limit, |alert| alert.key.into());
    let one = |alert: &workaday_store::sqlite::read::AlertRow| {
        json!({
            "id": alert.key, "code": alert.code, "subject": alert.subject, "message": alert.message, "count": alert.count,
            "first_at": at(alert.first_at), "last_at": at(alert.last_at), "closed_at": document::optional(alert.closed_at),
        })
    };
    ok(asked, json!({"alerts": alerts.iter().map(one).collect::<Vec<_>>(), "next": next}))
}

pub fn audit(asked: &Asked<'_>) -> Read {
    let fields = fields::of_api(asked)?;
    let limit = limit(&fields);
    let lines = asked.reader.audit(fields.number("before"), limit).map_err(|error| error.problem())?;
    let next = next(&lines, limit, |line| line.key.into());
    let one = |line: &workaday_store::sqlite::read::AuditRow| {
        json!({
            "id": line.key, "at": at(line.at), "who": line.who, "action": line.action, "target": line.target, "why": line.why,
            "detail": line.detail.as_deref().map(document::stored),
        })
    };
    ok(asked, json!({"audit": lines.iter().map(one).collect::<Vec<_>>(), "next": next}))
}

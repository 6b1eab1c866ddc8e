//! What a notice says: what failed, what was expected, what was got, may it run again, whose it is, how to undo it.

use crate::meanings;
use crate::post::one_line;
use serde_json::{Value, json};
use uuid::Uuid;
use workaday_config::alerts::Alerts;
use workaday_core::clock::Timestamp;
use workaday_core::job::JobId;
use workaday_store::sqlite::read::{AlertRow, JobDetail, Reader};
use workaday_store::{NoticeKind, NoticeRow, StoreError};

/// The shape of the body; raised when a field changes its meaning, not when one is added.
const VERSION: u32 = 1;

/// What an alert is about: the job its text names, and the task or schedule it belongs to.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub job: Option<JobId>,
    /// What is alike: the task of a job, else the subject itself.
    pub matter: String,
}

/// Looks the subject of an alert up. A job that is gone by now leaves its id as the matter.
pub fn about(reader: &Reader, alert: &AlertRow) -> Result<About, StoreError> {
    let subject = alert.subject.parse::<Uuid>().ok().map(JobId);
    let job = subject.or_else(|| id_in(&alert.message));
    let task = match subject {
        Some(id) => reader.job(id)?.map(|job| job.summary.task),
        None => None,
    };
    Ok(About { job, matter: task.unwrap_or_else(|| alert.subject.clone()) })
}

/// The first UUID of a sentence: alerts name the job last seen.
fn id_in(message: &str) -> Option<JobId> {
    message
        .split(|c: char| !c.is_ascii_hexdigit() && c != '-')
        .filter(|word| word.len() == 36)
        .find_map(|word| word.parse().ok().map(JobId))
}

/// The body of a notice, from what is known now.
pub fn body(reader: &Reader, alerts: &Alerts, notice: &NoticeRow, alert: Option<&AlertRow>) -> Result<Value, StoreError> {
    let about = alert.map(|alert| about(reader, alert)).transpose()?.unwrap_or_default();
    let job = about.job.map(|id| reader.job(id)).transpose()?.flatten();
    let task = job.as_ref().map_or(notice.matter.as_str(), |job| job.summary.task.as_str());
    let owner = Owner::find(reader, &notice.matter, task)?;
    let error = job.as_ref().map(|job| last_error(reader, job)).transpose()?.flatten();
    let said = |field: &str| error.as_ref().and_then(|error| error.get(field)?.as_str()).map(one_line);
    let meaning = meanings::of(&notice.code);
    let what = alert.map_or_else(|| format!("{}: {}", notice.code, notice.matter), |alert| one_line(&alert.message));
    let got = match (said("type"), said("message")) {
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        (kind, message) => message.or(kind),
    };
    let mut body = json!({
        "version": VERSION,
        "id": notice.id,
        "kind": notice.kind,
        "code": notice.code,
        "title": meaning.map(|words| words.title.trim_end_matches(" (alert)")),
        "what": what,
        "meaning": meaning.map(|words| &words.meaning),
        "expected": said("expected"),
        "got": got,
        "retry": meaning.map(|words| &words.retry),
        "retry_safe": owner.retry_safe,
        "next": meaning.map(|words| &words.next),
        "app": alerts.app,
        "subject": notice.matter,
        "task": owner.task,
        "schedule": owner.schedule,
        "job_id": about.job.map(|id| id.to_string()),
        "owner": owner.owner,
        "expects": owner.expects,
        "rollback": owner.rollback,
        "count": notice.count,
        "first_at": notice.first_at.to_string(),
        "last_at": notice.last_at.to_string(),
        "closed_at": alert.and_then(|alert| alert.closed_at).map(|at| at.to_string()),
        "link": link(alerts, about.job),
    });
    // Chat services show this field of a webhook.
    body["text"] = json!(headline(&body));
    Ok(body)
}

/// A message that says it is a test, in the shape of a real one.
pub fn test(alerts: &Alerts, id: Uuid, route: &str, now: Timestamp) -> Value {
    let mut body = json!({
        "version": VERSION, "id": id, "kind": "test", "code": "alert.test", "title": "Test of an alert",
        "what": format!("a test of [alerts.{route}]: nothing is wrong"), "app": alerts.app, "subject": route, "count": 1,
        "first_at": now.to_string(), "last_at": now.to_string(), "link": link(alerts, None),
    });
    body["text"] = json!(headline(&body));
    body
}

fn link(alerts: &Alerts, job: Option<JobId>) -> Option<String> {
    let base = alerts.public_url.as_ref()?;
    Some(job.map_or_else(|| format!("{base}/"), |id| format!("{base}/jobs/{id}")))
}

/// Who answers for it, from the task and the schedule.
#[derive(Default)]
struct Owner {
    task: Option<String>,
    schedule: Option<String>,
    owner: Option<String>,
    expects: Option<String>,
    rollback: Option<String>,
    retry_safe: Option<bool>,
}

impl Owner {
    fn find(reader: &Reader, matter: &str, task: &str) -> Result<Owner, StoreError> {
        let schedule = reader.schedules()?.into_iter().find(|row| row.name == matter);
        let task = schedule.as_ref().map_or(task, |row| &row.task);
        let entry =
            reader.tasks()?.into_iter().find(|row| row.name == *task).and_then(|row| serde_json::from_str::<Value>(&row.entry).ok());
        let of_task = |field: &str| entry.as_ref().and_then(|entry| entry.get(field)).filter(|value| !value.is_null()).cloned();
        let text = |field: &str| of_task(field).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Ok(Owner {
            owner: schedule.as_ref().and_then(|row| row.owner.clone()).or_else(|| text("owner")),
            expects: text("expects"),
            rollback: text("rollback"),
            retry_safe: of_task("retry_safe").and_then(|value| value.as_bool()),
            task: entry.is_some().then(|| task.to_owned()),
            schedule: schedule.map(|row| row.name),
        })
    }
}

/// The error of the last attempt that has one.
fn last_error(reader: &Reader, job: &JobDetail) -> Result<Option<Value>, StoreError> {
    let attempts = reader.attempts(job.summary.key)?;
    Ok(attempts.iter().rev().find_map(|attempt| serde_json::from_str(attempt.error.as_deref()?).ok()))
}

/// One line: the subject of an e-mail, the text of a chat.
pub fn headline(body: &Value) -> String {
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    let count = body["count"].as_i64().unwrap_or(1);
    let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
    match text("kind") {
        "closed" => format!("All is well again: {} ({})", text("subject"), text("code")),
        _ => format!("{}{times}", text("what")),
    }
}

/// The notice for people: what a webhook has as fields, as lines.
pub fn letter(body: &Value) -> String {
    let mut lines = vec![headline(body), String::new()];
    let fields: [(&str, &str); 16] = [
        ("app", "App"),
        ("title", "Kind"),
        ("code", "Code"),
        ("task", "Task"),
        ("schedule", "Schedule"),
        ("job_id", "Job"),
        ("expected", "Expected"),
        ("got", "Got"),
        ("expects", "There should be"),
        ("rollback", "Undo"),
        ("owner", "Owner"),
        ("first_at", "First seen"),
        ("last_at", "Last seen"),
        ("closed_at", "Closed"),
        ("next", "Next"),
        ("link", "Page"),
    ];
    for (field, name) in fields {
        if let Some(text) = body[field].as_str() {
            lines.push(format!("{name}: {text}"));
        }
    }
    let again = match body["retry_safe"].as_bool() {
        Some(true) => "its owner says that it may run twice",
        Some(false) => "its owner says that it must not run twice without a look",
        None => "its owner has not said",
    };
    if body["task"].is_string() {
        lines.push(format!("May it run again: {again}"));
    }
    lines.push(String::new());
    lines.push(format!("-- \nworkaday, notice {}", body["id"].as_str().unwrap_or_default()));
    lines.join("\n")
}

/// Was it raised, or is it over? For the log.
pub fn words(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Raised => "alert",
        NoticeKind::Closed => "all-clear",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_says_that_it_is_one() {
        let length = workaday_core::clock::Length::minutes(1);
        let alerts = Alerts {
            routes: vec![],
            smtp: None,
            smtp_password: None,
            from: None,
            allow_http: false,
            allow_private: false,
            queue_latency: length,
            disk_free: 0,
            wal_size: 0,
            public_url: None,
            app: None,
            root: std::path::PathBuf::new(),
        };
        let body = test(&alerts, Uuid::nil(), "pager", Timestamp(0));
        assert_eq!((body["kind"].as_str(), body["code"].as_str()), (Some("test"), Some("alert.test")));
        assert!(body["text"].as_str().is_some_and(|text| text.contains("nothing is wrong")), "{body}");
    }
}

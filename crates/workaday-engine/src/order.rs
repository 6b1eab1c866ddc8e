//! A job as somebody orders it by hand or over HTTP: judged against the stored catalogue before anything is written.

use serde_json::{Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::{JobId, State};
use workaday_core::unique::Unique;
use workaday_core::values;
use workaday_store::NewJob;
use workaday_store::sqlite::read::{JobDetail, TaskRow};

/// What is asked for. What is left out comes from the task.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub id: JobId,
    pub task: String,
    /// A JSON object, parameter to value.
    pub args: String,
    pub queue: Option<String>,
    pub priority: Option<i64>,
    pub run_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub unique: Option<Unique>,
    pub tags: Vec<String>,
    pub rerun_of: Option<JobId>,
    pub release: Option<String>,
}

/// The job, or why not. `queues`: those that anything knows.
pub fn job(order: Order, tasks: &[TaskRow], queues: &[String]) -> Result<NewJob, Problem> {
    let entry = present(tasks, &order.task)?;
    let checked = values::check_args(&entry.params, &order.args).map_err(|misfit| misfit.problem(&entry.name))?;
    if let Some(name) = &order.queue {
        check_queue(name, queues)?;
    }
    let priority = order.priority.unwrap_or(i64::from(entry.priority));
    let Some(priority) = i32::try_from(priority).ok().filter(|priority| (-100..=100).contains(priority)) else {
        return Err(value(format!("the priority is {priority}"), "a whole number from -100 to 100, higher goes first"));
    };
    check_tags(&order.tags)?;
    for (at, what) in [(Some(order.run_at), "due"), (order.expires_at, "to expire")] {
        if at.is_some_and(|at| !is_instant(at)) {
            return Err(value(format!("the job would be {what} in no year that clients can read"), "an instant of the years 1 to 9999"));
        }
    }
    if order.expires_at.is_some_and(|expires| expires <= order.run_at) {
        return Err(value("the job would expire before it is due", "an expiry later than the instant at which it is due"));
    }
    Ok(NewJob {
        id: order.id,
        task: entry.name.clone(),
        lane: entry.lane(),
        queue: order.queue.unwrap_or(entry.queue),
        priority,
        run_at: order.run_at,
        args: checked.to_string(),
        expires_at: order.expires_at,
        unique: order.unique,
        tags: (!order.tags.is_empty()).then(|| json!(order.tags).to_string()),
        rerun_of: order.rerun_of,
        enqueued_release: order.release,
    })
}

/// The years that every client can read, Python's `datetime` among them.
pub fn is_instant(at: Timestamp) -> bool {
    const YEAR_1: i64 = -62_135_596_800_000_000;
    const YEAR_10000: i64 = 253_402_300_800_000_000;
    (YEAR_1..YEAR_10000).contains(&at.0)
}

/// The rule of the client, for whoever orders without it.
fn check_tags(tags: &[String]) -> Result<(), Problem> {
    const TAGS_MAX: usize = 20;
    const LETTERS_MAX: usize = 100;
    let is_printable = |c: char| c == ' ' || !(c.is_control() || c.is_whitespace());
    let is_tag = |tag: &String| (1..=LETTERS_MAX).contains(&tag.chars().count()) && tag.chars().all(is_printable);
    if tags.len() <= TAGS_MAX && tags.iter().all(is_tag) {
        return Ok(());
    }
    Err(value(format!("{} tags, or one of them, cannot be kept", tags.len()), "at most 20 words of 1 to 100 printable characters"))
}

/// A task by its name, or the refusal with the nearest one.
pub fn find_task<'a>(tasks: &'a [TaskRow], name: &str) -> Result<&'a TaskRow, Problem> {
    tasks.iter().find(|row| row.name == name).ok_or_else(|| {
        let problem = Problem::new("task.unknown", format!("no worker has stated a task `{name}`"))
            .expected(match tasks {
                [] => "a task that a worker has stated; none has stated any yet".to_owned(),
                few if few.len() <= 8 => {
                    format!("one of {}", few.iter().map(|row| format!("`{}`", row.name)).collect::<Vec<_>>().join(", "))
                }
                many => format!("one of the {} tasks that `workaday task list` shows", many.len()),
            })
            .retry(RetryAdvice::SafeAfterFix, "safe once the name is right; nothing was stored");
        match tasks {
            [] => problem.hint("`workaday up MODULE:APP` starts a worker, which states its tasks"),
            _ => match problem.meant(name, tasks.iter().map(|row| row.name.as_str())) {
                // Nothing is near: most likely it is new, and the supervisor still runs the code of before.
                far if far.hint.is_none() => far.hint("a task that is new is known once `workaday up` was started with its code"),
                near => near,
            },
        }
    })
}

/// The entry of a task that the workers of now have.
pub fn present(tasks: &[TaskRow], name: &str) -> Result<TaskEntry, Problem> {
    let row = find_task(tasks, name)?;
    let entry = row.present.then(|| serde_json::from_str(&row.entry).ok()).flatten();
    entry.ok_or_else(|| {
        Problem::new("task.absent", format!("the task `{name}` is not in the newest code"))
            .expected("a task that the workers of now have")
            .got(format!("it was last stated by release {}", row.release.as_deref().unwrap_or("unknown")))
            .retry(RetryAdvice::SafeAfterFix, "safe once code with the task is up; nothing was stored")
    })
}

/// Refuses a queue that nothing knows: most likely a slip, and its jobs would wait unseen.
pub fn check_queue(name: &str, known: &[String]) -> Result<(), Problem> {
    if known.iter().any(|queue| queue == name) {
        return Ok(());
    }
    let listed: Vec<String> = known.iter().map(|queue| format!("`{queue}`")).collect();
    let problem = Problem::new("queue.unknown", format!("there is no queue `{name}`"))
        .expected(format!("one of {}; a task's own queue, or one of workaday.toml, [queues]", listed.join(", ")))
        .retry(RetryAdvice::SafeAfterFix, "safe once the name is fixed; nothing was changed");
    Err(problem.hint(format!("a new queue is declared in workaday.toml: [queues.{name}]")).meant(name, known.iter().map(String::as_str)))
}

/// The id of an order names a job that is there and is another one: told as success, the order would be lost unseen.
///
/// Equal are arguments with the same defaults written out, or the same JSON where the task has changed since.
pub fn id_taken(ordered: &NewJob, stored: &JobDetail, tasks: &[TaskRow]) -> Option<Problem> {
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (ours, theirs) = (value(&ordered.args), value(&stored.args));
    let with_defaults = |value: &Value| present(tasks, &ordered.task).map(|entry| values::canonical(&entry.params, value)).ok();
    let is_equal = ours == theirs || with_defaults(&ours).is_some_and(|ours| Some(ours) == with_defaults(&theirs));
    let differs = if ordered.task != stored.summary.task {
        format!("it is one of {}", stored.summary.task)
    } else if !is_equal {
        "it has other arguments".to_owned()
    } else {
        return None;
    };
    let problem =
        Problem::new("enqueue.id_taken", format!("{} was not enqueued: job {} is there, and {differs}", ordered.task, ordered.id));
    Some(
        problem
            .expected("an id that is new, or the same task and arguments again")
            .retry(RetryAdvice::SafeAfterFix, "safe with an id of its own; nothing was stored")
            .hint(format!("`workaday job show {}` shows the one that is there", ordered.id)),
    )
}

/// Another unfinished job holds the unique key, and the caller wants to hear of it. `replaces`: it was to be replaced.
pub fn unique_taken(task: &str, holder: JobId, state: State, replaces: bool) -> Problem {
    let (expected, hint) = if replaces {
        (
            "a waiting job to replace; this one runs already",
            "a key held only while waiting (`--while waiting`, while_=\"waiting\") is free once its job starts",
        )
    } else {
        ("no unfinished job with this key", "with on_conflict `return` you get that job instead")
    };
    Problem::new("enqueue.unique_taken", format!("{task} was not enqueued: job {holder} ({state}) holds its unique key"))
        .expected(expected)
        .retry(RetryAdvice::SafeAfterFix, "safe once that job has finished or was cancelled; nothing was stored")
        .hint(hint)
}

fn value(what: impl Into<String>, expected: &str) -> Problem {
    Problem::new("usage.value", what)
        .expected(expected)
        .retry(RetryAdvice::SafeAfterFix, "safe after the value is fixed; nothing was stored")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_judged_as_the_client_judges_them() {
        let tags = |words: &[&str]| check_tags(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).is_ok();
        assert!(tags(&[]) && tags(&["import", "2030-01", "two words", "ä"]) && tags(&["x"; 20]) && tags(&["t".repeat(100).as_str()]));
        assert!(!tags(&["x"; 21]) && !tags(&[""]) && !tags(&["a\0b"]) && !tags(&["\x1b[31m"]) && !tags(&["t".repeat(101).as_str()]));
    }

    #[test]
    fn an_instant_has_a_year_that_every_client_reads() {
        assert_eq!(Timestamp(-62_135_596_800_000_000).to_string(), "0001-01-01T00:00:00Z");
        assert!(is_instant(Timestamp(-62_135_596_800_000_000)) && !is_instant(Timestamp(-62_135_596_800_000_001)));
        assert!(is_instant(Timestamp(253_402_300_799_999_999)) && !is_instant(Timestamp(253_402_300_800_000_000)));
        assert!(!is_instant(Timestamp(i64::MAX)) && !is_instant(Timestamp(i64::MIN)));
    }
}

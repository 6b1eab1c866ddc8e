//! May somebody add this schedule at run time? The same refusals at every door: command line, Python, HTTP.

use super::declared::{Plan, ScheduleEntry};
use crate::catalogue::TaskEntry;
use crate::clock::Timestamp;
use crate::explain::{Problem, RetryAdvice};
use crate::values;

const NAME_CHARACTERS_MAX: usize = 200;

/// Reads a declaration as it is about to be stored, with the arguments written as the task's own signature has them.
///
/// What is refused here was never stored; a schedule of code or workaday.toml that is as wrong is kept and told
/// (`schedule.invalid`), since a deploy has no one to answer.
pub fn judge(mut entry: ScheduleEntry, task: &TaskEntry, now: Timestamp, tz: Option<&str>) -> Result<(ScheduleEntry, Plan), Problem> {
    let named = |c: char| c.is_alphanumeric() || "_.:-".contains(c);
    if entry.name.is_empty() || entry.name.chars().count() > NAME_CHARACTERS_MAX || !entry.name.chars().all(named) {
        return Err(refused(
            Problem::new("option.name_invalid", format!("the name of a schedule is `{}`", entry.name))
                .expected(format!("a name of letters, digits and `_ . : -`, at most {NAME_CHARACTERS_MAX} characters")),
        ));
    }
    let args = serde_json::Value::Object(std::mem::take(&mut entry.args)).to_string();
    let checked = values::check_args(&task.params, &args).map_err(|misfit| {
        let problem = misfit.problem(&task.name);
        let message = problem.message.replacen(" was not enqueued: ", " cannot run on this schedule: ", 1);
        refused(Problem { message, ..problem })
    })?;
    entry.args = serde_json::from_str(&checked.to_string()).unwrap_or_default();
    let plan = entry.plan(now, tz).map_err(|problem| {
        let message = problem.message.replacen(" does not run: ", " was not added: ", 1);
        refused(Problem { message, ..problem })
    })?;
    if crate::schedule::from_micros(now.0).is_none_or(|now| plan.timetable.next(now).is_none()) {
        return Err(refused(
            Problem::new("schedule.invalid", format!("schedule {} was not added: it has no tick to come", entry.name))
                .expected("a time to come")
                .got(entry.due_shown()),
        ));
    }
    Ok((entry, plan))
}

fn refused(problem: Problem) -> Problem {
    problem.retry(RetryAdvice::SafeAfterFix, "safe once it is mended; nothing was stored")
}

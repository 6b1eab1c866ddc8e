//! The deploy gate: what waits must fit the new code, and what changed must have somebody who stands for it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use workaday_core::catalogue::TaskEntry;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::job::JobId;
use workaday_core::values::check_args;
use workaday_store::Reader;

/// Waiting jobs that the new code could not run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfits {
    pub looked_at: usize,
    /// (task, what is wrong) → (how many, one of them).
    pub found: BTreeMap<(String, String), (usize, JobId)>,
}

/// Judges every unfinished job against the catalogue of the new code.
pub fn misfits(reader: &Reader, new: &[TaskEntry]) -> Result<Misfits, Problem> {
    let tasks: BTreeMap<&str, &TaskEntry> = new.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let mut misfits = Misfits::default();
    let look = &mut |id: JobId, task: &str, args: &str| {
        misfits.looked_at += 1;
        let wrong = match tasks.get(task) {
            None => Some("the new code has no such task".to_owned()),
            Some(entry) => {
                check_args(&entry.params, args).err().map(|misfit| format!("{}, expected {}", misfit.finding(), misfit.expected))
            }
        };
        if let Some(wrong) = wrong {
            misfits.found.entry((task.to_owned(), wrong)).or_insert((0, id)).0 += 1;
        }
    };
    reader.unfinished_arguments(look).map_err(|error| error.problem())?;
    Ok(misfits)
}

impl Misfits {
    pub fn problems(&self) -> Vec<Problem> {
        let one = |((task, wrong), (count, id)): (&(String, String), &(usize, JobId))| {
            let jobs = if *count == 1 { "1 waiting job".to_owned() } else { format!("{count} waiting jobs") };
            Problem::new(
                "release.jobs_misfit",
                format!("{jobs} of {task} {} not fit the new code: {wrong}", if *count == 1 { "does" } else { "do" }),
            )
            .expected("new code that takes the arguments of the jobs that wait, or no such jobs")
            .got(format!("for one, job {id}"))
            .retry(RetryAdvice::SafeAfterFix, "safe once they fit; nothing was deployed")
            .hint("give the new parameter a default, or first let them run: they would be held, not lost")
        };
        self.found.iter().map(one).collect()
    }
}

/// How the gate came out, for people.
pub fn fitting(jobs: usize, tasks: usize) -> String {
    let tasks = if tasks == 1 { "the 1 task of the new code".to_owned() } else { format!("the {tasks} tasks of the new code") };
    match jobs {
        0 => format!("no job is unfinished, so none had to fit {tasks}"),
        1 => format!("1 unfinished job fits {tasks}"),
        _ => format!("{jobs} unfinished jobs fit {tasks}"),
    }
}

/// Tasks that are new, or state something else than the catalogue in the store.
pub fn changed_tasks(reader: &Reader, new: &[Value]) -> Result<BTreeSet<String>, Problem> {
    let known: BTreeMap<String, Value> = reader
        .tasks()
        .map_err(|error| error.problem())?
        .into_iter()
        .filter(|row| row.present)
        .filter_map(|row| Some((row.name, serde_json::from_str(&row.entry).ok()?)))
        .collect();
    let name = |entry: &Value| entry.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(new.iter().filter(|entry| known.get(&name(entry)) != Some(entry)).map(name).collect())
}

/// A changed task without somebody to ask, a result to expect, or a way back.
pub fn unowned(changed: &BTreeSet<String>, new: &[TaskEntry]) -> Vec<Problem> {
    let lacks = |entry: &TaskEntry| {
        let fields = [("owner", &entry.owner), ("expects", &entry.expects), ("rollback", &entry.rollback)];
        fields.into_iter().filter(|(_, value)| value.as_deref().is_none_or(str::is_empty)).map(|(name, _)| name).collect::<Vec<_>>()
    };
    new.iter()
        .filter(|entry| changed.contains(&entry.name))
        .map(|entry| (entry, lacks(entry)))
        .filter(|(_, lacks)| !lacks.is_empty())
        .map(|(entry, lacks)| {
            Problem::new("release.unowned", format!("the task {} is new or was changed and says no {}", entry.name, lacks.join(", no ")))
                .expected("owner, expects and rollback beside each task that changes")
                .retry(RetryAdvice::SafeAfterFix, "safe once they are written; nothing was deployed")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn what_fits_is_told_in_whole_words() {
        assert_eq!(fitting(0, 1), "no job is unfinished, so none had to fit the 1 task of the new code");
        assert_eq!(fitting(1, 2), "1 unfinished job fits the 2 tasks of the new code");
        assert_eq!(fitting(7, 2), "7 unfinished jobs fit the 2 tasks of the new code");
    }
}

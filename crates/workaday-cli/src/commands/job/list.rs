//! `job list`: the newest jobs, or those that a filter names.

use crate::args::{JobFilter, JobList};
use crate::context::Context;
use crate::failure::{DONE, Done, Failure, usage};
use crate::render::{Cell, Table, state};
use crate::{document, words};
use workaday_core::explain::Problem;
use workaday_core::job::{HeldCode, State};
use workaday_store::sqlite::read::{JobFilter as StoreFilter, JobSummary, Reader};

pub fn run(args: &JobList, context: &mut Context) -> Done {
    let reader = context.reader()?;
    let jobs = select(&reader, &args.filter, args.limit as usize)?;
    if context.out.json {
        context.out.json(&jobs.iter().map(document::job).collect())?;
        return Ok(DONE);
    }
    let now = context.now();
    let mut table = Table::new(&["id", "task", "state", ">attempt", "queue", "when"]);
    for job in &jobs {
        let attempt = Cell::new(job.attempt.to_string());
        let held = job.held.map(HeldCode::as_str);
        table.row([
            Cell::new(job.id.to_string()),
            Cell::new(&job.task),
            state(job.state, held),
            attempt,
            Cell::new(&job.queue),
            Cell::new(when(now, job)),
        ]);
    }
    let empty = if is_open(&args.filter) {
        "No job yet. `workaday enqueue TASK` makes one; `workaday task list` shows the tasks."
    } else {
        "No job fits. `workaday job list` without conditions shows the newest."
    };
    context.out.table(&table, empty)?;
    if jobs.len() == args.limit as usize {
        context.out.line(format!("The newest {}; -n shows more.", words::count(jobs.len(), "job")))?;
    }
    Ok(DONE)
}

/// The instant that says most about a job in its state.
fn when(now: workaday_core::clock::Timestamp, job: &JobSummary) -> String {
    match (job.state, job.finished_at, job.claimed_at) {
        (_, Some(finished), _) => format!("finished {}", words::ago(now, finished)),
        (State::Running, _, Some(claimed)) => format!("started {}", words::ago(now, claimed)),
        (State::Scheduled | State::Retryable, ..) => format!("due {}", words::ago(now, job.run_at)),
        _ => format!("enqueued {}", words::ago(now, job.created_at)),
    }
}

fn is_open(filter: &JobFilter) -> bool {
    filter.task.is_none() && filter.queue.is_none() && filter.states.is_empty() && filter.tag.is_none() && filter.held.is_none()
}

/// Up to `limit` jobs that fit, newest first.
pub fn select(reader: &Reader, filter: &JobFilter, limit: usize) -> Result<Vec<JobSummary>, Failure> {
    const PAGE: usize = 1_000;
    let states = states(&filter.states)?;
    let code = held_code(filter.held.as_deref())?;
    let mut found = vec![];
    for state in if states.is_empty() { vec![None] } else { states.into_iter().map(Some).collect() } {
        let mut page = StoreFilter {
            state,
            task: filter.task.clone(),
            queue: filter.queue.clone(),
            tag: filter.tag.clone(),
            held: filter.held.is_some().then_some(true),
            limit: PAGE.min(limit),
            ..StoreFilter::default()
        };
        let mut of_state = vec![];
        while of_state.len() < limit {
            let jobs = reader.jobs(&page)?;
            let (Some(last), is_last_page) = (jobs.last().map(|job| job.key), jobs.len() < page.limit) else { break };
            of_state.extend(jobs.into_iter().filter(|job| code.is_none() || job.held == code));
            page.before = Some(last);
            if is_last_page {
                break;
            }
        }
        found.extend(of_state);
    }
    found.sort_by_key(|job| std::cmp::Reverse(job.key));
    found.truncate(limit);
    Ok(found)
}

fn states(words: &[String]) -> Result<Vec<State>, Problem> {
    words.iter().flat_map(|word| word.split(',')).map(|word| read_word(word.trim(), "--state", State::ALL, State::as_str)).collect()
}

fn held_code(word: Option<&str>) -> Result<Option<HeldCode>, Problem> {
    match word {
        None | Some("any") => Ok(None),
        Some(word) => read_word(word, "--held", HeldCode::ALL, HeldCode::as_str).map(Some),
    }
}

fn read_word<T: Copy>(word: &str, option: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, Problem> {
    all.iter().copied().find(|&one| name(one) == word).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        let problem = usage(format!("{option} is \"{word}\""), format!("one of {}", names.join(", ")));
        problem.meant(word, names)
    })
}

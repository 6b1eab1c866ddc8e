//! `logs`: what all jobs print, interleaved; live with -f.

use super::job::log_line;
use crate::args::{JobFilter, Logs};
use crate::context::Context;
use crate::failure::{DONE, Done, Failure};
use crate::render::Tone;
use crate::{document, text};
use std::collections::HashMap;
use std::time::Duration;
use workaday_core::job::{Fence, JobKey};
use workaday_store::sqlite::read::{JobSummary, LogRow, Reader};

/// The newest jobs of each state that has begun, whose lines are shown. With a backlog the newest of all only wait.
const JOBS: usize = 200;
const BEGUN: [&str; 5] = ["running", "retryable", "completed", "cancelled", "discarded"];
const PAGE: usize = 1_000;
/// How often a follower asks whether somebody has committed: SQLite tells other processes nothing. It reads only then.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub fn run(args: &Logs, context: &mut Context) -> Done {
    let reader = context.reader()?;
    let mut seen = HashMap::new();
    let mut lines = new_lines(&reader, args, &mut seen)?;
    // Before the first screen the last lines count, not the first.
    let surplus = lines.len().saturating_sub(args.lines as usize);
    lines.drain(..surplus);
    if lines.is_empty() && !args.follow && !context.out.json {
        context.out.line(format!("None of the newest {JOBS} jobs that have begun has printed anything."))?;
    }
    loop {
        for (job, row) in &lines {
            print(context, job, row)?;
        }
        if !args.follow {
            return Ok(DONE);
        }
        context.out.flush()?;
        let version = reader.data_version()?;
        lines = new_lines(&reader, args, &mut seen)?;
        while lines.is_empty() && reader.data_version()? == version {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

type Seen = HashMap<JobKey, (Fence, i64)>;

/// Lines after those seen, in the order they were written.
fn new_lines(reader: &Reader, args: &Logs, seen: &mut Seen) -> Result<Vec<(JobSummary, LogRow)>, Failure> {
    let filter = |states: &[&str]| JobFilter {
        task: args.task.clone(),
        states: states.iter().map(|state| (*state).to_owned()).collect(),
        ..JobFilter::default()
    };
    let mut jobs = super::job::select(reader, &filter(&[]), JOBS)?;
    let listed: std::collections::HashSet<JobKey> = jobs.iter().map(|job| job.key).collect();
    for state in BEGUN {
        jobs.extend(super::job::select(reader, &filter(&[state]), JOBS)?.into_iter().filter(|job| !listed.contains(&job.key)));
    }
    let mut lines = vec![];
    for job in &jobs {
        loop {
            let rows = reader.logs(job.key, seen.get(&job.key).copied(), PAGE)?;
            if let Some(last) = rows.last() {
                seen.insert(job.key, (last.fence, last.seq));
            }
            let is_last_page = rows.len() < PAGE;
            lines.extend(rows.into_iter().map(|row| (job.clone(), row)));
            if is_last_page {
                break;
            }
        }
    }
    lines.sort_by_key(|(job, row)| (row.at, job.key, row.fence, row.seq));
    Ok(lines)
}

fn print(context: &mut Context, job: &JobSummary, row: &LogRow) -> Result<(), Failure> {
    let out = &mut context.out;
    if out.json {
        let mut line = document::log_line(row);
        line["id"] = serde_json::json!(job.id);
        line["task"] = job.task.clone().into();
        return Ok(out.json_line(&line)?);
    }
    // Ids begin with the time; their end tells jobs of one second apart.
    let id = job.id.to_string();
    let name = format!("{} {}", text::line(&job.task), &id[id.len() - 6..]);
    out.line(format!("{} {}", out.paint(Tone::Work, &name), log_line(out, row)))?;
    Ok(())
}

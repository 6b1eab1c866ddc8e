//! `job logs ID`: what a job printed, attempt by attempt, live with -f.

use crate::args::JobLogs;
use crate::context::Context;
use crate::failure::{DONE, Done, Failure};
use crate::render::{Output, Tone};
use crate::{document, text};
use std::collections::HashMap;
use std::time::Duration;
use workaday_core::job::{Fence, JobId, JobKey};
use workaday_store::sqlite::read::{LogRow, Reader};

const PAGE: usize = 1_000;
/// How often a follower asks whether somebody has committed: SQLite tells other processes nothing. It reads only then.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub fn run(args: &JobLogs, context: &mut Context) -> Done {
    let reader = context.reader()?;
    let job = reader.find_job(&args.id)?.summary;
    let mut printer = Printer { job: job.key, wanted: args.attempt, after: None, attempts: HashMap::new(), printed: 0 };
    let is_over = loop {
        let version = reader.data_version()?;
        // Asked before the lines are read: lines that came between are read in the next round.
        let finished = reader.job(job.id)?.is_none_or(|detail| detail.summary.state.is_finished());
        printer.print_new(&reader, &mut context.out, job.id)?;
        if !args.follow || finished {
            break finished;
        }
        context.out.flush()?;
        while reader.data_version()? == version {
            std::thread::sleep(LOOK_AGAIN);
        }
    };
    if printer.printed == 0 && !context.out.json {
        context.out.line(nothing(args.attempt, is_over))?;
    }
    Ok(DONE)
}

/// What to say instead of no lines at all.
fn nothing(attempt: Option<u32>, is_over: bool) -> String {
    match (attempt, is_over) {
        (Some(attempt), _) => format!("Attempt {attempt} has printed nothing. `workaday job show` lists the attempts."),
        (None, true) => "It printed nothing. `workaday job show` lists its attempts and their errors.".to_owned(),
        (None, false) => "It has printed nothing yet. `workaday job why` says where it stands.".to_owned(),
    }
}

struct Printer {
    job: JobKey,
    wanted: Option<u32>,
    after: Option<(Fence, i64)>,
    /// Attempt numbers of ended claims, by fence.
    attempts: HashMap<Fence, u32>,
    printed: usize,
}

impl Printer {
    fn print_new(&mut self, reader: &Reader, out: &mut Output, id: JobId) -> Result<(), Failure> {
        self.attempts = reader.attempts(self.job)?.into_iter().map(|row| (row.fence, row.attempt)).collect();
        let running = reader.job(id)?.map(|detail| (detail.summary.fence, detail.summary.attempt));
        self.attempts.extend(running);
        loop {
            let rows = reader.logs(self.job, self.after, PAGE)?;
            for row in &rows {
                let attempt = self.attempts.get(&row.fence).copied();
                if self.wanted.is_none() || self.wanted == attempt {
                    let begins = self.after.is_none_or(|(fence, _)| fence != row.fence);
                    self.print(out, row, attempt, begins)?;
                }
                self.after = Some((row.fence, row.seq));
            }
            if rows.len() < PAGE {
                return Ok(());
            }
        }
    }

    fn print(&mut self, out: &mut Output, row: &LogRow, attempt: Option<u32>, begins: bool) -> Result<(), Failure> {
        self.printed += 1;
        if out.json {
            let mut line = document::log_line(row);
            line["attempt"] = attempt.into();
            return Ok(out.json_line(&line)?);
        }
        if begins {
            let title = attempt.map_or_else(|| format!("claim {}", row.fence.0), |attempt| format!("attempt {attempt}"));
            out.line(out.paint(Tone::Soft, &format!("── {title} ──")))?;
        }
        Ok(out.line(log_line(out, row))?)
    }
}

/// `09:01:02.123 stderr  text`; the level and logger where there are any.
pub fn log_line(out: &Output, row: &LogRow) -> String {
    let at = row.at.to_string();
    let clock = at.get(11..23).map_or(at.as_str(), |clock| clock.trim_end_matches('Z'));
    let (source, tone) = match (row.level.as_deref(), row.stream.as_str()) {
        (Some(level @ ("ERROR" | "CRITICAL")), _) => (level.to_owned(), Tone::Bad),
        (Some(level @ "WARNING"), _) => (level.to_owned(), Tone::Wait),
        (Some(level), _) => (level.to_owned(), Tone::Soft),
        (None, stream) => (stream.to_owned(), Tone::Soft),
    };
    let logger =
        row.logger.as_deref().filter(|logger| !logger.is_empty()).map_or_else(String::new, |logger| format!("{}: ", text::line(logger)));
    let head = format!("{clock:<12} {:<7}", text::line(&source));
    // Further lines of one record stand under its text.
    let body = text::block(row.text.trim_end_matches('\n')).replace('\n', "\n                     ");
    format!("{} {logger}{body}", out.paint(tone, &head))
}

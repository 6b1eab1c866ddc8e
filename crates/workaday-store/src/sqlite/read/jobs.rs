//! Jobs: listed newest first by key, shown by id or the beginning of one, with attempts and logs.

use super::super::rows;
use super::types::{AttemptRow, JobDetail, JobFilter, JobSummary, LogRow};
use super::{Reader, bounded};
use crate::error::{Result, StoreError};
use crate::statements as sql;
use rusqlite::{Row, params};
use uuid::Uuid;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::{Counts, Fence, Generation, JobId, JobKey};

/// The shortest beginning of an id that is looked up. UUIDv7 begins with the time, so a short one fits many jobs.
const PREFIX_DIGITS_MIN: usize = 8;

impl Reader {
    /// Newest first. The next page is asked with `before` = the key of the last job.
    pub fn jobs(&self, filter: &JobFilter) -> Result<Vec<JobSummary>> {
        let limit = bounded(filter.limit);
        let before = filter.before.map_or(i64::MAX, |key| key.0);
        let (state, since) = (filter.state.map(|state| state.as_str()), filter.since.map(|at| at.0));
        let mut found = Vec::new();
        if !filter.state.is_some_and(|state| state.is_finished()) {
            let parameters = params![before, state, filter.task, filter.queue, since, filter.held, filter.tag, limit];
            found.extend(self.link.list(&sql::LIST_UNFINISHED, parameters, summary)?);
        }
        if filter.held != Some(true) && filter.state.is_none_or(|state| state.is_finished()) {
            let parameters = params![before, state, filter.task, filter.queue, since, filter.tag, limit];
            found.extend(self.link.list(&sql::LIST_FINISHED, parameters, summary)?);
        }
        found.sort_by_key(|job| std::cmp::Reverse(job.key));
        found.truncate(limit as usize);
        Ok(found)
    }

    pub fn job(&self, id: JobId) -> Result<Option<JobDetail>> {
        self.link.first(&sql::ONE_JOB, [id.0.as_bytes()], detail)
    }

    /// A job by its id or the first 8 or more hex digits of it, dashes as you like.
    pub fn find_job(&self, text: &str) -> Result<JobDetail> {
        let id = match self.ids_beginning(text)?.as_slice() {
            [] => return Err(not_found(text).into()),
            [id] => *id,
            several => return Err(ambiguous(text, several).into()),
        };
        self.job(id)?.ok_or_else(|| StoreError::from(not_found(text)))
    }

    fn ids_beginning(&self, text: &str) -> Result<Vec<JobId>> {
        let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
        let low = u128::from_str_radix(&format!("{digits:0<32}"), 16);
        let (PREFIX_DIGITS_MIN..=32, Ok(low), true) = (digits.len(), low, digits.bytes().all(|c| c.is_ascii_hexdigit())) else {
            return Err(invalid(text).into());
        };
        let high = low | u128::MAX.checked_shr(4 * digits.len() as u32).unwrap_or(0);
        let (low, high) = (Uuid::from_u128(low), Uuid::from_u128(high));
        self.link.list(&sql::IDS_BETWEEN, params![low.as_bytes(), high.as_bytes(), 5], |row| rows::id(row, 0))
    }

    pub fn attempts(&self, job: JobKey) -> Result<Vec<AttemptRow>> {
        self.link.list(&sql::ATTEMPTS_OF, [job.0], |row| {
            Ok(AttemptRow {
                fence: Fence(row.get(0)?),
                attempt: row.get(1)?,
                outcome: rows::word(row, 2)?,
                claimed_at: rows::instant(row, 3)?,
                started_at: rows::optional_instant(row, 4)?,
                ended_at: rows::instant(row, 5)?,
                waited_us: row.get(6)?,
                ran_us: row.get(7)?,
                cpu_us: row.get(8)?,
                memory_peak_kib: row.get(9)?,
                error: row.get(10)?,
                cause: row.get(11)?,
                child: row.get(12)?,
                release: row.get(13)?,
                log_lines: row.get(14)?,
                log_dropped_bytes: row.get(15)?,
                evidence: row.get(16)?,
                unexpected: row.get(17)?,
            })
        })
    }

    /// Lines after `(fence, seq)`; `None` = from the beginning. At most 1000, so a follower asks again from the last.
    pub fn logs(&self, job: JobKey, after: Option<(Fence, i64)>, limit: usize) -> Result<Vec<LogRow>> {
        let (fence, seq) = after.map_or((-1, -1), |(fence, seq)| (fence.0, seq));
        self.link.list(&sql::LOGS_OF, params![job.0, fence, seq, bounded(limit)], log)
    }

    /// The last lines of a job, the oldest of them first. At most 1000.
    pub fn last_logs(&self, job: JobKey, limit: usize) -> Result<Vec<LogRow>> {
        let mut lines = self.link.list(&sql::LAST_LOGS, params![job.0, bounded(limit)], log)?;
        lines.reverse();
        Ok(lines)
    }
}

/// Columns as in `logs_of.sql` and `last_logs.sql`.
fn log(row: &Row<'_>) -> rusqlite::Result<LogRow> {
    Ok(LogRow {
        fence: Fence(row.get(0)?),
        seq: row.get(1)?,
        at: rows::instant(row, 2)?,
        stream: row.get(3)?,
        level: row.get(4)?,
        logger: row.get(5)?,
        text: row.get(6)?,
    })
}

/// Columns as in `list_unfinished.sql`.
pub(super) fn summary(row: &Row<'_>) -> rusqlite::Result<JobSummary> {
    let counts: Counts = rows::counts(row, 9, 12)?;
    Ok(JobSummary {
        key: JobKey(row.get(0)?),
        id: rows::id(row, 1)?,
        task: row.get(2)?,
        queue: row.get(3)?,
        priority: row.get(4)?,
        lane: rows::word(row, 5)?,
        state: rows::word(row, 6)?,
        reason: row.get(7)?,
        run_at: rows::instant(row, 8)?,
        attempt: counts.attempt,
        attempt_extra: row.get(10)?,
        fence: Fence(row.get(11)?),
        counts,
        held: rows::optional_word(row, 15)?,
        held_rule: row.get(16)?,
        cancel_requested_at: rows::optional_instant(row, 17)?,
        tags: row.get(18)?,
        progress: row.get(19)?,
        progress_note: row.get(20)?,
        claimed_at: rows::optional_instant(row, 21)?,
        created_at: rows::instant(row, 22)?,
        finished_at: rows::optional_instant(row, 23)?,
    })
}

/// Columns as in `one_job.sql`.
fn detail(row: &Row<'_>) -> rusqlite::Result<JobDetail> {
    Ok(JobDetail {
        summary: summary(row)?,
        args: row.get(24)?,
        result: row.get(25)?,
        worker: row.get(26)?,
        generation: row.get::<_, Option<i64>>(27)?.map(Generation),
        expires_at: rows::optional_instant(row, 28)?,
        cancel_reason: row.get(29)?,
        unique_key: row.get(30)?,
        unique_while: row.get(31)?,
        rerun_of: rows::optional_id(row, 32)?,
        enqueued_release: row.get(33)?,
    })
}

fn not_found(text: &str) -> Problem {
    Problem::new("job.not_found", format!("there is no job `{text}`"))
        .expected("the id of a job that is unfinished, or finished and not yet pruned")
        .retry(RetryAdvice::SafeAfterFix, "safe with another id; nothing was changed")
        .hint("`workaday job list` shows the newest jobs")
}

fn ambiguous(text: &str, several: &[JobId]) -> Problem {
    let some: Vec<String> = several.iter().take(4).map(ToString::to_string).collect();
    Problem::new("job.id_ambiguous", format!("`{text}` is the beginning of more than one job id"))
        .expected("more digits: ids begin with the time, so jobs of the same minute share the first ones")
        .got(some.join(", "))
        .retry(RetryAdvice::SafeAfterFix, "safe with more digits; nothing was changed")
}

fn invalid(text: &str) -> Problem {
    Problem::new("job.id_invalid", format!("`{text}` is no job id"))
        .expected(format!("a UUID, or at least its first {PREFIX_DIGITS_MIN} hex digits"))
        .retry(RetryAdvice::SafeAfterFix, "safe with an id; nothing was changed")
}

//! Errors as groups: attempts that failed in the same place for the same reason.

use super::super::rows;
use super::counts::Counted;
use super::{LIST_MAX, Reader};
use crate::error::Result;
use crate::statements as sql;
use rusqlite::{Row, params};
use workaday_core::clock::Timestamp;
use workaday_core::job::{AttemptOutcome, Fence, JobKey};

/// Different errors that are looked at; those beyond are in the store, and found by their own page.
const GROUPS_MAX: usize = 1_000;

/// One attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub job: JobKey,
    pub fence: Fence,
    pub ended_at: Timestamp,
    pub outcome: AttemptOutcome,
    pub release: Option<String>,
    /// JSON {"type","message","traceback","expected","retry"}.
    pub error: Option<String>,
    /// JSON {"kind", …}.
    pub cause: Option<String>,
}

/// One error: its first and last attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorGroup {
    pub fingerprint: String,
    pub first: Failure,
    pub last: Failure,
}

/// Somebody knows of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mute {
    pub fingerprint: String,
    pub muted_at: Timestamp,
    pub who: String,
    pub note: Option<String>,
    /// It holds while this release runs; `None`: whichever runs.
    pub release: Option<String>,
    pub until: Option<Timestamp>,
}

impl Mute {
    /// Does it hold now, with this release running?
    pub fn is_active(&self, now: Timestamp, release: Option<&str>) -> bool {
        self.until.is_none_or(|until| now < until) && self.release.as_deref().is_none_or(|own| release.is_none_or(|running| own == running))
    }
}

impl Reader {
    /// Errors whose last attempt failed since then, the newest first.
    pub fn error_groups(&self, since: Timestamp) -> Result<Vec<ErrorGroup>> {
        let mut groups = vec![];
        let mut name = String::new();
        while groups.len() < GROUPS_MAX
            && let Some(next) = self.link.first(&sql::NEXT_ERROR, [&name], |row| row.get::<_, String>(0))?
        {
            name = next;
            if let Some(group) = self.error_group(&name)?.filter(|group| group.last.ended_at >= since) {
                groups.push(group);
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.last.ended_at));
        Ok(groups)
    }

    pub fn error_group(&self, fingerprint: &str) -> Result<Option<ErrorGroup>> {
        let first = self.link.first(&sql::ERROR_FIRST, [fingerprint], failure)?;
        let last = self.failures(fingerprint, None, 1)?.pop();
        let of = |(first, last)| ErrorGroup { fingerprint: fingerprint.to_owned(), first, last };
        Ok(first.zip(last).map(of))
    }

    /// Attempts that failed so, the newest first.
    pub fn failures(&self, fingerprint: &str, before: Option<Timestamp>, limit: usize) -> Result<Vec<Failure>> {
        let before = before.map_or(i64::MAX, |at| at.0);
        self.link.list(&sql::ERROR_LAST, params![fingerprint, before, limit.min(LIST_MAX) as i64], failure)
    }

    /// How often an error came in a span, up to `cap`.
    pub fn error_count(&self, fingerprint: &str, since: Timestamp, until: Timestamp, cap: i64) -> Result<Counted> {
        let number = self.link.first(&sql::ERROR_COUNT, params![fingerprint, since.0, until.0, cap + 1], |row| row.get(0))?;
        let number: i64 = number.unwrap_or(0);
        Ok(Counted { number: number.min(cap), more: number > cap })
    }

    pub fn mutes(&self) -> Result<Vec<Mute>> {
        self.link.list(&sql::ALL_MUTES, [LIST_MAX as i64], |row| {
            Ok(Mute {
                fingerprint: row.get(0)?,
                muted_at: rows::instant(row, 1)?,
                who: row.get(2)?,
                note: row.get(3)?,
                release: row.get(4)?,
                until: rows::optional_instant(row, 5)?,
            })
        })
    }
}

fn failure(row: &Row<'_>) -> rusqlite::Result<Failure> {
    Ok(Failure {
        job: JobKey(row.get(0)?),
        fence: Fence(row.get(1)?),
        ended_at: rows::instant(row, 2)?,
        outcome: rows::word(row, 3)?,
        release: row.get(4)?,
        error: row.get(5)?,
        cause: row.get(6)?,
    })
}

//! Rows to types. A word this version does not know is an error of that row, never a guess.

use crate::store::{Candidate, Leftover, RunningRow};
use rusqlite::types::Type;
use rusqlite::{Error, Row};
use std::str::FromStr;
use uuid::Uuid;
use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_core::job::{Counts, Fence, Generation, JobId, JobKey, UnknownWord};

type Read<T> = rusqlite::Result<T>;

pub fn id(row: &Row<'_>, column: usize) -> Read<JobId> {
    let bytes = row.get_ref(column)?.as_blob().map_err(|error| misfit(column, Type::Blob, error))?;
    Uuid::from_slice(bytes).map(JobId).map_err(|error| misfit(column, Type::Blob, error))
}

pub fn optional_id(row: &Row<'_>, column: usize) -> Read<Option<JobId>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => id(row, column).map(Some),
    }
}

/// A state, lane, code or outcome by its word.
pub fn word<T: FromStr<Err = UnknownWord>>(row: &Row<'_>, column: usize) -> Read<T> {
    let text = row.get_ref(column)?.as_str().map_err(|error| misfit(column, Type::Text, error))?;
    text.parse().map_err(|error: UnknownWord| misfit(column, Type::Text, error))
}

pub fn optional_word<T: FromStr<Err = UnknownWord>>(row: &Row<'_>, column: usize) -> Read<Option<T>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => word(row, column).map(Some),
    }
}

pub fn instant(row: &Row<'_>, column: usize) -> Read<Timestamp> {
    row.get(column).map(Timestamp)
}

pub fn optional_instant(row: &Row<'_>, column: usize) -> Read<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp))
}

/// attempt, crash, suspect, rescue from four columns in a row.
pub fn counts(row: &Row<'_>, attempt: usize, others: usize) -> Read<Counts> {
    Ok(Counts { attempt: row.get(attempt)?, crash: row.get(others)?, suspect: row.get(others + 1)?, rescue: row.get(others + 2)? })
}

/// The key of a job that stands first in its row: the one column that SQLite itself vouches for.
pub fn key(row: &Row<'_>) -> Read<JobKey> {
    row.get(0).map(JobKey)
}

/// Columns as in `claimable_jobs.sql`.
pub fn candidate(row: &Row<'_>) -> Read<Candidate> {
    Ok(Candidate {
        key: JobKey(row.get(0)?),
        id: id(row, 1)?,
        task: row.get(2)?,
        queue: row.get(3)?,
        args: row.get(4)?,
        run_at: instant(row, 5)?,
        attempt: row.get(6)?,
        attempt_extra: row.get(7)?,
        fence: Fence(row.get(8)?),
        counts: counts(row, 6, 9)?,
        lane: word(row, 12)?,
        tick: row.get(13)?,
    })
}

/// Columns as in `running_job.sql` and `running_before.sql`.
pub fn running(row: &Row<'_>) -> Read<RunningRow> {
    Ok(RunningRow {
        key: JobKey(row.get(0)?),
        id: id(row, 1)?,
        fence: Fence(row.get(2)?),
        generation: Generation(row.get(3)?),
        task: row.get(4)?,
        lane: word(row, 5)?,
        counts: counts(row, 6, 7)?,
        attempt_extra: row.get(10)?,
        cancel_requested: row.get(11)?,
        claimed_at: instant(row, 12)?,
    })
}

/// Columns as in `active_holds.sql`. The arguments are an object: name to the value it must have.
pub fn hold(row: &Row<'_>) -> Read<HoldRule> {
    let where_args = match row.get_ref(3)? {
        rusqlite::types::ValueRef::Null => Vec::new(),
        value => {
            let text = value.as_str().map_err(|error| misfit(3, Type::Text, error))?;
            let object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(text).map_err(|error| misfit(3, Type::Text, error))?;
            object.into_iter().collect()
        }
    };
    Ok(HoldRule {
        rule: row.get(0)?,
        task: row.get(1)?,
        queue: row.get(2)?,
        where_args,
        reason: row.get(4)?,
        owner: row.get(5)?,
        until: optional_instant(row, 6)?,
    })
}

/// Columns as in `leftovers.sql`.
pub fn leftover(row: &Row<'_>) -> Read<Leftover> {
    Ok(Leftover { worker: row.get(0)?, kind: row.get(1)?, pid: row.get(2)?, boot_id: row.get(3)?, process_started_at: row.get(4)? })
}

fn misfit(column: usize, kind: Type, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, kind, Box::new(error))
}

//! Backups, releases and rehearsals as the faces show them, and what a release asks of the jobs.

use super::super::rows;
use super::{Reader, bounded};
use crate::error::Result;
use crate::statements as sql;
use rusqlite::{Row, params};
use workaday_core::clock::Timestamp;
use workaday_core::job::JobId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRow {
    pub backup: i64,
    pub path: String,
    pub sha256: String,
    pub why: String,
    pub at: Timestamp,
    pub took_us: i64,
    /// Of the copy, and as compressed.
    pub bytes: i64,
    pub stored_bytes: i64,
    pub schema: u32,
    /// JSON: table → rows.
    pub counts: String,
    pub proved_at: Option<Timestamp>,
    /// JSON.
    pub proof: Option<String>,
    pub removed_at: Option<Timestamp>,
}

/// How old the newest backup is, and when one was last proved to restore: for health and the checklist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupStatus {
    /// The newest whose file is there.
    pub newest: Option<BackupRow>,
    /// One that is newer still, and whose file is gone without rotation: moved or deleted by hand.
    pub gone: Option<BackupRow>,
    pub proved: Option<BackupRow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    pub release: i64,
    /// `release` or `rollback`.
    pub kind: String,
    /// `open`, `done`, `worse`, `failed`, `aborted`.
    pub state: String,
    pub revision: String,
    pub previous: Option<i64>,
    pub reason: String,
    pub owner: String,
    pub verdict: Option<String>,
    /// JSON.
    pub plan: String,
    pub note: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRow {
    pub seq: usize,
    pub step: String,
    /// `begun`, `done`, `failed`, `skipped`.
    pub state: String,
    pub tries: u32,
    pub began_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// JSON.
    pub detail: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsalRow {
    pub rehearsal: i64,
    pub at: Timestamp,
    pub took_us: i64,
    pub revision: String,
    pub config_hash: String,
    pub level: u8,
    pub passed: bool,
    /// JSON.
    pub proof: String,
}

/// A run of the checklist, as `workaday doctor` wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChecksRow {
    pub run: i64,
    pub at: Timestamp,
    pub reds: i64,
    pub warnings: i64,
    pub unknowns: i64,
    pub goods: i64,
    /// JSON: every check, the worst first.
    pub checks: String,
}

/// How the attempts of a task ended in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    pub task: String,
    pub outcome: String,
    pub count: i64,
    pub ran_us: i64,
}

/// A job that was discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRow {
    pub id: JobId,
    pub finished_at: Timestamp,
    pub reason: Option<String>,
    /// JSON, see attempts.
    pub error: Option<String>,
}

impl Reader {
    /// The newest first, also those whose file is gone.
    pub fn backups(&self, limit: usize) -> Result<Vec<BackupRow>> {
        self.link.list(&sql::BACKUPS, [bounded(limit)], backup)
    }

    pub fn backup_status(&self) -> Result<BackupStatus> {
        // A record is no backup. What may not be looked at counts as there.
        let is_gone = |row: &BackupRow| std::path::Path::new(&row.path).try_exists().is_ok_and(|is_there| !is_there);
        let mut gone = None;
        let mut newest = None;
        for row in self.backups(super::LIST_MAX)?.into_iter().filter(|row| row.removed_at.is_none()) {
            if !is_gone(&row) {
                newest = Some(row);
                break;
            }
            gone = gone.or(Some(row));
        }
        Ok(BackupStatus { newest, gone, proved: self.link.first(&sql::NEWEST_PROOF, [], backup)? })
    }

    /// The newest first; the next page with `before` = the last number.
    pub fn releases(&self, before: Option<i64>, limit: usize) -> Result<Vec<ReleaseRow>> {
        self.link.list(&sql::RELEASES, params![before.unwrap_or(i64::MAX), bounded(limit)], release)
    }

    pub fn release(&self, number: i64) -> Result<Option<ReleaseRow>> {
        let found = self.link.first(&sql::RELEASES, params![number.saturating_add(1), 1], release)?;
        Ok(found.filter(|row| row.release == number))
    }

    pub fn release_steps(&self, number: i64) -> Result<Vec<StepRow>> {
        self.link.list(&sql::STEPS_OF, [number], |row| {
            Ok(StepRow {
                seq: row.get::<_, i64>(0)? as usize,
                step: row.get(1)?,
                state: row.get(2)?,
                tries: row.get(3)?,
                began_at: rows::instant(row, 4)?,
                ended_at: rows::optional_instant(row, 5)?,
                detail: row.get(6)?,
            })
        })
    }

    pub fn rehearsals(&self, limit: usize) -> Result<Vec<RehearsalRow>> {
        self.link.list(&sql::REHEARSALS, [bounded(limit)], |row| {
            Ok(RehearsalRow {
                rehearsal: row.get(0)?,
                at: rows::instant(row, 1)?,
                took_us: row.get(2)?,
                revision: row.get(3)?,
                config_hash: row.get(4)?,
                level: row.get(5)?,
                passed: row.get(6)?,
                proof: row.get(7)?,
            })
        })
    }

    /// Runs of the checklist, the newest first.
    pub fn checks(&self, limit: usize) -> Result<Vec<ChecksRow>> {
        self.link.list(&sql::CHECKS, [bounded(limit)], |row| {
            Ok(ChecksRow {
                run: row.get(0)?,
                at: rows::instant(row, 1)?,
                reds: row.get(2)?,
                warnings: row.get(3)?,
                unknowns: row.get(4)?,
                goods: row.get(5)?,
                checks: row.get(6)?,
            })
        })
    }

    /// Is the store bound to this very file, a copy that nobody adopted, or not bound yet?
    pub fn is_copy(&self) -> Result<Option<bool>> {
        let meta = |name: &str| self.link.first(&sql::GET_META, [name], |row| row.get::<_, String>(0));
        if meta("instance_bound")?.as_deref() != Some("1") {
            return Ok(None);
        }
        let expected = format!("{} {}", meta("instance_id")?.unwrap_or_default(), super::super::place::inode(self.path())?);
        let found = std::fs::read_to_string(super::super::place::beside(self.path(), "-instance")).unwrap_or_default();
        Ok(Some(found.trim() != expected))
    }

    /// The mark of the time zone data that the schedules were last decided with.
    pub fn zone_mark(&self) -> Result<Option<String>> {
        self.link.first(&sql::GET_META, ["zone_data"], |row| row.get(0))
    }

    /// Shows `look` every unfinished job: its id, task and arguments. Read in pages, so that no read transaction lasts.
    pub fn unfinished_arguments(&self, look: &mut dyn FnMut(JobId, &str, &str)) -> Result<()> {
        const PAGE: usize = 1_000;
        let mut after = -1_i64;
        loop {
            let page = self.link.list(&sql::UNFINISHED_ARGUMENTS, params![after, PAGE as i64], |row| {
                Ok((row.get::<_, i64>(0)?, rows::id(row, 1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
            })?;
            for (_, id, task, args) in &page {
                look(*id, task, args);
            }
            match page.last() {
                Some((key, ..)) if page.len() == PAGE => after = *key,
                _ => return Ok(()),
            }
        }
    }

    /// How attempts ended from `since` to before `before`.
    pub fn outcomes_between(&self, since: Timestamp, before: Timestamp) -> Result<Vec<OutcomeCount>> {
        self.link.list(&sql::OUTCOMES_BETWEEN, params![since.0, before.0], |row| {
            Ok(OutcomeCount { task: row.get(0)?, outcome: row.get(1)?, count: row.get(2)?, ran_us: row.get(3)? })
        })
    }

    /// Id and end of the last completed job of a task.
    pub fn last_good(&self, task: &str) -> Result<Option<(JobId, Timestamp)>> {
        self.link.first(&sql::LAST_GOOD, [task], |row| Ok((rows::id(row, 0)?, rows::instant(row, 1)?)))
    }

    /// The last discarded jobs of a task.
    pub fn failures_of(&self, task: &str, limit: usize) -> Result<Vec<FailureRow>> {
        self.link.list(&sql::FAILURES_OF, params![task, bounded(limit)], |row| {
            Ok(FailureRow { id: rows::id(row, 0)?, finished_at: rows::instant(row, 1)?, reason: row.get(2)?, error: row.get(3)? })
        })
    }
}

fn backup(row: &Row<'_>) -> rusqlite::Result<BackupRow> {
    Ok(BackupRow {
        backup: row.get(0)?,
        path: row.get(1)?,
        sha256: row.get(2)?,
        why: row.get(3)?,
        at: rows::instant(row, 4)?,
        took_us: row.get(5)?,
        bytes: row.get(6)?,
        stored_bytes: row.get(7)?,
        schema: row.get(8)?,
        counts: row.get(9)?,
        proved_at: rows::optional_instant(row, 10)?,
        proof: row.get(11)?,
        removed_at: rows::optional_instant(row, 12)?,
    })
}

fn release(row: &Row<'_>) -> rusqlite::Result<ReleaseRow> {
    Ok(ReleaseRow {
        release: row.get(0)?,
        kind: row.get(1)?,
        state: row.get(2)?,
        revision: row.get(3)?,
        previous: row.get(4)?,
        reason: row.get(5)?,
        owner: row.get(6)?,
        verdict: row.get(7)?,
        plan: row.get(8)?,
        note: row.get(9)?,
        started_at: rows::instant(row, 10)?,
        ended_at: rows::optional_instant(row, 11)?,
    })
}

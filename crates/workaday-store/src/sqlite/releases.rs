//! What the operating practices write down: backups, releases step by step, rehearsals. Inside a transaction, as every write.

use super::SqliteStore;
use crate::error::{Result, StoreError};
use crate::statements as sql;
use rusqlite::params;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Problem;

/// A backup that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBackup {
    pub path: String,
    pub sha256: String,
    /// `by hand`, `release 12`, `before a restore`.
    pub why: String,
    pub at: Timestamp,
    pub took_us: i64,
    pub bytes: i64,
    pub stored_bytes: i64,
    pub schema: u32,
    /// JSON: table → rows.
    pub counts: String,
}

/// A release that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRelease {
    /// `release` or `rollback`.
    pub kind: &'static str,
    pub revision: String,
    pub previous: Option<i64>,
    pub reason: String,
    pub owner: String,
    /// JSON.
    pub plan: String,
}

/// A rehearsal that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRehearsal {
    pub at: Timestamp,
    pub took_us: i64,
    pub revision: String,
    pub config_hash: String,
    pub level: u8,
    pub passed: bool,
    /// JSON.
    pub proof: String,
}

/// A run of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChecks {
    pub at: Timestamp,
    pub reds: i64,
    pub warnings: i64,
    pub unknowns: i64,
    pub goods: i64,
    /// JSON: every check.
    pub checks: String,
}

/// Runs of the checklist that are kept: one a day for more than two years.
const RUNS_KEPT: i64 = 1_000;

impl SqliteStore {
    /// Keeps a run, and forgets those that are very old.
    pub fn write_checks(&mut self, new: &NewChecks) -> Result<()> {
        let link = self.link.writing()?;
        link.execute(&sql::WRITE_CHECKS, params![new.at.0, new.reds, new.warnings, new.unknowns, new.goods, new.checks])?;
        link.execute(&sql::PRUNE_CHECKS, [RUNS_KEPT]).map(|_| ())
    }

    pub fn write_backup(&mut self, new: &NewBackup) -> Result<()> {
        let values = params![new.path, new.sha256, new.why, new.at.0, new.took_us, new.bytes, new.stored_bytes, new.schema, new.counts];
        self.link.writing()?.execute(&sql::WRITE_BACKUP, values).map(|_| ())
    }

    /// `false`: no backup with this sum is known here.
    pub fn prove_backup(&mut self, sha256: &str, proof: &str, now: Timestamp) -> Result<bool> {
        Ok(self.link.writing()?.execute(&sql::PROVE_BACKUP, params![now.0, proof, sha256])? > 0)
    }

    pub fn remove_backup(&mut self, path: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::REMOVE_BACKUP, params![now.0, path]).map(|_| ())
    }

    /// Opens a release and gives its number. Another one that is open refuses it.
    pub fn open_release(&mut self, new: &NewRelease, now: Timestamp) -> Result<i64> {
        let values = params![new.kind, new.revision, new.previous, new.reason, new.owner, new.plan, now.0];
        let opened = self.link.writing()?.first(&sql::OPEN_RELEASE, values, |row| row.get(0));
        opened?.ok_or_else(|| StoreError::from(Problem::new("store.statement_failed", "a release was not given a number")))
    }

    pub fn close_release(&mut self, release: i64, state: &str, verdict: Option<&str>, note: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::CLOSE_RELEASE, params![state, verdict, note, now.0, release]).map(|_| ())
    }

    /// Replaces the note of a release that has ended.
    pub fn put_note(&mut self, release: i64, note: &str) -> Result<()> {
        self.link.writing()?.execute(&sql::PUT_NOTE, params![note, release]).map(|_| ())
    }

    pub fn begin_step(&mut self, release: i64, seq: usize, step: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::BEGIN_STEP, params![release, seq as i64, step, now.0]).map(|_| ())
    }

    pub fn end_step(&mut self, release: i64, seq: usize, state: &str, detail: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::END_STEP, params![state, detail, now.0, release, seq as i64]).map(|_| ())
    }

    pub fn write_rehearsal(&mut self, new: &NewRehearsal) -> Result<()> {
        let values = params![new.at.0, new.took_us, new.revision, new.config_hash, new.level, new.passed, new.proof];
        self.link.writing()?.execute(&sql::WRITE_REHEARSAL, values).map(|_| ())
    }
}

//! begin, commit, rollback: the write lock taken in turn, and what a failed COMMIT means.

use super::{SqliteStore, failure, guard, settings};
use crate::crash_point;
use crate::error::{Result, StoreError};
use crate::store::Durability;
use rusqlite::ErrorCode;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// In an app's file others get at least this long between two of our transactions …
const GAP_MIN: Duration = Duration::from_millis(2);
/// … and as long as we held the lock, up to this. SQLite's usual busy handler looks only now and then, so a stranger's
/// chance is the share of time that the lock is free: with 2 ms after batches of 8 ms his p99 was 750 ms, with half 80 ms.
const GAP_MAX: Duration = Duration::from_millis(20);

impl SqliteStore {
    pub(super) fn begin_write(&mut self, durability: Durability) -> Result<()> {
        let started = Instant::now();
        if self.broken {
            self.replace_connection()?;
        }
        crash_point!("store.before_begin");
        self.leave_gap();
        self.turn.take();
        let began = self.synchronise(durability).and_then(|()| self.begin_immediate(started));
        match began {
            Ok(()) => {
                self.began_at = Some(Instant::now());
                crash_point!("store.begun");
            }
            Err(_) => self.turn.give_back(),
        }
        began
    }

    /// Lets strangers in, in a file that an app writes too.
    fn leave_gap(&self) {
        if let Some(rest_until) = self.rest_until {
            std::thread::sleep(rest_until.saturating_duration_since(Instant::now()));
        }
    }

    /// `synchronous` for the coming commit; it can only be changed outside a transaction.
    fn synchronise(&mut self, durability: Durability) -> Result<()> {
        if self.synchronous == Some(durability) {
            return Ok(());
        }
        let pragma = match durability {
            Durability::Full => "PRAGMA synchronous=FULL",
            Durability::Lazy => "PRAGMA synchronous=NORMAL",
        };
        self.synchronous = None;
        self.link.connection().execute_batch(pragma).map_err(|error| self.link.fail(error))?;
        self.synchronous = Some(durability);
        Ok(())
    }

    /// Tries with a jitter of 0.1 to 0.8 ms. SQLite's own busy handler would sleep up to 100 ms between two tries.
    fn begin_immediate(&self, started: Instant) -> Result<()> {
        let connection = &self.link.connection();
        let mut chance = 0_u64;
        let began = loop {
            let tried = connection.busy_timeout(Duration::ZERO).and_then(|()| connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]));
            match tried {
                Ok(_) => break Ok(()),
                Err(error) if failure::is_busy(&error) && started.elapsed() < self.options.lock_wait => {
                    chance = if chance == 0 { RandomState::new().hash_one(0_u8) } else { chance }
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    std::thread::sleep(Duration::from_micros(100 + (chance >> 33) % 700));
                }
                Err(error) if failure::is_busy(&error) => {
                    break Err(StoreError::Busy { path: self.link.path.clone(), waited_ms: started.elapsed().as_millis() as u64 });
                }
                Err(error) => break Err(self.link.fail(error)),
            }
        };
        connection.busy_timeout(settings::BUSY_TIMEOUT).map_err(|error| self.link.fail(error))?;
        began
    }

    pub(super) fn commit_write(&mut self) -> Result<()> {
        // SQLite rolls back by itself after some failures inside a transaction; a COMMIT would then say yes to nothing.
        if self.link.writing().is_err() {
            self.end_turn();
            return Err(StoreError::Io {
                path: self.link.path.clone(),
                cause: "the transaction was rolled back before its commit; nothing was stored".into(),
            });
        }
        if !self.guard.still_ours() {
            self.rollback_write();
            self.broken = true;
            return Err(guard::lock_lost(&self.link.path).into());
        }
        crash_point!("store.before_commit");
        let committed = self.link.connection().prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        let Err(error) = committed else {
            crash_point!("store.committed");
            self.end_turn();
            return Ok(());
        };
        let failed = self.judge_failed_commit(&error);
        self.rollback_write();
        if !matches!(failed, StoreError::Busy { .. }) {
            self.broken = true;
            // When this fails too, the next begin tries again; the outcome of this commit matters more.
            let _ = self.replace_connection();
        }
        Err(failed)
    }

    fn judge_failed_commit(&self, error: &rusqlite::Error) -> StoreError {
        let path = self.link.path.clone();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path, waited_ms: 0 },
            // FULL comes from a write into the WAL that fell short, so no whole commit frame follows it; a sync that
            // fails, after which the frames may be there or not, is an I/O error.
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            _ => StoreError::OutcomeUnknown { path, cause: failure::cause(error) },
        }
    }

    pub(super) fn rollback_write(&mut self) {
        if self.link.in_transaction() && self.link.connection().execute_batch("ROLLBACK").is_err() {
            self.broken = true;
        }
        self.rules_told.clear(); // the alert went with the transaction
        self.end_turn();
    }

    fn end_turn(&mut self) {
        self.fences.clear();
        self.row_read = None;
        if let (true, Some(began_at)) = (self.app_file, self.began_at.take()) {
            let now = Instant::now();
            self.rest_until = Some(now + (now - began_at).clamp(GAP_MIN, GAP_MAX));
        }
        self.turn.give_back();
    }

    fn replace_connection(&mut self) -> Result<()> {
        let connection = super::open::connect_again(&self.link.path, &self.options)?;
        self.link.replace(connection);
        self.guard = guard::Guard::of(&self.file);
        self.synchronous = None;
        self.data_version = None;
        self.broken = false;
        Ok(())
    }
}

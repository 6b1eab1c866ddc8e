//! Moving the WAL into the file: the supervisor's alone, on a connection of its own.
//!
//! PASSIVE each second stands in nobody's way. TRUNCATE, when idle or when the WAL has grown, waits for readers, and
//! writers wait for it: so it waits 100 ms at most and reports that it was kept from finishing.

use super::{file_system, open, place, settings};
use crate::crash_point;
use crate::error::Result;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Above this the WAL should be truncated.
pub const WAL_BYTES_LARGE: u64 = 32 * 1024 * 1024;
/// Above this somebody should know: a reader keeps the WAL from being moved.
pub const WAL_BYTES_ALARM: u64 = 64 * 1024 * 1024;

const TRUNCATE_WAIT: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    Passive,
    Truncate,
}

/// What a checkpoint did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointReport {
    /// Readers or writers kept it from finishing.
    pub blocked: bool,
    /// Frames in the WAL, and how many of them are in the file now.
    pub frames: i64,
    pub moved: i64,
    /// Size of the WAL afterwards.
    pub wal_bytes: u64,
}

pub struct Checkpointer {
    connection: Connection,
    path: PathBuf,
}

impl Checkpointer {
    /// Opens its own connection to a store that [`SqliteStore::open`](super::SqliteStore::open) has made ready.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        open::check_version(rusqlite::version_number())?;
        let path = place::resolve(path.as_ref(), false)?;
        file_system::check(&path, true)?;
        let connection = open::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        settings::apply(&connection, &path.display().to_string(), 256, false)?;
        Ok(Self { connection, path })
    }

    pub fn run(&self, kind: Checkpoint) -> Result<CheckpointReport> {
        let (sql, wait) = match kind {
            Checkpoint::Passive => ("PRAGMA wal_checkpoint(PASSIVE)", Duration::ZERO),
            Checkpoint::Truncate => ("PRAGMA wal_checkpoint(TRUNCATE)", TRUNCATE_WAIT),
        };
        let run = || {
            self.connection.busy_timeout(wait)?;
            self.connection.query_row(sql, [], |row| Ok((row.get::<_, bool>(0)?, row.get(1)?, row.get(2)?)))
        };
        crash_point!("checkpoint.before");
        let (blocked, frames, moved) = run().map_err(|error| super::explain(&self.path.display().to_string(), error))?;
        crash_point!("checkpoint.done");
        Ok(CheckpointReport { blocked: blocked || moved < frames, frames, moved, wal_bytes: self.wal_bytes() })
    }

    /// By name only: opening and closing the file would drop this process's locks on it.
    pub fn wal_bytes(&self) -> u64 {
        wal_bytes(&self.path)
    }
}

pub fn wal_bytes(database: &Path) -> u64 {
    std::fs::metadata(place::beside(database, "-wal")).map_or(0, |found| found.len())
}

//! Moves the WAL into the database file, on a thread of its own with its own connection.
//!
//! Purpose: only the supervisor checkpoints (clients do not), so its pauses hit nobody's enqueue. Passive each second
//! when the WAL has grown; a large WAL is truncated when nobody reads. Killed midway: SQLite repeats it.

use crate::lock::beside;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use workaday_store::sqlite::checkpoint::{Checkpoint, Checkpointer, WAL_BYTES_ALARM, WAL_BYTES_LARGE};

const PERIOD: Duration = Duration::from_secs(1);

/// The running thread; it ends when this is dropped.
#[derive(Debug)]
pub struct CheckpointThread {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CheckpointThread {
    pub fn start(database: PathBuf) -> std::io::Result<CheckpointThread> {
        let (stop, stopped) = channel::<()>();
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            let checkpointer = match Checkpointer::open(&database) {
                Ok(checkpointer) => checkpointer,
                Err(error) => return tracing::error!(%error, "checkpoints are off: the store could not be opened a second time"),
            };
            let wal = beside(&database, "-wal");
            let mut last = None;
            while matches!(stopped.recv_timeout(PERIOD), Err(RecvTimeoutError::Timeout)) {
                run_once(&checkpointer, &wal, &mut last);
            }
        })?;
        Ok(CheckpointThread { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for CheckpointThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One checkpoint, unless nobody has written since the last one that moved everything: idle costs nothing.
fn run_once(checkpointer: &Checkpointer, wal: &Path, last: &mut Option<SystemTime>) {
    let Ok(written_at) = std::fs::metadata(wal).and_then(|found| found.modified()) else { return };
    if *last == Some(written_at) {
        return;
    }
    let kind = if checkpointer.wal_bytes() > WAL_BYTES_LARGE { Checkpoint::Truncate } else { Checkpoint::Passive };
    match checkpointer.run(kind) {
        Ok(report) if report.wal_bytes > WAL_BYTES_ALARM => {
            tracing::warn!(
                bytes = report.wal_bytes,
                "the WAL is {} MiB: a reader keeps it from being moved into the file",
                report.wal_bytes >> 20
            );
        }
        Ok(report) if !report.blocked => *last = Some(written_at),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "a checkpoint failed; it is tried again"),
    }
}

//! Moves the WAL into the database file, on a thread of its own with its own connection.
//!
//! Purpose: only the supervisor checkpoints (clients do not), so its pauses hit nobody's enqueue. Passive, each second
//! under load and every ten seconds else; a large WAL is truncated when nobody reads. Killed midway: SQLite repeats it.

use crate::ending::{THREAD_PATIENCE, join_within};
use crate::lock::beside;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};
use workaday_store::sqlite::checkpoint::{Checkpoint, Checkpointer, WAL_BYTES_ALARM, WAL_BYTES_LARGE};

/// Between two looks. A checkpoint's own fsync delays whoever commits at that moment, so a quiet store has few of them.
const PERIOD_MIN: Duration = Duration::from_secs(1);
const PERIOD_MAX: Duration = Duration::from_secs(10);
/// Pages (4 KiB) in the WAL that make the next look come soon.
const FRAMES_BUSY: i64 = 1_000;
const GROWTH_BYTES: u64 = 4 * 1024 * 1024;

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
            let (mut period, mut waited, mut bytes) = (PERIOD_MIN, Duration::ZERO, 0);
            while matches!(stopped.recv_timeout(PERIOD_MIN), Err(RecvTimeoutError::Timeout)) {
                waited += PERIOD_MIN;
                // A burst after a quiet time shows as growth: it is not left to grow for the whole pause.
                if waited < period && checkpointer.wal_bytes() < bytes + GROWTH_BYTES {
                    continue;
                }
                let frames = run_once(&checkpointer, &wal, &mut last);
                period = if frames >= FRAMES_BUSY { PERIOD_MIN } else { (period * 2).min(PERIOD_MAX) };
                (waited, bytes) = (Duration::ZERO, checkpointer.wal_bytes());
            }
        })?;
        Ok(CheckpointThread { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for CheckpointThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        // One that is in the middle waits for the disk. It may be cut off at any point: SQLite repeats it.
        if let Some(thread) = self.thread.take()
            && !join_within(thread, Instant::now() + THREAD_PATIENCE)
        {
            tracing::warn!("a checkpoint did not end within {} s and is left behind", THREAD_PATIENCE.as_secs());
        }
    }
}

/// One checkpoint, unless nobody has written since the last one that moved everything: idle costs nothing.
/// Returns how many pages the WAL held.
fn run_once(checkpointer: &Checkpointer, wal: &Path, last: &mut Option<SystemTime>) -> i64 {
    let Ok(written_at) = std::fs::metadata(wal).and_then(|found| found.modified()) else { return 0 };
    if *last == Some(written_at) {
        return 0;
    }
    let kind = if checkpointer.wal_bytes() > WAL_BYTES_LARGE { Checkpoint::Truncate } else { Checkpoint::Passive };
    let report = match checkpointer.run(kind) {
        Ok(report) => report,
        Err(error) => {
            tracing::warn!(%error, "a checkpoint failed; it is tried again");
            return FRAMES_BUSY;
        }
    };
    if report.wal_bytes > WAL_BYTES_ALARM {
        tracing::warn!(
            bytes = report.wal_bytes,
            "the WAL is {} MiB: a reader keeps it from being moved into the file",
            report.wal_bytes >> 20
        );
    }
    if !report.blocked {
        *last = Some(written_at);
    }
    report.frames
}

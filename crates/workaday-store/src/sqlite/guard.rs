//! A last look before COMMIT: do we still hold the write lock?
//!
//! POSIX locks belong to the process. A second SQLite library in it, or any code that opens and closes `-shm`, drops ours
//! without a word; another process may commit meanwhile, and our commit would overwrite it. The kernel says who holds the
//! lock byte. This narrows the window to microseconds; the rule "one library a file a process" is what closes it.

use super::place;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use workaday_core::explain::{Problem, RetryAdvice};

/// SQLite's WAL write lock: this byte of `-shm`.
const WRITE_LOCK_BYTE: libc::off_t = 120;

/// One descriptor of each `-shm`, by device and inode, for the life of the process: closing one would drop the locks it watches.
static KEPT: OnceLock<Mutex<HashMap<(u64, u64), File>>> = OnceLock::new();

/// Watches the write lock of one database. `None` of a descriptor: nothing can be asked (no `-shm` yet, or not on Linux).
pub struct Guard {
    descriptor: Option<i32>,
}

impl Guard {
    /// After the connection has made its `-shm`.
    pub fn of(database: &Path) -> Self {
        Self { descriptor: if cfg!(target_os = "linux") { kept(&place::beside(database, "-shm")) } else { None } }
    }

    /// Inside a write transaction: is the lock still ours?
    pub fn still_ours(&self) -> bool {
        match self.descriptor.and_then(holder) {
            Some(pid) => pid == std::process::id() as i32,
            None => true,
        }
    }
}

fn kept(path: &Path) -> Option<i32> {
    let found = std::fs::metadata(path).ok()?;
    let mut kept = KEPT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let name = (found.dev(), found.ino());
    if !kept.contains_key(&name) {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path).ok()?;
        // A failed fstat would close the file, and with it our locks: so it is kept whatever it is.
        let name = file.metadata().map_or(name, |found| (found.dev(), found.ino()));
        kept.insert(name, file);
    }
    kept.get(&name).map(AsRawFd::as_raw_fd)
}

/// Who holds the lock byte: a pid, 0 when nobody does. `None`: the kernel cannot say.
#[cfg(target_os = "linux")]
fn holder(descriptor: i32) -> Option<i32> {
    // SAFETY: flock is plain numbers, for which zeros are valid.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    (lock.l_type, lock.l_whence) = (libc::F_WRLCK as _, libc::SEEK_SET as _);
    (lock.l_start, lock.l_len) = (WRITE_LOCK_BYTE, 1);
    // SAFETY: F_OFD_GETLK reads and fills the struct it is given; the descriptor is never closed.
    let answered = unsafe { libc::fcntl(descriptor, libc::F_OFD_GETLK, &mut lock) } == 0;
    match (answered, i32::from(lock.l_type)) {
        (false, _) => None,
        (true, libc::F_UNLCK) => Some(0),
        (true, _) => Some(lock.l_pid),
    }
}

#[cfg(not(target_os = "linux"))]
fn holder(_descriptor: i32) -> Option<i32> {
    None
}

pub fn lock_lost(path: &str) -> Problem {
    Problem::new("store.lock_lost", format!("the write lock on `{path}` was lost inside a transaction, so it was not committed"))
        .expected("one SQLite library for a file in a process, and no other code that opens its `-shm`")
        .retry(RetryAdvice::Safe, "safe now; nothing of this transaction was stored")
        .hint("something in this process opened and closed the store's files: a second SQLite, a backup by copying, a scanner")
}

//! When the disk is nearly full: refuse new work early, keep room for finishing.

use std::path::Path;

/// Free bytes below which nothing new is claimed: room for the WAL and for the settlement of what runs.
pub fn floor_bytes(wal_bytes: u64, running: usize) -> u64 {
    let base = std::env::var("WORKADAY_FREE_FLOOR").ok().and_then(|value| value.parse().ok()).unwrap_or(64 * 1024 * 1024);
    base + wal_bytes + 16 * 1024 * running as u64
}

/// Free bytes for this user where the store lies; `None` when the kernel does not say.
pub fn free_bytes(database: &Path) -> Option<u64> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail * found.f_frsize)
}

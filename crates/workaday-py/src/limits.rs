//! RLIMIT_DATA around one job: a hog gets a `MemoryError` that Python can report, before the supervisor has to kill it.
//!
//! A job's `memory=` means resident size, the limit counts private writable mappings. So the job is given what is left of its
//! allowance on top of what is mapped already; the supervisor's own look at the resident size stays the last word.

use crate::sys::check;
use std::io;

/// Room to unwind and say what happened, even for a job that begins above its limit.
const ROOM_MIN: u64 = 1 << 20;

/// Lowers the soft limit so that the process may grow to `memory_bytes` resident; returns what it was before.
pub fn limit_data(memory_bytes: u64) -> io::Result<u64> {
    let (resident, data) = sizes()?;
    let before = data_limit()?.rlim_cur;
    let room = memory_bytes.saturating_sub(resident).max(ROOM_MIN);
    set_data_limit(data.saturating_add(room).min(before))?;
    Ok(before)
}

pub fn set_data_limit(soft: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, ..data_limit()? };
    // SAFETY: `limit` is valid for reading.
    check(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) }).map(drop)
}

fn data_limit() -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writing.
    check(unsafe { libc::getrlimit(libc::RLIMIT_DATA, &raw mut limit) }).map(|_| limit)
}

/// Resident size and private writable mappings, in bytes.
fn sizes() -> io::Result<(u64, u64)> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: Vec<u64> = statm.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
    // SAFETY: sysconf touches no memory.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.unsigned_abs();
    match pages[..] {
        [_, resident, _, _, _, data, ..] => Ok((resident * page, data * page)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "/proc/self/statm has fewer fields than expected")),
    }
}

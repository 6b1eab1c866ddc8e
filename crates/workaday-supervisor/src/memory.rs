//! Resident sizes of children, looked at only while somebody set a limit.

/// Resident bytes of a process; `None` when it is gone.
pub fn resident_bytes(pid: i64) -> Option<u64> {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

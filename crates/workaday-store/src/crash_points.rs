//! Named places at which a test build can be killed, as kill -9 would: `WORKADAY_CRASH_POINT=settle.row_moved:3` ends
//! the process the third time it comes by there.
//!
//! Only in builds with debug assertions. In a release build [`crash_point!`](crate::crash_point) is nothing: neither
//! the switch nor the names are in the program, which `tests/acceptance/test_crash_points.py` looks up.

/// Every point, in the order of a job's life. `tests/crash_points.rs` compares the list with the sources.
pub const NAMES: &[&str] = &[
    "create.before_commit",
    "create.committed",
    "migrate.begun",
    "backup.begun",
    "backup.copied",
    "backup.synced",
    "backup.named",
    "migrate.step_applied",
    "migrate.before_commit",
    "migrate.committed",
    "lock.taken",
    "generation.raised",
    "children.lock_taken",
    "rescue.done",
    "store.before_begin",
    "store.begun",
    "store.before_commit",
    "store.committed",
    "enqueue.written",
    "stage.written",
    "claim.written",
    "tick.job_written",
    "tick.written",
    "tick.cursor_moved",
    "settle.row_moved",
    "settle.before_record",
    "settle.given_back",
    "cancel.row_moved",
    "cancel.asked",
    "retry.revived",
    "spawn.before",
    "spawn.done",
    "command.before_start",
    "command.started",
    "frame.before_write",
    "frame.written",
    "frame.read",
    "signal.before",
    "signal.sent",
    "checkpoint.before",
    "checkpoint.done",
];

/// A place where a test build can be killed. The name has to stand in [`NAMES`](crate::crash_points::NAMES).
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {
        $crate::crash_points::reached($name)
    };
}

/// Nothing, in a release build.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn reached(_name: &'static str) {}

/// Ends the process if this is the point, and the time, that the environment names.
#[cfg(debug_assertions)]
pub fn reached(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static REACHED: AtomicU32 = AtomicU32::new(0);
    let wanted = WANTED.get_or_init(|| wanted(&std::env::var("WORKADAY_CRASH_POINT").ok()?));
    let Some((point, nth)) = wanted else { return };
    if point == name && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *nth {
        // SAFETY: kill() takes plain numbers; SIGKILL to ourselves leaves no handler, no destructor and no buffer a chance.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}

/// `name` or `name:nth`. A name that is not on the list would silently kill nothing, so it ends the program with words.
#[cfg(debug_assertions)]
fn wanted(text: &str) -> Option<(String, u32)> {
    let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
    assert!(NAMES.contains(&name), "WORKADAY_CRASH_POINT={text}: there is no such point; crash_points.rs has the list");
    Some((name.to_owned(), nth.parse().expect("WORKADAY_CRASH_POINT=name:nth wants a number")))
}

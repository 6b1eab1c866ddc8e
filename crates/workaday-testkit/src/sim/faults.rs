//! What a store does to its caller when the world is bad.

use workaday_store::StoreError;

/// One thing that will go wrong in one connection. `calls`: after so many calls of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another writer holds the lock for the whole wait.
    BusyAtBegin,
    /// A read or write fails; the transaction is undone.
    IoError {
        calls: u32,
    },
    /// No space: a write fails.
    Full {
        calls: u32,
    },
    BusyAtCommit,
    FullAtCommit,
    /// COMMIT says neither yes nor no. `landed`: it did.
    UnknownAtCommit {
        landed: bool,
    },
    /// kill -9 between two steps.
    Crash {
        calls: u32,
    },
    /// kill -9 after COMMIT, before anybody knew of it.
    CrashAfterCommit,
}

impl Fault {
    /// Its name in the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::BusyAtBegin => "busy_at_begin",
            Fault::IoError { .. } => "io_error",
            Fault::Full { .. } => "disk_full",
            Fault::BusyAtCommit => "busy_at_commit",
            Fault::FullAtCommit => "disk_full_at_commit",
            Fault::UnknownAtCommit { landed: true } => "commit_unknown_stored",
            Fault::UnknownAtCommit { landed: false } => "commit_unknown_not_stored",
            Fault::Crash { .. } => "crash_between_steps",
            Fault::CrashAfterCommit => "crash_after_commit",
        }
    }

    pub fn draw(chance: &mut fastrand::Rng) -> Self {
        match chance.u32(0..12) {
            0 => Fault::BusyAtBegin,
            1 => Fault::IoError { calls: chance.u32(0..12) },
            2 => Fault::Full { calls: chance.u32(0..12) },
            3 => Fault::BusyAtCommit,
            4 => Fault::FullAtCommit,
            5 | 6 => Fault::UnknownAtCommit { landed: true },
            7 => Fault::UnknownAtCommit { landed: false },
            8..=10 => Fault::Crash { calls: chance.u32(0..25) },
            _ => Fault::CrashAfterCommit,
        }
    }
}

pub fn io_error() -> StoreError {
    StoreError::Io { path: "simulated".into(), cause: "simulated I/O error".into() }
}

pub fn busy() -> StoreError {
    StoreError::Busy { path: "simulated".into(), waited_ms: 5_000 }
}

pub fn full() -> StoreError {
    StoreError::Full { path: "simulated".into() }
}

pub fn unknown() -> StoreError {
    StoreError::OutcomeUnknown { path: "simulated".into(), cause: "simulated: the reply was lost".into() }
}

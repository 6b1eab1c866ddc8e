//! What the frames hold. Numbers of types and fields are those of docs/protocol.md and never change their meaning.
//!
//! Every type is generic over its text: `Frame` (owned) to keep, `Frame<&str>` to send or look without a copy.

/// One thing said between supervisor (→) and child (←).
#[derive(Clone, Debug, PartialEq)]
pub enum Frame<S = String> {
    /// ← JSON: protocol, versions, pid, release, catalogue; once, after the user's module is imported.
    Hello { json: S },
    /// → JSON settings; jobs may follow.
    Ready { json: S },
    /// → run this.
    Job(Job<S>),
    /// → give back all that has not begun.
    Recall { nonce: u64 },
    /// ← these had not begun, and never will here.
    Recalled { nonce: u64, seqs: Vec<u64> },
    /// ← began at this CLOCK_MONOTONIC instant.
    Started { seq: u64, at_ns: u64 },
    /// ← how far a job says it is, 0 to 1.
    Progress { seq: u64, share: f64, note: S },
    /// ← one line of output.
    Log(Log<S>),
    /// ← counters beyond those of the outcome, JSON.
    Evidence { seq: u64, json: S },
    /// ← how a job ended.
    Outcome(Outcome<S>),
    /// → stop this job.
    Cancel { seq: u64, why: CancelWhy },
    /// ← how late the loop is, each second while busy (async child).
    Heartbeat { loop_lag_us: u64 },
    /// → finish what has begun, give back the rest, then bye.
    Drain,
    /// ← JSON: reason, and the import error if that was it.
    Bye { json: S },
}

/// A job on its way to a child.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job<S = String> {
    /// Rises by one with each job sent to this child.
    pub seq: u64,
    /// Write the outcome to the socket at once instead of batching it (`at_most_once`).
    pub flush_at_once: bool,
    pub attempt: u32,
    pub fence: u64,
    /// 0 = none.
    pub timeout_us: i64,
    /// 0 = none.
    pub memory_bytes: u64,
    /// When it was due, µs since 1970.
    pub run_at: i64,
    /// UUIDv7.
    pub id: [u8; 16],
    pub task: S,
    /// JSON object, passed on as stored.
    pub args: S,
    /// JSON, or empty.
    pub meta: S,
}

/// One line that a job, or the child itself (seq 0), has printed or logged.
#[derive(Clone, Debug, PartialEq)]
pub struct Log<S = String> {
    pub seq: u64,
    pub stream: Stream,
    /// 0 = none, else Python's level / 10.
    pub level: u8,
    pub at_us: i64,
    pub logger: S,
    pub text: S,
}

/// How one attempt ended, as its child saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<S = String> {
    pub seq: u64,
    pub kind: OutcomeKind,
    /// Of a failure: the policy retries this exception.
    pub retry: bool,
    /// Of a snooze: not before this, µs since 1970.
    pub until_us: i64,
    /// CLOCK_MONOTONIC.
    pub started_ns: u64,
    pub ended_ns: u64,
    pub cpu_us: u64,
    pub maxrss_kib: u64,
    /// A remark such as `result.not_stored: why`, or empty.
    pub mark: S,
    /// Result JSON of a completed job; `{"type","message","traceback"}` of one that went wrong.
    pub payload: S,
}

/// Gives an enum its byte and back; a byte that names nothing is `None`.
macro_rules! bytes {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $byte:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $byte),+ }
        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($byte => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

bytes! {
    /// How an attempt ended.
    OutcomeKind {
        Completed = 1,
        Failed = 2,
        TimedOut = 3,
        OverMemory = 4,
        Snoozed = 5,
        Cancelled = 6,
        Discarded = 7,
        GivenBack = 8,
        /// The arguments do not fit the signature.
        Misfit = 9,
        UnknownTask = 10,
    }
}

bytes! {
    /// Where a line came from.
    Stream {
        Stdout = 1,
        Stderr = 2,
        /// `logging`.
        Log = 3,
        /// Straight to the file descriptor.
        Raw = 4,
        /// Said by Workaday itself.
        System = 5,
    }
}

bytes! {
    /// Why a running job is told to stop; decides its outcome.
    CancelWhy {
        ByHand = 1,
        Timeout = 2,
        Drain = 3,
    }
}

/// The type bytes.
pub(crate) mod kind {
    pub const HELLO: u8 = 1;
    pub const READY: u8 = 2;
    pub const JOB: u8 = 3;
    pub const RECALL: u8 = 4;
    pub const RECALLED: u8 = 5;
    pub const STARTED: u8 = 6;
    pub const PROGRESS: u8 = 7;
    pub const LOG: u8 = 8;
    pub const EVIDENCE: u8 = 9;
    pub const OUTCOME: u8 = 10;
    pub const CANCEL: u8 = 11;
    pub const HEARTBEAT: u8 = 12;
    pub const DRAIN: u8 = 13;
    pub const BYE: u8 = 14;
}

/// Bit of a job's flags.
pub(crate) const FLUSH_AT_ONCE: u8 = 1;

//! What a job is: ids, states, lanes. One word for one thing, the same in SQL, JSON and messages.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// A job's public name: a UUIDv7 that the client makes *before* the call, so a lost reply is repaired by the same id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(JobId)
    }
}

/// The store's compact key of a job; never used twice, since attempts and logs outlive the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey(pub i64);

/// The claim counter, which only rises. Every settle names it, so a late worker is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub i64);

/// A supervisor's term on one store. Raised under the lock; claims of an older one are rescued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub i64);

/// Words of the store and of messages as a closed set: to text, from text, in JSON.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }
        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::job::UnknownWord;
            fn from_str(text: &str) -> Result<Self, $crate::job::UnknownWord> {
                match text { $($word => Ok($name::$variant),)+ other => Err($crate::job::UnknownWord { kind: stringify!($name), got: other.to_owned() }) }
            }
        }
    };
}

/// A word that no state, lane or outcome is named by: a row from a newer version, or damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is no {kind}")]
pub struct UnknownWord {
    pub kind: &'static str,
    pub got: String,
}

words! {
    /// Where a job stands. The last three are final.
    State {
        /// Waits for other jobs.
        Pending = "pending",
        /// Not due yet.
        Scheduled = "scheduled",
        Available = "available",
        Running = "running",
        /// Failed, waits for its next attempt.
        Retryable = "retryable",
        Completed = "completed",
        Cancelled = "cancelled",
        /// Attempts used up.
        Discarded = "discarded",
    }
}

impl State {
    /// A finished job stays finished, except by a retry by hand.
    pub const fn is_finished(self) -> bool {
        matches!(self, State::Completed | State::Cancelled | State::Discarded)
    }
    /// Unfinished and not running: a cancel ends it at once.
    pub const fn is_waiting(self) -> bool {
        matches!(self, State::Pending | State::Scheduled | State::Available | State::Retryable)
    }
}

words! {
    /// Which kind of child runs a job, so that a kill hits only what shares its fate.
    Lane {
        /// One at a time on the main thread of a sync child.
        Sync = "sync",
        /// Many on the loop of an async child.
        Async = "async",
        /// One at a time, never pipelined, in a process of its own: `at_most_once`, `memory=`, suspects.
        Solo = "solo",
        /// A command (argv), run by the supervisor itself.
        Command = "command",
    }
}

words! {
    /// Why a waiting job is kept out of the ready index.
    HeldCode {
        Paused = "paused",
        Quarantine = "quarantine",
        UnknownTask = "unknown_task",
        ArgumentsMisfit = "arguments_misfit",
        Unreadable = "unreadable",
    }
}

words! {
    /// How one claim ended, as kept in the attempt record.
    AttemptOutcome {
        Completed = "completed",
        Failed = "failed",
        TimedOut = "timed_out",
        OverMemory = "over_memory",
        Crashed = "crashed",
        /// Its process died while several jobs ran there: guilty or not is open.
        Suspect = "suspect",
        Rescued = "rescued",
        Snoozed = "snoozed",
        Cancelled = "cancelled",
        Discarded = "discarded",
        GivenBack = "given_back",
        OutcomeUnknown = "outcome_unknown",
    }
}

/// The numbers that decide what becomes of a running job: its own row plus its task's policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts spent, this one included while it runs.
    pub attempt: u32,
    /// Times its process died with it alone inside.
    pub crash: u32,
    /// Times its process died with it among others.
    pub suspect: u32,
    /// Times its supervisor died.
    pub rescue: u32,
}

/// The largest arguments of a job, in bytes of JSON.
pub const ARGUMENT_BYTES_MAX: usize = 256 * 1024;
/// The largest result kept, in bytes of JSON.
pub const RESULT_BYTES_MAX: usize = 1024 * 1024;
/// The deepest nesting of arguments and results.
pub const JSON_DEPTH_MAX: usize = 64;

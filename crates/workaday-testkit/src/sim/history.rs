//! What happened, as far as anybody outside the engine can say: the only thing the checker looks at.
//!
//! Store writes are entered when their commit really landed, whatever the caller was told; runs when code began and
//! ended in a child; answers when a client had them.

use std::collections::BTreeMap;
use workaday_core::job::{JobId, State};
use workaday_core::unique::HeldWhile;

/// One thing that happened, with both clocks in µs.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub boot: i64,
    pub wall: i64,
    pub what: What,
}

/// What an enqueue was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Stored,
    Known,
    /// Another job holds the unique key.
    Held,
    /// Certainly not stored.
    Refused,
    /// Perhaps stored, or nobody was left to hear the answer.
    Unknown,
}

/// A job as its enqueuer asked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    pub id: JobId,
    pub task: String,
    pub queue: String,
    pub number: i64,
    pub run_at: i64,
    pub expires_at: Option<i64>,
    pub unique: Option<(String, HeldWhile)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub id: JobId,
    pub key: i64,
    pub fence: i64,
    pub generation: i64,
    pub attempt: u32,
    pub attempt_extra: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settle {
    pub key: i64,
    pub fence: i64,
    pub to: State,
    pub attempt: u32,
    pub run_at: Option<i64>,
    pub held: bool,
    /// An attempt row was written with it.
    pub recorded: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub schedule: String,
    pub at: i64,
    pub until: i64,
    pub count: u64,
    pub job: Option<JobId>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    pub rule: i64,
    pub task: Option<String>,
    pub queue: Option<String>,
    /// Jobs whose argument has this value; `None`: all.
    pub number: Option<i64>,
    pub until: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Answered {
        id: JobId,
        answer: Answer,
    },
    Enqueued(Wish),
    Claimed(Claim),
    Settled(Settle),
    /// A settlement that named a claim no longer held changed nothing.
    Stale {
        key: i64,
        fence: i64,
    },
    Cancelled {
        id: JobId,
    },
    CancelAsked {
        id: JobId,
    },
    Retried {
        id: JobId,
    },
    /// Let go by hand: one that was put aside with its attempts spent may run once more.
    Released {
        id: JobId,
    },
    Deleted {
        id: JobId,
    },
    Paused(Pause),
    Resumed {
        task: Option<String>,
        queue: Option<String>,
        number: Option<i64>,
    },
    /// The tick's job, written with the tick.
    TickJob {
        id: JobId,
        task: String,
        queue: String,
        schedule: String,
    },
    Ticked(Tick),
    /// A schedule as stated: where its timetable starts and how long it is, and the cursor of a new one.
    Stated {
        schedule: String,
        anchor: i64,
        period: i64,
        cursor: i64,
        active: bool,
    },
    /// Its task is gone: it waits, with its cursor.
    Faltered {
        schedule: String,
    },
    Left {
        schedule: String,
    },
    /// Attempts that a task allows from now on.
    Budget {
        task: String,
        attempts: u32,
        once: bool,
    },
    Generation {
        number: i64,
    },
    /// Replaced while it still lives: its late words have to be refused, its runs may overlap.
    Zombie {
        generation: i64,
    },
    Died {
        generation: i64,
    },
    /// The power was cut: these commits, newest last, never reached the disk.
    PowerLost {
        undone: Vec<What>,
    },
    /// The wall clock is about to be stepped: the latest that it said before.
    ClockStepped,
    Started {
        id: JobId,
        fence: i64,
        generation: i64,
    },
    Ended {
        id: JobId,
        fence: i64,
    },
}

/// A job's row at the end.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: JobId,
    pub key: i64,
    pub state: State,
    pub held: Option<String>,
    pub fence: i64,
    pub attempt: u32,
    pub reason: Option<String>,
}

/// The store at the end, faults off and all drained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Final {
    pub rows: Vec<Row>,
    /// (key, fence)
    pub attempts: Vec<(i64, i64)>,
    pub ticks: Vec<Tick>,
    pub cursors: BTreeMap<String, i64>,
    /// What SQLite's `integrity_check` says; `ok` for the model.
    pub integrity: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub entries: Vec<Entry>,
    pub last: Final,
}

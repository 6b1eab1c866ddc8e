//! What comes in from processes, and what goes out to them. The supervisor translates both; a simulator invents them.

use crate::crew::ChildKind;
use serde_json::Value;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::job::JobId;
use workaday_core::measure::Evidence;

/// The supervisor's number of a child; never reused within a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildNo(pub u64);

/// The number of one job frame. Jobs begin in this order within a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// How an attempt ended, as its child says.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    Completed {
        result: Option<String>,
        mark: Option<String>,
    },
    Failed {
        error: String,
        retry: bool,
    },
    TimedOut {
        error: Option<String>,
    },
    OverMemory {
        error: Option<String>,
    },
    Snoozed {
        until: Timestamp,
    },
    Cancelled {
        error: Option<String>,
    },
    Discarded {
        error: Option<String>,
    },
    /// Asked to stop by a drain, or never begun.
    GivenBack,
    /// The arguments do not fit the signature there.
    Misfit {
        error: String,
    },
    UnknownTask,
}

/// The measures that come with an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    pub started_at: Option<Timestamp>,
    pub ran_us: i64,
    pub cpu_us: i64,
    pub memory_peak_kib: i64,
}

/// Why a process is no more, from waitpid and the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Death {
    /// JSON `{"kind": "exit"|"signal"|"oom"|…, …}` for the attempt record.
    pub cause: Value,
    /// The same in words: "killed by SIGSEGV (core dumped)".
    pub words: String,
}

/// How the process of a command ended.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandEnd {
    /// What its exit code means, or why it could not be started; `None`: it was ended by a signal.
    pub ended: Option<Ended>,
    pub death: Death,
    pub spent: Spent,
}

/// A line that a child wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub stream: &'static str,
    pub level: Option<String>,
    pub logger: Option<String>,
    pub text: String,
    pub at: Timestamp,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A child has imported the application and takes jobs.
    Ready {
        child: ChildNo,
        catalogue: Vec<TaskEntry>,
        raw: Vec<String>,
        hash: String,
        release: Option<String>,
        pid: i64,
    },
    /// A child could not import the application (said so), or died before it was ready.
    StartFailed {
        child: ChildNo,
        problem: String,
    },
    Started {
        child: ChildNo,
        seq: Seq,
        at: Timestamp,
    },
    Outcome {
        child: ChildNo,
        seq: Seq,
        ended: Ended,
        spent: Spent,
    },
    /// What the child counted of a job, before its outcome.
    Evidence {
        child: ChildNo,
        seq: Seq,
        evidence: Box<Evidence>,
    },
    Recalled {
        child: ChildNo,
        seqs: Vec<Seq>,
    },
    Progress {
        child: ChildNo,
        seq: Seq,
        share: f64,
        note: String,
    },
    /// `seq` None: not attributed to a job.
    Log {
        child: ChildNo,
        seq: Option<Seq>,
        line: Line,
    },
    /// Resident size of a child, when somebody measured it.
    Memory {
        child: ChildNo,
        resident_bytes: u64,
    },
    /// A command and all that it started are gone.
    CommandEnded {
        child: ChildNo,
        end: CommandEnd,
    },
    /// Dead, by waitpid. Jobs up to `begun` had begun; frames up to `written` had left our buffer.
    ChildEnded {
        child: ChildNo,
        death: Death,
        begun: Option<Seq>,
        written: Option<Seq>,
    },
}

/// One job on its way to a child.
#[derive(Clone, Debug, PartialEq)]
pub struct JobFrame {
    pub seq: Seq,
    pub id: JobId,
    pub task: String,
    pub args: String,
    pub attempt: u32,
    pub fence: i64,
    pub timeout_us: i64,
    pub memory_bytes: u64,
    pub run_at: Timestamp,
    /// JSON of the tick it is for.
    pub tick: Option<String>,
    /// The outcome is to be sent at once (`at_most_once`).
    pub flush: bool,
}

impl JobFrame {
    /// The frame's `meta`: `{"tick": …}` for the job of a tick, else empty.
    pub fn meta(&self) -> String {
        self.tick.as_ref().map_or_else(String::new, |tick| format!(r#"{{"tick":{tick}}}"#))
    }
}

/// Why a running job is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopWhy {
    ByHand,
    Timeout,
    Drain,
}

/// What is to be done to processes.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Spawn {
        child: ChildNo,
        kind: ChildKind,
    },
    Job {
        child: ChildNo,
        job: JobFrame,
    },
    /// Start the command of this job, in a process of its own.
    Run {
        child: ChildNo,
        job: JobFrame,
    },
    Recall {
        child: ChildNo,
    },
    Stop {
        child: ChildNo,
        seq: Seq,
        why: StopWhy,
    },
    /// Finish what has begun, give back the rest, go.
    Drain {
        child: ChildNo,
    },
    Term {
        child: ChildNo,
    },
    Kill {
        child: ChildNo,
    },
}

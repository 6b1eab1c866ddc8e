//! The options of `job …`, of `enqueue`, and of `logs`, which is `job logs` of all jobs.

use super::By;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Enqueue {
    /// Its registered name: shop.send_invoice
    pub task: String,
    /// Arguments as a JSON object, parameter to value; `-` reads them from standard input
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub args: String,
    /// Due after this long: 90s, 5m, 2h
    #[arg(long, value_name = "LENGTH", conflicts_with = "at")]
    pub delay: Option<String>,
    /// Due at this instant: 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// Queue (default: the task's)
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// -100 to 100, higher goes first (default: the task's)
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub priority: Option<i32>,
    /// Id of the job, a UUID made by you: the same id again is no second job
    #[arg(long, value_name = "UUID")]
    pub id: Option<String>,
    /// Cancelled if it has not started after this long
    #[arg(long, value_name = "LENGTH")]
    pub expires: Option<String>,
    /// Only one unfinished job of this task with this key, without KEY: with equal arguments. A second enqueue finds the first
    #[arg(long, value_name = "KEY", num_args = 0..=1, default_missing_value = "args")]
    pub unique: Option<String>,
    /// With --unique: the key is held while the job is `unfinished`, or only while it is `waiting`
    #[arg(long = "while", value_name = "STATE", default_value = "unfinished", requires = "unique", value_parser = ["unfinished", "waiting"])]
    pub held_while: String,
    /// With --unique: `return` the job that holds the key, `replace` it while it waits, or fail with an `error`
    #[arg(long, value_name = "WHAT", default_value = "return", requires = "unique", value_parser = ["return", "replace", "error"])]
    pub on_conflict: String,
    /// A word to find it by; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    pub tags: Vec<String>,
    /// Wait until it has finished, and print its result
    #[arg(long)]
    pub wait: bool,
    /// With --wait: give up after this long; the job goes on
    #[arg(long, value_name = "LENGTH", requires = "wait")]
    pub timeout: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Job {
    /// List jobs, newest first
    List(JobList),
    /// Show one job: arguments, attempts, errors
    Show(JobShow),
    /// Explain its state, and what happens next
    Why(JobId),
    /// What it printed, attempt by attempt
    Logs(JobLogs),
    /// Give finished or quarantined jobs another attempt
    Retry(JobAct),
    /// Cancel jobs that wait; ask those that run to stop
    Cancel(JobAct),
    /// Delete jobs, with their attempts and logs
    Delete(JobAct),
    /// Lift the hold of a job and set its counts to 0
    Release(JobAct),
}

#[derive(Debug, Args)]
pub struct JobId {
    /// Its id, or the first 8 or more digits of it
    #[arg(value_name = "ID")]
    pub id: String,
}

#[derive(Debug, Args)]
pub struct JobShow {
    /// Its id, or the first 8 or more digits of it
    #[arg(value_name = "ID")]
    pub id: String,
    /// The last error's traceback too
    #[arg(long, short)]
    pub traceback: bool,
}

/// Which jobs. All conditions hold together.
#[derive(Clone, Debug, Default, Args)]
pub struct JobFilter {
    /// Of this task
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// In this queue
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// In this state: pending, scheduled, available, running, retryable, completed, cancelled, discarded; may be repeated
    #[arg(long = "state", value_name = "STATE")]
    pub states: Vec<String>,
    /// With this tag
    #[arg(long, value_name = "WORD")]
    pub tag: Option<String>,
    /// Held, for any reason or for this one: paused, quarantine, unknown_task, arguments_misfit, unreadable
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "any")]
    pub held: Option<String>,
}

#[derive(Debug, Args)]
pub struct JobList {
    #[command(flatten)]
    pub filter: JobFilter,
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct JobLogs {
    /// Its id, or the first 8 or more digits of it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Go on until the job has finished
    #[arg(long, short)]
    pub follow: bool,
    /// Only this attempt
    #[arg(long, value_name = "NUMBER")]
    pub attempt: Option<u32>,
}

#[derive(Debug, Args)]
pub struct JobAct {
    /// Their ids; or choose by filter
    #[arg(value_name = "ID", conflicts_with_all = ["task", "queue", "states", "tag", "held"])]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub filter: JobFilter,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say which jobs, change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Go on until interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// Only jobs of this task
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Begin with this many lines
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub lines: u32,
}

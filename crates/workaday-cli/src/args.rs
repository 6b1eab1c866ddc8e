//! What can be typed: every command and option, once. docs/reference/cli.md, the completions and the man page come from here.

mod access;
mod alert;
mod cron;
mod evidence;
mod hidden;
mod import;
mod job;
mod machine;
mod queue;
mod release;
mod run;
mod schedule;
mod store;
mod task;

pub use access::*;
pub use alert::*;
pub use cron::*;
pub use evidence::*;
pub use hidden::*;
pub use import::*;
pub use job::*;
pub use machine::*;
pub use queue::*;
pub use release::*;
pub use run::*;
pub use schedule::*;
pub use store::*;
pub use task::*;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Durable jobs and schedules for Python services. Start with `workaday init`.
#[derive(Debug, Parser)]
#[command(name = "workaday", version, propagate_version = true, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 worse, 5 not enough data, 75 try again.")]
pub struct Line {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Common {
    /// Print JSON, errors too
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// Read this file instead of the workaday.toml found upwards [env: WORKADAY_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// Use this store: a path or sqlite:///path [env: WORKADAY_DATABASE]
    #[arg(long, global = true, value_name = "STORE", help_heading = "Everywhere")]
    pub database: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write workaday.toml, an example task and its test
    Init(Init),
    /// Run the supervisor: workers, schedules, retries
    Up(Up),
    /// Web service and workers in one terminal, started anew when code changes
    Dev(Dev),
    /// Enqueue a job of a task, from a shell or another language
    Enqueue(Enqueue),
    /// One screen: what runs, what waits, what needs a hand
    Status(Status),
    /// Jobs: list, show, explain, retry …
    #[command(subcommand)]
    Job(Job),
    /// Tasks: list, show, pause, resume
    #[command(subcommand)]
    Task(Task),
    /// Queues: list, pause, resume
    #[command(subcommand)]
    Queue(Queue),
    /// Schedules: what is due, what became of it, run, skip, pause
    #[command(subcommand)]
    Schedule(Schedule),
    /// Workers: the supervisor and its children
    #[command(subcommand)]
    Worker(Worker),
    /// What all jobs print
    Logs(Logs),
    /// Print a one-time login link to the dashboard
    Open(Open),
    /// Users of the dashboard: add, list, remove
    #[command(subcommand)]
    User(User),
    /// Tokens of the HTTP API: create, list, revoke
    #[command(subcommand)]
    Token(Token),
    /// Alerts: what needs a hand, who was told, a test of each receiver
    #[command(subcommand)]
    Alert(Alert),
    /// Move here from another scheduler: proposes, changes nothing
    #[command(subcommand)]
    Import(Import),
    /// Cron expressions: next ticks, plain words
    #[command(subcommand)]
    Cron(Cron),
    /// What was measured: by task, queue and route, minute and release
    #[command(subcommand)]
    Measures(Measures),
    /// Bring the store to this version's schema
    Migrate(Migrate),
    /// Copy the store while it is in use: whole, checked, compressed
    Backup(Backup),
    /// Put a backup back, or prove that it could be
    Restore(Restore),
    /// A change as a controlled act: checked, backed up, watched, compared, written down
    #[command(subcommand)]
    Release(Release),
    /// Try the release and its way back in a scratch place, and keep the proof
    Rehearse(Rehearse),
    /// Search the notes of releases
    Notes(Notes),
    /// Baselines: what is usual, kept under a name to compare with
    #[command(subcommand)]
    Baseline(Baseline),
    /// Better, worse, the same, or not enough data: two times, ranked among moments without a release
    #[command(after_help = COMPARE_HELP)]
    Compare(Compare),
    /// What to know of a task when it needs a hand
    Runbook(Runbook),
    /// The checklist: what is wrong or missing around this store, the worst first
    #[command(after_help = "Exit code 1: a check is red. What could not be found out is unknown, never green.")]
    Doctor(Doctor),
    /// Install it as systemd services: shows the difference first
    Install(Install),
    /// Take the services away again, and put back what stood there before
    Uninstall(Uninstall),
    /// Delete finished jobs, log lines and measures past their retention
    Prune(Prune),
    /// Print the completions of a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(Completions),
    /// Print the man page, or write the pages of all commands into a folder
    Man(Man),
    /// Every route of the dashboard with its role, as JSON: for tests
    #[command(hide = true)]
    WebRoutes,
    /// Plays a rehearsal in its place: started by `rehearse`, not by hand
    #[command(hide = true)]
    RehearsalPlay(RehearsalPlay),
    /// Tries the traps of a rehearsal: started by `rehearse`, not by hand
    #[command(hide = true)]
    RehearsalProbe(RehearsalProbe),
    /// The tasks that the code in this folder states, as JSON; for the deploy gate
    #[command(hide = true)]
    Catalogue(Catalogue),
    /// The engine, driven by JSON lines: for the pytest plugin
    #[command(hide = true)]
    TestEngine,
    /// Keeps the process tree of one command: started by `up`, not by hand
    #[command(hide = true)]
    CommandShim(CommandShim),
}

/// Who acts, and why: kept in the audit.
#[derive(Clone, Debug, Default, Args)]
pub struct By {
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who stands for it (default: user@host) [env: WORKADAY_OWNER]
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

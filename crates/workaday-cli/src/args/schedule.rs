//! The options of `schedule …`.

use super::By;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Schedule {
    /// List the schedules, with their next tick
    List,
    /// Show one: its declaration, how long its runs take, its next and last ticks
    Show(ScheduleShow),
    /// What is due next, and the next 24 hours at a glance
    Next(ScheduleNext),
    /// What became of the ticks of one, newest first
    History(ScheduleHistory),
    /// Let no tick run
    Pause(SchedulePause),
    /// Let ticks run again
    Resume(ScheduleResume),
    /// Run it now, or a tick that has passed
    Run(ScheduleRun),
    /// Leave out the next tick
    Skip(ScheduleSkip),
    /// Run the ticks of a time that has passed
    Backfill(ScheduleBackfill),
    /// Add one at run time; no deploy touches it
    Add(Box<ScheduleAdd>),
    /// Take away one that was added at run time
    Remove(ScheduleRemove),
    /// What the code and workaday.toml of now would change (exit code 1 when something)
    Diff(ScheduleDiff),
}

#[derive(Debug, Args)]
pub struct ScheduleNext {
    /// Only this schedule
    pub name: Option<String>,
    /// How many
    #[arg(short, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub n: u32,
}

#[derive(Debug, Args)]
pub struct ScheduleHistory {
    /// Its name
    pub name: String,
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct SchedulePause {
    /// Its name
    pub name: String,
    /// Until this instant, or for this long: 2030-01-01T00:00:00Z, 2h
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct ScheduleResume {
    /// Its name
    pub name: String,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct ScheduleRun {
    /// Its name
    pub name: String,
    /// The tick that was due at this instant; one that has a job gets no second
    #[arg(long, value_name = "INSTANT")]
    pub tick: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct ScheduleSkip {
    /// Its name
    pub name: String,
    /// How many of the next ticks
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub count: u32,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct ScheduleBackfill {
    /// Its name
    pub name: String,
    /// The first instant of the range
    #[arg(long, value_name = "INSTANT")]
    pub from: String,
    /// The last instant of the range; nothing later than now
    #[arg(long, value_name = "INSTANT")]
    pub to: String,
    /// Refuse a range with more ticks than this
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// List the ticks, make no job
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct ScheduleShow {
    /// Its name
    pub name: String,
}

#[derive(Debug, Args)]
pub struct ScheduleAdd {
    /// Its name: letters, digits and `_ . : -`
    pub name: String,
    /// The task that is due
    #[arg(long, value_name = "TASK")]
    pub task: String,
    /// Cron expression: "15 3 * * *"; give it several times for several
    #[arg(long, value_name = "EXPR", required_unless_present_any = ["every", "at"], conflicts_with_all = ["every", "at"])]
    pub cron: Vec<String>,
    /// A fixed length between two ticks: 90m
    #[arg(long, value_name = "LENGTH", conflicts_with = "at")]
    pub every: Option<String>,
    /// Once, at this instant: 2030-01-01T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// Time zone: Europe/Lisbon (default: [schedules] tz)
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Arguments of its jobs, as a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub args: String,
    /// Queue of its jobs (default: the task's own)
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// A date on which it rests; several times for several
    #[arg(long, value_name = "DATE")]
    pub exclude: Vec<String>,
    /// A file of such dates, one a line; read now
    #[arg(long, value_name = "FILE")]
    pub holidays: Option<PathBuf>,
    /// A time that the clock leaps over: run_after, skip, shift
    #[arg(long, value_name = "WORD")]
    pub gap: Option<String>,
    /// A time that the clock shows twice: first, second, both
    #[arg(long, value_name = "WORD")]
    pub fold: Option<String>,
    /// Which missed ticks are run late: none, latest, all
    #[arg(long, value_name = "WORD")]
    pub catch_up: Option<String>,
    /// At most this many of them with --catch-up all
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<u32>,
    /// How late a tick may still be run
    #[arg(long, value_name = "LENGTH")]
    pub catch_up_window: Option<String>,
    /// While the last run goes on: skip, queue, cancel_running, allow
    #[arg(long, value_name = "WORD")]
    pub overlap: Option<String>,
    /// Spread of the start, the same for each tick
    #[arg(long, value_name = "LENGTH")]
    pub jitter: Option<String>,
    /// Alarm when it has not started this long after it was due
    #[arg(long, value_name = "LENGTH")]
    pub late_after: Option<String>,
    /// Alarm when it has not finished this long after it was due
    #[arg(long, value_name = "LENGTH")]
    pub finish_within: Option<String>,
    /// Alarm when a run completes in less
    #[arg(long, value_name = "LENGTH")]
    pub min_duration: Option<String>,
    /// Alarm after this many failed runs in a row
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub alert_after_failures: Option<u32>,
    /// Alarm after this many skipped ticks in a row
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub skips_alert: Option<u32>,
    /// Judge it and show its first ticks; store nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct ScheduleRemove {
    /// Its name
    pub name: String,
    /// Say what would be removed; change nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct ScheduleDiff {
    /// The code to look at (default: `app` of workaday.toml); it is imported in a process of its own
    #[arg(long, value_name = "MODULE:APP")]
    pub app: Option<String>,
}

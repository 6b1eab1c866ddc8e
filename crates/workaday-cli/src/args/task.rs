//! The options of `task …` and of `runbook`.

use super::By;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Task {
    /// List the tasks that workers have stated
    List,
    /// Show one task: parameters, policy, owner, switch-offs
    Show(TaskName),
    /// Switch a task off, or one argument value of it
    Pause(TaskPause),
    /// Switch it on again
    Resume(TaskResume),
}

#[derive(Debug, Args)]
pub struct TaskName {
    /// Its registered name
    pub task: String,
}

#[derive(Debug, Args)]
pub struct TaskPause {
    /// Its registered name
    pub task: String,
    /// Only jobs with this argument value: order_id=42; may be repeated, all must hold
    #[arg(long = "where", value_name = "NAME=VALUE")]
    pub where_args: Vec<String>,
    /// Until this instant, or for this long: 2030-01-01T00:00:00Z, 2h
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct TaskResume {
    /// Its registered name
    pub task: String,
    /// The switch-off with this argument value: order_id=42
    #[arg(long = "where", value_name = "NAME=VALUE")]
    pub where_args: Vec<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct Runbook {
    /// Its registered name
    pub task: String,
}

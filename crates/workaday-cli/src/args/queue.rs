//! The options of `queue …`.

use super::By;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Queue {
    /// List the queues, with what waits in each
    List,
    /// Claim nothing more from a queue
    Pause(QueuePause),
    /// Claim from it again
    Resume(QueueResume),
}

#[derive(Debug, Args)]
pub struct QueuePause {
    /// Its name
    pub queue: String,
    /// Until this instant, or for this long: 2030-01-01T00:00:00Z, 2h
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<String>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct QueueResume {
    /// Its name
    pub queue: String,
    #[command(flatten)]
    pub by: By,
}

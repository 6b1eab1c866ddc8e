//! The options of `alert …`.

use super::By;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Alert {
    /// List what needs a hand, newest first
    List(AlertList),
    /// Say that alerts are settled
    Close(AlertClose),
    /// Send a test to one receiver and print what came back
    Test(AlertTest),
    /// List what was sent to whom: notices and pings, newest first
    Deliveries(AlertDeliveries),
}

#[derive(Debug, Args)]
pub struct AlertList {
    /// Those that are closed too
    #[arg(long)]
    pub all: bool,
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct AlertClose {
    /// Their numbers, as `alert list` shows them
    #[arg(value_name = "NUMBER", required = true)]
    pub numbers: Vec<i64>,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct AlertTest {
    /// The receiver: NAME of [alerts.NAME]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct AlertDeliveries {
    /// Only those that failed, once or for good
    #[arg(long)]
    pub failing: bool,
    /// At most this many of each
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

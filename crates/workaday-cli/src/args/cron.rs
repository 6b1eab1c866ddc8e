//! The options of `cron …`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Cron {
    /// Print the next ticks of an expression, with offset
    Next(CronNext),
    /// Say an expression in plain words
    Explain(CronExplain),
}

#[derive(Debug, Args)]
pub struct CronNext {
    /// Five or six fields, quoted: "15 3 * * *"
    #[arg(required_unless_present = "jsonl")]
    pub expr: Option<String>,
    /// Time zone: Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub tz: String,
    /// Strictly after this instant (default: now)
    #[arg(long, value_name = "INSTANT")]
    pub after: Option<String>,
    /// How many
    #[arg(short, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub n: u32,
    /// Read lines {expr, tz, after, n}, answer a line each
    #[arg(long, conflicts_with = "expr")]
    pub jsonl: bool,
}

#[derive(Debug, Args)]
pub struct CronExplain {
    /// Five or six fields, quoted: "15 3 * * *"
    pub expr: String,
    /// Time zone: Europe/Lisbon
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub tz: String,
}

//! The options of `import …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Import {
    /// Propose [command.NAME] tables for a crontab, and compare both timetables for a month
    Crontab(ImportCrontab),
}

#[derive(Debug, Args)]
pub struct ImportCrontab {
    /// The crontab; `-` reads standard input
    #[arg(value_name = "FILE", required_unless_present = "list")]
    pub file: Option<PathBuf>,
    /// Your own crontab, as `crontab -l` prints it
    #[arg(short = 'l', long, conflicts_with = "file")]
    pub list: bool,
    /// The sixth field is a user (default: so for /etc/crontab and /etc/cron.d)
    #[arg(long)]
    pub user_column: bool,
    /// The zone of the cron daemon (default: that of this machine)
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
    /// Compare from this instant on (default: now)
    #[arg(long, value_name = "INSTANT")]
    pub after: Option<String>,
    /// Whom to ask when one fails (default: MAILTO, else the user)
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
}

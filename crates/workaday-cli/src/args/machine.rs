//! The options of what stands around it on the machine: `doctor`, `install`, `uninstall`, `completions`, `man`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Doctor {
    /// The runs that were kept, the newest first, instead of a new one
    #[arg(long)]
    pub history: bool,
    /// With --history: at most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, requires = "history", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct Install {
    /// Services of this user, without root: under ~/.config/systemd/user
    #[arg(long)]
    pub user: bool,
    /// The web service too, as it is started: "uvicorn shop.web:app --port 8000"
    #[arg(long, value_name = "COMMAND")]
    pub service: Option<String>,
    /// The user that the services run as
    #[arg(long, value_name = "NAME", default_value = "workaday", conflicts_with = "user")]
    pub account: String,
    /// A folder that the services may write, beside the store's; may be repeated
    #[arg(long = "writes", value_name = "FOLDER")]
    pub writes: Vec<PathBuf>,
    /// Write below this folder instead of /: for packages and tests
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Show the difference, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Uninstall {
    /// Services of this user
    #[arg(long)]
    pub user: bool,
    /// Below this folder instead of /
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Say what would go, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Where the scripts go; also said when one is printed on a terminal.
pub const COMPLETIONS_HELP: &str = "\
To keep them:
  bash  workaday completions bash > ~/.local/share/bash-completion/completions/workaday
  zsh   workaday completions zsh > \"${fpath[1]}/_workaday\"
  fish  workaday completions fish > ~/.config/fish/completions/workaday.fish";

#[derive(Debug, Args)]
pub struct Completions {
    /// bash, zsh, fish, elvish or powershell
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// Of this command: job retry
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Vec<String>,
    /// Write a page for every command into this folder: workaday.1, workaday-job-retry.1 …
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

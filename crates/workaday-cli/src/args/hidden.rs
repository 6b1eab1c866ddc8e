//! The options of commands that the program starts itself; `--help` does not show them.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct CommandShim {
    #[arg(long)]
    pub socket: i32,
    #[arg(long)]
    pub children_lock: i32,
    #[arg(long)]
    pub mark: String,
    #[arg(long)]
    pub deadline_us: Option<u64>,
    #[arg(long)]
    pub cwd: PathBuf,
    #[arg(last = true, required = true)]
    pub argv: Vec<String>,
}

#[derive(Debug, Args)]
pub struct RehearsalPlay {
    #[arg(long)]
    pub scene: PathBuf,
    #[arg(long)]
    pub jail: bool,
}

#[derive(Debug, Args)]
pub struct RehearsalProbe {
    #[arg(long)]
    pub scene: PathBuf,
}

#[derive(Debug, Args)]
pub struct Catalogue {
    /// The app, as module:name (default: `app` of workaday.toml)
    #[arg(value_name = "MODULE:APP")]
    pub app: Option<String>,
}

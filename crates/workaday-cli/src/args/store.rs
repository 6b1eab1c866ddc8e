//! The options of care for the store: `migrate`, `backup`, `restore`, `prune`.

use super::By;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Migrate {
    /// Only say whether the store is at this version's schema; exit 1 if not
    #[arg(long)]
    pub check: bool,
    /// Undo migrations down to this number; what they added is lost
    #[arg(long, value_name = "NUMBER", conflicts_with = "check")]
    pub down_to: Option<u32>,
    /// Say what would be done, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Backup {
    /// A file that is not there yet, or a folder (default: `[backup] folder`, where older ones are rotated)
    pub path: Option<PathBuf>,
    /// List the backups that are known
    #[arg(long, conflicts_with = "path")]
    pub list: bool,
    /// Say where it would go and what is there, write nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// The backup (default: the newest in `[backup] folder` whose manifest names this store)
    pub path: Option<PathBuf>,
    /// Prove it in a scratch place: sum, pages, schema, rows, a job to claim. The jobs of the store are not touched
    #[arg(long, conflicts_with_all = ["whole_file", "dry_run", "yes"])]
    pub check: bool,
    /// Put the whole file back, tables of an app too
    #[arg(long)]
    pub whole_file: bool,
    /// Say what would change, change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub by: By,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// Say how many would go, delete nothing
    #[arg(long)]
    pub dry_run: bool,
}

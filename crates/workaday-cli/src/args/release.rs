//! The options of `release …`, of its `rehearse`, and of the `notes` it leaves.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Release {
    /// Release what is committed: refuses with every reason at once, else carries it out
    Run(ReleaseRun),
    /// Go on with a release that was cut off
    Resume(ReleaseResume),
    /// Close a release that was cut off, as it stands
    Abort(ReleaseAbort),
    /// Put the recorded release before back, through the same pipeline
    Rollback(ReleaseRollback),
    /// List releases, newest first
    List(ReleaseList),
    /// Show one release: its note and its steps
    Show(ReleaseShow),
}

#[derive(Debug, Args)]
pub struct ReleaseRun {
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What is taken for granted; may be repeated
    #[arg(long = "assume", value_name = "TEXT")]
    pub assumptions: Vec<String>,
    /// Watch this long before it is compared (default: `[release] watch`)
    #[arg(long, value_name = "LENGTH")]
    pub watch: Option<String>,
    /// Clear this cache of `[release] caches`, and no other; may be repeated
    #[arg(long = "clear-cache", value_name = "NAME")]
    pub clear_caches: Vec<String>,
    /// Who stands for it (default: `[release] owner`)
    #[arg(long, value_name = "WHO")]
    pub owner: Option<String>,
    /// Look at everything and run the checks, deploy nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The deploy command, in place of `[release] deploy`
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ReleaseResume {
    /// The deploy command got through before it was cut off: do not run it again
    #[arg(long)]
    pub deployed: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseAbort {
    /// Say what would be closed, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseRollback {
    /// The release to undo (default: the last one that was deployed)
    #[arg(value_name = "ID")]
    pub id: Option<i64>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Watch this long before it is compared (default: `[release] watch`)
    #[arg(long, value_name = "LENGTH")]
    pub watch: Option<String>,
    /// Clear this cache of `[release] caches`, and no other; may be repeated
    #[arg(long = "clear-cache", value_name = "NAME")]
    pub clear_caches: Vec<String>,
    /// Look at everything, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct ReleaseList {
    /// At most this many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
}

#[derive(Debug, Args)]
pub struct ReleaseShow {
    /// Its number
    #[arg(value_name = "ID")]
    pub id: i64,
}

#[derive(Debug, Args)]
pub struct Rehearse {
    /// Rehearse also when the isolation that was reached is below `[release.staging] level`
    #[arg(long = "unsafe")]
    pub is_unsafe: bool,
    /// Leave the scratch place there, to be looked at
    #[arg(long)]
    pub keep: bool,
}

#[derive(Debug, Args)]
pub struct Notes {
    /// All of these words, anywhere in a note; none lists all notes
    pub words: Vec<String>,
}

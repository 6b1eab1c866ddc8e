//! The options of what runs: `init`, `dev`, `up`, and a look at it with `status` and `worker …`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Init {
    /// Where to write
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Say what would be written, write nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Up {
    /// The app to import, as module:name (default: `app` of workaday.toml)
    #[arg(value_name = "MODULE:APP")]
    pub app: Option<String>,
    /// Take over a copied store: claims of this copy start
    #[arg(long)]
    pub adopt: bool,
}

#[derive(Debug, Args)]
pub struct Dev {
    /// The ASGI service to serve with uvicorn, as module:name; without it only the workers run
    #[arg(value_name = "MODULE:APP")]
    pub api: Option<String>,
    /// The app of the workers, as module:name (default: `app` of workaday.toml)
    #[arg(long, value_name = "MODULE:APP")]
    pub worker: Option<String>,
    /// Where the web service listens
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// On this port
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
}

#[derive(Debug, Args)]
pub struct Status {
    /// Stay open and renew it
    #[arg(long, short)]
    pub watch: bool,
    /// With --watch: renew after this long
    #[arg(long, value_name = "LENGTH", default_value = "1s")]
    pub every: String,
}

#[derive(Debug, Subcommand)]
pub enum Worker {
    /// List the supervisor and its children
    List(WorkerList),
    /// Stop the supervisor: running jobs may finish within the grace, the rest goes back
    Drain,
}

#[derive(Debug, Args)]
pub struct WorkerList {
    /// Those that have ended too
    #[arg(long)]
    pub all: bool,
}

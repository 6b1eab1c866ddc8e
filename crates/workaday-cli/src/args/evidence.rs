//! The options of what was measured: `measures …`, `baseline …`, `compare`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Measures {
    /// A table of a span of time: runs, errors, times, statements, cache hits; the last hour unless told
    Show(MeasuresWhich),
    /// A line of JSON for each minute of each series; all that is kept unless told
    Export(MeasuresWhich),
}

#[derive(Debug, Args)]
pub struct MeasuresWhich {
    /// task, queue, route, stream, websocket, dropped
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Of this task, queue or route: "GET /orders/{id}"
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Of this release
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<String>,
    /// From this instant, or from so long ago: 2030-01-01T00:00:00Z, 6h
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Before this instant, or until so long ago
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
}

pub const COMPARE_HELP: &str = "\
A side is the name of a baseline, a release key, `now`, or a span: 2030-01-01T12:00:00Z..2030-01-01T13:00:00Z, 2h..1h (ago).
Without B: from the end of A until now.

Exit codes: 0 nothing worse, 4 worse, 5 not enough data.";

#[derive(Debug, Subcommand)]
pub enum Baseline {
    /// Keep the time up to now under a name, with what you noticed
    Capture(BaselineCapture),
    /// List baselines, newest first
    List,
    /// Show one: its span, what was noticed, and what was measured
    Show(BaselineNamed),
    /// Forget one; the measures stay
    Remove(BaselineRemove),
}

#[derive(Debug, Args)]
pub struct BaselineCapture {
    /// Its name, to compare with later: before-the-index
    pub name: String,
    /// How long the time is
    #[arg(long = "for", value_name = "LENGTH", default_value = "1h")]
    pub length: String,
    /// The route or task that is looked at: "GET /orders"
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
    /// The input that shows it: a request, arguments
    #[arg(long, value_name = "TEXT")]
    pub input: Option<String>,
    /// What you see, and where: "the order list takes 3 s, SELECT on lines 60 times"
    #[arg(long, value_name = "TEXT")]
    pub symptom: Option<String>,
}

#[derive(Debug, Args)]
pub struct BaselineNamed {
    /// Its name
    pub name: String,
}

#[derive(Debug, Args)]
pub struct BaselineRemove {
    /// Its name
    pub name: String,
    /// Say what would be forgotten, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// What it is compared with: a baseline, a release, a span
    #[arg(value_name = "A", required_unless_present = "jsonl")]
    pub before: Option<String>,
    /// The time in question
    #[arg(value_name = "B", conflicts_with = "jsonl")]
    pub after: Option<String>,
    /// Two files of exported evidence instead of the store: BEFORE AFTER
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with = "before")]
    pub jsonl: Option<Vec<PathBuf>>,
    /// More evidence from before the change, to learn what is usual
    #[arg(long, value_name = "FILE", requires = "jsonl")]
    pub history: Option<PathBuf>,
    /// A route or task that the change cannot have touched; may be repeated. What they did is taken off the others
    #[arg(long = "control", value_name = "NAME")]
    pub controls: Vec<String>,
    /// Skipped after the change, while caches are cold; only of a time four times as long
    #[arg(long, value_name = "LENGTH", default_value = "5m")]
    pub warmup: String,
    /// A smaller relative change is a trifle, per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    pub floor: f64,
    /// Show every measure, also those that stayed the same
    #[arg(long)]
    pub all: bool,
}

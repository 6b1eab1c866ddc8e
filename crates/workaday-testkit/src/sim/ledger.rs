//! Lines of `docs/reliability-ledger.jsonl`: what was run, on which revision, and what came of it.
//!
//! Written only with WORKADAY_LEDGER=1, so that trying a harness leaves no trace.

use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// One run of one harness.
pub struct Line<'a> {
    pub harness: &'a str,
    pub revision: String,
    pub count: u64,
    pub unit: &'a str,
    pub faults: BTreeMap<&'static str, u64>,
    /// Name of the result to how often: `lost`, `doubled`, `panics` …
    pub result: BTreeMap<&'static str, u64>,
    pub seed: String,
    pub seconds: f64,
}

/// The line as it stands in the ledger of the repository in `root`; `python -m chaos` reads it from what is printed.
pub fn text(root: &Path, line: &Line<'_>) -> String {
    json!({
        "date": said("date", &["-u", "+%Y-%m-%d"], root),
        "revision": line.revision,
        "harness": line.harness,
        "count": line.count,
        "unit": line.unit,
        "faults": line.faults,
        "result": line.result,
        "seed": line.seed,
        "seconds": (line.seconds * 10.0).round() / 10.0,
    })
    .to_string()
}

/// Appends such a line, if the environment asks for it. Answers whether it did.
pub fn append(root: &Path, text: &str) -> std::io::Result<bool> {
    if std::env::var("WORKADAY_LEDGER").as_deref() != Ok("1") {
        return Ok(false);
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(root.join("docs/reliability-ledger.jsonl"))?;
    writeln!(file, "{text}")?;
    Ok(true)
}

/// The revision of the tree; `+dirty` when it holds changes besides the ledger itself. Ask before a long run, not after
/// it. WORKADAY_REVISION says it for a binary that was built from an older one.
pub fn revision(root: &Path) -> String {
    if let Ok(revision) = std::env::var("WORKADAY_REVISION") {
        return revision;
    }
    let revision = said("git", &["rev-parse", "--short=12", "HEAD"], root);
    let changed = said("git", &["status", "--porcelain", "--", ".", ":!docs/reliability-ledger.jsonl"], root);
    if changed.is_empty() { revision } else { format!("{revision}+dirty") }
}

fn said(program: &str, arguments: &[&str], root: &Path) -> String {
    let said = Command::new(program).args(arguments).current_dir(root).output();
    said.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default().trim().to_owned()
}

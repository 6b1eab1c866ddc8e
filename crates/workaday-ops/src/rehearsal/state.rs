//! What must be the same again after the way back: schema, rows, configuration, files.

use super::postgres::{self, Copied};
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use workaday_core::explain::{Explain, Problem};
use workaday_store::sqlite::backup::{examine_live, schema_of};

/// A moment of the scratch place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Database → sum of its schema.
    pub schema: BTreeMap<String, String>,
    /// Database → table → rows.
    pub rows: BTreeMap<String, BTreeMap<String, i64>>,
    /// Sum of the configuration.
    pub config: String,
    /// File → sum, generated ones left out.
    pub files: BTreeMap<String, String>,
}

impl State {
    /// Reads it. `databases` and `config` are below `work`.
    pub fn of(work: &Path, databases: &[PathBuf], copies: &[Copied], config: &[PathBuf]) -> Result<Self, Problem> {
        let mut state = State::default();
        for database in databases.iter().filter(|path| path.exists()) {
            let name = database.strip_prefix(work).unwrap_or(database).display().to_string();
            let content = examine_live(database).map_err(|error| error.problem())?;
            state.schema.insert(name.clone(), files::sum(schema_of(database).map_err(|error| error.problem())?.as_bytes()));
            state.rows.insert(name, content.counts);
        }
        for copied in copies {
            let (schema, rows) = postgres::look(copied)?;
            state.schema.insert(copied.variable.clone(), files::sum(schema.as_bytes()));
            state.rows.insert(copied.variable.clone(), rows);
        }
        let all: Vec<u8> = config.iter().flat_map(|path| std::fs::read(path).unwrap_or_default()).collect();
        state.config = files::sum(&all);
        walk(work, work, databases, &mut state.files);
        Ok(state)
    }
}

fn walk(folder: &Path, work: &Path, databases: &[PathBuf], found: &mut BTreeMap<String, String>) {
    const GENERATED: &[&str] =
        &[".git", ".workaday", "__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "node_modules", ".venv"];
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let of_database = databases.iter().any(|database| path.to_string_lossy().starts_with(&*database.to_string_lossy()));
        if GENERATED.contains(&name.as_str()) || name.ends_with(".log") || name.ends_with(".pyc") || of_database {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&path, work, databases, found),
            Ok(kind) if kind.is_file() => {
                let shown = path.strip_prefix(work).unwrap_or(&path).display().to_string();
                found.insert(shown, files::sum_of(&path).unwrap_or_default());
            }
            _ => {}
        }
    }
}

/// What differs after the way back, a sentence each.
pub fn differences(start: &State, end: &State) -> Vec<String> {
    const FILES_SHOWN: usize = 10;
    let mut found = vec![];
    for (database, sum) in &start.schema {
        if end.schema.get(database) != Some(sum) {
            found.push(format!("the schema of {database} is not as it was"));
        }
    }
    for (database, tables) in &start.rows {
        found.extend(lost_rows(database, tables, end.rows.get(database).unwrap_or(&BTreeMap::new())));
    }
    if start.config != end.config {
        found.push("the configuration is not as it was".to_owned());
    }
    let names: std::collections::BTreeSet<&String> = start.files.keys().chain(end.files.keys()).collect();
    let differ: Vec<&String> = names.into_iter().filter(|name| start.files.get(*name) != end.files.get(*name)).collect();
    if !differ.is_empty() {
        let shown: Vec<&str> = differ.iter().take(FILES_SHOWN).map(|name| name.as_str()).collect();
        found.push(format!("{} files are not as they were: {}", differ.len(), shown.join(", ")));
    }
    found
}

/// Tables of an app have to be as they were. Of ours, jobs may have moved on, but none may be gone.
fn lost_rows(database: &str, start: &BTreeMap<String, i64>, end: &BTreeMap<String, i64>) -> Vec<String> {
    let of = |side: &BTreeMap<String, i64>, name: &str| side.get(name).copied().unwrap_or(0);
    let jobs = |side| of(side, "workaday_jobs") + of(side, "workaday_finished");
    let mut found = vec![];
    if jobs(end) < jobs(start) {
        found.push(format!("{database}: {} jobs were lost", jobs(start) - jobs(end)));
    }
    let names: std::collections::BTreeSet<&String> = start.keys().chain(end.keys()).filter(|name| !name.starts_with("workaday_")).collect();
    for name in names {
        let (was, is) = (of(start, name), of(end, name));
        if was != is {
            found.push(format!("{database}: {name} has {is} rows and had {was}"));
        }
    }
    found
}

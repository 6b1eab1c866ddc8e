//! What is to be done: settled before the first step, so that whoever resumes does what was meant.

use crate::files;
use crate::git::Repository;
use serde::{Deserialize, Serialize};
use std::path::Path;
use workaday_core::explain::{Explain, Problem};
use workaday_store::Reader;
use workaday_store::sqlite::read::ReleaseRow;

/// The configuration's name, as tracked.
pub const CONFIG_FILE: &str = "workaday.toml";

/// Files that say which libraries are installed.
const DEPENDENCIES: &[&str] = &[
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile",
    "Pipfile.lock",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "Cargo.lock",
    ".python-version",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Release,
    Rollback,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Release => "release",
            Kind::Rollback => "rollback",
        }
    }
}

/// The release before, as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    pub release: i64,
    pub revision: String,
}

/// What can differ between two releases, as sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    pub config: String,
    pub dependencies: String,
}

/// Written when a release opens, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub kind: Kind,
    /// What will be in place afterwards.
    pub revision: String,
    pub previous: Option<Previous>,
    /// Rollback: the release that is undone.
    pub undoes: Option<i64>,
    pub reason: String,
    pub assumptions: Vec<String>,
    pub owner: String,
    pub expects: String,
    /// The command of the deploy step.
    pub deploy: Vec<String>,
    /// How to undo it, as configured.
    pub rollback: Vec<String>,
    pub clear_caches: Vec<String>,
    pub watch_us: i64,
    pub fingerprint: Fingerprint,
    pub files_touched: Vec<String>,
    pub untracked: Vec<String>,
    pub warnings: Vec<String>,
    /// Checks that ran before, with how they ended.
    pub checks: Vec<crate::command::Ran>,
    /// The rehearsal that proved it.
    pub rehearsal: Option<i64>,
    /// What the gate found, in words.
    pub gate: String,
    /// Tasks that are new or state something else than before.
    pub tasks_changed: Vec<String>,
}

impl Plan {
    /// How to go back, for whoever has to now. What has nothing recorded before it is not promised a rollback.
    pub fn way_back(&self) -> String {
        match &self.previous {
            Some(_) => "`workaday release rollback` puts the release before it back".to_owned(),
            None => format!(
                "no release is recorded before this one: put the code before in place, then run `{}` by hand",
                crate::command::line(&self.rollback)
            ),
        }
    }
}

/// Sums of configuration and dependencies as they are in the folder.
pub fn fingerprint(root: &Path, config: Option<&Path>) -> Fingerprint {
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    let mut names: Vec<String> = DEPENDENCIES.iter().map(|name| (*name).to_owned()).collect();
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.extend(entries.filter(|name| name.starts_with("requirements") && name.ends_with(".txt")));
    names.sort();
    let mut all = vec![];
    for name in names.iter().filter(|name| root.join(name).is_file()) {
        all.extend_from_slice(name.as_bytes());
        all.extend_from_slice(&read(&root.join(name)));
    }
    Fingerprint { config: config.map(|path| files::sum(&read(path))).unwrap_or_default(), dependencies: files::sum(&all) }
}

/// Is this file code, rather than configuration, dependencies, notes or words?
fn is_code(path: &str, notes: &Path) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let other = name == CONFIG_FILE
        || DEPENDENCIES.contains(&name)
        || name.starts_with("requirements") && name.ends_with(".txt")
        || name.ends_with(".md")
        || path.starts_with(&format!("{}/", notes.display()));
    !other
}

/// What changes together since the release before: one variable at a time, or nobody can say what it was.
pub fn warnings(previous: Option<&Plan>, now: &Fingerprint, touched: &[String], notes: &Path) -> Vec<String> {
    let Some(previous) = previous else { return vec![] };
    let mut changed = vec![];
    if touched.iter().any(|path| is_code(path, notes)) {
        changed.push("code");
    }
    if previous.fingerprint.config != now.config {
        changed.push("configuration");
    }
    if previous.fingerprint.dependencies != now.dependencies {
        changed.push("dependencies");
    }
    if changed.len() < 2 {
        return vec![];
    }
    let (last, first) = changed.split_last().unwrap_or((&"", &[]));
    vec![format!(
        "{} and {last} change together since the last release: should it turn out worse, nobody can say which it was",
        first.join(", ")
    )]
}

/// The release that is in place: the newest that got through, as recorded.
pub fn last_in_place(reader: &Reader) -> Result<Option<(ReleaseRow, Plan)>, Problem> {
    const LOOK_BACK: usize = 200;
    let rows = reader.releases(None, LOOK_BACK).map_err(|error| error.problem())?;
    let found = rows.into_iter().find(|row| row.state == "done" || row.state == "worse");
    Ok(found.and_then(|row| serde_json::from_str(&row.plan).ok().map(|plan| (row, plan))))
}

/// Files that differ since the release before.
pub fn touched(repository: &Repository, previous: Option<&Previous>, revision: &str, notes: &Path) -> Vec<String> {
    let Some(previous) = previous else { return vec![] };
    let notes = format!("{}/", repository.prefix().join(notes).display());
    repository.touched(&previous.revision, revision).into_iter().filter(|path| !path.starts_with(&notes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(config: &str, dependencies: &str) -> Plan {
        let text = serde_json::json!({
            "kind": "release", "revision": "a", "previous": null, "undoes": null, "reason": "", "assumptions": [], "owner": "", "expects": "",
            "deploy": [], "rollback": [], "clear_caches": [], "watch_us": 0, "fingerprint": {"config": config, "dependencies": dependencies},
            "files_touched": [], "untracked": [], "warnings": [], "checks": [], "rehearsal": null, "gate": "", "tasks_changed": []
        });
        serde_json::from_value(text).expect("a plan")
    }

    #[test]
    fn one_variable_at_a_time_else_a_warning_names_them() {
        let now = Fingerprint { config: "1".into(), dependencies: "1".into() };
        let code = ["shop/jobs.py".to_owned(), "releases/0001-x.md".to_owned()];
        let notes = Path::new("releases");
        assert!(warnings(None, &now, &code, notes).is_empty(), "the first release has nothing before it");
        assert!(warnings(Some(&plan("1", "1")), &now, &code, notes).is_empty());
        assert!(warnings(Some(&plan("0", "1")), &now, &[], notes).is_empty());
        assert!(warnings(Some(&plan("0", "1")), &now, &code, notes)[0].starts_with("code and configuration change together"));
        assert!(warnings(Some(&plan("0", "0")), &now, &code, notes)[0].starts_with("code, configuration and dependencies"));
        assert!(warnings(Some(&plan("0", "1")), &now, &["releases/0001-x.md".to_owned(), "README.md".to_owned()], notes).is_empty());
    }
}

//! Which backups lie in a folder, and whose they are: their manifests say it. Names can be the same for two stores, and a
//! folder can be shared by many.

use crate::backup::{self, Manifest};
use std::fs;
use std::path::{Path, PathBuf};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_store::sqlite::instance::known_id;

/// Of those that a refusal lists.
const SHOWN: usize = 10;

/// A backup that says itself what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub path: PathBuf,
    pub manifest: Manifest,
}

/// What lies in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// By the time of their making, the newest last.
    pub kept: Vec<Kept>,
    /// Files named as backups are, with no manifest that reads: nobody knows whose they are.
    pub nameless: Vec<PathBuf>,
}

/// Looks into a folder; one that is not there holds nothing.
pub fn in_folder(folder: &Path) -> Folder {
    let mut found = Folder::default();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let is_named = path.to_string_lossy().ends_with(backup::ENDING);
        let has_manifest = backup::manifest_path(&path).is_file();
        match (has_manifest && path.is_file()).then(|| backup::read_manifest(&path).ok()).flatten() {
            Some(manifest) => found.kept.push(Kept { path, manifest }),
            None if is_named => found.nameless.push(path),
            None => {}
        }
    }
    found.kept.sort_by(|one, other| (one.manifest.at, &one.path).cmp(&(other.manifest.at, &other.path)));
    found.nameless.sort();
    found
}

/// The newest backup of this store, by what the backups say. When none says that it is, or the store is gone and there are
/// those of several, the choice is left to a person.
pub fn newest(folder: &Path, database: &Path) -> Result<PathBuf, Problem> {
    let found = in_folder(folder);
    let id = known_id(database);
    let of_store = |id: &str| found.kept.iter().rev().find(|kept| kept.manifest.instance == id);
    let only = || {
        let mut ids = found.kept.iter().map(|kept| kept.manifest.instance.as_str());
        let first = ids.next()?;
        (found.nameless.is_empty() && ids.all(|id| id == first)).then_some(first)
    };
    // A store that is gone or cannot be read names nobody: then all that is there must be of one.
    let chosen = match &id {
        Some(id) => of_store(id),
        None => only().and_then(of_store),
    };
    match chosen {
        Some(kept) => Ok(kept.path.clone()),
        None if found == Folder::default() => Err(missing(folder)),
        None => Err(unclear(folder, id.as_deref(), &found)),
    }
}

fn missing(folder: &Path) -> Problem {
    Problem::new("restore.missing", format!("there is no backup of this store in `{}`", folder.display()))
        .expected("a backup there, or its path on the command line")
        .retry(RetryAdvice::SafeAfterFix, "safe with a path; the store is untouched")
        .hint("`workaday backup` makes one")
}

fn unclear(folder: &Path, id: Option<&str>, found: &Folder) -> Problem {
    let why = match id {
        Some(id) => format!("no backup in `{}` says that it is of this store ({})", folder.display(), short(id)),
        None => format!("the store is gone or does not read, and it is not clear which backup in `{}` is its own", folder.display()),
    };
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let told = found
        .kept
        .iter()
        .rev()
        .map(|kept| format!("{} of {}, store {}", name(&kept.path), kept.manifest.at, short(&kept.manifest.instance)));
    let all: Vec<String> = told.chain(found.nameless.iter().map(|path| format!("{} without a manifest", name(path)))).collect();
    let more = all.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    Problem::new("restore.unclear", why)
        .expected("a backup whose manifest names this store, or the path on the command line")
        .got(format!("{}{more}", all.into_iter().take(SHOWN).collect::<Vec<_>>().join("; ")))
        .retry(RetryAdvice::SafeAfterFix, "safe with a path; the store is untouched")
        .hint("`workaday restore PATH --dry-run` says what it would change; a store that was restored and adopted has a new name")
}

/// A store's id as people compare it.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

//! Writes the files, keeps what stood there, and puts it back.

use super::render::FileText;
use crate::files;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use workaday_core::explain::{Problem, RetryAdvice};

/// A file that would be written, with how it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub file: FileText,
    /// Unified.
    pub diff: String,
}

/// What was written and what stood there before. It lies beside the environment file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub files: Vec<KeptFile>,
    /// Folders that were made, the outer ones first.
    pub folders: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// Without the root.
    pub path: PathBuf,
    /// Of what was written.
    pub sha256: String,
    /// The text before and its permission bits.
    pub before: Option<(String, u32)>,
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn failed(path: &Path, error: &io::Error) -> Problem {
    Problem::new("install.failed", format!("`{}` could not be read or written: {error}", path.display()))
        .expected("folders that this user may write")
        .retry(RetryAdvice::SafeAfterFix, "safe after the permission is mended; what was written is known, and is not written twice")
        .hint("system services need root (sudo); --user installs services of this user")
}

fn read(path: &Path) -> Result<Option<String>, Problem> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

/// What differs from the files that are there. A file of theirs that exists is left alone.
pub fn changes(wanted: &[FileText], root: &Path) -> Result<Vec<Change>, Problem> {
    let mut found = vec![];
    for file in wanted {
        let there = read(&below(root, &file.path))?;
        if there.as_deref() == Some(&*file.text) || file.is_theirs && there.is_some() {
            continue;
        }
        let before = there.as_deref().unwrap_or_default();
        let names =
            (if there.is_some() { file.path.display().to_string() } else { "/dev/null".to_owned() }, file.path.display().to_string());
        let diff = similar::TextDiff::from_lines(before, &file.text).unified_diff().header(&names.0, &names.1).to_string();
        found.push(Change { file: file.clone(), diff });
    }
    Ok(found)
}

/// What is installed below a root; `record` without the root.
pub fn installed(record: &Path, root: &Path) -> Result<Option<Kept>, Problem> {
    let text = read(&below(root, record))?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Writes the changes. The record is renewed before each, so that a cut leaves nothing that nobody knows of.
pub fn apply(changes: &[Change], record: &Path, root: &Path) -> Result<(), Problem> {
    let mut kept = installed(record, root)?.unwrap_or_default();
    make_folder(record.parent().unwrap_or(Path::new("/")), root, &mut kept, 0o750)?;
    for change in changes {
        let path = below(root, &change.file.path);
        make_folder(change.file.path.parent().unwrap_or(Path::new("/")), root, &mut kept, 0o755)?;
        let sha256 = files::sum(change.file.text.as_bytes());
        match kept.files.iter_mut().find(|known| known.path == change.file.path) {
            // What stood there before the first install is what is put back.
            Some(known) => known.sha256 = sha256,
            None => {
                let mode = fs::metadata(&path).map(|found| found.permissions().mode() & 0o7777).unwrap_or(0o644);
                let before = read(&path)?.map(|text| (text, mode));
                kept.files.push(KeptFile { path: change.file.path.clone(), sha256, before });
            }
        }
        write(&below(root, record), &serde_json::to_string_pretty(&kept).unwrap_or_default(), 0o600)?;
        write(&path, &change.file.text, change.file.mode)?;
    }
    Ok(())
}

fn make_folder(folder: &Path, root: &Path, kept: &mut Kept, mode: u32) -> Result<(), Problem> {
    let mut missing: Vec<&Path> = folder.ancestors().take_while(|path| !below(root, path).is_dir()).collect();
    missing.reverse();
    for path in missing {
        let place = below(root, path);
        fs::DirBuilder::new().recursive(true).mode(mode).create(&place).map_err(|error| failed(&place, &error))?;
        kept.folders.push(path.to_path_buf());
    }
    Ok(())
}

/// Whole or not at all: a new file takes the place of the old one.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Problem> {
    let fail = |error: io::Error| failed(path, &error);
    let new = files::with_end(path, &format!(".new-{}", std::process::id()));
    let mut file = files::new_private(&new).map_err(fail)?;
    let done = file
        .write_all(text.as_bytes())
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
        .and_then(|()| file.sync_all());
    done.and_then(|()| fs::rename(&new, path)).map_err(|error| {
        let _ = fs::remove_file(&new);
        failed(path, &error)
    })
}

/// Puts back what was there. Files that somebody changed since stay; they are returned.
pub fn take_away(kept: &Kept, record: &Path, root: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut left = vec![];
    for known in &kept.files {
        let path = below(root, &known.path);
        match (read(&path)?, &known.before) {
            (Some(text), _) if files::sum(text.as_bytes()) != known.sha256 => left.push(known.path.clone()),
            (_, Some((before, mode))) => write(&path, before, *mode)?,
            (Some(_), None) => fs::remove_file(&path).map_err(|error| failed(&path, &error))?,
            (None, None) => {}
        }
    }
    let record = below(root, record);
    fs::remove_file(&record).map_err(|error| failed(&record, &error))?;
    for folder in kept.folders.iter().rev() {
        // One that holds something else by now stays.
        let _ = fs::remove_dir(below(root, folder));
    }
    Ok(left)
}

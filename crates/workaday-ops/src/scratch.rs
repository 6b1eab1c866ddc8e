//! Scratch folders: private, gone with their holder, and found again when the holder was killed.
//!
//! · Held by a lock on the folder itself: one whose lock is free is nobody's. · Killed: the next restore, rehearsal or release
//! takes it away, and `workaday doctor` names it until then. · On a signal: [`sweep`].
//!
//! The scratch place of a rehearsal has a lock of its own: processes and databases belong to it (`rehearsal::leftovers`).

use crate::git::Repository;
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The checkout inside a folder of [`Kind::Code`].
pub const TREE: &str = "tree";

/// Those that are there now, for whoever has to end the process at once.
static OPEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A backup, unpacked.
    Restore,
    /// A revision, checked out, or what its code said.
    Code,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Restore, Kind::Code];

    const fn prefix(self) -> &'static str {
        match self {
            Kind::Restore => "workaday-restore-",
            Kind::Code => "workaday-code-",
        }
    }
}

/// A private folder that goes when this goes.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// `None`: the file system knows no locks, and nobody will take this for a leftover.
    _held: Option<File>,
}

impl Scratch {
    /// Makes one in `parent`, which is there.
    pub fn new(parent: &Path, kind: Kind) -> io::Result<Self> {
        /// Somebody who clears up may take it away before it is locked.
        const TRIES: usize = 5;
        for _ in 0..TRIES {
            let path = parent.join(format!("{}{}", kind.prefix(), uuid::Uuid::now_v7().simple()));
            DirBuilder::new().mode(0o700).create(&path)?;
            if let Ok(held) = hold(&path)
                && held.as_ref().is_none_or(|held| is_at(held, &path))
            {
                open().insert(path.clone());
                return Ok(Self { path, _held: held });
            }
        }
        Err(io::Error::other("the folder was taken away while it was made"))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
        open().remove(&self.path);
    }
}

fn open() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes away what this process holds: a signal ends it before it can clear up by itself.
pub fn sweep() {
    for path in open().iter() {
        let _ = fs::remove_dir_all(path);
    }
}

/// The lock of a folder. `None`: there are no locks here. An error: somebody has it, or the folder is gone.
fn hold(path: &Path) -> io::Result<Option<File>> {
    let folder = fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_DIRECTORY).open(path)?;
    match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(folder)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::ErrorKind::WouldBlock.into()),
        Err(_) => Ok(None),
    }
}

/// Is what we hold what stands there?
fn is_at(held: &File, path: &Path) -> bool {
    let same = || Some(held.metadata().ok()?.ino() == fs::symlink_metadata(path).ok()?.ino());
    same() == Some(true)
}

/// A folder whose holder is gone. Locked by us now.
#[derive(Debug)]
pub struct Leftover {
    pub path: PathBuf,
    kind: Kind,
    _held: File,
}

impl Leftover {
    /// Deletes it; `repository` forgets its checkout.
    pub fn remove(self, repository: Option<&Repository>) {
        if let (Kind::Code, Some(repository)) = (self.kind, repository) {
            repository.take_away(&self.path.join(TREE));
        }
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Leftovers in these folders: those of this user, or of anybody.
pub fn leftovers(folders: &[PathBuf], of_anybody: bool) -> Vec<Leftover> {
    let own = rustix::process::geteuid().as_raw();
    let is_ours = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && (of_anybody || found.uid() == own));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let one = |entry: fs::DirEntry| {
        let (name, path) = (entry.file_name(), entry.path());
        let kind = Kind::ALL.into_iter().find(|kind| name.to_string_lossy().starts_with(kind.prefix()))?;
        let held = is_ours(&path).then(|| hold(&path).ok()).flatten()??;
        Some(Leftover { path, kind, _held: held })
    };
    entries.filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_no_leftover_what_was_left_is_one_and_a_sweep_takes_what_is_held() {
        let parent = tempfile::tempdir().expect("a folder");
        let folders = [parent.path().to_path_buf()];
        let scratch = Scratch::new(parent.path(), Kind::Restore).expect("a scratch folder");
        assert_eq!(fs::metadata(scratch.path()).expect("it is there").mode() & 0o777, 0o700);
        assert!(leftovers(&folders, false).is_empty(), "its holder lives");
        let path = scratch.path().to_path_buf();
        drop(scratch);
        assert!(!path.exists());
        // As after a kill: the folder is there, and nobody holds it.
        fs::create_dir_all(path.join("inner")).expect("a folder");
        let found = leftovers(&folders, false);
        assert_eq!(found.iter().map(|left| left.path.clone()).collect::<Vec<_>>(), std::slice::from_ref(&path));
        assert!(leftovers(&folders, false).is_empty(), "found once: the other who clears up has it");
        found.into_iter().for_each(|left| left.remove(None));
        assert!(!path.exists());
        let scratch = Scratch::new(parent.path(), Kind::Code).expect("a scratch folder");
        fs::write(scratch.path().join("secret"), "x").expect("written");
        sweep();
        assert!(!scratch.path().exists());
    }
}

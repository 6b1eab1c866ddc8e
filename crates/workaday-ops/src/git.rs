//! What the repository says: revision, what differs from it, what lies between two revisions.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The repository that a folder belongs to.
#[derive(Clone, Debug)]
pub struct Repository {
    folder: PathBuf,
}

/// How the folder differs from its revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirt {
    /// Tracked files that were changed, added to the index, or deleted.
    pub changed: Vec<String>,
    /// Files that git knows nothing of and was not told to ignore.
    pub untracked: Vec<String>,
}

impl Repository {
    /// `None`: no repository, no git, or no commit yet.
    pub fn of(folder: &Path) -> Option<Self> {
        let repository = Self { folder: folder.to_path_buf() };
        repository.head().map(|_| repository)
    }

    pub fn head(&self) -> Option<String> {
        self.git(&["rev-parse", "--verify", "HEAD"])
    }

    /// The whole name of a revision, if it is there.
    pub fn revision(&self, name: &str) -> Option<String> {
        self.git(&["rev-parse", "--verify", "--end-of-options", &format!("{name}^{{commit}}")])
    }

    /// `notes`: a folder whose files are no dirt.
    pub fn dirt(&self, notes: &Path) -> Dirt {
        let mut dirt = Dirt::default();
        let Some(text) = self.git_raw(&["status", "--porcelain", "-z", "--untracked-files=normal", "--no-renames"]) else { return dirt };
        let notes = format!("{}/", self.prefix().join(notes).display());
        for entry in text.split('\0').filter(|entry| entry.len() > 3) {
            let (state, path) = entry.split_at(3);
            if path.starts_with(&notes) || format!("{path}/") == notes || notes.starts_with(path) && path.ends_with('/') {
                continue;
            }
            let list = if state.starts_with("??") { &mut dirt.untracked } else { &mut dirt.changed };
            list.push(path.to_owned());
        }
        dirt
    }

    /// Files that differ between two revisions.
    pub fn touched(&self, from: &str, to: &str) -> Vec<String> {
        let text = self.git(&["diff", "--name-only", "--end-of-options", from, to]).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Where the folder stands below the top of the repository.
    pub fn prefix(&self) -> PathBuf {
        PathBuf::from(self.git(&["rev-parse", "--show-prefix"]).unwrap_or_default())
    }

    /// Checks a revision out into a new folder. The caller takes it away again.
    pub fn check_out(&self, revision: &str, into: &Path) -> Result<(), String> {
        self.must(&["worktree", "add", "--detach", "--force", &into.display().to_string(), revision])
    }

    pub fn take_away(&self, folder: &Path) {
        let _ = self.must(&["worktree", "remove", "--force", &folder.display().to_string()]);
    }

    /// A clone of its own at a revision, which knows no way back to the original: what is pushed there goes nowhere.
    pub fn clone_into(&self, into: &Path, revision: &str) -> Result<(), String> {
        let top = self.git(&["rev-parse", "--show-toplevel"]).ok_or("there is no top of the repository")?;
        let shown = into.display().to_string();
        self.must(&["clone", "--quiet", "--shared", "--no-checkout", &top, &shown])?;
        let clone = Self { folder: into.to_path_buf() };
        clone.must(&["checkout", "--quiet", "--detach", revision])?;
        clone.must(&["remote", "remove", "origin"])
    }

    /// An annotated tag. One that is there stays.
    pub fn tag(&self, name: &str, revision: &str, message: &str) -> Result<(), String> {
        let mut arguments = vec![];
        if self.git(&["var", "GIT_COMMITTER_IDENT"]).is_none() {
            arguments.extend(["-c", "user.name=workaday", "-c", "user.email=workaday@localhost"]);
        }
        arguments.extend(["tag", "--annotate", "--message", message, name, revision]);
        self.must(&arguments)
    }

    fn git(&self, arguments: &[&str]) -> Option<String> {
        self.git_raw(arguments).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty() || arguments.contains(&"--show-prefix"))
    }

    fn git_raw(&self, arguments: &[&str]) -> Option<String> {
        let answer = self.command(arguments).stderr(Stdio::null()).output().ok()?;
        answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
    }

    fn must(&self, arguments: &[&str]) -> Result<(), String> {
        let answer = self.command(arguments).output().map_err(|error| error.to_string())?;
        if answer.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&answer.stderr).trim().to_owned()) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.folder).args(arguments).stdin(Stdio::null());
        command
    }
}

/// A revision as people write it.
pub fn short(revision: &str) -> &str {
    revision.get(..12).unwrap_or(revision)
}

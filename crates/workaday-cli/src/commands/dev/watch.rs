//! The folders below the root, watched for changed Python files and workaday.toml.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The kernel gives a user some thousand watches; code lies in fewer folders.
const FOLDERS_MAX: usize = 4_000;
const SKIPPED: &[&str] = &["__pycache__", "node_modules", "target", "build", "dist", "site"];

pub struct Tree {
    fd: OwnedFd,
    root: PathBuf,
}

impl Tree {
    pub fn open(root: &Path) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let tree = Self { fd, root: root.to_path_buf() };
        tree.watch_all()?;
        Ok(tree)
    }

    /// Watching a folder again is no second watch, so new folders are found by walking anew.
    fn watch_all(&self) -> io::Result<()> {
        let mut waiting = vec![self.root.clone()];
        let mut watched = 0;
        while let Some(folder) = waiting.pop().filter(|_| watched < FOLDERS_MAX) {
            let events = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::MOVED_FROM | WatchFlags::DELETE | WatchFlags::CREATE;
            match inotify::add_watch(&self.fd, &folder, events | WatchFlags::ONLYDIR) {
                Ok(_) => watched += 1,
                // Gone since it was listed.
                Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::ACCESS) => continue,
                Err(error) => return Err(error.into()),
            }
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            waiting.extend(
                entries
                    .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                    .map(|entry| entry.path())
                    .filter(|path| holds_code(path)),
            );
        }
        Ok(())
    }

    /// Takes in what the kernel has to say; the name of the first relevant file that changed.
    pub fn changed(&mut self) -> Option<String> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 8192];
        let (mut found, mut is_folder_new) = (None, false);
        {
            let mut events = inotify::Reader::new(&self.fd, &mut buffer);
            while let Ok(event) = events.next() {
                let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                is_folder_new |= event.events().contains(ReadFlags::ISDIR);
                // A file that was only created is empty as yet; its content comes with CLOSE_WRITE.
                let is_content = !event.events().intersects(ReadFlags::CREATE | ReadFlags::ISDIR);
                if found.is_none() && is_content && is_relevant(&name) {
                    found = Some(name);
                }
            }
        }
        if is_folder_new {
            // Out of watches: what is watched already goes on being so.
            let _ = self.watch_all();
        }
        found
    }
}

impl AsFd for Tree {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn is_relevant(name: &str) -> bool {
    (name.ends_with(".py") && !name.starts_with('.')) || name == "workaday.toml"
}

/// Virtual environments, hidden folders and build results change without the code having changed.
fn holds_code(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && !SKIPPED.contains(&&*name) && !path.join("pyvenv.cfg").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_python_file_is_seen_also_in_a_new_folder_and_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("venv")).unwrap();
        fs::write(root.path().join("venv/pyvenv.cfg"), "").unwrap();
        let mut tree = Tree::open(root.path()).unwrap();
        assert_eq!(tree.changed(), None);
        fs::write(root.path().join("notes.txt"), "x").unwrap();
        fs::write(root.path().join("venv/lib.py"), "x").unwrap();
        assert_eq!(tree.changed(), None);
        fs::write(root.path().join("jobs.py"), "x").unwrap();
        assert_eq!(tree.changed().as_deref(), Some("jobs.py"));
        fs::create_dir(root.path().join("shop")).unwrap();
        assert_eq!(tree.changed(), None);
        fs::write(root.path().join("shop/tasks.py"), "x").unwrap();
        assert_eq!(tree.changed().as_deref(), Some("tasks.py"));
        fs::rename(root.path().join("shop/tasks.py"), root.path().join("shop/other.py")).unwrap();
        assert!(tree.changed().is_some());
    }
}

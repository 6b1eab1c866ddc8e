//! What is kept of a release beside its steps: the lock, the open row, the note as a file.

use crate::files;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::Path;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{Durability, Store, StoreError, open_reader};

/// One release at a time: held by the process that carries it out.
pub struct ReleaseLock {
    _file: File,
}

impl ReleaseLock {
    /// Takes the lock beside the store, or names who holds it.
    pub fn take(database: &Path, now: Timestamp) -> Result<Self, Problem> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = files::with_end(database, "-release");
        let open = || {
            fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&path)
        };
        let mut file = open().map_err(|error| unwritable(&path, &error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(Problem::new("release.held", format!("another release is being carried out: {}", holder.trim()))
                .expected("one release at a time")
                .retry(RetryAdvice::SafeAfterFix, "safe once that one has ended; nothing was changed")
                .hint("`workaday release list` shows it"));
        }
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "pid={} since={now}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// Number and plan of the release that is open.
pub(super) fn open_row(database: &Path) -> Result<Option<(i64, String)>, Problem> {
    let rows = open_reader(database).and_then(|reader| reader.releases(None, 50)).map_err(|error| error.problem())?;
    Ok(rows.into_iter().find(|row| row.state == "open").map(|row| (row.release, row.plan)))
}

/// One synced transaction on a connection of its own.
pub(super) fn write<T>(database: &Path, act: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>) -> Result<T, Problem> {
    let options = OpenOptions { create: false, cache_kib: 1024, ..OpenOptions::default() };
    let work = || -> Result<T, StoreError> {
        let mut store = SqliteStore::open(database, options)?;
        store.begin(Durability::Full)?;
        match act(&mut store) {
            Ok(value) => store.commit().map(|()| value),
            Err(error) => {
                store.rollback();
                Err(error)
            }
        }
    };
    work().map_err(|error| error.problem())
}

/// What an alert about a release is about.
pub(super) fn subject(release: i64) -> String {
    format!("release {release}")
}

pub(super) fn write_note(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Beside, then renamed: a note is whole or not there.
    let partial = files::with_end(path, ".partial");
    fs::write(&partial, text)?;
    fs::rename(partial, path)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new("store.unwritable", format!("the file `{}` could not be opened: {error}", path.display()))
        .expected("a folder that this user may write to")
        .retry(RetryAdvice::SafeAfterFix, "safe after the permission is mended; nothing was started")
}

/// Refuses a new release while one is open.
pub fn refuse_open(database: &Path) -> Result<(), Problem> {
    match open_row(database)? {
        None => Ok(()),
        Some((number, _)) => Err(Problem::new("release.open", format!("release {number} was cut off before its end"))
            .expected("every release closed before the next")
            .retry(RetryAdvice::SafeAfterFix, "safe once it is closed; nothing was changed")
            .hint("`workaday release resume` goes on with it, `workaday release abort` closes it as it stands")),
    }
}

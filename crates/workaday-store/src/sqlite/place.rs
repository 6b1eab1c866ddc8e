//! Where a store may stand: a private file of its own, on a local file system, in a folder that we can write.
//!
//! Nothing here opens a database that exists: closing such a descriptor would drop every lock this process has on it.

use super::failure;
use crate::error::{Result, StoreError};
use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use workaday_core::explain::{Problem, RetryAdvice};

/// The one spelling of a store's path: the folder with its links resolved, so that all side files stand together.
pub fn resolve(path: &Path, make_folder: bool) -> Result<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| failure::cannot_open(&path.display().to_string(), "the path names no file"))?;
    if make_folder && !folder.exists() {
        DirBuilder::new().mode(0o700).recursive(true).create(folder).map_err(|error| folder_problem(folder, &error.to_string()))?;
    }
    let folder = folder.canonicalize().map_err(|error| folder_problem(folder, &error.to_string()))?;
    if !folder.is_dir() {
        return Err(folder_problem(&folder, "it is a file").into());
    }
    Ok(folder.join(name))
}

/// Makes the file when it is not there (private, and durable as a name), else looks at what stands there.
pub fn prepare(path: &Path, create: bool) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(not_a_file(path, "a symbolic link").into()),
        Ok(found) if found.is_dir() => Err(a_folder(path).into()),
        Ok(found) if !found.is_file() => Err(not_a_file(path, "something else").into()),
        Ok(_) => writable(path),
        Err(error) if error.kind() == ErrorKind::NotFound && create => make(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(path).into()),
        Err(error) => Err(failure::cannot_open(&path.display().to_string(), &error.to_string()).into()),
    }
}

pub fn missing(path: &Path) -> Problem {
    Problem::new("store.missing", format!("there is no store at `{}`", path.display()))
        .expected("a file made by `workaday up`, `workaday migrate` or the first enqueue")
        .retry(RetryAdvice::SafeAfterFix, "safe once it is there; nothing was stored")
        .hint("is this the folder of workaday.toml, and does `database` name the file that the service uses?")
}

fn make(path: &Path) -> Result<()> {
    // Before SQLite sees it: with a usual umask it would make the file, and -wal and -shm after it, readable by all.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path) {
        Ok(_) => sync_folder(path),
        // Another process was quicker: that file is as good.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::StorageFull => Err(StoreError::Full { path: path.display().to_string() }),
        Err(error) => Err(folder_problem(path.parent().unwrap_or(path), &error.to_string()).into()),
    }
}

/// Makes a new name in the folder survive a power cut.
pub fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| StoreError::Io { path: path.display().to_string(), cause: error.to_string() })
}

fn writable(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if !may_write(path) {
        return Err(failure::read_only(&path.display().to_string()).into());
    }
    // SQLite keeps -wal and -shm beside the file.
    if !may_write(folder) {
        return Err(folder_problem(folder, "no permission to write").into());
    }
    Ok(())
}

fn may_write(path: &Path) -> bool {
    let Ok(name) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: `name` is a NUL-terminated string that lives across the call; access() keeps nothing of it.
    unsafe { libc::access(name.as_ptr(), libc::W_OK) == 0 }
}

fn folder_problem(folder: &Path, cause: &str) -> Problem {
    let shown = folder.display();
    let in_the_way = folder.ancestors().find(|place| place.symlink_metadata().is_ok()).filter(|place| place.exists() && !place.is_dir());
    let hint = match in_the_way {
        Some(file) => format!("`{}` is a file: move it away, or name another place with `database` in workaday.toml", file.display()),
        None => format!("`ls -ld {shown}` and `id` show who may write; workaday.toml `database` names another place"),
    };
    Problem::new("store.folder_unwritable", format!("the folder `{shown}` of the store cannot be used: {cause}"))
        .expected("a folder in which this user may make files (SQLite keeps `-wal` and `-shm` beside the database)")
        .retry(RetryAdvice::SafeAfterFix, "safe once it is writable; nothing was stored")
        .hint(hint)
}

/// A folder where the file should be: most likely `database` names the place and leaves out the file.
pub fn a_folder(path: &Path) -> Problem {
    let shown = path.display();
    Problem::new("store.not_a_file", format!("`{shown}` is a folder, not a file"))
        .expected("a database file, or a name that is free in a folder that is there")
        .retry(RetryAdvice::SafeAfterFix, "safe once `database` names a file; nothing was stored")
        .hint(format!("a file in it: database = \"{}\"", path.join("workaday.db").display()))
}

fn not_a_file(path: &Path, what: &str) -> Problem {
    let shown = path.display();
    Problem::new("store.not_a_file", format!("`{shown}` is {what}, not a file"))
        .expected("the database file itself: two names for one file lead SQLite to two sets of locks")
        .retry(RetryAdvice::SafeAfterFix, "safe once `database` names the file; nothing was stored")
        .hint(format!("`readlink -f {shown}` names the file"))
}

/// The file's number on its file system; it tells a copy from the original.
pub fn inode(path: &Path) -> Result<u64> {
    fs::symlink_metadata(path)
        .map(|found| found.ino())
        .map_err(|error| StoreError::Io { path: path.display().to_string(), cause: error.to_string() })
}

/// `<database>-wal` and the like.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

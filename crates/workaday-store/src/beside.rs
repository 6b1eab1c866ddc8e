//! The files beside the store, as far as the command line is concerned: is a supervisor there, and how to wake it.

use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// The longest path a socket address holds.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The supervisor that holds the store's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisor {
    pub pid: Option<i64>,
    /// The lock file's own words: `pid=… since=… host=…`.
    pub text: String,
}

/// Who holds `<database>-lock`, if anybody does.
///
/// The kernel's list is read instead of trying the lock: a try would, for an instant, keep out a supervisor that starts just then.
pub fn supervisor(database: &Path) -> Option<Supervisor> {
    let path = with_suffix(database, "-lock");
    let inode = std::fs::metadata(&path).ok()?.ino();
    let text = std::fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
    let pid = text.split_whitespace().find_map(|word| word.strip_prefix("pid=")).and_then(|pid| pid.parse().ok());
    let held = match std::fs::read_to_string("/proc/locks") {
        // The list comes in pieces, and a lock that ends elsewhere between two of them may take another out of sight.
        Ok(locks) => locks.lines().any(|line| is_flock_on(line, inode)) || pid.is_some_and(|pid| has_open(pid, &path)),
        Err(_) => pid.is_some_and(|pid: i64| Path::new(&format!("/proc/{pid}")).exists()),
    };
    held.then_some(Supervisor { pid, text })
}

/// Has this process the file open? One that wrote its name into a lock file, and lives, holds it until it ends.
fn has_open(pid: i64, path: &Path) -> bool {
    let (Ok(wanted), Ok(files)) = (std::fs::metadata(path), std::fs::read_dir(format!("/proc/{pid}/fd"))) else { return false };
    files.flatten().any(|fd| std::fs::metadata(fd.path()).is_ok_and(|found| (found.ino(), found.dev()) == (wanted.ino(), wanted.dev())))
}

/// `1: FLOCK  ADVISORY  WRITE 1234 00:2f:5678 0 EOF`: the number after the second colon of the sixth word is the inode.
/// The device is left out: on layered file systems it is not the one that stat shows.
fn is_flock_on(line: &str, inode: u64) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.get(1) == Some(&"FLOCK") && words.get(5).and_then(|place| place.rsplit(':').next()) == Some(&*inode.to_string())
}

/// Tells the supervisor to look now. Nobody there, or its box full: it looks by itself soon.
pub fn wake(database: &Path) {
    let path = with_suffix(database, "-wake");
    let Ok(socket) = UnixDatagram::unbound() else { return };
    let _ = socket.set_nonblocking(true);
    if path.as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES_MAX {
        let _ = socket.send_to(b"w", &path);
        return;
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return };
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = socket.send_to(b"w", Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name));
    }
}

fn with_suffix(database: &Path, suffix: &str) -> PathBuf {
    // The store is known by the path with its links resolved: beside a link there is nothing.
    let database = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_path_buf());
    let mut name = database.into_os_string();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_is_seen_and_a_free_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("jobs.db");
        assert_eq!(supervisor(&database), None);
        let lock = std::fs::File::create(folder.path().join("jobs.db-lock")).unwrap();
        std::fs::write(folder.path().join("jobs.db-lock"), "pid=42 since=now host=here\n").unwrap();
        assert_eq!(supervisor(&database), None);
        lock.lock().unwrap();
        assert_eq!(supervisor(&database).unwrap().pid, Some(42));
    }

    #[test]
    fn a_supervisor_that_lives_and_has_its_lock_file_open_is_seen_though_the_list_of_locks_leaves_it_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.db-lock");
        let open = std::fs::File::create(&path).unwrap();
        std::fs::write(&path, format!("pid={} since=now", std::process::id())).unwrap();
        assert_eq!(supervisor(&folder.path().join("jobs.db")).unwrap().pid, Some(i64::from(std::process::id())));
        drop(open);
        assert_eq!(supervisor(&folder.path().join("jobs.db")), None);
    }

    #[test]
    fn a_ping_arrives_also_through_a_long_path() {
        for depth in [0, 6] {
            let folder = tempfile::tempdir().unwrap();
            let deep = (0..depth).fold(folder.path().to_path_buf(), |path, _| path.join("a-rather-long-folder-name"));
            std::fs::create_dir_all(&deep).unwrap();
            let folder_file = std::fs::File::open(&deep).unwrap();
            let inbox = UnixDatagram::bind(format!("/proc/self/fd/{}/jobs.db-wake", folder_file.as_raw_fd())).unwrap();
            wake(&deep.join("jobs.db"));
            let mut received = [0_u8; 8];
            inbox.set_nonblocking(true).unwrap();
            assert_eq!(inbox.recv(&mut received).unwrap(), 1, "depth {depth}");
        }
    }

    #[test]
    fn without_a_supervisor_a_ping_is_nothing() {
        wake(Path::new("nowhere/jobs.db"));
    }
}

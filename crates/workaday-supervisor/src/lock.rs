//! One supervisor a store. The kernel says exactly when a supervisor and its children are dead.
//!
//! `-lock` belongs to the supervisor alone; `-children` is inherited by every child, so it is free only when all of
//! them are gone. Inheritors close it, never unlock it: an unlock would free it for everybody.

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};

/// The path of a file beside the store.
pub fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn open_lock(path: &Path) -> Result<File, Problem> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd: OwnedFd = open(path, flags, Mode::RUSR | Mode::WUSR).map_err(|error| cannot_open(path, error))?;
    Ok(File::from(fd))
}

fn cannot_open(path: &Path, error: Errno) -> Problem {
    Problem::new("store.unwritable", format!("the file `{}` could not be opened: {error}", path.display()))
        .expected("a folder that this user may write to")
        .retry(RetryAdvice::SafeAfterFix, "safe after the permission is mended; nothing was started")
}

/// The supervisor's own lock, held until the process ends.
#[derive(Debug)]
pub struct SupervisorLock {
    _file: File,
}

/// How long a lock of a supervisor that is dead may still be held.
const DEAD_PATIENCE: Duration = Duration::from_secs(1);

/// Takes the supervisor lock, or says who holds it.
///
/// A supervisor killed between the fork and the exec of a child leaves the lock, for that moment, to the copy: its exec
/// closes it. So a lock whose holder is dead is asked for again, for a second at most.
pub fn take_supervisor_lock(database: &Path, now: Timestamp) -> Result<SupervisorLock, Problem> {
    let path = beside(database, "-lock");
    let mut file = open_lock(&path)?;
    let until = Instant::now() + DEAD_PATIENCE;
    loop {
        match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let _ = file.set_len(0);
                let _ = file.seek(SeekFrom::Start(0));
                let _ = write!(file, "pid={} since={now}", std::process::id());
                return Ok(SupervisorLock { _file: file });
            }
            Err(Errno::WOULDBLOCK) => {
                let holder = holder(&mut file);
                if is_alive(&holder) || Instant::now() >= until {
                    return Err(held(database, &holder));
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(cannot_open(&path, error)),
        }
    }
}

/// Does the process that has named itself in the lock run? One that has not yet is just starting.
fn is_alive(holder: &str) -> bool {
    let pid = holder.split_whitespace().find_map(|word| word.strip_prefix("pid=")?.parse::<i64>().ok());
    pid.is_none_or(|pid| crate::orphans::process_started_at(pid) != 0)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.seek(SeekFrom::Start(0));
    let _ = file.read_to_string(&mut text);
    if text.trim().is_empty() { "a process that has not said its name yet".to_owned() } else { text.trim().to_owned() }
}

fn held(database: &Path, holder: &str) -> Problem {
    Problem::new("supervisor.held", format!("another supervisor runs on `{}`: {holder}", database.display()))
        .expected("one supervisor a store")
        .got(holder.to_owned())
        .retry(RetryAdvice::SafeAfterFix, "safe once that one has ended; nothing was started")
        .hint("stop it with SIGTERM (it drains), or look at it with `workaday status`")
}

/// The lock that children inherit.
#[derive(Debug)]
pub struct ChildrenLock {
    file: File,
}

impl ChildrenLock {
    /// Waits until no child of an earlier generation lives, at most `patience`.
    pub fn take(database: &Path, patience: Duration) -> Result<ChildrenLock, Problem> {
        let path = beside(database, "-children");
        let file = open_lock(&path)?;
        let until = Instant::now() + patience;
        loop {
            match flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(ChildrenLock { file }),
                Err(Errno::WOULDBLOCK) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
                Err(Errno::WOULDBLOCK) => return Err(children_held(&path)),
                Err(error) => return Err(cannot_open(&path, error)),
            }
        }
    }

    pub fn file(&self) -> &File {
        &self.file
    }
}

fn children_held(path: &Path) -> Problem {
    let holders = holders_of(path);
    Problem::new("supervisor.children_alive", format!("processes of an earlier supervisor still hold `{}`: {holders}", path.display()))
        .expected("all of them dead: their jobs must not run twice at once")
        .got(holders)
        .retry(RetryAdvice::SafeAfterFix, "safe once they have ended; nothing was started")
        .hint("end them with `kill -9 PID`, then start again")
}

/// The processes that have a file open, from /proc: the kernel's own list of lock owners names only the first.
fn holders_of(path: &Path) -> String {
    use std::os::unix::fs::MetadataExt;
    let Ok(wanted) = std::fs::metadata(path) else { return "unknown".to_owned() };
    let mut found = Vec::new();
    for (pid, name) in crate::orphans::processes() {
        let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        let has_it =
            files.flatten().any(|fd| std::fs::metadata(fd.path()).is_ok_and(|m| m.ino() == wanted.ino() && m.dev() == wanted.dev()));
        if has_it && pid != std::process::id() as i64 {
            found.push(format!("pid {pid} ({name})"));
        }
    }
    if found.is_empty() { "a process of another user".to_owned() } else { found.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a child does between fork and exec: the lock is held by a process that is not the one named in it.
    fn hold(database: &Path, named: &str) -> File {
        let mut file = open_lock(&beside(database, "-lock")).expect("the lock's file");
        flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive).expect("the lock");
        write!(file, "{named}").expect("a name");
        file
    }

    #[test]
    fn a_lock_that_outlives_its_dead_holder_for_a_moment_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("workaday.db");
        let mut dead = std::process::Command::new("true").spawn().expect("a process");
        let pid = dead.id();
        dead.wait().expect("its end");
        let copy = hold(&database, &format!("pid={pid} since=then"));
        let leaves = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(copy);
        });
        take_supervisor_lock(&database, Timestamp(0)).expect("the lock, once the copy has closed it");
        leaves.join().expect("the copy is gone");
    }

    #[test]
    fn a_lock_of_one_that_lives_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("workaday.db");
        let _held = hold(&database, &format!("pid={} since=then", std::process::id()));
        let began = Instant::now();
        let refused = take_supervisor_lock(&database, Timestamp(0)).expect_err("it is held");
        assert_eq!(refused.code, "supervisor.held");
        assert!(began.elapsed() < DEAD_PATIENCE, "nobody waits for one that lives");
    }
}

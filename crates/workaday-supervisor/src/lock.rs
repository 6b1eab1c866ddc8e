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

/// How long the lock of a dead supervisor may stay held. A process that it was starting when it was killed has a copy of
/// the lock until its exec, a moment later.
const DEAD_HOLDER_WAIT: Duration = Duration::from_secs(1);

/// Takes the supervisor lock, or says who holds it: at once when that one lives, after a wait when it is dead.
pub fn take_supervisor_lock(database: &Path, now: Timestamp) -> Result<SupervisorLock, Problem> {
    let path = beside(database, "-lock");
    let mut file = open_lock(&path)?;
    let until = Instant::now() + DEAD_HOLDER_WAIT;
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
                if has_open(&path, &holder) {
                    return Err(held(database, &holder));
                }
                if Instant::now() >= until {
                    return Err(held(database, &format!("{holder} is dead, and its lock is held by {}", holders_of(&path))));
                }
                // Asked again: flock waits without a limit, or not at all.
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(cannot_open(&path, error)),
        }
    }
}

/// Has the process that the lock names the lock open? Then it lives, and is no stranger with a pid used again.
fn has_open(path: &Path, holder: &str) -> bool {
    let pid = holder.split_whitespace().find_map(|word| word.strip_prefix("pid=")).and_then(|pid| pid.parse::<i64>().ok());
    pid.is_some_and(|pid| match std::fs::read_dir(format!("/proc/{pid}/fd")) {
        // Another user's process does not show its files: believed.
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
        Ok(_) => openers_of(path).iter().any(|(opener, _)| *opener == pid),
    })
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
                // Asked again: flock waits without a limit, or not at all.
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

/// Who has a lock file open, in words.
fn holders_of(path: &Path) -> String {
    let own = i64::from(std::process::id());
    let found: Vec<String> =
        openers_of(path).into_iter().filter(|(pid, _)| *pid != own).map(|(pid, name)| format!("pid {pid} ({name})")).collect();
    if found.is_empty() { "a process of another user".to_owned() } else { found.join(", ") }
}

/// The processes that have a file open, from /proc: the kernel's own list of lock owners names only the first.
fn openers_of(path: &Path) -> Vec<(i64, String)> {
    use std::os::unix::fs::MetadataExt;
    let Ok(wanted) = std::fs::metadata(path) else { return Vec::new() };
    let has_it = |pid: i64| {
        let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        files.flatten().any(|fd| std::fs::metadata(fd.path()).is_ok_and(|m| m.ino() == wanted.ino() && m.dev() == wanted.dev()))
    };
    crate::orphans::processes().into_iter().filter(|(pid, _)| has_it(*pid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("workaday-lock-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// The lock as a supervisor of this pid left it, held by a descriptor of ours.
    fn locked_by(pid: u32, database: &Path) -> File {
        let mut file = open_lock(&beside(database, "-lock")).expect("the lock file");
        flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive).expect("free");
        write!(file, "pid={pid} since=earlier").expect("its name");
        file
    }

    /// How often this process has the file open.
    fn opened(path: &Path) -> usize {
        let descriptors = std::fs::read_dir("/proc/self/fd").expect("a list");
        descriptors.flatten().filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to == path)).count()
    }

    #[test]
    fn a_lock_that_a_dead_supervisors_fork_still_holds_is_waited_for() {
        let folder = folder("dead");
        let database = folder.join("w.db");
        let mut dead = std::process::Command::new("true").spawn().expect("a process");
        dead.wait().expect("that ends");
        let inherited = locked_by(dead.id(), &database);
        let path = std::fs::canonicalize(beside(&database, "-lock")).expect("the lock file");
        let let_go = std::thread::spawn(move || {
            // Its exec, late: only once the new supervisor has opened the lock file too.
            while opened(&path) < 2 {
                std::thread::yield_now();
            }
            drop(inherited);
        });
        take_supervisor_lock(&database, Timestamp::default()).expect("the new supervisor takes it");
        let_go.join().expect("the thread");
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_lock_that_stays_with_a_stranger_is_refused_and_the_stranger_named() {
        let folder = folder("stranger");
        let database = folder.join("w.db");
        let mut dead = std::process::Command::new("true").spawn().expect("a process");
        dead.wait().expect("that ends");
        let _inherited = locked_by(dead.id(), &database);
        let refused = take_supervisor_lock(&database, Timestamp::default()).expect_err("held");
        assert_eq!(refused.code, "supervisor.held");
        assert!(refused.got.as_deref().is_some_and(|got| got.contains("is dead, and its lock is held by")), "{refused:?}");
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_living_supervisor_is_named_at_once() {
        let folder = folder("living");
        let database = folder.join("w.db");
        let _held = locked_by(std::process::id(), &database);
        // A machine that rests makes one of them slow, a wait would make all of them so.
        let at_once = (0..3).any(|_| {
            let began = Instant::now();
            let refused = take_supervisor_lock(&database, Timestamp::default()).expect_err("held");
            assert_eq!(refused.code, "supervisor.held");
            began.elapsed() < DEAD_HOLDER_WAIT
        });
        assert!(at_once, "it was waited for");
        let _ = std::fs::remove_dir_all(folder);
    }
}

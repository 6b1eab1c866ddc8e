//! How the supervisor learns that there is work: datagrams from clients, inotify on the WAL for everybody else.
//!
//! inotify fires *before* a commit is visible, so an event starts a burst of cheap re-checks (`data_version`) for 20 ms.
//! A burst that finds no job of ours doubles the pause before the next one, up to 50 ms: a busy neighbour in the same
//! file costs little. The slow poll of the engine is the truth.

use crate::lock::beside;
use rustix::fs::inotify;
use rustix::net::{RecvFlags, recv};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Problem, RetryAdvice};

const BURST: Length = Length::millis(20);
const STEP_MIN: Length = Length::micros(200);
const STEP_MAX: Length = Length::millis(1);
const PAUSE_MAX: Length = Length::millis(50);
const SOCKET_PATH_MAX: usize = 107;
/// Datagrams taken at once.
const AT_ONCE_MAX: usize = 1_024;

/// The datagram socket beside the store.
#[derive(Debug)]
pub struct WakeSocket {
    socket: UnixDatagram,
    path: PathBuf,
}

impl WakeSocket {
    /// Binds it. The caller holds the supervisor lock, so a file that is there belongs to nobody.
    pub fn bind(database: &Path) -> Result<WakeSocket, Problem> {
        let path = beside(database, "-wake");
        let _ = std::fs::remove_file(&path);
        let socket = bind_at(&path).map_err(|error| {
            Problem::new("store.unwritable", format!("the wake socket `{}` could not be made: {error}", path.display()))
                .expected("a folder that this user may write to, on a file system with sockets")
                .retry(RetryAdvice::SafeAfterFix, "safe after the permission is mended; nothing was started")
        })?;
        let _ = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600));
        let _ = socket.set_nonblocking(true);
        Ok(WakeSocket { socket, path })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Takes all datagrams that are there. Was there one?
    pub fn drain(&self) -> bool {
        let mut buffer = [0_u8; 16];
        // As many as fit the socket's queue, and no more: whoever sends without end must not keep us here.
        let taken = (0..AT_ONCE_MAX).take_while(|_| recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT).is_ok());
        taken.count() > 0
    }
}

impl Drop for WakeSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Binds also where the path is longer than a socket address allows, through the folder's descriptor.
pub(crate) fn bind_at(path: &Path) -> std::io::Result<UnixDatagram> {
    if path.as_os_str().as_bytes().len() <= SOCKET_PATH_MAX {
        return UnixDatagram::bind(path);
    }
    let folder = std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?;
    let name = path.file_name().unwrap_or_default();
    UnixDatagram::bind(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}

/// Watches the WAL for commits of writers that send no datagram.
#[derive(Debug)]
pub struct WalWatch {
    fd: OwnedFd,
    burst: Burst,
}

/// The re-checks after an event. Pure, on the steady clock.
#[derive(Debug, Default)]
struct Burst {
    next: Option<Timestamp>,
    until: Timestamp,
    step: Length,
    pause: Length,
    not_before: Timestamp,
}

impl WalWatch {
    /// `None` when the kernel gives no watch: then the slow poll is all there is.
    pub fn open(database: &Path) -> Option<WalWatch> {
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok()?;
        inotify::add_watch(&fd, beside(database, "-wal"), inotify::WatchFlags::MODIFY).ok()?;
        Some(WalWatch { fd, burst: Burst::default() })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Forgets events, for those of our own commits.
    pub fn forget(&self) {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.fd, &mut buffer);
        while reader.next().is_ok() {}
    }

    /// Somebody wrote: begin a burst, unless one runs or the last ones found nothing.
    pub fn woken(&mut self, now: Timestamp) {
        self.forget();
        self.burst.begin(now);
    }

    pub fn next_at(&self) -> Option<Timestamp> {
        self.burst.next
    }

    /// Is a re-check due? If so the caller looks, and tells what came of it with [`Self::checked`].
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.burst.next.is_some_and(|at| now >= at)
    }

    pub fn checked(&mut self, found_work: bool, now: Timestamp) {
        self.burst.checked(found_work, now);
    }
}

impl Burst {
    fn begin(&mut self, now: Timestamp) {
        if self.next.is_none() {
            let start = now.max(self.not_before);
            self.step = STEP_MIN;
            self.next = Some(start);
            self.until = start + BURST;
        }
    }

    fn checked(&mut self, found_work: bool, now: Timestamp) {
        if found_work {
            self.next = None;
            self.pause = Length::default();
            self.not_before = now;
        } else if now >= self.until {
            self.next = None;
            self.pause = Length((self.pause.0 * 2).clamp(STEP_MAX.0, PAUSE_MAX.0));
            self.not_before = now + self.pause;
        } else {
            self.next = Some(now + self.step);
            self.step = Length((self.step.0 * 2).min(STEP_MAX.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_looks_again_until_the_commit_can_be_seen() {
        let mut burst = Burst::default();
        burst.begin(Timestamp(0));
        let mut looks = Vec::new();
        while let Some(at) = burst.next {
            looks.push(at.0);
            burst.checked(false, at);
        }
        assert_eq!(looks[..5], [0, 200, 600, 1_400, 2_400]);
        assert!(*looks.last().unwrap() >= 20_000 && looks.len() < 30, "{looks:?}");
    }

    #[test]
    fn bursts_that_find_nothing_come_less_often_and_one_that_does_resets_them() {
        let mut burst = Burst::default();
        let mut now = Timestamp(0);
        let mut starts = Vec::new();
        for _ in 0..10 {
            burst.begin(now);
            starts.push(burst.next.unwrap());
            while let Some(at) = burst.next {
                now = at;
                burst.checked(false, now);
            }
        }
        assert!((starts[9] - starts[8]) >= Length::millis(70), "20 ms of looking and 50 ms of pause");
        burst.begin(now);
        burst.checked(true, now);
        burst.begin(now);
        assert_eq!(burst.next, Some(now));
    }
}

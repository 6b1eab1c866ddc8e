//! SIGTERM, SIGINT and SIGHUP as readable events, so that the loop needs no handler.
//!
//! SIGCHLD gets its default back: who starts us may ignore it, that is inherited, and the kernel then keeps no child for
//! waitpid. No death would be heard, and no drain would end.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A descriptor that becomes readable when a signal arrived.
#[derive(Debug)]
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks the signals for this process (threads started later inherit it; children do not) and opens the descriptor.
    pub fn open() -> std::io::Result<Signals> {
        // SAFETY: a zeroed set is initialised by sigemptyset before use; SIG_DFL is no function of ours; the calls have no
        // other preconditions.
        let fd = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
                libc::sigaddset(&mut set, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(std::io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Signals { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The numbers of the signals that arrived.
    pub fn read(&self) -> Vec<i32> {
        let mut found = Vec::new();
        loop {
            // SAFETY: a plain-data struct; read fills it wholly or reports an error.
            let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
            let size = size_of::<libc::signalfd_siginfo>();
            // SAFETY: the buffer is a live value of exactly `size` bytes.
            let got = unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size) };
            if got != size as isize {
                return found;
            }
            found.push(info.ssi_signo as i32);
        }
    }
}

//! System calls, each wrapped once. Linux; nothing here knows jobs or frames.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

/// CLOCK_MONOTONIC in ns: the clock of the shared page and of started/ended.
pub fn monotonic_ns() -> u64 {
    let time = clock(libc::CLOCK_MONOTONIC);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// The wall clock in µs, for log lines only: no decision rests on it.
pub fn wall_us() -> i64 {
    let time = clock(libc::CLOCK_REALTIME);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

fn clock(id: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing; both clocks exist on every Linux, so the call cannot fail.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    time
}

/// CPU time spent by all threads of this process (µs) and its peak resident size (KiB).
pub fn usage() -> (u64, u64) {
    // SAFETY: all-zero is a valid rusage, and getrusage(RUSAGE_SELF) fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let us = |time: libc::timeval| time.tv_sec.unsigned_abs() * 1_000_000 + time.tv_usec.unsigned_abs();
    (us(usage.ru_utime) + us(usage.ru_stime), usage.ru_maxrss.unsigned_abs())
}

/// A file descriptor that a fork of this process closes, though nothing is dropped there.
pub struct Fd(AtomicI32);

impl Fd {
    pub fn new(fd: RawFd) -> Self {
        Self(AtomicI32::new(fd))
    }

    pub fn raw(&self) -> RawFd {
        self.0.load(Ordering::Relaxed)
    }

    pub fn close(&self) {
        let fd = self.0.swap(-1, Ordering::Relaxed);
        if fd >= 0 {
            // SAFETY: the descriptor is ours, and the swap made sure that it is closed once.
            unsafe { libc::close(fd) };
        }
    }
}

/// No program started from here inherits the descriptor.
pub fn close_on_exec(fd: RawFd) -> io::Result<()> {
    // SAFETY: fcntl with F_SETFD takes an int and touches no memory.
    check(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// A wake-up that one thread sends and another polls for.
pub struct Bell(Fd);

impl Bell {
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes two ints and touches no memory.
        check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).map(|fd| Self(Fd::new(fd)))
    }
    pub fn fd(&self) -> &Fd {
        &self.0
    }
    pub fn ring(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes of `one` are readable. It can fail only when the count is full: then the bell rings already.
        unsafe { libc::write(self.0.raw(), one.as_ptr().cast(), 8) };
    }
    pub fn silence(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes of `count` are writable. Nothing to read is fine: non-blocking.
        unsafe { libc::read(self.0.raw(), count.as_mut_ptr().cast(), 8) };
    }
}

/// A wake-up for later, that costs no switch of threads when it is taken back in time.
pub struct Alarm(Fd);

impl Alarm {
    pub fn new() -> io::Result<Self> {
        // SAFETY: timerfd_create takes two ints and touches no memory.
        check(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) }).map(|fd| Self(Fd::new(fd)))
    }
    pub fn fd(&self) -> &Fd {
        &self.0
    }
    /// Rings once after so many ns below a second; 0 takes it back.
    pub fn set(&self, after_ns: u32) {
        let value = libc::timespec { tv_sec: 0, tv_nsec: libc::c_long::from(after_ns) };
        let spec = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // SAFETY: `spec` is valid for reading, a null old value is allowed.
        unsafe { libc::timerfd_settime(self.0.raw(), 0, &raw const spec, std::ptr::null_mut()) };
    }
    pub fn silence(&self) {
        let mut count = [0u8; 8];
        // SAFETY: eight bytes of `count` are writable. Nothing to read is fine: non-blocking.
        unsafe { libc::read(self.0.raw(), count.as_mut_ptr().cast(), 8) };
    }
}

/// What poll saw on the descriptors asked for; all zero after the timeout.
pub fn poll<const N: usize>(wanted: [(RawFd, i16); N], timeout_ms: i32) -> io::Result<[i16; N]> {
    let mut fds = wanted.map(|(fd, events)| libc::pollfd { fd, events, revents: 0 });
    // SAFETY: `fds` is an array of N valid pollfd, and stays alive during the call.
    check(unsafe { libc::poll(fds.as_mut_ptr(), N as libc::nfds_t, timeout_ms) })?;
    Ok(fds.map(|fd| fd.revents))
}

/// Sends what the socket takes now. `WouldBlock` when it takes nothing.
pub fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is readable for its length.
    let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Receives what is there. `Ok(0)` when the other side is gone, `WouldBlock` when there is nothing yet.
pub fn receive(fd: RawFd, bytes: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is writable for its length.
    let got = unsafe { libc::recv(fd, bytes.as_mut_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT) };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// The kernel kills this process when the thread that started it ends.
///
/// A supervisor that died before this call is no gap: its end of the socket is closed then, and the post thread sees that.
pub fn die_with_parent() -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes an int and touches no memory.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

/// Ends this process and, when it leads its group, the group with it.
pub fn kill_group() -> ! {
    // SAFETY: plain calls without memory. Only a leader may speak for the group: a child started by hand from a shell shares the shell's.
    unsafe {
        if libc::getpgrp() == libc::getpid() {
            libc::kill(0, libc::SIGKILL);
        }
        libc::kill(libc::getpid(), libc::SIGKILL);
        libc::_exit(70)
    }
}

/// Ends this process at once with a word on standard error, for what must not go on.
pub fn exit_with(message: &str) -> ! {
    // SAFETY: `message` is readable for its length; _exit does not return.
    unsafe {
        libc::write(2, message.as_ptr().cast(), message.len());
        libc::_exit(70)
    }
}

/// One thread of this process, as the target of a signal.
#[derive(Clone, Copy)]
pub struct ThreadId(libc::pthread_t);

pub fn this_thread() -> ThreadId {
    // SAFETY: always succeeds.
    ThreadId(unsafe { libc::pthread_self() })
}

impl ThreadId {
    pub fn signal(self, signal: i32) {
        // SAFETY: only the main thread is asked for, and it lives as long as the process.
        unsafe { libc::pthread_kill(self.0, signal) };
    }
}

/// Signals are for the main thread, where Python's handlers run.
pub fn block_signals() {
    // SAFETY: `all` is a valid set filled before use; a null old set is allowed.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
    }
}

pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

pub fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

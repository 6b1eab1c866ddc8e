//! One Python child: its spawning, its wire, its pipes, its end.
//!
//! Spawned by exec from the supervisor's main thread, which lives as long as the process: PDEATHSIG follows the
//! *thread* that forked. Its own process group, so that a kill takes what it started; stdin is /dev/null.

use crate::clocks::moment;
use crate::page::Page;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use workaday_core::clock::Timestamp;
use workaday_engine::crew::ChildKind;
use workaday_engine::{ChildNo, Seq};
use workaday_store::crash_point;
use workaday_wire::{Decoder, Frame};

/// Read from a pipe or the wire at once. Small enough that a flood cannot keep the loop from others.
const READ_BYTES: usize = 64 * 1024;
/// The longest raw line; a longer one is cut there.
const LINE_BYTES: usize = 16 * 1024;

/// The user's Python.
#[derive(Clone, Debug)]
pub struct Application {
    pub python: PathBuf,
    /// `module:app`.
    pub app: String,
}

/// What every child of this supervisor is started with.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// `None`: there are commands only, and no Python is needed.
    pub application: Option<Application>,
    /// Working directory, first on sys.path.
    pub root: PathBuf,
    pub database: PathBuf,
    pub instance: String,
    pub generation: i64,
    pub release: Option<String>,
}

impl Recipe {
    /// The mark by which a child and all it starts are found: `instance:generation:child`.
    pub fn mark(&self, child: ChildNo) -> String {
        format!("{}:{}:{}", self.instance, self.generation, child.0)
    }
}

/// A running child process.
#[derive(Debug)]
pub struct ChildProcess {
    pub no: ChildNo,
    pub kind: ChildKind,
    pub pid: i32,
    pub pidfd: OwnedFd,
    pub wire: OwnedFd,
    pub page: Page,
    pub mark: String,
    pub stdout: Option<Pipe>,
    pub stderr: Option<Pipe>,
    pub decoder: Decoder,
    outgoing: VecDeque<u8>,
    /// Job frames that wait in `outgoing`: (bytes still to be sent up to its end, seq).
    unsent: VecDeque<(u64, Seq)>,
    sent_bytes: u64,
    queued_bytes: u64,
    pub written: Option<Seq>,
    /// We sent TERM or KILL ourselves.
    pub signalled: bool,
    pub killed: bool,
    /// Steady clock: when SIGTERM was sent first.
    pub termed_at: Option<Timestamp>,
    pub oom_before: u64,
    pub import_error: Option<String>,
    pub said_bye: bool,
    /// Steady clock: when it closed its end of the wire.
    pub closed_at: Option<Timestamp>,
}

/// One of the two output pipes, read line by line.
#[derive(Debug)]
pub struct Pipe {
    pub file: File,
    partial: Vec<u8>,
}

impl Pipe {
    pub fn new(fd: OwnedFd) -> std::io::Result<Pipe> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Pipe { file: File::from(fd), partial: Vec::new() })
    }

    /// Reads once and hands out whole lines. `false`: the other end is closed.
    pub fn read_lines(&mut self, line: &mut dyn FnMut(String)) -> bool {
        let mut buffer = [0_u8; READ_BYTES];
        let got = match self.file.read(&mut buffer) {
            Ok(0) => {
                self.flush(line);
                return false;
            }
            Ok(got) => got,
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock || error.kind() == std::io::ErrorKind::Interrupted,
        };
        for part in buffer[..got].split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if self.partial.ends_with(b"\n") || self.partial.len() >= LINE_BYTES {
                self.flush(line);
            }
        }
        true
    }

    fn flush(&mut self, line: &mut dyn FnMut(String)) {
        if !self.partial.is_empty() {
            let text = String::from_utf8_lossy(&self.partial);
            line(text.trim_end_matches(['\n', '\r']).to_owned());
            self.partial.clear();
        }
    }
}

impl ChildProcess {
    /// Execs a new child.
    pub fn spawn(recipe: &Recipe, no: ChildNo, kind: ChildKind, children_lock: &File) -> std::io::Result<ChildProcess> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let page = Page::new()?;
        let oom_before = crate::death::oom_kills();
        let page_fd = {
            use std::os::fd::AsFd;
            page.fd().as_fd().as_raw_fd()
        };
        let inherited = [theirs.as_raw_fd(), page_fd, children_lock.as_raw_fd()];
        let mark = recipe.mark(no);
        let application = recipe.application.as_ref().ok_or_else(|| std::io::Error::other("there is no application"))?;
        let mut command = command(recipe, application, kind, &mark, inherited);
        prepare(&mut command, inherited);
        crash_point!("spawn.before");
        let mut process = command.spawn()?;
        crash_point!("spawn.done");
        drop(theirs);
        let pid = process.id() as i32;
        let pidfd = pidfd_open(Pid::from_raw(pid).expect("a spawned process has a number"), PidfdFlags::empty())?;
        let stdout = process.stdout.take().map(|pipe| Pipe::new(pipe.into())).transpose()?;
        let stderr = process.stderr.take().map(|pipe| Pipe::new(pipe.into())).transpose()?;
        // The standard library's handle is not needed: waitpid is ours, for the exact status and the memory peak.
        drop(process);
        Ok(ChildProcess {
            no,
            kind,
            pid,
            pidfd,
            wire: ours,
            page,
            mark,
            stdout,
            stderr,
            decoder: Decoder::new(),
            outgoing: VecDeque::new(),
            unsent: VecDeque::new(),
            sent_bytes: 0,
            queued_bytes: 0,
            written: None,
            signalled: false,
            killed: false,
            termed_at: None,
            oom_before,
            import_error: None,
            said_bye: false,
            closed_at: None,
        })
    }

    /// Appends a frame; [`Self::flush`] sends.
    pub fn queue(&mut self, frame: &Frame) {
        let mut bytes = Vec::with_capacity(256);
        frame.encode(&mut bytes);
        self.queued_bytes += bytes.len() as u64;
        self.outgoing.extend(bytes);
        if let Frame::Job(job) = frame {
            self.unsent.push_back((self.queued_bytes, Seq(job.seq)));
        }
    }

    pub fn wants_to_write(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Sends what the socket takes. Errors are no news here: waitpid says when a child is dead.
    pub fn flush(&mut self) {
        if !self.outgoing.is_empty() {
            crash_point!("frame.before_write");
        }
        while !self.outgoing.is_empty() {
            let (front, _) = self.outgoing.as_slices();
            match send(&self.wire, front, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(sent) => {
                    self.outgoing.drain(..sent);
                    self.sent_bytes += sent as u64;
                    crash_point!("frame.written");
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        while self.unsent.front().is_some_and(|(end, _)| *end <= self.sent_bytes) {
            self.written = self.unsent.pop_front().map(|(_, seq)| seq);
        }
    }

    /// Reads once from the wire. `false`: nothing more is there now. `now` is steady.
    pub fn read(&mut self, now: Timestamp) -> bool {
        let mut buffer = [0_u8; READ_BYTES];
        loop {
            match recv(&self.wire, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((_, 0)) => {
                    self.closed_at.get_or_insert(now);
                    return false;
                }
                Ok((_, got)) => {
                    crash_point!("frame.read");
                    self.decoder.push(&buffer[..got]);
                    return true;
                }
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    /// Signals the whole process group, and the process itself when it has left that: a task may move it to another one.
    pub fn signal(&mut self, signal: Signal) {
        self.signalled = true;
        match signal {
            Signal::KILL => self.killed = true,
            _ => drop(self.termed_at.get_or_insert(moment().steady)),
        }
        crash_point!("signal.before");
        let heard = Pid::from_raw(self.pid).is_some_and(|group| kill_process_group(group, signal).is_ok());
        if !heard || signal == Signal::KILL {
            let _ = pidfd_send_signal(&self.pidfd, signal);
        }
        crash_point!("signal.sent");
    }

    /// Collects the dead process: wait status and peak memory in KiB. `None` while it lives.
    pub fn reap(&self) -> Option<(i32, i64)> {
        reap(self.pid)
    }
}

/// Collects a dead process of ours: wait status and peak memory in KiB. `None` while it lives.
pub fn reap(pid: i32) -> Option<(i32, i64)> {
    let mut status = 0;
    // SAFETY: rusage is plain data; wait4 fills status and usage of our own child, or reports an error.
    let (got, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &mut status, libc::WNOHANG, &mut usage), usage)
    };
    (got == pid).then_some((status, usage.ru_maxrss))
}

/// The number of a dead process that waits to be collected, any child of ours; it goes on waiting.
pub fn first_dead() -> Option<i32> {
    // SAFETY: siginfo is plain data; waitid fills it, or leaves its pid at zero when no child is dead.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let found = libc::waitid(libc::P_ALL, 0, &mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT);
        (found == 0 && info.si_pid() != 0).then(|| info.si_pid())
    }
}

fn command(recipe: &Recipe, application: &Application, kind: ChildKind, mark: &str, [wire, page, lock]: [i32; 3]) -> Command {
    let mut command = Command::new(&application.python);
    command.args(["-m", "workaday._child"]).current_dir(&recipe.root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    inherit_environment(&mut command, recipe);
    command
        .env("WORKADAY_WIRE_FD", wire.to_string())
        .env("WORKADAY_PAGE_FD", page.to_string())
        .env("WORKADAY_CHILDREN_LOCK_FD", lock.to_string())
        .env("WORKADAY_CHILD", kind.as_str())
        .env("WORKADAY_APP", &application.app)
        .env("WORKADAY_ROOT", &recipe.root)
        .env("WORKADAY_RUN", mark)
        .env("PYTHONUNBUFFERED", "1");
    crate::notify::VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}

/// The supervisor's environment less Workaday's own secrets, plus where the store is and which release runs.
pub fn inherit_environment(command: &mut Command, recipe: &Recipe) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_secret(name)) {
        command.env_remove(name);
    }
    command.env("WORKADAY_DATABASE", &recipe.database);
    if let Some(release) = &recipe.release {
        command.env("WORKADAY_RELEASE", release);
    }
}

/// Workaday's own secrets stay with the supervisor.
fn is_secret(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("WORKADAY_SECRET_") || name.starts_with("WORKADAY_TOKEN")
}

fn prepare(command: &mut Command, inherited: [i32; 3]) {
    command.process_group(0);
    let supervisor = std::process::id() as libc::pid_t;
    // SAFETY: between fork and exec only async-signal-safe calls are made: prctl, sigmask, getppid, fcntl, open, write, close.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // What we block for our signal descriptor would be inherited: SIGTERM could not end a child.
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut none);
            libc::pthread_sigmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
            if libc::getppid() != supervisor {
                // Our parent died before the call above: nobody would end us.
                libc::_exit(1);
            }
            for fd in inherited {
                libc::fcntl(fd, libc::F_SETFD, 0);
            }
            // The kernel ends a child for want of memory before it ends the supervisor.
            let fd = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if fd >= 0 {
                libc::write(fd, b"500".as_ptr().cast(), 3);
                libc::close(fd);
            }
            Ok(())
        });
    }
}

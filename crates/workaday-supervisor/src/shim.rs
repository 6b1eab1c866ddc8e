//! The process between the supervisor and a command: `workaday command-shim`, one an attempt.
//!
//! Purpose: a command and everything it starts are one tree that ends as a whole, whoever dies first.
//! - It is the tree's **subreaper**: who calls setsid or forks twice becomes its child instead of init's. When `wait4`
//!   says ECHILD nothing of the tree is left: that is the kernel's word, no search through /proc.
//! - It holds the **children lock** for as long as anything of the tree lives (the command itself never gets it). So a
//!   rescued command job cannot run twice at once: the next supervisor claims nothing before it has that lock, and it
//!   gets it only when each shim of the dead one has seen its tree end. Should a shim itself be killed with -9, the
//!   command dies by PDEATHSIG, and the rest is found by its mark: `WORKADAY_RUN` in /proc/PID/environ.
//! - **The socket** to the supervisor carries `T` (SIGTERM to the group of the command) and `K` (kill the tree) one way,
//!   one JSON report the other way. Its end of file says that the supervisor is gone: the tree is killed at once.
//! - **Dead man**: at the deadline (timeout + 2 × `kill_after`) it ends the tree unasked, should the supervisor be stuck.
//!
//! It does no more than this: no shell, no parsing, no output of its own, one thread.

use crate::refusal::refusal;
use crate::tree::Census;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde_json::{Value, json};
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// What was started and will not die (another user's, say, by sudo) holds up the report no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// While the tree is being killed, new forks are looked for this often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the supervisor tells its shim.
#[derive(Clone, Debug)]
pub struct ShimOptions {
    pub socket: RawFd,
    pub children_lock: RawFd,
    /// WORKADAY_RUN of the command. Not in the shim's own environment: it must outlive the search for that mark.
    pub mark: String,
    pub deadline: Option<Duration>,
    pub cwd: PathBuf,
    pub argv: Vec<String>,
}

/// Runs one command to its end. The exit code says only whether the shim did its work.
pub fn run(options: &ShimOptions) -> std::io::Result<()> {
    let socket = take(options.socket)?;
    let _children_lock = take(options.children_lock)?;
    let _ = rustix::thread::set_name(c"workaday-shim");
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let children = block_signals()?;
    if matches!(recv(&socket, &mut [0_u8; 1], RecvFlags::DONTWAIT | RecvFlags::PEEK), Ok((_, 0))) {
        return Ok(());
    }
    // Before the exec: a short program has ended by the time the exec is reported.
    let started = Instant::now();
    let report = match start(options) {
        Ok(leader) => Watch::new(leader, started, options.deadline).run(&socket, &children),
        Err(error) => json!({"refused": refusal(&error, &options.argv[0], &options.cwd)}),
    };
    // Nobody reads it when the supervisor is gone: the next one rescues.
    let _ = send(&socket, format!("{report}\n").as_bytes(), SendFlags::NOSIGNAL);
    Ok(())
}

/// An inherited descriptor, closed to what is started from here.
fn take(fd: RawFd) -> std::io::Result<OwnedFd> {
    // SAFETY: F_SETFD takes an int and touches no memory; a number that is no descriptor is refused.
    if unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the supervisor left it open for us, and nothing else in this process knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// SIGCHLD becomes readable; what ends a process group in passing (a terminal, a service manager) does not end us.
fn block_signals() -> std::io::Result<OwnedFd> {
    // SAFETY: a zeroed set is initialised by sigfillset or sigemptyset before use; a null old set is allowed.
    let fd = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
        // Ignored, as it may be inherited, it would leave nothing to wait for.
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Execs the command in a session of its own: no terminal to ask a password on, a group of its own to be signalled.
fn start(options: &ShimOptions) -> std::io::Result<i32> {
    let (program, arguments) = options.argv.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&options.cwd).env("WORKADAY_RUN", &options.mark);
    let shim = std::process::id() as libc::pid_t;
    // SAFETY: between fork and exec only async-signal-safe calls are made: setsid, sigmask, prctl, getppid, open, write, close.
    unsafe {
        command.pre_exec(move || {
            libc::setsid();
            // A blocked signal stays blocked through exec, and ours are.
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != shim {
                libc::_exit(1);
            }
            // The kernel ends a command for want of memory before it ends the shim or the supervisor.
            let fd = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if fd >= 0 {
                libc::write(fd, b"500".as_ptr().cast(), 3);
                libc::close(fd);
            }
            Ok(())
        });
    }
    // The handle is not needed: wait4 is ours, for the exact status and the usage.
    command.spawn().map(|child| child.id() as i32)
}

/// One running tree.
struct Watch {
    leader: i32,
    started: Instant,
    deadline: Option<Instant>,
    /// Wait status, run time, CPU time and peak memory of the command itself.
    ended: Option<(i32, Duration, libc::rusage)>,
    killing_since: Option<Instant>,
    is_supervisor_gone: bool,
    dead_man: bool,
    /// Processes that outlived the command.
    outlived: usize,
}

impl Watch {
    fn new(leader: i32, started: Instant, deadline: Option<Duration>) -> Watch {
        Watch {
            leader,
            started,
            deadline: deadline.and_then(|after| started.checked_add(after)),
            ended: None,
            killing_since: None,
            is_supervisor_gone: false,
            dead_man: false,
            outlived: 0,
        }
    }

    /// Until nothing of the tree is left.
    fn run(mut self, socket: &OwnedFd, children: &OwnedFd) -> Value {
        while self.reap() {
            if self.ended.is_some() && self.killing_since.is_none() {
                self.outlived = self.below().len();
                self.kill_tree();
            }
            if self.is_overdue() {
                self.dead_man = true;
                self.kill_tree();
            }
            if let Some(since) = self.killing_since {
                // Without a supervisor we stay for as long as it takes: our lock keeps the job from running twice.
                if self.ended.is_some() && !self.is_supervisor_gone && since.elapsed() > PATIENCE {
                    break;
                }
                self.kill_tree();
            }
            self.wait(socket, children);
        }
        self.report()
    }

    /// Collects what has died, adopted ones too. `false`: no child is left, so no descendant either.
    fn reap(&mut self) -> bool {
        loop {
            let mut status = 0;
            // SAFETY: rusage is plain data; wait4 fills status and usage of a child of ours, or reports an error.
            let (got, usage) = unsafe {
                let mut usage: libc::rusage = std::mem::zeroed();
                (libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage), usage)
            };
            match got {
                0 => return true,
                pid if pid == self.leader => self.ended = Some((status, self.started.elapsed(), usage)),
                pid if pid > 0 => {}
                _ => return false,
            }
        }
    }

    fn below(&self) -> Vec<i64> {
        Census::take().below(i64::from(std::process::id()))
    }

    fn kill_tree(&mut self) {
        self.killing_since.get_or_insert_with(Instant::now);
        for pid in self.below() {
            // SAFETY: plain numbers. The process is a descendant not yet collected by us, so its number is still its own.
            unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
        }
    }

    fn is_overdue(&self) -> bool {
        self.killing_since.is_none() && self.deadline.is_some_and(|at| Instant::now() >= at)
    }

    fn wait(&mut self, socket: &OwnedFd, children: &OwnedFd) {
        let within = match (self.killing_since, self.deadline) {
            (Some(_), _) => Some(LOOK_AGAIN),
            (None, Some(at)) => Some(at.saturating_duration_since(Instant::now())),
            (None, None) => None,
        };
        let timeout = within.map(|within| Timespec { tv_sec: within.as_secs() as i64, tv_nsec: i64::from(within.subsec_nanos()) });
        let mut fds = vec![PollFd::from_borrowed_fd(children.as_fd(), PollFlags::IN)];
        if !self.is_supervisor_gone {
            // A closed socket would be readable for ever.
            fds.push(PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN));
        }
        let _ = poll(&mut fds, timeout.as_ref());
        let _ = rustix::io::read(children, &mut [0_u8; 1024]);
        if !self.is_supervisor_gone {
            self.hear(socket);
        }
    }

    fn hear(&mut self, socket: &OwnedFd) {
        let mut words = [0_u8; 64];
        let Ok((_, got)) = recv(socket, &mut words[..], RecvFlags::DONTWAIT) else { return };
        self.is_supervisor_gone = got == 0;
        if words[..got].contains(&b'T') && self.ended.is_none() {
            // SAFETY: plain numbers. The leader is not collected yet, so the group is still its own.
            unsafe { libc::kill(-self.leader, libc::SIGTERM) };
        }
        if got == 0 || words[..got].contains(&b'K') {
            self.kill_tree();
        }
    }

    fn report(self) -> Value {
        let Some((status, ran, usage)) = self.ended else { return json!({}) };
        let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
        json!({
            "status": status, "ran_us": ran.as_micros() as i64, "cpu_us": micros(usage.ru_utime) + micros(usage.ru_stime),
            "memory_peak_kib": usage.ru_maxrss, "outlived": self.outlived, "dead_man": self.dead_man,
        })
    }
}

//! The kernel timer that kills this process when nothing else can: the GIL held in C, all signals blocked, the supervisor stopped.
//!
//! Timers do not survive exec, so it is made here, inside the child. It is a backstop behind the supervisor's own kill and fires
//! later than that, so a little slack is free: it saves two system calls a job, since back-to-back jobs find it set near enough.

use crate::sys::check;
use std::io;

pub struct Deadman {
    timer: libc::timer_t,
    /// Fires at this CLOCK_MONOTONIC instant, as reckoned when it was set.
    set_ns: Option<u64>,
    /// How much too early it may stand, in ns.
    slack_ns: u64,
}

// SAFETY: a timer_t names a timer of the process, not of a thread; all use is behind the desk's mutex.
unsafe impl Send for Deadman {}

impl Deadman {
    /// A timer that is not set. CLOCK_BOOTTIME goes on while the machine is suspended, as the outside world does.
    pub fn new() -> io::Result<Self> {
        let timer = create(libc::CLOCK_BOOTTIME).or_else(|_| create(libc::CLOCK_MONOTONIC))?;
        Ok(Self { timer, set_ns: None, slack_ns: 0 })
    }

    pub fn allow_slack(&mut self, slack_ns: u64) {
        self.slack_ns = slack_ns;
    }

    /// Kills this process at `deadline_ns`, or up to the slack before; `None` never.
    pub fn set(&mut self, deadline_ns: Option<u64>, now_ns: u64) {
        let near_enough = match (self.set_ns, deadline_ns) {
            (None, None) => true,
            (Some(set), Some(wanted)) => set <= wanted && wanted - set <= self.slack_ns,
            _ => false,
        };
        if !near_enough {
            // 1 ns and not 0 for what is past: 0 would switch it off.
            self.arm(deadline_ns.map_or(0, |deadline| deadline.saturating_sub(now_ns).max(1)));
            self.set_ns = deadline_ns;
        }
    }

    fn arm(&self, after_ns: u64) {
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let seconds = libc::time_t::try_from(after_ns / 1_000_000_000).unwrap_or(libc::time_t::MAX);
        let value = libc::timespec { tv_sec: seconds, tv_nsec: (after_ns % 1_000_000_000) as libc::c_long };
        let spec = libc::itimerspec { it_interval: zero, it_value: value };
        // SAFETY: the timer is ours and lives as long as the process; `spec` is valid, a null old value is allowed.
        unsafe { libc::timer_settime(self.timer, 0, &raw const spec, std::ptr::null_mut()) };
    }
}

fn create(clock: libc::clockid_t) -> io::Result<libc::timer_t> {
    let mut timer: libc::timer_t = std::ptr::null_mut();
    // SAFETY: all-zero is a valid sigevent, both pointers are valid for the call.
    let made = unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGKILL;
        libc::timer_create(clock, &raw mut event, &raw mut timer)
    };
    check(made).map(|_| timer)
}

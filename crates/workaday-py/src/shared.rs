//! What the main thread and the post thread share, and how they wake each other.

use crate::deadman::Deadman;
use crate::desk::Desk;
use crate::intake::Intake;
use crate::outbox::PATIENCE;
use crate::page::Page;
use crate::sys::{self, Alarm, Bell, Fd, ThreadId};
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use workaday_wire::{Frame, Job};

pub const LINE_BYTES: usize = 16 * 1024;
/// The post thread looks at what others have laid on the desk after this long.
const POST_AFTER_NS: u32 = 1_000_000;
/// How often a wait for room looks at its end.
const LOOK_MS: i32 = 50;
/// How long the last word waits for a supervisor that does not read.
const GOODBYE_NS: u64 = 5_000_000_000;

pub struct Shared {
    pub wire: Fd,
    pub main_bell: Bell,
    pub post_alarm: Alarm,
    pub main_thread: ThreadId,
    pub interrupt_signal: i32,
    /// One job at a time: sync and solo children.
    pub single: bool,
    /// Seq of the running job of a single child, 0 between jobs.
    pub current: AtomicU64,
    pub line_bytes: AtomicUsize,
    /// This is a user's fork: there is no post thread, and the supervisor does not know it.
    pub forked: AtomicBool,
    closing: AtomicBool,
    /// Inherited flock that says "a child lives"; held, never used.
    children_lock: Fd,
    desk: Mutex<Desk>,
    intake: Mutex<Intake>,
}

impl Shared {
    /// Called on the main thread. The descriptors become ours.
    pub fn new(wire_fd: RawFd, page_fd: RawFd, children_lock_fd: RawFd, single: bool) -> io::Result<Self> {
        Ok(Self {
            wire: Fd::new(wire_fd),
            main_bell: Bell::new()?,
            post_alarm: Alarm::new()?,
            main_thread: sys::this_thread(),
            interrupt_signal: libc::SIGRTMIN() + 5,
            single,
            current: AtomicU64::new(0),
            line_bytes: AtomicUsize::new(LINE_BYTES),
            forked: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            children_lock: Fd::new(children_lock_fd),
            desk: Mutex::new(Desk::new(Deadman::new()?, Page::map(page_fd)?)),
            intake: Mutex::new(Intake::new()),
        })
    }

    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Taken before the desk, never while holding it.
    pub fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Begins the next job and notes it where other threads look.
    pub fn begin(&self, desk: &mut Desk) -> Option<Job> {
        let job = desk.begin(sys::monotonic_ns())?;
        if self.single {
            self.current.store(job.seq, Ordering::Relaxed);
        }
        self.leave_to_post(desk);
        Some(job)
    }

    /// Sends now, or leaves it to the post thread.
    pub fn flush(&self, desk: &mut Desk) {
        desk.outbox.flush(self.wire.raw());
        if !desk.outbox.is_empty() {
            self.leave_to_post(desk);
        }
    }

    pub fn push<S: AsRef<str>>(&self, frame: &Frame<S>, at_once: bool) {
        let mut desk = self.desk();
        desk.outbox.push(frame, sys::monotonic_ns());
        self.send_some(&mut desk, at_once);
    }

    /// Sends what makes a batch or must not wait; the post thread sends the rest within about a millisecond.
    pub fn send_some(&self, desk: &mut Desk, at_once: bool) {
        if at_once || desk.outbox.is_batch() {
            desk.outbox.flush(self.wire.raw());
        }
        if !desk.outbox.is_empty() {
            self.leave_to_post(desk);
        }
    }

    /// Makes sure that the post thread looks at what the desk holds, soon. A quick job is over by then, and never wakes it.
    fn leave_to_post(&self, desk: &mut Desk) {
        if desk.post_sleeps && !desk.alarm_set {
            desk.alarm_set = true;
            self.post_alarm.set(POST_AFTER_NS);
        }
    }

    /// The main thread sleeps until its bell rings, a signal comes, or, in a single child, frames come, which it then reads itself.
    pub fn sleep(&self, awake: impl Fn(&Desk) -> bool) -> io::Result<()> {
        {
            let mut desk = self.desk();
            if awake(&desk) {
                return Ok(());
            }
            desk.main_sleeps = true;
            desk.main_reads = self.single;
            self.flush(&mut desk);
            if desk.alarm_set && desk.outbox.is_empty() {
                desk.alarm_set = false;
                self.post_alarm.set(0);
            }
        }
        let wire = if self.single { self.wire.raw() } else { -1 }; // poll passes over -1
        let seen = match sys::poll([(self.main_bell.fd().raw(), libc::POLLIN), (wire, libc::POLLIN)], -1) {
            Ok(seen) => seen,
            Err(error) if sys::would_block(&error) => [0, 0],
            Err(error) => return Err(error),
        };
        {
            let mut desk = self.desk();
            desk.main_sleeps = false;
            desk.main_reads = false;
        }
        if seen[0] != 0 {
            self.main_bell.silence();
        }
        if seen[1] != 0
            && let Err(end) = self.intake().read(self)
        {
            end.of_process();
        }
        Ok(())
    }

    /// No room for a line: `wait_for_room` before it is sent.
    pub fn is_full(&self) -> bool {
        let mut desk = self.desk();
        if desk.outbox.is_full() {
            self.flush(&mut desk);
        }
        desk.outbox.is_full()
    }

    /// Waits, bounded, until a line has room. Once patience has run out, no line waits until there is room again.
    pub fn wait_for_room(&self) -> bool {
        let until = sys::monotonic_ns() + u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
        while self.is_full() {
            if self.desk().outbox.is_choked() || sys::monotonic_ns() >= until {
                return false;
            }
            self.await_writable();
        }
        true
    }

    /// Sends the last word and all before it, bounded. From now on a closed socket is no alarm.
    pub fn close(&self, last: &Frame<&str>) {
        self.closing.store(true, Ordering::Relaxed);
        self.push(last, false);
        let until = sys::monotonic_ns() + GOODBYE_NS;
        loop {
            {
                let mut desk = self.desk();
                self.flush(&mut desk);
                if desk.outbox.is_empty() || sys::monotonic_ns() >= until {
                    return;
                }
            }
            self.await_writable();
        }
    }

    fn await_writable(&self) {
        // Whatever it says, the caller looks again, and its wait has an end.
        let _ = sys::poll([(self.wire.raw(), libc::POLLOUT)], LOOK_MS);
    }

    /// In a fork: lets go of all descriptors. Takes no lock, since its holder may not exist here.
    pub fn let_go(&self) {
        self.forked.store(true, Ordering::Relaxed);
        for fd in [&self.wire, &self.children_lock, self.main_bell.fd(), self.post_alarm.fd()] {
            fd.close();
        }
    }
}

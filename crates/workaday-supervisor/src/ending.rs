//! The end of `workaday up`: how long it may take, and what it waits for when it takes longer than people expect.
//!
//! The loop says what it is at ([`Doing`]); a thread of its own watches over the end, since a loop that is stuck can say
//! nothing. It sleeps until a signal comes. From then on it says what the supervisor is at whenever that lasts, and a little
//! after [`workaday_engine::Settings::ends_within`] it ends the process: what was not written by then is given back by the
//! next supervisor, as after a kill. A call that the kernel does not come back from outlasts even that, and was named.

use crate::clocks::moment;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::explain::{Problem, RetryAdvice};

/// What lasts longer than this is said, and again each time that it has lasted twice as long.
pub const SAY_AFTER: Length = Length::seconds(2);
/// The loop ends itself at its bound; a loop that is stuck is ended by the watch so much later.
const STUCK_MARGIN: Length = Length::seconds(2);
/// The exit code of `RetryAdvice::Safe`, as the command line has it.
const CUT_SHORT_CODE: i32 = 75;
/// Between two looks, once a signal has come.
const LOOK: Duration = Duration::from_millis(100);
/// How long a thread may take to end once it was told to.
pub const THREAD_PATIENCE: Duration = Duration::from_secs(2);

/// What the loop is at while it waits for something to happen: nothing to be said by the watch, the loop says it itself.
pub const WAITS: &str = "waiting for its children";

/// What the supervisor's thread is at. Cheap to clone; written by that thread, read by the watch.
#[derive(Clone, Debug)]
pub struct Doing(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    bell: OwnedFd,
}

#[derive(Clone, Copy, Debug)]
struct State {
    what: &'static str,
    /// Steady clock.
    since: Timestamp,
    /// How long an end may take that is asked for now.
    within: Length,
    /// Steady clock: a signal that asks for the end was seen, and the loop may not have heard it yet.
    came_at: Option<Timestamp>,
    /// Steady clock: it was asked to end, and has to have ended by then.
    ends_by: Option<Timestamp>,
    is_over: bool,
}

impl Doing {
    /// `what` it is at first, as it stands after "the supervisor is".
    pub fn new(what: &'static str, within: Length) -> std::io::Result<Doing> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let state = State { what, since: moment().steady, within, came_at: None, ends_by: None, is_over: false };
        Ok(Doing(Arc::new(Shared { state: Mutex::new(state), bell })))
    }

    pub fn now(&self, what: &'static str) {
        self.change(|state| (state.what, state.since) = (what, moment().steady));
    }

    /// It was asked to end. `ends_by` is on the steady clock.
    pub fn ends_by(&self, ends_by: Timestamp) {
        let mut is_news = false;
        self.change(|state| is_news = state.ends_by.replace(ends_by).is_none());
        if is_news {
            self.ring();
        }
    }

    /// When the signal came that the loop hears now: it may have been kept from it. Steady clock.
    pub fn came_at(&self, now: Timestamp) -> Timestamp {
        let mut came_at = None;
        self.change(|state| came_at = state.came_at.take());
        came_at.unwrap_or(now)
    }

    /// How long an end may take from now on.
    pub fn within(&self, within: Length) {
        self.change(|state| state.within = within);
    }

    fn over(&self) {
        self.change(|state| state.is_over = true);
        self.ring();
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> State {
        *self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let _ = rustix::io::write(&self.0.bell, &1_u64.to_ne_bytes());
    }
}

/// The thread that watches; it ends when this is dropped.
#[derive(Debug)]
pub struct EndWatch {
    doing: Doing,
    thread: Option<JoinHandle<()>>,
}

impl EndWatch {
    /// `signals` becomes readable when one has come.
    pub fn start(doing: &Doing, signals: BorrowedFd<'_>) -> std::io::Result<EndWatch> {
        let signals = signals.try_clone_to_owned()?;
        let watched = doing.clone();
        let thread = std::thread::Builder::new().name("end watch".into()).spawn(move || watch(&watched, &signals))?;
        Ok(EndWatch { doing: doing.clone(), thread: Some(thread) })
    }
}

impl Drop for EndWatch {
    fn drop(&mut self) {
        self.doing.over();
        if let Some(thread) = self.thread.take() {
            join_within(thread, Instant::now() + THREAD_PATIENCE);
        }
    }
}

/// Joins a thread if it ends in time. A thread is joined without a limit or not at all, so it is looked at again and again.
pub fn join_within(thread: JoinHandle<()>, until: Instant) -> bool {
    while !thread.is_finished() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(2));
    }
    let is_finished = thread.is_finished();
    if is_finished {
        let _ = thread.join();
    }
    is_finished
}

fn watch(doing: &Doing, signals: &OwnedFd) {
    loop {
        let mut fds = [PollFd::new(signals, PollFlags::IN), PollFd::new(&doing.0.bell, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        if pursue(doing) {
            return;
        }
    }
}

/// From a signal to the end, or until it turns out that no end was asked for. `true`: over.
fn pursue(doing: &Doing) -> bool {
    let mut pending_since = None;
    let mut said = Said::default();
    loop {
        wait_for(doing.0.bell.as_fd(), LOOK);
        let (state, now) = (doing.read(), moment().steady);
        if state.is_over {
            return true;
        }
        if state.ends_by.is_none() && !is_pending() {
            // A reload, or an end that was heard in this very moment: then the bell rings.
            return false;
        }
        let since = *pending_since.get_or_insert(now);
        if state.ends_by.is_none() {
            doing.change(|state| state.came_at = state.came_at.or(Some(since)));
        }
        if state.what != WAITS && said.is_due(state, now) {
            let lasts = format_length(whole(now - state.since));
            tracing::warn!("the end of this supervisor has to wait: it is {}, for {lasts} now", state.what);
        }
        let ends_by = state.ends_by.unwrap_or(since + state.within);
        if now >= ends_by + STUCK_MARGIN {
            let problem = cut_short(state.what, now - since);
            tracing::error!("{problem}");
            // SAFETY: it takes a number. Destructors are left out on purpose: one of them may be what hangs.
            unsafe { libc::_exit(CUT_SHORT_CODE) };
        }
    }
}

/// What has been said of one thing that lasts.
#[derive(Debug, Default)]
struct Said {
    of: Option<Timestamp>,
    next: Length,
}

impl Said {
    fn is_due(&mut self, state: State, now: Timestamp) -> bool {
        if self.of != Some(state.since) {
            *self = Said { of: Some(state.since), next: SAY_AFTER };
        }
        let is_due = now - state.since >= self.next;
        if is_due {
            self.next = Length(self.next.0 * 2);
        }
        is_due
    }
}

/// Waits for the bell and takes its ringing.
fn wait_for(bell: BorrowedFd<'_>, at_most: Duration) {
    let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
    let _ = poll(&mut [PollFd::from_borrowed_fd(bell, PollFlags::IN)], Some(&timeout));
    let _ = rustix::io::read(bell, &mut [0_u8; 8]);
}

/// Has SIGTERM or SIGINT come, and was it not read yet?
fn is_pending() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let ends = 1_u64 << (libc::SIGTERM - 1) | 1_u64 << (libc::SIGINT - 1);
    let of_process = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    of_process.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & ends != 0)
}

/// In whole seconds: nobody needs more of them.
pub fn whole(length: Length) -> Length {
    Length(length.0 / 1_000_000 * 1_000_000)
}

/// The end took longer than it may.
pub fn cut_short(what: &str, after: Length) -> Problem {
    Problem::new("supervisor.cut_short", format!("the end was cut short after {}: the supervisor was {what}", format_length(whole(after))))
        .expected("an end within the grace, 2 × `kill_after` and 3 s")
        .retry(RetryAdvice::Safe, "the next `workaday up` gives back what was not written, as after a kill")
        .hint("what the lines before this one name was waited for: a disk that does not answer, a store that somebody holds, a full disk")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(since: i64) -> State {
        State { what: "x", since: Timestamp(since), within: Length(0), came_at: None, ends_by: None, is_over: false }
    }

    #[test]
    fn what_lasts_is_said_at_once_and_then_ever_more_rarely() {
        let second = 1_000_000;
        let mut said = Said::default();
        let due: Vec<i64> = (0..40).filter(|at| said.is_due(state(0), Timestamp(at * second))).collect();
        assert_eq!(due, [2, 4, 8, 16, 32]);
        assert!(!said.is_due(state(39 * second), Timestamp(40 * second)), "what is new has not lasted yet");
        assert!(said.is_due(state(39 * second), Timestamp(41 * second)));
    }

    #[test]
    fn a_watch_ends_when_it_is_dropped_and_nothing_was_asked() {
        let doing = Doing::new("testing", Length::seconds(1)).expect("a bell");
        let never = eventfd(0, EventfdFlags::CLOEXEC).expect("a descriptor");
        let watch = EndWatch::start(&doing, never.as_fd()).expect("a thread");
        doing.now("something else");
        drop(watch);
        assert!(doing.read().is_over);
    }
}

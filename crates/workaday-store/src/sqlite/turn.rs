//! The write turn: a `flock` on `<database>-turn`, taken before `BEGIN IMMEDIATE`.
//!
//! A courtesy, never correctness. SQLite's own busy handler starves under writers that sync each commit; queuing in the
//! kernel first is fair. Never the database's own descriptor: closing that one would drop SQLite's locks.

use super::place;
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long to queue for a turn before going on without it: its holder may be stopped or stuck.
pub const TURN_WAIT: Duration = Duration::from_millis(250);

/// flock() gives a freed turn to whoever asks first, and that is the one who freed it. So the last holder stands back
/// for as long as a woken waiter needs to come in.
const STAND_BACK: Duration = Duration::from_micros(100);

/// What the helper thread is doing, or should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    /// Nothing to do.
    Idle,
    /// Queue for the turn.
    Asked,
    /// The asker went on without; whatever comes is given back at once.
    Abandoned,
    /// The turn is here.
    Granted,
    /// The store is gone.
    Closed,
}

struct Shared {
    /// `None` where the file cannot be made (a read-only folder): then there are no turns.
    file: Option<File>,
    errand: Mutex<Errand>,
    moved: Condvar,
}

impl Shared {
    fn errand(&self) -> MutexGuard<'_, Errand> {
        self.errand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One process's place in the queue of writers.
pub struct Turn {
    shared: Arc<Shared>,
    has_helper: bool,
    held: bool,
    freed_at: Option<Instant>,
}

impl Turn {
    pub fn of(database: &Path) -> Self {
        let path = place::beside(database, "-turn");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .ok();
        let shared = Arc::new(Shared { file, errand: Mutex::new(Errand::Idle), moved: Condvar::new() });
        Self { shared, has_helper: false, held: false, freed_at: None }
    }

    /// Queues for the turn for at most [`TURN_WAIT`]. Answers whether it is ours; without it, go on all the same.
    pub fn take(&mut self) -> bool {
        if self.held || self.shared.file.is_none() {
            return self.held;
        }
        if let Some(freed_at) = self.freed_at {
            let rested = freed_at.elapsed();
            if rested < STAND_BACK {
                std::thread::sleep(STAND_BACK - rested);
            }
        }
        self.held = self.take_now() || self.queue();
        self.held
    }

    /// Lets the next one in.
    pub fn give_back(&mut self) {
        if !std::mem::take(&mut self.held) {
            return;
        }
        self.shared.file.iter().for_each(unlock);
        self.freed_at = Some(Instant::now());
    }

    fn take_now(&self) -> bool {
        // While the helper still queues for us on this same descriptor, a second lock on it would be undone by the first.
        *self.shared.errand() == Errand::Idle && self.shared.file.as_ref().is_some_and(|file| lock(file, libc::LOCK_EX | libc::LOCK_NB))
    }

    /// Has the helper thread wait in the kernel, and waits for it no longer than the limit.
    fn queue(&mut self) -> bool {
        if !self.has_helper {
            let shared = Arc::clone(&self.shared);
            // A thread, because a blocking flock() has no time limit and signals belong to the program.
            self.has_helper =
                std::thread::Builder::new().name("workaday-turn".into()).stack_size(64 * 1024).spawn(move || serve(&shared)).is_ok();
            if !self.has_helper {
                return false;
            }
        }
        let mut errand = self.shared.errand();
        *errand = Errand::Asked;
        self.shared.moved.notify_all();
        let (mut errand, _) = self
            .shared
            .moved
            .wait_timeout_while(errand, TURN_WAIT, |errand| *errand == Errand::Asked)
            .unwrap_or_else(PoisonError::into_inner);
        let granted = *errand == Errand::Granted;
        *errand = if granted { Errand::Idle } else { Errand::Abandoned };
        granted
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_back();
        *self.shared.errand() = Errand::Closed;
        self.shared.moved.notify_all();
    }
}

/// The helper: queues when asked. It ends with the store; its descriptor, and so a late turn, with it.
fn serve(shared: &Shared) {
    let Some(file) = &shared.file else { return };
    loop {
        let mut errand = shared.errand();
        while !matches!(*errand, Errand::Asked | Errand::Closed) {
            errand = shared.moved.wait(errand).unwrap_or_else(PoisonError::into_inner);
        }
        if *errand == Errand::Closed {
            return;
        }
        drop(errand);
        let taken = lock(file, libc::LOCK_EX);
        let mut errand = shared.errand();
        match *errand {
            Errand::Asked if taken => *errand = Errand::Granted,
            Errand::Closed => return,
            _ => {
                unlock(file);
                *errand = Errand::Idle;
            }
        }
        shared.moved.notify_all();
    }
}

fn lock(file: &File, how: libc::c_int) -> bool {
    loop {
        // SAFETY: flock() takes a descriptor, which `file` keeps open across the call, and a number.
        if unsafe { libc::flock(file.as_raw_fd(), how) } == 0 {
            return true;
        }
        if std::io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return false;
        }
    }
}

fn unlock(file: &File) {
    lock(file, libc::LOCK_UN);
}

//! What killed commands left in scratch places: copies of the store, checkouts, processes of a rehearsal. Each command that
//! uses such places clears them first; a signal clears them on the way out.

use crate::context::Context;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use workaday_ops::git::Repository;
use workaday_ops::{doctor, rehearsal, scratch};
use workaday_supervisor::signals::Signals;

/// What else is to be done before a signal ends us.
static LAST: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Takes away what those before us left, and sees to it that a signal leaves nothing of ours.
pub fn clear(context: &Context, database: &Path) {
    tidy_on_signals();
    // One that was killed could not clear up: a copy of production, and whatever its commands had started.
    for left in rehearsal::leftovers(false) {
        end_marked(&left.id);
        for remark in left.remove() {
            tracing::warn!("of a rehearsal that was killed, {remark}");
        }
    }
    if let Ok(settings) = context.settings() {
        workaday_ops::backup::clear(&workaday_config::release::backup(settings).folder);
    }
    let repository = context.settings().ok().and_then(|settings| Repository::of(&settings.root));
    let folders: Vec<PathBuf> = doctor::scratch_folders(database);
    for left in scratch::leftovers(&folders, false) {
        tracing::info!("{} was left by a command that was killed, and is deleted", left.path.display());
        left.remove(repository.as_ref());
    }
}

/// A signal ends this program as it always does, and before it takes away what is in scratch places.
fn tidy_on_signals() {
    static IS_ON: AtomicBool = AtomicBool::new(false);
    if IS_ON.swap(true, Ordering::Relaxed) {
        return;
    }
    // Where there are no descriptors left, a signal ends us at once, and the next command clears up.
    let Ok(signals) = Signals::open() else { return };
    std::thread::spawn(move || {
        let arrived = loop {
            let _ = poll(&mut [PollFd::new(&signals.fd(), PollFlags::IN)], None);
            if let Some(signal) = signals.read().first() {
                break *signal;
            }
        };
        IS_ENDING.store(true, Ordering::SeqCst);
        if let Some(last) = LAST.lock().unwrap_or_else(PoisonError::into_inner).take() {
            last();
        }
        scratch::sweep();
        end_by(arrived);
    });
}

/// Ends this process by a signal, so that whoever waits for it sees which.
fn end_by(signal: i32) -> ! {
    // SAFETY: plain calls on a set of our own; the signal has its default action, which ends the process.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
    }
    // One that somebody made us ignore: then as a shell would say it.
    std::process::exit(128 + signal)
}

/// Is done on a signal before the scratch places are taken away.
pub fn before_ending(last: impl FnOnce() + Send + 'static) {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(last));
}

/// Does not return while a signal ends us: what failed because of it is no failure to tell.
pub fn still_going() {
    while IS_ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Ends what the commands of a rehearsal left running, known by the mark in their environment. Again until none is found:
/// they may fork.
pub fn end_marked(id: &str) -> usize {
    const ROUNDS: usize = 50;
    let mark = format!("WORKADAY_REHEARSAL={id}");
    let mut ended = BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = marked(&mark);
        if found.is_empty() {
            break;
        }
        for pid in found {
            ended.insert(pid);
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        // They are no children of ours, so their end is seen in /proc alone.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    ended.len()
}

fn marked(mark: &str) -> Vec<i32> {
    let numbers =
        std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let has_it = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|bytes| bytes.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()))
    };
    numbers.filter(has_it).collect()
}

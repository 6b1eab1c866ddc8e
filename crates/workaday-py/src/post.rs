//! The post thread: reads and writes the socket, and needs no GIL for it.
//!
//! So a job that holds the GIL in C for an hour delays no answer to `recall`, no `started`, and not the end of this process when its
//! supervisor is gone. It sleeps for as long as nothing happens: a job of ten minutes costs it one wake-up, an idle child none.

use crate::child::Shared;
use crate::desk::{Desk, Stop};
use crate::sys;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use workaday_wire::{Decoder, Frame, Job};

const READ_BYTES: usize = 64 * 1024;
const STACK_BYTES: usize = 256 * 1024;
const TICK: Duration = Duration::from_millis(1);

pub fn start(shared: Arc<Shared>) -> io::Result<()> {
    let run = move || {
        sys::block_signals();
        // A child without its post thread would hang unseen, so a bug here ends the process.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| serve(&shared)));
        match ended {
            Ok(End::SupervisorGone) if shared.is_closing() => {}
            Ok(End::SupervisorGone) => sys::kill_group(),
            Ok(End::Disagreement(what)) => sys::exit_with(&format!("workaday: protocol error, this child ends: {what}\n")),
            Err(_) => sys::exit_with("workaday: the post thread panicked, this child ends\n"),
        }
    };
    std::thread::Builder::new().name("workaday-post".into()).stack_size(STACK_BYTES).spawn(run).map(drop)
}

/// Why the thread has nothing left to do.
enum End {
    SupervisorGone,
    Disagreement(String),
}

fn serve(shared: &Shared) -> End {
    let mut decoder = Decoder::new();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let (events, timeout_ms) = prepare(shared);
        let wire = shared.wire.raw();
        let seen = match sys::poll([(wire, events), (shared.post_bell.fd().raw(), libc::POLLIN)], timeout_ms) {
            Ok(seen) => seen,
            Err(error) if sys::would_block(&error) => continue,
            Err(_) => return End::SupervisorGone,
        };
        if seen[1] != 0 {
            shared.post_bell.silence();
        }
        if seen[0] & !libc::POLLOUT == 0 {
            continue;
        }
        match sys::receive(wire, &mut bytes) {
            Ok(0) => return End::SupervisorGone,
            Ok(got) => decoder.push(&bytes[..got]),
            Err(error) if sys::would_block(&error) => continue,
            Err(_) => return End::SupervisorGone,
        }
        if let Err(what) = deliver(shared, &mut decoder) {
            return End::Disagreement(what);
        }
    }
}

/// Does what is due, and says what to poll for and how long.
fn prepare(shared: &Shared) -> (i16, i32) {
    let now = sys::monotonic_ns();
    let mut desk = shared.desk();
    let look_again = desk.announce(now);
    if desk.outbox.is_due(now) || desk.outbox.is_batch() {
        desk.outbox.flush(shared.wire.raw());
    }
    let stuck = desk.outbox.is_due(now);
    let timeout = match look_again {
        _ if stuck => None, // POLLOUT wakes it
        _ if desk.has_waiting() || !desk.outbox.is_empty() => Some(TICK),
        left => left.map(|left| left.max(TICK)),
    };
    desk.post_sleeps = timeout.is_none() && !stuck;
    let events = if stuck { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
    (events, timeout.map_or(-1, |timeout| i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)))
}

/// Hands on all frames that are whole.
fn deliver(shared: &Shared, decoder: &mut Decoder) -> Result<(), String> {
    let mut jobs = Vec::new();
    loop {
        match decoder.next().map_err(|error| error.to_string())? {
            Some(Frame::Job(job)) => jobs.push(job),
            Some(frame) => {
                lay(shared, &mut jobs);
                obey(shared, frame)?;
            }
            None => break,
        }
    }
    lay(shared, &mut jobs);
    Ok(())
}

/// Lays jobs on the desk and wakes the main thread for them.
fn lay(shared: &Shared, jobs: &mut Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let mut desk = shared.desk();
    let now = sys::monotonic_ns();
    jobs.drain(..).for_each(|job| desk.add(job, now));
    wake_main(shared, &mut desk);
}

fn obey(shared: &Shared, frame: Frame) -> Result<(), String> {
    let now = sys::monotonic_ns();
    let mut desk = shared.desk();
    match frame {
        Frame::Ready { json } => desk.ready = Some(json),
        Frame::Recall { nonce } => desk.recall(nonce, now),
        Frame::Drain => desk.drain(now),
        Frame::Cancel { seq, why } => {
            let met = desk.stop(seq, why, now);
            if shared.is_single() {
                desk.stops.clear();
                if matches!(met, Stop::Running) {
                    shared.main_thread.signal(shared.interrupt_signal);
                }
            }
        }
        // Without its text, which may be a user's.
        _ => return Err("a frame that only a child sends".to_owned()),
    }
    // What was taken back may have kept a deadline standing that is nobody's now.
    if !desk.has_waiting() {
        desk.set_deadman(now);
    }
    desk.outbox.flush(shared.wire.raw());
    wake_main(shared, &mut desk);
    Ok(())
}

fn wake_main(shared: &Shared, desk: &mut Desk) {
    if std::mem::take(&mut desk.main_sleeps) {
        shared.main_bell.ring();
    }
}

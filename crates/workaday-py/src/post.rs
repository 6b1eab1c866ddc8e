//! The post thread: reads and writes the socket, and needs no GIL for it.
//!
//! So a job that holds the GIL in C for an hour delays no answer to `recall`, no `started`, and not the end of this process when its
//! supervisor is gone. It sleeps for as long as nothing happens: a job of ten minutes costs it one wake-up, an idle child none.
//!
//! The main thread of an idle sync or solo child waits at the socket itself, so that a quick job costs one wake-up and not two; the
//! post thread then watches only for the end of the supervisor, and takes the socket back when a job has run for a millisecond.

use crate::intake::End;
use crate::shared::Shared;
use crate::sys;
use std::io;
use std::sync::Arc;
use std::time::Duration;

const STACK_BYTES: usize = 256 * 1024;
const TICK: Duration = Duration::from_millis(1);

pub fn start(shared: Arc<Shared>) -> io::Result<()> {
    let run = move || {
        sys::block_signals();
        // A child without its post thread would hang unseen, so a bug here ends the process.
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| serve(&shared))) {
            Ok(End::SupervisorGone) if shared.is_closing() => {}
            Ok(end) => end.of_process(),
            Err(_) => sys::exit_with("workaday: the post thread panicked, this child ends\n"),
        }
    };
    std::thread::Builder::new().name("workaday-post".into()).stack_size(STACK_BYTES).spawn(run).map(drop)
}

fn serve(shared: &Shared) -> End {
    let mut alarmed = false;
    loop {
        let (events, timeout_ms) = prepare(shared, alarmed);
        let seen = match sys::poll([(shared.wire.raw(), events), (shared.post_alarm.fd().raw(), libc::POLLIN)], timeout_ms) {
            Ok(seen) => seen,
            Err(error) if sys::would_block(&error) => continue,
            Err(_) => return End::SupervisorGone,
        };
        alarmed = seen[1] != 0;
        if alarmed {
            shared.post_alarm.silence();
        }
        if seen[0] & !libc::POLLOUT != 0
            && let Err(end) = shared.intake().read(shared)
        {
            return end;
        }
    }
}

/// Does what is due, and says what to poll for and how long.
fn prepare(shared: &Shared, alarmed: bool) -> (i16, i32) {
    let now = sys::monotonic_ns();
    let mut desk = shared.desk();
    desk.alarm_set &= !alarmed;
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
    desk.post_sleeps = (timeout.is_none() || desk.main_reads) && !stuck;
    let read = if desk.main_reads { 0 } else { libc::POLLIN };
    let write = if stuck { libc::POLLOUT } else { 0 };
    (read | write, timeout.map_or(-1, |timeout| i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)))
}

//! What comes in: bytes from the socket become jobs on the desk and requests obeyed. Either thread may read; a mutex keeps the order.

use crate::desk::{Desk, Stop};
use crate::shared::Shared;
use crate::sys;
use workaday_wire::{Decoder, Frame, Job};

const READ_BYTES: usize = 64 * 1024;

/// Why nothing more comes in.
pub enum End {
    SupervisorGone,
    Disagreement(String),
}

impl End {
    /// Ends this process accordingly.
    pub fn of_process(self) -> ! {
        match self {
            End::SupervisorGone => sys::kill_group(),
            End::Disagreement(what) => sys::exit_with(&format!("workaday: protocol error, this child ends: {what}\n")),
        }
    }
}

pub struct Intake {
    decoder: Decoder,
    bytes: Vec<u8>,
}

impl Intake {
    pub fn new() -> Self {
        Self { decoder: Decoder::new(), bytes: vec![0; READ_BYTES] }
    }

    /// Receives what is there now, which may be nothing, and hands it on.
    pub fn read(&mut self, shared: &Shared) -> Result<(), End> {
        match sys::receive(shared.wire.raw(), &mut self.bytes) {
            Ok(0) => Err(End::SupervisorGone),
            Ok(got) => {
                self.decoder.push(&self.bytes[..got]);
                deliver(shared, &mut self.decoder).map_err(End::Disagreement)
            }
            Err(error) if sys::would_block(&error) => Ok(()),
            Err(_) => Err(End::SupervisorGone),
        }
    }
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
            if shared.single {
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

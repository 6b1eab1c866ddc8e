//! Frames on their way out: batched, so that a hundred quick jobs cost one write, and bounded, so that a slow supervisor costs no memory.
//!
//! Outcomes are never dropped; the jobs in hand bound them. Lines are the flood: while the box is full their writer waits, as it
//! would on a full pipe. But a pipe waits for ever, and a supervisor that is stopped must not stop every job that prints; so after
//! `PATIENCE` lines are dropped and counted until there is room, and the count is told in the log of the job that lost them.

use crate::sys;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;
use workaday_wire::{Frame, Log, Stream};

/// Lines wait above this.
const BYTES_MAX: usize = 1 << 20;
/// A batch is written at once above either.
const BATCH_FRAMES: usize = 64;
const BATCH_BYTES: usize = 64 * 1024;
/// The oldest frame of a batch waits about this long.
pub const BATCH_NS: u64 = 1_000_000;
/// How long a line waits for room.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// Jobs whose lost lines are counted apart; the rest are counted under seq 0.
const COUNTED_APART: usize = 64;

#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Everything before is on its way.
    sent: usize,
    frames: usize,
    /// When the oldest unsent frame came in.
    since_ns: u64,
    /// Patience ran out; lines are dropped until there is room again.
    choked: bool,
    dropped: BTreeMap<u64, u64>,
}

impl Outbox {
    pub fn push<S: AsRef<str>>(&mut self, frame: &Frame<S>, now_ns: u64) {
        if self.is_empty() {
            self.since_ns = now_ns;
        }
        self.frames += 1;
        frame.encode(&mut self.bytes);
    }

    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// A batch worth writing without waiting for company.
    pub fn is_batch(&self) -> bool {
        self.frames > BATCH_FRAMES || self.pending() > BATCH_BYTES
    }

    pub fn is_due(&self, now_ns: u64) -> bool {
        !self.is_empty() && now_ns.saturating_sub(self.since_ns) >= BATCH_NS
    }

    /// No room for lines.
    pub fn is_full(&self) -> bool {
        self.choked || self.pending() > BYTES_MAX
    }

    pub fn is_choked(&self) -> bool {
        self.choked
    }

    /// Gives up on a line of this job.
    pub fn drop_line(&mut self, seq: u64) {
        self.choked = true;
        let known = self.dropped.contains_key(&seq) || self.dropped.len() < COUNTED_APART;
        *self.dropped.entry(if known { seq } else { 0 }).or_default() += 1;
    }

    /// Writes what the socket takes now; the rest stays. A supervisor that is gone is noticed by the post thread, not here.
    pub fn flush(&mut self, wire: RawFd) {
        while !self.is_empty() {
            match sys::send(wire, &self.bytes[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.frames = 0;
        if self.is_empty() {
            self.bytes.clear();
            self.sent = 0;
            // One large result must not keep its megabyte for ever.
            self.bytes.shrink_to(4 * BATCH_BYTES);
        } else if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        if self.choked && self.pending() < BYTES_MAX / 2 {
            self.choked = false;
            self.tell_dropped();
        }
    }

    fn tell_dropped(&mut self) {
        for (seq, count) in std::mem::take(&mut self.dropped) {
            let text = format!("{count} lines dropped here: the supervisor did not take them within {} s", PATIENCE.as_secs());
            let log = Log { seq, stream: Stream::System, level: 3, at_us: sys::wall_us(), logger: "workaday", text: &text };
            self.push(&Frame::Log(log), sys::monotonic_ns());
        }
    }

    fn pending(&self) -> usize {
        self.bytes.len() - self.sent
    }
}

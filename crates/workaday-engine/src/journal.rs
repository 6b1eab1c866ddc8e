//! What jobs print, on its way to the store.
//!
//! Purpose: every line of an attempt is kept with it, within bounds: the first 1 MiB as it comes, then the last 64 KiB,
//! with a count of what fell between. What it will not do: hold up a settlement, or grow with a flood.
//! Killed midway: lines not yet committed are lost; the job is not.

use crate::crew::Flight;
use crate::event::Line;
use std::collections::VecDeque;
use workaday_core::clock::{Length, Timestamp};
use workaday_store::LogLine;

/// Kept from the beginning of an attempt, in bytes of text.
pub const HEAD_BYTES: usize = 1024 * 1024;
/// Kept from its end.
pub const TAIL_BYTES: usize = 64 * 1024;
/// The longest line; longer ones are cut and say so.
pub const LINE_BYTES: usize = 16 * 1024;
/// Lines wait at most this long for a transaction.
const LINGER: Length = Length::millis(200);
const LINES_TO_FLUSH: usize = 512;

/// How much of one attempt's output has been kept.
#[derive(Debug, Default)]
pub struct LogState {
    seq: i64,
    head_bytes: usize,
    tail: VecDeque<Line>,
    tail_bytes: usize,
    pub dropped_bytes: i64,
    pub lines: i64,
}

/// Lines that wait for the next transaction.
#[derive(Debug, Default)]
pub struct Journal {
    pending: Vec<LogLine>,
    since: Option<Timestamp>,
}

impl Journal {
    /// Takes a line of a job in flight.
    pub fn add(&mut self, flight: &mut Flight, line: Line, now: Timestamp) {
        let line = Line { text: cut(line.text), ..line };
        let log = &mut flight.log;
        log.lines += 1;
        if log.head_bytes < HEAD_BYTES {
            log.head_bytes += line.text.len();
            let entry = entry(flight, line);
            self.push(entry, now);
            return;
        }
        log.tail_bytes += line.text.len();
        log.tail.push_back(line);
        while log.tail_bytes > TAIL_BYTES {
            let Some(oldest) = log.tail.pop_front() else {
                break;
            };
            log.tail_bytes -= oldest.text.len();
            log.dropped_bytes += oldest.text.len() as i64;
        }
    }

    /// The attempt has ended: what is left of it goes in with its settlement.
    pub fn close(&mut self, flight: &mut Flight, now: Timestamp) {
        if flight.log.dropped_bytes > 0 {
            let text = format!(
                "… {} bytes left out here: an attempt keeps its first {} KiB and its last {} KiB",
                flight.log.dropped_bytes,
                HEAD_BYTES / 1024,
                TAIL_BYTES / 1024
            );
            let note = entry(flight, Line { stream: "system", level: None, logger: None, text, at: now });
            self.push(note, now);
        }
        for line in std::mem::take(&mut flight.log.tail) {
            let entry = entry(flight, line);
            self.push(entry, now);
        }
    }

    fn push(&mut self, line: LogLine, now: Timestamp) {
        self.since.get_or_insert(now);
        self.pending.push(line);
    }

    pub fn pending(&self) -> &[LogLine] {
        &self.pending
    }

    /// When the waiting lines want a transaction of their own.
    pub fn due_at(&self) -> Option<Timestamp> {
        let since = self.since?;
        Some(if self.pending.len() >= LINES_TO_FLUSH { since } else { since + LINGER })
    }

    pub fn committed(&mut self) {
        self.pending.clear();
        self.since = None;
    }
}

fn entry(flight: &mut Flight, line: Line) -> LogLine {
    flight.log.seq += 1;
    LogLine {
        job: flight.key,
        fence: flight.fence,
        seq: flight.log.seq,
        at: line.at,
        stream: line.stream,
        level: line.level,
        logger: line.logger,
        text: line.text,
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LINE_BYTES {
        let mut end = LINE_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let rest = text.len() - end;
        text.truncate(end);
        text.push_str(&format!(" … ({rest} bytes of this line left out)"));
    }
    text
}

//! Standard error, on which the log must not hold up the jobs.
//!
//! Behind it may be a pipe whose reader stopped or went, or a terminal that was told to wait. A line is waited for a second
//! at most; then lines are left out until somebody reads again, and their number is said. A reader that is gone ends nothing.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line may wait for whoever reads.
const PATIENCE: Duration = Duration::from_secs(1);
/// A pipe that can be written to has room for so much without waiting (PIPE_BUF).
const CHUNK_BYTES: usize = 4_096;

/// Writes whole lines to a descriptor that may not take them.
#[derive(Debug)]
pub struct LogWriter<F> {
    to: F,
    json: bool,
    /// Lines that were left out since the last one that was taken.
    lost: Mutex<u64>,
}

impl<F: AsFd> LogWriter<F> {
    pub fn new(to: F, json: bool) -> Self {
        LogWriter { to, json, lost: Mutex::new(0) }
    }

    fn line(&self, line: &[u8]) {
        let mut lost: MutexGuard<'_, u64> = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has kept us waiting once is not waited for again before it has shown that it reads.
        let patience = if *lost == 0 { PATIENCE } else { Duration::ZERO };
        if *lost > 0 && self.put(self.gap(*lost).as_bytes(), patience) {
            *lost = 0;
        }
        if *lost > 0 || !self.put(line, patience) {
            *lost += 1;
        }
    }

    fn gap(&self, lost: u64) -> String {
        let said = format!("{lost} lines of this log were left out: nobody took them");
        if self.json {
            format!("{}\n", serde_json::json!({"level": "WARN", "fields": {"message": said}}))
        } else {
            format!("WARN {said}\n")
        }
    }

    /// `false`: not taken, or not whole.
    fn put(&self, bytes: &[u8], patience: Duration) -> bool {
        let mut left = bytes;
        while !left.is_empty() {
            if !self.has_room(patience) {
                return false;
            }
            match rustix::io::write(&self.to, &left[..left.len().min(CHUNK_BYTES)]) {
                Ok(taken) => left = &left[taken..],
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn has_room(&self, patience: Duration) -> bool {
        let timeout = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
        loop {
            match poll(&mut [PollFd::new(&self.to, PollFlags::OUT)], Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => {}
                answer => return answer.is_ok_and(|ready| ready > 0),
            }
        }
    }
}

/// One line of the log, as `tracing` writes it: in one piece, and never with an error.
#[derive(Debug)]
pub struct Entry<'a, F>(&'a LogWriter<F>);

impl<F: AsFd> Write for Entry<'_, F> {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a, F: AsFd + 'a> MakeWriter<'a> for LogWriter<F> {
    type Writer = Entry<'a, F>;

    fn make_writer(&'a self) -> Self::Writer {
        Entry(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_reader_that_stops_is_not_waited_for_and_told_what_it_missed() {
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let log = LogWriter::new(writer, false);
        let line = [vec![b'x'; CHUNK_BYTES - 1], vec![b'\n']].concat();
        let began = std::time::Instant::now();
        for _ in 0..100 {
            log.line(&line);
        }
        let lost = *log.lost.lock().expect("no panic");
        assert!(lost > 0 && lost < 100, "{lost}");
        assert!(began.elapsed() < PATIENCE * 10, "only the first was waited for");
        let mut taken = vec![0; line.len() * (100 - lost as usize)];
        reader.read_exact(&mut taken).expect("what fitted");
        log.line(b"again\n");
        drop(log);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, format!("WARN {lost} lines of this log were left out: nobody took them\nagain\n"));
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let log = LogWriter::new(writer, true);
        assert!(log.make_writer().write_all(b"a line\n").is_ok());
        assert_eq!(*log.lost.lock().expect("no panic"), 1);
        assert!(log.gap(1).starts_with('{'));
    }
}

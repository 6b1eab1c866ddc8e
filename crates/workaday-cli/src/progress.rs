//! How far long work has come, on a terminal. Nothing for short work, nothing for a pipe, nothing with --json.

use crate::words;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Work that ends sooner says nothing.
const QUIET: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(100);
const ERASE: &str = "\r\x1b[K";

/// One line on standard error, written over and erased at the end.
pub struct Progress {
    what: &'static str,
    total: Option<usize>,
    terminal: bool,
    began: Instant,
    shown: Option<Duration>,
}

impl Progress {
    /// `what` is a word for what goes on: "Pruning". Without a total only the count is shown.
    pub fn new(what: &'static str, total: Option<usize>, json: bool) -> Self {
        Self { what, total, terminal: !json && std::io::stderr().is_terminal(), began: Instant::now(), shown: None }
    }

    pub fn at(&mut self, done: usize) {
        if let Some(line) = self.line(done, self.began.elapsed()) {
            // A terminal that is gone is no reason to stop the work.
            let _ = write!(std::io::stderr(), "{ERASE}{line}");
        }
    }

    fn line(&mut self, done: usize, elapsed: Duration) -> Option<String> {
        if !self.terminal || elapsed < QUIET || self.shown.is_some_and(|shown| elapsed < shown + PAUSE) {
            return None;
        }
        self.shown = Some(elapsed);
        let done_shown = words::thousands(done as i64);
        Some(match self.total {
            Some(total) => format!("{} {done_shown} of {} ({} %)", self.what, words::thousands(total as i64), done * 100 / total.max(1)),
            None => format!("{} {done_shown}", self.what),
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "{ERASE}");
        }
    }
}

/// Says on a terminal what is waited for, when nobody can tell how far it is.
pub fn waited_for<T>(what: &str, json: bool, work: impl FnOnce() -> T) -> T {
    let terminal = !json && std::io::stderr().is_terminal();
    if terminal {
        let _ = write!(std::io::stderr(), "{what}");
    }
    let done = work();
    if terminal {
        let _ = write!(std::io::stderr(), "{ERASE}");
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(terminal: bool, total: Option<usize>) -> Progress {
        Progress { what: "Pruning", total, terminal, began: Instant::now(), shown: None }
    }

    #[test]
    fn long_work_says_how_far_it_is_and_not_too_often() {
        let mut work = progress(true, Some(4_000));
        let at = Duration::from_millis;
        assert_eq!(work.line(500, at(100)), None, "short work says nothing");
        assert_eq!(work.line(1_000, at(400)).as_deref(), Some("Pruning 1,000 of 4,000 (25 %)"));
        assert_eq!(work.line(1_100, at(450)), None);
        assert_eq!(work.line(1_200, at(500)).as_deref(), Some("Pruning 1,200 of 4,000 (30 %)"));
        work.shown = None; // nothing to erase on the terminal of the test
        let mut unknown = progress(true, None);
        assert_eq!(unknown.line(7, at(400)).as_deref(), Some("Pruning 7"));
        unknown.shown = None;
    }

    #[test]
    fn a_pipe_gets_none_of_it() {
        assert_eq!(progress(false, None).line(7, Duration::from_secs(9)), None);
    }
}

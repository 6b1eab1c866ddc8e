//! What a schedule learns of its runs: how long they usually take, and how many failed in a row.
//!
//! The expected duration is the 95th percentile of the last runs that completed: nearest rank, so that it is a time
//! that a run really took. A run is *too long* when it still goes on after twice that, and at least a minute more: a
//! job of two seconds that takes five is nobody's alarm, one of an hour that takes two is.

use crate::clock::Length;

/// Completed runs that are remembered.
pub const RUNS_KEPT: usize = 50;
/// Runs before anything is expected: fewer say little, and an alarm at the second run would be noise.
pub const RUNS_NEEDED: usize = 5;
const TOO_LONG_AT_LEAST: Length = Length::minutes(1);

/// The newest completed runs, in microseconds, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    runs: Vec<i64>,
    /// Runs that failed in a row, each with all its attempts, or were too short.
    pub failures: u32,
}

impl Learned {
    /// From the store's JSON; what cannot be read was never learned.
    pub fn read(runs: &str, failures: u32) -> Self {
        let runs: Vec<i64> = serde_json::from_str(runs).unwrap_or_default();
        Self { runs, failures }
    }

    /// For the store.
    pub fn runs_json(&self) -> String {
        serde_json::to_string(&self.runs).unwrap_or_default()
    }

    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// A run has completed: it is remembered, and ends a row of failures.
    pub fn completed(&mut self, ran: Length) {
        if self.runs.len() >= RUNS_KEPT {
            self.runs.drain(..=self.runs.len() - RUNS_KEPT);
        }
        self.runs.push(ran.0.max(0));
        self.failures = 0;
    }

    /// A run has failed for good, or was too short to have done its work: how long it took teaches nothing.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// The 95th percentile, from the first run on.
    pub fn p95(&self) -> Option<Length> {
        let mut sorted = self.runs.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * 95).div_ceil(100);
        sorted.get(rank.checked_sub(1)?).map(|ran| Length(*ran))
    }

    /// What a run is expected to take, once enough are known.
    pub fn expected(&self) -> Option<Length> {
        self.p95().filter(|_| self.runs.len() >= RUNS_NEEDED)
    }

    /// A run that goes on for longer than this is told.
    pub fn too_long(&self) -> Option<Length> {
        let expected = self.expected()?;
        Some(Length(expected.0.saturating_mul(2)).max(Length(expected.0.saturating_add(TOO_LONG_AT_LEAST.0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: &[i64]) -> Learned {
        let mut learned = Learned::default();
        seconds.iter().for_each(|seconds| learned.completed(Length::seconds(*seconds)));
        learned
    }

    #[test]
    fn nothing_is_expected_before_the_fifth_run() {
        assert_eq!(after(&[]).p95(), None);
        assert_eq!(after(&[10, 10, 10, 10]).expected(), None);
        assert_eq!(after(&[10, 11, 12, 13, 14]).expected(), Some(Length::seconds(14)));
    }

    #[test]
    fn one_slow_run_in_fifty_is_no_expectation() {
        let mut runs = vec![10; 49];
        runs.push(500);
        assert_eq!(after(&runs).expected(), Some(Length::seconds(10)));
    }

    #[test]
    fn only_the_newest_runs_count() {
        let mut runs = vec![500; 60];
        runs.extend([10; 50]);
        let learned = after(&runs);
        assert_eq!((learned.runs(), learned.expected()), (RUNS_KEPT, Some(Length::seconds(10))));
        assert_eq!(Learned::read(&learned.runs_json(), 0), learned);
    }

    #[test]
    fn too_long_is_twice_the_expectation_and_a_minute_more_at_least() {
        assert_eq!(after(&[2; 5]).too_long(), Some(Length::seconds(62)));
        assert_eq!(after(&[3_600; 5]).too_long(), Some(Length::hours(2)));
    }

    #[test]
    fn a_completed_run_ends_a_row_of_failures() {
        let mut learned = after(&[1]);
        learned.failed();
        learned.failed();
        assert_eq!((learned.failures, learned.runs()), (2, 1));
        learned.completed(Length::seconds(1));
        assert_eq!(learned.failures, 0);
    }
}

//! How long the wait before another attempt is.

use crate::clock::Length;
use serde::{Deserialize, Serialize};

/// A number in `[0, 1)` drawn by the caller, so that chance is an argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chance(pub f64);

/// How the wait grows from attempt to attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// base, 2 base, 4 base … up to the cap.
    Exponential,
    /// base each time.
    Fixed,
}

/// A task's retry policy. Which exceptions count is judged in the child, where the classes are; the rest here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetryPolicy {
    /// Tries in all, the first included. 1 = never again.
    pub attempts: u32,
    pub backoff: Backoff,
    /// The first wait.
    pub base_us: i64,
    /// No wait is longer, jitter apart.
    pub cap_us: i64,
    /// Spread, as a share of the wait: 0.1 = up to 10 % earlier or later.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    /// Five attempts after 5, 10, 20, 40 s, spread by 10 %.
    fn default() -> Self {
        Self { attempts: 5, backoff: Backoff::Exponential, base_us: 5_000_000, cap_us: 3_600_000_000, jitter: 0.1 }
    }
}

impl RetryPolicy {
    /// The wait after attempt `attempt` (1 = the first) failed.
    ///
    /// Exponential growth with a bounded, symmetric spread, so that jobs which failed together do not come back together.
    pub fn delay(&self, attempt: u32, chance: Chance) -> Length {
        let plain = match self.backoff {
            Backoff::Fixed => self.base_us,
            Backoff::Exponential => self.base_us.saturating_mul(1_i64 << attempt.saturating_sub(1).min(40)),
        }
        .clamp(0, self.cap_us.max(0));
        let spread = plain as f64 * self.jitter.clamp(0.0, 1.0) * (2.0 * chance.0 - 1.0);
        Length((plain as f64 + spread).max(0.0) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_wait_doubles_up_to_the_cap() {
        let policy = RetryPolicy { jitter: 0.0, cap_us: 30_000_000, ..RetryPolicy::default() };
        let waits: Vec<i64> = (1..=5).map(|n| policy.delay(n, Chance(0.5)).0 / 1_000_000).collect();
        assert_eq!(waits, [5, 10, 20, 30, 30]);
    }

    #[test]
    fn a_fixed_wait_stays() {
        let policy = RetryPolicy { backoff: Backoff::Fixed, jitter: 0.0, ..RetryPolicy::default() };
        assert_eq!(policy.delay(1, Chance(0.1)), policy.delay(9, Chance(0.9)));
    }

    #[test]
    fn the_smallest_chance_comes_first() {
        let policy = RetryPolicy { jitter: 0.1, ..RetryPolicy::default() };
        let waits = [0.0, 0.5, 1.0].map(|chance| policy.delay(1, Chance(chance)).0);
        assert_eq!(waits, [4_500_000, 5_000_000, 5_500_000]);
    }

    proptest! {
        #[test]
        fn the_wait_stays_within_its_spread(attempt in 1_u32..2_000, chance in 0.0_f64..1.0, base in 0_i64..86_400_000_000, jitter in 0.0_f64..1.0) {
            let policy = RetryPolicy { base_us: base, jitter, ..RetryPolicy::default() };
            let plain = RetryPolicy { jitter: 0.0, ..policy }.delay(attempt, Chance(0.5)).0 as f64;
            let wait = policy.delay(attempt, Chance(chance)).0 as f64;
            prop_assert!(wait >= (plain * (1.0 - jitter)).floor() - 1.0 && wait <= plain * (1.0 + jitter) + 1.0);
        }
    }
}

//! Buckets that fill with time: how often one address, person or token may ask.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use workaday_config::kind::Rate;

/// Beyond this many callers the full buckets are forgotten; a flood of addresses cannot fill the memory.
const CALLERS_MAX: usize = 10_000;

struct Bucket {
    left: f64,
    at: Instant,
}

/// One bucket for each caller.
pub struct Buckets<K> {
    size: f64,
    per_second: f64,
    callers: Mutex<HashMap<K, Bucket>>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// `burst`: how many times the count may be asked for at once.
    pub fn new(rate: Rate, burst: u32) -> Self {
        let seconds = rate.per.to_std().as_secs_f64().max(0.001);
        let size = f64::from(rate.count.max(1)) * f64::from(burst);
        Self { size, per_second: f64::from(rate.count) / seconds, callers: Mutex::new(HashMap::new()) }
    }

    /// Takes one; else how long to wait for the next.
    pub fn take(&self, caller: &K, now: Instant) -> Result<(), Duration> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS_MAX && !callers.contains_key(caller) {
            callers.retain(|_, bucket| bucket.left + self.per_second * (now - bucket.at).as_secs_f64() < self.size);
            if callers.len() >= CALLERS_MAX {
                return Err(Duration::from_secs(1));
            }
        }
        let bucket = callers.entry(caller.clone()).or_insert(Bucket { left: self.size, at: now });
        bucket.left = (bucket.left + self.per_second * now.saturating_duration_since(bucket.at).as_secs_f64()).min(self.size);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64(((1.0 - bucket.left) / self.per_second).min(3_600.0)))
    }

    /// It was no attempt after all: a login that succeeded.
    pub fn give_back(&self, caller: &K) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = callers.get_mut(caller) {
            bucket.left = (bucket.left + 1.0).min(self.size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::clock::Length;

    #[test]
    fn five_a_minute_are_five_a_minute() {
        let buckets = Buckets::new(Rate { count: 5, per: Length::minutes(1) }, 1);
        let start = Instant::now();
        for _ in 0..5 {
            buckets.take(&"one", start).unwrap();
        }
        let wait = buckets.take(&"one", start).unwrap_err();
        assert_eq!(wait.as_secs(), 12);
        buckets.take(&"other", start).unwrap();
        buckets.take(&"one", start + Duration::from_secs(13)).unwrap();
        assert!(buckets.take(&"one", start + Duration::from_secs(13)).is_err());
    }
}

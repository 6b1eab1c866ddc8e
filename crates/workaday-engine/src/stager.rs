//! Makes due jobs available and ends expired ones.
//!
//! Purpose: `scheduled` and `retryable` jobs become `available` at their `run_at`; waiting jobs past `expires_at` are
//! cancelled (`expired`); retries do not wait for hours that a clock set back has to show once more. What it will not do:
//! touch held jobs. Bounded: 1,000 rows a turn, the rest in the next.
//! Killed midway: the transaction is undone and the next turn repeats it.

use crate::moment::Moment;
use workaday_core::clock::Length;
use workaday_store::{Store, StoreError};

const ROWS_MAX: usize = 1_000;
/// A clock that is merely disciplined stays below this between two looks.
const NOTICED: Length = Length::seconds(1);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StagerReport {
    pub staged: usize,
    pub expired: usize,
    /// Retries that the clock, set back, would have kept waiting.
    pub restaged: usize,
    /// There may be more: come again at once.
    pub more: bool,
}

#[derive(Debug, Default)]
pub struct Stager {
    /// Wall clock less the steady one, as every retry of the store was looked at. `None`: not yet by this supervisor.
    set: Option<Length>,
    /// The same of the transaction that is not committed.
    seen: Option<Length>,
}

impl Stager {
    /// The wall clock was set back since the retries were looked at.
    pub fn is_set_back(&self, now: Moment) -> bool {
        self.set.is_some_and(|set| (now.wall - now.steady).0 <= set.0 - NOTICED.0)
    }

    pub fn run_once(&mut self, store: &mut dyn Store, now: Moment) -> Result<StagerReport, StoreError> {
        // At a start too: the clock may have been set while nobody ran.
        let looks = self.set.is_none() || self.is_set_back(now);
        let restaged = if looks { store.restage_retries(now.wall, ROWS_MAX)? } else { 0 };
        // Not through yet: the next turn finds the clock set back still.
        self.seen = if restaged == ROWS_MAX { self.set } else { Some(now.wall - now.steady) };
        let expired = store.expire(now.wall, ROWS_MAX)?;
        let staged = store.stage(now.wall, ROWS_MAX)?;
        Ok(StagerReport { staged, expired, restaged, more: [staged, expired, restaged].contains(&ROWS_MAX) })
    }

    /// What was looked at is written.
    pub fn committed(&mut self) {
        self.set = self.seen;
    }
}

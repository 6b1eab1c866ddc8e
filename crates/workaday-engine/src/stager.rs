//! Makes due jobs available and ends expired ones.
//!
//! Purpose: `scheduled` and `retryable` jobs become `available` at their `run_at`; waiting jobs past `expires_at` are
//! cancelled (`expired`). What it will not do: touch held jobs. Bounded: 1,000 rows a turn, the rest in the next.
//! Killed midway: the transaction is undone and the next turn repeats it.

use workaday_core::clock::Timestamp;
use workaday_store::{Store, StoreError};

const ROWS_MAX: usize = 1_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StagerReport {
    pub staged: usize,
    pub expired: usize,
    /// There may be more: come again at once.
    pub more: bool,
}

#[derive(Debug, Default)]
pub struct Stager;

impl Stager {
    pub fn run_once(&mut self, store: &mut dyn Store, now: Timestamp) -> Result<StagerReport, StoreError> {
        let expired = store.expire(now, ROWS_MAX)?;
        let staged = store.stage(now, ROWS_MAX)?;
        Ok(StagerReport { staged, expired, more: staged == ROWS_MAX || expired == ROWS_MAX })
    }
}

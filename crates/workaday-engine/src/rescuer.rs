//! Gives back what a dead supervisor had claimed.
//!
//! Purpose: after a crash of ours every claim of an older generation goes back, exactly: the lock proves that its owner
//! and all children are dead, so no clock is asked. Runs once, before the first claim of a generation. What it will not
//! do: touch a claim of the living generation. Killed midway: what is committed stays given back, the rest is found again.

use crate::catalogue::Catalogue;
use crate::chance::Random;
use workaday_core::clock::Timestamp;
use workaday_core::job::{Generation, Lane};
use workaday_core::lifecycle::{self, Next, Outcome, Running};
use workaday_core::retry::RetryPolicy;
use workaday_store::{AttemptRecord, RunningRow, Settlement, Store, StoreError};

const ROWS_MAX: usize = 500;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RescuerReport {
    pub rescued: usize,
    pub quarantined: usize,
    pub outcome_unknown: usize,
    pub more: bool,
}

#[derive(Debug, Default)]
pub struct Rescuer;

impl Rescuer {
    /// One bounded step inside the caller's (full) transaction.
    pub fn run_once(
        &mut self,
        store: &mut dyn Store,
        generation: Generation,
        catalogue: &Catalogue,
        chance: &mut dyn Random,
        now: Timestamp,
    ) -> Result<RescuerReport, StoreError> {
        let rows = store.running_before(generation, ROWS_MAX)?;
        let mut report = RescuerReport { more: rows.len() == ROWS_MAX, ..RescuerReport::default() };
        for row in &rows {
            rescue(store, row, catalogue, chance, now, &mut report)?;
        }
        Ok(report)
    }
}

fn rescue(
    store: &mut dyn Store,
    row: &RunningRow,
    catalogue: &Catalogue,
    chance: &mut dyn Random,
    now: Timestamp,
    report: &mut RescuerReport,
) -> Result<(), StoreError> {
    let entry = catalogue.get(&row.task).map(|task| &task.entry);
    let running = Running {
        counts: row.counts,
        attempts_max: entry.map_or(RetryPolicy::default().attempts, |e| e.attempts()) + row.attempt_extra,
        retry: entry.map_or_else(RetryPolicy::default, |e| e.retry),
        at_most_once: entry.is_some_and(|e| e.at_most_once),
        cancel_requested: row.cancel_requested,
    };
    let settled = lifecycle::settle(&running, Outcome::Rescued, now, chance.draw());
    let lane = match entry {
        Some(entry) => entry.lane_when(settled.solo),
        // Nobody knows the task now: a command is alone in its process in any case.
        None if settled.solo && row.lane != Lane::Command => Lane::Solo,
        None => row.lane,
    };
    let record = AttemptRecord { cause: Some(r#"{"kind":"supervisor_died"}"#.to_owned()), ..AttemptRecord::default() };
    let reason = match settled.next {
        Next::Discarded { reason } => reason,
        _ => None,
    };
    let settlement = Settlement {
        key: row.key,
        fence: row.fence,
        settled,
        lane,
        claimed_at: row.claimed_at,
        attempt: Some(&record),
        result: None,
        reason,
    };
    if !store.settle(&settlement, now)? {
        return Ok(());
    }
    report.rescued += 1;
    if settled.held.is_some() {
        report.quarantined += 1;
        store.raise_alert(
            "job.quarantined",
            &row.id.to_string(),
            &format!("{} was running {} times when its supervisor died, and is held", row.task, settled.counts.rescue),
            now,
        )?;
    }
    if reason == Some("outcome_unknown") {
        report.outcome_unknown += 1;
        store.raise_alert(
            "job.outcome_unknown",
            &row.id.to_string(),
            &format!(
                "{} job {} was running when its supervisor died; it must not run twice, so whether it finished is for a person to find out",
                row.task, row.id
            ),
            now,
        )?;
    }
    Ok(())
}

//! Writes the outcomes that arrived: what `core` decides becomes a row, its attempt and its evidence.
//!
//! Purpose: an outcome is recorded exactly once, by the claim that made it: every write names (job, fence), a stale one
//! changes nothing. Many go in one transaction. What it will not do: decide (that is `core::lifecycle`).
//! Killed midway: the transaction is undone, the jobs are still claimed by this generation and are rescued.

use crate::chance::Random;
use crate::crew::{Flight, Stop};
use crate::event::{Death, Ended, Spent, StopWhy};
use crate::expectation;
use crate::moment::Moment;
use workaday_core::clock::Timestamp;
use workaday_core::job::{AttemptOutcome, HeldCode, JobId, JobKey, RESULT_BYTES_MAX, State};
use workaday_core::lifecycle::{self, Next, Outcome, Running, Settled};
use workaday_core::measure::Evidence;
use workaday_store::{AttemptRecord, Settlement, Store, StoreError};

/// Where an attempt ran, for its record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RanIn {
    /// Kind and process number: `sync 2112`.
    pub child: String,
    pub release: Option<String>,
}

/// An ended claim that waits to be written.
#[derive(Debug)]
pub struct Pending {
    pub flight: Flight,
    pub outcome: Outcome,
    pub hold: Option<HeldCode>,
    /// `None`: it never began, so there is no attempt to record.
    pub record: Option<AttemptRecord>,
    pub result: Option<String>,
    pub mark: Option<String>,
    pub evidence: Option<Box<Evidence>>,
    /// How the attempt was written, once it is.
    pub written: Option<AttemptOutcome>,
    /// Steady clock.
    pub since: Timestamp,
    /// A commit with this settlement in it may have succeeded: finding it stale is no news.
    pub maybe_stored: bool,
}

impl Pending {
    /// From the child's own word.
    pub fn from_outcome(mut flight: Flight, ended: Ended, spent: Spent, ran_in: RanIn, now: Moment) -> Self {
        let (outcome, error, result, mark, hold) = read(&flight, ended);
        let began = !matches!(outcome, Outcome::GivenBack { frame_written: false });
        let evidence = flight.evidence.take();
        let record = began.then(|| {
            let record = record(&flight, &spent, error, None, ran_in, now);
            let unexpected = expectation::missed(&flight.task.entry, outcome, evidence.as_deref(), flight.run_at, now.wall);
            AttemptRecord { evidence: evidence.as_ref().and_then(|told| told.json()), unexpected, ..record }
        });
        Self { flight, outcome, hold, record, result, mark, evidence, written: None, since: now.steady, maybe_stored: false }
    }

    /// It never began: recalled, refused by a drain, or its child died before its turn.
    pub fn not_begun(flight: Flight, now: Moment) -> Self {
        let outcome = Outcome::GivenBack { frame_written: false };
        Self::plain(flight, outcome, None, now)
    }

    /// Its process died; `outcome` says what that means for this job.
    pub fn from_death(flight: Flight, outcome: Outcome, death: &Death, spent: Spent, ran_in: RanIn, now: Moment) -> Self {
        let ran_us = flight.started_at.map_or(0, |at| (now.steady - at).0);
        let spent = Spent { ran_us, ..spent };
        let error = serde_json::json!({"type": "ProcessDied", "message": death.words}).to_string();
        let record = record(&flight, &spent, Some(error), Some(death.cause.to_string()), ran_in, now);
        Self::plain(flight, outcome, Some(record), now)
    }

    fn plain(flight: Flight, outcome: Outcome, record: Option<AttemptRecord>, now: Moment) -> Self {
        Self {
            flight,
            outcome,
            hold: None,
            record,
            result: None,
            mark: None,
            evidence: None,
            written: None,
            since: now.steady,
            maybe_stored: false,
        }
    }

    /// Why it is not what was expected.
    fn unexpected(&self) -> Option<&str> {
        self.record.as_ref()?.unexpected.as_deref()
    }
}

type Read = (Outcome, Option<String>, Option<String>, Option<String>, Option<HeldCode>);

fn read(flight: &Flight, ended: Ended) -> Read {
    let misfit = Outcome::GivenBack { frame_written: false };
    match ended {
        Ended::Completed { result, mark } => match result {
            Some(text) if text.len() > RESULT_BYTES_MAX => {
                let mark = format!("result.not_stored: {} bytes, the limit is {RESULT_BYTES_MAX}", text.len());
                (Outcome::Completed, None, None, Some(mark), None)
            }
            result => (Outcome::Completed, None, result, mark, None),
        },
        Ended::Failed { error, retry } => (Outcome::Failed { retry }, Some(error), None, None, None),
        Ended::TimedOut { error } => (Outcome::TimedOut, error, None, None, None),
        Ended::OverMemory { error } => (Outcome::OverMemory, error, None, None, None),
        Ended::Snoozed { until } => (Outcome::Snoozed { until }, None, None, None, None),
        // Asked to stop by somebody, or its own decision: both end it.
        Ended::Cancelled { error } => (Outcome::Cancelled, error, None, None, None),
        Ended::Discarded { error } => (Outcome::Discarded, error, None, None, None),
        Ended::GivenBack => {
            let begun = matches!(flight.stop.why(), Some(StopWhy::Drain));
            (Outcome::GivenBack { frame_written: begun }, None, None, None, None)
        }
        Ended::Misfit { error } => (misfit, Some(error), None, None, Some(HeldCode::ArgumentsMisfit)),
        Ended::UnknownTask => (misfit, None, None, None, Some(HeldCode::UnknownTask)),
    }
}

fn record(flight: &Flight, spent: &Spent, error: Option<String>, cause: Option<String>, ran_in: RanIn, now: Moment) -> AttemptRecord {
    let started_at = spent.started_at.or_else(|| flight.started_at.map(|at| now.wall_of(at)));
    AttemptRecord {
        started_at,
        waited_us: started_at.map(|at| (at - flight.run_at).0.max(0)),
        ran_us: Some(spent.ran_us),
        cpu_us: Some(spent.cpu_us),
        memory_peak_kib: (spent.memory_peak_kib > 0).then_some(spent.memory_peak_kib),
        error,
        cause: cause.or_else(|| stopped_by(flight)),
        child: Some(ran_in.child),
        release: ran_in.release,
        log_lines: flight.log.lines,
        log_dropped_bytes: flight.log.dropped_bytes,
        evidence: None,
        unexpected: None,
    }
}

/// Our own part in the end of an attempt.
fn stopped_by(flight: &Flight) -> Option<String> {
    let kind = match flight.stop {
        Stop::Not => return None,
        stop => match stop.why()? {
            StopWhy::Timeout => "timeout",
            StopWhy::ByHand => "cancelled",
            StopWhy::Drain => "drain",
        },
    };
    Some(serde_json::json!({"kind": kind, "limit_us": flight.task.entry.timeout_us}).to_string())
}

/// What one step wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettlerReport {
    pub settled: usize,
    /// Outcomes of claims that were no longer ours: refused, nothing changed.
    pub stale: Vec<JobId>,
    /// Jobs that went back and are ready now.
    pub available: usize,
    /// Jobs that will be due again: retryable, scheduled.
    pub later: usize,
    pub discarded: usize,
    /// Where each job went, in the order of arrival.
    pub states: Vec<(JobId, State)>,
}

/// The outcomes that wait.
#[derive(Debug, Default)]
pub struct Settler {
    pending: Vec<Pending>,
    /// Filled by the caller only in test mode: costs a push a job.
    pub keep_states: bool,
}

impl Settler {
    pub fn add(&mut self, pending: Pending) {
        self.pending.push(pending);
    }
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
    pub fn len(&self) -> usize {
        self.pending.len()
    }
    pub fn oldest(&self) -> Option<Timestamp> {
        self.pending.first().map(|p| p.since)
    }

    /// Writes all that wait, inside the caller's (full) transaction. They stay here until [`Self::committed`].
    pub fn run_once(&mut self, store: &mut dyn Store, chance: &mut dyn Random, now: Timestamp) -> Result<SettlerReport, StoreError> {
        let mut report = SettlerReport::default();
        for pending in &mut self.pending {
            let written = write(store, pending, chance, now)?;
            let Some(settled) = written else {
                if !pending.maybe_stored {
                    report.stale.push(pending.flight.id);
                }
                continue;
            };
            pending.written = Some(settled.outcome);
            report.settled += 1;
            match settled.next {
                Next::Available => report.available += 1,
                Next::Retryable { .. } | Next::Scheduled { .. } => report.later += 1,
                Next::Discarded { .. } => report.discarded += 1,
                _ => {}
            }
            if self.keep_states {
                report.states.push((pending.flight.id, settled.next.state()));
            }
        }
        Ok(report)
    }

    /// Does an ended claim of this job wait here?
    pub fn holds(&self, key: JobKey) -> bool {
        self.pending.iter().any(|p| p.flight.key == key)
    }

    /// What was written is in the store: hands out the settlements, for the figures.
    pub fn committed(&mut self) -> impl Iterator<Item = (Pending, AttemptOutcome)> + '_ {
        self.pending.drain(..).filter_map(|pending| pending.written.map(|outcome| (pending, outcome)))
    }

    /// The commit's outcome is unknown: what waits will be tried again, and may be found stored.
    pub fn unknown(&mut self) {
        self.pending.iter_mut().for_each(|p| p.maybe_stored = true);
    }
}

fn write(store: &mut dyn Store, pending: &Pending, chance: &mut dyn Random, now: Timestamp) -> Result<Option<Settled>, StoreError> {
    let flight = &pending.flight;
    let Some(row) = store.running(flight.key, flight.fence)? else {
        return Ok(None);
    };
    let entry = &flight.task.entry;
    let running = Running {
        counts: row.counts,
        attempts_max: entry.attempts() + row.attempt_extra,
        retry: entry.retry,
        at_most_once: entry.at_most_once,
        cancel_requested: row.cancel_requested,
    };
    let mut settled = lifecycle::settle(&running, pending.outcome, now, chance.draw());
    if pending.hold.is_some() && !settled.next.state().is_finished() {
        settled.held = pending.hold;
        settled.alert = true;
    }
    let reason = reason(&settled, pending);
    let settlement = Settlement {
        key: flight.key,
        fence: flight.fence,
        settled,
        lane: entry.lane_when(settled.solo),
        claimed_at: flight.claimed_at,
        attempt: pending.record.as_ref(),
        result: pending.result.as_deref(),
        reason: reason.as_deref(),
    };
    if !store.settle(&settlement, now)? {
        return Ok(None);
    }
    if let Some(why) = pending.unexpected() {
        expectation::raise(store, &flight.task.entry, flight.id, why, now)?;
    }
    if let Some(care) = &flight.care {
        care.settled(store, &settled, pending.record.as_ref().and_then(|record| record.ran_us), now)?;
    }
    if settled.alert || pending.mark.is_some() {
        raise(store, pending, &settled, now)?;
    }
    Ok(Some(settled))
}

fn reason(settled: &Settled, pending: &Pending) -> Option<String> {
    match settled.next {
        Next::Discarded { reason } => reason.map(str::to_owned),
        Next::Completed if pending.mark.is_some() => Some("result.not_stored".to_owned()),
        Next::Completed => pending.unexpected().map(|_| "unexpected".to_owned()),
        _ => None,
    }
}

fn raise(store: &mut dyn Store, pending: &Pending, settled: &Settled, now: Timestamp) -> Result<(), StoreError> {
    let flight = &pending.flight;
    let task = &flight.task.entry.name;
    let id = flight.id.to_string();
    if let Some(mark) = &pending.mark {
        return store.raise_alert(
            "result.not_stored",
            task,
            &format!("{task} job {id} completed, but its result was not kept ({mark})"),
            now,
        );
    }
    match (settled.held, settled.next) {
        (Some(HeldCode::Quarantine), _) => {
            let words = last_words(pending);
            let message = format!("{task} job {id} brought its process down {} times and is held ({words})", settled.counts.crash);
            store.raise_alert("job.quarantined", &id, &message, now)
        }
        (Some(code), _) => store.raise_alert(&format!("job.{code}"), task, &format!("{task} job {id} is held: {code}"), now),
        (None, Next::Discarded { reason: Some("outcome_unknown") }) => store.raise_alert(
            "job.outcome_unknown",
            &id,
            &format!("{task} job {id} was stopped while it ran; it must not run twice, so whether it finished is for a person to find out"),
            now,
        ),
        _ => store.raise_alert(
            "job.discarded",
            task,
            &format!("{task} job {id} was discarded after attempt {}", settled.counts.attempt),
            now,
        ),
    }
}

/// What the last attempt died of, in words.
fn last_words(pending: &Pending) -> String {
    let error = pending.record.as_ref().and_then(|record| record.error.as_deref());
    let error: Option<serde_json::Value> = error.and_then(|error| serde_json::from_str(error).ok());
    error.as_ref().and_then(|error| error.get("message")?.as_str()).unwrap_or("its process died").to_owned()
}

//! Adds up what was measured, by minute and series, on its way to the store.
//!
//! Purpose: tasks, queues and routes have their figures by minute and release, in few small writes. What it will not do:
//! hold up a settlement, or grow: a minute has room for so many series, the rest goes into `(other)`. Options: retention
//! (`pruner`). Killed midway: the figures of the last few seconds are lost, no job is.

use crate::settler::Pending;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::AttemptOutcome;
use workaday_core::measure::series::OTHER;
use workaday_core::measure::{Figures, Metric, Series, SeriesKind, minute_of};
use workaday_store::{Store, StoreError};

/// Figures wait this long for a transaction that comes anyway, and this long at most.
const LINGER: Length = Length::seconds(1);
const LINGER_MAX: Length = Length::seconds(5);
/// Names of one kind that a minute may have; more are put together.
pub const NAMES_MAX: usize = 200;
/// Figures of a minute so far back are refused: whoever sends them has waited too long or has a wrong clock.
pub const MINUTES_BACK: i64 = 30;

/// Figures that wait for the next transaction.
#[derive(Debug, Default)]
pub struct Measurer {
    pending: BTreeMap<(i64, Series), Figures>,
    /// Series of the latest minutes, also those that are written: what the bound counts.
    seen: BTreeMap<(i64, SeriesKind), Vec<Series>>,
    /// The hot path: attempts of one task, one release, in one minute.
    hot: Vec<Hot>,
    /// Steady clock.
    since: Option<Timestamp>,
}

/// The figures of one task in the running minute, found by the task's own address.
#[derive(Debug)]
struct Hot {
    task: Arc<crate::catalogue::Task>,
    queue: String,
    release: Option<String>,
    minute: i64,
    figures: Figures,
}

impl Measurer {
    /// An attempt was settled, and its commit has returned.
    pub fn attempt(&mut self, pending: &Pending, outcome: AttemptOutcome, now: crate::Moment) {
        let (Some(record), Some(is_error)) = (&pending.record, is_error(outcome)) else { return };
        self.since.get_or_insert(now.steady);
        let minute = minute_of(now.wall);
        let flight = &pending.flight;
        let same = |hot: &Hot| {
            hot.minute == minute && Arc::ptr_eq(&hot.task, &flight.task) && hot.queue == flight.queue && hot.release == record.release
        };
        let place = match self.hot.iter().position(same) {
            Some(place) => place,
            None => {
                let (task, queue, release) = (flight.task.clone(), flight.queue.clone(), record.release.clone());
                self.hot.push(Hot { task, queue, release, minute, figures: Figures::default() });
                self.hot.len() - 1
            }
        };
        let figures = &mut self.hot[place].figures;
        figures.count += 1;
        figures.errors += u64::from(is_error);
        figures.unexpected += u64::from(record.unexpected.is_some());
        let told = [
            (Metric::Run, record.ran_us),
            (Metric::Wait, record.waited_us),
            (Metric::Cpu, record.cpu_us.filter(|cpu| *cpu > 0)),
            (Metric::Memory, record.memory_peak_kib),
        ];
        for (metric, value) in told {
            if let Some(value) = value {
                figures.record(metric, value.max(0) as u64);
            }
        }
        if flight.lane == workaday_core::job::Lane::Command {
            return; // a command counts nothing, so it has not counted zero either
        }
        let nothing = Default::default();
        let evidence = pending.evidence.as_deref().unwrap_or(&nothing);
        figures.record(Metric::DbCalls, evidence.db_calls);
        figures.record(Metric::DbTime, evidence.db_us);
        figures.record(Metric::HttpCalls, evidence.http_calls);
        figures.record(Metric::HttpTime, evidence.http_us);
        figures.cache_hits += evidence.cache_hits;
        figures.cache_misses += evidence.cache_misses;
        evidence.statements.iter().for_each(|(statement, calls)| figures.suspect(statement, *calls));
    }

    /// Figures that came from elsewhere, for a minute counted from 1970. `false`: the minute is too far away.
    pub fn add(&mut self, minute: i64, series: Series, figures: &Figures, now: crate::Moment) -> bool {
        let this = minute_of(now.wall);
        if !(this - MINUTES_BACK..=this + 1).contains(&minute) {
            return false;
        }
        self.since.get_or_insert(now.steady);
        let series = self.bounded(minute, series);
        self.pending.entry((minute, series)).or_default().merge(figures);
        true
    }

    /// Measures that were lost, so that a gap is told.
    pub fn dropped(&mut self, name: &str, release: &str, count: u64, now: crate::Moment) {
        let series = Series { kind: SeriesKind::Dropped, name: name.to_owned(), release: release.to_owned() };
        self.add(minute_of(now.wall), series, &Figures { count, ..Figures::default() }, now);
    }

    /// The series itself, or `(other)` of its kind when the minute is full.
    fn bounded(&mut self, minute: i64, series: Series) -> Series {
        let seen = self.seen.entry((minute, series.kind)).or_default();
        if seen.contains(&series) {
            return series;
        }
        if seen.len() >= NAMES_MAX {
            return Series { name: OTHER.to_owned(), ..series };
        }
        seen.push(series.clone());
        series
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.hot.is_empty()
    }

    /// When to write even if no other transaction comes.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.since.map(|since| since + LINGER_MAX)
    }

    /// Should a transaction that comes anyway take them along?
    pub fn wants_along(&self, now: Timestamp) -> bool {
        self.since.is_some_and(|since| now >= since + LINGER)
    }

    /// Writes what waits, inside the caller's transaction. It stays here until [`Self::committed`].
    pub fn run_once(&mut self, store: &mut dyn Store) -> Result<usize, StoreError> {
        for hot in std::mem::take(&mut self.hot) {
            let release = hot.release.unwrap_or_else(|| "unknown".to_owned());
            for (kind, name) in [(SeriesKind::Task, hot.task.entry.name.clone()), (SeriesKind::Queue, hot.queue)] {
                let series = self.bounded(hot.minute, Series { kind, name, release: release.clone() });
                match self.pending.entry((hot.minute, series)) {
                    Entry::Vacant(entry) => drop(entry.insert(hot.figures.clone())),
                    Entry::Occupied(mut entry) => entry.get_mut().merge(&hot.figures),
                }
            }
        }
        for ((minute, series), figures) in &self.pending {
            store.add_measure(*minute, series, figures)?;
        }
        Ok(self.pending.len())
    }

    /// What was written is in the store, or may be: figures are rather lost than counted twice.
    pub fn committed(&mut self, now: Timestamp) {
        self.pending.clear();
        self.since = None;
        let oldest = minute_of(now) - MINUTES_BACK;
        self.seen.retain(|(minute, _), _| *minute >= oldest);
    }
}

/// Does this end count, and is it an error? What was given back, postponed or called off says nothing about the task.
fn is_error(outcome: AttemptOutcome) -> Option<bool> {
    match outcome {
        AttemptOutcome::Completed => Some(false),
        AttemptOutcome::Failed
        | AttemptOutcome::TimedOut
        | AttemptOutcome::OverMemory
        | AttemptOutcome::Crashed
        | AttemptOutcome::Discarded
        | AttemptOutcome::OutcomeUnknown => Some(true),
        _ => None,
    }
}

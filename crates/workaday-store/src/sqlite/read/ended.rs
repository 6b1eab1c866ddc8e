//! How many jobs have ended, by state and time, each counted once.
//!
//! History is long and hardly moves: rows are added at its end and pruned at its beginning. So what was counted is kept, an
//! hour, a minute or a second in one number, and each look counts what has ended since. Asked for all states of a million
//! jobs, SQLite would walk through a million entries of an index, 90 ms each time; this walks through the last seconds.
//!
//! Kept counts follow: pruning (the earliest row moved), jobs retried or deleted by hand (their lines in the audit), a clock
//! that was set back. Rows taken out by other hands are missed until the next [`Ended::recount`].
//!
//! The last seconds are counted again by each look, as a writer may be late. Where a hundred thousand jobs end in them, that
//! is the dearest part of a page, so the counts may then be some seconds old ([`Book::age_max`]).

use super::super::rows;
use super::Reader;
use crate::error::Result;
use crate::statements as sql;
use rusqlite::params;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::State;

/// A row may be written so long after the instant that stands in it: a writer waits up to 5 s for its turn.
const LATE_MAX: Length = Length::seconds(6);
/// So many rows are counted again at every look.
const AGAIN_MAX: i64 = 10_000;
/// Beyond them counts are kept so long for each row: counting one takes a two-hundredth of it.
const AGE_PER_ROW: Length = Length(20);
const AGE_LONGEST: Length = Length::seconds(10);
/// A look may be overtaken by one that began so much later: no clock was set back.
const OVERTAKEN_MAX: Length = Length::seconds(1);
/// So far back seconds are kept apart, then minutes; then hours.
const SECONDS_KEPT: Length = Length::minutes(10);
const MINUTES_KEPT: Length = Length::hours(25);
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const FINAL: [State; 3] = [State::Completed, State::Cancelled, State::Discarded];

/// What all readers of one store share.
#[derive(Default)]
pub struct Ended(Mutex<Option<Book>>);

impl Ended {
    /// Counts everything anew. The others go on with what was known until it is done.
    pub fn recount(&self, reader: &Reader, now: Timestamp) -> Result<()> {
        let mut book = Book::new(reader)?;
        book.advance(reader, now)?;
        *self.book() = Some(book);
        Ok(())
    }

    fn book(&self) -> MutexGuard<'_, Option<Book>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Counts what has ended since the last look, unless that was just now ([`Book::age_max`]) and nobody has done anything
    /// by hand since. Without kept counts there is nothing to do.
    pub fn advance_ended(&self, mut now: Timestamp) -> Result<()> {
        let Some(ended) = &self.ended else { return Ok(()) };
        let mut kept = ended.book();
        // Taken out meanwhile: counts that an error left half done are not used again.
        let mut book = match kept.take() {
            Some(book) if book.asked_at <= now + OVERTAKEN_MAX => {
                now = now.max(book.asked_at);
                if now - book.asked_at < book.age_max() && removals(self, book.audit)?.0 == book.audit {
                    *kept = Some(book);
                    return Ok(());
                }
                book
            }
            // The clock was set back: what ends now may lie before what was counted.
            _ => Book::new(self)?,
        };
        book.advance(self, now)?;
        *kept = Some(book);
        Ok(())
    }

    /// Jobs that ended in one state from `since` to before `until`.
    pub(super) fn count_ended(&self, state: State, since: i64, until: i64) -> Result<i64> {
        let kept = self.ended.as_ref().map(|ended| ended.book());
        let column = kept.as_ref().and_then(|book| book.as_ref()).and_then(|book| book.columns.iter().find(|column| column.state == state));
        match column {
            Some(column) => column.between(self, since, until),
            None => self.count_rows(state, since, until),
        }
    }

    /// Jobs in history, a state.
    pub(super) fn ended_totals(&self) -> Result<BTreeMap<State, i64>> {
        if self.ended.is_some() {
            return FINAL.iter().map(|&state| Ok((state, self.count_ended(state, i64::MIN, i64::MAX)?))).collect();
        }
        Ok(self.link.list(&sql::FINISHED_COUNTS, [], |row| Ok((rows::word(row, 0)?, row.get(1)?)))?.into_iter().collect())
    }

    fn count_rows(&self, state: State, since: i64, until: i64) -> Result<i64> {
        if since >= until {
            return Ok(0);
        }
        Ok(self.link.first(&sql::FINISHED_BETWEEN, params![state.as_str(), since, until, i64::MAX], |row| row.get(0))?.unwrap_or(0))
    }

    /// When the newest job of a state ended; `None`: none is kept.
    pub fn last_ended(&self, state: State) -> Result<Option<Timestamp>> {
        Ok(self.link.first(&sql::LAST_ENDED, params![state.as_str()], |row| row.get(0))?.flatten().map(Timestamp))
    }

    /// When the first job of a state ended, at `from` or later.
    fn next_ended(&self, state: State, from: i64) -> Result<Option<i64>> {
        self.link.first(&sql::NEXT_ENDED, params![state.as_str(), from], |row| row.get(0))
    }
}

/// Everything that is kept of one store.
struct Book {
    columns: [Column; 3],
    /// Lines of the audit that were looked at.
    audit: i64,
    asked_at: Timestamp,
}

impl Book {
    /// Empty, and behind the audit as it stands: what was removed before is not there to be counted.
    fn new(reader: &Reader) -> Result<Self> {
        let (audit, ..) = removals(reader, 0)?;
        Ok(Self { columns: FINAL.map(Column::new), audit, asked_at: Timestamp(i64::MIN) })
    }

    /// So old may these counts be before they are counted on: not at all, unless very many jobs end.
    fn age_max(&self) -> Length {
        let again: i64 = self.columns.iter().map(Column::unsettled).sum();
        if again > AGAIN_MAX { Length(again * AGE_PER_ROW.0).min(AGE_LONGEST) } else { Length(0) }
    }

    fn advance(&mut self, reader: &Reader, now: Timestamp) -> Result<()> {
        let (audit, retried, deleted) = removals(reader, self.audit)?;
        self.audit = audit;
        self.asked_at = now;
        for column in &mut self.columns {
            let revived = retried && column.state != State::Completed;
            if deleted || revived {
                *column = Column::new(column.state);
            }
            column.advance(reader, (now - LATE_MAX).0)?;
        }
        Ok(())
    }
}

/// The newest line of the audit after one, and whether jobs left history by hand since: retried, deleted.
fn removals(reader: &Reader, after: i64) -> Result<(i64, bool, bool)> {
    let found = reader.link.first(&sql::REMOVALS_SINCE, [after], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(found.unwrap_or((after, false, false)))
}

/// One state's counts, by the beginning of each hour, minute or second in which a job ended.
struct Column {
    state: State,
    hours: BTreeMap<i64, i64>,
    minutes: BTreeMap<i64, i64>,
    seconds: BTreeMap<i64, i64>,
    /// Hours are kept before this, minutes from here.
    minutes_from: i64,
    /// Seconds are kept from here.
    seconds_from: i64,
    /// What ended before is all written and counted for good.
    settled: i64,
    /// When the earliest that is counted ended.
    first: Option<i64>,
}

impl Column {
    fn new(state: State) -> Self {
        let (hours, minutes, seconds) = Default::default();
        Self { state, hours, minutes, seconds, minutes_from: i64::MIN, seconds_from: i64::MIN, settled: i64::MIN, first: None }
    }

    /// Counts what has ended since the last look. What ended after `settled` may not all be written yet: next time again.
    fn advance(&mut self, reader: &Reader, settled: i64) -> Result<()> {
        self.follow_pruning(reader)?;
        let mut at = self.settled;
        drop(self.seconds.split_off(&at));
        self.coarsen(settled);
        // From one that ended to the next: hours in which none did cost nothing.
        while let Some(next) = reader.next_ended(self.state, at)? {
            let start = floor(next, self.length(next));
            at = start.saturating_add(self.length(next));
            let count = reader.count_rows(self.state, next, at)?;
            *self.kept(next).entry(start).or_default() += count;
        }
        self.settled = floor(settled, SECOND).max(self.settled);
        self.first = reader.next_ended(self.state, i64::MIN)?;
        Ok(())
    }

    /// Rows that the next look has to count again.
    fn unsettled(&self) -> i64 {
        self.seconds.range(self.settled..).map(|(_, count)| count).sum()
    }

    /// Where an instant is kept.
    fn kept(&mut self, at: i64) -> &mut BTreeMap<i64, i64> {
        match self.length(at) {
            HOUR => &mut self.hours,
            MINUTE => &mut self.minutes,
            _ => &mut self.seconds,
        }
    }

    /// Of the piece in which an instant is kept.
    fn length(&self, at: i64) -> i64 {
        if at < self.minutes_from {
            HOUR
        } else if at < self.seconds_from {
            MINUTE
        } else {
            SECOND
        }
    }

    /// What became old is kept in longer pieces.
    fn coarsen(&mut self, settled: i64) {
        self.minutes_from = self.minutes_from.max(floor(settled - MINUTES_KEPT.0, HOUR));
        self.seconds_from = self.seconds_from.max(floor(settled - SECONDS_KEPT.0, MINUTE));
        merge(&mut self.seconds, &mut self.minutes, self.seconds_from, MINUTE);
        merge(&mut self.minutes, &mut self.hours, self.minutes_from, HOUR);
    }

    /// What lies before the earliest row is gone; the piece that holds it is counted anew.
    fn follow_pruning(&mut self, reader: &Reader) -> Result<()> {
        let first = reader.next_ended(self.state, i64::MIN)?;
        match (first, self.first) {
            (first, known) if first == known => {}
            // The first that ended at all.
            (Some(first), None) if first >= self.settled => {}
            (Some(first), Some(known)) if first > known => {
                let (start, length) = (floor(first, self.length(first)), self.length(first));
                for kept in [&mut self.hours, &mut self.minutes, &mut self.seconds] {
                    *kept = kept.split_off(&start);
                }
                let count = reader.count_rows(self.state, first, start + length)?;
                self.kept(first).insert(start, count);
            }
            // None is left, or one came in before all that were counted: all anew.
            _ => *self = Self::new(self.state),
        }
        Ok(())
    }

    /// Whole pieces as they are kept, and the rows at both ends.
    fn between(&self, reader: &Reader, since: i64, until: i64) -> Result<i64> {
        let (from, to) = (ceiling(since, self.length(since)), floor(until, self.length(until)));
        if from >= to {
            return reader.count_rows(self.state, since, until);
        }
        let pieces = |kept: &BTreeMap<i64, i64>| kept.range(from..to).map(|(_, count)| count).sum::<i64>();
        let kept = pieces(&self.hours) + pieces(&self.minutes) + pieces(&self.seconds);
        Ok(reader.count_rows(self.state, since, from)? + kept + reader.count_rows(self.state, to, until)?)
    }
}

/// Moves what lies before `from` into pieces of a greater length.
fn merge(finer: &mut BTreeMap<i64, i64>, coarser: &mut BTreeMap<i64, i64>, from: i64, length: i64) {
    let later = finer.split_off(&from);
    for (at, count) in std::mem::replace(finer, later) {
        *coarser.entry(floor(at, length)).or_default() += count;
    }
}

fn floor(at: i64, length: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(length))
}

fn ceiling(at: i64, length: i64) -> i64 {
    if at == i64::MIN { at } else { floor(at.saturating_add(length - 1), length) }
}

#[cfg(test)]
mod tests;

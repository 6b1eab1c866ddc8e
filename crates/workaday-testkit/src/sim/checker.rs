//! Judges a history. Knows nothing of the engine: only what was asked, answered, run, committed, and what is left.
//!
//! One pass over the entries, then the final rows. Each rule has the number of its invariant (docs/reliability.md).

mod ends;
mod jobs;
mod ticks;

use super::history::{Entry, History, Pause, What};
use std::collections::{BTreeMap, HashMap};
use workaday_core::job::JobId;

/// A promise that was broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// `I1` … `I15`.
    pub invariant: &'static str,
    pub how: String,
}

pub(super) type Verdict = Result<(), Broken>;

pub(super) fn broken<T>(invariant: &'static str, how: String) -> Result<T, Broken> {
    Err(Broken { invariant, how })
}

/// A task's budget as the releases stated it: the largest one counts, since a job may have been judged by any.
#[derive(Clone, Copy, Default)]
struct Budget {
    attempts: u32,
    once: bool,
}

/// What is known so far.
#[derive(Default)]
struct Checker<'a> {
    entries: &'a [Entry],
    jobs: BTreeMap<JobId, jobs::Known>,
    by_key: HashMap<i64, JobId>,
    unique: HashMap<String, JobId>,
    pauses: Vec<Pause>,
    budgets: HashMap<String, Budget>,
    zombies: Vec<i64>,
    generation: i64,
    schedules: HashMap<String, ticks::Timetable>,
    ticks: Vec<super::history::Tick>,
    recorded: Vec<(i64, i64)>,
    /// Nobody was told, or told "not stored": (id, refused for certain).
    answers: BTreeMap<JobId, bool>,
}

/// Does this history keep every promise?
pub fn check(history: &History) -> Verdict {
    let mut checker = Checker { entries: &history.entries, ..Checker::default() };
    for (place, entry) in history.entries.iter().enumerate() {
        checker.step(place, entry)?;
    }
    checker.end(&history.last)
}

impl Checker<'_> {
    fn step(&mut self, place: usize, entry: &Entry) -> Verdict {
        match &entry.what {
            What::Answered { id, answer } => self.answered(*id, *answer),
            What::Enqueued(wish) => self.enqueued(place, wish),
            What::Claimed(claim) => self.claimed(place, entry, claim),
            What::Settled(settle) => self.settled(place, settle),
            What::Stale { key, fence } => self.stale(*key, *fence),
            What::Cancelled { id } => self.cancelled(*id),
            What::CancelAsked { id } => self.cancel_asked(*id),
            What::Retried { id } => self.retried(place, *id),
            What::Released { id } => self.released(*id),
            What::Deleted { id } => self.deleted(*id),
            What::Started { id, fence, generation } => self.started(*id, *fence, *generation),
            What::Ended { id, fence } => self.ended(*id, *fence),
            What::TickJob { id, task, queue, schedule } => self.tick_job(place, *id, task, queue, schedule),
            What::Ticked(tick) => self.ticked(tick),
            What::Stated { schedule, anchor, period, cursor, active } => {
                self.stated(schedule, ticks::Statement { anchor: *anchor, period: *period, cursor: *cursor, active: *active }, entry.wall)
            }
            What::Faltered { schedule } => self.faltered(schedule),
            What::Left { schedule } => self.left(schedule),
            What::Paused(pause) => {
                self.pauses.push(pause.clone());
                Ok(())
            }
            What::Resumed { task, queue, number } => {
                self.pauses.retain(|pause| (&pause.task, &pause.queue, &pause.number) != (task, queue, number));
                Ok(())
            }
            What::Budget { task, attempts, once } => {
                let known = self.budgets.entry(task.clone()).or_default();
                known.attempts = known.attempts.max(*attempts);
                known.once |= once;
                Ok(())
            }
            What::Generation { number } => {
                if *number <= self.generation {
                    return broken("I5", format!("generation {number} began after generation {}", self.generation));
                }
                self.generation = *number;
                Ok(())
            }
            What::Zombie { generation } => {
                self.zombies.push(*generation);
                Ok(())
            }
            What::ClockStepped => Ok(()),
            What::Died { generation } => self.died(*generation),
            What::PowerLost { undone } => undone.iter().rev().try_for_each(|what| self.undo(what)),
        }
    }
}

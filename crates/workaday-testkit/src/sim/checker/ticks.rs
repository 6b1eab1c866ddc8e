//! Ticks: each decided exactly once, in order, none left out. By its own arithmetic on steady periods.

use super::super::history::Tick;
use super::{Checker, Verdict, broken};
use std::collections::HashMap;

/// A schedule as stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub anchor: i64,
    /// µs from tick to tick.
    pub period: i64,
    pub cursor: i64,
    pub active: bool,
}

pub(super) struct Timetable {
    stated: Statement,
    /// The last tick decided.
    cursor: i64,
    /// No longer stated. Its cursor stays: whatever the clock does, no tick before it runs again.
    left: bool,
}

impl Timetable {
    fn next(&self) -> i64 {
        let Statement { anchor, period, .. } = self.stated;
        anchor + period * ((self.cursor - anchor).div_euclid(period) + 1).max(0)
    }
}

impl Checker<'_> {
    pub(super) fn stated(&mut self, schedule: &str, stated: Statement, wall: i64) -> Verdict {
        let Some(known) = self.schedules.get_mut(schedule) else {
            self.schedules.insert(schedule.to_owned(), Timetable { stated, cursor: stated.cursor, left: false });
            return Ok(());
        };
        if known.left || (known.stated.anchor, known.stated.period) != (stated.anchor, stated.period) {
            // One that could not run owes nothing of the timetable it had.
            if known.stated.active && stated.active && known.next() <= wall {
                return broken("I8", format!("schedule {schedule} has a new timetable, and its tick {} was never decided", known.next()));
            }
            known.cursor = known.cursor.max(stated.cursor);
        }
        (known.stated, known.left) = (stated, false);
        Ok(())
    }

    pub(super) fn left(&mut self, schedule: &str) -> Verdict {
        if let Some(known) = self.schedules.get_mut(schedule) {
            known.left = true;
            known.stated.active = false;
        }
        Ok(())
    }

    /// It cannot run: what it owes waits.
    pub(super) fn faltered(&mut self, schedule: &str) -> Verdict {
        if let Some(known) = self.schedules.get_mut(schedule) {
            known.stated.active = false;
        }
        Ok(())
    }

    pub(super) fn ticked(&mut self, tick: &Tick) -> Verdict {
        let Tick { schedule, at, until, count, job } = tick;
        let Some(known) = self.schedules.get_mut(schedule) else {
            return broken("I8", format!("a tick of {schedule}, which nobody stated"));
        };
        if *at <= known.cursor {
            return broken("I8", format!("tick {at} of {schedule} was decided again"));
        }
        if *at != known.next() {
            return broken("I8", format!("schedule {schedule} went on with tick {at}; {} was left out", known.next()));
        }
        let last = at + known.stated.period * (*count as i64 - 1);
        if *until != last {
            return broken("I8", format!("schedule {schedule}: {count} ticks from {at} end at {last}, not at {until}"));
        }
        known.cursor = *until;
        if let Some(job) = job
            && !self.jobs.contains_key(job)
        {
            return broken("I8", format!("tick {at} of {schedule} has no job {job}"));
        }
        self.ticks.push(tick.clone());
        Ok(())
    }

    pub(super) fn end_ticks(&self, last: &[Tick], cursors: &std::collections::BTreeMap<String, i64>) -> Verdict {
        let key = |tick: &Tick| (tick.schedule.clone(), tick.at);
        let kept: HashMap<_, _> = last.iter().map(|tick| (key(tick), tick)).collect();
        for tick in &self.ticks {
            if kept.get(&key(tick)).is_none_or(|kept| *kept != tick) {
                return broken("I8", format!("tick {} of {} was decided and the ledger does not say so", tick.at, tick.schedule));
            }
        }
        if kept.len() != self.ticks.len() || last.len() != kept.len() {
            return broken("I8", format!("{} ticks were decided, the ledger has {}", self.ticks.len(), last.len()));
        }
        for (name, known) in &self.schedules {
            if cursors.get(name).is_none_or(|cursor| *cursor < known.cursor) {
                return broken("I8", format!("the cursor of {name} went back behind tick {}", known.cursor));
            }
        }
        Ok(())
    }

    /// Every job of a tick belongs to one tick, or was asked for by hand.
    pub(super) fn end_tick_jobs(&self) -> Verdict {
        let mut seen: HashMap<_, i64> = HashMap::new();
        for tick in &self.ticks {
            if let Some(other) = tick.job.and_then(|job| seen.insert(job, tick.at)) {
                return broken("I8", format!("ticks {other} and {} of {} share a job", tick.at, tick.schedule));
            }
        }
        let made = self.jobs.values().filter(|job| job.wish.run_at == i64::MIN).count();
        if made != seen.len() {
            return broken("I8", format!("{} ticks have a job, {made} jobs were made for ticks", seen.len()));
        }
        Ok(())
    }
}

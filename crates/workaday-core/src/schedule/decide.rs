//! What becomes of each tick: one job, or one recorded reason. Decided once, in order, from the cursor on.
//!
//! Pure. A silence of any length is decided in a few steps (first, last, count), so a year without a supervisor costs
//! a schedule of every second one row.

use super::declared::{Plan, core_of, jiff_of};
use super::policy::{CatchUp, ON_TIME, Overlap, WINDOW_MAX};
use super::spread::jitter;
use super::tick::Tick;
use super::timetable::Timetable;
use crate::clock::{Length, Timestamp};
use jiff::SignedDuration;

words! {
    /// Why a tick has no job.
    Reason {
        /// Nobody could decide it in time, and its catch-up does not reach back so far.
        Missed = "missed",
        /// A later tick of the same silence ran in its place.
        Superseded = "superseded",
        /// An earlier run was unfinished.
        SkippedOverlap = "skipped_overlap",
        Paused = "paused",
        /// Somebody decided that it is not to run.
        SkippedByHand = "skipped_by_hand",
    }
}

/// Whether the schedule is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    No,
    /// Until somebody resumes it.
    Open,
    /// Ticks before this instant.
    Until(Timestamp),
}

/// How a schedule stands when its ticks are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last tick decided. What is at or before it never runs again, whatever the clock does.
    pub cursor: Timestamp,
    pub pause: Pause,
    /// Jobs of this schedule that run or are free to.
    pub active: u32,
    /// Jobs of this schedule that wait for an earlier one.
    pub queued: u32,
    /// Ticks skipped in a row.
    pub skips: u32,
}

/// A tick that becomes a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fire {
    pub tick: Tick,
    pub run_at: Timestamp,
    /// Decided more than ten seconds after its instant.
    pub late: bool,
    /// The job waits until the schedule's earlier ones have finished.
    pub waits: bool,
}

/// Ticks without a job, next to each other and for one reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Silence {
    pub reason: Reason,
    pub first: Tick,
    pub last: Tick,
    pub count: u64,
}

/// All that was decided at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// In order.
    pub silences: Vec<Silence>,
    /// In order; each later than every silence but those of `superseded` replacement.
    pub fires: Vec<Fire>,
    /// The unfinished jobs of the schedule are to be cancelled first.
    pub cancels: bool,
    pub cursor: Timestamp,
    /// When the schedule wants to be decided again.
    pub next_at: Option<Timestamp>,
    pub skips: u32,
}

/// Decides every tick after the cursor and not after now. `id` only spreads the jitter.
pub fn decide(plan: &Plan, id: &str, standing: &Standing, now: Timestamp) -> Decided {
    let timetable = &plan.timetable;
    let mut decided =
        Decided { silences: vec![], fires: vec![], cancels: false, cursor: standing.cursor, next_at: None, skips: standing.skips };
    match standing.pause {
        Pause::Open => return decided,
        Pause::Until(until) if now < until => {
            decided.next_at = Some(until);
            return decided;
        }
        Pause::Until(until) => decided.silence(timetable, Reason::Paused, just_before(until)),
        Pause::No => {}
    }
    let wanted = wanted(plan, decided.cursor, now);
    let passed_over = match plan.policies.catch_up {
        CatchUp::Latest if !wanted.is_empty() => Reason::Superseded,
        _ => Reason::Missed,
    };
    let upto = wanted.first().map_or(now, |tick| just_before(core_of(tick.due_at)));
    decided.silence(timetable, passed_over, upto);
    decided.place(plan, id, standing, &wanted, now);
    decided.next_at = timetable.next(jiff_of(decided.cursor)).map(|tick| core_of(tick.due_at));
    decided
}

/// The ticks after `cursor` and not after `until`, as one range without jobs.
pub fn silence(timetable: &Timetable, reason: Reason, cursor: Timestamp, until: Timestamp) -> Option<Silence> {
    let (after, upto) = (jiff_of(cursor), jiff_of(until));
    let last = timetable.latest(upto).filter(|tick| tick.due_at > after)?;
    let first = timetable.next(after)?;
    Some(Silence { reason, first, last, count: timetable.count(after, upto) })
}

/// The due ticks that the catch-up policy lets run, in order.
fn wanted(plan: &Plan, cursor: Timestamp, now: Timestamp) -> Vec<Tick> {
    let timetable = &plan.timetable;
    let Some(newest) = timetable.latest(jiff_of(now)).filter(|tick| core_of(tick.due_at) > cursor) else {
        return vec![];
    };
    let age = now - core_of(newest.due_at);
    match plan.policies.catch_up {
        CatchUp::None => {
            if age <= ON_TIME {
                vec![newest]
            } else {
                vec![]
            }
        }
        CatchUp::Latest => {
            let window = plan.policies.window.unwrap_or_else(|| period(timetable, &newest).min(WINDOW_MAX));
            if age <= window.max(ON_TIME) { vec![newest] } else { vec![] }
        }
        CatchUp::All { limit } => {
            let window = plan.policies.window.unwrap_or(WINDOW_MAX).max(ON_TIME);
            let after = cursor.max(just_before(now - window));
            timetable.last_between(jiff_of(after), jiff_of(now), limit as usize)
        }
    }
}

/// From a tick to the one after it; a one-off has the longest.
fn period(timetable: &Timetable, tick: &Tick) -> Length {
    timetable.next(tick.due_at).map_or(WINDOW_MAX, |next| core_of(next.due_at) - core_of(tick.due_at))
}

impl Decided {
    /// Records what lies between the cursor and `until` as ticks without a job.
    fn silence(&mut self, timetable: &Timetable, reason: Reason, until: Timestamp) {
        if let Some(silence) = silence(timetable, reason, self.cursor, until) {
            self.cursor = core_of(silence.last.due_at);
            self.silences.push(silence);
        }
    }

    /// Judges the wanted ticks against the runs that are unfinished. Those of one catch-up line up behind each other.
    fn place(&mut self, plan: &Plan, id: &str, standing: &Standing, wanted: &[Tick], now: Timestamp) {
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return };
        self.cursor = core_of(last.due_at);
        let busy = standing.active + standing.queued > 0;
        let all = Silence { reason: Reason::SkippedOverlap, first: *first, last: *last, count: wanted.len() as u64 };
        let fire = |tick: &Tick, waits: bool| fire(plan, id, tick, waits, now);
        match plan.policies.overlap {
            Overlap::Skip if busy => return self.skip(all),
            Overlap::Queue if standing.queued > 0 => return self.skip(all),
            Overlap::Skip | Overlap::Queue => {
                self.fires.extend(wanted.iter().enumerate().map(|(place, tick)| fire(tick, busy || place > 0)));
            }
            Overlap::CancelRunning => {
                // Each would cancel the one before it, so only the last is begun.
                let before = wanted.len() as u64 - 1;
                if before > 0 {
                    let last = wanted[wanted.len() - 2];
                    self.silences.push(Silence { reason: Reason::Superseded, first: *first, last, count: before });
                }
                self.cancels = busy;
                self.fires.push(fire(last, busy));
            }
            Overlap::Allow => self.fires.extend(wanted.iter().map(|tick| fire(tick, false))),
        }
        self.skips = 0;
    }

    fn skip(&mut self, silence: Silence) {
        self.skips = self.skips.saturating_add(u32::try_from(silence.count).unwrap_or(u32::MAX));
        self.silences.push(silence);
    }
}

fn fire(plan: &Plan, id: &str, tick: &Tick, waits: bool, now: Timestamp) -> Fire {
    let due_at = core_of(tick.due_at);
    let until_next = plan.timetable.next(tick.due_at).map_or(SignedDuration::MAX, |next| next.due_at.duration_since(tick.due_at));
    let delay = jitter(id, tick.due_at, SignedDuration::from_micros(plan.policies.jitter.0), until_next);
    let run_at = due_at + Length(i64::try_from(delay.as_micros()).unwrap_or(0));
    Fire { tick: *tick, run_at, late: now - due_at > ON_TIME, waits }
}

fn just_before(at: Timestamp) -> Timestamp {
    at - Length(1)
}

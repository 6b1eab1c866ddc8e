//! When there is something to do: what the next turn waits for, and whether it has anything to write.

use super::{Engine, POLL, ROWS_MAX};
use crate::care;
use crate::claimer::{Backlog, LANES, wants_full};
use crate::crew::ChildState;
use crate::moment::Moment;
use workaday_core::clock::{Length, Timestamp};
use workaday_store::Durability;

/// Settlements wait this long for company while children still have work.
const GATHER: Length = Length::millis(1);
/// While a job runs, a full commit comes at least this often, so that its claim is on the disk.
const FULL_AT_LEAST: Length = Length::seconds(1);

impl Engine {
    /// When the next turn should come at the latest, on the steady clock.
    pub fn next_at(&self, now: Moment) -> Timestamp {
        let wants_now = self.look || self.wants_claims(now);
        let soon = [
            wants_now.then_some(now.steady),
            (!self.chores.is_empty()).then_some(now.steady),
            self.settle_at(now),
            self.journal.due_at(),
            self.measure_at(now),
            self.timekeeper.next_at(&self.crew, &self.settings),
            care::next_at(&self.crew),
            self.drain.next_at(&self.settings),
            // A drain starts no child, so a pause after a failed start has nothing to wait for.
            self.staffing.next_at(&self.crew, &self.settings).filter(|_| !self.drain.is_on()),
            self.peek.next_due_at.map(|at| now.steady_of(at)),
            self.peek.next_expiry_at.map(|at| now.steady_of(at)),
            self.peek.next_tick_at.filter(|_| self.may_claim()).map(|at| now.steady_of(at)),
            (self.peek.releasable_ticks && self.may_claim()).then_some(now.steady),
            self.lazy_since.filter(|_| !self.crew.flights.is_empty()).map(|_| self.full_at + FULL_AT_LEAST),
            Some(self.pruner.next_at()),
            Some(self.peeked_at + POLL),
        ];
        soon.into_iter().flatten().min().unwrap_or(now.steady + POLL)
    }

    /// When figures are written at the latest: a drain has nothing later to wait for.
    pub(super) fn measure_at(&self, now: Moment) -> Option<Timestamp> {
        let last = self.drain.is_on() && self.crew.children.is_empty() && !self.measurer.is_empty();
        if last { Some(now.steady) } else { self.measurer.due_at() }
    }

    pub(super) fn may_claim(&self) -> bool {
        !self.drain.is_on() && self.claims_stopped.is_none()
    }

    /// Is there a lane with ready jobs and a child short of work?
    pub(super) fn wants_claims(&self, now: Moment) -> bool {
        let ready = |index: usize| self.backlog[index] == Backlog::Ready;
        if !self.may_claim() || !(0..LANES.len()).any(ready) {
            return false;
        }
        let room = self.crew.room(&self.settings, now.steady);
        LANES.iter().enumerate().any(|(index, lane)| ready(index) && room.hungry(*lane))
    }

    /// When what waits to be settled should be: at once, unless children are busy and company is likely.
    pub(super) fn settle_at(&self, now: Moment) -> Option<Timestamp> {
        let oldest = self.settler.oldest()?;
        let mut ready = self.crew.children.values().filter(|c| c.state == ChildState::Ready).peekable();
        let all_work = self.may_claim() && ready.peek().is_some() && ready.all(|c| !c.order.is_empty());
        let busy = all_work && self.backlog.iter().any(|b| *b != Backlog::Empty) && self.settler.len() < ROWS_MAX;
        Some(if busy { oldest + GATHER } else { now.steady })
    }

    /// Is a schedule to be decided? A copied store, one in trouble and a drain leave that to whoever comes next.
    pub(super) fn ticks_due(&self, now: Moment) -> bool {
        self.may_claim() && self.peek.next_tick_at.is_some_and(|at| at <= now.wall)
    }

    /// Is there anything to write, and how durably? `None`: the write lock is left alone.
    pub(super) fn wanted(&self, now: Moment) -> Option<Durability> {
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now.wall);
        let claims = self.wants_claims(now);
        let settles = self.settle_at(now).is_some_and(|at| at <= now.steady);
        let unsynced = self.lazy_since.is_some() && !self.crew.flights.is_empty() && now.steady >= self.full_at + FULL_AT_LEAST;
        // Work that must not run twice is claimed in a synced transaction only.
        let careful = claims && {
            let room = self.crew.room(&self.settings, now.steady);
            LANES.iter().zip(self.backlog).any(|(lane, backlog)| wants_full(*lane) && backlog == Backlog::Ready && room.any(*lane))
        };
        if settles
            || unsynced
            || careful
            || !self.chores.is_empty()
            || due(self.peek.next_due_at)
            || due(self.peek.next_expiry_at)
            || self.peek.holds_pending
            || self.ticks_due(now)
            || (self.peek.releasable_ticks && self.may_claim())
        {
            return Some(Durability::Full);
        }
        let lazily = claims
            || self.stager.is_set_back(now)
            || self.peek.cancelling
            || self.journal.due_at().is_some_and(|at| at <= now.steady)
            || self.measure_at(now).is_some_and(|at| at <= now.steady)
            || now.steady >= self.pruner.next_at();
        // Outcomes that wait for company go along with whatever is written, and an outcome is always synced.
        lazily.then_some(if self.settler.is_empty() { Durability::Lazy } else { Durability::Full })
    }
}

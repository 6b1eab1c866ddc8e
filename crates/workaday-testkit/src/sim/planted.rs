//! Bugs planted on purpose, below everything that watches: tests of the tests. Each is found by the checker, or the
//! simulator is not worth its time.

use std::collections::HashMap;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::hold::HoldRule;
use workaday_core::job::{Fence, Generation, JobId, JobKey, State};
use workaday_core::lifecycle::Next;
use workaday_store::{Act, ByHand, Durability, Enqueued, NewJob, RunningRow, Settlement, Store, StoreError, TickJob};

type Result<T> = std::result::Result<T, StoreError>;

/// What a wrapper may do differently. The defaults do what they are asked.
pub trait Bug {
    fn begin(&mut self, store: &mut dyn Store, durability: Durability) -> Result<()> {
        store.begin(durability)
    }
    fn commit(&mut self, store: &mut dyn Store) -> Result<()> {
        store.commit()
    }
    fn enqueue(&mut self, store: &mut dyn Store, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        store.enqueue(job, now)
    }
    fn claim(&mut self, store: &mut dyn Store, key: JobKey, generation: Generation, now: Timestamp) -> Result<Option<Fence>> {
        store.claim(key, generation, None, now)
    }
    fn running(&mut self, store: &mut dyn Store, key: JobKey, fence: Fence) -> Result<Option<RunningRow>> {
        store.running(key, fence)
    }
    fn settle(&mut self, store: &mut dyn Store, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        store.settle(settlement, now)
    }
    fn stage(&mut self, store: &mut dyn Store, now: Timestamp, limit: usize) -> Result<usize> {
        store.stage(now, limit)
    }
    fn holds(&mut self, store: &mut dyn Store, now: Timestamp) -> Result<Vec<HoldRule>> {
        store.holds(now)
    }
    fn enqueue_tick(&mut self, store: &mut dyn Store, job: &TickJob, now: Timestamp) -> Result<Enqueued> {
        store.enqueue_tick(job, now)
    }
    fn cancel(&mut self, store: &mut dyn Store, id: JobId, by: &ByHand, now: Timestamp) -> Result<Act> {
        store.cancel(id, by, now)
    }
    fn next_generation(&mut self, store: &mut dyn Store) -> Result<Generation> {
        store.next_generation()
    }
    fn retry(&mut self, store: &mut dyn Store, id: JobId, attempts: u32, by: &ByHand, now: Timestamp) -> Result<Act> {
        store.retry(id, attempts, by, now)
    }
}

/// No bug.
pub struct Sound;
impl Bug for Sound {}

/// Settlements are taken from any claim, however old.
#[derive(Default)]
struct NoFence(HashMap<JobKey, Fence>);
impl Bug for NoFence {
    fn claim(&mut self, store: &mut dyn Store, key: JobKey, generation: Generation, now: Timestamp) -> Result<Option<Fence>> {
        let claimed = store.claim(key, generation, None, now)?;
        self.0.extend(claimed.map(|fence| (key, fence)));
        Ok(claimed)
    }
    fn running(&mut self, store: &mut dyn Store, key: JobKey, fence: Fence) -> Result<Option<RunningRow>> {
        store.running(key, self.0.get(&key).copied().unwrap_or(fence))
    }
    fn settle(&mut self, store: &mut dyn Store, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        let fence = self.0.get(&settlement.key).copied().unwrap_or(settlement.fence);
        store.settle(&Settlement { fence, ..settlement.clone() }, now)
    }
}

/// A tick makes its job twice, the second under an id of its own.
struct DoubleTick;
impl Bug for DoubleTick {
    fn enqueue_tick(&mut self, store: &mut dyn Store, job: &TickJob, now: Timestamp) -> Result<Enqueued> {
        let again = TickJob { id: JobId(uuid::Uuid::from_u128(job.id.0.as_u128() ^ 1)), ..job.clone() };
        store.enqueue_tick(&again, now)?;
        store.enqueue_tick(job, now)
    }
}

/// Every tenth transaction with claims is answered and not written.
#[derive(Default)]
struct ClaimNotCommitted(u32, bool);
impl Bug for ClaimNotCommitted {
    fn claim(&mut self, store: &mut dyn Store, key: JobKey, generation: Generation, now: Timestamp) -> Result<Option<Fence>> {
        self.1 = true;
        store.claim(key, generation, None, now)
    }
    fn commit(&mut self, store: &mut dyn Store) -> Result<()> {
        self.0 += u32::from(self.1);
        if std::mem::take(&mut self.1) && self.0.is_multiple_of(10) {
            store.rollback();
            return Ok(());
        }
        store.commit()
    }
}

/// Claims older than three seconds are given back, as a lease in time would, dead or not.
struct LeaseInTime;
impl Bug for LeaseInTime {
    fn stage(&mut self, store: &mut dyn Store, now: Timestamp, limit: usize) -> Result<usize> {
        for row in store.running_before(Generation(i64::MAX), usize::MAX)? {
            if now - row.claimed_at > Length::seconds(3) {
                let settled = workaday_core::lifecycle::Settled {
                    next: Next::Available,
                    counts: row.counts,
                    held: None,
                    solo: false,
                    outcome: workaday_core::job::AttemptOutcome::Rescued,
                    alert: false,
                };
                let lane = row.lane;
                let (key, fence, claimed_at) = (row.key, row.fence, row.claimed_at);
                store.settle(&Settlement { key, fence, settled, lane, claimed_at, attempt: None, result: None, reason: None }, now)?;
            }
        }
        store.stage(now, limit)
    }
}

/// Every twentieth settlement is answered and not written.
#[derive(Default)]
struct LostSettle(u32);
impl Bug for LostSettle {
    fn settle(&mut self, store: &mut dyn Store, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        self.0 += 1;
        if self.0.is_multiple_of(20) { Ok(true) } else { store.settle(settlement, now) }
    }
}

/// Every twentieth enqueue is acknowledged and not written.
#[derive(Default)]
struct LostEnqueue(u32);
impl Bug for LostEnqueue {
    fn enqueue(&mut self, store: &mut dyn Store, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        self.0 += 1;
        if self.0.is_multiple_of(20) { Ok(Enqueued::Stored) } else { store.enqueue(job, now) }
    }
}

/// Nobody looks at the pause rules.
struct PauseForgotten;
impl Bug for PauseForgotten {
    fn holds(&mut self, _store: &mut dyn Store, _now: Timestamp) -> Result<Vec<HoldRule>> {
        Ok(Vec::new())
    }
}

/// Unique keys are not kept.
struct UniqueForgotten;
impl Bug for UniqueForgotten {
    fn enqueue(&mut self, store: &mut dyn Store, job: &NewJob, now: Timestamp) -> Result<Enqueued> {
        store.enqueue(&NewJob { unique: None, ..job.clone() }, now)
    }
}

/// Nothing is ever synced: NORMAL instead of FULL.
struct NeverSynced;
impl Bug for NeverSynced {
    fn begin(&mut self, store: &mut dyn Store, _durability: Durability) -> Result<()> {
        store.begin(Durability::Lazy)
    }
}

/// Jobs are staged a minute before they are due.
struct StagedEarly;
impl Bug for StagedEarly {
    fn stage(&mut self, store: &mut dyn Store, now: Timestamp, limit: usize) -> Result<usize> {
        store.stage(now + Length::minutes(1), limit)
    }
}

/// A cancel is acknowledged and forgotten.
struct CancelForgotten;
impl Bug for CancelForgotten {
    fn cancel(&mut self, _store: &mut dyn Store, _id: JobId, _by: &ByHand, _now: Timestamp) -> Result<Act> {
        Ok(Act::Done)
    }
}

/// What was discarded comes back instead.
struct BudgetIgnored;
impl Bug for BudgetIgnored {
    fn settle(&mut self, store: &mut dyn Store, settlement: &Settlement<'_>, now: Timestamp) -> Result<bool> {
        let mut changed = settlement.clone();
        if changed.settled.next.state() == State::Discarded {
            changed.settled.next = Next::Available;
        }
        store.settle(&changed, now)
    }
}

/// The term does not rise, so that nothing of a dead supervisor is ever found.
struct SameGeneration;
impl Bug for SameGeneration {
    fn next_generation(&mut self, _store: &mut dyn Store) -> Result<Generation> {
        Ok(Generation(1))
    }
}

/// A completed job is said to be retried in place.
struct RetryOfAnything;
impl Bug for RetryOfAnything {
    fn retry(&mut self, store: &mut dyn Store, id: JobId, attempts: u32, by: &ByHand, now: Timestamp) -> Result<Act> {
        match store.retry(id, attempts, by, now)? {
            Act::Refused(State::Completed) => Ok(Act::Done),
            act => Ok(act),
        }
    }
}

/// A planted bug by its name.
pub type Planted = (&'static str, fn() -> Box<dyn Bug>);

/// All of them. The checker has to find each.
pub const ALL: &[Planted] = &[
    ("the fence check is removed", || Box::<NoFence>::default()),
    ("a tick makes two jobs", || Box::new(DoubleTick)),
    ("a claim is handed out before its commit", || Box::<ClaimNotCommitted>::default()),
    ("a lease in time rescues the living", || Box::new(LeaseInTime)),
    ("a settlement is lost", || Box::<LostSettle>::default()),
    ("an acknowledged enqueue is lost", || Box::<LostEnqueue>::default()),
    ("pause rules are not read", || Box::new(PauseForgotten)),
    ("unique keys are not kept", || Box::new(UniqueForgotten)),
    ("commits are never synced", || Box::new(NeverSynced)),
    ("jobs are staged before they are due", || Box::new(StagedEarly)),
    ("a cancel is forgotten", || Box::new(CancelForgotten)),
    ("used up attempts come back", || Box::new(BudgetIgnored)),
    ("generations do not rise", || Box::new(SameGeneration)),
    ("a completed job is retried in place", || Box::new(RetryOfAnything)),
];

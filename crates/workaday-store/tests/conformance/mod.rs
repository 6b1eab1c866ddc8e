//! The questions, and the small steps they are made of.

pub mod by_hand;
pub mod claiming;
pub mod holding;
pub mod keeping;
pub mod settling;
pub mod time;

use std::any::Any;
use uuid::Uuid;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::{Fence, Generation, JobId, JobKey, Lane};
use workaday_core::lifecycle::{self, Outcome, Running, Settled};
use workaday_core::retry::{Chance, RetryPolicy};
use workaday_store::{AttemptRecord, ByHand, Durability, Enqueued, NewJob, Settlement, Store};

/// A store under test.
pub struct Subject {
    pub store: Box<dyn Store>,
    /// Runs one statement on a connection of its own; answers how many rows it changed.
    pub run_sql: Box<dyn FnMut(&str) -> usize>,
    pub _kept: Box<dyn Any>,
}

pub const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
pub const GENERATION: Generation = Generation(7);

pub fn later(seconds: i64) -> Timestamp {
    NOW + Length::seconds(seconds)
}

/// The number makes the id, so a test can name a job again.
pub fn id(number: u128) -> JobId {
    JobId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number))
}

pub fn job(number: u128) -> NewJob {
    NewJob {
        id: id(number),
        task: "shop.send".into(),
        queue: "default".into(),
        priority: 0,
        lane: Lane::Sync,
        run_at: NOW,
        args: format!("{{\"number\":{number}}}"),
        expires_at: None,
        unique: None,
        tags: None,
        rerun_of: None,
        enqueued_release: None,
    }
}

pub fn by() -> ByHand {
    ByHand { who: "ada".into(), why: Some("because".into()) }
}

impl Subject {
    /// One transaction around `act`.
    pub fn write<T>(&mut self, act: impl FnOnce(&mut dyn Store) -> T) -> T {
        self.store.begin(Durability::Full).expect("the write lock");
        let done = act(self.store.as_mut());
        self.store.commit().expect("the commit");
        done
    }

    pub fn enqueue(&mut self, job: &NewJob) {
        assert_eq!(self.write(|store| store.enqueue(job, NOW)).expect("an enqueue"), Enqueued::Stored);
    }

    /// Keys of the jobs that are ready, in claim order.
    pub fn ready(&mut self) -> Vec<JobKey> {
        self.store.claimable(Lane::Sync, "default", NOW, 100).expect("the candidates").iter().map(|job| job.key).collect()
    }

    pub fn key_of(&mut self, number: u128) -> JobKey {
        self.store
            .claimable(Lane::Sync, "default", NOW, 1_000)
            .expect("the candidates")
            .iter()
            .find(|job| job.id == id(number))
            .expect("it is ready")
            .key
    }

    pub fn claim(&mut self, key: JobKey) -> Option<Fence> {
        self.write(|store| store.claim(key, GENERATION, Some(1), NOW)).expect("a claim")
    }

    /// Enqueues job `number` and claims it.
    pub fn running(&mut self, number: u128) -> (JobKey, Fence) {
        self.enqueue(&job(number));
        let key = self.key_of(number);
        (key, self.claim(key).expect("it was ready"))
    }

    /// Settles as the engine does: reads the row, lets core decide, writes. `None`: stale.
    pub fn settle(&mut self, key: JobKey, fence: Fence, outcome: Outcome, policy: &Policy) -> Option<Settled> {
        self.write(|store| settle_inside(store, key, fence, outcome, policy))
    }

    /// Does a row answer this condition? Asked with an UPDATE that changes nothing.
    pub fn holds(&mut self, table: &str, condition: &str) -> bool {
        let column = if table == "workaday_attempts" || table == "workaday_logs" { "job" } else { "key" };
        (self.run_sql)(&format!("UPDATE {table} SET {column} = {column} WHERE {condition}")) > 0
    }
}

/// What the task says, as far as core needs it.
#[derive(Clone, Copy)]
pub struct Policy {
    pub attempts: u32,
    pub at_most_once: bool,
}

pub const USUAL: Policy = Policy { attempts: 3, at_most_once: false };

pub fn settle_inside(store: &mut dyn Store, key: JobKey, fence: Fence, outcome: Outcome, policy: &Policy) -> Option<Settled> {
    let row = store.running(key, fence).expect("the running row")?;
    let running = Running {
        counts: row.counts,
        attempts_max: policy.attempts + row.attempt_extra,
        retry: RetryPolicy { jitter: 0.0, ..RetryPolicy::default() },
        at_most_once: policy.at_most_once,
        cancel_requested: row.cancel_requested,
    };
    let settled = lifecycle::settle(&running, outcome, NOW, Chance(0.5));
    let record = AttemptRecord { started_at: Some(NOW), ran_us: Some(5), ..AttemptRecord::default() };
    let lane = if settled.solo { Lane::Solo } else { row.lane };
    let settlement =
        Settlement { key, fence, settled, lane, claimed_at: row.claimed_at, attempt: Some(&record), result: Some("1"), reason: None };
    store.settle(&settlement, NOW).expect("a settlement").then_some(settled)
}

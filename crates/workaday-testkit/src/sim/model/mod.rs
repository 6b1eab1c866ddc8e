//! A store in plain Rust: what the SQL says, without SQLite. Fast enough for hundreds of thousands of simulated lives.
//!
//! It is checked against SQLite by playing the same seed on both (`tests/sim.rs`): their histories have to be equal.
//! What only people look at (audit lines, measures of attempts, texts of logs) is not kept.

mod jobs;
mod schedules;
mod store;
mod table;

use std::collections::BTreeMap;
use std::rc::Rc;
use table::Table;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Problem;
use workaday_core::hold::HoldRule;
use workaday_core::job::{Counts, HeldCode, JobId, Lane, State};
use workaday_core::unique::{HeldWhile, Unique};
use workaday_store::{Durability, ScheduleRow, StoreError, TickRow};

type Result<T> = std::result::Result<T, StoreError>;

/// A job's row, unfinished or finished.
#[derive(Clone)]
pub struct Job {
    pub id: JobId,
    pub task: Rc<str>,
    pub queue: Rc<str>,
    pub priority: i32,
    pub lane: Lane,
    pub state: State,
    pub run_at: Timestamp,
    pub args: Rc<str>,
    pub counts: Counts,
    pub attempt_extra: u32,
    pub fence: i64,
    pub generation: Option<i64>,
    pub claimed_at: Timestamp,
    pub held: Option<HeldCode>,
    pub held_rule: Option<i64>,
    pub expires_at: Option<Timestamp>,
    pub cancel_requested_at: Option<Timestamp>,
    pub unique: Option<Rc<Unique>>,
    pub unique_held: bool,
    pub schedule: Option<Rc<str>>,
    pub tick: Option<Rc<str>>,
    /// Of a finished one.
    pub reason: Option<Rc<str>>,
    pub finished_at: Timestamp,
}

impl Job {
    pub fn is_ready(&self) -> bool {
        self.state == State::Available && self.held.is_none()
    }
    pub fn gives_up_key_when_claimed(&self) -> bool {
        self.unique.as_ref().is_some_and(|unique| unique.held == HeldWhile::Waiting)
    }
}

#[derive(Clone)]
struct Hold {
    rule: HoldRule,
    released: bool,
}

#[derive(Clone)]
struct Task {
    entry: TaskEntry,
    present: bool,
}

#[derive(Clone)]
pub struct Decided {
    pub row: TickRow,
    pub at: Timestamp,
}

/// The numbers that only rise; they are rows of their own in SQLite too.
#[derive(Clone, Default)]
struct Numbers {
    generation: i64,
    key: i64,
    rule: i64,
    worker: i64,
}

/// The whole store.
#[derive(Default)]
pub struct Model {
    pub jobs: Table<i64, Job>,
    pub finished: Table<i64, Job>,
    /// Key of each job, unfinished or finished.
    ids: Table<JobId, i64>,
    /// When each recorded attempt ended, by (key, fence).
    pub attempts: Table<(i64, i64), Timestamp>,
    logs: Table<(i64, i64, i64), ()>,
    tasks: Table<Rc<str>, Task>,
    holds: Table<i64, Hold>,
    pub schedules: Table<String, ScheduleRow>,
    pub ticks: Table<(String, i64), Decided>,
    /// Ticks whose job is still to be looked at.
    watches: Table<(String, i64), ()>,
    workers: Table<i64, i64>,
    alerts: Table<(String, String), u32>,
    remarks: Table<String, String>,
    numbers: Table<(), Numbers>,
    open: Option<Durability>,
    names: BTreeMap<String, Rc<str>>,
}

impl Model {
    /// The power is cut: everything goes back to the last synced commit.
    pub fn cut_power(&mut self) {
        self.each_table(|table| table.cut());
        self.open = None;
    }

    fn each_table(&mut self, mut act: impl FnMut(&mut dyn Undo)) {
        act(&mut self.jobs);
        act(&mut self.finished);
        act(&mut self.ids);
        act(&mut self.watches);
        act(&mut self.attempts);
        act(&mut self.logs);
        act(&mut self.tasks);
        act(&mut self.holds);
        act(&mut self.schedules);
        act(&mut self.ticks);
        act(&mut self.workers);
        act(&mut self.alerts);
        act(&mut self.remarks);
        act(&mut self.numbers);
    }

    fn writing(&mut self) -> Result<&mut Self> {
        match self.open {
            Some(_) => Ok(self),
            None => Err(Problem::new("store.no_transaction", "a write to the model came outside a transaction").into()),
        }
    }

    /// A number that was never given out before.
    fn number(&mut self, pick: impl Fn(&mut Numbers) -> &mut i64) -> i64 {
        let mut numbers = self.numbers.get(&()).map_or_else(Numbers::default, |numbers| (**numbers).clone());
        let next = pick(&mut numbers);
        *next += 1;
        let given = *next;
        self.numbers.put((), numbers);
        given
    }

    /// One allocation for each name, however many rows say it.
    fn name(&mut self, text: &str) -> Rc<str> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let name: Rc<str> = text.into();
        self.names.insert(text.to_owned(), name.clone());
        name
    }
}

/// What every table can do, whatever its rows.
trait Undo {
    fn commit(&mut self, synced: bool);
    fn rollback(&mut self);
    fn cut(&mut self);
}

impl<K: Ord + Clone, V: Clone> Undo for Table<K, V> {
    fn commit(&mut self, synced: bool) {
        Table::commit(self, synced);
    }
    fn rollback(&mut self) {
        Table::rollback(self);
    }
    fn cut(&mut self) {
        Table::cut(self);
    }
}

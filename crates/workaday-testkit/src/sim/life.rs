//! One life: so many steps with faults, then peace, in which everything has to drain.

use super::checker::{self, Broken};
use super::ground::{Ground, StoreKind};
use super::history::{Final, History, What};
use super::kids::Kids;
use super::planted::{Bug, Sound};
use super::release;
use super::tap::{Room, Tap};
use super::{acts, faults::Fault};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::State;
use workaday_engine::{Command, Engine, Moment, Seeded, Settings};
use workaday_store::{Durability, NewJob, Store, StoreError};

/// Turns at one instant after which an engine counts as running in circles.
const TURNS_MAX: usize = 300;

/// How a life is to be played.
#[derive(Clone, Copy)]
pub struct Options {
    pub steps: u32,
    pub store: StoreKind,
    pub bug: fn() -> Box<dyn Bug>,
}

impl Default for Options {
    fn default() -> Self {
        Self { steps: 300, store: StoreKind::Model, bug: || Box::new(Sound) }
    }
}

/// What came of it.
pub struct Lived {
    pub verdict: Result<(), Broken>,
    pub history: History,
    /// How often each fault struck.
    pub faults: BTreeMap<&'static str, u64>,
}

/// One supervisor and its processes.
pub(super) struct Supervisor {
    pub engine: Engine,
    pub kids: Kids,
    pub generation: i64,
    pub armed: Rc<Cell<Option<Fault>>>,
    dead: Rc<Cell<bool>>,
    /// Stopped (SIGSTOP) until then: its children go on, it hears nothing.
    pub frozen_until: Option<i64>,
    mailbox: Vec<workaday_engine::Event>,
}

pub(super) struct Life {
    pub chance: fastrand::Rng,
    pub room: Rc<RefCell<Room>>,
    pub ground: Ground,
    pub supervisors: Vec<Supervisor>,
    pub restart_at: i64,
    pub release: u32,
    pub settings: Settings,
    pub jobs: Vec<NewJob>,
    pub pauses: Vec<(Option<String>, Option<String>, Option<i64>)>,
    /// Kinds of acts that this life leaves out, so that lives differ more than by luck.
    pub without: u64,
    pub faults_on: bool,
    client: Rc<RefCell<dyn Store>>,
    circles: Option<String>,
}

/// Plays the life of one seed and judges it.
pub fn play(seed: u64, options: &Options) -> Lived {
    let mut life = Life::new(seed, options);
    for _ in 0..options.steps {
        acts::step(&mut life);
    }
    let last = life.drain();
    let mut room = life.room.borrow_mut();
    let history = History { entries: std::mem::take(&mut room.history), last };
    let verdict = match life.circles.take() {
        Some(how) => Err(Broken { invariant: "I13", how }),
        None => checker::check(&history),
    };
    Lived { verdict, history, faults: std::mem::take(&mut room.struck) }
}

impl Life {
    fn new(seed: u64, options: &Options) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        // A Sunday in 2026, somewhere within the day.
        let wall = 1_780_000_000_000_000 + chance.i64(0..86_400_000_000);
        let room = Room {
            history: Vec::with_capacity(2_000),
            unsynced: Vec::new(),
            boot: 1_000_000_000,
            wall,
            bug: (options.bug)(),
            struck: BTreeMap::new(),
        };
        let ground = Ground::new(options.store);
        let client = ground.open();
        let years = Length::days(3_650);
        let settings = Settings {
            processes: chance.usize(1..3),
            async_slots: 8,
            solo_processes: 2,
            start_within: Length::seconds(5),
            kill_after: Length::seconds(1),
            grace: Length::seconds(3),
            schedules_tz: Some("UTC".into()),
            schedules: release::configured(0),
            retain_completed: years,
            retain_cancelled: years,
            retain_discarded: years,
            retain_logs: years,
            recycle_after_jobs: chance.bool().then_some(20),
            ..Settings::default()
        };
        let without = chance.u64(..) & chance.u64(..) & chance.u64(..);
        let life = Self {
            chance,
            room: Rc::new(RefCell::new(room)),
            ground,
            supervisors: Vec::new(),
            restart_at: 0,
            release: 0,
            settings,
            jobs: Vec::new(),
            pauses: Vec::new(),
            without,
            faults_on: true,
            client,
            circles: None,
        };
        for entry in release::commands() {
            life.note(What::Budget { task: entry.name.clone(), attempts: entry.attempts(), once: false });
        }
        life
    }

    pub fn note(&self, what: What) {
        self.room.borrow_mut().note(what);
    }

    pub fn boot(&self) -> i64 {
        self.room.borrow().boot
    }

    pub fn wall(&self) -> Timestamp {
        Timestamp(self.room.borrow().wall)
    }

    pub fn now(&self) -> Moment {
        let room = self.room.borrow();
        Moment { wall: Timestamp(room.wall), steady: Timestamp(room.boot) }
    }

    /// Both clocks go on.
    pub fn pass(&self, length: i64) {
        let mut room = self.room.borrow_mut();
        room.boot += length;
        room.wall += length;
    }

    // -- clients -----------------------------------------------------------------------------------------------------

    /// One transaction of a client, perhaps with bad luck. `None` of an error: the client died in it.
    pub fn client<T>(&mut self, act: impl FnOnce(&mut Tap, Timestamp) -> Result<T, StoreError>) -> Result<T, Option<StoreError>> {
        let mut tap = Tap::new(self.client.clone(), self.room.clone());
        if self.faults_on && self.chance.u32(0..100) < 4 {
            tap.armed.set(Some(Fault::draw(&mut self.chance)));
        }
        let now = self.wall();
        let done = tap.begin(Durability::Full).and_then(|()| act(&mut tap, now)).and_then(|done| tap.commit().map(|()| done));
        if done.is_err() && (tap.dead.get() || !matches!(done, Err(StoreError::OutcomeUnknown { .. }))) {
            tap.rollback();
        }
        done.map_err(|error| (!tap.dead.get()).then_some(error))
    }

    // -- supervisors -------------------------------------------------------------------------------------------------

    /// Takes the lock, raises the generation, rescues. May die or fail at any step of it.
    pub fn start(&mut self) {
        let mut tap = Tap::new(self.ground.open(), self.room.clone());
        let (armed, dead) = (tap.armed.clone(), tap.dead.clone());
        if self.faults_on && self.chance.u32(0..100) < 12 {
            armed.set(Some(Fault::draw(&mut self.chance)));
        }
        self.restart_at = self.boot() + self.chance.i64(0..2_000_000);
        let begun = tap.begin(Durability::Full).and_then(|()| tap.next_generation());
        let Ok(generation) = begun.and_then(|generation| tap.commit().map(|()| generation)) else {
            tap.rollback();
            self.room.borrow_mut().count("start_failed");
            return;
        };
        let base = tap.base.clone();
        let now = self.now();
        let chance = Box::new(Seeded::new(self.chance.u64(..)));
        let engine = Engine::new(Box::new(tap), chance, self.settings.clone(), generation, now).and_then(|mut engine| {
            let stated = release::commands().into_iter().map(|entry| (entry.clone(), serde_json::to_string(&entry).expect("JSON")));
            engine.state_commands(stated.collect(), Some(format!("r{}", self.release)));
            engine.rescue(now).map(|_| engine)
        });
        let Ok(engine) = engine else {
            base.borrow_mut().rollback();
            self.room.borrow_mut().count("recovery_failed");
            return self.note(What::Died { generation: generation.0 });
        };
        let kids = Kids::new(generation.0, self.release, !self.faults_on);
        let mailbox = Vec::new();
        self.supervisors.push(Supervisor { engine, kids, generation: generation.0, armed, dead, frozen_until: None, mailbox });
    }

    /// kill -9 of a supervisor; its children go with it.
    pub fn kill(&mut self, place: usize) {
        let mut gone = self.supervisors.remove(place);
        gone.engine.store().rollback();
        let mut room = self.room.borrow_mut();
        gone.kids.end(&mut room);
        room.note(What::Died { generation: gone.generation });
        self.restart_at = room.boot + self.chance.i64(0..3_000_000);
    }

    /// The earliest instant at which anything wants to happen.
    fn next_at(&self) -> i64 {
        let now = self.now();
        let of = |supervisor: &Supervisor| {
            let wants = match supervisor.frozen_until {
                Some(until) => until,
                None if !supervisor.mailbox.is_empty() => now.steady.0,
                None => supervisor.engine.next_at(now).0,
            };
            wants.min(supervisor.kids.next_at().unwrap_or(i64::MAX))
        };
        let next = self.supervisors.iter().map(of).min();
        let waits = self.supervisors.is_empty() || self.supervisors.iter().all(|supervisor| supervisor.frozen_until.is_some());
        next.unwrap_or(i64::MAX).min(if waits && self.supervisors.is_empty() { self.restart_at } else { i64::MAX })
    }

    /// Time goes on to whatever comes next, and it happens.
    pub fn live(&mut self) {
        for _ in 0..self.chance.u32(1..3) {
            let length = (self.next_at() - self.boot()).clamp(0, 5_000_000);
            self.pass(length);
            if self.supervisors.is_empty() && self.boot() >= self.restart_at {
                self.start();
            }
            self.run();
        }
    }

    /// Everybody does what is due now.
    pub fn run(&mut self) {
        let mut place = 0;
        while place < self.supervisors.len() {
            if self.run_one(place) { place += 1 } else { self.kill(place) }
        }
    }

    /// `false`: it is dead, or has ended in order.
    fn run_one(&mut self, place: usize) -> bool {
        let now = self.now();
        let supervisor = &mut self.supervisors[place];
        if supervisor.frozen_until.is_some_and(|until| until <= now.steady.0) {
            supervisor.frozen_until = None;
        }
        for _ in 0..TURNS_MAX {
            let words = supervisor.kids.live(&mut self.chance, &mut self.room.borrow_mut());
            supervisor.mailbox.extend(words);
            if supervisor.frozen_until.is_some() {
                return true;
            }
            let heard = !supervisor.mailbox.is_empty();
            for word in supervisor.mailbox.drain(..) {
                supervisor.engine.handle(word, now);
            }
            if !heard && supervisor.engine.next_at(now) > now.steady {
                return true;
            }
            match supervisor.engine.turn(now) {
                Ok(turn) => {
                    let mut commands = turn.commands;
                    // The engine keeps flights in a hash table; a replay needs them in an order.
                    commands.sort_by_key(order);
                    for command in commands {
                        supervisor.kids.carry_out(command, &mut self.chance, &mut self.room.borrow_mut());
                    }
                }
                Err(_) if supervisor.dead.get() => return false,
                // The next step tries again.
                Err(_) => return true,
            }
            if supervisor.engine.is_done() {
                return false;
            }
        }
        self.circles.get_or_insert_with(|| format!("generation {} runs in circles at {}", self.supervisors[place].generation, now.steady));
        true
    }

    /// Whether any of the acts of this number is part of this life.
    pub fn does(&self, act: u32) -> bool {
        self.without & (1 << act) == 0
    }

    // -- the end -----------------------------------------------------------------------------------------------------

    /// Faults off, the whole code deployed, nothing paused: everything has to drain.
    fn drain(&mut self) -> Final {
        self.faults_on = false;
        while !self.supervisors.is_empty() {
            self.kill(0);
        }
        (self.release, self.restart_at) = (release::LAST, 0);
        self.settings.schedules = release::configured(release::LAST);
        {
            let mut room = self.room.borrow_mut();
            let peak = room.history.iter().map(|entry| entry.wall).max().unwrap_or(room.wall);
            // Later than anything was put off to.
            room.wall = peak.max(room.wall) + 3_600_000_000;
            room.boot += 1_000_000;
        }
        for (task, queue, number) in std::mem::take(&mut self.pauses) {
            acts::resume(self, task, queue, number);
        }
        let mut last = Final::default();
        for round in 0..1_000 {
            for _ in 0..10 {
                self.live();
            }
            last = self.ground.read().expect("a sound store at the end");
            let waits = |row: &super::history::Row| !row.state.is_finished() && row.held.as_deref() != Some("unknown_task");
            let left: Vec<_> = last.rows.iter().filter(|row| waits(row)).collect();
            if left.is_empty() {
                break;
            }
            let held: Vec<_> = left.iter().filter(|row| row.held.is_some() && row.state != State::Running).map(|row| row.id).collect();
            if round % 8 == 7 {
                held.into_iter().for_each(|id| acts::release(self, id));
            }
        }
        for supervisor in &mut self.supervisors {
            supervisor.engine.stop(Moment { wall: Timestamp(0), steady: Timestamp(self.room.borrow().boot) });
        }
        while !self.supervisors.is_empty() {
            self.kill(0);
        }
        last
    }
}

/// Stops and kills by child and number; frames stay in their order, after them.
fn order(command: &Command) -> (u8, u64, u64) {
    match command {
        Command::Stop { child, seq, .. } => (0, child.0, seq.0),
        Command::Recall { child } => (1, child.0, 0),
        Command::Drain { child } => (2, child.0, 0),
        Command::Term { child } => (3, child.0, 0),
        Command::Kill { child } => (4, child.0, 0),
        Command::Spawn { .. } | Command::Job { .. } | Command::Run { .. } => (5, 0, 0),
    }
}

/// Names of faults with their totals, over many lives.
pub fn add_up(total: &mut HashMap<&'static str, u64>, faults: &BTreeMap<&'static str, u64>) {
    for (name, count) in faults {
        *total.entry(name).or_default() += count;
    }
}

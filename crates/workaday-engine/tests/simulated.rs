//! What the simulator found, told as single stories. Played on its model store, which can lose what was not synced.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::{JobId, Lane};
use workaday_engine::event::{Ended, Spent};
use workaday_engine::{ChildNo, Command, Engine, Event, JobFrame, Moment, Seeded, Settings};
use workaday_store::{Durability, NewJob, Store};
use workaday_testkit::TaskBuilder;
use workaday_testkit::sim::StoreKind;
use workaday_testkit::sim::faults::Fault;
use workaday_testkit::sim::ground::Ground;
use workaday_testkit::sim::history::What;
use workaday_testkit::sim::planted::Sound;
use workaday_testkit::sim::tap::{Room, Tap};

struct Stage {
    room: Rc<RefCell<Room>>,
    ground: Ground,
    now: Moment,
}

impl Stage {
    fn new() -> Self {
        let now = Moment { wall: Timestamp(1_800_000_000_000_000), steady: Timestamp(1_000_000_000) };
        let room = Room {
            history: Vec::new(),
            unsynced: Vec::new(),
            boot: now.steady.0,
            wall: now.wall.0,
            bug: Box::new(Sound),
            struck: BTreeMap::new(),
        };
        Self { room: Rc::new(RefCell::new(room)), ground: Ground::new(StoreKind::Model), now }
    }

    fn tap(&self) -> Tap {
        Tap::new(self.ground.open(), self.room.clone())
    }

    /// A supervisor with one child that has stated these tasks, and a switch for its faults.
    fn supervisor(&self, tasks: &[TaskBuilder]) -> (Engine, Rc<std::cell::Cell<Option<Fault>>>) {
        let mut tap = self.tap();
        let armed = tap.armed.clone();
        tap.begin(Durability::Full).expect("the lock");
        let generation = tap.next_generation().expect("a term");
        tap.commit().expect("a commit");
        let settings = Settings { processes: 1, ..Settings::default() };
        let mut engine = Engine::new(Box::new(tap), Box::new(Seeded::new(1)), settings, generation, self.now).expect("an engine");
        engine.rescue(self.now).expect("a rescue");
        let catalogue: Vec<_> = tasks.iter().map(|task| task.clone().entry()).collect();
        for _ in 0..3 {
            for child in self.turn(&mut engine).into_iter().filter_map(|command| match command {
                Command::Spawn { child, .. } => Some(child),
                _ => None,
            }) {
                let raw = catalogue.iter().map(|entry| serde_json::to_string(entry).expect("JSON")).collect();
                let catalogue = catalogue.clone();
                engine.handle(Event::Ready { child, catalogue, raw, hash: "1".into(), release: None, pid: 1 }, self.now);
            }
        }
        (engine, armed)
    }

    fn turn(&self, engine: &mut Engine) -> Vec<Command> {
        engine.wake();
        engine.turn(self.now).map_or_else(|_| Vec::new(), |turn| turn.commands)
    }

    fn jobs(&self, engine: &mut Engine) -> Vec<(ChildNo, JobFrame)> {
        let frame = |command| match command {
            Command::Job { child, job } => Some((child, job)),
            _ => None,
        };
        self.turn(engine).into_iter().filter_map(frame).collect()
    }

    fn enqueue(&self, number: u128, task: &str, lane: Lane) {
        let job = NewJob {
            id: JobId(uuid::Uuid::from_u128(number)),
            task: task.into(),
            queue: "default".into(),
            priority: 0,
            lane,
            run_at: self.now.wall,
            args: "{}".into(),
            expires_at: None,
            unique: None,
            tags: None,
            rerun_of: None,
            enqueued_release: None,
        };
        let mut tap = self.tap();
        tap.begin(Durability::Full).expect("the lock");
        tap.enqueue(&job, self.now.wall).expect("an enqueue");
        tap.commit().expect("a commit");
    }
}

/// While children were busy an outcome waited a millisecond for company. A claim that came within it took the outcome
/// along in a transaction that was not synced: a power cut could take back what had been written as done.
#[test]
fn an_outcome_is_synced_also_when_a_claim_takes_it_along() {
    let stage = Stage::new();
    let (mut engine, _) = stage.supervisor(&[TaskBuilder::asynchronous("shop.send")]);
    stage.enqueue(1, "shop.send", Lane::Async);
    stage.enqueue(2, "shop.send", Lane::Async);
    let sent = stage.jobs(&mut engine);
    assert_eq!(sent.len(), 2, "one will still run when the other ends");
    let (child, job) = &sent[0];
    let ended = Ended::Completed { result: None, mark: None };
    engine.handle(Event::Outcome { child: *child, seq: job.seq, ended, spent: Spent::default() }, stage.now);
    stage.enqueue(3, "shop.send", Lane::Async);
    assert_eq!(stage.jobs(&mut engine).len(), 1, "the third is claimed within the millisecond");
    let room = stage.room.borrow();
    assert!(room.history.iter().any(|entry| matches!(entry.what, What::Settled(_))), "the outcome went along");
    assert!(!room.unsynced.iter().any(|what| matches!(what, What::Settled(_))), "and it is on the disk");
}

/// After a commit of unknown outcome a supervisor gave back every running row that it did not know, also one that an
/// older generation still ran (resumed after a stop): a job that must not run twice ran twice.
#[test]
fn strays_of_another_generation_are_left_alone() {
    let mut stage = Stage::new();
    let tasks = [TaskBuilder::sync("shop.charge").with("at_most_once", true.into()), TaskBuilder::sync("shop.pack")];
    let (mut old, _) = stage.supervisor(&tasks);
    let (mut new, armed) = stage.supervisor(&tasks);
    stage.enqueue(1, "shop.charge", Lane::Solo);
    // Its solo child comes first.
    for command in stage.turn(&mut old) {
        if let Command::Spawn { child, .. } = command {
            let event = Event::Ready {
                child,
                catalogue: tasks.iter().map(|t| t.clone().entry()).collect(),
                raw: vec!["{}".into(); 2],
                hash: "1".into(),
                release: None,
                pid: 2,
            };
            old.handle(event, stage.now);
        }
    }
    assert_eq!(stage.jobs(&mut old).len(), 1, "the older one claims it and runs it");
    stage.enqueue(2, "shop.pack", Lane::Sync);
    armed.set(Some(Fault::UnknownAtCommit { landed: true }));
    stage.turn(&mut new);
    assert_eq!(armed.get(), None, "its commit's outcome is unknown");
    stage.now = Moment { wall: stage.now.wall + Length::seconds(1), steady: stage.now.steady + Length::seconds(1) };
    for _ in 0..3 {
        stage.turn(&mut new);
    }
    let settles: Vec<i64> = stage
        .room
        .borrow()
        .history
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Settled(settle) => Some(settle.key),
            _ => None,
        })
        .collect();
    assert_eq!(settles, [2], "only its own stray goes back");
}

//! The real engine on real SQLite; children are pretended, time and chance are the test's.

use rusqlite::{Connection, OptionalExtension};
use serde_json::json;
use std::collections::VecDeque;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::{JobId, Lane};
use workaday_engine::crew::ChildKind;
use workaday_engine::event::{CommandEnd, Ended, Spent};
use workaday_engine::{ChildNo, Command, Death, Engine, Event, JobFrame, Moment, Seeded, Seq, Settings, Turn};
use workaday_store::sqlite::read::{Reader, open_reader};
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{Durability, NewJob, Store};

/// A catalogue entry, built up from the defaults.
#[derive(Clone)]
pub struct TaskBuilder(serde_json::Value);

impl TaskBuilder {
    pub fn sync(name: &str) -> Self {
        Self(json!({"name": name, "kind": "sync", "retry": {"attempts": 3, "base_us": 1_000_000, "jitter": 0.0}}))
    }
    pub fn asynchronous(name: &str) -> Self {
        Self(json!({"name": name, "kind": "async", "retry": {"attempts": 3, "base_us": 1_000_000, "jitter": 0.0}}))
    }
    pub fn command(name: &str) -> Self {
        Self(json!({"name": name, "kind": "command", "retry": {"attempts": 3, "base_us": 1_000_000, "jitter": 0.0}}))
    }
    pub fn with(mut self, key: &str, value: serde_json::Value) -> Self {
        self.0[key] = value;
        self
    }
    pub fn entry(self) -> TaskEntry {
        serde_json::from_value(self.0).expect("a test's entry fits")
    }
}

/// One generation of an engine and its pretended processes.
pub struct World {
    pub engine: Engine,
    pub now: Moment,
    /// Frames sent to children and not answered yet, in order.
    pub sent: VecDeque<(ChildNo, JobFrame)>,
    /// All other commands since the last look.
    pub said: Vec<Command>,
    catalogue: Vec<TaskEntry>,
    commands: Vec<TaskEntry>,
    /// Where the store lies.
    pub folder: tempfile::TempDir,
    settings: Settings,
    hash: u32,
    /// Children are spawned but never say hello.
    pub mute: bool,
}

impl World {
    pub fn new(catalogue: Vec<TaskEntry>) -> World {
        World::with(catalogue, Settings { processes: 1, ..Settings::default() })
    }

    pub fn with(catalogue: Vec<TaskEntry>, settings: Settings) -> World {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let now = Moment { wall: Timestamp(1_700_000_000_000_000), steady: Timestamp(1_000_000_000) };
        let engine = start(&folder, &settings, now);
        let mut world = World {
            engine,
            now,
            sent: VecDeque::new(),
            said: Vec::new(),
            catalogue,
            commands: Vec::new(),
            folder,
            settings,
            hash: 1,
            mute: false,
        };
        world.run();
        world
    }

    /// kill -9 of the supervisor and all children: a new generation on the same file.
    pub fn restart(mut self) -> World {
        drop(self.engine);
        self.engine = start(&self.folder, &self.settings, self.now);
        self.sent.clear();
        self.said.clear();
        self.state_commands();
        self.engine.rescue(self.now).expect("a rescue on a sound store");
        self.run();
        self
    }

    /// The configuration names these commands, as `up` states them at its start.
    pub fn configure(&mut self, commands: Vec<TaskEntry>) {
        self.commands = commands;
        self.state_commands();
        self.run();
    }

    fn state_commands(&mut self) {
        let stated = self.commands.iter().map(|entry| (entry.clone(), serde_json::to_string(entry).expect("an entry is JSON")));
        self.engine.state_commands(stated.collect(), Some("r1".into()));
    }

    /// The next child that starts states these tasks.
    pub fn deploy(&mut self, catalogue: Vec<TaskEntry>) {
        self.catalogue = catalogue;
        self.hash += 1;
    }

    pub fn advance(&mut self, length: Length) {
        self.now = Moment { wall: self.now.wall + length, steady: self.now.steady + length };
    }

    pub fn enqueue(&mut self, task: &str) -> JobId {
        self.enqueue_with(task, |_| {})
    }

    pub fn enqueue_with(&mut self, task: &str, change: impl FnOnce(&mut NewJob)) -> JobId {
        let lane = self.catalogue.iter().chain(&self.commands).find(|entry| entry.name == task).map_or(Lane::Sync, TaskEntry::lane);
        let mut job = NewJob {
            id: JobId(uuid::Uuid::now_v7()),
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
        change(&mut job);
        let now = self.now.wall;
        self.write(|store| store.enqueue(&job, now).map(drop));
        self.engine.wake();
        job.id
    }

    /// Writes as another process would: in a transaction of its own.
    pub fn write(&mut self, write: impl FnOnce(&mut dyn Store) -> Result<(), workaday_store::StoreError>) {
        let store = self.engine.store();
        store.begin(Durability::Full).expect("the write lock");
        write(store).expect("a write");
        store.commit().expect("a commit");
    }

    /// Writes what no client of ours writes: by hand, with the CHECKs off. `?1` is the id of the job, where one is named.
    pub fn damage(&mut self, sql: &str, id: Option<JobId>) {
        let connection = Connection::open(self.folder.path().join("workaday.db")).expect("the store's file");
        connection.execute_batch("PRAGMA ignore_check_constraints = ON").expect("a pragma");
        let changed = match id {
            Some(id) => connection.execute(sql, [id.0.as_bytes().to_vec()]),
            None => connection.execute(sql, []),
        };
        assert!(changed.expect("a statement that fits the schema") > 0, "nothing was damaged: {sql}");
    }

    /// Turns until nothing more happens at this moment; children that are spawned are ready at once.
    pub fn run(&mut self) -> Turn {
        let mut total = Turn::default();
        for _ in 0..200 {
            let turn = self.engine.turn(self.now).expect("a turn on a sound store");
            total.settled.stale.extend(turn.settled.stale);
            total.claimed += turn.claimed;
            let quiet = turn.commands.is_empty() && self.engine.next_at(self.now) > self.now.steady;
            for command in turn.commands {
                self.carry_out(command);
            }
            if quiet {
                return total;
            }
        }
        panic!("the engine does not come to rest");
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Spawn { child, .. } if !self.mute => self.ready(child),
            Command::Spawn { .. } => {}
            Command::Job { child, job } | Command::Run { child, job } => self.sent.push_back((child, job)),
            other => self.said.push(other),
        }
    }

    fn ready(&mut self, child: ChildNo) {
        let catalogue = self.catalogue.clone();
        let raw = catalogue.iter().map(|entry| serde_json::to_string(entry).expect("an entry is JSON")).collect();
        let event = Event::Ready { child, catalogue, raw, hash: self.hash.to_string(), release: Some("r1".into()), pid: 1 };
        self.engine.handle(event, self.now);
    }

    /// Answers the oldest frame with an outcome, and runs on.
    pub fn answer(&mut self, ended: Ended) -> Turn {
        let (child, job) = self.sent.pop_front().expect("a job was sent");
        self.outcome(child, job.seq, ended)
    }

    pub fn outcome(&mut self, child: ChildNo, seq: Seq, ended: Ended) -> Turn {
        self.engine.handle(Event::Outcome { child, seq, ended, spent: Spent { ran_us: 100, ..Spent::default() } }, self.now);
        self.run()
    }

    pub fn complete(&mut self) -> Turn {
        self.answer(Ended::Completed { result: Some("null".into()), mark: None })
    }

    pub fn fail(&mut self) -> Turn {
        self.answer(Ended::Failed { error: r#"{"type":"Boom"}"#.into(), retry: true })
    }

    /// A child dies; jobs up to `begun` had begun. Its replacement is ready at once.
    pub fn die(&mut self, child: ChildNo, begun: Option<Seq>) {
        self.sent.retain(|(c, _)| *c != child);
        let death = Death { cause: json!({"kind": "signal", "signal": "SIGSEGV"}), words: "killed by SIGSEGV".into() };
        self.engine.handle(Event::ChildEnded { child, death, begun, written: begun }, self.now);
        self.run();
    }

    /// The oldest command sent ends, with all that it started. `None`: by a signal.
    pub fn end_command(&mut self, ended: Option<Ended>) -> Turn {
        let (child, _) = self.sent.pop_front().expect("a command was started");
        let death = Death { cause: json!({"kind": "test"}), words: "ended".into() };
        let end = CommandEnd { ended, death, spent: Spent { ran_us: 100, ..Spent::default() } };
        self.engine.handle(Event::CommandEnded { child, end }, self.now);
        self.run()
    }

    pub fn child_of(&self, kind: ChildKind) -> ChildNo {
        let found = self.engine.crew.children.values().find(|child| child.kind == kind);
        found.expect("a child of that kind").no
    }

    // -- looking, through a connection of its own --------------------------------------------------------------------

    pub fn look<T: rusqlite::types::FromSql>(&self, sql: &str, id: JobId) -> Option<T> {
        let connection = Connection::open(self.folder.path().join("workaday.db")).expect("the store's file");
        connection.query_row(sql, [id.0.as_bytes().to_vec()], |row| row.get(0)).optional().expect("a query that fits the schema")
    }

    /// State of a job, wherever its row is.
    pub fn state(&self, id: JobId) -> String {
        let unfinished = self.look("SELECT state FROM workaday_jobs WHERE id = ?1", id);
        unfinished.or_else(|| self.look("SELECT state FROM workaday_finished WHERE id = ?1", id)).unwrap_or_else(|| "gone".into())
    }

    pub fn held(&self, id: JobId) -> Option<String> {
        self.look::<Option<String>>("SELECT held FROM workaday_jobs WHERE id = ?1", id).flatten()
    }

    pub fn reason(&self, id: JobId) -> Option<String> {
        self.look::<Option<String>>("SELECT reason FROM workaday_finished WHERE id = ?1", id).flatten()
    }

    pub fn attempt(&self, id: JobId) -> i64 {
        let unfinished = self.look("SELECT attempt FROM workaday_jobs WHERE id = ?1", id);
        unfinished.or_else(|| self.look("SELECT attempt FROM workaday_finished WHERE id = ?1", id)).expect("a known job")
    }

    /// Outcomes of its ended claims, in order.
    pub fn outcomes(&self, id: JobId) -> String {
        let sql = "SELECT coalesce(group_concat(outcome), '') FROM (SELECT outcome FROM workaday_attempts WHERE job = \
                   (SELECT key FROM workaday_jobs WHERE id = ?1 UNION SELECT key FROM workaday_finished WHERE id = ?1) ORDER BY fence)";
        self.look(sql, id).unwrap_or_default()
    }

    pub fn lane(&self, id: JobId) -> String {
        self.look("SELECT lane FROM workaday_jobs WHERE id = ?1", id).unwrap_or_default()
    }

    /// The ledger of a schedule, in order: `2026-05-01T03:15:00Z job`, `… missed x3`, with `late` where it was.
    pub fn ticks(&self, schedule: &str) -> Vec<String> {
        let connection = Connection::open(self.folder.path().join("workaday.db")).expect("the store's file");
        let sql = "SELECT at, coalesce(reason, 'job'), count, late FROM workaday_ticks WHERE schedule = ?1 ORDER BY at";
        let mut statement = connection.prepare(sql).expect("a query that fits the schema");
        let line = |row: &rusqlite::Row<'_>| {
            let (at, what, count, late): (i64, String, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            let count = if count == 1 { String::new() } else { format!(" x{count}") };
            Ok(format!("{} {what}{count}{}", Timestamp(at), if late { " late" } else { "" }))
        };
        statement.query_map([schedule], line).expect("rows").collect::<Result<_, _>>().expect("rows of the ledger")
    }

    /// One value of a schedule's row, as text; `-` for nothing.
    pub fn schedule(&self, name: &str, column: &str) -> String {
        let connection = Connection::open(self.folder.path().join("workaday.db")).expect("the store's file");
        let sql = format!("SELECT coalesce(CAST({column} AS TEXT), '-') FROM workaday_schedules WHERE name = ?1");
        let found = connection.query_row(&sql, [name], |row| row.get(0)).optional().expect("a query that fits the schema");
        found.unwrap_or_else(|| "no such schedule".into())
    }

    /// Sets both clocks to a wall time; what lies between is not lived through.
    pub fn at(&mut self, wall: &str) {
        let wall = Timestamp(wall.parse::<jiff::Timestamp>().expect("an instant").as_microsecond());
        self.now = Moment { wall, steady: self.now.steady + Length((wall - self.now.wall).0.max(0)) };
    }

    /// Lives through the time until then: the engine is asked whenever it wants to be, jobs complete at once.
    pub fn live_until(&mut self, wall: &str) {
        let end = Timestamp(wall.parse::<jiff::Timestamp>().expect("an instant").as_microsecond());
        loop {
            self.run();
            while !self.sent.is_empty() {
                self.complete();
            }
            let steady = self.engine.next_at(self.now).max(self.now.steady + Length(1));
            let wall = self.now.wall_of(steady).min(end);
            if self.now.wall >= end {
                return;
            }
            self.now = Moment { wall, steady: self.now.steady + (wall - self.now.wall) };
        }
    }

    /// The store as the faces see it.
    pub fn reader(&self) -> Reader {
        open_reader(self.folder.path().join("workaday.db")).expect("the store's file")
    }

    /// Open alerts of a code.
    pub fn alerts(&self, code: &str) -> i64 {
        let connection = Connection::open(self.folder.path().join("workaday.db")).expect("the store's file");
        let sql = "SELECT count(*) FROM workaday_alerts WHERE code = ?1 AND closed_at IS NULL";
        connection.query_row(sql, [code], |row| row.get(0)).expect("a query that fits the schema")
    }
}

fn start(folder: &tempfile::TempDir, settings: &Settings, now: Moment) -> Engine {
    let mut store = SqliteStore::open(folder.path().join("workaday.db"), OpenOptions::default()).expect("a new store");
    store.begin(Durability::Full).expect("the write lock");
    let generation = store.next_generation().expect("a generation");
    store.commit().expect("a commit");
    Engine::new(Box::new(store), Box::new(Seeded::new(7)), settings.clone(), generation, now).expect("an engine")
}

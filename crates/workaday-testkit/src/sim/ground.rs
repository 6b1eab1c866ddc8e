//! What the simulated processes share: the model, or a real SQLite file in memory or on a disk.

use super::history::{Final, Row, Tick};
use super::model::{Job, Model};
use rusqlite::Connection;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use workaday_core::job::JobId;
use workaday_store::{OpenOptions, SqliteStore, Store, StoreError};

/// Which store a life is played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Plain Rust: fast, and can lose what was not synced.
    Model,
    /// Real SQLite on a file system in memory, one connection for all.
    Memory,
    /// Real SQLite on a disk, a connection for each process: WAL and locks matter.
    File,
}

impl std::str::FromStr for StoreKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "model" => Ok(Self::Model),
            "memory" => Ok(Self::Memory),
            "file" => Ok(Self::File),
            other => Err(format!("`{other}` is no store: expected model, memory or file")),
        }
    }
}

/// One store for one life.
pub struct Ground {
    model: Option<Rc<RefCell<Model>>>,
    shared: Option<Rc<RefCell<SqliteStore>>>,
    folder: Option<tempfile::TempDir>,
}

impl Ground {
    pub fn new(kind: StoreKind) -> Self {
        let in_memory = PathBuf::from("/dev/shm");
        let folder = match kind {
            StoreKind::Model => None,
            StoreKind::Memory if in_memory.is_dir() => Some(tempfile::tempdir_in(in_memory).expect("a folder in memory")),
            _ => Some(tempfile::tempdir().expect("a scratch folder")),
        };
        let mut ground = Self { model: None, shared: None, folder };
        match kind {
            StoreKind::Model => ground.model = Some(Rc::default()),
            StoreKind::Memory => ground.shared = Some(Rc::new(RefCell::new(ground.connect()))),
            StoreKind::File => drop(ground.connect()),
        }
        ground
    }

    fn path(&self) -> PathBuf {
        self.folder.as_ref().expect("a store in a file").path().join("workaday.db")
    }

    fn connect(&self) -> SqliteStore {
        SqliteStore::open(self.path(), OpenOptions::default()).expect("a store that opens")
    }

    /// A connection, as a process of its own has it.
    pub fn open(&self) -> Rc<RefCell<dyn Store>> {
        match (&self.model, &self.shared) {
            (Some(model), _) => model.clone(),
            (None, Some(shared)) => shared.clone(),
            (None, None) => Rc::new(RefCell::new(self.connect())),
        }
    }

    /// Cuts the power, where that can be played. Answers whether it can.
    pub fn cut_power(&self) -> bool {
        self.model.as_ref().inspect(|model| model.borrow_mut().cut_power()).is_some()
    }

    /// Every row that a promise is about.
    pub fn read(&self) -> Result<Final, StoreError> {
        Ok(match &self.model {
            Some(model) => of_model(&model.borrow()),
            None => of_file(&Connection::open(self.path()).expect("a second connection")).expect("queries that fit the schema"),
        })
    }
}

fn of_model(model: &Model) -> Final {
    let row = |(key, job): (&i64, &Rc<Job>)| Row {
        id: job.id,
        key: *key,
        state: job.state,
        held: job.held.map(|code| code.to_string()),
        fence: job.fence,
        attempt: job.counts.attempt,
        reason: job.reason.as_ref().map(|reason| reason.to_string()),
    };
    let tick = |row: &workaday_store::TickRow| Tick {
        schedule: row.schedule.clone(),
        at: row.at.0,
        until: row.until.0,
        count: row.count,
        job: row.job,
    };
    Final {
        rows: model.jobs.iter().map(row).chain(model.finished.iter().map(row)).collect(),
        attempts: model.attempts.iter().map(|(at, _)| *at).collect(),
        ticks: model.ticks.values().map(|decided| tick(&decided.row)).collect(),
        cursors: model.schedules.iter().map(|(name, row)| (name.clone(), row.cursor.0)).collect(),
        integrity: "ok".into(),
    }
}

fn of_file(connection: &Connection) -> rusqlite::Result<Final> {
    let id = |row: &rusqlite::Row<'_>, column: usize| -> rusqlite::Result<Option<JobId>> {
        let bytes: Option<[u8; 16]> = row.get(column)?;
        Ok(bytes.map(|bytes| JobId(uuid::Uuid::from_bytes(bytes))))
    };
    let mut last = Final::default();
    let jobs = "SELECT key, id, state, held, fence, attempt, NULL FROM workaday_jobs ORDER BY key";
    let finished = "SELECT key, id, state, NULL, fence, attempt, reason FROM workaday_finished ORDER BY key";
    for sql in [jobs, finished] {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(Row {
                key: row.get(0)?,
                id: id(row, 1)?.expect("a job has an id"),
                state: row.get::<_, String>(2)?.parse().expect("a state"),
                held: row.get(3)?,
                fence: row.get(4)?,
                attempt: row.get(5)?,
                reason: row.get(6)?,
            })
        })?;
        last.rows.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    let mut statement = connection.prepare("SELECT job, fence FROM workaday_attempts ORDER BY job, fence")?;
    last.attempts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare("SELECT schedule, at, until, count, job_id FROM workaday_ticks ORDER BY schedule, at")?;
    let ticks = statement.query_map([], |row| {
        Ok(Tick { schedule: row.get(0)?, at: row.get(1)?, until: row.get(2)?, count: row.get::<_, i64>(3)? as u64, job: id(row, 4)? })
    })?;
    last.ticks = ticks.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare("SELECT name, cursor FROM workaday_schedules ORDER BY name")?;
    last.cursors = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    last.integrity = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    Ok(last)
}

//! Migrations: apply, roll back, verify. A backup comes first; each step is one transaction with its version.
//!
//! Versions live in `workaday_meta`, never in `user_version` or `application_id`: those belong to the app when the file is shared.

use crate::crash_point;
use crate::error::{Result, StoreError};
use crate::sqlite::{beside, connect, explain, sync_folder};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;
use workaday_core::explain::{Problem, RetryAdvice};

/// One step of the schema, with its way back.
#[derive(Debug)]
pub struct Migration {
    pub number: u32,
    pub name: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    /// The oldest schema number whose program may still read, and write, after this step.
    pub min_reader: u32,
    pub min_writer: u32,
}

macro_rules! migration {
    ($number:literal, $file:literal, $min_reader:literal, $min_writer:literal) => {
        Migration {
            number: $number,
            name: $file,
            up: include_str!(concat!("../../../python/workaday/sql/sqlite/migrations/", $file, ".up.sql")),
            down: include_str!(concat!("../../../python/workaday/sql/sqlite/migrations/", $file, ".down.sql")),
            min_reader: $min_reader,
            min_writer: $min_writer,
        }
    };
}

/// Every migration in order.
pub const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_spine", 1, 1),
    migration!(2, "0002_schedules", 1, 1),
    migration!(3, "0003_measures", 1, 1),
    migration!(4, "0004_access", 1, 1),
    migration!(5, "0005_releases", 1, 1),
    migration!(6, "0006_notices", 1, 1),
    migration!(7, "0007_schedule_care", 1, 1),
    migration!(8, "0008_pages", 1, 1),
];

/// The newest schema this program knows.
pub const NEWEST: u32 = MIGRATIONS[MIGRATIONS.len() - 1].number;

/// What the file says of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    pub number: u32,
    pub min_reader: u32,
    pub min_writer: u32,
}

/// What was done, for the log and for `--json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    pub from: u32,
    pub to: u32,
    /// Where the state before is kept; `None` when there was nothing to keep.
    pub backup: Option<PathBuf>,
}

/// The schema of the file; `None` when there are no tables of ours.
pub fn schema(connection: &Connection, path: &str) -> Result<Option<Schema>> {
    let read = || -> rusqlite::Result<Option<Schema>> {
        let found: bool =
            connection
                .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'workaday_meta'", [], |row| row.get(0))?;
        if !found {
            return Ok(None);
        }
        let number = |name: &str| -> rusqlite::Result<u32> {
            let found = connection
                .query_row("SELECT CAST(value AS INTEGER) FROM workaday_meta WHERE name = ?1", [name], |row| row.get(0))
                .optional()?;
            Ok(found.unwrap_or(0))
        };
        Ok(Some(Schema { number: number("schema")?, min_reader: number("min_reader")?, min_writer: number("min_writer")? }))
    };
    read().map_err(|error| explain(path, error))
}

/// Has the file tables that are not ours?
pub fn has_other_tables(connection: &Connection, path: &str) -> Result<bool> {
    let sql = "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'workaday\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    connection.query_row(sql, [], |row| row.get(0)).map_err(|error| explain(path, error))
}

/// Makes the schema fit for this program to write: created, migrated when allowed, else refused with the next step.
pub(crate) fn ready(connection: &mut Connection, path: &Path, may_migrate: bool) -> Result<()> {
    let shown = path.display().to_string();
    match schema(connection, &shown)? {
        None => create(connection, &shown),
        Some(found) if found.number > NEWEST && found.min_writer > NEWEST => Err(newer(&shown, found, "write").into()),
        Some(found) if found.number < NEWEST && may_migrate => apply(connection, path).map(|_| ()),
        Some(found) if found.number < NEWEST => Err(older(&shown, found.number).into()),
        Some(_) => Ok(()),
    }
}

/// Refuses a store that this program cannot read.
pub(crate) fn readable(connection: &Connection, path: &str) -> Result<()> {
    match schema(connection, path)? {
        None => Err(Problem::new("store.tables_missing", format!("`{path}` has no tables of workaday"))
            .expected("the tables that `workaday up`, `workaday migrate` or the first enqueue makes")
            .retry(RetryAdvice::SafeAfterFix, "safe once they are there")
            .hint("does `database` in workaday.toml name the file that the service uses?")
            .into()),
        Some(found) if found.number > NEWEST && found.min_reader > NEWEST => Err(newer(path, found, "read").into()),
        Some(found) if found.number < NEWEST => Err(older(path, found.number).into()),
        Some(_) => Ok(()),
    }
}

/// Makes every table in one transaction. Two that arrive together: one makes them, the other finds them.
fn create(connection: &mut Connection, path: &str) -> Result<()> {
    let fail = |error| explain(path, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    if schema(&transaction, path)?.is_some() {
        return transaction.rollback().map_err(fail);
    }
    for migration in MIGRATIONS {
        transaction.execute_batch(migration.up).map_err(fail)?;
    }
    write_numbers(&transaction, MIGRATIONS.last()).map_err(fail)?;
    let random: [u8; 16] = transaction.query_row("SELECT randomblob(16)", [], |row| row.get(0)).map_err(fail)?;
    let instance = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
    for (name, value) in [("instance_id", instance.as_str()), ("instance_bound", "0"), ("generation", "0")] {
        set_meta(&transaction, name, value).map_err(fail)?;
    }
    crash_point!("create.before_commit");
    transaction.commit().map_err(fail)?;
    crash_point!("create.committed");
    Ok(())
}

/// Applies what is missing, after a backup to `<database>.before-NNNN`.
pub fn apply(connection: &mut Connection, path: &Path) -> Result<MigrationReport> {
    move_to(connection, path, NEWEST)
}

/// Goes back to schema `to` (0 = without our tables), after a backup. Finished history that an older schema cannot hold is lost.
pub fn roll_back(connection: &mut Connection, path: &Path, to: u32) -> Result<MigrationReport> {
    move_to(connection, path, to)
}

fn move_to(connection: &mut Connection, path: &Path, to: u32) -> Result<MigrationReport> {
    let shown = path.display().to_string();
    let fail = |error| explain(&shown, error);
    let found = schema(connection, &shown)?;
    if let Some(newer_one) = found.filter(|found| found.number > NEWEST) {
        return Err(newer(&shown, newer_one, "migrate").into());
    }
    let from = found.map_or(0, |found| found.number);
    if from == to {
        return Ok(MigrationReport { from, to, backup: None });
    }
    if from == 0 && to == NEWEST {
        create(connection, &shown)?;
        return Ok(MigrationReport { from, to, backup: None });
    }
    // The write lock first, so that the backup holds the very last write before the migration.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    crash_point!("migrate.begun");
    let backup = Some(back_up(path, if to > from { from + 1 } else { from })?);
    if to > from {
        for migration in MIGRATIONS.iter().filter(|step| step.number > from && step.number <= to) {
            transaction.execute_batch(migration.up).map_err(fail)?;
            write_numbers(&transaction, Some(migration)).map_err(fail)?;
            crash_point!("migrate.step_applied");
        }
    } else {
        for migration in MIGRATIONS.iter().rev().filter(|step| step.number <= from && step.number > to) {
            transaction.execute_batch(migration.down).map_err(fail)?;
            write_numbers(&transaction, MIGRATIONS.iter().rfind(|step| step.number < migration.number)).map_err(fail)?;
        }
    }
    crash_point!("migrate.before_commit");
    transaction.commit().map_err(|error| StoreError::OutcomeUnknown { path: shown.clone(), cause: error.to_string() })?;
    crash_point!("migrate.committed");
    Ok(MigrationReport { from, to, backup })
}

fn write_numbers(connection: &Connection, at: Option<&Migration>) -> rusqlite::Result<()> {
    let Some(at) = at else { return Ok(()) }; // before the first step there is no table to write them to
    for (name, number) in [("schema", at.number), ("min_reader", at.min_reader), ("min_writer", at.min_writer)] {
        set_meta(connection, name, &number.to_string())?;
    }
    Ok(())
}

fn set_meta(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute(crate::statements::SET_META.sql, [name, value]).map(|_| ())
}

/// Compares the tables and indexes of ours with what the migrations make. Returns a line for each difference.
pub fn verify(connection: &Connection, path: &str) -> Result<Vec<String>> {
    let fail = |error| explain(path, error);
    let fresh = Connection::open_in_memory().map_err(fail)?;
    let number = schema(connection, path)?.map_or(0, |found| found.number);
    for migration in MIGRATIONS.iter().filter(|step| step.number <= number) {
        fresh.execute_batch(migration.up).map_err(fail)?;
    }
    let expected = objects(&fresh).map_err(fail)?;
    let found = objects(connection).map_err(fail)?;
    let missing =
        expected.iter().filter(|(name, _)| !found.iter().any(|(other, _)| other == name)).map(|(name, _)| format!("{name} is missing"));
    let strange = found.iter().filter_map(|(name, sql)| match expected.iter().find(|(other, _)| other == name) {
        None => Some(format!("{name} is not one of ours")),
        Some((_, expected)) if expected != sql => Some(format!("{name} differs from what the migrations make")),
        Some(_) => None,
    });
    Ok(missing.chain(strange).collect())
}

/// Our tables and indexes with their definition, white space apart.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT name, coalesce(sql, '') FROM sqlite_schema WHERE name LIKE 'workaday\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.split_whitespace().collect::<Vec<_>>().join(" "))))?;
    rows.collect()
}

/// Copies the store to `<database>.before-NNNN`: private, whole, checked and on the disk before it has its name.
///
/// Reads through a connection of its own, since SQLite copies from no connection that is writing.
pub fn back_up(path: &Path, number: u32) -> Result<PathBuf> {
    let shown = path.display().to_string();
    let fail = |error| explain(&shown, error);
    let target = free_name(path, number);
    let partial = beside(&target, ".partial");
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full { path: partial.display().to_string() },
        _ => StoreError::Io { path: partial.display().to_string(), cause: error.to_string() },
    };
    private_file(&partial).map_err(io)?;
    crash_point!("backup.begun");
    {
        let source = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        source.busy_timeout(Duration::from_secs(5)).map_err(fail)?;
        let mut copy = connect(&partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Backup::new(&source, &mut copy).and_then(|backup| backup.run_to_completion(1_024, Duration::ZERO, None)).map_err(fail)?;
        let answer: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail)?;
        if answer != "ok" {
            return Err(StoreError::Corrupt { path: shown, cause: format!("its copy fails the check: {answer}") });
        }
    }
    crash_point!("backup.copied");
    std::fs::File::open(&partial).and_then(|copy| copy.sync_all()).map_err(io)?;
    crash_point!("backup.synced");
    std::fs::rename(&partial, &target).map_err(io)?;
    crash_point!("backup.named");
    sync_folder(&target)?;
    Ok(target)
}

fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {} // left by a backup that was cut short
    }
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(|_| ())
}

/// An earlier backup is never overwritten: it may be the good one.
fn free_name(path: &Path, number: u32) -> PathBuf {
    let first = beside(path, &format!(".before-{number:04}"));
    let mut names = std::iter::once(first).chain((2_u32..).map(|again| beside(path, &format!(".before-{number:04}-{again}"))));
    names.find(|name| std::fs::symlink_metadata(name).is_err()).unwrap_or_else(|| beside(path, ".before"))
}

fn newer(path: &str, found: Schema, what: &str) -> Problem {
    Problem::new("store.newer_schema", format!("the store `{path}` was written by a newer workaday: this program may not {what} it"))
        .expected(format!("schema {NEWEST} or older"))
        .got(format!("schema {} (needs a program that knows {} to read, {} to write)", found.number, found.min_reader, found.min_writer))
        .retry(RetryAdvice::SafeAfterFix, "safe with the newer program; nothing was stored")
        .hint("install the workaday that wrote it, or have that one go back: `workaday migrate --down-to NUMBER` keeps a backup first")
}

fn older(path: &str, number: u32) -> Problem {
    Problem::new("store.older_schema", format!("the store `{path}` has schema {number}, older than this program"))
        .expected(format!("schema {NEWEST}"))
        .got(format!("schema {number}"))
        .retry(RetryAdvice::SafeAfterFix, "safe after the migration; nothing was stored")
        .hint("`workaday migrate` makes a backup and applies what is missing; `workaday up` does so at its start")
}

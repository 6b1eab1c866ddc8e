//! Back from a copy, into a file that others may have open: never by renaming, always in one transaction.
//!
//! The caller holds the supervisor lock. Keys and generations never go back, whatever the copy says: a number that was
//! used once names nothing else later. Afterwards the store counts as a copy, so that nothing runs twice by itself.

use super::backup::{Content, content, meta, quoted};
use super::open::connect;
use super::turn::Turn;
use super::{place, settings};
use crate::error::{Result, StoreError};
use crate::sqlite::explain;
use crate::statements as sql;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use workaday_core::explain::{Problem, RetryAdvice};

/// How long the write lock is waited for: others may be in the middle of something long.
const LOCK_WAIT: Duration = Duration::from_secs(30);
const OURS: &str = "name LIKE 'workaday\\_%' ESCAPE '\\'";

/// What the live file holds now, for the question before.
pub fn look(live: &Path) -> Result<Content> {
    let shown = live.display().to_string();
    let connection = connect(live, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|error| explain(&shown, error))?;
    if answer != "ok" {
        return Err(StoreError::Corrupt { path: shown, cause: answer });
    }
    content(&connection, &shown)
}

/// Makes `copy`, a scratch file, ready to take the place of `live`: its numbers are lifted to those of the live store, and
/// it counts as bound somewhere else. One that nobody had bound yet would otherwise be bound silently by the next `up`.
pub fn prepare(copy: &Path, live: Option<&Path>) -> Result<()> {
    let (generation, used) = match live {
        Some(live) => numbers(live)?,
        None => (0, BTreeMap::new()),
    };
    let aim = copy.display().to_string();
    let mut to = connect(copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let write = |to: &mut Connection| -> rusqlite::Result<()> {
        let transaction = to.transaction()?;
        let there: i64 = meta(&transaction, "generation")?.and_then(|text| text.parse().ok()).unwrap_or(0);
        transaction.execute(sql::SET_META.sql, ["generation", &generation.max(there).to_string()])?;
        transaction.execute(sql::SET_META.sql, ["instance_bound", "1"])?;
        let known = sequences(&transaction)?;
        for (table, seq) in used.iter().filter(|(table, seq)| known.get(*table).is_none_or(|known| known < seq)) {
            transaction.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
            transaction.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", rusqlite::params![table, seq])?;
        }
        transaction.commit()
    };
    write(&mut to).map_err(|error| explain(&aim, error))
}

/// The generation and the highest keys of the live store.
fn numbers(live: &Path) -> Result<(i64, BTreeMap<String, i64>)> {
    let shown = live.display().to_string();
    let fail = |error| explain(&shown, error);
    let from = connect(live, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if crate::migrate::schema(&from, &shown)?.is_none() {
        return Ok((0, BTreeMap::new()));
    }
    let generation = meta(&from, "generation").map_err(fail)?.and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok((generation, sequences(&from).map_err(fail)?))
}

/// The highest key ever used, by table of ours.
fn sequences(connection: &Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    let there: bool =
        connection.query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'sqlite_sequence'", [], |row| row.get(0))?;
    if !there {
        return Ok(BTreeMap::new());
    }
    let mut all = connection.prepare(&format!("SELECT name, seq FROM sqlite_sequence WHERE {OURS}"))?;
    all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Replaces the tables of ours by those of `copy`, all or nothing. Tables of an app stay as they are.
pub fn replace_ours(live: &Path, copy: &Path) -> Result<()> {
    let shown = live.display().to_string();
    let fail = |error| explain(&shown, error);
    let mut turn = Turn::of(live);
    let mut connection = connect(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settings::apply(&connection, &shown, 8 * 1024, false)?;
    settings::switch_to_wal(&connection, &shown)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1).map_err(fail)?;
    connection.execute_batch("PRAGMA foreign_keys=OFF").map_err(fail)?;
    connection.execute("ATTACH DATABASE ?1 AS backup", [copy.display().to_string()]).map_err(fail)?;
    connection.busy_timeout(LOCK_WAIT).map_err(fail)?;
    turn.take();
    let done = swap(&mut connection);
    turn.give_back();
    done.map_err(fail)?;
    shrink(&connection, &shown)
}

fn swap(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for table in list(&transaction, "main", "table")? {
        transaction.execute_batch(&format!("DROP TABLE main.{}", quoted(&table.0)))?;
    }
    for (name, made_by) in list(&transaction, "backup", "table")? {
        transaction.execute_batch(&made_by)?;
        let name = quoted(&name);
        transaction.execute_batch(&format!("INSERT INTO main.{name} SELECT * FROM backup.{name}"))?;
    }
    for (_, made_by) in list(&transaction, "backup", "index")? {
        transaction.execute_batch(&made_by)?;
    }
    // A table without rows has its last number here and nowhere else.
    transaction.execute_batch(&format!(
        "DELETE FROM main.sqlite_sequence WHERE {OURS}; INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM backup.sqlite_sequence WHERE {OURS}"
    ))?;
    transaction.commit()
}

/// Tables or indexes of ours with the statement that made them; SQLite makes those without one by itself.
fn list(connection: &Connection, schema: &str, kind: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let text = format!("SELECT name, sql FROM {schema}.sqlite_schema WHERE type = ?1 AND sql IS NOT NULL AND {OURS} ORDER BY name");
    connection.prepare(&text)?.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Replaces everything in the file, tables of an app too, all or nothing.
pub fn replace_all(live: &Path, copy: &Path) -> Result<()> {
    let shown = live.display().to_string();
    let fail = |error| explain(&shown, error);
    let mut turn = Turn::of(live);
    let from = connect(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut to = connect(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settings::apply(&to, &shown, 8 * 1024, false)?;
    settings::switch_to_wal(&to, &shown)?;
    let size = |connection: &Connection| connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0));
    let (of_copy, of_live) = (size(&from).map_err(fail)?, size(&to).map_err(fail)?);
    if of_copy != of_live {
        return Err(Problem::new("restore.unfit", format!("the backup has pages of {of_copy} bytes, `{shown}` has pages of {of_live}"))
            .expected("the same page size: SQLite changes it in no file that is in use")
            .retry(RetryAdvice::SafeAfterFix, "safe into another file; nothing was changed")
            .into());
    }
    turn.take();
    let done = overwrite(&from, &mut to);
    turn.give_back();
    done.map_err(fail)?;
    settings::switch_to_wal(&to, &shown)?;
    shrink(&to, &shown)
}

fn overwrite(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    let until = Instant::now() + LOCK_WAIT;
    let backup = Backup::new(from, to)?;
    loop {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            // A reader holds the store; SQLite does not wait for that by itself.
            _ if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
            _ => return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)),
        }
    }
}

/// The whole store has just gone through the WAL. We hold the supervisor lock, so the checkpoint is ours to make.
fn shrink(connection: &Connection, path: &str) -> Result<()> {
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    done.map_err(|error| explain(path, error))
}

/// Makes the store count as a copy: nothing is claimed until somebody says that it is the one. Before the content changes,
/// so that a crash in between leaves claims paused rather than running.
pub fn unbind(live: &Path) -> Result<()> {
    let path = place::beside(live, "-instance");
    let gone = match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone.map_err(|error| StoreError::Io { path: path.display().to_string(), cause: error.to_string() })?;
    place::sync_folder(&path)
}

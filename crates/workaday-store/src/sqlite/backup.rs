//! A copy of the store while others write to it, and the look that says whether a copy is whole.
//!
//! The copy is that of one instant: a read transaction is held on the source until the last page. Without it SQLite would
//! begin anew after each commit of somebody else and never end beside a busy supervisor. The price is that the WAL cannot
//! be reset meanwhile; it grows by what is written during the copy.

use super::open::{check_version, connect};
use super::{place, settings};
use crate::error::{Result, StoreError};
use crate::migrate;
use crate::sqlite::explain;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use workaday_core::explain::{Problem, RetryAdvice};

/// How fast a copy may go: so many pages, then a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub pages: i32,
    pub pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pages: 256, pause: Duration::from_millis(2) }
    }
}

/// What a file holds: counted in the source, and again in its copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// 0 = no tables of ours.
    pub schema: u32,
    pub instance: String,
    /// Table → rows; those of an app too.
    pub counts: BTreeMap<String, i64>,
    /// Has it tables of an app?
    pub app_file: bool,
}

/// Copies the store to `target`, a private file that is there and empty. `look` hears pages done and in all.
///
/// On the way out the copy is one file that needs no `-wal`; it is not synced yet.
pub fn copy_online(source: &Path, target: &Path, pace: Pace, look: &mut dyn FnMut(usize, usize)) -> Result<Content> {
    check_version(rusqlite::version_number())?;
    let source = place::resolve(source, false)?;
    if std::fs::symlink_metadata(&source).is_err() {
        return Err(place::missing(&source).into());
    }
    let shown = source.display().to_string();
    let aim = target.display().to_string();
    let from = connect(&source, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    settings::apply(&from, &shown, 2 * 1024, false)?;
    from.execute_batch("BEGIN").map_err(|error| explain(&shown, error))?;
    let content = content(&from, &shown)?;
    {
        let mut to = connect(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // The copy has no name yet: what a crash leaves of it is thrown away, so nothing of it need be synced on the way.
        to.execute_batch("PRAGMA synchronous=OFF").map_err(|error| explain(&aim, error))?;
        let backup = Backup::new(&from, &mut to).map_err(|error| explain(&aim, error))?;
        loop {
            let step = backup.step(pace.pages).map_err(|error| explain(&aim, error))?;
            let progress = backup.progress();
            look((progress.pagecount - progress.remaining).max(0) as usize, progress.pagecount.max(0) as usize);
            match step {
                StepResult::Done => break,
                _ => std::thread::sleep(pace.pause),
            }
        }
        drop(backup);
        let mode: String = to.query_row("PRAGMA journal_mode=DELETE", [], |row| row.get(0)).map_err(|error| explain(&aim, error))?;
        if !mode.eq_ignore_ascii_case("delete") {
            return Err(Problem::new("store.setting_refused", format!("the copy `{aim}` stayed in journal mode {mode}")).into());
        }
    }
    Ok(content)
}

/// Reads a copy from its first page to its last and counts its rows. It must belong to nobody.
pub fn examine(copy: &Path) -> Result<Content> {
    let shown = copy.display().to_string();
    let connection = connect(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let fail = |error| explain(&shown, error);
    let mut check = connection.prepare("PRAGMA integrity_check(5)").map_err(fail)?;
    let answers: rusqlite::Result<Vec<String>> = check.query_map([], |row| row.get(0)).map_err(fail)?.collect();
    let answers = answers.map_err(fail)?;
    if answers != ["ok"] {
        return Err(StoreError::Corrupt { path: shown, cause: answers.join("; ") });
    }
    drop(check);
    content(&connection, &shown)
}

/// Where a copy that is meant to be ours departs from what its schema number makes.
pub fn differences(copy: &Path) -> Result<Vec<String>> {
    let shown = copy.display().to_string();
    let connection = connect(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    migrate::verify(&connection, &shown)
}

/// Tables with their rows, in one look.
pub(super) fn content(connection: &Connection, path: &str) -> Result<Content> {
    let fail = |error| explain(path, error);
    let schema = migrate::schema(connection, path)?.map_or(0, |found| found.number);
    let mut names = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name")
        .map_err(fail)?;
    let names: rusqlite::Result<Vec<String>> = names.query_map([], |row| row.get(0)).map_err(fail)?.collect();
    let mut counts = BTreeMap::new();
    for name in names.map_err(fail)? {
        let count = connection.query_row(&format!("SELECT count(*) FROM {}", quoted(&name)), [], |row| row.get(0)).map_err(fail)?;
        counts.insert(name, count);
    }
    let instance = if schema == 0 { String::new() } else { meta(connection, "instance_id").map_err(fail)?.unwrap_or_default() };
    Ok(Content { schema, instance, app_file: migrate::has_other_tables(connection, path)?, counts })
}

pub(super) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    use rusqlite::OptionalExtension;
    connection.query_row(crate::statements::GET_META.sql, [name], |row| row.get(0)).optional()
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A copy may be read by this program: not from a newer one, and with tables of ours at all.
pub fn check_schema(content: &Content, path: &Path) -> Result<()> {
    let problem = |what: &str| {
        Problem::new("restore.unfit", format!("`{}` {what}", path.display()))
            .expected(format!("a backup of a store with schema 1 to {}", migrate::NEWEST))
            .got(format!("schema {}", content.schema))
            .retry(RetryAdvice::SafeAfterFix, "safe with another backup, or the version that made this one; nothing was changed")
    };
    match content.schema {
        0 => Err(problem("has no tables of workaday").into()),
        newer if newer > migrate::NEWEST => Err(problem("was made by a newer workaday").into()),
        _ => Ok(()),
    }
}

/// What a file holds while others may have it open.
pub fn examine_live(path: &Path) -> Result<Content> {
    let shown = path.display().to_string();
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(settings::BUSY_TIMEOUT).map_err(|error| explain(&shown, error))?;
    content(&connection, &shown)
}

/// The statements that make its tables, indexes and views, as text.
pub fn schema_of(path: &Path) -> Result<String> {
    let shown = path.display().to_string();
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut all =
            connection.prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")?;
        all.query_map([], |row| row.get(0))?.collect()
    };
    read().map(|lines| lines.join("\n")).map_err(|error| explain(&shown, error))
}

/// A copy that several processes will open: in WAL mode, as the original is.
pub fn back_to_wal(path: &Path) -> Result<()> {
    let shown = path.display().to_string();
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settings::switch_to_wal(&connection, &shown)
}

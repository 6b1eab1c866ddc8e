//! The schema by path, for `workaday migrate`: look, bring up, take back.

use super::open::{check_version, connect};
use super::settings;
use crate::error::Result;
use crate::migrate::{self, MigrationReport};
use rusqlite::OpenFlags;
use std::path::Path;

/// What a file says of its schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaState {
    /// 0 = no tables of ours.
    pub number: u32,
    /// Where tables and indexes depart from what the migrations make.
    pub differences: Vec<String>,
}

/// The SQLite that this program is built with: `3.51.3`.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Looks at the schema of a file that is there, whatever its number.
pub fn inspect(path: &Path) -> Result<SchemaState> {
    let path = super::place::resolve(path, false)?;
    let shown = path.display().to_string();
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let number = migrate::schema(&connection, &shown)?.map_or(0, |found| found.number);
    // A newer program's tables are not ours to judge.
    let differences = if number == 0 || number > migrate::NEWEST { vec![] } else { migrate::verify(&connection, &shown)? };
    Ok(SchemaState { number, differences })
}

/// Brings the schema of a file to `target`, up or down, with a backup first.
pub fn move_to(path: &Path, target: u32) -> Result<MigrationReport> {
    check_version(rusqlite::version_number())?;
    let path = super::place::resolve(path, true)?;
    super::file_system::check(&path, false)?;
    super::place::prepare(&path, true)?;
    let shown = path.display().to_string();
    let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settings::apply(&connection, &shown, 2 * 1024, false)?;
    settings::switch_to_wal(&connection, &shown)?;
    match target {
        migrate::NEWEST => migrate::apply(&mut connection, &path),
        target => migrate::roll_back(&mut connection, &path, target),
    }
}

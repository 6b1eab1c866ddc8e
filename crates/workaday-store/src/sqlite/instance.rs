//! Is this the store that was bound here, or a copy of it? A copy must not run the original's jobs and ticks again.
//!
//! `<database>-instance` holds `<instance id> <inode of the database>`. A copied file has no such file beside it; a copied
//! folder has one that names another inode. Either way claims and ticks start paused until `up --adopt`.

use super::open::connect;
use super::{SqliteStore, place};
use crate::error::{Result, StoreError};
use crate::statements as sql;
use rusqlite::{OpenFlags, params};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What the binding says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Nobody has run it yet: the first `up` binds it.
    Unbound,
    Bound,
    /// Bound somewhere else: a copy, or restored under another inode.
    Copy {
        why: String,
    },
}

impl SqliteStore {
    /// The store's id, a UUID as text.
    pub fn instance_id(&self) -> Result<String> {
        Ok(self.meta("instance_id")?.unwrap_or_default())
    }

    pub fn check_binding(&self) -> Result<Binding> {
        if self.meta("instance_bound")?.as_deref() != Some("1") {
            return Ok(Binding::Unbound);
        }
        let expected = format!("{} {}", self.instance_id()?, place::inode(&self.file)?);
        let path = place::beside(&self.file, "-instance");
        Ok(match fs::read_to_string(&path) {
            Ok(found) if found.trim() == expected => Binding::Bound,
            Ok(_) => Binding::Copy { why: format!("`{}` names another file", path.display()) },
            Err(_) => Binding::Copy { why: format!("`{}` is not there", path.display()) },
        })
    }

    /// Binds an unbound store to this very file. Inside a transaction; the file comes first, so a crash in between leaves it unbound.
    pub fn bind_instance(&mut self) -> Result<()> {
        let id = self.instance_id()?;
        self.link.writing()?;
        self.write_binding(&id)?;
        self.link.execute(&sql::SET_META, params!["instance_bound", "1"]).map(|_| ())
    }

    /// Makes a copy a store of its own: a new id, bound here. Inside a transaction. Returns the new id.
    pub fn adopt_instance(&mut self) -> Result<String> {
        let random: [u8; 16] =
            self.link.connection().query_row("SELECT randomblob(16)", [], |row| row.get(0)).map_err(|error| self.link.fail(error))?;
        let id = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
        self.link.writing()?.execute(&sql::SET_META, params!["instance_id", id])?;
        self.bind_instance()?;
        Ok(id)
    }

    pub(super) fn meta(&self, name: &str) -> Result<Option<String>> {
        self.link.first(&sql::GET_META, [name], |row| row.get(0))
    }

    fn write_binding(&self, id: &str) -> Result<()> {
        let path = place::beside(&self.file, "-instance");
        let text = format!("{id} {}\n", place::inode(&self.file)?);
        write_private(&path, &text).map_err(|error| StoreError::Io { path: path.display().to_string(), cause: error.to_string() })?;
        place::sync_folder(&path)
    }
}

/// The id of the store at a path: its own word, else that of the file beside it, which outlives a store that was deleted or
/// harmed. `None`: nobody says it.
pub fn known_id(path: &Path) -> Option<String> {
    let path = &place::resolve(path, false).unwrap_or_else(|_| path.to_path_buf());
    let own = || {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        super::backup::meta(&connection, "instance_id").ok()?
    };
    let beside = || Some(fs::read_to_string(place::beside(path, "-instance")).ok()?.split_whitespace().next()?.to_owned());
    path.exists().then(own).flatten().or_else(beside).filter(|id| !id.is_empty())
}

/// Written beside and renamed: a crash leaves the old text or the new one.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let partial = place::beside(path, ".partial");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}

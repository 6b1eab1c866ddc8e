//! Is a file damaged that SQLite calls malformed?
//!
//! While it learns the tables of a file, SQLite answers SQLITE_CORRUPT for whatever goes wrong below it, an I/O error too.
//! The advice for damage is to put a backup in place: the wrong one for a disk that failed to answer once. So the file is
//! looked at again, on a connection of its own.

use crate::error::StoreError;
use rusqlite::{Connection, OpenFlags, ffi};
use std::time::{Duration, Instant};

/// Longer is not looked; SQLite is then believed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 10_000;

#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// Every page can be read, and fits.
    Whole,
    /// The system refused, in its own words.
    Unread(String),
    /// Malformed once more, or not to be decided.
    Damaged,
}

/// What a failure is that SQLite tells as `cause`.
pub fn judge(path: String, cause: String) -> StoreError {
    match look(&path) {
        Found::Whole => StoreError::Io { path, cause: format!("{cause}; read again, the file is whole") },
        Found::Unread(why) => StoreError::Io { path, cause: format!("{cause}; {why}") },
        Found::Damaged => StoreError::Corrupt { path, cause },
    }
}

fn look(path: &str) -> Found {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = match Connection::open_with_flags(path, flags) {
        Ok(connection) => connection,
        // There, and yet not to be opened.
        Err(error) if std::fs::metadata(path).is_ok() => return Found::Unread(error.to_string()),
        Err(_) => return Found::Damaged,
    };
    let until = Instant::now() + PATIENCE;
    let asked = connection
        .busy_timeout(PATIENCE)
        .and_then(|()| connection.progress_handler(STEPS, Some(move || Instant::now() > until)))
        .and_then(|()| connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    // SAFETY: the handle is that of an open connection, which lives across the call.
    let errno = unsafe { ffi::sqlite3_system_errno(connection.handle()) };
    match asked {
        Ok(answer) if answer == "ok" => Found::Whole,
        _ if errno != 0 => Found::Unread(std::io::Error::from_raw_os_error(errno).to_string()),
        _ => Found::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    #[test]
    fn a_whole_file_was_not_read_and_a_damaged_one_is_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("w.db");
        let connection = Connection::open(&path).expect("a file");
        connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(20000));").expect("rows");
        drop(connection);
        let shown = path.display().to_string();
        assert!(matches!(judge(shown.clone(), "malformed".into()), StoreError::Io { cause, .. } if cause.contains("is whole")));
        // The page of the tables themselves: what stands in them is no table any more.
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).expect("the file");
        file.seek(SeekFrom::Start(100)).expect("a place");
        file.write_all(&[0x5a; 200]).expect("noise");
        assert!(matches!(judge(shown, "malformed".into()), StoreError::Corrupt { .. }));
        assert_eq!(look(&folder.path().join("none.db").display().to_string()), Found::Damaged, "nothing to look at decides nothing");
    }
}

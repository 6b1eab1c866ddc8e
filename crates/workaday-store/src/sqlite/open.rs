//! Opening a store: checks first, then settings, then the schema. Each refusal says what is expected and the next step.

use super::guard::Guard;
use super::link::Link;
use super::turn::Turn;
use super::{SqliteStore, failure, file_system, place, settings};
use crate::error::Result;
use crate::migrate;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;
use workaday_core::explain::{Problem, RetryAdvice};

/// The oldest SQLite that keeps an acknowledged job: before it a checkpoint could lose commits (WAL-reset bug).
pub const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// How a writer opens its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Make the file, and its folder, when there is none.
    pub create: bool,
    /// Bring an older schema up to ours, with a backup first; else an older one is refused.
    pub migrate: bool,
    /// Stay on a network file system, at the operator's own risk.
    pub allow_network_file_system: bool,
    /// The supervisor's last close may move the WAL into the file; nobody else's.
    pub checkpoint_on_close: bool,
    /// The longest wait for the write lock, the turn included; then `store.busy`. 5 s.
    pub lock_wait: Duration,
    /// Page cache, in KiB.
    pub cache_kib: u32,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            create: true,
            migrate: false,
            allow_network_file_system: false,
            checkpoint_on_close: false,
            lock_wait: Duration::from_secs(5),
            cache_kib: 8 * 1024,
        }
    }
}

impl SqliteStore {
    /// Opens a store for writing: the supervisor and the CLI. Creates the tables when there are none.
    pub fn open(path: impl AsRef<Path>, options: OpenOptions) -> Result<Self> {
        check_version(rusqlite::version_number())?;
        let path = place::resolve(path.as_ref(), options.create)?;
        let mut notices: Vec<Problem> = file_system::check(&path, options.allow_network_file_system)?.into_iter().collect();
        place::prepare(&path, options.create)?;
        let shown = path.display().to_string();
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        settings::apply(&connection, &shown, options.cache_kib, options.checkpoint_on_close)?;
        let app_file = migrate::has_other_tables(&connection, &shown)?;
        notices.extend(ensure_wal(&connection, &shown, app_file)?);
        migrate::ready(&mut connection, &path, options.migrate)?;
        let turn = Turn::of(&path);
        let guard = Guard::of(&path);
        let link = Link::new(connection, shown);
        Ok(Self {
            link,
            file: path,
            options,
            turn,
            guard,
            notices,
            app_file,
            synchronous: None,
            data_version: None,
            fences: Default::default(),
            row_read: None,
            began_at: None,
            rest_until: None,
            rules_told: std::collections::BTreeSet::new(),
            broken: false,
        })
    }
}

/// A read-only connection to a store that is there, for pages and commands that only look.
pub(super) fn connect_reader(path: &Path) -> Result<Link> {
    check_version(rusqlite::version_number())?;
    let path = place::resolve(path, false)?;
    if std::fs::symlink_metadata(&path).is_err() {
        return Err(place::missing(&path).into());
    }
    let shown = path.display().to_string();
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    settings::apply(&connection, &shown, 2 * 1024, false)?;
    settings::apply_query_only(&connection, &shown)?;
    migrate::readable(&connection, &shown)?;
    Ok(Link::new(connection, shown))
}

/// The connection anew, after one that failed: same file, same settings, no schema work.
pub(super) fn connect_again(path: &str, options: &OpenOptions) -> Result<Connection> {
    let connection = connect(Path::new(path), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settings::apply(&connection, path, options.cache_kib, options.checkpoint_on_close)?;
    settings::switch_to_wal(&connection, path)?;
    Ok(connection)
}

pub(crate) fn connect(path: &Path, mode: OpenFlags) -> Result<Connection> {
    let flags = mode | OpenFlags::SQLITE_OPEN_NOFOLLOW | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(|error| failure::explain(&path.display().to_string(), error))
}

/// WAL is part of the promise. In an app's file the change is said, since it stays.
fn ensure_wal(connection: &Connection, path: &str, app_file: bool) -> Result<Option<Problem>> {
    let before = settings::journal_mode(connection, path)?;
    settings::switch_to_wal(connection, path)?;
    let changed = app_file && !before.eq_ignore_ascii_case("wal");
    Ok(changed.then(|| {
        Problem::new(
            "store.journal_mode_changed",
            format!("the journal mode of the app's file `{path}` was changed from {before} to wal, for all who open it"),
        )
        .expected("readers and writers that do not stand in each other's way")
        .retry(RetryAdvice::Safe, "this is a notice; copy `-wal` and `-shm` along with the file from now on")
        .hint("`PRAGMA journal_mode=DELETE` undoes it while nobody else has the file open")
    }))
}

pub(super) fn check_version(number: i32) -> Result<()> {
    if number >= SQLITE_VERSION_MIN {
        return Ok(());
    }
    Err(Problem::new("store.sqlite_too_old", format!("this program is built with SQLite {}", rusqlite::version()))
        .expected("SQLite 3.51.3 or newer: older ones can lose commits at a checkpoint")
        .retry(RetryAdvice::Never, "not with this build")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::explain::Explain;

    #[test]
    fn a_sqlite_that_can_lose_commits_is_refused() {
        for number in [3_007_000, 3_050_004, 3_051_002] {
            assert_eq!(check_version(number).expect_err("too old").problem().code, "store.sqlite_too_old");
        }
        check_version(SQLITE_VERSION_MIN).expect("the floor itself");
        check_version(rusqlite::version_number()).expect("what this program is built with");
    }

    #[test]
    fn the_bundled_sqlite_is_built_without_what_we_do_not_use() {
        let connection = Connection::open_in_memory().expect("a connection");
        let mut statement = connection.prepare("PRAGMA compile_options").expect("the options");
        let options: Vec<String> =
            statement.query_map([], |row| row.get(0)).expect("the options").map(|option| option.expect("text")).collect();
        let has = |start: &str| options.iter().any(|option| option.starts_with(start));
        for unwanted in ["ENABLE_FTS3", "ENABLE_FTS4", "ENABLE_FTS5", "ENABLE_RTREE", "ENABLE_LOAD_EXTENSION"] {
            assert!(!has(unwanted), "{unwanted} is built in: did cargo read .cargo/config.toml at the root of the tree?");
        }
        for wanted in ["OMIT_LOAD_EXTENSION", "DQS=0", "DEFAULT_FILE_PERMISSIONS=0600"] {
            assert!(has(wanted), "{wanted} is missing: did cargo read .cargo/config.toml at the root of the tree?");
        }
    }
}

//! The settings of every connection: set right after open, then read back; one that differs is a refusal.

use super::failure;
use crate::error::Result;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use std::time::Duration;
use workaday_core::explain::{Problem, RetryAdvice};

/// How long a plain statement waits for a lock (recovery, a checkpoint); BEGIN has its own, fairer wait.
pub const BUSY_TIMEOUT: Duration = Duration::from_millis(5_000);

/// Pragma, value to set, what it must read back as.
const PRAGMAS: &[(&str, &str, &str)] = &[
    ("synchronous", "FULL", "2"),
    ("foreign_keys", "ON", "1"),
    // Checkpoints belong to the supervisor alone: an automatic one would land in somebody's commit.
    ("wal_autocheckpoint", "0", "0"),
    ("journal_size_limit", "67108864", "67108864"),
    ("mmap_size", "0", "0"),
    ("cell_size_check", "ON", "1"),
    ("trusted_schema", "OFF", "0"),
    ("temp_store", "MEMORY", "2"),
    ("recursive_triggers", "OFF", "0"),
    ("busy_timeout", "5000", "5000"),
];

const SWITCHES: &[(DbConfig, bool, &str)] = &[
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true, "DEFENSIVE"),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false, "ENABLE_TRIGGER"),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false, "ENABLE_VIEW"),
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false, "DQS_DDL"),
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false, "DQS_DML"),
];

const LIMITS: &[(Limit, i32, &str)] =
    &[(Limit::SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024, "LENGTH"), (Limit::SQLITE_LIMIT_ATTACHED, 0, "ATTACHED")];

/// Sets and reads back everything but the journal mode.
pub fn apply(connection: &Connection, path: &str, cache_kib: u32, checkpoint_on_close: bool) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| failure::explain(path, error))?;
    for (name, value, expected) in PRAGMAS {
        pragma(connection, path, name, value, expected)?;
    }
    let cache = format!("-{cache_kib}");
    pragma(connection, path, "cache_size", &cache, &cache)?;
    let last_close = (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !checkpoint_on_close, "NO_CKPT_ON_CLOSE");
    for (switch, value, name) in SWITCHES.iter().copied().chain([last_close]) {
        let got = connection.set_db_config(switch, value).map_err(|error| failure::explain(path, error))?;
        demand(path, name, &value.to_string(), &got.to_string())?;
    }
    for (limit, value, name) in LIMITS {
        let set = connection.set_limit(*limit, *value).and_then(|_| connection.limit(*limit));
        demand(path, name, &value.to_string(), &set.map_err(|error| failure::explain(path, error))?.to_string())?;
    }
    Ok(())
}

/// `query_only`, for readers: a mistake in a page or a command cannot write.
pub fn apply_query_only(connection: &Connection, path: &str) -> Result<()> {
    pragma(connection, path, "query_only", "ON", "1")
}

/// The journal mode as it is now.
pub fn journal_mode(connection: &Connection, path: &str) -> Result<String> {
    connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).map_err(|error| failure::explain(path, error))
}

/// Switches to WAL, which the promises rest on. It stays so in the file.
pub fn switch_to_wal(connection: &Connection, path: &str) -> Result<()> {
    let mode: String =
        connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0)).map_err(|error| failure::explain(path, error))?;
    demand(path, "journal_mode", "wal", &mode)
}

fn pragma(connection: &Connection, path: &str, name: &str, value: &str, expected: &str) -> Result<()> {
    let read = || -> rusqlite::Result<String> {
        connection.execute_batch(&format!("PRAGMA {name}={value}"))?;
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get_ref(0)?.as_i64().map(|value| value.to_string()).map_err(Into::into))
    };
    demand(path, name, expected, &read().map_err(|error| failure::explain(path, error))?)
}

fn demand(path: &str, name: &str, expected: &str, got: &str) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Problem::new("store.setting_refused", format!("SQLite did not take the setting {name} on the store `{path}`"))
        .expected(format!("{name} = {expected}"))
        .got(got)
        .retry(RetryAdvice::Never, "not with this build: the setting is part of what makes an acknowledged job safe")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::explain::Explain;

    #[test]
    fn a_setting_that_sqlite_does_not_take_is_a_refusal() {
        let connection = Connection::open_in_memory().expect("a connection");
        // A database in memory cannot be in WAL mode, which is how a refusal looks.
        let problem = switch_to_wal(&connection, "x.db").expect_err("no WAL there").problem();
        assert_eq!((problem.code.as_ref(), problem.got.as_deref()), ("store.setting_refused", Some("memory")));
        let problem = pragma(&connection, "x.db", "cell_size_check", "OFF", "1").expect_err("read back").problem();
        assert_eq!((problem.expected.as_str(), problem.got.as_deref()), ("cell_size_check = 1", Some("0")));
    }

    #[test]
    fn every_setting_holds_on_the_bundled_sqlite() {
        let connection = Connection::open_in_memory().expect("a connection");
        // The limit is compared too: 0 on mmap reads back as no row in memory, so it is asked of a file in the store's tests.
        for (name, value, expected) in PRAGMAS.iter().filter(|(name, ..)| !["mmap_size"].contains(name)) {
            pragma(&connection, "x.db", name, value, expected).expect(name);
        }
    }
}

//! What SQLite answered, in the kinds on which a caller acts differently.

use crate::error::StoreError;
use rusqlite::ffi::SQLITE_CORRUPT;
use rusqlite::{Error, ErrorCode};
use workaday_core::explain::{Problem, RetryAdvice};

/// The kind of a failure outside COMMIT. Nothing of the transaction it happened in is stored.
pub fn explain(path: &str, error: Error) -> StoreError {
    let path = path.to_owned();
    let cause = cause(&error);
    let Some(code) = error.sqlite_error_code() else { return not_from_sqlite(&path, &error) };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { path, waited_ms: 0 },
        ErrorCode::DiskFull => StoreError::Full { path },
        ErrorCode::DatabaseCorrupt if extended(&error) == SQLITE_CORRUPT => super::second_look::judge(path, cause),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt { path, cause },
        // A lock that the system answers with an error comes back as PROTOCOL.
        ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed => StoreError::Io { path, cause },
        ErrorCode::ReadOnly => read_only(&path).into(),
        ErrorCode::CannotOpen => cannot_open(&path, &cause).into(),
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => cannot_open(&path, &cause).into(),
        _ => Problem::new("store.statement_failed", format!("a statement on the store `{path}` failed: {cause}"))
            .expected("tables as the migrations made them")
            .retry(RetryAdvice::CheckFirst, "nothing of this transaction was stored; it will fail again until the cause is found")
            .hint("`workaday migrate --check` compares the tables with what this version expects")
            .into(),
    }
}

fn extended(error: &Error) -> i32 {
    error.sqlite_error().map_or(0, |failure| failure.extended_code)
}

/// SQLite's own words, with its extended code, which is what one searches for.
pub fn cause(error: &Error) -> String {
    match error {
        Error::SqliteFailure(failure, message) => {
            let words = message.clone().unwrap_or_else(|| rusqlite::ffi::code_to_str(failure.extended_code).to_owned());
            format!("{words}, SQLite code {}", failure.extended_code)
        }
        other => other.to_string(),
    }
}

pub fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub fn is_unique_violation(error: &Error) -> bool {
    // The rowid and primary-key codes are not meant: only the unique index of unique keys can be taken by another job.
    matches!(error, Error::SqliteFailure(failure, _) if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn not_from_sqlite(path: &str, error: &Error) -> StoreError {
    Problem::new("store.row_unreadable", format!("a row of the store `{path}` cannot be read: {error}"))
        .expected("values that this version knows")
        .retry(RetryAdvice::SafeAfterFix, "nothing was changed; a newer version of workaday may have written the row")
        .hint("`workaday doctor` names the versions that wrote to this store")
        .into()
}

pub fn read_only(path: &str) -> Problem {
    Problem::new("store.read_only", format!("the store `{path}` cannot be written"))
        .expected("a file, and the folder around it, that this user may write (SQLite keeps `-wal` and `-shm` beside it)")
        .retry(RetryAdvice::SafeAfterFix, "safe once it is writable; nothing was stored")
        .hint(format!("`ls -ld $(dirname {path}) {path}` and `id` show who may write; is the file system mounted read-only?"))
}

pub fn cannot_open(path: &str, cause: &str) -> Problem {
    Problem::new("store.cannot_open", format!("the store `{path}` cannot be opened: {cause}"))
        .expected("a SQLite file in a folder that this user may read and write")
        .retry(RetryAdvice::SafeAfterFix, "safe once it can be opened; nothing was stored")
        .hint(format!("`ls -ld $(dirname {path}) {path}` and `id` show who may write"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::explain::Explain;

    #[test]
    fn an_error_of_the_machine_is_told_as_one() {
        for (kind, code) in [
            (rusqlite::ffi::SQLITE_IOERR, "store.io"),
            (rusqlite::ffi::SQLITE_PROTOCOL, "store.io"),
            (rusqlite::ffi::SQLITE_FULL, "store.full"),
            (rusqlite::ffi::SQLITE_CORRUPT, "store.corrupt"),
        ] {
            let error = Error::SqliteFailure(rusqlite::ffi::Error::new(kind), None);
            assert_eq!(explain("w.db", error).problem().code, code, "{kind}");
        }
    }
}

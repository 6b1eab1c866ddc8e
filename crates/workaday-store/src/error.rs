//! What can go wrong between us and the database, as far as a caller decides on it.

use workaday_core::explain::{Explain, Problem, RetryAdvice};

/// A store's refusal or failure. The kinds are those on which a caller acts differently.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another writer held the lock for the whole wait. Certainly nothing was stored.
    #[error("the store `{path}` was busy for {waited_ms} ms")]
    Busy { path: String, waited_ms: u64 },
    /// No space left. Certainly nothing was stored.
    #[error("the disk of the store `{path}` is full")]
    Full { path: String },
    /// A COMMIT failed for another reason than BUSY: it may or may not be there.
    #[error("the commit on `{path}` failed ({cause}); whether it was stored is unknown")]
    OutcomeUnknown { path: String, cause: String },
    /// Damaged file, or not a database.
    #[error("the store `{path}` is damaged: {cause}")]
    Corrupt { path: String, cause: String },
    /// Read or write failed below SQLite.
    #[error("the store `{path}` could not be read or written: {cause}")]
    Io { path: String, cause: String },
    /// A refusal with its own words: version, file system, permissions, settings.
    #[error("{0}")]
    Refused(Box<Problem>),
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl From<Problem> for StoreError {
    fn from(problem: Problem) -> Self {
        StoreError::Refused(Box::new(problem))
    }
}

impl Explain for StoreError {
    fn problem(&self) -> Problem {
        let message = self.to_string();
        match self {
            Self::Busy { .. } => Problem::new("store.busy", message)
                .expected("the write lock within 5 s")
                .retry(RetryAdvice::Safe, "safe now; certainly nothing was stored")
                .hint("`workaday doctor` names processes that hold the lock long"),
            Self::Full { path } => Problem::new("store.full", message)
                .expected(format!("free space on the file system of `{path}`"))
                .retry(RetryAdvice::SafeAfterFix, "safe after space is freed; nothing was stored"),
            Self::OutcomeUnknown { .. } => Problem::new("store.outcome_unknown", message)
                .expected("a COMMIT that says yes or busy")
                .retry(RetryAdvice::Safe, "safe with the same id: a job that is there already is not written twice"),
            Self::Corrupt { path, cause } => Problem::new("store.corrupt", message)
                .expected("a whole SQLite file")
                .retry(RetryAdvice::Never, "a retry cannot help; nothing more is written to this file")
                .hint(way_out(path, cause)),
            Self::Io { .. } => Problem::new("store.io", message)
                .expected("a readable and writable file on a healthy disk")
                .retry(RetryAdvice::CheckFirst, "after the disk has been looked at; an enqueue may be retried with the same id"),
            Self::Refused(problem) => (**problem).clone(),
        }
    }
}

/// A file whose first bytes are no database's may as well be one that `database` names by a slip.
fn way_out(path: &str, cause: &str) -> String {
    let aside =
        format!("copy `{path}`, `{path}-wal` and `{path}-shm` aside, then put the newest backup in place (docs/runbooks/store-corrupt.md)");
    if cause.contains("not a database") {
        format!("if `{path}` never was the store, `database` names the wrong file; if it was: {aside}")
    } else {
        aside
    }
}

/// For faces that pass a failure on as it is.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        error.problem()
    }
}

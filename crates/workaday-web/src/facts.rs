//! What the store knows of a job, for pages: the words are those of the command line, secrets in them hidden.

use workaday_core::clock::{Length, Timestamp};
use workaday_engine::facts;
use workaday_store::StoreError;
use workaday_store::sqlite::read::Reader;

pub use workaday_engine::facts::{entry_of, explain, is_active, where_pairs};

/// A supervisor that has not written for so long is gone.
const SILENCE_MAX: Length = Length::seconds(90);

/// Does a supervisor serve this store, as far as the store knows?
pub fn is_served(reader: &Reader, now: Timestamp) -> Result<bool, StoreError> {
    Ok(reader.workers(false, 200)?.iter().any(|worker| worker.kind == "supervisor" && now - worker.seen_at < SILENCE_MAX))
}

/// `SMTPError: 535 bad credentials`, or how the process died: `signal SIGKILL`.
pub fn said(error: Option<&str>, cause: Option<&str>) -> Option<String> {
    facts::said(error, cause).map(|text| crate::mask::text(&text))
}

//! What the faces ask, on a connection that cannot write: command line, pages, HTTP.
//!
//! Every answer is read to its end in one short read transaction: an open reader would keep the WAL from shrinking.

mod counts;
mod ended;
mod errors;
mod jobs;
mod look;
mod measures;
mod notices;
mod others;
mod releases;
mod schedules;
mod status;
pub mod types;

pub use counts::{Counted, Finished, QueueLoad, ReleaseSeen, RunSample};
pub use ended::Ended;
pub use errors::{ErrorGroup, Failure, Mute};
pub use look::{Fits, LOOK_MAX, ListedJob, Look, Place, Seen};
pub use releases::*;
pub use types::*;

use super::link::Link;
use super::open;
use crate::error::Result;
use std::path::Path;
use std::sync::Arc;

/// A store opened for looking only. Not shared between threads: each face opens its own.
pub struct Reader {
    pub(super) link: Link,
    /// Kept counts of what has ended; `None`: counted anew each time.
    ended: Option<Arc<Ended>>,
}

/// Opens a store that is there for reading.
pub fn open_reader(path: impl AsRef<Path>) -> Result<Reader> {
    if path.as_ref().is_dir() {
        return Err(super::place::a_folder(path.as_ref()).into());
    }
    Ok(Reader { link: open::connect_reader(path.as_ref())?, ended: None })
}

/// Lists are bounded, whatever is asked.
const LIST_MAX: usize = 1_000;

pub(super) fn bounded(limit: usize) -> i64 {
    (if limit == 0 { 50 } else { limit.min(LIST_MAX) }) as i64
}

impl Reader {
    /// Counts what has ended once and keeps it, together with the other readers of the same store: for who asks again and again.
    #[must_use]
    pub fn keeping(self, ended: Arc<Ended>) -> Self {
        Self { ended: Some(ended), ..self }
    }

    /// The database file, as it was opened.
    pub fn path(&self) -> &Path {
        Path::new(&self.link.path)
    }

    /// Has anybody committed since the last call? Cheap; for pages that follow.
    pub fn data_version(&self) -> Result<i64> {
        let read = || self.link.connection().prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0));
        read().map_err(|error| self.link.fail(error))
    }
}

//! The store on SQLite: one writer connection, readers beside it.
//!
//! | file | one idea |
//! |---|---|
//! | `open` `place` `file_system` `settings` | from a path to a connection that can be trusted |
//! | `link` `prepared` `failure` `rows` | statements, failures and rows in the store's own words |
//! | `transaction` `turn` `guard` | begin and commit, in turn with the other writers, with the lock still ours |
//! | `store` | the [`Store`](crate::Store) trait, answered method by method from the files below |
//! | `hot` `settle` `time` `prune` | look and claim · outcomes · staging and expiry · retention |
//! | `aside` | rows that cannot be read, and why the rest goes on |
//! | `holds` `catalogue` `by_hand` | switch-offs · tasks, workers, alerts · acts of people |
//! | `mutes` | errors that somebody knows of |
//! | `schedules` | schedules, cursors, the ledger of ticks |
//! | `measures` | figures by minute and series |
//! | `access` | users, tokens, sessions, one-time links |
//! | `notices` | alerts and pings on their way out: what the courier asks |
//! | `schema` | the schema by path, for `workaday migrate` |
//! | `second_look` | is a file that SQLite calls malformed damaged, or was it not read? |
//! | `checkpoint` `instance` | the supervisor's duties towards the file |
//! | `backup` `restore` | a copy while others write · back from one |
//! | `releases` `baselines` | backups, releases, rehearsals and baselines as kept |
//! | `read` | what the faces ask, on connections that cannot write |

pub mod access;
mod aside;
pub mod backup;
mod baselines;
mod by_hand;
mod catalogue;
pub mod checkpoint;
mod failure;
pub mod file_system;
mod guard;
mod holds;
mod hot;
pub mod instance;
mod link;
mod measures;
mod mutes;
mod notices;
mod open;
mod place;
mod prepared;
mod prune;
pub mod read;
mod releases;
pub mod restore;
mod rows;
mod schedules;
pub mod schema;
mod second_look;
mod settings;
mod settle;
mod store;
mod time;
mod transaction;
pub mod turn;

pub(crate) use failure::explain;
pub(crate) use open::connect;
pub use open::{OpenOptions, SQLITE_VERSION_MIN};
pub(crate) use place::{beside, sync_folder};
pub use releases::{NewBackup, NewChecks, NewRehearsal, NewRelease};

use crate::store::Durability;
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Instant;
use workaday_core::explain::Problem;
use workaday_core::job::{Fence, JobKey};

/// A store in one SQLite file, opened for writing.
pub struct SqliteStore {
    link: link::Link,
    file: PathBuf,
    options: OpenOptions,
    turn: turn::Turn,
    guard: guard::Guard,
    notices: Vec<Problem>,
    app_file: bool,
    /// `synchronous` as last set; `None` = not known.
    synchronous: Option<Durability>,
    data_version: Option<i64>,
    /// Fences of the candidates that this transaction has read, in their order.
    fences: VecDeque<(JobKey, Fence)>,
    /// The running row that this transaction read last, for the settlement that follows.
    row_read: Option<settle::WholeRow>,
    /// Switch-offs that could not be read and were told of: every claim reads them anew.
    rules_told: BTreeSet<i64>,
    began_at: Option<Instant>,
    /// In an app's file: until when others go first.
    rest_until: Option<Instant>,
    /// The connection failed and could not be replaced yet.
    broken: bool,
}

impl SqliteStore {
    /// The database file, with the links of its folder resolved.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Does the file hold tables of an app? Then it is never renamed, replaced, nor its permissions changed.
    pub fn is_app_file(&self) -> bool {
        self.app_file
    }

    /// What an operator should know about how this store was opened: a volatile file system, a changed journal mode.
    pub fn notices(&self) -> &[Problem] {
        &self.notices
    }
}

//! What all requests share: settings, connections to the store, counts, buckets, what can still be undone.

use crate::attempts::Attempts;
use crate::counts::Counts;
use crate::hosts::Hosts;
use crate::live::Live;
use crate::measured::Measured;
use crate::options::Options;
use crate::rate::Buckets;
use crate::undo::Undos;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use workaday_config::kind::Rate;
use workaday_core::clock::{Clock, Length, SystemClock, Timestamp};
use workaday_core::explain::{Explain, Problem};
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{Durability, Reader, Store, StoreError, open_reader};

/// Readers kept open; a request takes one and puts it back.
const READERS_KEPT: usize = 4;

/// Who has a bucket: a person, a token, an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    Known(String),
    Address(IpAddr),
}

pub struct Window {
    pub options: Options,
    pub hosts: Hosts,
    pub port: u16,
    pub requests: Buckets<Caller>,
    pub attempts: Attempts,
    /// Lines about refusals in the audit; more of them are logged only.
    pub denials: Buckets<()>,
    pub undos: Undos,
    pub live: Live,
    pub started_at: Timestamp,
    /// Answers that failed by our own mistake.
    pub failures: std::sync::atomic::AtomicU64,
    pub counts: Counts,
    pub measured: Measured,
    readers: Mutex<Vec<Reader>>,
    /// The poller's own: `data_version` says what changed since the same connection looked last.
    following: Mutex<Option<Reader>>,
    writer: Mutex<Option<SqliteStore>>,
}

impl Window {
    pub fn new(options: Options, port: u16) -> Self {
        let started_at = SystemClock.now();
        Self {
            hosts: options.hosts(port),
            port,
            requests: Buckets::new(options.rate, 4),
            attempts: Attempts::new(options.logins),
            denials: Buckets::new(Rate { count: 30, per: Length::minutes(1) }, 1),
            undos: Undos::default(),
            live: Live::default(),
            started_at,
            failures: std::sync::atomic::AtomicU64::new(0),
            counts: Counts::default(),
            measured: Measured::since(started_at),
            readers: Mutex::new(Vec::new()),
            following: Mutex::new(None),
            writer: Mutex::new(None),
            options,
        }
    }

    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Asks the store; on a thread that may block.
    pub fn reading<T>(&self, ask: impl FnOnce(&Reader) -> T) -> Result<T, Problem> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match kept {
            Some(reader) => reader,
            None => self.reader().map_err(|error| error.problem())?,
        };
        let answer = ask(&reader);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < READERS_KEPT {
            readers.push(reader);
        }
        Ok(answer)
    }

    /// One more connection, which shares the counts of the others.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Ok(open_reader(&self.options.database)?.keeping(self.counts.ended()))
    }

    /// The connection of the one that looks for all open pages.
    pub fn live_reader(&self) -> MutexGuard<'_, Option<Reader>> {
        let mut kept = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = open_reader(&self.options.database).ok();
        }
        kept
    }

    /// One synced transaction; an error leaves nothing behind. Acts of people are few, so they share one connection.
    pub fn writing<T>(&self, act: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>) -> Result<T, Problem> {
        let done = self.write(Durability::Full, act).map_err(|error| error.problem());
        // Whoever has just done something sees it.
        self.counts.forget();
        done
    }

    /// What may be lost without harm: that somebody is still there.
    pub fn noting(&self, act: impl FnOnce(&mut SqliteStore) -> Result<(), StoreError>) {
        if let Err(error) = self.write(Durability::Lazy, act) {
            tracing::debug!(%error, "a session was not marked as seen");
        }
    }

    fn write<T>(&self, durability: Durability, act: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut held = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out meanwhile: a mistake of ours that unwinds through `act` then closes the connection, and the transaction
        // ends with it. Kept open, it would hold the write lock of the whole store until the program ends.
        let mut store = match held.take() {
            Some(store) => store,
            None => {
                let options = OpenOptions { create: false, cache_kib: 1024, ..OpenOptions::default() };
                SqliteStore::open(&self.options.database, options)?
            }
        };
        store.begin(durability)?;
        let done = act(&mut store);
        let done = match done {
            Ok(value) => store.commit().map(|()| value),
            Err(error) => {
                store.rollback();
                Err(error)
            }
        };
        *held = Some(store);
        done
    }

    /// The supervisor looks at once, so that an act shows on the next page.
    pub fn wake(&self) {
        workaday_store::beside::wake(&self.options.database);
    }

    /// May one more line about a refusal be written?
    pub fn may_note_denial(&self) -> bool {
        self.denials.take(&(), Instant::now()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_mistake_in_an_act_leaves_no_transaction_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("shop.db");
        drop(SqliteStore::open(&database, OpenOptions::default()).expect("a store"));
        let sources = workaday_config::Sources { folder: folder.path().to_path_buf(), cores: 1, ..workaday_config::Sources::default() };
        let settings = workaday_config::load(&sources).expect("the defaults");
        let window = Window::new(Options::of(&settings, database, None), 1);
        let by = workaday_store::ByHand { who: "anna".into(), why: None };
        let act = |store: &mut SqliteStore| -> Result<(), StoreError> {
            store.note(&by, "half", "done", None, Timestamp(1))?;
            panic!("a mistake of ours");
        };
        catch_unwind(AssertUnwindSafe(|| window.writing(act))).expect_err("it panics");
        window.writing(|store| store.note(&by, "whole", "done", None, Timestamp(2))).expect("the next act is carried out");
        let lines = window.reading(|reader| reader.audit(None, 10)).expect("a reader").expect("the audit");
        assert_eq!(lines.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(), ["whole"]);
    }
}

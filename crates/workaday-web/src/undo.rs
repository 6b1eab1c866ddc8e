//! What can still be undone, and what is to be said on somebody's next page. Kept in memory: gone with the process, and
//! then nothing was done.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use workaday_store::sqlite::access::Hash;

/// For so long an act on many jobs can be undone.
pub const UNDO_SECONDS: u64 = 10;
const NOTICES_MAX: usize = 1_000;

/// What became of an action, for the next page of the one who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub text: String,
    pub undo: Option<String>,
}

#[derive(Default)]
pub struct Undos {
    /// Secret of the act → who did it.
    waiting: Mutex<HashMap<String, String>>,
    notices: Mutex<HashMap<Hash, Notice>>,
}

impl Undos {
    /// An act that waits to be done. `false`: too many wait.
    pub fn wait(&self, secret: &str, who: &str) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= 100 {
            return false;
        }
        waiting.insert(secret.to_owned(), who.to_owned());
        true
    }

    /// Takes the act away from whoever comes second: the one who undoes it, or the one who carries it out.
    pub fn take(&self, secret: &str) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(secret)
    }

    /// Whose it is, without taking it.
    pub fn whose(&self, secret: &str) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(secret).cloned()
    }

    pub fn tell(&self, session: Hash, notice: Notice) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() >= NOTICES_MAX {
            notices.clear();
        }
        notices.insert(session, notice);
    }

    pub fn told(&self, session: &Hash) -> Option<Notice> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).remove(session)
    }
}

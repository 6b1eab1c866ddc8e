//! Errors that somebody knows of: no alert, no line on the first page, until it ends.

use super::SqliteStore;
use crate::error::Result;
use crate::statements as sql;
use crate::store::ByHand;
use rusqlite::params;
use workaday_core::clock::Timestamp;

impl SqliteStore {
    /// Nobody needs to hear of this error while `release` runs (`None`: whichever runs), nor before `until`. Audited.
    pub fn mute_error(
        &mut self,
        fingerprint: &str,
        release: Option<&str>,
        until: Option<Timestamp>,
        by: &ByHand,
        now: Timestamp,
    ) -> Result<()> {
        self.link.writing()?.execute(&sql::MUTE_ERROR, params![fingerprint, now.0, by.who, by.why, release, until.map(|at| at.0)])?;
        self.audit(by, "mute", &format!("error {fingerprint}"), None, now)
    }

    /// It is heard of again. `false`: it was not muted. Audited.
    pub fn unmute_error(&mut self, fingerprint: &str, by: &ByHand, now: Timestamp) -> Result<bool> {
        let changed = self.link.writing()?.execute(&sql::UNMUTE_ERROR, [fingerprint])? == 1;
        if changed {
            self.audit(by, "unmute", &format!("error {fingerprint}"), None, now)?;
        }
        Ok(changed)
    }
}

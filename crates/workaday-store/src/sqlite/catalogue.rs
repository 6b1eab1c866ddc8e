//! Tasks as the last child stated them; our processes; what needs a hand.

use super::{SqliteStore, rows};
use crate::error::Result;
use crate::statements as sql;
use crate::store::{Leftover, WorkerRow};
use rusqlite::params;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_core::job::Generation;

impl SqliteStore {
    pub(super) fn replace_catalogue(
        &self,
        entries: &[(TaskEntry, String)],
        kept: &[String],
        release: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        self.link.writing()?;
        for (entry, json) in entries {
            self.link.execute(&sql::PUT_TASK, params![entry.name, entry.queue, entry.lane().as_str(), json, release, now.0])?;
        }
        let names: Vec<&str> = entries.iter().map(|(entry, _)| entry.name.as_str()).chain(kept.iter().map(String::as_str)).collect();
        self.link.execute(&sql::ABSENT_TASKS, params![now.0, serde_json::json!(names).to_string()]).map(|_| ())
    }

    pub(super) fn present_tasks(&self) -> Result<Vec<TaskEntry>> {
        let texts: Vec<String> = self.link.list(&sql::CATALOGUE, [], |row| row.get(0))?;
        texts.iter().map(|text| serde_json::from_str(text).map_err(|error| unreadable(text, &error).into())).collect()
    }

    pub(super) fn write_worker(&self, generation: Generation, worker: &WorkerRow, now: Timestamp) -> Result<i64> {
        let parameters =
            params![generation.0, worker.kind, worker.pid, worker.boot_id, worker.process_started_at, worker.release, now.0, worker.info];
        self.link.writing()?.execute(&sql::OPEN_WORKER, parameters)?;
        Ok(self.link.connection().last_insert_rowid())
    }

    pub(super) fn workers_left(&self, generation: Generation) -> Result<Vec<Leftover>> {
        self.link.list(&sql::LEFTOVERS, [generation.0], rows::leftover)
    }

    pub(super) fn count_alert(&self, code: &str, subject: &str, message: &str, now: Timestamp) -> Result<()> {
        self.link.writing()?.execute(&sql::RAISE_ALERT, params![code, subject, message, now.0]).map(|_| ())
    }
}

fn unreadable(text: &str, error: &serde_json::Error) -> Problem {
    let start: String = text.chars().take(80).collect();
    Problem::new("store.catalogue_unreadable", format!("an entry of the stored catalogue cannot be read: {error}"))
        .expected("the JSON that a child states at its start")
        .got(start)
        .retry(RetryAdvice::SafeAfterFix, "the next child that starts writes the catalogue anew")
}

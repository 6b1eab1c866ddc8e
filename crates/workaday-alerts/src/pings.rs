//! Outgoing pings: signs of life to a receiver outside, which knows by their absence that this machine is gone.
//!
//! Purpose: each start, success and failure of a run whose schedule or command names `ping` is posted there, with the
//! run's id. What it will not do: hold up a job, or overtake: of one receiver the oldest ping goes first.
//! Options: `ping` of a schedule or command; `allow_http` and `allow_private` of `[alerts]`. Off: no `ping`.
//! Killed midway: a ping that was sent and not yet marked is sent again; its run id is the same.

use crate::address::masked;
use crate::courier::in_transaction;
use crate::deliver::allowed;
use crate::live::Live;
use crate::post::post;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use workaday_config::alerts::{Alerts, Kept};
use workaday_core::clock::{Clock, Length, SystemClock, Timestamp};
use workaday_store::{Delivery, Durability, OpenOptions, PingKind, PingRow, Reader, SqliteStore, Store, StoreError, open_reader};

const ROUND: usize = 50;
const LOOK: Duration = Duration::from_millis(250);
/// The waits between tries: a ping is worth little when it is old. Ten minutes in all.
const WAITS: [Length; 6] =
    [Length::seconds(2), Length::seconds(10), Length::seconds(30), Length::minutes(1), Length::minutes(3), Length::minutes(5)];
/// Lines of the log, or bytes of the error, that go with it; receivers keep 10 to 100 kB.
const LINES: usize = 50;
const BYTES: usize = 10_000;
const UNDELIVERED: &str = "ping.undelivered";

pub struct Pings {
    store: SqliteStore,
    reader: Reader,
    live: Live,
    /// Receivers that failed, and until when they are left alone.
    resting: BTreeMap<String, Timestamp>,
}

/// Runs until `stop` says so; it waits at most as long as it is told.
pub fn run(database: &Path, live: &Live, stop: &dyn Fn(Duration) -> bool) -> Result<(), String> {
    let mut pings = Pings::open(database, live.clone()).map_err(|error| error.to_string())?;
    while !stop(LOOK) {
        pings.run_once(SystemClock.now()).map_err(|error| error.to_string())?;
    }
    Ok(())
}

impl Pings {
    pub fn open(database: &Path, live: Live) -> Result<Pings, StoreError> {
        let options = OpenOptions { create: false, cache_kib: 256, ..OpenOptions::default() };
        Ok(Pings { store: SqliteStore::open(database, options)?, reader: open_reader(database)?, live, resting: BTreeMap::new() })
    }

    /// Sends what is due; returns how many arrived.
    pub fn run_once(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let due = self.store.due_pings(now, ROUND)?;
        let (alerts, mut arrived) = (self.live.get(), 0);
        self.resting.retain(|_, until| now < *until);
        for ping in due {
            // In order at each receiver: a success that overtook its start would stop no clock.
            if self.resting.contains_key(&ping.url) {
                continue;
            }
            arrived += usize::from(self.send(&alerts, &ping, now)?);
        }
        Ok(arrived)
    }

    fn send(&mut self, alerts: &Alerts, ping: &PingRow, now: Timestamp) -> Result<bool, StoreError> {
        let body = self.body(ping)?;
        let sent = Kept::of(&ping.url, &alerts.root)
            .read()
            .and_then(|base| post(&url(&base, ping), &[("Content-Type", "text/plain; charset=utf-8")], body.as_bytes(), allowed(alerts)));
        let name = &ping.name;
        let shown = masked(&ping.url);
        match sent {
            Ok(answer) => {
                tracing::debug!(schedule = name, "{} of {name} was told to {shown}: {}", ping.kind, answer.status);
                in_transaction(&mut self.store, Durability::Lazy, |store| {
                    store.end_ping(ping.key, Delivery::Sent, None, now)?;
                    store.close_alert(UNDELIVERED, name, now)
                })?;
                Ok(true)
            }
            Err(error) => match WAITS.get(ping.tries as usize) {
                Some(wait) => {
                    tracing::warn!(schedule = name, tries = ping.tries + 1, "{} of {name} did not reach {shown}: {error}", ping.kind);
                    self.resting.insert(ping.url.clone(), now + *wait);
                    in_transaction(&mut self.store, Durability::Lazy, |store| store.delay_ping(ping.key, &error, now + *wait))?;
                    Ok(false)
                }
                None => {
                    tracing::error!(schedule = name, "{} of {name} is given up, it did not reach {shown}: {error}", ping.kind);
                    workaday_core::reached::note(UNDELIVERED);
                    let message = format!("pings of {name} do not reach {shown}: {error}");
                    in_transaction(&mut self.store, Durability::Lazy, |store| {
                        store.end_ping(ping.key, Delivery::Failed, Some(&error), now)?;
                        store.raise_alert(UNDELIVERED, name, &message, now)
                    })?;
                    Ok(false)
                }
            },
        }
    }

    /// What a person would look at first: the error, else the last lines of the log.
    fn body(&self, ping: &PingRow) -> Result<String, StoreError> {
        if ping.kind == PingKind::Start {
            return Ok(String::new());
        }
        let mut parts: Vec<String> = self.reader.last_logs(ping.job, LINES)?.into_iter().map(|line| line.text).collect();
        if ping.kind == PingKind::Fail {
            let attempts = self.reader.attempts(ping.job)?;
            let error = attempts.iter().rev().find_map(|attempt| serde_json::from_str::<serde_json::Value>(attempt.error.as_deref()?).ok());
            let text = |field: &str| error.as_ref().and_then(|error| error.get(field)?.as_str()).unwrap_or_default().to_owned();
            parts.push(format!("{}: {}", text("type"), text("message")).trim_matches([':', ' ']).to_owned());
        }
        Ok(tail(&parts.join("\n"), BYTES))
    }
}

/// `BASE/start?rid=…`: the path gets a word, the query the run.
fn url(base: &str, ping: &PingRow) -> String {
    let (path, query) = base.split_once('?').map_or((base, None), |(path, query)| (path, Some(query)));
    let word = match ping.kind {
        PingKind::Start => "/start",
        PingKind::Success => "",
        PingKind::Fail => "/fail",
    };
    let query = query.map_or_else(String::new, |query| format!("{query}&"));
    format!("{}{word}?{query}rid={}", path.trim_end_matches('/'), ping.job_id)
}

/// The end of a text, at most so many bytes.
fn tail(text: &str, bytes_max: usize) -> String {
    let from = text.len().saturating_sub(bytes_max);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    text[from..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::job::{JobId, JobKey};

    #[test]
    fn the_word_goes_into_the_path_and_the_run_into_the_query() {
        let row = |kind| PingRow {
            key: 1,
            name: "n".into(),
            url: String::new(),
            kind,
            job: JobKey(1),
            job_id: JobId(uuid::Uuid::nil()),
            at: Timestamp(0),
            state: Delivery::Waiting,
            tries: 0,
            next_at: Timestamp(0),
            last_error: None,
            ended_at: None,
        };
        let nil = uuid::Uuid::nil();
        assert_eq!(url("https://hc.example/x", &row(PingKind::Start)), format!("https://hc.example/x/start?rid={nil}"));
        assert_eq!(url("https://hc.example/x/", &row(PingKind::Success)), format!("https://hc.example/x?rid={nil}"));
        assert_eq!(url("https://hc.example/x?create=1", &row(PingKind::Fail)), format!("https://hc.example/x/fail?create=1&rid={nil}"));
    }

    #[test]
    fn a_long_log_keeps_its_end() {
        assert_eq!(tail("aé", 1), "");
        assert_eq!(tail("abcd", 2), "cd");
    }
}

//! What nobody else sees: a queue whose jobs wait, a disk that fills, a write-ahead log that does not shrink.
//!
//! Each is raised once and closes itself. Limits: `queue_latency`, `disk_free`, `wal_size` of `[alerts]`.

use crate::courier::in_transaction;
use std::path::{Path, PathBuf};
use workaday_config::alerts::Alerts;
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_store::sqlite::checkpoint::wal_bytes;
use workaday_store::{Durability, Reader, SqliteStore, Store, StoreError};

const LATENCY: &str = "queue.latency";
/// Between two looks. Counting a backlog of a million jobs takes a tenth of a second.
const EVERY: Length = Length::seconds(15);

pub struct Watch {
    database: PathBuf,
    next_at: Timestamp,
}

/// One thing that is wrong, or is not.
struct Finding {
    code: &'static str,
    subject: String,
    /// `None`: all is well.
    message: Option<String>,
}

impl Watch {
    pub fn new(database: &Path) -> Self {
        Self { database: database.to_path_buf(), next_at: Timestamp(0) }
    }

    /// Looks when it is time to; writes only what changed.
    pub fn run_once(&mut self, store: &mut SqliteStore, reader: &Reader, alerts: &Alerts, now: Timestamp) -> Result<(), StoreError> {
        // A clock that was set back must not end the watch.
        if now < self.next_at && self.next_at - now <= EVERY {
            return Ok(());
        }
        self.next_at = now + EVERY;
        let mut findings = queues(reader, alerts, now)?;
        findings.extend(self.disk(alerts));
        findings.push(self.wal(alerts));
        for finding in findings {
            let is_open = store.alert_is_open(finding.code, &finding.subject)?;
            match finding.message {
                Some(message) if !is_open => {
                    tracing::warn!(code = finding.code, "{message}");
                    workaday_core::reached::note(finding.code);
                    in_transaction(store, Durability::Full, |store| store.raise_alert(finding.code, &finding.subject, &message, now))?;
                }
                None if is_open => in_transaction(store, Durability::Full, |store| store.close_alert(finding.code, &finding.subject, now))?,
                _ => {}
            }
        }
        Ok(())
    }

    fn disk(&self, alerts: &Alerts) -> Option<Finding> {
        let folder = self.database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let found = rustix::fs::statvfs(folder).ok()?;
        let free = found.f_bavail * found.f_frsize;
        let message = (free < alerts.disk_free)
            .then(|| format!("the disk of the store has {} MiB free, less than {} MiB", free >> 20, alerts.disk_free >> 20));
        Some(Finding { code: "storage.disk_low", subject: "store".into(), message })
    }

    fn wal(&self, alerts: &Alerts) -> Finding {
        let bytes = wal_bytes(&self.database);
        let message = (bytes > alerts.wal_size).then(|| {
            format!(
                "the write-ahead log of the store has {} MiB, more than {} MiB: a reader keeps it from being moved",
                bytes >> 20,
                alerts.wal_size >> 20
            )
        });
        Finding { code: "storage.wal_large", subject: "store".into(), message }
    }
}

fn queues(reader: &Reader, alerts: &Alerts, now: Timestamp) -> Result<Vec<Finding>, StoreError> {
    let finding = |queue: workaday_store::sqlite::read::QueueCounts| {
        let waited = queue.oldest_waiting_at.filter(|_| !queue.paused).map(|since| now - since);
        let message = waited.filter(|waited| *waited > alerts.queue_latency).map(|waited| {
            format!(
                "queue {}: a ready job has waited for {}, longer than {}; {} wait",
                queue.queue,
                format_length(Length(waited.0 / 1_000_000 * 1_000_000)),
                format_length(alerts.queue_latency),
                queue.available
            )
        });
        Finding { code: LATENCY, subject: queue.queue, message }
    };
    let mut findings: Vec<Finding> = reader.queues(now)?.into_iter().map(finding).collect();
    // A queue that has emptied may not be listed any more: its alert is over all the same.
    for alert in reader.alerts(false, None, 1_000)?.into_iter().filter(|alert| alert.code == LATENCY) {
        if !findings.iter().any(|finding| finding.subject == alert.subject) {
            findings.push(Finding { code: LATENCY, subject: alert.subject, message: None });
        }
    }
    Ok(findings)
}

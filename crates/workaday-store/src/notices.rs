//! Alerts and pings on their way out, as the courier and the faces see them.

use crate::sqlite::read::AlertRow;
use workaday_core::clock::Timestamp;
use workaday_core::job::{JobId, JobKey};

workaday_core::words! {
    /// What a notice says.
    NoticeKind {
        /// Something needs a hand.
        Raised = "raised",
        /// All is well again.
        Closed = "closed",
    }
}

workaday_core::words! {
    /// How far a notice or a ping has come.
    Delivery {
        Waiting = "waiting",
        Sent = "sent",
        /// Given up after its last try.
        Failed = "failed",
        /// Nothing to tell any more: it was over before it was told, or its route is gone.
        Dropped = "dropped",
    }
}

workaday_core::words! {
    /// What a ping says of a run.
    PingKind {
        Start = "start",
        Success = "success",
        Fail = "fail",
    }
}

/// An alert that changed since the courier looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertNews {
    pub alert: AlertRow,
    /// How many of its count are in notices already.
    pub told: i64,
}

/// What a notice begins with, or is added to one that still gathers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered<'a> {
    pub id: uuid::Uuid,
    pub route: &'a str,
    pub kind: NoticeKind,
    pub code: &'a str,
    pub matter: &'a str,
    pub alert: i64,
    pub count: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// Not before then; of no effect when it is added to one.
    pub next_at: Timestamp,
}

/// One message to one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRow {
    pub key: i64,
    pub id: uuid::Uuid,
    pub route: String,
    pub kind: NoticeKind,
    pub code: String,
    pub matter: String,
    pub alert: i64,
    pub count: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub state: Delivery,
    pub tries: u32,
    pub next_at: Timestamp,
    /// JSON, written before the first try.
    pub body: Option<String>,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// One sign of life to a receiver outside. Its URL holds a secret: never shown whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingRow {
    pub key: i64,
    /// The schedule, or the command.
    pub name: String,
    pub url: String,
    pub kind: PingKind,
    pub job: JobKey,
    pub job_id: JobId,
    pub at: Timestamp,
    pub state: Delivery,
    pub tries: u32,
    pub next_at: Timestamp,
    pub last_error: Option<String>,
    pub ended_at: Option<Timestamp>,
}

//! What is known. `None` = it could not be found out, and the check says unknown.

use workaday_core::clock::{Length, Timestamp};
use workaday_store::ScheduleHealth;
use workaday_store::sqlite::file_system::Verdict;

#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub now: Timestamp,
    pub store: Store,
    pub backup: Backup,
    pub worker: Worker,
    pub tasks: Option<Tasks>,
    pub schedules: Option<Schedules>,
    pub clock: Clock,
    pub security: Security,
    pub release: Release,
    pub system: System,
    pub alerts: Alerts,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    pub path: String,
    pub is_present: bool,
    /// Permission bits of the database and of its folder.
    pub mode: Option<u32>,
    pub folder_mode: Option<u32>,
    pub owner: Option<u32>,
    /// The user of the supervisor; `None`: none runs.
    pub user: Option<u32>,
    /// The user of this program.
    pub asker: u32,
    pub file_system: Option<Verdict>,
    /// Schema number, and where tables differ from it.
    pub schema: Option<(u32, Vec<String>)>,
    pub newest_schema: u32,
    pub sqlite: String,
    /// Of the interpreter that the workers run.
    pub python_sqlite: Option<String>,
    pub wal_bytes: Option<u64>,
    pub wal_max: u64,
    pub disk_free: Option<u64>,
    pub disk_free_min: u64,
    /// The shortest of several fdatasync calls on the store's disk, in microseconds.
    pub sync_us: Option<i64>,
    pub is_copy: Option<bool>,
    /// Who holds the write lock for long; inner `None`: nobody.
    pub writer: Option<Option<LongWriter>>,
}

/// A process that keeps everybody else from writing.
#[derive(Clone, Debug, PartialEq)]
pub struct LongWriter {
    pub pid: i64,
    pub program: String,
    /// At least so long.
    pub held: Length,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// Outer `None`: not known; inner: there is none.
    pub newest: Option<Option<Timestamp>>,
    /// A newer one, whose file is not where it was made.
    pub gone: Option<String>,
    pub proved: Option<Option<Timestamp>>,
    pub every: Length,
    pub is_same_disk: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    pub is_running: bool,
    pub seen_at: Option<Timestamp>,
    pub open_files_max: Option<u64>,
    pub uid: Option<u32>,
    /// Bytes the kernel could still give.
    pub memory_free: Option<u64>,
    /// Children that did not end well in the last day.
    pub deaths: Option<usize>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tasks {
    pub without_owner: Vec<String>,
    pub without_expects: Vec<String>,
    pub without_rollback: Vec<String>,
    pub without_timeout: Vec<String>,
    /// `retry_safe=False`, and retried all the same.
    pub retried_unsafe: Vec<String>,
    pub held: i64,
    pub waiting_since: Option<Timestamp>,
    pub discarded: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedules {
    pub broken: Vec<String>,
    pub never_run: Vec<String>,
    pub unreachable: Vec<String>,
    pub health: ScheduleHealth,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    pub is_synchronised: Option<bool>,
    /// `2025b`, or the mark that the scheduler keeps.
    pub zones: Option<String>,
    /// How far the newest that the store knows lies in the future.
    pub ahead: Option<Length>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Security {
    pub is_served: bool,
    pub bind: String,
    pub public_url: Option<String>,
    /// `login`, `proxy` or `none`.
    pub auth: &'static str,
    pub has_proxies: bool,
    pub users: Option<usize>,
    pub endless_tokens: Option<Vec<String>>,
    /// Names of variables, tasks, jobs: never a value.
    pub environment: Option<Vec<String>>,
    pub arguments: Option<Vec<String>>,
    pub logs: Option<Vec<String>>,
    pub config_mode: Option<u32>,
    pub config_holds_secrets: bool,
    /// `.env` beside the configuration; inner `None`: there is none.
    pub dotenv_mode: Option<Option<u32>>,
    pub body_max: usize,
    /// What the web server before the service is configured to let through.
    pub proxy: Option<super::proxy::Proxy>,
    /// Headers that the running dashboard does not send.
    pub missing_headers: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Number and start of the one that is open.
    pub open: Option<Option<(i64, Timestamp)>>,
    pub has_staging: bool,
    pub rehearsed: Option<Option<Rehearsed>>,
    pub expires: Length,
    /// Tracked files that were changed; `None`: no repository.
    pub dirt: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsed {
    pub at: Timestamp,
    pub passed: bool,
    pub is_of_this_revision: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// systemd's figure, 0.0 to 10.0.
    pub exposure: Option<f64>,
    /// Scratch folders whose holders are gone.
    pub leftovers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Alerts {
    pub receivers: usize,
    /// Deliveries of the last day that failed.
    pub undelivered: Option<usize>,
}

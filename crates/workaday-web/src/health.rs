//! Is it well? Three questions, from cheap to thorough; each check tells its value and its limit.
//!
//! `/health` says that the program answers and its engine turns; `/health/ready` that it can take work; `/health/deep`
//! everything that is known. A check whose value is not known is told as such and fails nothing; one without a limit is told
//! for those who have one of their own.

use crate::answer::{self, Answer};
use crate::asked::Asked;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, Problem};
use workaday_core::schedule::ScheduleState;

/// The engine says that it is there every 30 s.
const SILENCE_MAX_SECONDS: f64 = 90.0;
/// The oldest ready job of a queue that is not paused.
const WAITING_MAX_SECONDS: f64 = 300.0;
/// A schedule this long past its time, and not decided.
const LATE_SECONDS: i64 = 60;
/// The scheduler notes its turns within a minute and a half.
const SCHEDULER_SILENCE_MAX_SECONDS: f64 = 180.0;
const DISK_FREE_MIN_PERCENT: f64 = 5.0;
const WAL_MAX_BYTES: u64 = 256 << 20;
/// `/health/ready` takes the write lock; not more often than this.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// One check.
pub struct Check {
    pub name: &'static str,
    /// `None`: not known.
    pub ok: Option<bool>,
    pub value: Value,
    pub limit: Value,
    pub unit: &'static str,
}

impl Check {
    fn at_most(name: &'static str, value: Option<f64>, limit: f64, unit: &'static str) -> Self {
        Self { name, ok: value.map(|value| value <= limit), value: json!(value), limit: json!(limit), unit }
    }

    fn at_least(name: &'static str, value: Option<f64>, limit: f64, unit: &'static str) -> Self {
        Self { name, ok: value.map(|value| value >= limit), value: json!(value), limit: json!(limit), unit }
    }

    fn fact(name: &'static str, ok: bool, value: Value) -> Self {
        Self { name, ok: Some(ok), value, limit: json!(true), unit: "" }
    }
}

pub fn live(asked: &Asked<'_>) -> Result<Answer, Problem> {
    Ok(answer(&[engine(asked)?]))
}

pub fn ready(asked: &Asked<'_>) -> Result<Answer, Problem> {
    Ok(answer(&[engine(asked)?, writable(asked), waiting(asked)?]))
}

pub fn deep(asked: &Asked<'_>) -> Result<Answer, Problem> {
    let size = Size::of(asked);
    let alerts = asked.reader.alerts(false, None, 1_000).map_err(|error| error.problem())?.len();
    let workers = asked.reader.workers(false, 1_000).map_err(|error| error.problem())?;
    let (schedules, backups) = (schedules(asked)?, backups(asked)?);
    let children = workers.iter().filter(|worker| worker.kind != "supervisor").count();
    Ok(answer(&[
        engine(asked)?,
        writable(asked),
        waiting(asked)?,
        Check::at_most("late_schedules", Some(late_schedules(asked)?.0 as f64), 0.0, "schedules"),
        Check::at_most("broken_schedules", Some(late_schedules(asked)?.1 as f64), 0.0, "schedules"),
        Check::at_most("oldest_due_tick", Some(schedules.oldest_due), LATE_SECONDS as f64, "seconds"),
        // Without a schedule nobody needs to look for ticks.
        Check::at_most("scheduler_heard", schedules.silence, SCHEDULER_SILENCE_MAX_SECONDS, "seconds"),
        Check { name: "workers", ok: None, value: json!(children), limit: Value::Null, unit: "processes" },
        Check { name: "open_alerts", ok: None, value: json!(alerts), limit: Value::Null, unit: "alerts" },
        Check { name: "store_size", ok: None, value: json!(size.store), limit: Value::Null, unit: "bytes" },
        Check::at_most("wal_size", size.wal.map(|bytes| bytes as f64), WAL_MAX_BYTES as f64, "bytes"),
        Check::at_least("disk_free", size.free_percent(), DISK_FREE_MIN_PERCENT, "percent"),
        // Not everybody backs up with us: without any there is nothing to judge.
        Check::at_most("last_backup", backups.age, asked.window.options.backup_every.0 as f64 * 2.0 / 1e6, "seconds"),
        Check { name: "last_backup_proof", ok: None, value: json!(backups.proof_age), limit: Value::Null, unit: "seconds" },
    ]))
}

fn answer(checks: &[Check]) -> Answer {
    let ok = checks.iter().all(|check| check.ok != Some(false));
    let shown: serde_json::Map<String, Value> = checks
        .iter()
        .map(|check| (check.name.to_owned(), json!({"ok": check.ok, "value": check.value, "limit": check.limit, "unit": check.unit})))
        .collect();
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &json!({"status": if ok { "ok" } else { "failing" }, "checks": shown}))
}

/// Seconds since the engine was last heard of.
pub fn silence(asked: &Asked<'_>) -> Result<Option<f64>, Problem> {
    let workers = asked.reader.workers(false, 1_000).map_err(|error| error.problem())?;
    let seen = workers.iter().filter(|worker| worker.kind == "supervisor").map(|worker| worker.seen_at).max();
    Ok(seen.map(|seen| seconds(asked.now, seen)))
}

fn engine(asked: &Asked<'_>) -> Result<Check, Problem> {
    // Without a row there is no engine: that is a failure, not something unknown.
    let check = Check::at_most("engine_heard", silence(asked)?, SILENCE_MAX_SECONDS, "seconds");
    Ok(Check { ok: Some(check.ok == Some(true)), ..check })
}

fn seconds(now: Timestamp, since: Timestamp) -> f64 {
    (now - since).0.max(0) as f64 / 1e6
}

static WRITTEN: Mutex<Option<(Instant, bool)>> = Mutex::new(None);

fn writable(asked: &Asked<'_>) -> Check {
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, ok)) = *written
        && at.elapsed() < WRITE_EVERY
    {
        return Check::fact("store_writable", ok, json!(ok));
    }
    let ok = asked.window.writing(|_| Ok(())).is_ok();
    *written = Some((Instant::now(), ok));
    Check::fact("store_writable", ok, json!(ok))
}

fn waiting(asked: &Asked<'_>) -> Result<Check, Problem> {
    // The oldest is found without counting those behind it.
    let queues = asked.reader.loads(asked.now, 1).map_err(|error| error.problem())?;
    let oldest = queues.iter().filter(|queue| !queue.paused).filter_map(|queue| queue.oldest_waiting_at).min();
    let waited = oldest.map_or(0.0, |oldest| seconds(asked.now, oldest));
    Ok(Check::at_most("oldest_waiting", Some(waited), WAITING_MAX_SECONDS, "seconds"))
}

/// Late, broken.
pub fn late_schedules(asked: &Asked<'_>) -> Result<(usize, usize), Problem> {
    let schedules = asked.reader.schedules().map_err(|error| error.problem())?;
    let late = schedules
        .iter()
        .filter(|row| row.state == ScheduleState::Active && row.paused_at.is_none())
        .filter(|row| row.next_at.is_some_and(|next| (asked.now - next).0 > LATE_SECONDS * 1_000_000))
        .count();
    Ok((late, schedules.iter().filter(|row| row.state == ScheduleState::Broken).count()))
}

/// Does somebody decide ticks, and in time? Seconds.
pub struct Schedules {
    /// For how long the earliest undecided tick has been due; 0: none is.
    pub oldest_due: f64,
    /// Since the scheduler last looked; `None`: there is nothing that ticks, or it never looked.
    pub silence: Option<f64>,
}

pub fn schedules(asked: &Asked<'_>) -> Result<Schedules, Problem> {
    let health = asked.reader.schedule_health(asked.now).map_err(|error| error.problem())?;
    Ok(Schedules {
        oldest_due: health.oldest_due_at.map_or(0.0, |at| seconds(asked.now, at)),
        silence: health.last_turn_at.filter(|_| health.on > 0).map(|at| seconds(asked.now, at)),
    })
}

/// Seconds since the newest backup that still stands was made, and since one was last proved to restore.
pub struct Backups {
    pub age: Option<f64>,
    pub proof_age: Option<f64>,
}

pub fn backups(asked: &Asked<'_>) -> Result<Backups, Problem> {
    let status = asked.reader.backup_status().map_err(|error| error.problem())?;
    Ok(Backups {
        age: status.newest.map(|row| seconds(asked.now, row.at)),
        proof_age: status.proved.and_then(|row| row.proved_at).map(|at| seconds(asked.now, at)),
    })
}

/// Bytes of the store's files, and of the file system they stand on.
pub struct Size {
    pub store: Option<u64>,
    pub wal: Option<u64>,
    pub free: Option<u64>,
    pub whole: Option<u64>,
}

impl Size {
    pub fn of(asked: &Asked<'_>) -> Self {
        let database = &asked.window.options.database;
        let mut wal = database.clone().into_os_string();
        wal.push("-wal");
        let bytes = |path: &std::path::Path| std::fs::metadata(path).ok().map(|found| found.len());
        let system = rustix::fs::statvfs(database).ok();
        Self {
            store: bytes(database),
            wal: bytes(wal.as_ref()),
            free: system.as_ref().map(|system| system.f_bavail * system.f_frsize),
            whole: system.map(|system| system.f_blocks * system.f_frsize),
        }
    }

    pub fn free_percent(&self) -> Option<f64> {
        self.free.zip(self.whole).filter(|(_, whole)| *whole > 0).map(|(free, whole)| free as f64 * 100.0 / whole as f64)
    }
}

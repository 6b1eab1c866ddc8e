//! The loop: wait for something, take it in, let the engine take its turn, carry out what it says.
//!
//! One thread. What blocks is the commit alone; children have work ahead for that time.

mod acting;
mod ending;
mod hearing;
mod waiting;

use self::ending::End;
use crate::child::{ChildProcess, Recipe};
use crate::clocks::{ClockWatch, moment};
use crate::command::Commands;
use crate::ending::{Doing, WAITS};
use crate::lock::{ChildrenLock, beside};
use crate::measures::MeasureSocket;
use crate::notify::Notifier;
use crate::orphans;
use crate::signals::Signals;
use crate::storage;
use crate::up::Reload;
use crate::wakeup::{WakeSocket, WalWatch};
use crate::zone_data::ZoneWatch;
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem};
use workaday_engine::{ChildNo, Engine, Moment, Settings, Turn};
use workaday_store::{StoreError, WorkerRow};

/// Reads from one child before the others get their turn.
const READS_MAX: usize = 4;
const MEMORY_PERIOD: Length = Length::millis(200);
/// Between the end of a dying child's wire and its end for waitpid (large processes take a while to be torn down).
const DEATH_MOMENT: Length = Length::millis(500);
const STORAGE_PERIOD: Length = Length::seconds(5);
/// Between two looks for adopted processes that have died.
const ADOPTED_PERIOD: Length = Length::seconds(1);
const BUSY_PAUSE: Length = Length::millis(20);
const TROUBLE_PAUSE: Length = Length::seconds(1);
/// Two input/output errors within this time end the supervisor: somebody with a longer arm should look.
const TROUBLE_WINDOW: Length = Length::seconds(60);

/// Everything that lives as long as one `workaday up`.
pub struct Supervisor {
    pub engine: Engine,
    pub recipe: Recipe,
    pub children_lock: ChildrenLock,
    pub wake: WakeSocket,
    pub measures: Option<MeasureSocket>,
    pub wal: Option<WalWatch>,
    pub signals: Signals,
    pub database: PathBuf,
    pub ready_settings: String,
    pub reload: Option<Reload>,
    processes: BTreeMap<ChildNo, ChildProcess>,
    commands: Commands,
    memory_at: Timestamp,
    storage_at: Timestamp,
    adopted_at: Timestamp,
    not_before: Timestamp,
    io_error_at: Option<Timestamp>,
    storage_stopped: bool,
    pub(super) zones: ZoneWatch,
    clocks: ClockWatch,
    pub(super) notifier: Notifier,
    end: End,
    doing: Doing,
}

impl Supervisor {
    #[allow(clippy::too_many_arguments)] // the parts that `up` has made, each once
    pub fn new(
        engine: Engine,
        recipe: Recipe,
        commands: Commands,
        children_lock: ChildrenLock,
        wake: WakeSocket,
        wal: Option<WalWatch>,
        signals: Signals,
        database: PathBuf,
        doing: Doing,
    ) -> Supervisor {
        let now = moment().steady;
        let ready_settings = ready_settings(&engine.settings);
        Supervisor {
            engine,
            recipe,
            children_lock,
            wake,
            wal,
            signals,
            database,
            ready_settings,
            measures: None,
            reload: None,
            processes: BTreeMap::new(),
            commands,
            memory_at: now,
            storage_at: now,
            adopted_at: now,
            not_before: now,
            io_error_at: None,
            storage_stopped: false,
            zones: ZoneWatch::new(),
            clocks: ClockWatch::new(),
            notifier: Notifier::of_environment(),
            end: End::default(),
            doing,
        }
    }

    /// Runs until drained, or until the store cannot be trusted.
    pub fn run(&mut self) -> Result<(), Problem> {
        // Asked to end while it came up: then nothing is started.
        self.signalled(moment());
        while !self.is_done() {
            self.doing.now("in the middle of a turn, with the store");
            self.turn()?;
            // Before the next wait: what comes while it lasts is for the next supervisor.
            if self.is_done() {
                break;
            }
            self.doing.now(WAITS);
            let ready = self.wait();
            self.doing.now("taking in what its children said");
            self.take_in(&ready);
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.engine.is_done() && self.processes.is_empty() && self.commands.is_idle()
    }

    /// After a drain: this process says of itself that it left in order. Best effort, as all is written that matters.
    pub fn sign_off(&mut self) {
        if let Err(error) = self.engine.sign_off(moment()) {
            tracing::warn!("the end of this supervisor could not be written down: {}", error.problem().message);
        }
    }

    fn turn(&mut self) -> Result<(), Problem> {
        let now = moment();
        self.look_at_end(now)?;
        if now.steady < self.not_before {
            return Ok(());
        }
        self.look_at_storage(now);
        self.look_at_time(now);
        match self.engine.turn(now) {
            Ok(turn) => {
                if let Some(wal) = &self.wal {
                    wal.forget();
                }
                self.report(&turn);
                self.carry_out(turn.commands);
                self.notifier.turned(now.steady, self.engine.is_draining());
                Ok(())
            }
            Err(error) => {
                // Somebody else's lock and a full disk are waited for: to be ended and started again would mend neither, and
                // would cost what runs.
                if matches!(error, StoreError::Busy { .. } | StoreError::Full { .. }) {
                    self.notifier.waited(now.steady);
                }
                self.trouble(error, now)
            }
        }
    }

    fn report(&mut self, turn: &Turn) {
        for id in &turn.settled.stale {
            tracing::warn!(job.id = %id, "a late outcome of job {id} was refused: its claim is no longer ours");
        }
        if turn.settled.discarded > 0 {
            let jobs = turn.settled.discarded;
            let said = if jobs == 1 { "1 job was".to_owned() } else { format!("{jobs} jobs were") };
            tracing::warn!(jobs, "{said} discarded: attempts used up");
        }
        for why in &turn.unfit {
            tracing::warn!("{why}; `workaday schedule diff` says what was expected");
        }
        for moved in &turn.moved {
            let shown = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            let (from, to) = (shown(moved.from), shown(moved.to));
            tracing::warn!(
                schedule = moved.schedule,
                "the time zone data changed: the next tick of {} moves from {from} to {to}",
                moved.schedule
            );
        }
        if turn.held > 0 {
            let said = if turn.held == 1 { "1 job is".to_owned() } else { format!("{} jobs are", turn.held) };
            tracing::info!(jobs = turn.held, "{said} held");
        }
    }

    /// Clocks that were set, a machine that slept, zone data that changed: each is said, and acted upon where it matters.
    fn look_at_time(&mut self, now: Moment) {
        for what in self.clocks.look() {
            tracing::warn!("{what}");
        }
        if let Some(data) = self.zones.look(now.steady) {
            tracing::debug!("time zone data: {data}");
            self.engine.zone_data(data);
        }
    }

    /// What the store's refusal means: wait, stop claiming, or end.
    fn trouble(&mut self, error: StoreError, now: Moment) -> Result<(), Problem> {
        match &error {
            StoreError::Busy { .. } => self.not_before = now.steady + BUSY_PAUSE,
            StoreError::OutcomeUnknown { .. } => self.not_before = now.steady + BUSY_PAUSE,
            StoreError::Full { .. } => {
                self.stop_claims("the disk is full");
                self.not_before = now.steady + TROUBLE_PAUSE;
            }
            StoreError::Io { .. } => {
                let again = self.io_error_at.is_some_and(|at| now.steady - at < TROUBLE_WINDOW && now.steady - at >= TROUBLE_PAUSE);
                if again {
                    return self.end_now(error.problem());
                }
                self.io_error_at.get_or_insert(now.steady);
                self.stop_claims("the store could not be read or written");
                self.not_before = now.steady + TROUBLE_PAUSE;
            }
            _ => return self.end_now(error.problem()),
        }
        tracing::warn!(%error, "{error}; what waits is kept and tried again");
        Ok(())
    }

    fn stop_claims(&mut self, why: &str) {
        self.storage_stopped = true;
        self.engine.claims_stopped.get_or_insert_with(|| why.to_owned());
    }

    /// Storage that cannot be trusted: children are ended, so that nothing runs whose outcome could not be kept.
    fn end_now(&mut self, problem: Problem) -> Result<(), Problem> {
        self.processes.values_mut().for_each(|child| child.signal(Signal::KILL));
        self.commands.kill_all(moment());
        Err(problem)
    }

    /// Below the floor nothing new is claimed; above it again, claims go on by themselves.
    fn look_at_storage(&mut self, now: Moment) {
        if now.steady < self.storage_at {
            return;
        }
        self.storage_at = now.steady + STORAGE_PERIOD;
        let wal_bytes = std::fs::metadata(beside(&self.database, "-wal")).map_or(0, |found| found.len());
        let floor = storage::floor_bytes(wal_bytes, self.engine.crew.flights.len());
        let Some(free) = storage::free_bytes(&self.database) else { return };
        if free < floor && self.engine.claims_stopped.is_none() {
            tracing::error!(free, floor, "the disk is nearly full ({} MiB free): running jobs finish, nothing new starts", free >> 20);
            self.stop_claims("the disk is nearly full");
        } else if free >= floor && self.storage_stopped {
            tracing::info!(free, "there is room on the disk again: claims go on");
            self.storage_stopped = false;
            self.engine.claims_stopped = None;
            self.engine.wake();
        }
    }
}

/// When a child that should go is overdue. One that has closed its wire without a goodbye is most likely dying: the kernel
/// closes its descriptors first, and waitpid says a moment later what it died of. One that got SIGTERM for a job that ended
/// in that very moment has nothing any more for which it would be killed.
fn leaves_by(child: &ChildProcess, kill_after: Length) -> Option<Timestamp> {
    let closed = child.closed_at.map(|at| at + if child.said_bye { kill_after } else { DEATH_MOMENT });
    let termed = child.termed_at.map(|at| at + kill_after);
    closed.into_iter().chain(termed).min()
}

/// What a child is told in `ready`.
fn ready_settings(settings: &Settings) -> String {
    json!({"kill_after_us": settings.kill_after.0, "log_line_bytes": workaday_engine::journal::LINE_BYTES}).to_string()
}

pub(crate) fn worker_row(kind: &'static str, pid: i64, release: Option<String>) -> WorkerRow {
    WorkerRow { kind, pid, boot_id: orphans::boot_id(), process_started_at: orphans::process_started_at(pid), release, info: None }
}

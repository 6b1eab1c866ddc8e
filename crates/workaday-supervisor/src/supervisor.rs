//! The loop: wait for something, take it in, let the engine take its turn, carry out what it says.
//!
//! One thread. What blocks is the commit alone; children have work ahead for that time.

use crate::child::{ChildProcess, Recipe};
use crate::clocks::moment;
use crate::command::{Commands, Part};
use crate::death;
use crate::lock::{ChildrenLock, beside};
use crate::memory::resident_bytes;
use crate::orphans;
use crate::signals::Signals;
use crate::storage;
use crate::translate;
use crate::up::Reload;
use crate::wakeup::{WakeSocket, WalWatch};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::path::PathBuf;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem};
use workaday_engine::crew::ChildKind;
use workaday_engine::event::Line;
use workaday_engine::{ChildNo, Command, Engine, Event, Moment, Seq, Settings, Turn};
use workaday_store::{StoreError, WorkerRow};
use workaday_wire::Frame;

/// Reads from one child before the others get their turn.
const READS_MAX: usize = 4;
const MEMORY_PERIOD: Length = Length::millis(200);
/// Between the end of a dying child's wire and its end for waitpid (large processes take a while to be torn down).
const DEATH_MOMENT: Length = Length::millis(500);
const STORAGE_PERIOD: Length = Length::seconds(5);
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
    pub wal: Option<WalWatch>,
    pub signals: Signals,
    pub database: PathBuf,
    pub ready_settings: String,
    pub reload: Option<Reload>,
    processes: BTreeMap<ChildNo, ChildProcess>,
    commands: Commands,
    memory_at: Timestamp,
    storage_at: Timestamp,
    not_before: Timestamp,
    io_error_at: Option<Timestamp>,
    storage_stopped: bool,
}

/// Which descriptor a poll entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Signals,
    Wake,
    Wal,
    Wire(ChildNo),
    Stdout(ChildNo),
    Stderr(ChildNo),
    End(ChildNo),
    Command(ChildNo, Part),
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
            reload: None,
            processes: BTreeMap::new(),
            commands,
            memory_at: now,
            storage_at: now,
            not_before: now,
            io_error_at: None,
            storage_stopped: false,
        }
    }

    /// Runs until drained, or until the store cannot be trusted.
    pub fn run(&mut self) -> Result<(), Problem> {
        while !(self.engine.is_done() && self.processes.is_empty() && self.commands.is_idle()) {
            self.turn()?;
            let ready = self.wait();
            self.take_in(&ready);
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Problem> {
        let now = moment();
        if now.steady < self.not_before {
            return Ok(());
        }
        self.look_at_storage(now);
        match self.engine.turn(now) {
            Ok(turn) => {
                if let Some(wal) = &self.wal {
                    wal.forget();
                }
                self.report(&turn);
                self.carry_out(turn.commands);
                Ok(())
            }
            Err(error) => self.trouble(error, now),
        }
    }

    fn report(&mut self, turn: &Turn) {
        for id in &turn.settled.stale {
            tracing::warn!(job.id = %id, "a late outcome of job {id} was refused: its claim is no longer ours");
        }
        if turn.settled.discarded > 0 {
            tracing::warn!(jobs = turn.settled.discarded, "{} jobs were discarded: attempts used up", turn.settled.discarded);
        }
        if turn.held > 0 {
            tracing::info!(jobs = turn.held, "{} jobs are held", turn.held);
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

    // -- waiting -----------------------------------------------------------------------------------------------------

    fn wait(&mut self) -> Vec<Source> {
        let now = moment();
        let mut until = self.engine.next_at(now).max(self.not_before);
        if let Some(at) = self.wal.as_ref().and_then(WalWatch::next_at) {
            until = until.min(at);
        }
        let kill_after = self.engine.settings.kill_after;
        if let Some(at) = self.processes.values().filter(|child| !child.signalled).filter_map(|child| leaves_by(child, kill_after)).min() {
            until = until.min(at);
        }
        if let Some(at) = self.commands.next_at(self.engine.settings.kill_after) {
            until = until.min(at);
        }
        if self.watches_memory() {
            until = until.min(self.memory_at);
        }
        let wait = (until - now.steady).0.max(0);
        let timeout = Timespec { tv_sec: wait / 1_000_000, tv_nsec: (wait % 1_000_000) * 1_000 };
        let sources = self.sources();
        let mut fds: Vec<PollFd<'_>> = sources.iter().map(|source| self.poll_fd(*source)).collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(_) => Vec::new(),
            Ok(_) => sources.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty()).map(|(source, _)| *source).collect(),
        }
    }

    fn sources(&self) -> Vec<Source> {
        let mut sources = vec![Source::Signals, Source::Wake];
        sources.extend(self.wal.as_ref().map(|_| Source::Wal));
        for (no, child) in &self.processes {
            // A closed wire would be readable for ever.
            sources.extend(child.closed_at.is_none().then_some(Source::Wire(*no)));
            sources.extend(child.stdout.as_ref().map(|_| Source::Stdout(*no)));
            sources.extend(child.stderr.as_ref().map(|_| Source::Stderr(*no)));
            sources.push(Source::End(*no));
        }
        sources.extend(self.commands.sources().into_iter().map(|(no, part)| Source::Command(no, part)));
        sources
    }

    fn poll_fd(&self, source: Source) -> PollFd<'_> {
        if let Source::Command(no, part) = source {
            return self.commands.poll_fd(no, part);
        }
        let child = |no: ChildNo| &self.processes[&no];
        let (fd, flags) = match source {
            Source::Signals => (self.signals.fd(), PollFlags::IN),
            Source::Wake => (self.wake.fd(), PollFlags::IN),
            Source::Wal => (self.wal.as_ref().expect("a source only when there").fd(), PollFlags::IN),
            Source::Wire(no) => {
                let out = if child(no).wants_to_write() { PollFlags::OUT } else { PollFlags::empty() };
                (child(no).wire.as_fd(), PollFlags::IN | out)
            }
            Source::Stdout(no) => (child(no).stdout.as_ref().expect("a source only when there").file.as_fd(), PollFlags::IN),
            Source::Stderr(no) => (child(no).stderr.as_ref().expect("a source only when there").file.as_fd(), PollFlags::IN),
            Source::End(no) => (child(no).pidfd.as_fd(), PollFlags::IN),
            Source::Command(..) => unreachable!("answered above"),
        };
        PollFd::from_borrowed_fd(fd, flags)
    }

    // -- taking in ---------------------------------------------------------------------------------------------------

    fn take_in(&mut self, ready: &[Source]) {
        let now = moment();
        for source in ready {
            match *source {
                Source::Signals => self.signalled(now),
                Source::Wake => {
                    if self.wake.drain() {
                        self.engine.wake();
                    }
                }
                Source::Wal => self.wal.iter_mut().for_each(|wal| wal.woken(now.steady)),
                Source::Wire(no) => self.wire(no, now),
                Source::Stdout(no) | Source::Stderr(no) => self.output(no, *source == Source::Stdout(no), now),
                Source::Command(no, part) => {
                    let events = self.commands.output(no, part, now);
                    self.hand_over(events, now);
                }
                Source::End(_) => {}
            }
        }
        // Ends come last: what a dying child had still said counts.
        for source in ready {
            match *source {
                Source::End(no) => self.end(no, now),
                Source::Command(no, Part::End) => {
                    let events = self.commands.end(no, now);
                    self.hand_over(events, now);
                }
                _ => {}
            }
        }
        self.recheck_wal(now);
        self.measure(now);
        self.end_lingering(now);
        self.commands.end_lingering(self.engine.settings.kill_after, now);
    }

    fn hand_over(&mut self, events: Vec<Event>, now: Moment) {
        events.into_iter().for_each(|event| self.engine.handle(event, now));
    }

    /// A child that has closed its wire gets nothing more and says nothing more: it goes, or is made to.
    fn end_lingering(&mut self, now: Moment) {
        let patience = self.engine.settings.kill_after;
        for child in self.processes.values_mut().filter(|child| !child.signalled) {
            if leaves_by(child, patience).is_some_and(|at| now.steady >= at) {
                tracing::warn!(child = child.no.0, "child {} closed its wire but did not end; it is killed", child.no.0);
                child.signal(Signal::KILL);
            }
        }
    }

    fn signalled(&mut self, now: Moment) {
        for signal in self.signals.read() {
            if signal == libc::SIGHUP {
                self.reload();
                continue;
            }
            let again = self.engine.is_draining();
            self.engine.stop(now);
            match again {
                false => tracing::info!("draining: running jobs may finish within the grace, nothing new starts"),
                true => tracing::info!("asked again: the grace is over"),
            }
        }
    }

    /// Takes over a changed configuration whole, or keeps the old one whole.
    fn reload(&mut self) {
        let Some(reload) = &mut self.reload else { return tracing::warn!("SIGHUP: there is no configuration to read again") };
        match reload() {
            Ok((settings, commands)) => {
                // The application is found at the start, and not again.
                let settings = Settings { has_app: self.recipe.application.is_some(), ..settings };
                let other_commands = self.commands.reconfigure(commands);
                if settings == self.engine.settings && !other_commands {
                    return tracing::info!("SIGHUP: the configuration has not changed");
                }
                self.ready_settings = ready_settings(&settings);
                self.engine.reconfigure(settings);
                if other_commands {
                    self.engine.state_commands(self.commands.stated(), self.recipe.release.clone());
                }
                tracing::info!(
                    "SIGHUP: the configuration was read again and holds from now on; `app` and `database` hold from the next start"
                );
            }
            Err(problem) => tracing::error!("SIGHUP: the configuration was refused, the old one goes on\n{problem}"),
        }
    }

    fn recheck_wal(&mut self, now: Moment) {
        let Some(wal) = &mut self.wal else { return };
        if !wal.is_due(now.steady) {
            return;
        }
        let changed = self.engine.store().changed().unwrap_or(true);
        if changed {
            self.engine.wake();
        }
        wal.checked(changed, now.steady);
    }

    fn wire(&mut self, no: ChildNo, now: Moment) {
        let Some(child) = self.processes.get_mut(&no) else { return };
        child.flush();
        for _ in 0..READS_MAX {
            if !child.read(now.steady) {
                break;
            }
        }
        self.frames(no, now);
    }

    /// Hands every whole frame of a child to the engine. What breaks the protocol ends the child.
    fn frames(&mut self, no: ChildNo, now: Moment) {
        loop {
            let Some(child) = self.processes.get_mut(&no) else { return };
            match child.decoder.next() {
                Ok(None) => return,
                Ok(Some(frame)) => self.frame(no, frame, now),
                Err(error) => {
                    tracing::error!(child = no.0, %error, "child {} broke the protocol and is ended", no.0);
                    child.signal(Signal::KILL);
                    return;
                }
            }
        }
    }

    fn frame(&mut self, no: ChildNo, frame: Frame, now: Moment) {
        match frame {
            Frame::Hello { json } => self.hello(no, &json, now),
            Frame::Bye { json } => {
                let Some(child) = self.processes.get_mut(&no) else { return };
                child.said_bye = true;
                if let Some(problem) = translate::import_error(&json) {
                    self.start_failed(no, problem, now);
                }
            }
            Frame::Heartbeat { .. } | Frame::Evidence { .. } => {}
            frame => {
                if let Some(event) = translate::event(no, frame, now) {
                    self.engine.handle(event, now);
                }
            }
        }
    }

    fn hello(&mut self, no: ChildNo, json: &str, now: Moment) {
        let Some(child) = self.processes.get_mut(&no) else { return };
        let pid = i64::from(child.pid);
        match translate::hello(no, json, pid) {
            Ok(event) => {
                child.queue(&Frame::Ready { json: self.ready_settings.clone() });
                child.flush();
                let row = worker_row(child.kind.as_str(), pid, self.recipe.release.clone());
                self.engine.enter_worker(no, row);
                self.engine.handle(event, now);
            }
            Err(problem) => {
                child.signal(Signal::KILL);
                self.start_failed(no, problem, now);
            }
        }
    }

    fn start_failed(&mut self, no: ChildNo, problem: String, now: Moment) {
        let app = self.recipe.application.as_ref().map_or("", |application| &application.app);
        tracing::error!(child = no.0, "the application `{app}` could not be imported: {problem}");
        self.engine.handle(Event::StartFailed { child: no, problem }, now);
    }

    /// Raw output of a child: of the one job that runs there alone, else marked as the child's.
    fn output(&mut self, no: ChildNo, is_stdout: bool, now: Moment) {
        let Some(child) = self.processes.get_mut(&no) else { return };
        let seq = alone(&self.engine, child);
        let pipe = if is_stdout { &mut child.stdout } else { &mut child.stderr };
        let mut lines = Vec::new();
        let open = pipe.as_mut().is_some_and(|pipe| pipe.read_lines(&mut |line| lines.push(line)));
        if !open {
            *pipe = None;
        }
        for text in lines {
            if seq.is_none() {
                tracing::info!(child = no.0, "child {}: {}", no.0, text.escape_debug());
            }
            let line = Line { stream: "raw", level: None, logger: None, text, at: now.wall };
            self.engine.handle(Event::Log { child: no, seq, line }, now);
        }
    }

    /// A process is dead: hear its last words, collect it, end what it left, judge.
    fn end(&mut self, no: ChildNo, now: Moment) {
        let Some(child) = self.processes.get_mut(&no) else { return };
        let ours = child.signalled;
        // Before it is collected its number cannot be anybody else's: what it left in its group goes now.
        child.signal(Signal::KILL);
        let Some((status, peak_kib)) = child.reap() else { return };
        while child.read(now.steady) {}
        self.frames(no, now);
        for is_stdout in [true, false] {
            self.output(no, is_stdout, now);
        }
        let Some(child) = self.processes.remove(&no) else { return };
        let left = orphans::end_marked(&child.mark);
        let oom = death::oom_kills() > child.oom_before;
        let death = death::explain(status, peak_kib, ours, oom);
        let begun = match child.page.begun() {
            0 => None,
            seq => Some(Seq(seq)),
        };
        if !(child.said_bye && libc::WIFEXITED(status)) {
            tracing::warn!(child = no.0, pid = child.pid, "{} child {} {}", child.kind.as_str(), no.0, death.words);
        }
        if left > 0 {
            tracing::warn!(child = no.0, processes = left, "{left} processes that child {} had started outlived it and were ended", no.0);
        }
        self.engine.handle(Event::ChildEnded { child: no, death, begun, written: child.written }, now);
    }

    fn watches_memory(&self) -> bool {
        let limited = |no: &ChildNo| self.engine.child(*no).is_some_and(|c| c.kind == ChildKind::Solo && !c.order.is_empty());
        self.engine.settings.recycle_above_bytes.is_some() || self.processes.keys().any(limited) || self.commands.watches_memory()
    }

    fn measure(&mut self, now: Moment) {
        if now.steady < self.memory_at || !self.watches_memory() {
            return;
        }
        self.memory_at = now.steady + MEMORY_PERIOD;
        let sizes: Vec<(ChildNo, u64)> = self.processes.values().filter_map(|c| Some((c.no, resident_bytes(i64::from(c.pid))?))).collect();
        for (child, resident_bytes) in sizes {
            self.engine.handle(Event::Memory { child, resident_bytes }, now);
        }
        if self.commands.watches_memory() {
            let events = self.commands.measure();
            self.hand_over(events, now);
        }
    }

    // -- carrying out ------------------------------------------------------------------------------------------------

    fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            self.one(command);
        }
        self.processes.values_mut().filter(|child| child.wants_to_write()).for_each(ChildProcess::flush);
    }

    fn one(&mut self, command: Command) {
        match command {
            Command::Spawn { child, kind } => self.spawn(child, kind),
            Command::Job { child, job } => self.queue(child, &translate::job_frame(job)),
            Command::Run { child, job } => {
                let kill_after = self.engine.settings.kill_after;
                let ended = self.commands.start(&self.recipe, self.children_lock.file(), child, &job, kill_after);
                self.hand_over(ended.into_iter().collect(), moment());
            }
            Command::Recall { child } => self.queue(child, &Frame::Recall { nonce: child.0 }),
            Command::Stop { child, .. } if self.commands.has(child) => self.commands.ask(child),
            Command::Stop { child, seq, why } => self.queue(child, &Frame::Cancel { seq: seq.0, why: translate::cancel_why(why) }),
            Command::Drain { child } => self.queue(child, &Frame::Drain),
            Command::Term { child } | Command::Kill { child } if self.commands.has(child) => self.commands.kill(child, moment()),
            Command::Term { child } => self.signal(child, Signal::TERM),
            Command::Kill { child } => self.signal(child, Signal::KILL),
        }
    }

    fn queue(&mut self, no: ChildNo, frame: &Frame) {
        if let Some(child) = self.processes.get_mut(&no) {
            child.queue(frame);
        }
    }

    fn signal(&mut self, no: ChildNo, signal: Signal) {
        if let Some(child) = self.processes.get_mut(&no) {
            child.signal(signal);
        }
    }

    fn spawn(&mut self, no: ChildNo, kind: ChildKind) {
        match ChildProcess::spawn(&self.recipe, no, kind, self.children_lock.file()) {
            Ok(child) => drop(self.processes.insert(no, child)),
            Err(error) => {
                // Out of processes or descriptors: tried again later, no job fails for it.
                let now = moment();
                tracing::error!(%error, "a {} child could not be started: {error}; it is tried again", kind.as_str());
                self.engine.handle(Event::StartFailed { child: no, problem: format!("no process: {error}") }, now);
                let death = workaday_engine::Death { cause: json!({"kind": "spawn"}), words: format!("could not be started: {error}") };
                self.engine.handle(Event::ChildEnded { child: no, death, begun: None, written: None }, now);
            }
        }
    }
}

/// When a child that has closed its wire is overdue. Without a goodbye it is most likely dying: the kernel closes its
/// descriptors first, and waitpid says a moment later what it died of.
fn leaves_by(child: &ChildProcess, kill_after: Length) -> Option<Timestamp> {
    Some(child.closed_at? + if child.said_bye { kill_after } else { DEATH_MOMENT })
}

/// What a child is told in `ready`.
fn ready_settings(settings: &Settings) -> String {
    json!({"kill_after_us": settings.kill_after.0, "log_line_bytes": workaday_engine::journal::LINE_BYTES}).to_string()
}

/// The one job that runs alone in this child, if raw output can be told to be its.
fn alone(engine: &Engine, child: &ChildProcess) -> Option<Seq> {
    let order = &engine.child(child.no)?.order;
    let first = *order.front()?;
    let begun = child.page.begun() >= first.0;
    (order.len() == 1 && (begun || child.kind != ChildKind::Async)).then_some(first)
}

pub(crate) fn worker_row(kind: &'static str, pid: i64, release: Option<String>) -> WorkerRow {
    WorkerRow { kind, pid, boot_id: orphans::boot_id(), process_started_at: orphans::process_started_at(pid), release, info: None }
}

//! Taking in what came: frames, output, signals, ends.

use super::waiting::Source;
use super::{ADOPTED_PERIOD, MEMORY_PERIOD, READS_MAX, Supervisor, leaves_by, ready_settings, worker_row};
use crate::child::{ChildProcess, first_dead, reap};
use crate::clocks::moment;
use crate::command::Part;
use crate::memory::resident_bytes;
use crate::{death, orphans, translate};
use rustix::process::Signal;
use workaday_engine::crew::ChildKind;
use workaday_engine::event::Line;
use workaday_engine::{ChildNo, Engine, Event, Moment, Seq, Settings};
use workaday_wire::Frame;

impl Supervisor {
    pub(super) fn take_in(&mut self, ready: &[Source]) {
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
                Source::Measures => self.measures.iter_mut().for_each(|socket| socket.take_in(&mut self.engine, now)),
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
        self.collect_adopted(now);
        self.recheck_wal(now);
        self.measure(now);
        self.end_lingering(now);
        self.commands.end_lingering(self.engine.settings.kill_after, now);
    }

    /// What a job left running is ours once its parent is dead, and so is its corpse: uncollected ones would fill the
    /// table of processes.
    fn collect_adopted(&mut self, now: Moment) {
        if now.steady < self.adopted_at {
            return;
        }
        self.adopted_at = now.steady + ADOPTED_PERIOD;
        // One that is known has its own end to be heard; what is behind it has time until the next look.
        while let Some(pid) =
            first_dead().filter(|pid| !self.commands.has_process(*pid) && self.processes.values().all(|child| child.pid != *pid))
        {
            if reap(pid).is_none() {
                return;
            }
        }
    }

    pub(super) fn hand_over(&mut self, events: Vec<Event>, now: Moment) {
        events.into_iter().for_each(|event| self.engine.handle(event, now));
    }

    /// A child that has closed its wire, or was asked to go, gets nothing more: it goes, or is made to.
    pub(super) fn end_lingering(&mut self, now: Moment) {
        let patience = self.engine.settings.kill_after;
        for child in self.processes.values_mut().filter(|child| !child.killed) {
            if leaves_by(child, patience).is_some_and(|at| now.steady >= at) {
                tracing::warn!(child = child.no.0, "child {} was to go but did not end; it is killed", child.no.0);
                child.signal(Signal::KILL);
            }
        }
    }

    pub(super) fn signalled(&mut self, now: Moment) {
        for signal in self.signals.read() {
            if signal == libc::SIGHUP {
                self.notifier.reloading(now.steady);
                self.reload();
                self.notifier.reloaded();
                continue;
            }
            let again = self.engine.is_draining();
            self.engine.stop(now);
            self.end.asked(if again { now.steady } else { self.doing.came_at(now.steady) });
            self.doing.ends_by(self.ends_by());
            match again {
                false => tracing::info!("draining: running jobs may finish within the grace, nothing new starts"),
                true => tracing::info!("asked again: the grace is over"),
            }
        }
    }

    /// Takes over a changed configuration whole, or keeps the old one whole.
    pub(super) fn reload(&mut self) {
        self.zones.look_again();
        let Some(reload) = &mut self.reload else { return tracing::warn!("SIGHUP: there is no configuration to read again") };
        match reload() {
            Ok((settings, commands)) => {
                // The application is found at the start, and not again.
                let settings = Settings { has_app: self.recipe.application.is_some(), ..settings };
                let other_commands = self.commands.reconfigure(commands);
                if settings == self.engine.settings && !other_commands {
                    return tracing::info!("SIGHUP: nothing that jobs run by has changed");
                }
                self.ready_settings = ready_settings(&settings);
                self.doing.within(settings.ends_within());
                self.engine.reconfigure(settings);
                let _ = other_commands; // schedules may have changed without a command
                self.engine.state_commands(self.commands.stated(), self.recipe.release.clone());
                tracing::info!(
                    "SIGHUP: the configuration was read again and holds from now on; `app` and `database` hold from the next start"
                );
            }
            Err(problem) => tracing::error!("SIGHUP: the configuration was refused, the old one goes on\n{problem}"),
        }
    }

    pub(super) fn recheck_wal(&mut self, now: Moment) {
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

    pub(super) fn wire(&mut self, no: ChildNo, now: Moment) {
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
    pub(super) fn frames(&mut self, no: ChildNo, now: Moment) {
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

    pub(super) fn frame(&mut self, no: ChildNo, frame: Frame, now: Moment) {
        match frame {
            Frame::Hello { json } => self.hello(no, &json, now),
            Frame::Bye { json } => {
                let Some(child) = self.processes.get_mut(&no) else { return };
                child.said_bye = true;
                if let Some(problem) = translate::import_error(&json) {
                    self.start_failed(no, problem, now);
                }
            }
            Frame::Heartbeat { .. } => {}
            frame => {
                if let Some(event) = translate::event(no, frame, now) {
                    self.engine.handle(event, now);
                }
            }
        }
    }

    pub(super) fn hello(&mut self, no: ChildNo, json: &str, now: Moment) {
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

    pub(super) fn start_failed(&mut self, no: ChildNo, problem: String, now: Moment) {
        let app = self.recipe.application.as_ref().map_or("", |application| &application.app);
        tracing::error!(child = no.0, "the application `{app}` could not be imported: {problem}");
        self.engine.handle(Event::StartFailed { child: no, problem }, now);
    }

    /// Raw output of a child: of the one job that runs there alone, else marked as the child's.
    pub(super) fn output(&mut self, no: ChildNo, is_stdout: bool, now: Moment) {
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
    pub(super) fn end(&mut self, no: ChildNo, now: Moment) {
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
        let left = orphans::end_below(&child.mark);
        let oom = death::oom_kills() > child.oom_before;
        // A goodbye and exit code 0 is how a child leaves that was told to; anything else is a death.
        let is_orderly = child.said_bye && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
        let death = if is_orderly { death::drained(peak_kib) } else { death::explain(status, peak_kib, ours, oom) };
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

    pub(super) fn watches_memory(&self) -> bool {
        let limited = |no: &ChildNo| self.engine.child(*no).is_some_and(|c| c.kind == ChildKind::Solo && !c.order.is_empty());
        self.engine.settings.recycle_above_bytes.is_some() || self.processes.keys().any(limited) || self.commands.watches_memory()
    }

    pub(super) fn measure(&mut self, now: Moment) {
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
}

/// The one job that runs alone in this child, if raw output can be told to be its.
fn alone(engine: &Engine, child: &ChildProcess) -> Option<Seq> {
    let order = &engine.child(child.no)?.order;
    let first = *order.front()?;
    let begun = child.page.begun() >= first.0;
    (order.len() == 1 && (begun || child.kind != ChildKind::Async)).then_some(first)
}

//! Carrying out what the engine says about processes.

use super::Supervisor;
use crate::child::ChildProcess;
use crate::clocks::moment;
use crate::translate;
use rustix::process::Signal;
use serde_json::json;
use workaday_engine::crew::ChildKind;
use workaday_engine::{ChildNo, Command, Event};
use workaday_store::crash_point;
use workaday_wire::Frame;

impl Supervisor {
    pub(super) fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            self.one(command);
        }
        self.processes.values_mut().filter(|child| child.wants_to_write()).for_each(ChildProcess::flush);
    }

    pub(super) fn one(&mut self, command: Command) {
        match command {
            Command::Spawn { child, kind } => self.spawn(child, kind),
            Command::Job { child, job } => self.queue(child, &translate::job_frame(job)),
            Command::Run { child, job } => {
                let kill_after = self.engine.settings.kill_after;
                crash_point!("command.before_start");
                let ended = self.commands.start(&self.recipe, self.children_lock.file(), child, &job, kill_after, moment());
                crash_point!("command.started");
                self.hand_over(ended, moment());
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

    pub(super) fn queue(&mut self, no: ChildNo, frame: &Frame) {
        if let Some(child) = self.processes.get_mut(&no) {
            child.queue(frame);
        }
    }

    pub(super) fn signal(&mut self, no: ChildNo, signal: Signal) {
        if let Some(child) = self.processes.get_mut(&no) {
            child.signal(signal);
        }
    }

    pub(super) fn spawn(&mut self, no: ChildNo, kind: ChildKind) {
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

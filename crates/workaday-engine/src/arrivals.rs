//! What an event from a process means: outcomes become settlements, deaths are judged, catalogues taken over.

use crate::catalogue::is_command;
use crate::chores::Chore;
use crate::claimer::Backlog;
use crate::crew::{Child, ChildKind, ChildState, Flight, Stop};
use crate::engine::Engine;
use crate::event::{ChildNo, Command, CommandEnd, Death, Ended, Event, Seq, Spent, StopWhy};
use crate::moment::Moment;
use crate::settler::{Pending, RanIn};
use workaday_core::catalogue::TaskEntry;
use workaday_core::lifecycle::Outcome;
use workaday_store::WorkerRow;

/// What a child says of itself when it is ready.
struct Hello {
    catalogue: Vec<TaskEntry>,
    raw: Vec<String>,
    hash: String,
    release: Option<String>,
    pid: i64,
}

impl Engine {
    /// Takes in one event. Nothing is written before the next turn.
    pub fn handle(&mut self, event: Event, now: Moment) {
        match event {
            Event::Ready { child, catalogue, raw, hash, release, pid } => {
                self.ready(child, Hello { catalogue, raw, hash, release, pid }, now)
            }
            Event::StartFailed { child, problem } => self.start_failed(child, problem, now),
            Event::Started { seq, at, .. } => {
                if let Some(flight) = self.crew.flights.get_mut(&seq) {
                    flight.started_at = Some(at);
                }
            }
            Event::Outcome { child, seq, ended, spent } => self.outcome(child, seq, ended, spent, now),
            Event::Evidence { seq, evidence, .. } => {
                if let Some(flight) = self.crew.flights.get_mut(&seq) {
                    flight.evidence = Some(evidence);
                }
            }
            Event::Recalled { child, seqs } => self.recalled(child, &seqs, now),
            Event::Progress { seq, share, note, .. } => self.progress(seq, share, note),
            Event::Log { seq, line, .. } => {
                if let Some(flight) = seq.and_then(|seq| self.crew.flights.get_mut(&seq)) {
                    self.journal.add(flight, line, now.steady);
                }
            }
            Event::Memory { child, resident_bytes } => self.memory(child, resident_bytes),
            Event::CommandEnded { child, end } => self.command_ended(child, end, now),
            Event::ChildEnded { child, death, begun, .. } => self.child_ended(child, &death, begun, now),
        }
    }

    fn ready(&mut self, no: ChildNo, hello: Hello, now: Moment) {
        let Some(child) = self.crew.children.get_mut(&no) else {
            return;
        };
        if child.state == ChildState::Starting {
            child.state = ChildState::Ready;
        }
        child.release.clone_from(&hello.release);
        child.pid = hello.pid;
        child.idle_since = now.steady;
        self.staffing.started();
        if hello.hash != self.catalogue_hash {
            self.take_over(hello);
        }
        self.unblock();
        self.wake();
    }

    /// A new catalogue: tasks that came back lift their holds.
    fn take_over(&mut self, hello: Hello) {
        let is_taken = |entry: &TaskEntry| is_command(entry) || self.catalogue.get(&entry.name).is_some_and(|task| is_command(&task.entry));
        let (taken, entries): (Vec<_>, Vec<_>) = hello.catalogue.into_iter().zip(hello.raw).partition(|(entry, _)| is_taken(entry));
        self.catalogue_hash = hello.hash;
        let stated = entries.iter().flat_map(|(entry, _)| entry.schedules.clone()).collect();
        self.state(false, entries, hello.release);
        self.chores.push(Chore::Schedules { code: Some(stated) });
        self.chores.extend(taken.into_iter().map(|(entry, _)| Chore::Alert {
            code: "command.name_taken".into(),
            message: format!(
                "the application has a task {0}, but workaday.toml has a command of that name; {0} runs the command",
                entry.name
            ),
            subject: entry.name,
        }));
        self.chores.push(Chore::CloseAlert { code: "worker.import_failed".into(), subject: "app".into() });
    }

    /// The commands of the configuration, each with its JSON: stated by the supervisor, before the first turn.
    ///
    /// The tasks of the application stay as its children stated them, and the other way round.
    pub fn state_commands(&mut self, entries: Vec<(TaskEntry, String)>, release: Option<String>) {
        if !entries.is_empty() || self.catalogue.of_side(true).next().is_some() {
            self.state(true, entries, release);
        }
        self.chores.push(Chore::Schedules { code: None });
    }

    fn state(&mut self, commands: bool, entries: Vec<(TaskEntry, String)>, release: Option<String>) {
        self.catalogue.replace_side(commands, entries.iter().map(|(entry, _)| entry.clone()).collect());
        self.chores.extend(entries.iter().map(|(entry, _)| Chore::LiftTask { task: entry.name.clone() }));
        let kept = self.catalogue.of_side(!commands).map(|task| task.entry.name.clone()).collect();
        self.chores.push(Chore::Catalogue { entries, kept, release });
    }

    /// The row that a supervisor writes for a child once it knows its process.
    pub fn enter_worker(&mut self, child: ChildNo, row: WorkerRow) {
        self.chores.push(Chore::OpenWorker { child, row });
    }

    fn start_failed(&mut self, no: ChildNo, problem: String, now: Moment) {
        self.staffing.start_failed(now.steady);
        if let Some(child) = self.crew.children.get_mut(&no) {
            child.state = ChildState::Ending;
        }
        let running = self.crew.children.values().filter(|c| c.kind != ChildKind::Command && c.state == ChildState::Ready).count();
        let meanwhile = match running {
            0 => "nothing runs; waiting jobs are kept".to_owned(),
            n => format!("{n} children with the earlier code go on"),
        };
        let message = format!("the application could not be imported: {problem}; {meanwhile}");
        self.chores.push(Chore::Alert { code: "worker.import_failed".into(), subject: "app".into(), message });
    }

    fn outcome(&mut self, no: ChildNo, seq: Seq, ended: Ended, spent: Spent, now: Moment) {
        let Some(mut flight) = self.crew.land(seq, now.steady) else {
            return;
        };
        let mut ran_in = RanIn::default();
        if let Some(child) = self.crew.children.get_mut(&no) {
            child.jobs_done += 1;
            ran_in = child.ran_in();
        }
        if matches!(ended, Ended::Completed { .. } | Ended::Failed { .. }) {
            flight.task.learn(spent.ran_us);
        }
        self.journal.close(&mut flight, now.steady);
        self.settler.add(Pending::from_outcome(flight, ended, spent, ran_in, now));
        self.unblock();
    }

    fn recalled(&mut self, no: ChildNo, seqs: &[Seq], now: Moment) {
        if let Some(child) = self.crew.children.get_mut(&no) {
            child.recalling = false;
        }
        for seq in seqs {
            if let Some(flight) = self.crew.land(*seq, now.steady) {
                self.settler.add(Pending::not_begun(flight, now));
            }
        }
        self.unblock();
    }

    fn progress(&mut self, seq: Seq, share: f64, note: String) {
        if let Some(flight) = self.crew.flights.get(&seq) {
            self.chores.push(Chore::Progress { key: flight.key, fence: flight.fence, share, note });
        }
    }

    fn memory(&mut self, no: ChildNo, resident_bytes: u64) {
        let Some(child) = self.crew.children.get_mut(&no) else {
            return;
        };
        child.resident_bytes = resident_bytes;
        let Some(flight) = child.order.front().and_then(|seq| self.crew.flights.get_mut(seq)) else {
            return;
        };
        let over = flight.task.entry.memory_bytes.is_some_and(|limit| resident_bytes > limit.max(0) as u64);
        if over && !flight.over_memory {
            flight.over_memory = true;
            flight.stop = Stop::Killed { why: flight.stop.why().unwrap_or(StopWhy::ByHand) };
            child.state = ChildState::Ending;
            self.commands.push(Command::Kill { child: no });
        }
    }

    /// Judges what the end of a process means for each job that was sent there.
    fn child_ended(&mut self, no: ChildNo, death: &Death, begun: Option<Seq>, now: Moment) {
        let Some(child) = self.crew.children.remove(&no) else {
            return;
        };
        if let Some(worker) = child.worker {
            self.chores.push(Chore::CloseWorker { worker, cause: death.words.clone() });
        }
        if child.state == ChildState::Starting {
            // It said nothing of an import error, so its end is all we know.
            self.start_failed(no, death.words.clone(), now);
        }
        let flights: Vec<Flight> = child.order.iter().filter_map(|seq| self.crew.land(*seq, now.steady)).collect();
        let begun_count = flights.iter().filter(|f| has_begun(f, begun)).count();
        let stopped_by_us = flights.iter().any(|f| has_begun(f, begun) && f.stop != Stop::Not);
        for mut flight in flights {
            self.journal.close(&mut flight, now.steady);
            let pending = match has_begun(&flight, begun) {
                false => Pending::not_begun(flight, now),
                true => {
                    let outcome = verdict(&flight, begun_count, stopped_by_us);
                    Pending::from_death(flight, outcome, death, Spent::default(), child.ran_in(), now)
                }
            };
            self.settler.add(pending);
        }
        self.unblock();
        self.wake();
    }

    /// What the end of a command means: its exit code, unless we had asked it to stop.
    fn command_ended(&mut self, no: ChildNo, end: CommandEnd, now: Moment) {
        let Some(child) = self.crew.children.remove(&no) else {
            return;
        };
        let flight = child.order.front().and_then(|seq| self.crew.land(*seq, now.steady));
        if let Some(mut flight) = flight {
            self.journal.close(&mut flight, now.steady);
            let CommandEnd { ended, death, spent } = end;
            // After a stop the code says little: many programs leave with 0 on SIGTERM, their work half done.
            let by_itself = flight.stop == Stop::Not && !flight.over_memory;
            self.settler.add(match ended.filter(|_| by_itself) {
                Some(ended) => Pending::from_outcome(flight, ended, spent, child.ran_in(), now),
                None => {
                    let outcome = verdict(&flight, 1, false);
                    Pending::from_death(flight, outcome, &death, spent, child.ran_in(), now)
                }
            });
        }
        self.unblock();
        self.wake();
    }

    /// A job has ended or a child has come: what was blocked for want of room may fit now.
    fn unblock(&mut self) {
        for backlog in &mut self.backlog {
            if *backlog == Backlog::Blocked {
                *backlog = Backlog::Ready;
            }
        }
    }

    /// The child's own state, for tests and the status page.
    pub fn child(&self, no: ChildNo) -> Option<&Child> {
        self.crew.children.get(&no)
    }
}

fn has_begun(flight: &Flight, begun: Option<Seq>) -> bool {
    begun.is_some_and(|begun| flight.seq <= begun)
}

/// What the death of its process means for a job that had begun there.
fn verdict(flight: &Flight, begun_count: usize, stopped_by_us: bool) -> Outcome {
    if flight.over_memory {
        return Outcome::OverMemory;
    }
    match flight.stop.why() {
        Some(StopWhy::Timeout) => Outcome::TimedOut,
        Some(StopWhy::ByHand) => Outcome::Cancelled,
        Some(StopWhy::Drain) => Outcome::GivenBack { frame_written: true },
        // Killed for another's sake: an innocent sibling.
        None if stopped_by_us => Outcome::GivenBack { frame_written: true },
        None if begun_count == 1 => Outcome::CrashedAlone { frame_written: true },
        None => Outcome::CrashedAmongSuspects,
    }
}

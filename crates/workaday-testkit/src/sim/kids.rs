//! Children, pretended: they start, say hello, run code that ends well, badly, late or never, die at any frame, and lie late.

use super::history::What;
use super::release;
use super::tap::{Room, Tap};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use workaday_core::clock::Timestamp;
use workaday_engine::crew::ChildKind;
use workaday_engine::event::{CommandEnd, Ended, Spent, StopWhy};
use workaday_engine::{ChildNo, Command, Death, Event, JobFrame, Seq};

/// What will happen at some instant in one supervisor's processes.
pub enum Happening {
    Hello {
        child: ChildNo,
    },
    CannotImport {
        child: ChildNo,
    },
    Over {
        child: ChildNo,
        seq: Seq,
    },
    Die {
        child: ChildNo,
    },
    /// A word on its way.
    Word(Event),
}

/// Code that runs.
struct Run {
    frame: JobFrame,
    ended: Ended,
}

struct Kid {
    kind: ChildKind,
    release: u32,
    queue: VecDeque<JobFrame>,
    runs: Vec<Run>,
    begun: Option<Seq>,
    draining: bool,
}

/// All processes of one supervisor, with what will happen to them.
pub struct Kids {
    kids: BTreeMap<ChildNo, Kid>,
    agenda: BTreeMap<(i64, u64), Happening>,
    number: u64,
    generation: i64,
    /// Releases whose budgets are in the history.
    said: Vec<u32>,
    /// Faults are off: everything ends well and soon.
    pub calm: bool,
    /// The release that a child started now imports.
    pub release: u32,
}

impl Kids {
    pub fn new(generation: i64, release: u32, calm: bool) -> Self {
        Self { kids: BTreeMap::new(), agenda: BTreeMap::new(), number: 0, generation, said: Vec::new(), calm, release }
    }

    pub fn next_at(&self) -> Option<i64> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    fn plan(&mut self, at: i64, happening: Happening) {
        self.number += 1;
        self.agenda.insert((at, self.number), happening);
    }

    /// All that is due, as words to the supervisor.
    pub fn live(&mut self, chance: &mut fastrand::Rng, room: &mut Room) -> Vec<Event> {
        let mut words = Vec::new();
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= room.boot) {
            match entry.remove() {
                Happening::Hello { child } => self.hello(child, room, &mut words),
                Happening::CannotImport { child } => {
                    words.push(Event::StartFailed { child, problem: "simulated: no such module".into() });
                    self.plan(room.boot + 1_000, Happening::Die { child });
                }
                Happening::Over { child, seq } => self.over(child, seq, chance, room),
                Happening::Die { child } => self.die(child, chance, room, &mut words),
                Happening::Word(word) => words.push(word),
            }
        }
        words
    }

    /// One of them is killed from outside.
    pub fn kill_one(&mut self, chance: &mut fastrand::Rng, at: i64) {
        if let Some(child) = (!self.kids.is_empty()).then(|| self.kids.keys().nth(chance.usize(0..self.kids.len()))).flatten() {
            let child = *child;
            self.plan(at, Happening::Die { child });
        }
    }

    /// Everything ends at once, with the supervisor.
    pub fn end(&mut self, room: &mut Room) {
        for kid in self.kids.values() {
            kid.runs.iter().for_each(|run| room.note(What::Ended { id: run.frame.id, fence: run.frame.fence }));
        }
        self.kids.clear();
        self.agenda.clear();
    }

    pub fn carry_out(&mut self, command: Command, chance: &mut fastrand::Rng, room: &mut Room) {
        let now = room.boot;
        match command {
            Command::Spawn { child, kind } => self.spawn(child, kind, chance, now),
            Command::Job { child, job } => {
                if let Some(kid) = self.kids.get_mut(&child) {
                    kid.queue.push_back(job);
                }
                self.pump(child, chance, room);
            }
            Command::Run { child, job } => {
                self.enter(child, ChildKind::Command);
                self.kids.get_mut(&child).expect("just entered").queue.push_back(job);
                self.pump(child, chance, room);
            }
            Command::Recall { child } => {
                let Some(kid) = self.kids.get_mut(&child) else { return };
                let seqs = kid.queue.drain(..).map(|frame| frame.seq).collect();
                self.plan(now + 300, Happening::Word(Event::Recalled { child, seqs }));
            }
            Command::Stop { child, seq, why } => self.stop(child, seq, why, chance, now),
            Command::Drain { child } => {
                let Some(kid) = self.kids.get_mut(&child) else { return };
                kid.draining = true;
                let left: Vec<JobFrame> = kid.queue.drain(..).collect();
                let idle = kid.runs.is_empty();
                for frame in left {
                    self.say(child, frame.seq, Ended::GivenBack, now + 500);
                }
                if idle {
                    self.plan(now + 2_000, Happening::Die { child });
                }
            }
            Command::Term { child } => {
                if self.calm || chance.u32(0..10) < 7 {
                    self.plan(now + 5_000, Happening::Die { child });
                }
            }
            Command::Kill { child } => self.plan(now + 1_000, Happening::Die { child }),
        }
    }

    fn enter(&mut self, child: ChildNo, kind: ChildKind) {
        let release = self.release;
        self.kids.insert(child, Kid { kind, release, queue: VecDeque::new(), runs: Vec::new(), begun: None, draining: false });
    }

    fn spawn(&mut self, child: ChildNo, kind: ChildKind, chance: &mut fastrand::Rng, now: i64) {
        self.enter(child, kind);
        let at = now + chance.i64(20_000..200_000);
        let happening = match chance.u32(0..100) {
            0..3 if !self.calm => Happening::CannotImport { child },
            3..5 if !self.calm => Happening::Die { child },
            5 if !self.calm => return,
            _ => Happening::Hello { child },
        };
        self.plan(at, happening);
    }

    fn hello(&mut self, child: ChildNo, room: &mut Room, words: &mut Vec<Event>) {
        let Some(kid) = self.kids.get(&child) else { return };
        let release = kid.release;
        let (catalogue, raw) = (*release::stated(release)).clone();
        if !self.said.contains(&release) {
            self.said.push(release);
            for entry in &catalogue {
                room.note(What::Budget { task: entry.name.clone(), attempts: entry.attempts(), once: entry.at_most_once });
            }
        }
        let (hash, release) = (release.to_string(), Some(format!("r{release}")));
        words.push(Event::Ready { child, catalogue, raw, hash, release, pid: child.0 as i64 });
    }

    fn say(&mut self, child: ChildNo, seq: Seq, ended: Ended, at: i64) {
        let spent = Spent { ran_us: 500, ..Spent::default() };
        self.plan(at, Happening::Word(Event::Outcome { child, seq, ended, spent }));
    }

    /// Begins what can begin.
    fn pump(&mut self, child: ChildNo, chance: &mut fastrand::Rng, room: &mut Room) {
        loop {
            let Some(kid) = self.kids.get_mut(&child) else { return };
            if kid.draining || (kid.kind != ChildKind::Async && !kid.runs.is_empty()) {
                return;
            }
            let Some(frame) = kid.queue.pop_front() else { return };
            kid.begun = kid.begun.max(Some(frame.seq));
            let release = kid.release;
            self.begin(child, frame, release, chance, room);
        }
    }

    fn begin(&mut self, child: ChildNo, frame: JobFrame, release: u32, chance: &mut fastrand::Rng, room: &mut Room) {
        let now = room.boot;
        let is_command = frame.task == "t.cmd";
        if !is_command && !release::tasks_has(&frame.task, release) {
            return self.say(child, frame.seq, Ended::UnknownTask, now + 200);
        }
        if release::misfits(&frame.task, Tap::number(&frame.args), release) {
            return self.say(child, frame.seq, Ended::Misfit { error: "{}".into() }, now + 200);
        }
        room.note(What::Started { id: frame.id, fence: frame.fence, generation: self.generation });
        let length = match chance.u32(0..20) {
            0..14 => chance.i64(100..20_000),
            14..18 => chance.i64(20_000..1_500_000),
            _ if self.calm => 30_000,
            _ => chance.i64(1_500_000..12_000_000),
        };
        let (seq, once, error) = (frame.seq, frame.task == "t.once", r#"{"type":"Boom","message":"simulated"}"#.to_owned());
        let completed = Ended::Completed { result: Some("null".into()), mark: None };
        let ended = match chance.u32(0..100) {
            _ if self.calm => completed,
            0..12 => Ended::Failed { error, retry: true },
            12..14 => Ended::Failed { error, retry: false },
            14..17 if !once && !is_command => Ended::Snoozed { until: Timestamp(room.wall + chance.i64(0..8_000_000)) },
            17 => Ended::Cancelled { error: None },
            18 => Ended::Discarded { error: None },
            19 => Ended::OverMemory { error: None },
            20 => Ended::Completed { result: Some("x".repeat(8)), mark: Some("result.not_stored: simulated".into()) },
            _ => completed,
        };
        match chance.u32(0..100) {
            0..4 if !self.calm => self.plan(now + length, Happening::Die { child }),
            4..6 if !self.calm => {} // hangs until it is killed
            _ => self.plan(now + length, Happening::Over { child, seq }),
        }
        if let Some(kid) = self.kids.get_mut(&child) {
            kid.runs.push(Run { frame, ended });
        }
    }

    fn over(&mut self, child: ChildNo, seq: Seq, chance: &mut fastrand::Rng, room: &mut Room) {
        let now = room.boot;
        let Some(kid) = self.kids.get_mut(&child) else { return };
        let Some(place) = kid.runs.iter().position(|run| run.frame.seq == seq) else { return };
        let Run { frame, ended } = kid.runs.remove(place);
        let (kind, gone) = (kid.kind, kid.draining && kid.runs.is_empty());
        room.note(What::Ended { id: frame.id, fence: frame.fence });
        if kind == ChildKind::Command {
            self.kids.remove(&child);
            let spent = Spent { ran_us: 500, ..Spent::default() };
            let end = CommandEnd { ended: Some(ended), death: death("exited"), spent };
            return self.plan(now + 100, Happening::Word(Event::CommandEnded { child, end }));
        }
        self.say(child, seq, ended, now + chance.i64(0..2_000));
        match gone {
            true => self.plan(now + 2_500, Happening::Die { child }),
            false => self.pump(child, chance, room),
        }
    }

    fn stop(&mut self, child: ChildNo, seq: Seq, why: StopWhy, chance: &mut fastrand::Rng, now: i64) {
        let deaf = !self.calm && chance.u32(0..10) < 3;
        let Some(kid) = self.kids.get_mut(&child) else { return };
        if let Some(place) = kid.queue.iter().position(|frame| frame.seq == seq) {
            kid.queue.remove(place);
            return self.say(child, seq, Ended::GivenBack, now + 300);
        }
        let Some(run) = kid.runs.iter_mut().find(|run| run.frame.seq == seq) else { return };
        if deaf {
            return;
        }
        run.ended = match why {
            StopWhy::ByHand => Ended::Cancelled { error: None },
            StopWhy::Timeout => Ended::TimedOut { error: None },
            StopWhy::Drain => Ended::GivenBack,
        };
        self.plan(now + 10_000, Happening::Over { child, seq });
    }

    fn die(&mut self, child: ChildNo, chance: &mut fastrand::Rng, room: &mut Room, words: &mut Vec<Event>) {
        let Some(kid) = self.kids.remove(&child) else { return };
        let now = room.boot;
        for run in &kid.runs {
            room.note(What::Ended { id: run.frame.id, fence: run.frame.fence });
        }
        if kid.kind == ChildKind::Command {
            let end = CommandEnd { ended: None, death: death("killed by SIGKILL"), spent: Spent::default() };
            return words.push(Event::CommandEnded { child, end });
        }
        // Words that come after the death of who said them.
        if let Some(run) = kid.runs.first().filter(|_| chance.u32(0..4) == 0) {
            self.say(child, run.frame.seq, run.ended.clone(), now + chance.i64(0..3_000_000));
        }
        words.push(Event::ChildEnded { child, death: death("killed by SIGSEGV"), begun: kid.begun, written: kid.begun });
    }
}

fn death(words: &str) -> Death {
    Death { cause: json!({"kind": "simulated"}), words: words.to_owned() }
}

//! Who is there and who does what: children, the jobs in flight, and which child can start one more.

use crate::care::Care;
use crate::catalogue::Task;
use crate::event::{ChildNo, Command, JobFrame, Seq, StopWhy};
use crate::journal::LogState;
use crate::moment::Moment;
use crate::settings::Settings;
use crate::settler::RanIn;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use workaday_core::clock::Timestamp;
use workaday_core::job::{Fence, JobId, JobKey, Lane};
use workaday_core::measure::Evidence;

/// Frames ahead of a sync child at most, however short its jobs are.
const PIPELINE_FRAMES_MAX: usize = 512;

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChildKind {
    Sync,
    Async,
    Solo,
    /// Not Python: the process of one attempt of one command.
    Command,
}

impl ChildKind {
    /// The kinds of Python children.
    pub const PYTHON: [ChildKind; 3] = [ChildKind::Sync, ChildKind::Async, ChildKind::Solo];
    pub const fn as_str(self) -> &'static str {
        match self {
            ChildKind::Sync => "sync",
            ChildKind::Async => "async",
            ChildKind::Solo => "solo",
            ChildKind::Command => "command",
        }
    }
    /// The kind of child that runs jobs of a lane.
    pub const fn of(lane: Lane) -> ChildKind {
        match lane {
            Lane::Sync => ChildKind::Sync,
            Lane::Async => ChildKind::Async,
            Lane::Solo => ChildKind::Solo,
            Lane::Command => ChildKind::Command,
        }
    }
}

/// How far a child is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    Starting,
    Ready,
    /// Finishes what has begun; gets nothing new.
    Draining,
    /// Killed or told to go; only waitpid is awaited.
    Ending,
}

/// One process that runs jobs.
#[derive(Debug)]
pub struct Child {
    pub no: ChildNo,
    pub kind: ChildKind,
    pub state: ChildState,
    pub spawned_at: Timestamp,
    pub release: Option<String>,
    pub pid: i64,
    /// Its row in the workers table, once written.
    pub worker: Option<i64>,
    /// Jobs in the order sent, not settled yet.
    pub order: VecDeque<Seq>,
    /// Expected run time of all in `order`.
    pub expected_us: i64,
    pub jobs_done: u64,
    pub idle_since: Timestamp,
    pub recalling: bool,
    pub resident_bytes: u64,
}

impl Child {
    /// What the record of an attempt says of where it ran.
    pub fn ran_in(&self) -> RanIn {
        RanIn { child: format!("{} {}", self.kind.as_str(), self.pid), release: self.release.clone() }
    }
}

/// How far the stopping of a job is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stop {
    Not,
    /// Asked; `at` is when.
    Soft {
        why: StopWhy,
        at: Timestamp,
    },
    Term {
        why: StopWhy,
        at: Timestamp,
    },
    Killed {
        why: StopWhy,
    },
}

impl Stop {
    pub fn why(self) -> Option<StopWhy> {
        match self {
            Stop::Not => None,
            Stop::Soft { why, .. } | Stop::Term { why, .. } | Stop::Killed { why } => Some(why),
        }
    }
}

/// A claimed job that was sent to a child.
#[derive(Debug)]
pub struct Flight {
    pub seq: Seq,
    pub key: JobKey,
    pub id: JobId,
    pub fence: Fence,
    pub task: Arc<Task>,
    pub queue: String,
    pub lane: Lane,
    pub child: ChildNo,
    pub attempt: u32,
    pub run_at: Timestamp,
    /// Wall clock, as in the row.
    pub claimed_at: Timestamp,
    /// Steady clock. Known, or near enough: sent to an idle child, or the one before it ended.
    pub started_at: Option<Timestamp>,
    pub expected_us: i64,
    pub stop: Stop,
    /// The schedule that it is a run of.
    pub care: Option<Care>,
    /// Over its memory limit, as measured from outside.
    pub over_memory: bool,
    pub log: LogState,
    /// What its child counted, once told.
    pub evidence: Option<Box<Evidence>>,
}

/// A claim that has been committed and waits for its frame.
#[derive(Debug)]
pub struct Claimed {
    pub key: JobKey,
    pub id: JobId,
    pub fence: Fence,
    pub task: Arc<Task>,
    pub queue: String,
    pub lane: Lane,
    pub child: ChildNo,
    pub args: String,
    pub attempt: u32,
    pub run_at: Timestamp,
    pub tick: Option<String>,
    pub care: Option<Care>,
}

/// Room that is being handed out within one claim, before anything is committed.
#[derive(Debug)]
pub struct Room {
    children: Vec<(ChildNo, ChildKind, usize, i64)>,
    pipeline_us: i64,
    async_slots: usize,
    /// Commands that may still be started, and the number the next of them gets: their processes are not there yet.
    commands_left: usize,
    next_child: u64,
}

impl Room {
    /// Has this lane room for one more job of unknown length?
    pub fn any(&self, lane: Lane) -> bool {
        let kind = ChildKind::of(lane);
        if kind == ChildKind::Command {
            return self.commands_left > 0;
        }
        self.children.iter().any(|&(_, k, jobs, expected)| k == kind && self.fits(kind, jobs, expected, 1))
    }

    /// Is a child of this lane so short of work that a transaction for it alone is worth it?
    pub fn hungry(&self, lane: Lane) -> bool {
        let kind = ChildKind::of(lane);
        if kind == ChildKind::Command {
            return self.commands_left > 0;
        }
        self.children.iter().any(|&(_, k, jobs, expected)| {
            k == kind
                && match kind {
                    ChildKind::Sync => jobs == 0 || (jobs < PIPELINE_FRAMES_MAX / 2 && expected < self.pipeline_us / 2),
                    ChildKind::Async => jobs < self.async_slots - self.async_slots / 8,
                    ChildKind::Solo | ChildKind::Command => jobs == 0,
                }
        })
    }

    /// Room of a lane in jobs, roughly: how many candidates are worth reading.
    pub fn worth_reading(&self, lane: Lane) -> usize {
        let kind = ChildKind::of(lane);
        if kind == ChildKind::Command {
            return self.commands_left;
        }
        let room = self.children.iter().filter(|c| c.1 == kind).map(|&(_, _, jobs, _)| match kind {
            ChildKind::Sync => PIPELINE_FRAMES_MAX.saturating_sub(jobs),
            ChildKind::Async => self.async_slots.saturating_sub(jobs),
            ChildKind::Solo | ChildKind::Command => 1_usize.saturating_sub(jobs),
        });
        room.sum()
    }

    /// Gives a job of this expected length to the least busy child it fits, or says no.
    pub fn take(&mut self, lane: Lane, expected_us: Option<i64>) -> Option<ChildNo> {
        let kind = ChildKind::of(lane);
        if kind == ChildKind::Command {
            self.commands_left = self.commands_left.checked_sub(1)?;
            self.next_child += 1;
            return Some(ChildNo(self.next_child));
        }
        // Of unknown length: only to a child that has nothing else, so that nothing waits behind it.
        let length = expected_us.unwrap_or(i64::MAX / 4);
        let mut best: Option<usize> = None;
        for (index, &(_, k, jobs, expected)) in self.children.iter().enumerate() {
            let better = best.is_none_or(|b| (expected, jobs) < (self.children[b].3, self.children[b].2));
            if k == kind && better && self.fits(kind, jobs, expected, length) {
                best = Some(index);
            }
        }
        let chosen = &mut self.children[best?];
        chosen.2 += 1;
        chosen.3 = chosen.3.saturating_add(length);
        Some(chosen.0)
    }

    fn fits(&self, kind: ChildKind, jobs: usize, expected: i64, length: i64) -> bool {
        match kind {
            ChildKind::Sync => jobs == 0 || (jobs < PIPELINE_FRAMES_MAX && expected.saturating_add(length) <= self.pipeline_us),
            ChildKind::Async => jobs < self.async_slots,
            ChildKind::Solo | ChildKind::Command => jobs == 0,
        }
    }
}

/// All children and all jobs in flight.
#[derive(Debug, Default)]
pub struct Crew {
    pub children: BTreeMap<ChildNo, Child>,
    pub flights: HashMap<Seq, Flight>,
    by_key: HashMap<JobKey, Seq>,
    next_child: u64,
    next_seq: u64,
}

impl Crew {
    /// Enters a new child and says to spawn it.
    pub fn spawn(&mut self, kind: ChildKind, now: Timestamp) -> Command {
        let no = ChildNo(self.next_child + 1);
        self.enter(no, kind, ChildState::Starting, now);
        Command::Spawn { child: no, kind }
    }

    fn enter(&mut self, no: ChildNo, kind: ChildKind, state: ChildState, now: Timestamp) {
        self.next_child = self.next_child.max(no.0);
        let child = Child {
            no,
            kind,
            state,
            spawned_at: now,
            release: None,
            pid: 0,
            worker: None,
            order: VecDeque::new(),
            expected_us: 0,
            jobs_done: 0,
            idle_since: now,
            recalling: false,
            resident_bytes: 0,
        };
        self.children.insert(no, child);
    }

    /// Children of a kind that are there or on their way.
    pub fn count(&self, kind: ChildKind) -> usize {
        self.children.values().filter(|c| c.kind == kind && matches!(c.state, ChildState::Starting | ChildState::Ready)).count()
    }

    pub fn room(&self, settings: &Settings, now: Timestamp) -> Room {
        let children = self
            .children
            .values()
            .filter(|c| c.kind != ChildKind::Command && c.state == ChildState::Ready && !self.is_turned_long(c, settings, now))
            .map(|c| (c.no, c.kind, c.order.len(), c.expected_us))
            .collect();
        // Every one counts, also one that is being stopped: it still takes its share of the machine.
        let commands = self.children.values().filter(|c| c.kind == ChildKind::Command).count();
        Room {
            children,
            pipeline_us: settings.pipeline.0,
            async_slots: settings.async_slots,
            commands_left: settings.commands.saturating_sub(commands),
            next_child: self.next_child,
        }
    }

    /// A sync child whose head runs long gets nothing behind it; a job that is being stopped may take the process along.
    fn is_turned_long(&self, child: &Child, settings: &Settings, now: Timestamp) -> bool {
        let Some(head) = child.order.front().and_then(|seq| self.flights.get(seq)) else {
            return false;
        };
        match child.kind {
            ChildKind::Sync => child.recalling || head.started_at.is_some_and(|at| now - at > settings.recall_after),
            ChildKind::Async => {
                child.order.iter().any(|s| self.flights.get(s).is_some_and(|f| matches!(f.stop, Stop::Term { .. } | Stop::Killed { .. })))
            }
            ChildKind::Solo | ChildKind::Command => false,
        }
    }

    /// Enters a committed claim as a flight and makes its frame.
    pub fn launch(&mut self, claimed: Claimed, now: Moment) -> Option<Command> {
        if claimed.lane == Lane::Command {
            // Its number was handed out by the claim; the process comes with this command.
            self.enter(claimed.child, ChildKind::Command, ChildState::Ready, now.steady);
        }
        let child = self.children.get_mut(&claimed.child)?;
        self.next_seq += 1;
        let seq = Seq(self.next_seq);
        let expected_us = claimed.task.expected_us().unwrap_or(i64::MAX / 4);
        let begins_now = child.kind == ChildKind::Async || child.order.is_empty();
        child.order.push_back(seq);
        child.expected_us = child.expected_us.saturating_add(expected_us);
        let entry = &claimed.task.entry;
        let job = JobFrame {
            seq,
            id: claimed.id,
            task: entry.name.clone(),
            args: claimed.args,
            attempt: claimed.attempt,
            fence: claimed.fence.0,
            timeout_us: entry.timeout_us.unwrap_or(0),
            memory_bytes: entry.memory_bytes.unwrap_or(0).max(0) as u64,
            run_at: claimed.run_at,
            tick: claimed.tick,
            flush: entry.at_most_once,
        };
        self.by_key.insert(claimed.key, seq);
        self.flights.insert(
            seq,
            Flight {
                seq,
                key: claimed.key,
                id: claimed.id,
                fence: claimed.fence,
                task: claimed.task,
                queue: claimed.queue,
                lane: claimed.lane,
                child: claimed.child,
                attempt: claimed.attempt,
                run_at: claimed.run_at,
                claimed_at: now.wall,
                started_at: begins_now.then_some(now.steady),
                expected_us,
                stop: Stop::Not,
                care: claimed.care,
                over_memory: false,
                log: LogState::default(),
                evidence: None,
            },
        );
        Some(match claimed.lane {
            Lane::Command => Command::Run { child: claimed.child, job },
            _ => Command::Job { child: claimed.child, job },
        })
    }

    /// Takes a flight out: its claim has ended. The next in a sync child begins now, as far as we know.
    pub fn land(&mut self, seq: Seq, now: Timestamp) -> Option<Flight> {
        let flight = self.flights.remove(&seq)?;
        self.by_key.remove(&flight.key);
        if let Some(child) = self.children.get_mut(&flight.child) {
            match child.order.front() == Some(&seq) {
                true => drop(child.order.pop_front()),
                false => child.order.retain(|s| *s != seq),
            }
            child.expected_us = if child.order.is_empty() { 0 } else { child.expected_us.saturating_sub(flight.expected_us) };
            if child.order.is_empty() {
                child.idle_since = now;
            }
            if child.kind == ChildKind::Sync
                && let Some(next) = child.order.front().and_then(|s| self.flights.get_mut(s))
            {
                next.started_at.get_or_insert(now);
            }
        }
        Some(flight)
    }

    pub fn flight_of(&mut self, key: JobKey, fence: Fence) -> Option<&mut Flight> {
        let seq = *self.by_key.get(&key)?;
        self.flights.get_mut(&seq).filter(|flight| flight.fence == fence)
    }

    pub fn has_key(&self, key: JobKey) -> bool {
        self.by_key.contains_key(&key)
    }

    /// Jobs of a queue that run or wait in a child.
    pub fn in_queue(&self, queue: &str) -> usize {
        self.flights.values().filter(|f| f.queue == queue).count()
    }
}

//! What lies on the table of a child: jobs that wait, jobs that run, requests to stop, frames to send. One mutex guards it; no call into Python is made under it.

use crate::deadman::Deadman;
use crate::outbox::Outbox;
use crate::page::Page;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use workaday_wire::{CancelWhy, Frame, Job, Outcome, OutcomeKind};

/// A job that runs longer than this is announced by `started`.
pub const ANNOUNCED_AFTER: Duration = Duration::from_millis(5);

pub struct Desk {
    waiting: VecDeque<Job>,
    running: BTreeMap<u64, Running>,
    /// (CLOCK_MONOTONIC ns, seq) of the running jobs that have one.
    deadlines: BTreeSet<(u64, u64)>,
    /// Begun and not yet announced, oldest first: (seq, begun at).
    unannounced: VecDeque<(u64, u64)>,
    /// Requests to stop that an event loop has yet to carry out.
    pub stops: Vec<(u64, CancelWhy)>,
    /// Jobs received since an event loop asked.
    pub arrived: usize,
    pub ready: Option<String>,
    pub draining: bool,
    /// The main thread sleeps until its bell rings.
    pub main_sleeps: bool,
    /// While it sleeps, the main thread waits for frames itself.
    pub main_reads: bool,
    /// The post thread sleeps until its alarm or the socket wakes it.
    pub post_sleeps: bool,
    pub alarm_set: bool,
    pub outbox: Outbox,
    deadman: Deadman,
    page: Page,
    kill_after_ns: u64,
    /// Jobs begun so far: tells whether a job was alone all the time.
    begun: u64,
    /// CPU time at the end of the job before, when the next one follows at once.
    cpu_mark_us: Option<u64>,
}

struct Running {
    started_ns: u64,
    deadline_ns: Option<u64>,
    flush_at_once: bool,
    stop: Option<CancelWhy>,
    /// A job is interrupted once: a second exception could hit the code that handles the first.
    interrupted: bool,
    /// The count of begun jobs when it began, if no other was running then.
    alone_at: Option<u64>,
    cpu_from_us: u64,
}

/// How a job ended, as Python says it.
pub struct Ending<'a> {
    pub seq: u64,
    pub kind: OutcomeKind,
    pub retry: bool,
    pub until_us: i64,
    /// Processor time that the child has counted itself; 0: what the process took, if the job was alone.
    pub cpu_us: u64,
    pub mark: &'a str,
    pub payload: &'a str,
}

/// What a request to stop has met.
pub enum Stop {
    /// Told to the job; its thread or loop must be woken.
    Running,
    /// The job had ended, or was never here.
    Past,
    /// It had not begun: its outcome is written.
    Withdrawn,
}

impl Desk {
    pub fn new(deadman: Deadman, page: Page) -> Self {
        Self {
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            unannounced: VecDeque::new(),
            stops: Vec::new(),
            arrived: 0,
            ready: None,
            draining: false,
            main_sleeps: false,
            main_reads: false,
            post_sleeps: false,
            alarm_set: false,
            outbox: Outbox::default(),
            deadman,
            page,
            kill_after_ns: 0,
            begun: 0,
            cpu_mark_us: None,
        }
    }

    pub fn set_kill_after(&mut self, kill_after_ns: u64) {
        self.kill_after_ns = kill_after_ns;
        // The supervisor's own SIGKILL comes at 1.5, the timer at 2: a quarter early is still behind it.
        self.deadman.allow_slack(kill_after_ns / 4);
    }

    pub fn add(&mut self, job: Job, now_ns: u64) {
        self.arrived += 1;
        if self.draining {
            // Sent before the supervisor read that we drain.
            self.withdraw(job.seq, OutcomeKind::GivenBack, now_ns);
        } else {
            self.waiting.push_back(job);
        }
    }

    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Begins the oldest job that waits. From here on it counts as begun, whatever happens.
    pub fn begin(&mut self, now_ns: u64) -> Option<Job> {
        let job = self.waiting.pop_front()?;
        self.page.begin(job.seq, now_ns);
        let alone_at = self.running.is_empty().then_some(self.begun);
        let cpu_from_us = match (alone_at, self.cpu_mark_us.take()) {
            (None, _) => 0,
            (Some(_), Some(mark)) => mark,
            (Some(_), None) => crate::sys::usage().0,
        };
        let timeout_us = u64::try_from(job.timeout_us).ok().filter(|us| *us > 0);
        let deadline_ns = timeout_us.map(|us| now_ns.saturating_add(us.saturating_mul(1000)).saturating_add(2 * self.kill_after_ns));
        self.begun += 1;
        self.deadlines.extend(deadline_ns.map(|deadline| (deadline, job.seq)));
        self.unannounced.push_back((job.seq, now_ns));
        let flush_at_once = job.flush_at_once;
        let running = Running { started_ns: now_ns, deadline_ns, flush_at_once, stop: None, interrupted: false, alone_at, cpu_from_us };
        self.running.insert(job.seq, running);
        self.set_deadman(now_ns);
        Some(job)
    }

    /// Writes the outcome of a running job; says whether it must be on its way at once. `None`: no such job runs.
    pub fn finish(&mut self, ending: &Ending<'_>, now_ns: u64) -> Option<bool> {
        let running = self.running.remove(&ending.seq)?;
        if let Some(deadline) = running.deadline_ns {
            self.deadlines.remove(&(deadline, ending.seq));
        }
        if self.unannounced.back().is_some_and(|(seq, _)| *seq == ending.seq) {
            self.unannounced.pop_back();
        }
        let (cpu_us, maxrss_kib) = crate::sys::usage();
        let alone = running.alone_at.is_some_and(|at| at + 1 == self.begun);
        self.cpu_mark_us = Some(cpu_us);
        let outcome = Outcome {
            seq: ending.seq,
            kind: ending.kind,
            retry: ending.retry,
            until_us: ending.until_us,
            started_ns: running.started_ns,
            ended_ns: now_ns,
            cpu_us: match ending.cpu_us {
                0 if alone => cpu_us.saturating_sub(running.cpu_from_us),
                counted => counted,
            },
            maxrss_kib,
            mark: ending.mark,
            payload: ending.payload,
        };
        self.outbox.push(&Frame::Outcome(outcome), now_ns);
        if !self.running.is_empty() || self.waiting.is_empty() {
            self.set_deadman(now_ns);
        }
        Some(running.flush_at_once)
    }

    /// Nothing to do: no deadline stands, and time spent waiting is no job's.
    pub fn rest(&mut self, now_ns: u64) {
        self.cpu_mark_us = None;
        self.set_deadman(now_ns);
    }

    /// Kills this process at the earliest deadline of what runs.
    pub fn set_deadman(&mut self, now_ns: u64) {
        self.deadman.set(self.deadlines.first().map(|(deadline, _)| *deadline), now_ns);
    }

    /// Kills this process at an instant, for an exit that must not hang.
    pub fn set_exit_deadline(&mut self, deadline_ns: u64, now_ns: u64) {
        self.deadlines.insert((deadline_ns, 0));
        self.set_deadman(now_ns);
    }

    /// Takes back all that has not begun.
    pub fn recall(&mut self, nonce: u64, now_ns: u64) {
        let seqs = self.waiting.drain(..).map(|job| job.seq).collect();
        self.outbox.push(&Frame::<&str>::Recalled { nonce, seqs }, now_ns);
    }

    /// No more jobs: gives back what waits.
    pub fn drain(&mut self, now_ns: u64) {
        self.draining = true;
        for job in std::mem::take(&mut self.waiting) {
            self.withdraw(job.seq, OutcomeKind::GivenBack, now_ns);
        }
    }

    pub fn stop(&mut self, seq: u64, why: CancelWhy, now_ns: u64) -> Stop {
        if let Some(running) = self.running.get_mut(&seq) {
            running.stop = Some(why);
            self.stops.push((seq, why));
            return Stop::Running;
        }
        let before = self.waiting.len();
        self.waiting.retain(|job| job.seq != seq);
        if self.waiting.len() == before {
            return Stop::Past;
        }
        let kind = if why == CancelWhy::ByHand { OutcomeKind::Cancelled } else { OutcomeKind::GivenBack };
        self.withdraw(seq, kind, now_ns);
        Stop::Withdrawn
    }

    /// The reason to interrupt the one running job, handed out once.
    pub fn interrupt(&mut self) -> Option<CancelWhy> {
        let running = self.running.values_mut().next().filter(|running| !running.interrupted)?;
        let why = running.stop?;
        running.interrupted = true;
        Some(why)
    }

    /// Announces what has run long enough; returns when to look again.
    pub fn announce(&mut self, now_ns: u64) -> Option<Duration> {
        while let Some((seq, at_ns)) = self.unannounced.front().copied() {
            let age = Duration::from_nanos(now_ns.saturating_sub(at_ns));
            if let Some(left) = ANNOUNCED_AFTER.checked_sub(age).filter(|left| !left.is_zero()) {
                return Some(left);
            }
            self.unannounced.pop_front();
            if self.running.contains_key(&seq) {
                self.outbox.push(&Frame::<&str>::Started { seq, at_ns }, now_ns);
            }
        }
        None
    }

    /// The outcome of a job that never began.
    fn withdraw(&mut self, seq: u64, kind: OutcomeKind, now_ns: u64) {
        let (mark, payload) = match kind {
            OutcomeKind::Cancelled => ("", r#"{"type":"JobCancelled","message":"cancelled before it began","traceback":""}"#),
            _ => ("", ""),
        };
        let (retry, until_us, started_ns, cpu_us, maxrss_kib) = (false, 0, 0, 0, 0);
        let outcome = Outcome { seq, kind, retry, until_us, started_ns, ended_ns: now_ns, cpu_us, maxrss_kib, mark, payload };
        self.outbox.push(&Frame::Outcome(outcome), now_ns);
    }
}

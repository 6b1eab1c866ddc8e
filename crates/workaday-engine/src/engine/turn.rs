//! One turn: settles what arrived, stages what is due and claims what can start, in one transaction.
//!
//! Only when its commit has returned do commands go out. If it fails, everything that waited still waits and the next
//! turn repeats it.

use super::{Engine, POLL, ROWS_MAX};
use crate::care;
use crate::claimer::{Backlog, ClaimerReport, LANES, View};
use crate::crew::ChildState;
use crate::event::{Command, Event, StopWhy};
use crate::moment::Moment;
use crate::scheduler::SchedulerReport;
use crate::schedules::Moved;
use crate::settler::SettlerReport;
use crate::stager::StagerReport;
use crate::timekeeper::ask;
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::job::Lane;
use workaday_store::{Durability, SCHEDULER_TURN, StoreError};

/// Workers say that they live, and the scheduler that it looks, this often while nothing else is written.
const TOUCH: Length = Length::seconds(30);
/// The scheduler says that it looks, at most this often, while ticks are due.
const BEAT_BUSY: Length = Length::seconds(1);

/// What one turn did, for the log, the metrics and the test's assertion.
#[derive(Debug, Default)]
pub struct Turn {
    pub commands: Vec<Command>,
    pub settled: SettlerReport,
    pub staged: StagerReport,
    pub scheduled: SchedulerReport,
    pub claimed: usize,
    pub held: usize,
    pub pruned: usize,
    /// Minutes of series written.
    pub measured: usize,
    /// Schedules whose next tick lies elsewhere, since the data of their zone changed.
    pub moved: Vec<Moved>,
    /// Why schedules do not run, each time that they are stated.
    pub unfit: Vec<String>,
}

impl Engine {
    /// One turn. On an error nothing was written that the engine counts on; call again.
    pub fn turn(&mut self, now: Moment) -> Result<Turn, StoreError> {
        let mut turn = Turn { commands: std::mem::take(&mut self.commands), ..Turn::default() };
        turn.commands.extend(self.timekeeper.run_once(&mut self.crew, &self.settings, now.steady));
        turn.commands.extend(self.drain.run_once(&mut self.crew, &self.settings, now.steady));
        self.mark_stopped(&turn.commands);
        self.chores.extend(care::too_long(&mut self.crew, now.steady));
        for child in self.staffing.overdue(&self.crew, &self.settings, now.steady) {
            let waited = format_length(self.settings.start_within);
            self.handle(
                Event::StartFailed { child, problem: format!("it was not ready within {waited}: does the import wait for something?") },
                now,
            );
            turn.commands.push(Command::Kill { child });
        }
        let written = self.transact(now, &mut turn);
        if !self.drain.is_on() {
            turn.commands.extend(self.staffing.run_once(&mut self.crew, &self.catalogue, &self.settings, now.steady));
        }
        match written {
            Ok(()) => Ok(turn),
            Err(error) => {
                // Commands about processes do not depend on the store: they are kept for the next turn.
                self.commands.append(&mut turn.commands);
                Err(error)
            }
        }
    }

    /// A child that is being killed gets nothing more, and is replaced.
    fn mark_stopped(&mut self, commands: &[Command]) {
        for command in commands {
            if let Command::Term { child } | Command::Kill { child } = command
                && let Some(child) = self.crew.children.get_mut(child)
            {
                child.state = ChildState::Ending;
            }
        }
    }

    fn transact(&mut self, now: Moment, turn: &mut Turn) -> Result<(), StoreError> {
        if self.reconcile {
            self.give_back_strays(now)?;
        }
        self.look_around(now)?;
        let Some(durability) = self.wanted(now) else {
            return Ok(());
        };
        self.store.begin(durability)?;
        let written = self.write(now, durability, turn);
        let claims = match written {
            Ok(claims) => claims,
            Err(error) => {
                self.store.rollback();
                self.moved.clear();
                self.unfit.clear();
                return Err(error);
            }
        };
        if let Err(error) = self.store.commit() {
            self.moved.clear();
            self.unfit.clear();
            if matches!(error, StoreError::OutcomeUnknown { .. }) {
                self.settler.unknown();
                self.measurer.committed(now.wall);
                self.reconcile = true;
            }
            return Err(error);
        }
        self.committed(durability, claims, now, turn);
        Ok(())
    }

    /// A look without the write lock, when a hint or the poll asks for one.
    fn look_around(&mut self, now: Moment) -> Result<(), StoreError> {
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now.wall);
        let polled = now.steady >= self.peeked_at + POLL;
        if !(self.look || polled || due(self.peek.next_due_at) || due(self.peek.next_expiry_at) || self.ticks_due(now)) {
            return Ok(());
        }
        self.peek = self.store.peek(now.wall)?;
        self.peeked_at = now.steady;
        self.look = false;
        self.staffing.solo_wanted = self.peek.ready.iter().any(|(lane, _)| *lane == Lane::Solo);
        for (index, lane) in LANES.iter().enumerate() {
            if self.peek.ready.iter().any(|(ready, _)| ready == lane) {
                self.backlog[index] = Backlog::Ready;
            }
        }
        Ok(())
    }

    /// Everything of one transaction, in the order that frees room before it is handed out.
    fn write(&mut self, now: Moment, durability: Durability, turn: &mut Turn) -> Result<ClaimerReport, StoreError> {
        turn.settled = self.settler.run_once(&mut *self.store, &mut *self.chance, now.wall)?;
        self.store.append_logs(self.journal.pending())?;
        turn.measured = match self.measurer.wants_along(now.steady) || self.measure_at(now).is_some_and(|at| at <= now.steady) {
            true => self.measurer.run_once(&mut *self.store)?,
            false => 0,
        };
        self.do_chores(now)?;
        turn.staged = self.stager.run_once(&mut *self.store, now)?;
        if self.may_claim() {
            self.tick(now, turn)?;
        }
        if self.peek.holds_pending {
            self.store.lift_ended_holds(now.wall, ROWS_MAX)?;
        }
        if self.peek.cancelling {
            self.ask_cancelled(now, turn)?;
        }
        if now.steady >= self.pruner.next_at() {
            turn.pruned = self.pruner.run_once(&mut *self.store, &self.settings, now)?;
        }
        if now.steady >= self.touched_at + TOUCH {
            self.store.touch_workers(self.generation, now.wall)?;
        }
        if !self.may_claim() {
            return Ok(ClaimerReport::default());
        }
        let queues = self.queues();
        let view = View {
            catalogue: &self.catalogue,
            crew: &self.crew,
            settings: &self.settings,
            generation: self.generation,
            queues: &queues,
            backlog: self.backlog,
            full: durability == Durability::Full,
        };
        self.claimer.run_once(&mut *self.store, &view, now)
    }

    /// Ticks, and the jobs that waited for an earlier run of their schedule.
    fn tick(&mut self, now: Moment, turn: &mut Turn) -> Result<(), StoreError> {
        self.beat(now)?;
        if self.ticks_due(now) {
            let tz = self.settings.schedules_tz.as_deref();
            turn.scheduled = self.scheduler.run_once(&mut *self.store, &self.catalogue, tz, now.wall)?;
            // They can be claimed in this very transaction.
            for (index, lane) in LANES.iter().enumerate() {
                if turn.scheduled.lanes.contains(lane) {
                    self.backlog[index] = Backlog::Ready;
                }
            }
        }
        if self.peek.queued_ticks {
            turn.staged.staged += self.store.release_queued_ticks(now.wall)?;
        }
        Ok(())
    }

    /// The scheduler's heartbeat: those who watch see that somebody looks for ticks, also when none is due.
    fn beat(&mut self, now: Moment) -> Result<(), StoreError> {
        let pause = if self.ticks_due(now) { BEAT_BUSY } else { TOUCH };
        if self.beat_at.is_none_or(|at| now.steady >= at + pause) {
            self.store.set_remark(SCHEDULER_TURN, &now.wall.0.to_string())?;
            // One that is lost with a failed commit is made up by the next.
            self.beat_at = Some(now.steady);
        }
        Ok(())
    }

    /// Queues that may have work: those of the tasks, of the configuration, and any seen in the store.
    fn queues(&self) -> Vec<String> {
        let mut queues = self.catalogue.queues();
        queues.extend(self.settings.queues.keys().cloned());
        queues.extend(self.peek.ready.iter().map(|(_, queue)| queue.clone()));
        queues.sort();
        queues.dedup();
        queues
    }

    fn ask_cancelled(&mut self, now: Moment, turn: &mut Turn) -> Result<(), StoreError> {
        for (key, fence) in self.store.cancelling(ROWS_MAX)? {
            if let Some(flight) = self.crew.flight_of(key, fence) {
                turn.commands.extend(ask(flight, StopWhy::ByHand, now.steady));
            }
        }
        Ok(())
    }

    fn committed(&mut self, durability: Durability, claims: ClaimerReport, now: Moment, turn: &mut Turn) {
        if turn.measured > 0 {
            self.measurer.committed(now.wall);
        }
        for (pending, outcome) in self.settler.committed() {
            self.measurer.attempt(&pending, outcome, now);
        }
        turn.moved = std::mem::take(&mut self.moved);
        turn.unfit = std::mem::take(&mut self.unfit);
        self.journal.committed();
        self.stager.committed();
        // New work may have come of what was written: lifted holds, freed lanes, jobs that went back.
        let again = !self.chores.is_empty() || turn.staged.more || claims.more || self.peek.holds_pending || turn.settled.available > 0;
        self.chores.clear();
        let ticked = self.ticks_due(now);
        // The end of a run may be what a queued tick waits for.
        self.look |= ticked || (self.peek.queued_ticks && turn.settled.settled > 0);
        self.peek.releasable_ticks = false;
        self.look |= again || turn.settled.later > 0 || turn.staged.staged > 0 || turn.staged.expired > 0 || turn.staged.restaged > 0;
        self.peek.cancelling = false;
        self.peek.holds_pending = false;
        if now.steady >= self.touched_at + TOUCH {
            self.touched_at = now.steady;
        }
        match durability {
            Durability::Full => {
                self.full_at = now.steady;
                self.lazy_since = None;
            }
            Durability::Lazy => drop(self.lazy_since.get_or_insert(now.steady)),
        }
        for (known, left) in self.backlog.iter_mut().zip(claims.left) {
            *known = left.unwrap_or(*known);
        }
        turn.claimed = claims.claimed.len();
        turn.held = claims.held;
        for claimed in claims.claimed {
            turn.commands.extend(self.crew.launch(claimed, now));
        }
    }
}

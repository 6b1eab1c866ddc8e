//! The services together: events in, one transaction a turn, commands out.
//!
//! A turn settles what arrived, stages what is due and claims what can start, in one transaction; only when its commit
//! has returned do commands go out. If it fails, everything that waited still waits and the next turn repeats it.

use crate::care;
use crate::catalogue::Catalogue;
use crate::chance::Random;
use crate::chores::Chore;
use crate::claimer::{Backlog, Claimer, ClaimerReport, LANES, View, wants_full};
use crate::crew::{ChildState, Crew};
use crate::drain::Drain;
use crate::event::{Command, Event, StopWhy};
use crate::journal::Journal;
use crate::measurer::Measurer;
use crate::moment::Moment;
use crate::pruner::Pruner;
use crate::rescuer::{Rescuer, RescuerReport};
use crate::scheduler::{Scheduler, SchedulerReport};
use crate::schedules::Moved;
use crate::settings::Settings;
use crate::settler::{Settler, SettlerReport};
use crate::staffing::Staffing;
use crate::stager::{Stager, StagerReport};
use crate::timekeeper::{Timekeeper, ask};
use workaday_core::clock::{Length, Timestamp, format_length};
use workaday_core::ending::DRAINED;
use workaday_core::job::{Generation, Lane};
use workaday_store::{Durability, Peek, SCHEDULER_TURN, Store, StoreError};

/// The truth when every hint is lost: look at the store this often.
const POLL: Length = Length::seconds(2);
/// Settlements wait this long for company while children still have work.
const GATHER: Length = Length::millis(1);
/// While a job runs, a full commit comes at least this often, so that its claim is on the disk.
const FULL_AT_LEAST: Length = Length::seconds(1);
const TOUCH: Length = Length::seconds(30);
/// The scheduler says that it looks, at most this often, while ticks are due.
const BEAT_BUSY: Length = Length::seconds(1);
const ROWS_MAX: usize = 500;

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
}

/// Everything that decides what happens next.
pub struct Engine {
    pub(crate) store: Box<dyn Store>,
    pub(crate) chance: Box<dyn Random>,
    pub settings: Settings,
    pub(crate) generation: Generation,
    pub(crate) catalogue: Catalogue,
    pub(crate) catalogue_hash: String,
    pub crew: Crew,
    pub(crate) settler: Settler,
    pub(crate) journal: Journal,
    pub measurer: Measurer,
    pub(crate) drain: Drain,
    pub(crate) staffing: Staffing,
    claimer: Claimer,
    stager: Stager,
    scheduler: Scheduler,
    pruner: Pruner,
    timekeeper: Timekeeper,
    pub(crate) chores: Vec<Chore>,
    pub(crate) commands: Vec<Command>,
    /// Something may be ready: look.
    pub(crate) look: bool,
    /// What is known of ready jobs, lane by lane.
    pub(crate) backlog: [Backlog; LANES.len()],
    peek: Peek,
    peeked_at: Timestamp,
    /// Claims stop while this says why (storage trouble, a copied store).
    pub claims_stopped: Option<String>,
    full_at: Timestamp,
    lazy_since: Option<Timestamp>,
    touched_at: Timestamp,
    /// The last commit's outcome is unknown: our claims may not be what we think.
    pub(crate) reconcile: bool,
    pub(crate) moved: Vec<Moved>,
    /// Steady clock: when the scheduler last wrote that it looks.
    beat_at: Option<Timestamp>,
}

impl Engine {
    /// The caller holds the supervisor lock and has raised the generation.
    pub fn new(
        mut store: Box<dyn Store>,
        chance: Box<dyn Random>,
        settings: Settings,
        generation: Generation,
        now: Moment,
    ) -> Result<Self, StoreError> {
        let catalogue = match store.catalogue() {
            Ok(entries) => Catalogue::load(entries),
            // The next child states it anew; until then nothing is claimed that needs it.
            Err(StoreError::Refused(problem)) if problem.code == "store.catalogue_unreadable" => Catalogue::load(vec![]),
            Err(error) => return Err(error),
        };
        Ok(Self {
            store,
            chance,
            settings,
            generation,
            catalogue,
            catalogue_hash: String::new(),
            crew: Crew::default(),
            settler: Settler::default(),
            journal: Journal::default(),
            measurer: Measurer::default(),
            drain: Drain::default(),
            staffing: Staffing::default(),
            claimer: Claimer::default(),
            stager: Stager,
            scheduler: Scheduler,
            pruner: Pruner::new(now.steady),
            timekeeper: Timekeeper,
            chores: Vec::new(),
            commands: Vec::new(),
            look: true,
            backlog: [Backlog::Empty; LANES.len()],
            peek: Peek::default(),
            peeked_at: now.steady - POLL,
            claims_stopped: None,
            full_at: now.steady,
            lazy_since: None,
            touched_at: now.steady,
            reconcile: false,
            moved: Vec::new(),
            beat_at: None,
        })
    }

    pub fn store(&mut self) -> &mut dyn Store {
        &mut *self.store
    }
    pub fn generation(&self) -> Generation {
        self.generation
    }
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }
    /// For test mode: reports name each job and its state.
    pub fn keep_states(&mut self) {
        self.settler.keep_states = true;
    }

    /// Gives back all claims of dead generations. Before the first turn.
    pub fn rescue(&mut self, now: Moment) -> Result<RescuerReport, StoreError> {
        let mut total = RescuerReport::default();
        loop {
            self.store.begin(Durability::Full)?;
            let step = Rescuer.run_once(&mut *self.store, self.generation, &self.catalogue, &mut *self.chance, now.wall);
            let step = match step {
                Ok(step) => step,
                Err(error) => {
                    self.store.rollback();
                    return Err(error);
                }
            };
            self.store.commit()?;
            total.rescued += step.rescued;
            total.quarantined += step.quarantined;
            total.outcome_unknown += step.outcome_unknown;
            if !step.more {
                return Ok(total);
            }
        }
    }

    /// Closes the row of the supervisor itself, the last of its generation. Without it, the next one must take it for dead.
    pub fn sign_off(&mut self, now: Moment) -> Result<(), StoreError> {
        self.store.begin(Durability::Full)?;
        let closed = self
            .store
            .leftovers(Generation(self.generation.0 + 1))
            .and_then(|left| left.iter().try_for_each(|row| self.store.close_worker(row.worker, DRAINED, now.wall)));
        match closed {
            Ok(()) => self.store.commit(),
            Err(error) => {
                self.store.rollback();
                Err(error)
            }
        }
    }

    /// Somebody said that something may be ready.
    pub fn wake(&mut self) {
        self.look = true;
    }

    /// The data of the time zones is this one (version and mark of its files). When it differs from the last that the
    /// store knew, every schedule's next tick is worked out anew.
    pub fn zone_data(&mut self, mark: String) {
        // First: what a statement works out anew in the same turn would not be seen to move.
        self.chores.insert(0, Chore::ZoneData { mark });
    }

    /// Takes over other settings. What runs goes on; counts of children follow in the next turn, schedules too.
    pub fn reconfigure(&mut self, settings: Settings) {
        let other_zone = settings.schedules_tz != self.settings.schedules_tz;
        let other_schedules = settings.schedules != self.settings.schedules;
        self.settings = settings;
        if other_zone && !self.catalogue_hash.is_empty() {
            // Schedules in code that name no zone are due at other instants now.
            let stated = self.catalogue.of_side(false).flat_map(|task| task.entry.schedules.clone()).collect();
            self.chores.push(Chore::Schedules { code: Some(stated) });
        } else if other_zone || other_schedules {
            self.chores.push(Chore::Schedules { code: None });
        }
        self.look = true;
    }

    /// First call: drain. Second: no more grace.
    pub fn stop(&mut self, now: Moment) {
        self.drain.begin(now.steady);
    }

    pub fn is_draining(&self) -> bool {
        self.drain.is_on()
    }

    /// Drained, and nothing left to write.
    pub fn is_done(&self) -> bool {
        self.drain.is_on()
            && self.crew.children.is_empty()
            && self.settler.is_empty()
            && self.journal.pending().is_empty()
            && self.measurer.is_empty()
            && self.chores.is_empty()
    }

    /// When the next turn should come at the latest, on the steady clock.
    pub fn next_at(&self, now: Moment) -> Timestamp {
        let wants_now = self.look || self.wants_claims(now);
        let soon = [
            wants_now.then_some(now.steady),
            (!self.chores.is_empty()).then_some(now.steady),
            self.settle_at(now),
            self.journal.due_at(),
            self.measure_at(now),
            self.timekeeper.next_at(&self.crew, &self.settings),
            care::next_at(&self.crew),
            self.drain.next_at(&self.settings),
            // A drain starts no child, so a pause after a failed start has nothing to wait for.
            self.staffing.next_at(&self.crew, &self.settings).filter(|_| !self.drain.is_on()),
            self.peek.next_due_at.map(|at| now.steady_of(at)),
            self.peek.next_expiry_at.map(|at| now.steady_of(at)),
            self.peek.next_tick_at.filter(|_| self.may_claim()).map(|at| now.steady_of(at)),
            (self.peek.releasable_ticks && self.may_claim()).then_some(now.steady),
            self.lazy_since.filter(|_| !self.crew.flights.is_empty()).map(|_| self.full_at + FULL_AT_LEAST),
            Some(self.pruner.next_at()),
            Some(self.peeked_at + POLL),
        ];
        soon.into_iter().flatten().min().unwrap_or(now.steady + POLL)
    }

    /// When figures are written at the latest: a drain has nothing later to wait for.
    fn measure_at(&self, now: Moment) -> Option<Timestamp> {
        let last = self.drain.is_on() && self.crew.children.is_empty() && !self.measurer.is_empty();
        if last { Some(now.steady) } else { self.measurer.due_at() }
    }

    fn may_claim(&self) -> bool {
        !self.drain.is_on() && self.claims_stopped.is_none()
    }

    /// Is there a lane with ready jobs and a child short of work?
    fn wants_claims(&self, now: Moment) -> bool {
        let ready = |index: usize| self.backlog[index] == Backlog::Ready;
        if !self.may_claim() || !(0..LANES.len()).any(ready) {
            return false;
        }
        let room = self.crew.room(&self.settings, now.steady);
        LANES.iter().enumerate().any(|(index, lane)| ready(index) && room.hungry(*lane))
    }

    /// When what waits to be settled should be: at once, unless children are busy and company is likely.
    fn settle_at(&self, now: Moment) -> Option<Timestamp> {
        let oldest = self.settler.oldest()?;
        let mut ready = self.crew.children.values().filter(|c| c.state == ChildState::Ready).peekable();
        let all_work = self.may_claim() && ready.peek().is_some() && ready.all(|c| !c.order.is_empty());
        let busy = all_work && self.backlog.iter().any(|b| *b != Backlog::Empty) && self.settler.len() < ROWS_MAX;
        Some(if busy { oldest + GATHER } else { now.steady })
    }

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
                return Err(error);
            }
        };
        if let Err(error) = self.store.commit() {
            self.moved.clear();
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

    /// Is there anything to write, and how durably? `None`: the write lock is left alone.
    fn wanted(&self, now: Moment) -> Option<Durability> {
        let due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now.wall);
        let claims = self.wants_claims(now);
        let settles = self.settle_at(now).is_some_and(|at| at <= now.steady);
        let unsynced = self.lazy_since.is_some() && !self.crew.flights.is_empty() && now.steady >= self.full_at + FULL_AT_LEAST;
        // Work that must not run twice is claimed in a synced transaction only.
        let careful = claims && {
            let room = self.crew.room(&self.settings, now.steady);
            LANES.iter().zip(self.backlog).any(|(lane, backlog)| wants_full(*lane) && backlog == Backlog::Ready && room.any(*lane))
        };
        if settles
            || unsynced
            || careful
            || !self.chores.is_empty()
            || due(self.peek.next_due_at)
            || due(self.peek.next_expiry_at)
            || self.peek.holds_pending
            || self.ticks_due(now)
            || (self.peek.releasable_ticks && self.may_claim())
        {
            return Some(Durability::Full);
        }
        let lazily = claims
            || self.peek.cancelling
            || self.journal.due_at().is_some_and(|at| at <= now.steady)
            || self.measure_at(now).is_some_and(|at| at <= now.steady)
            || now.steady >= self.pruner.next_at();
        // Outcomes that wait for company go along with whatever is written, and an outcome is always synced.
        lazily.then_some(if self.settler.is_empty() { Durability::Lazy } else { Durability::Full })
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
        turn.staged = self.stager.run_once(&mut *self.store, now.wall)?;
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

    /// Is a schedule to be decided? A copied store, one in trouble and a drain leave that to whoever comes next.
    fn ticks_due(&self, now: Moment) -> bool {
        self.may_claim() && self.peek.next_tick_at.is_some_and(|at| at <= now.wall)
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
        self.journal.committed();
        // New work may have come of what was written: lifted holds, freed lanes, jobs that went back.
        let again = !self.chores.is_empty() || turn.staged.more || claims.more || self.peek.holds_pending || turn.settled.available > 0;
        self.chores.clear();
        let ticked = self.ticks_due(now);
        // The end of a run may be what a queued tick waits for.
        self.look |= ticked || (self.peek.queued_ticks && turn.settled.settled > 0);
        self.peek.releasable_ticks = false;
        self.look |= again || turn.settled.later > 0 || turn.staged.staged > 0 || turn.staged.expired > 0;
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

//! The services together: events in, one transaction a turn, commands out. Its beginning, its settings and its end;
//! when a turn is due stands in `due`, the turn itself in `turn`,
//! and in `left` what a drain still waits for.

mod due;
mod left;
mod turn;

pub use turn::Turn;

use crate::catalogue::Catalogue;
use crate::chance::Random;
use crate::chores::Chore;
use crate::claimer::{Backlog, Claimer, LANES};
use crate::crew::Crew;
use crate::drain::Drain;
use crate::event::Command;
use crate::journal::Journal;
use crate::measurer::Measurer;
use crate::moment::Moment;
use crate::pruner::Pruner;
use crate::rescuer::{Rescuer, RescuerReport};
use crate::scheduler::Scheduler;
use crate::schedules::Moved;
use crate::settings::Settings;
use crate::settler::Settler;
use crate::staffing::Staffing;
use crate::stager::Stager;
use crate::timekeeper::Timekeeper;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::ending::DRAINED;
use workaday_core::job::Generation;
use workaday_store::{Durability, Peek, Store, StoreError};

/// The truth when every hint is lost: look at the store this often.
const POLL: Length = Length::seconds(2);
/// So many rows of one kind are handled in one transaction.
const ROWS_MAX: usize = 500;

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
    pub(crate) unfit: Vec<String>,
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
            stager: Stager::default(),
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
            unfit: Vec::new(),
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
}

//! What the engine has to write besides outcomes and claims: each waits for the next transaction, and for one that commits.

use crate::engine::Engine;
use crate::event::ChildNo;
use crate::moment::Moment;
use crate::schedules::{self, Desk};
use workaday_core::catalogue::TaskEntry;
use workaday_core::job::{Fence, Generation, HeldCode, JobKey};
use workaday_core::schedule::{ScheduleEntry, ScheduleSource};
use workaday_store::{Durability, StoreError, WorkerRow};

/// A write that waits for the next transaction and is repeated until one commits.
#[derive(Clone, Debug)]
pub(crate) enum Chore {
    /// `kept`: names of the side that did not speak.
    Catalogue {
        entries: Vec<(TaskEntry, String)>,
        kept: Vec<String>,
        release: Option<String>,
    },
    /// Schedules are to be reconciled; `None`: before the application has said which tasks it has.
    Schedules {
        code: Option<Vec<ScheduleEntry>>,
    },
    /// The data of the time zones is this one.
    ZoneData {
        mark: String,
    },
    OpenWorker {
        child: ChildNo,
        row: WorkerRow,
    },
    CloseWorker {
        worker: i64,
        cause: String,
    },
    Alert {
        code: String,
        subject: String,
        message: String,
    },
    CloseAlert {
        code: String,
        subject: String,
    },
    LiftTask {
        task: String,
    },
    Progress {
        key: JobKey,
        fence: Fence,
        share: f64,
        note: String,
    },
}

impl Engine {
    pub(crate) fn do_chores(&mut self, now: Moment) -> Result<(), StoreError> {
        for chore in &self.chores {
            match chore {
                Chore::Catalogue { entries, kept, release } => self.store.put_catalogue(entries, kept, release.as_deref(), now.wall)?,
                Chore::Schedules { code } => {
                    let tz = self.settings.schedules_tz.as_deref();
                    // Without an application nobody is left to speak: what has no task now has none.
                    let code_has_spoken = code.is_some() || !self.settings.has_app;
                    let desk = Desk { catalogue: &self.catalogue, tz, now: now.wall, code_has_spoken };
                    if let Some(stated) = code {
                        schedules::reconcile(&mut *self.store, ScheduleSource::Code, stated, &desk)?;
                        schedules::reconcile(&mut *self.store, ScheduleSource::Dynamic, &[], &desk)?;
                    }
                    schedules::reconcile(&mut *self.store, ScheduleSource::Config, &self.settings.schedules, &desk)?;
                    // Before the import there is only what was true of the code of before.
                    if code_has_spoken || !self.catalogue_hash.is_empty() {
                        self.unfit = self.store.schedules()?.into_iter().filter_map(|row| row.broken_reason).collect();
                    }
                }
                Chore::ZoneData { mark } => {
                    let tz = self.settings.schedules_tz.as_deref();
                    self.moved.extend(schedules::zone_data(&mut *self.store, mark, tz, now.wall)?);
                }
                Chore::OpenWorker { child, row } => {
                    let worker = self.store.open_worker(self.generation, row, now.wall)?;
                    if let Some(child) = self.crew.children.get_mut(child) {
                        child.worker = Some(worker);
                    }
                }
                Chore::CloseWorker { worker, cause } => self.store.close_worker(*worker, cause, now.wall)?,
                Chore::Alert { code, subject, message } => self.store.raise_alert(code, subject, message, now.wall)?,
                Chore::CloseAlert { code, subject } => self.store.close_alert(code, subject, now.wall)?,
                Chore::Progress { key, fence, share, note } => drop(self.store.set_progress(*key, *fence, *share, Some(note))?),
                Chore::LiftTask { task } => {
                    self.store.lift_task_holds(task, &[HeldCode::UnknownTask, HeldCode::ArgumentsMisfit], usize::MAX)?;
                    self.store.close_alert("job.unknown_task", task, now.wall)?;
                    self.store.close_alert("job.arguments_misfit", task, now.wall)?;
                }
            }
        }
        Ok(())
    }

    /// After a commit whose outcome is unknown: rows that are ours in the store but not in any child go back.
    pub(crate) fn give_back_strays(&mut self, now: Moment) -> Result<(), StoreError> {
        use workaday_core::lifecycle::{Outcome, Running, settle};
        let rows = self.store.running_before(Generation(self.generation.0 + 1), usize::MAX)?;
        self.store.begin(Durability::Full)?;
        // Only our own: what an older generation claimed may still run there, and its rescue is judged otherwise.
        let strays = rows.iter().filter(|row| row.generation == self.generation);
        for row in strays.filter(|row| !self.crew.has_key(row.key) && !self.settler.holds(row.key)) {
            let running = Running {
                counts: row.counts,
                attempts_max: u32::MAX,
                retry: Default::default(),
                at_most_once: false,
                cancel_requested: row.cancel_requested,
            };
            let settled = settle(&running, Outcome::GivenBack { frame_written: false }, now.wall, self.chance.draw());
            let settlement = workaday_store::Settlement {
                key: row.key,
                fence: row.fence,
                settled,
                lane: row.lane,
                claimed_at: row.claimed_at,
                attempt: None,
                result: None,
                reason: None,
            };
            if let Err(error) = self.store.settle(&settlement, now.wall) {
                self.store.rollback();
                return Err(error);
            }
        }
        self.store.commit()?;
        self.reconcile = false;
        self.look = true;
        Ok(())
    }
}

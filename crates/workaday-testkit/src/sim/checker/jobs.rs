//! The life of one job: asked, claimed, run, settled.

use super::super::history::{Answer, Claim, Entry, Settle, What, Wish};
use super::{Checker, Verdict, broken};
use workaday_core::job::{JobId, State};
use workaday_core::unique::HeldWhile;

/// Where a job stands, by what was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Waiting,
    Running { fence: i64, generation: i64 },
    Finished(State),
}

/// What is known of one job.
pub(super) struct Known {
    pub wish: Wish,
    pub key: Option<i64>,
    pub stand: Stand,
    pub fence: i64,
    /// Not before this, and the entry since which that holds.
    pub due: (i64, usize),
    /// How long it waits for its retry, which a clock that was set back does not make longer.
    pub retry_wait: Option<i64>,
    pub attempt: u32,
    /// Retries by hand: each allows one more attempt and, for one that must not run twice, one more run.
    pub granted: u32,
    /// Releases by hand.
    pub released: u32,
    pub runs: u32,
    /// Code that runs now: (fence, generation).
    pub running: Vec<(i64, i64)>,
    pub cancel_asked: bool,
    pub deleted: bool,
    /// Its claims as they were before, for a power cut.
    pub before_claim: Vec<(i64, u32)>,
}

impl Known {
    fn new(wish: Wish, place: usize) -> Self {
        Self {
            due: (wish.run_at, place),
            retry_wait: None,
            wish,
            key: None,
            stand: Stand::Waiting,
            fence: 0,
            attempt: 0,
            granted: 0,
            released: 0,
            runs: 0,
            running: Vec::new(),
            cancel_asked: false,
            deleted: false,
            before_claim: Vec::new(),
        }
    }
}

impl Checker<'_> {
    pub(super) fn answered(&mut self, id: JobId, answer: Answer) -> Verdict {
        let known = self.jobs.contains_key(&id);
        match answer {
            Answer::Stored | Answer::Known if !known => broken("I1", format!("job {id} was acknowledged and is not stored")),
            Answer::Refused if known => Ok(()),
            Answer::Refused | Answer::Held => {
                self.answers.entry(id).or_insert(true);
                Ok(())
            }
            _ => {
                self.answers.insert(id, false);
                Ok(())
            }
        }
    }

    pub(super) fn enqueued(&mut self, place: usize, wish: &Wish) -> Verdict {
        if self.jobs.get(&wish.id).is_some_and(|job| !job.deleted) {
            return broken("I2", format!("job {} was stored twice", wish.id));
        }
        self.hold_key(wish, place)?;
        self.jobs.insert(wish.id, Known::new(wish.clone(), place));
        Ok(())
    }

    /// The unique key is free, or its holder has expired unseen.
    fn hold_key(&mut self, wish: &Wish, place: usize) -> Verdict {
        let Some((key, _)) = &wish.unique else { return Ok(()) };
        let holder = self.unique.get(key).and_then(|id| self.jobs.get(id));
        if let Some(holder) = holder.filter(|job| job.wish.id != wish.id && !matches!(job.stand, Stand::Finished(_)) && !job.deleted) {
            let expired = holder.wish.expires_at.is_some_and(|at| at <= self.wall_peak(holder.due.1, place));
            if !expired {
                return broken("I9", format!("jobs {} and {} hold the key {key}", holder.wish.id, wish.id));
            }
        }
        self.unique.insert(key.clone(), wish.id);
        Ok(())
    }

    fn drop_key(&mut self, id: JobId, on_claim: bool) {
        let Some((key, held)) = self.jobs.get(&id).and_then(|job| job.wish.unique.clone()) else { return };
        if (!on_claim || held == HeldWhile::Waiting) && self.unique.get(&key) == Some(&id) {
            self.unique.remove(&key);
        }
    }

    /// The latest that any wall clock has said between two entries.
    fn wall_peak(&self, from: usize, to: usize) -> i64 {
        self.entries[from..=to].iter().map(|entry| entry.wall).max().unwrap_or(i64::MIN)
    }

    /// How much time has passed between two entries, by the steady clock or by the wall clock from its lowest on: a
    /// retry has waited its wait when a clock that was set back has shown that much time since.
    fn time_shown(&self, from: usize, to: usize) -> i64 {
        let mut lowest = i64::MAX;
        let steady = self.entries[to].boot - self.entries[from].boot;
        self.entries[from..=to].iter().fold(steady, |most, entry| {
            lowest = lowest.min(entry.wall);
            most.max(entry.wall - lowest)
        })
    }

    pub(super) fn tick_job(&mut self, place: usize, id: JobId, task: &str, queue: &str, schedule: &str) -> Verdict {
        let wish =
            Wish { id, task: task.to_owned(), queue: queue.to_owned(), number: -1, run_at: i64::MIN, expires_at: None, unique: None };
        if !self.schedules.contains_key(schedule) {
            return broken("I8", format!("job {id} was made for a tick of {schedule}, which nobody stated"));
        }
        self.enqueued(place, &wish)
    }

    pub(super) fn claimed(&mut self, place: usize, entry: &Entry, claim: &Claim) -> Verdict {
        let Claim { id, fence, .. } = claim;
        let Some(job) = self.jobs.get(id) else { return broken("I2", format!("job {id} was claimed and nobody enqueued it")) };
        match job.stand {
            Stand::Waiting => {}
            Stand::Running { fence: other, .. } => {
                return broken("I5", format!("job {id} was claimed as {fence} while claim {other} is held"));
            }
            Stand::Finished(state) if job.cancel_asked || state == State::Cancelled => {
                return broken("I12", format!("job {id} was claimed after its cancel"));
            }
            Stand::Finished(state) => return broken("I3", format!("job {id} is {state} and was claimed again")),
        }
        if *fence != job.fence + 1 {
            return broken("I5", format!("job {id}: claim {fence} came after claim {}", job.fence));
        }
        let waited = job.retry_wait.is_some_and(|wait| self.time_shown(job.due.1, place) >= wait);
        if job.due.0 > entry.wall && job.due.0 > self.wall_peak(job.due.1, place) && !waited {
            return broken("I12", format!("job {id} was claimed before it was due"));
        }
        if job.wish.expires_at.is_some_and(|at| at <= entry.wall) {
            return broken("I12", format!("job {id} was claimed after it had expired"));
        }
        let paused = self.pauses.iter().find(|pause| {
            pause.until.is_none_or(|until| entry.wall < until)
                && (pause.queue.as_deref() == Some(&job.wish.queue)
                    || (pause.task.as_deref() == Some(&job.wish.task) && pause.number.is_none_or(|number| number == job.wish.number)))
        });
        if let Some(pause) = paused {
            return broken("I12", format!("job {id} was claimed while rule {} pauses it", pause.rule));
        }
        let budget = self.budgets.get(&job.wish.task).copied().unwrap_or_default();
        if claim.attempt > budget.attempts + claim.attempt_extra + job.released {
            return broken("I7", format!("job {id}: attempt {} of {} + {}", claim.attempt, budget.attempts, claim.attempt_extra));
        }
        self.drop_key(claim.id, true);
        self.by_key.insert(claim.key, claim.id);
        let job = self.jobs.get_mut(id).expect("looked up above");
        job.before_claim.push((job.fence, job.attempt));
        job.stand = Stand::Running { fence: *fence, generation: claim.generation };
        (job.fence, job.attempt, job.key) = (*fence, claim.attempt, Some(claim.key));
        Ok(())
    }

    pub(super) fn started(&mut self, id: JobId, fence: i64, generation: i64) -> Verdict {
        let zombie = self.zombies.contains(&generation);
        let once = self.jobs.get(&id).is_some_and(|job| self.budgets.get(&job.wish.task).is_some_and(|budget| budget.once));
        let zombies = self.zombies.clone();
        let Some(job) = self.jobs.get_mut(&id) else { return broken("I5", format!("job {id} began and nobody enqueued it")) };
        if !zombie && job.stand != (Stand::Running { fence, generation }) {
            return broken("I5", format!("job {id} began for claim {fence} of generation {generation}, which is not held"));
        }
        if let Some((other, _)) = job.running.iter().find(|(_, of)| !zombie && !zombies.contains(of)) {
            return broken("I5", format!("job {id} began for claim {fence} while it still runs for claim {other}"));
        }
        job.runs += 1;
        if once && job.runs > 1 + job.granted {
            return broken("I7", format!("job {id} must not run twice and began {} times", job.runs));
        }
        job.running.push((fence, generation));
        Ok(())
    }

    pub(super) fn ended(&mut self, id: JobId, fence: i64) -> Verdict {
        let Some(job) = self.jobs.get_mut(&id) else { return broken("I4", format!("job {id} ended and nobody enqueued it")) };
        let before = job.running.len();
        job.running.retain(|(of, _)| *of != fence);
        if job.running.len() == before { broken("I4", format!("job {id} ended for claim {fence} and had not begun")) } else { Ok(()) }
    }

    pub(super) fn settled(&mut self, place: usize, settle: &Settle) -> Verdict {
        let Settle { key, fence, to, .. } = settle;
        let Some(id) = self.by_key.get(key).copied() else { return broken("I4", format!("job {key} was settled and never claimed")) };
        let zombies = self.zombies.clone();
        let job = self.jobs.get_mut(&id).expect("a claimed job is known");
        match job.stand {
            Stand::Running { fence: held, .. } if held == *fence => {}
            Stand::Running { fence: held, .. } => {
                return broken("I5", format!("job {id}: claim {fence} wrote its outcome while claim {held} is held"));
            }
            Stand::Waiting => return broken("I5", format!("job {id}: claim {fence} wrote its outcome and is not held")),
            Stand::Finished(state) => return broken("I3", format!("job {id} is {state} and was settled again")),
        }
        if let Some((_, generation)) = job.running.iter().find(|(of, generation)| of == fence && !zombies.contains(generation)) {
            return broken("I5", format!("job {id}: claim {fence} of living generation {generation} was given back while its code runs"));
        }
        if !matches!(to, State::Completed | State::Cancelled | State::Discarded | State::Available | State::Retryable | State::Scheduled) {
            return broken("I4", format!("job {id} went from running to {to}"));
        }
        if job.cancel_asked && *to != State::Cancelled {
            return broken("I12", format!("job {id} was asked to cancel and became {to}"));
        }
        if settle.attempt > job.attempt {
            return broken("I7", format!("job {id}: attempt {} was claimed and {} settled", job.attempt, settle.attempt));
        }
        job.attempt = settle.attempt;
        job.stand = if to.is_finished() { Stand::Finished(*to) } else { Stand::Waiting };
        if let Some(run_at) = settle.run_at {
            job.due = (run_at, place);
            job.retry_wait = (*to == State::Retryable).then(|| run_at - self.entries[place].wall);
        }
        if settle.recorded {
            self.recorded.push((*key, *fence));
        }
        if to.is_finished() {
            self.drop_key(id, false);
        }
        Ok(())
    }

    pub(super) fn stale(&mut self, key: i64, fence: i64) -> Verdict {
        let job = self.by_key.get(&key).and_then(|id| self.jobs.get(id));
        match job {
            Some(job) if matches!(job.stand, Stand::Running { fence: held, .. } if held == fence) => {
                broken("I6", format!("job {}: claim {fence} is held and its outcome was refused", job.wish.id))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn cancelled(&mut self, id: JobId) -> Verdict {
        let Some(job) = self.jobs.get_mut(&id) else { return broken("I4", format!("job {id} was cancelled and nobody enqueued it")) };
        if job.stand != Stand::Waiting {
            return broken("I4", format!("job {id} was cancelled at once while {:?}", job.stand));
        }
        job.stand = Stand::Finished(State::Cancelled);
        self.drop_key(id, false);
        Ok(())
    }

    pub(super) fn cancel_asked(&mut self, id: JobId) -> Verdict {
        let Some(job) = self.jobs.get_mut(&id) else { return broken("I4", format!("job {id} was cancelled and nobody enqueued it")) };
        if !matches!(job.stand, Stand::Running { .. }) {
            return broken("I4", format!("job {id} was asked to stop while {:?}", job.stand));
        }
        job.cancel_asked = true;
        Ok(())
    }

    pub(super) fn retried(&mut self, place: usize, id: JobId) -> Verdict {
        let Some(job) = self.jobs.get(&id) else { return broken("I4", format!("job {id} was retried and nobody enqueued it")) };
        // An expiry is seen only in the final rows: a waiting job may have become cancelled.
        let expired = job.stand == Stand::Waiting && job.wish.expires_at.is_some_and(|at| at <= self.wall_peak(job.due.1, place));
        if !expired && !matches!(job.stand, Stand::Finished(State::Cancelled | State::Discarded)) {
            return broken("I4", format!("job {id} was retried while {:?}", job.stand));
        }
        let wish = job.wish.clone();
        self.hold_key(&wish, place)?;
        let job = self.jobs.get_mut(&id).expect("looked up above");
        (job.stand, job.cancel_asked, job.due) = (Stand::Waiting, false, (i64::MIN, place));
        job.wish.expires_at = None;
        job.granted += 1;
        Ok(())
    }

    pub(super) fn released(&mut self, id: JobId) -> Verdict {
        match self.jobs.get_mut(&id) {
            Some(job) => job.released += 1,
            None => return broken("I4", format!("job {id} was released and nobody enqueued it")),
        }
        Ok(())
    }

    pub(super) fn deleted(&mut self, id: JobId) -> Verdict {
        let Some(job) = self.jobs.get_mut(&id) else { return broken("I4", format!("job {id} was deleted and nobody enqueued it")) };
        if matches!(job.stand, Stand::Running { .. }) {
            return broken("I4", format!("job {id} was deleted while it runs"));
        }
        job.deleted = true;
        let key = job.key;
        self.recorded.retain(|(of, _)| Some(*of) != key);
        self.drop_key(id, false);
        Ok(())
    }

    /// Its children are dead with it, or the lock would not be free.
    pub(super) fn died(&mut self, generation: i64) -> Verdict {
        match self.jobs.values().find(|job| job.running.iter().any(|(_, of)| *of == generation)) {
            Some(job) => broken("I4", format!("generation {generation} died and job {} still runs there", job.wish.id)),
            None => Ok(()),
        }
    }

    /// What a power cut may take: claims of jobs that may run again. All else was promised to be on the disk.
    pub(super) fn undo(&mut self, what: &What) -> Verdict {
        let What::Claimed(claim) = what else {
            let invariant = if matches!(what, What::Settled(_)) { "I6" } else { "I1" };
            return broken(invariant, format!("a power cut took what was promised to be on the disk: {what:?}"));
        };
        let Some(job) = self.jobs.get_mut(&claim.id) else { return Ok(()) };
        if self.budgets.get(&job.wish.task).is_some_and(|budget| budget.once) {
            return broken("I7", format!("job {} must not run twice, and a power cut took its claim", claim.id));
        }
        (job.fence, job.attempt) = job.before_claim.pop().unwrap_or_default();
        job.stand = Stand::Waiting;
        Ok(())
    }
}

//! Takes jobs for children that can start them now.
//!
//! Purpose: ready jobs in order (priority DESC, run_at, key), only as many as a child can start now or within a few
//! milliseconds. Hold rules are judged here, inside the claim: a paused queue is not asked, a matching job is marked
//! instead of claimed. A job whose task nobody knows is held with an alert, not lost and not looped.
//! What it will not do: claim for a child that is not ready. Options: `[queues.NAME] slots, paused`.
//! Killed midway: the transaction is undone; committed claims whose frame was not written are rescued.

use crate::care::Care;
use crate::catalogue::{Catalogue, Task};
use crate::crew::{Claimed, Crew, Room};
use crate::moment::Moment;
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::sync::Arc;
use workaday_core::clock::Timestamp;
use workaday_core::hold::HoldRule;
use workaday_core::job::{ARGUMENT_BYTES_MAX, Generation, HeldCode, Lane};
use workaday_core::lifecycle::runs_alone;
use workaday_store::{Candidate, Store, StoreError};

/// Candidates read at once, and jobs marked held in one turn at most.
const ROWS_MAX: usize = 512;
/// Arguments that a client of ours cannot have written (its limit is 256 KiB): such a row is held, not sent.
const ARGS_BYTES_MAX: usize = 4 * ARGUMENT_BYTES_MAX;
/// What is known of ready jobs of one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backlog {
    /// None was left at the last look.
    #[default]
    Empty,
    /// Some wait: ask when there is room.
    Ready,
    /// Some wait, but nothing fits until a running job ends.
    Blocked,
}

/// The lanes, in the order they are asked.
pub const LANES: [Lane; 4] = [Lane::Sync, Lane::Async, Lane::Solo, Lane::Command];

/// Lanes with work that may have to run at most once: claimed in a synced transaction only.
pub const fn wants_full(lane: Lane) -> bool {
    matches!(lane, Lane::Solo | Lane::Command)
}

/// What one claim took.
#[derive(Debug, Default)]
pub struct ClaimerReport {
    pub claimed: Vec<Claimed>,
    pub held: usize,
    /// What is left, for the lanes that were asked.
    pub left: [Option<Backlog>; LANES.len()],
    /// Jobs were marked or moved to another lane: look again at once.
    pub more: bool,
}

/// What the claimer looks at besides the store.
pub struct View<'a> {
    pub catalogue: &'a Catalogue,
    pub crew: &'a Crew,
    pub settings: &'a Settings,
    pub generation: Generation,
    /// Queues to ask, in any order; the claimer rotates.
    pub queues: &'a [String],
    pub backlog: [Backlog; LANES.len()],
    /// Will this transaction be synced? Work that must not run twice is claimed in no other.
    pub full: bool,
}

#[derive(Debug, Default)]
pub struct Claimer {
    turn: usize,
}

/// What one claim hands out and takes down as it goes.
struct Hand<'a> {
    room: Room,
    rules: Vec<HoldRule>,
    /// Jobs of limited queues that run already, counted as they are claimed.
    slots: BTreeMap<&'a str, usize>,
    report: ClaimerReport,
}

impl Claimer {
    /// One claim inside the caller's transaction.
    pub fn run_once(&mut self, store: &mut dyn Store, view: &View<'_>, now: Moment) -> Result<ClaimerReport, StoreError> {
        self.turn = self.turn.wrapping_add(1);
        let room = view.crew.room(view.settings, now.steady);
        let asked = |index: usize, lane: Lane| view.backlog[index] == Backlog::Ready && room.any(lane) && (!wants_full(lane) || view.full);
        let lanes: Vec<(usize, Lane)> = LANES.into_iter().enumerate().filter(|(index, lane)| asked(*index, *lane)).collect();
        if lanes.is_empty() {
            return Ok(ClaimerReport::default());
        }
        let rules = store.holds(now.wall)?;
        let open: Vec<&str> = view.queues.iter().map(String::as_str).filter(|q| !is_paused(q, &rules, view.settings)).collect();
        let mut hand = Hand { room, rules, slots: BTreeMap::new(), report: ClaimerReport::default() };
        for (index, lane) in lanes {
            let left = self.serve(store, view, lane, &open, &mut hand, now)?;
            hand.report.left[index] = Some(left);
        }
        Ok(hand.report)
    }

    /// Asks the open queues for one lane, each in its turn.
    fn serve<'a>(
        &self,
        store: &mut dyn Store,
        view: &View<'_>,
        lane: Lane,
        open: &[&'a str],
        hand: &mut Hand<'a>,
        now: Moment,
    ) -> Result<Backlog, StoreError> {
        let mut left = Backlog::Empty;
        for step in 0..open.len() {
            let queue = open[(step + self.turn) % open.len()];
            // The first queues asked leave a share to those after them; the last may take all that is left.
            let share = if hand.room.any(lane) { hand.room.worth_reading(lane).div_ceil(open.len() - step) } else { 0 };
            let limit = share.min(ROWS_MAX).min(slots_left(queue, view, &mut hand.slots));
            let taken = if limit == 0 { Backlog::Blocked } else { take(store, view, lane, queue, limit, hand, now)? };
            left = match (left, taken) {
                (Backlog::Ready, _) | (_, Backlog::Ready) => Backlog::Ready,
                (Backlog::Blocked, _) | (_, Backlog::Blocked) => Backlog::Blocked,
                _ => Backlog::Empty,
            };
        }
        Ok(left)
    }
}

fn slots_left<'a>(queue: &'a str, view: &View<'_>, slots: &mut BTreeMap<&'a str, usize>) -> usize {
    let Some(limit) = view.settings.queues.get(queue).and_then(|q| q.slots) else {
        return usize::MAX;
    };
    let taken = slots.entry(queue).or_insert_with(|| view.crew.in_queue(queue));
    limit.saturating_sub(*taken)
}

/// Takes up to `limit` jobs of one lane and queue; says what is left there.
fn take<'a>(
    store: &mut dyn Store,
    view: &View<'_>,
    lane: Lane,
    queue: &'a str,
    limit: usize,
    hand: &mut Hand<'a>,
    now: Moment,
) -> Result<Backlog, StoreError> {
    let candidates = store.claimable(lane, queue, now.wall, limit)?;
    let left = if candidates.len() == limit { Backlog::Ready } else { Backlog::Empty };
    for candidate in candidates {
        match judge(&candidate, &hand.rules, view) {
            Judged::Hold(code, rule) => {
                hold(store, &candidate, code, rule, now.wall)?;
                hand.report.held += 1;
                hand.report.more = true;
            }
            Judged::OtherLane(lane) => {
                store.set_lane(candidate.key, lane)?;
                hand.report.more = true;
            }
            Judged::Take(task) => {
                let Some(child) = hand.room.take(lane, task.expected_us()) else {
                    return Ok(Backlog::Blocked);
                };
                let worker = view.crew.children.get(&child).and_then(|c| c.worker);
                let Some(fence) = store.claim(candidate.key, view.generation, worker, now.wall)? else {
                    continue;
                };
                let care = Care::of(store, candidate.tick.as_deref())?;
                // Only these can have a receiver outside; the others are spared the question.
                if candidate.tick.is_some() || lane == Lane::Command {
                    store.ping_started(candidate.key, fence, now.wall)?;
                }
                if let Some(taken) = hand.slots.get_mut(queue) {
                    *taken += 1;
                }
                hand.report.claimed.push(Claimed {
                    key: candidate.key,
                    id: candidate.id,
                    fence,
                    task: task.clone(),
                    queue: candidate.queue,
                    lane,
                    child,
                    args: candidate.args,
                    attempt: candidate.attempt + 1,
                    run_at: candidate.run_at,
                    tick: candidate.tick,
                    care,
                });
            }
        }
    }
    Ok(left)
}

fn judge<'v>(candidate: &Candidate, rules: &[HoldRule], view: &View<'v>) -> Judged<'v> {
    if candidate.args.len() > ARGS_BYTES_MAX {
        return Judged::Hold(HeldCode::Unreadable, None);
    }
    let Some(task) = view.catalogue.get(&candidate.task) else {
        return Judged::Hold(HeldCode::UnknownTask, None);
    };
    let args = || serde_json::from_str(&candidate.args).unwrap_or(serde_json::Value::Null);
    if let Some(rule) = rules.iter().find(|rule| rule.matches(&candidate.task, args)) {
        return Judged::Hold(HeldCode::Paused, Some(rule.rule));
    }
    let home = task.entry.lane_when(runs_alone(candidate.counts));
    if home == candidate.lane { Judged::Take(task) } else { Judged::OtherLane(home) }
}

enum Judged<'v> {
    Take(&'v Arc<Task>),
    Hold(HeldCode, Option<i64>),
    /// Its task changed its kind since it was enqueued.
    OtherLane(Lane),
}

fn hold(store: &mut dyn Store, candidate: &Candidate, code: HeldCode, rule: Option<i64>, now: Timestamp) -> Result<(), StoreError> {
    store.hold_job(candidate.key, code, rule)?;
    if code != HeldCode::Paused {
        let (id, task) = (candidate.id, &candidate.task);
        let message = match code {
            HeldCode::UnknownTask => format!(
                "job {id} waits for task {task}, which the running code does not have; it is kept and runs when a release brings the task back"
            ),
            code => format!("job {id} of {task} is held: {code}"),
        };
        store.raise_alert(&format!("job.{code}"), &candidate.task, &message, now)?;
    }
    Ok(())
}

fn is_paused(queue: &str, rules: &[HoldRule], settings: &Settings) -> bool {
    settings.queues.get(queue).is_some_and(|q| q.paused) || rules.iter().any(|rule| rule.queue.as_deref() == Some(queue))
}

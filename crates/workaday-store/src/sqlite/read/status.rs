//! Counts, from indexes alone as far as they reach: a backlog of a million jobs must not make `status` slow. What has ended
//! is not counted anew by a reader that keeps its counts ([`Ended`](super::Ended)).

use super::super::rows;
use super::Reader;
use super::types::{QueueCounts, Status};
use crate::error::Result;
use crate::statements as sql;
use std::collections::BTreeMap;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::State;

/// Queue → its counts, and the held ones by state, which the totals by state need.
#[derive(Default)]
struct Tally {
    queues: BTreeMap<String, QueueCounts>,
    held: BTreeMap<State, i64>,
}

impl Tally {
    fn queue(&mut self, name: String) -> &mut QueueCounts {
        self.queues.entry(name).or_insert_with_key(|name| QueueCounts { queue: name.clone(), ..QueueCounts::default() })
    }
}

impl Reader {
    pub fn status(&self, now: Timestamp) -> Result<Status> {
        self.at_one_moment(|| self.read_status(now))
    }

    /// Counts of every queue that has unfinished jobs, a task in the catalogue, or a hold.
    pub fn queues(&self, now: Timestamp) -> Result<Vec<QueueCounts>> {
        self.at_one_moment(|| Ok(self.tally(now)?.queues.into_values().collect()))
    }

    /// One read transaction, so that the numbers fit together.
    fn at_one_moment<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        let connection = &self.link.connection();
        connection.execute_batch("BEGIN").map_err(|error| self.link.fail(error))?;
        let answer = read();
        connection.execute_batch("COMMIT").map_err(|error| self.link.fail(error))?;
        answer
    }

    fn read_status(&self, now: Timestamp) -> Result<Status> {
        self.advance_ended(now)?;
        let tally = self.tally(now)?;
        let finished = self.ended_totals()?;
        let sum = |count: fn(&QueueCounts) -> i64| tally.queues.values().map(count).sum::<i64>();
        let unfinished = |state: State| match state {
            State::Pending => sum(|queue| queue.pending),
            State::Scheduled => sum(|queue| queue.scheduled),
            State::Available => sum(|queue| queue.available),
            State::Running => sum(|queue| queue.running),
            State::Retryable => sum(|queue| queue.retryable),
            State::Completed | State::Cancelled | State::Discarded => 0,
        };
        let of = |map: &BTreeMap<State, i64>, state: State| map.get(&state).copied().unwrap_or(0);
        let by_state = State::ALL.iter().map(|&state| (state, unfinished(state) + of(&tally.held, state) + of(&finished, state))).collect();
        Ok(Status {
            by_state,
            oldest_waiting_at: tally.queues.values().filter_map(|queue| queue.oldest_waiting_at).min(),
            running: sum(|queue| queue.running),
            held: sum(|queue| queue.held),
            alerts_open: self.link.first(&sql::OPEN_ALERT_COUNT, [], |row| row.get(0))?.unwrap_or(0),
            discarded_last_day: self.finished_since(&[State::Discarded], now - Length::days(1))?,
            finished_last_minute: self.finished_since(&FINAL, now - Length::minutes(1))?,
            finished_per_minute: self.finished_since(&FINAL, now - Length::minutes(5))? as f64 / 5.0,
            queues: tally.queues.into_values().collect(),
        })
    }

    fn tally(&self, now: Timestamp) -> Result<Tally> {
        let mut tally = Tally::default();
        for (name, state, count) in self.by_queue_and_state(&sql::DUE_COUNTS)? {
            let queue = tally.queue(name);
            *(if state == State::Scheduled { &mut queue.scheduled } else { &mut queue.retryable }) += count;
        }
        for (name, count) in self.by_queue(&sql::RUNNING_COUNTS)? {
            tally.queue(name).running += count;
        }
        for (name, state, count) in self.by_queue_and_state(&sql::HELD_COUNTS)? {
            tally.queue(name).held += count;
            *tally.held.entry(state).or_default() += count;
        }
        for (name, count) in self.by_queue(&sql::PENDING_COUNTS)? {
            tally.queue(name).pending += count;
        }
        self.add_ready(&mut tally)?;
        for task in self.tasks()?.into_iter().filter(|task| task.present) {
            tally.queue(task.queue);
        }
        for hold in self.holds(false)?.into_iter().filter(|hold| hold.rule.is_active(now)) {
            if let Some(name) = hold.rule.queue {
                tally.queue(name).paused = true;
            }
        }
        Ok(tally)
    }

    /// Ready jobs. Ten times as long as walking through them is what SQLite needs to add up the pages of an index, so the
    /// greatest queue is not walked through: it has what the others and all other states leave of the sum.
    fn add_ready(&self, tally: &mut Tally) -> Result<()> {
        let total: i64 = self.link.first(&sql::UNFINISHED_COUNT, [], |row| row.get(0))?.unwrap_or(0);
        let others = |queue: &QueueCounts| queue.scheduled + queue.retryable + queue.running + queue.held + queue.pending;
        let mut left = total - tally.queues.values().map(others).sum::<i64>();
        let mut uncounted = self.ready_queues()?;
        for (lane, name) in &uncounted {
            let (queue, oldest) = (tally.queue(name.clone()), self.oldest_ready(*lane, name)?);
            queue.oldest_waiting_at = queue.oldest_waiting_at.into_iter().chain(oldest).min();
        }
        let mut cap = WALKED_FIRST;
        while uncounted.len() > 1 {
            let mut greater = vec![];
            for (lane, name) in uncounted {
                let counted = self.ready(lane, &name, cap)?;
                if counted.more {
                    greater.push((lane, name));
                } else {
                    left -= counted.number;
                    tally.queue(name).available += counted.number;
                }
            }
            uncounted = greater;
            cap *= 10;
        }
        if let Some((lane, name)) = uncounted.pop() {
            // One that alone is small is walked through: nothing else has to be right for it.
            let counted = self.ready(lane, &name, WALKED_FIRST)?;
            tally.queue(name).available += if counted.more { left } else { counted.number };
        }
        Ok(())
    }

    fn by_queue(&self, statement: &sql::Statement) -> Result<Vec<(String, i64)>> {
        self.link.list(statement, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn by_queue_and_state(&self, statement: &sql::Statement) -> Result<Vec<(String, State, i64)>> {
        self.link.list(statement, [], |row| Ok((row.get(0)?, rows::word(row, 1)?, row.get(2)?)))
    }

    fn finished_since(&self, states: &[State], since: Timestamp) -> Result<i64> {
        states.iter().map(|&state| self.count_ended(state, since.0, i64::MAX)).sum()
    }
}

/// So many ready jobs of a queue are walked through first, then ten times as many, as long as two queues have more.
const WALKED_FIRST: i64 = 10_000;

const FINAL: [State; 3] = [State::Completed, State::Cancelled, State::Discarded];

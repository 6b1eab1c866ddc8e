//! False histories: a good one, changed in one place, that the checker has to reject, naming the right invariant.

use super::history::{Answer, Claim, Entry, History, Pause, Row, Settle, Tick, What, Wish};
use workaday_core::job::{JobId, State};
use workaday_core::unique::HeldWhile;

/// What is false, the invariant that it breaks, and the change; `None` when this history has no place for it.
pub type Mutant = (&'static str, &'static str, fn(&mut History) -> Option<()>);

const GHOST: JobId = JobId(uuid::Uuid::from_u128(42));

fn ghost() -> Wish {
    let (task, queue) = ("t.quick".to_owned(), "default".to_owned());
    Wish { id: GHOST, task, queue, number: -1, run_at: 0, expires_at: None, unique: None }
}

fn row(id: JobId, state: State) -> Row {
    Row { id, key: 1 << 40, state, held: None, fence: 0, attempt: 0, reason: None }
}

impl History {
    /// The first entry that fits.
    fn first(&self, fits: impl Fn(&What) -> bool) -> Option<usize> {
        self.entries.iter().position(|entry| fits(&entry.what))
    }
    fn after(&self, place: usize, fits: impl Fn(&What) -> bool) -> Option<usize> {
        self.entries[place + 1..].iter().position(|entry| fits(&entry.what)).map(|found| found + place + 1)
    }
    /// Enters something right after `place`, at the same moment.
    fn put(&mut self, place: usize, what: What) -> Option<()> {
        let entry = Entry { what, ..self.entries[place].clone() };
        self.entries.insert(place + 1, entry);
        Some(())
    }
    fn again(&mut self, place: usize) -> Option<()> {
        let what = self.entries[place].what.clone();
        self.put(place, what)
    }
    fn drop(&mut self, place: usize) -> Option<()> {
        self.entries.remove(place);
        Some(())
    }
    fn claims(&self) -> impl Iterator<Item = (usize, &Claim)> {
        self.entries.iter().enumerate().filter_map(|(place, entry)| match &entry.what {
            What::Claimed(claim) => Some((place, claim)),
            _ => None,
        })
    }
    fn settles(&self) -> impl Iterator<Item = (usize, &Settle)> {
        self.entries.iter().enumerate().filter_map(|(place, entry)| match &entry.what {
            What::Settled(settle) => Some((place, settle)),
            _ => None,
        })
    }
    fn ticks(&self) -> impl Iterator<Item = (usize, &Tick)> {
        self.entries.iter().enumerate().filter_map(|(place, entry)| match &entry.what {
            What::Ticked(tick) => Some((place, tick)),
            _ => None,
        })
    }
    fn has_zombies(&self) -> bool {
        self.first(|what| matches!(what, What::Zombie { .. })).is_some()
    }
    fn change_claim(&mut self, fits: impl Fn(&Claim) -> bool, change: impl FnOnce(&mut Claim)) -> Option<()> {
        let place = self.claims().find(|(_, claim)| fits(claim))?.0;
        if let What::Claimed(claim) = &mut self.entries[place].what {
            change(claim);
        }
        Some(())
    }
    fn change_settle(&mut self, fits: impl Fn(&Settle) -> bool, change: impl FnOnce(&mut Settle)) -> Option<()> {
        let place = self.settles().find(|(_, settle)| fits(settle))?.0;
        if let What::Settled(settle) = &mut self.entries[place].what {
            change(settle);
        }
        Some(())
    }
    fn change_tick(&mut self, fits: impl Fn(&Tick) -> bool, change: impl FnOnce(&mut Tick)) -> Option<()> {
        let place = self.ticks().find(|(_, tick)| fits(tick))?.0;
        if let What::Ticked(tick) = &mut self.entries[place].what {
            change(tick);
        }
        Some(())
    }
    /// The enqueue of the first job that is claimed; changed.
    fn change_wish(&mut self, change: impl FnOnce(&mut Wish)) -> Option<()> {
        let ids: Vec<JobId> = self.claims().map(|(_, claim)| claim.id).collect();
        let touched =
            |id: JobId| self.first(|what| matches!(what, What::Retried { id: of } | What::Deleted { id: of } if *of == id)).is_some();
        let place = ids
            .into_iter()
            .filter(|id| !touched(*id))
            .find_map(|id| self.first(|what| matches!(what, What::Enqueued(wish) if wish.id == id)))?;
        if let What::Enqueued(wish) = &mut self.entries[place].what {
            change(wish);
        }
        Some(())
    }
    /// The task and queue of a job.
    fn wish(&self, id: JobId) -> Option<&Wish> {
        self.entries.iter().find_map(|entry| match &entry.what {
            What::Enqueued(wish) if wish.id == id => Some(wish),
            _ => None,
        })
    }
    /// Places of (started, ended, settled) of the first run that ended by itself.
    fn run(&self, fits: impl Fn(&Wish) -> bool) -> Option<(usize, usize, usize)> {
        self.claims().find_map(|(place, claim)| {
            let Claim { id, key, fence, .. } = *claim;
            self.wish(id).filter(|wish| fits(wish))?;
            let started = self.after(place, |what| matches!(what, What::Started { id: of, fence: at, .. } if *of == id && *at == fence))?;
            let ended = self.after(started, |what| matches!(what, What::Ended { id: of, fence: at } if *of == id && *at == fence))?;
            let settled = self.after(ended, |what| matches!(what, What::Settled(settle) if settle.key == key && settle.fence == fence))?;
            Some((started, ended, settled))
        })
    }
    fn one_row(&mut self, fits: impl Fn(&Row) -> bool) -> Option<&mut Row> {
        self.last.rows.iter_mut().find(|row| fits(row))
    }
    fn cut(&mut self, fits: impl Fn(&What) -> bool) -> Option<()> {
        let place = self.first(fits)?;
        let undone = vec![self.entries[place].what.clone()];
        self.put(place, What::PowerLost { undone })
    }
}

fn is_final(settle: &Settle) -> bool {
    settle.to == State::Completed
}

/// All of them.
pub const ALL: &[Mutant] = &[
    ("an acknowledged job has no row", "I1", |h| {
        let id = h.entries.iter().find_map(|entry| match entry.what {
            What::Answered { id, answer: Answer::Stored } if h.last.rows.iter().any(|row| row.id == id) => Some(id),
            _ => None,
        })?;
        h.last.rows.retain(|row| row.id != id);
        Some(())
    }),
    ("a job is acknowledged that nobody stored", "I1", |h| h.put(0, What::Answered { id: GHOST, answer: Answer::Stored })),
    ("a job is known that nobody stored", "I1", |h| h.put(0, What::Answered { id: GHOST, answer: Answer::Known })),
    ("a power cut takes an enqueue", "I1", |h| h.cut(|what| matches!(what, What::Enqueued(_)))),
    ("a power cut takes a tick", "I1", |h| h.cut(|what| matches!(what, What::Ticked(_)))),
    ("a power cut takes a pause", "I1", |h| h.cut(|what| matches!(what, What::Paused(_)))),
    ("a refused job is there", "I2", |h| {
        let id = h.entries.iter().find_map(|entry| match entry.what {
            What::Answered { id, answer: Answer::Refused } if h.wish(id).is_none() => Some(id),
            _ => None,
        })?;
        h.last.rows.push(row(id, State::Completed));
        Some(())
    }),
    ("a row that nobody enqueued", "I2", |h| {
        h.last.rows.push(row(GHOST, State::Completed));
        Some(())
    }),
    ("a job has two rows", "I2", |h| {
        let again = h.last.rows.first()?.clone();
        h.last.rows.push(again);
        Some(())
    }),
    ("a job is stored twice", "I2", |h| {
        let place = h.first(|what| matches!(what, What::Enqueued(wish) if wish.unique.is_none()))?;
        h.again(place)
    }),
    ("a job is claimed that nobody enqueued", "I2", |h| h.change_claim(|_| true, |claim| claim.id = GHOST)),
    ("an outcome is written twice", "I3", |h| {
        let place = h.settles().find(|(_, settle)| is_final(settle))?.0;
        h.again(place)
    }),
    ("the row says another state than was written", "I3", |h| {
        let key = h.settles().find(|(_, settle)| is_final(settle))?.1.key;
        h.one_row(|row| row.key == key && row.state == State::Completed)?.state = State::Discarded;
        Some(())
    }),
    ("a completed job is claimed again", "I3", |h| {
        let (place, key) = h.settles().find(|(_, settle)| is_final(settle)).map(|(place, settle)| (place, settle.key))?;
        let claim = h.claims().filter(|(at, claim)| *at < place && claim.key == key).last()?.1.clone();
        h.put(place, What::Claimed(Claim { fence: claim.fence + 1, ..claim }))
    }),
    ("a waiting job is finished by nobody", "I3", |h| {
        h.put(0, What::Enqueued(ghost()))?;
        h.last.rows.push(row(GHOST, State::Completed));
        Some(())
    }),
    ("a running job becomes pending", "I4", |h| h.change_settle(is_final, |settle| settle.to = State::Pending)),
    ("code ends that never began", "I4", |h| {
        let place = h.run(|_| true)?.0;
        h.drop(place)
    }),
    ("a running job is cancelled at once", "I4", |h| {
        let (place, id) = h.claims().next().map(|(place, claim)| (place, claim.id))?;
        h.put(place, What::Cancelled { id })
    }),
    ("a waiting job is asked to stop", "I4", |h| {
        let (place, id) = h.claims().next().map(|(place, claim)| (place, claim.id))?;
        h.put(place - 1, What::CancelAsked { id })
    }),
    ("a waiting job is retried by hand", "I4", |h| {
        h.put(0, What::Retried { id: GHOST })?;
        h.put(0, What::Enqueued(ghost()))
    }),
    ("a running job is deleted", "I4", |h| {
        let (place, id) = h.claims().next().map(|(place, claim)| (place, claim.id))?;
        h.put(place, What::Deleted { id })
    }),
    ("a supervisor dies and leaves its children", "I4", |h| {
        let place = h.first(|what| matches!(what, What::Started { .. }))?;
        let What::Started { generation, .. } = h.entries[place].what else { return None };
        h.put(place, What::Died { generation })
    }),
    ("a job expires that was not to", "I4", |h| {
        let id = h.last.rows.iter().find(|row| row.reason.as_deref() == Some("expired") && row.fence == 0)?.id;
        let place = h.first(|what| matches!(what, What::Enqueued(wish) if wish.id == id && wish.unique.is_none()))?;
        if let What::Enqueued(wish) = &mut h.entries[place].what {
            wish.expires_at = None;
        }
        Some(())
    }),
    ("a fence stands still", "I5", |h| h.change_claim(|claim| claim.fence >= 2, |claim| claim.fence -= 1)),
    ("a fence leaps", "I5", |h| h.change_claim(|_| true, |claim| claim.fence += 1)),
    ("a job is claimed twice at once", "I5", |h| {
        let (place, claim) = h.claims().next().map(|(place, claim)| (place, claim.clone()))?;
        h.put(place, What::Claimed(Claim { fence: claim.fence + 1, ..claim }))
    }),
    ("an old claim writes its outcome", "I5", |h| h.change_settle(|settle| settle.fence >= 2, |settle| settle.fence -= 1)),
    ("a claim that was given back writes its outcome", "I5", |h| {
        let place = h.settles().find(|(_, settle)| !settle.to.is_finished())?.0;
        h.again(place)
    }),
    ("code begins without a committed claim", "I5", |h| {
        let (started, ..) = h.run(|_| !h.has_zombies())?;
        let What::Started { id, fence, .. } = h.entries[started].what else { return None };
        {
            let place = h.claims().find(|(_, claim)| claim.id == id && claim.fence == fence)?.0;
            h.drop(place)
        }
    }),
    ("code begins for another generation's claim", "I5", |h| {
        let (started, ..) = h.run(|_| true)?;
        if let What::Started { generation, .. } = &mut h.entries[started].what {
            *generation += 1_000;
        }
        Some(())
    }),
    ("a job is given back while its code runs", "I5", |h| {
        let (_, ended, settled) = h.run(|_| !h.has_zombies())?;
        let entry = h.entries.remove(settled);
        h.entries.insert(ended, entry);
        Some(())
    }),
    ("code of one claim runs twice at once", "I5", |h| {
        let place = h.run(|wish| wish.task != "t.once" && !h.has_zombies())?.0;
        h.again(place)
    }),
    ("a generation comes twice", "I5", |h| {
        let place = h.first(|what| matches!(what, What::Generation { .. }))?;
        h.again(place)
    }),
    ("the row's fence is not the last claim's", "I5", |h| {
        h.one_row(|row| row.fence > 0)?.fence += 1;
        Some(())
    }),
    ("the outcome of a held claim is refused", "I6", |h| {
        let (place, key, fence) = h.settles().next().map(|(place, settle)| (place, settle.key, settle.fence))?;
        h.put(place - 1, What::Stale { key, fence })
    }),
    ("a power cut takes an outcome", "I6", |h| h.cut(|what| matches!(what, What::Settled(_)))),
    ("a row is finished and no claim wrote it", "I6", |h| {
        let live = |key: i64| h.last.rows.iter().any(|row| row.key == key && row.state == State::Completed);
        let found = h.settles().filter(|(_, settle)| is_final(settle) && live(settle.key)).last()?.0;
        h.drop(found)
    }),
    ("the record of an attempt is lost", "I6", |h| h.last.attempts.pop().map(drop)),
    ("an attempt is recorded that nobody made", "I6", |h| {
        h.last.attempts.push((1 << 40, 1));
        Some(())
    }),
    ("a settled job's row still runs", "I6", |h| {
        let place = h.settles().find(|(_, settle)| is_final(settle))?.0;
        if let What::Settled(settle) = &mut h.entries[place].what {
            (settle.to, settle.run_at) = (State::Available, None);
        }
        let What::Settled(settle) = h.entries[place].what.clone() else { return None };
        h.one_row(|row| row.key == settle.key)?.state = State::Running;
        Some(())
    }),
    ("an attempt beyond the budget", "I7", |h| h.change_claim(|_| true, |claim| claim.attempt = 99)),
    ("more attempts are settled than were claimed", "I7", |h| h.change_settle(|_| true, |settle| settle.attempt += 1)),
    ("a job that must not run twice runs twice", "I7", |h| {
        let (started, ended, _) = h.run(|wish| wish.task == "t.once" && !h.has_zombies())?;
        let (begin, end) = (h.entries[started].what.clone(), h.entries[ended].what.clone());
        h.put(ended, end)?;
        h.put(ended, begin)
    }),
    ("a power cut takes the claim of a job that must not run twice", "I7", |h| {
        let (started, ..) = h.run(|wish| wish.task == "t.once")?;
        let What::Started { id, .. } = h.entries[started].what else { return None };
        h.cut(|what| matches!(what, What::Claimed(claim) if claim.id == id))
    }),
    ("a tick is decided twice", "I8", |h| {
        let place = h.ticks().next()?.0;
        h.again(place)
    }),
    ("a tick is left out", "I8", |h| {
        let place = h.ticks().find(|(_, tick)| tick.job.is_none())?.0;
        h.drop(place)
    }),
    ("a tick has a job that is not there", "I8", |h| h.change_tick(|tick| tick.job.is_some(), |tick| tick.job = Some(GHOST))),
    ("a range is counted wrong", "I8", |h| h.change_tick(|tick| tick.count > 1, |tick| tick.count += 1)),
    ("a tick comes at the wrong instant", "I8", |h| h.change_tick(|_| true, |tick| tick.at += 1)),
    ("the ledger has lost a tick", "I8", |h| h.last.ticks.pop().map(drop)),
    ("the ledger has a tick that nobody decided", "I8", |h| {
        let tick = h.last.ticks.first()?.clone();
        h.last.ticks.push(Tick { at: tick.at - 1, ..tick });
        Some(())
    }),
    ("a cursor goes back", "I8", |h| {
        let name = h.ticks().next()?.1.schedule.clone();
        h.last.cursors.insert(name, 0).map(drop)
    }),
    ("a tick makes two jobs", "I8", |h| {
        let place = h.first(|what| matches!(what, What::TickJob { .. }))?;
        let What::TickJob { task, queue, schedule, .. } = h.entries[place].what.clone() else { return None };
        h.put(place, What::Deleted { id: GHOST })?;
        h.put(place, What::TickJob { id: GHOST, task, queue, schedule })
    }),
    ("two jobs hold a unique key", "I9", |h| {
        let wish = Wish { unique: Some(("k".into(), HeldWhile::Unfinished)), ..ghost() };
        let other = Wish { id: JobId(uuid::Uuid::from_u128(43)), ..wish.clone() };
        h.put(0, What::Enqueued(other))?;
        h.put(0, What::Enqueued(wish))
    }),
    ("a job is claimed before it is due", "I12", |h| h.change_wish(|wish| wish.run_at = i64::MAX)),
    ("a job is claimed after it expired", "I12", |h| h.change_wish(|wish| wish.expires_at = Some(0))),
    ("a job of a paused queue is claimed", "I12", |h| {
        let (place, id) = h.claims().find(|(_, claim)| h.wish(claim.id).is_some()).map(|(place, claim)| (place, claim.id))?;
        let queue = Some(h.wish(id)?.queue.clone());
        h.put(place - 1, What::Paused(Pause { rule: 9_999, task: None, queue, number: None, until: None }))
    }),
    ("a job of a paused argument is claimed", "I12", |h| {
        let (place, id) = h.claims().find(|(_, claim)| h.wish(claim.id).is_some()).map(|(place, claim)| (place, claim.id))?;
        let (task, number) = h.wish(id).map(|wish| (Some(wish.task.clone()), Some(wish.number)))?;
        h.put(place - 1, What::Paused(Pause { rule: 9_999, task, queue: None, number, until: None }))
    }),
    ("a job that was asked to stop completes", "I12", |h| {
        let (place, key) = h.settles().find(|(_, settle)| is_final(settle)).map(|(place, settle)| (place, settle.key))?;
        let id = h.claims().find(|(_, claim)| claim.key == key)?.1.id;
        h.put(place - 1, What::CancelAsked { id })
    }),
    ("a cancelled job is claimed", "I12", |h| {
        let (place, id) = h.claims().next().map(|(place, claim)| (place, claim.id))?;
        h.put(place - 1, What::Cancelled { id })
    }),
    ("a claim is never given back", "I13", |h| {
        let live = |key: i64| h.last.rows.iter().any(|row| row.key == key && row.state == State::Completed);
        let (place, key) = h.settles().filter(|(_, settle)| is_final(settle) && live(settle.key)).last().map(|(at, s)| (at, s.key))?;
        h.one_row(|row| row.key == key)?.state = State::Running;
        h.drop(place)
    }),
    ("a job is left waiting", "I13", |h| {
        h.put(0, What::Enqueued(ghost()))?;
        h.last.rows.push(row(GHOST, State::Available));
        Some(())
    }),
    ("a job is left held", "I13", |h| {
        h.put(0, What::Enqueued(ghost()))?;
        h.last.rows.push(Row { held: Some("paused".into()), ..row(GHOST, State::Available) });
        Some(())
    }),
    ("attempts do not sum up", "I14", |h| {
        let again = *h.last.attempts.first()?;
        h.last.attempts.push(again);
        Some(())
    }),
    ("the file is damaged", "I15", |h| {
        h.last.integrity = "row 7 missing from index workaday_jobs_id".into();
        Some(())
    }),
];

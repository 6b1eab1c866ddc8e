//! Stops what runs too long, and takes back what waits behind a job that turned long.
//!
//! Purpose: a timeout that really stops code. From the start of the job: at `timeout` the child is asked (an exception
//! in the task), `kill_after` later its process group gets SIGTERM, half of that later SIGKILL. A cancel by hand and a
//! drain take the same steps. A command is asked by SIGTERM to its group, and `kill_after` later its tree is killed. Options: `timeout=` of the task, `[worker] kill_after`. Events: commands Stop, Term, Kill,
//! Recall. It holds no state but the flights'. Killed midway: the kernel's own timer in the child ends the job.

use crate::crew::{Child, ChildKind, ChildState, Crew, Flight, Stop};
use crate::event::{ChildNo, Command, StopWhy};
use crate::settings::Settings;
use workaday_core::clock::Timestamp;
use workaday_core::job::Lane;

#[derive(Debug, Default)]
pub struct Timekeeper;

impl Timekeeper {
    /// Looks at every job in flight. Pure but for the marks on flights and children.
    pub fn run_once(&mut self, crew: &mut Crew, settings: &Settings, now: Timestamp) -> Vec<Command> {
        let mut commands = Vec::new();
        for flight in crew.flights.values_mut() {
            commands.extend(step(flight, settings, now));
        }
        let recalls: Vec<ChildNo> = crew.children.values().filter(|c| wants_recall(c, crew, settings, now)).map(|c| c.no).collect();
        for child in recalls {
            if let Some(child) = crew.children.get_mut(&child) {
                child.recalling = true;
            }
            commands.push(Command::Recall { child });
        }
        commands
    }

    /// When there is something to do next.
    pub fn next_at(&self, crew: &Crew, settings: &Settings) -> Option<Timestamp> {
        let stops = crew.flights.values().filter_map(|f| next_step_at(f, settings));
        let recalls = crew.children.values().filter_map(|c| recall_at(c, crew, settings));
        stops.chain(recalls).min()
    }
}

/// Asks a job to stop, unless it has been asked.
pub fn ask(flight: &mut Flight, why: StopWhy, now: Timestamp) -> Option<Command> {
    if flight.stop != Stop::Not {
        return None;
    }
    flight.stop = Stop::Soft { why, at: now };
    Some(Command::Stop { child: flight.child, seq: flight.seq, why })
}

fn next_step_at(flight: &Flight, settings: &Settings) -> Option<Timestamp> {
    match flight.stop {
        Stop::Not => Some(flight.started_at? + flight.task.entry.timeout()?),
        Stop::Soft { at, .. } => Some(at + settings.kill_after),
        Stop::Term { at, .. } => Some(at + workaday_core::clock::Length(settings.kill_after.0 / 2)),
        Stop::Killed { .. } => None,
    }
}

fn step(flight: &mut Flight, settings: &Settings, now: Timestamp) -> Option<Command> {
    if next_step_at(flight, settings).is_none_or(|at| now < at) {
        return None;
    }
    let child = flight.child;
    match flight.stop {
        Stop::Not => ask(flight, StopWhy::Timeout, now),
        // The soft stop of a command was SIGTERM already.
        Stop::Soft { why, .. } if flight.lane == Lane::Command => {
            flight.stop = Stop::Killed { why };
            Some(Command::Kill { child })
        }
        Stop::Soft { why, .. } => {
            flight.stop = Stop::Term { why, at: now };
            Some(Command::Term { child })
        }
        Stop::Term { why, .. } => {
            flight.stop = Stop::Killed { why };
            Some(Command::Kill { child })
        }
        Stop::Killed { .. } => None,
    }
}

fn recall_at(child: &Child, crew: &Crew, settings: &Settings) -> Option<Timestamp> {
    if child.kind != ChildKind::Sync || child.state != ChildState::Ready || child.recalling || child.order.len() < 2 {
        return None;
    }
    let head = crew.flights.get(child.order.front()?)?;
    Some(head.started_at? + settings.recall_after)
}

fn wants_recall(child: &Child, crew: &Crew, settings: &Settings, now: Timestamp) -> bool {
    recall_at(child, crew, settings).is_some_and(|at| now >= at)
}

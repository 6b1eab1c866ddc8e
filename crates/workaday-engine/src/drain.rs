//! Stops claiming, finishes what runs, gives back the rest.
//!
//! Purpose: a deploy loses nothing and spends no attempt. First signal: no more claims; children finish what has begun
//! and give back the rest; at `[worker] grace` what still runs is asked to stop (and goes back), a second later its
//! process is killed. Second signal: grace is over at once. Killed midway: the next generation rescues.

use crate::crew::{ChildState, Crew, Stop};
use crate::event::{Command, StopWhy};
use crate::settings::Settings;
use crate::timekeeper::ask;
use workaday_core::clock::{Length, Timestamp};

/// After the grace, a job that was asked has this long to end by itself.
const LAST_CALL: Length = Length::seconds(1);

#[derive(Debug, Default)]
pub struct Drain {
    since: Option<Timestamp>,
    hurried: bool,
    asked_at: Option<Timestamp>,
    killed: bool,
}

impl Drain {
    pub fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// A first call starts it, a second one ends the grace.
    pub fn begin(&mut self, now: Timestamp) {
        match self.since {
            None => self.since = Some(now),
            Some(_) => self.hurried = true,
        }
    }

    pub fn run_once(&mut self, crew: &mut Crew, settings: &Settings, now: Timestamp) -> Vec<Command> {
        let Some(since) = self.since else {
            return Vec::new();
        };
        let mut commands = Vec::new();
        for child in crew.children.values_mut() {
            match child.state {
                ChildState::Ready => {
                    child.state = ChildState::Draining;
                    commands.push(Command::Drain { child: child.no });
                }
                ChildState::Starting => {
                    child.state = ChildState::Ending;
                    commands.push(Command::Kill { child: child.no });
                }
                ChildState::Draining | ChildState::Ending => {}
            }
        }
        if self.hurried || now >= since + settings.grace {
            self.end_grace(crew, now, &mut commands);
        }
        commands
    }

    fn end_grace(&mut self, crew: &mut Crew, now: Timestamp, commands: &mut Vec<Command>) {
        let asked_at = *self.asked_at.get_or_insert(now);
        commands.extend(crew.flights.values_mut().filter_map(|flight| ask(flight, StopWhy::Drain, now)));
        if now >= asked_at + LAST_CALL && !self.killed {
            self.killed = true;
            for flight in crew.flights.values_mut() {
                let why = flight.stop.why().unwrap_or(StopWhy::Drain);
                flight.stop = Stop::Killed { why };
            }
            for child in crew.children.values_mut() {
                child.state = ChildState::Ending;
                commands.push(Command::Kill { child: child.no });
            }
        }
    }

    pub fn next_at(&self, settings: &Settings) -> Option<Timestamp> {
        match (self.since, self.asked_at) {
            (Some(_), Some(asked_at)) if !self.killed => Some(asked_at + LAST_CALL),
            (Some(since), None) => Some(since + settings.grace),
            _ => None,
        }
    }
}

//! How many children of which kind there are, and when one is replaced.
//!
//! Purpose: a kind of child runs only if the catalogue has tasks of it; one that died is replaced at once, one that
//! cannot start is tried again with a growing pause (1 s … 30 s). Solo children come when there is work for them and go
//! after `solo_linger`. Options: `[worker] processes, async_processes, solo, recycle_after_jobs, recycle_above`.

use crate::catalogue::Catalogue;
use crate::crew::{Child, ChildKind, ChildState, Crew};
use crate::event::{ChildNo, Command};
use crate::settings::Settings;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::Lane;

const PAUSE_MIN: Length = Length::seconds(1);
const PAUSE_MAX: Length = Length::seconds(30);

#[derive(Debug, Default)]
pub struct Staffing {
    failures: u32,
    not_before: Option<Timestamp>,
    /// Ready work that needs a solo child was seen.
    pub solo_wanted: bool,
}

impl Staffing {
    /// A child could not start: the next try waits longer.
    pub fn start_failed(&mut self, now: Timestamp) {
        let pause = PAUSE_MIN.0.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX.0);
        self.failures += 1;
        self.not_before = Some(now + Length(pause));
    }

    pub fn started(&mut self) {
        self.failures = 0;
        self.not_before = None;
    }

    pub fn next_at(&self, crew: &Crew, settings: &Settings) -> Option<Timestamp> {
        let starting = crew.children.values().filter(|c| c.state == ChildState::Starting);
        starting.map(|c| c.spawned_at + settings.start_within).chain(self.not_before).min()
    }

    /// Children that have not said hello in time.
    pub fn overdue(&self, crew: &Crew, settings: &Settings, now: Timestamp) -> Vec<ChildNo> {
        let starting = crew.children.values().filter(|c| c.state == ChildState::Starting);
        starting.filter(|c| now >= c.spawned_at + settings.start_within).map(|c| c.no).collect()
    }

    /// Spawns what is missing, sends home what is not needed. `now` is steady.
    pub fn run_once(&mut self, crew: &mut Crew, catalogue: &Catalogue, settings: &Settings, now: Timestamp) -> Vec<Command> {
        let mut commands = self.send_home(crew, catalogue, settings, now);
        if self.not_before.is_some_and(|at| now < at) {
            return commands;
        }
        self.not_before = None;
        if !settings.has_app {
            return commands;
        }
        for kind in ChildKind::PYTHON {
            let wanted = self.wanted(kind, crew, catalogue, settings);
            while crew.count(kind) < wanted {
                // After a failed start one child tries; the others follow once it is there.
                if self.failures > 0 && crew.children.values().any(|child| child.state == ChildState::Starting) {
                    return commands;
                }
                commands.push(crew.spawn(kind, now));
            }
        }
        commands
    }

    fn wanted(&self, kind: ChildKind, crew: &Crew, catalogue: &Catalogue, settings: &Settings) -> usize {
        let has = |lane: Lane| catalogue.of_side(false).any(|task| task.entry.lane() == lane);
        match kind {
            // Its process comes with its job.
            ChildKind::Command => 0,
            // Somebody has to import the application to learn what it has.
            ChildKind::Sync if catalogue.of_side(false).next().is_none() => 1,
            ChildKind::Sync => {
                if has(Lane::Sync) {
                    settings.processes
                } else {
                    0
                }
            }
            ChildKind::Async => {
                if has(Lane::Async) {
                    settings.async_processes
                } else {
                    0
                }
            }
            ChildKind::Solo => {
                let there = crew.count(ChildKind::Solo);
                let idle = crew.children.values().any(|c| c.kind == ChildKind::Solo && c.state != ChildState::Ending && c.order.is_empty());
                if self.solo_wanted && !idle { (there + 1).min(settings.solo_processes) } else { there }
            }
        }
    }

    fn send_home(&self, crew: &mut Crew, catalogue: &Catalogue, settings: &Settings, now: Timestamp) -> Vec<Command> {
        let lanes: Vec<Lane> = catalogue.of_side(false).map(|task| task.entry.lane()).collect();
        let mut commands = Vec::new();
        // After a reload there may be fewer of a kind than there are.
        let over = |kind: ChildKind, wanted: usize| (kind, crew.count(kind).saturating_sub(wanted.max(1)));
        let mut surplus = [over(ChildKind::Sync, settings.processes), over(ChildKind::Async, settings.async_processes)];
        for child in crew.children.values_mut().filter(|c| c.kind != ChildKind::Command && c.state == ChildState::Ready) {
            let needed = lanes.is_empty() || child.kind == ChildKind::Solo || lanes.iter().any(|lane| ChildKind::of(*lane) == child.kind);
            let one_too_many = surplus.iter_mut().any(|(kind, left)| {
                *kind == child.kind && *left > 0 && {
                    *left -= 1;
                    true
                }
            });
            if !needed || one_too_many || is_spent(child, settings) || lingered(child, settings, now) {
                child.state = ChildState::Draining;
                commands.push(Command::Drain { child: child.no });
            }
        }
        commands
    }
}

/// Has it done its number of jobs, or grown too large?
fn is_spent(child: &Child, settings: &Settings) -> bool {
    settings.recycle_after_jobs.is_some_and(|limit| child.jobs_done >= limit)
        || settings.recycle_above_bytes.is_some_and(|limit| child.resident_bytes > limit)
}

fn lingered(child: &Child, settings: &Settings, now: Timestamp) -> bool {
    child.kind == ChildKind::Solo && child.order.is_empty() && now - child.idle_since > settings.solo_linger
}

//! Who works: the processes that are alive, how busy their slots are, and why others ended.

use crate::processes::{Process, Processes};
use crate::sheet::Sheet;
use crate::words;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::ending::is_death;
use workaday_core::job::Lane;
use workaday_core::measure::{Metric, SeriesKind};
use workaday_store::StoreError;
use workaday_store::sqlite::read::{MeasureFilter, Reader, WorkerStatus};

const WORKERS_MAX: usize = 60;
/// Ends that are counted, and rows that are shown of each kind.
const ENDS_COUNTED: usize = 200;
const ENDS_SHOWN: usize = 12;
const SILENCE_MAX: Length = Length::seconds(90);
/// Utilisation is that of the last hour; measures are written minute by minute.
const LOOKED_BACK: Length = Length::hours(1);
const MINUTE: Length = Length::minutes(1);

pub struct Worker {
    pub pid: i64,
    pub kind: String,
    pub release: Option<String>,
    pub memory: String,
    pub cpu: String,
    pub started_html: String,
    pub seen_html: String,
    pub is_silent: bool,
}

pub struct Ended {
    pub pid: i64,
    pub kind: String,
    pub cause: String,
    pub ended_html: String,
    pub lived: String,
}

/// Slots of one lane, and how many of them were taken on average.
pub struct Lanes {
    pub name: &'static str,
    pub slots: usize,
    pub taken: f64,
}

impl Lanes {
    /// `45 %`.
    pub fn percent(&self) -> String {
        format!("{:.0} %", self.share() * 100.0)
    }

    pub fn of(&self) -> String {
        format!("{} of {}", number(self.taken), words::many(self.slots, "slot"))
    }

    /// More than all is what a figure of another minute makes of it.
    fn share(&self) -> f64 {
        (self.taken / self.slots.max(1) as f64).min(1.0)
    }
}

/// `0.04`, `3.1`, `18`: as fine as it says something.
pub fn number(value: f64) -> String {
    match value {
        ..0.005 => "0".to_owned(),
        ..0.095 => format!("{value:.2}"),
        ..9.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

pub struct Staff {
    pub alive: Vec<WorkerStatus>,
    pub workers: Vec<Worker>,
    pub lanes: Vec<Lanes>,
    /// Jobs that ran at the same time in each queue, on average.
    pub at_once: BTreeMap<String, f64>,
    /// Nobody asked for it.
    pub died: Vec<Ended>,
    /// Told to leave, or gone with their supervisor.
    pub left: Vec<Ended>,
    pub ends_said: Option<String>,
    /// Some worker names the release that it runs.
    pub names_releases: bool,
    ends: Vec<WorkerStatus>,
    processes: Vec<Option<Process>>,
}

pub fn staff(reader: &Reader, async_slots: usize, s: &Sheet<'_>) -> Result<Staff, StoreError> {
    let now = s.t.now;
    let alive = reader.workers(false, WORKERS_MAX)?;
    let here = Processes::here();
    let processes: Vec<Option<Process>> = alive.iter().map(|worker| here.of(worker)).collect();
    let ends = reader.worker_ends(now - Length::days(7), ENDS_COUNTED)?;
    let died = |worker: &&WorkerStatus| worker.end_cause.as_deref().is_none_or(is_death);
    let counted = (ends.iter().filter(died).count(), ends.iter().filter(|worker| !died(worker)).count());
    let from = alive.iter().filter(|worker| worker.kind == "supervisor").map(|worker| worker.started_at).max();
    let from = from.map_or(now - LOOKED_BACK, |started| started.max(now - LOOKED_BACK));
    Ok(Staff {
        workers: alive.iter().zip(&processes).map(|(worker, process)| shown(worker, *process, s)).collect(),
        lanes: lanes(reader, &alive, async_slots, from, now)?,
        at_once: taken(reader, SeriesKind::Queue, from, now)?,
        died: ends.iter().filter(died).take(ENDS_SHOWN).map(|worker| gone(worker, s)).collect(),
        left: ends.iter().filter(|worker| !died(worker)).take(ENDS_SHOWN).map(|worker| gone(worker, s)).collect(),
        ends_said: ends_said(counted, ends.len() >= ENDS_COUNTED),
        names_releases: alive.iter().any(|worker| worker.release.is_some()),
        alive,
        processes,
        ends,
    })
}

fn shown(worker: &WorkerStatus, process: Option<Process>, s: &Sheet<'_>) -> Worker {
    let lived = (s.t.now - worker.started_at).0.max(1) as f64;
    Worker {
        pid: worker.pid,
        kind: worker.kind.clone(),
        release: worker.release.clone(),
        memory: process.map_or_else(|| "–".to_owned(), |process| words::kib(process.resident_kib)),
        cpu: process.map_or_else(|| "–".to_owned(), |process| format!("{} %", number(process.cpu_us as f64 / lived * 100.0))),
        started_html: s.t.ago(worker.started_at),
        seen_html: s.t.ago(worker.seen_at),
        is_silent: s.t.now - worker.seen_at > SILENCE_MAX,
    }
}

fn gone(worker: &WorkerStatus, s: &Sheet<'_>) -> Ended {
    Ended {
        pid: worker.pid,
        kind: worker.kind.clone(),
        cause: worker.end_cause.clone().unwrap_or_else(|| "not known".to_owned()),
        ended_html: s.t.ago_or(worker.ended_at, "–"),
        lived: worker.ended_at.map_or_else(|| "–".to_owned(), |ended| words::coarse(ended - worker.started_at)),
    }
}

/// `None`: nobody has ended.
fn ends_said((died, left): (usize, usize), more: bool) -> Option<String> {
    let processes = |number: usize| if number == 1 { "1 process".to_owned() } else { format!("{number} processes") };
    let more = if more { "Of the newest ends: " } else { "" };
    Some(match (died, left) {
        (0, 0) => return None,
        (0, left) => format!("{more}{} left as asked, none died.", processes(left)),
        (died, 0) => format!("{more}{} died.", processes(died)),
        (died, left) => format!("{more}{} died, {left} left as asked.", processes(died)),
    })
}

/// How many ran at the same time on average: their run times, added up, over the time that passed.
fn taken(reader: &Reader, kind: SeriesKind, from: Timestamp, now: Timestamp) -> Result<BTreeMap<String, f64>, StoreError> {
    let passed = (now - from).max(MINUTE).0 as f64;
    // A minute stands in the store under its beginning.
    let filter = MeasureFilter { kind: Some(kind), from: Some(from - MINUTE), to: Some(now), ..MeasureFilter::default() };
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for (series, figures) in reader.measured(&filter)? {
        *sums.entry(series.name).or_default() += figures.of(Metric::Run).sum() as f64 / passed;
    }
    Ok(sums)
}

fn lanes(reader: &Reader, alive: &[WorkerStatus], async_slots: usize, from: Timestamp, now: Timestamp) -> Result<Vec<Lanes>, StoreError> {
    let lane_of: BTreeMap<String, Lane> = reader.tasks()?.into_iter().map(|task| (task.name, task.lane)).collect();
    let taken = taken(reader, SeriesKind::Task, from, now)?;
    let of = |lane: Lane| {
        taken.iter().filter(|(task, _)| lane_of.get(*task) == Some(&lane)).map(|(_, taken)| taken).fold(0.0, |sum, taken| sum + taken)
    };
    let slots = |lane: Lane| {
        let processes = alive.iter().filter(|worker| worker.kind == lane.as_str()).count();
        if lane == Lane::Async { processes * async_slots } else { processes }
    };
    // What runs alone in a process of its own has no slots that could be idle.
    let lanes = [(Lane::Sync, "sync"), (Lane::Async, "async")];
    Ok(lanes.into_iter().map(|(lane, name)| Lanes { name, slots: slots(lane), taken: of(lane) }).filter(|lane| lane.slots > 0).collect())
}

impl Staff {
    pub fn to_json(&self) -> Value {
        let workers = self.alive.iter().zip(&self.processes).map(|(worker, process)| {
            json!({
                "pid": worker.pid, "kind": worker.kind, "release": worker.release, "started_at": worker.started_at.to_string(),
                "seen_at": worker.seen_at.to_string(), "memory_kib": process.map(|process| process.resident_kib),
                "cpu_us": process.map(|process| process.cpu_us),
            })
        });
        let ended = self.ends.iter().take(2 * ENDS_SHOWN).map(|worker| {
            json!({
                "pid": worker.pid, "kind": worker.kind, "release": worker.release, "cause": worker.end_cause,
                "started_at": worker.started_at.to_string(), "ended_at": worker.ended_at.map(|at| at.to_string()),
            })
        });
        let lanes =
            self.lanes.iter().map(|lane| json!({"lane": lane.name, "slots": lane.slots, "taken": lane.taken, "utilisation": lane.share()}));
        json!({"workers": workers.collect::<Vec<_>>(), "ended": ended.collect::<Vec<_>>(), "utilisation": lanes.collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_says_whether_anybody_asked_for_it() {
        let said = |died, left, more| ends_said((died, left), more).unwrap_or_default();
        assert_eq!(said(0, 0, false), "");
        assert_eq!(said(0, 8, false), "8 processes left as asked, none died.");
        assert_eq!(said(1, 2, false), "1 process died, 2 left as asked.");
        assert_eq!(said(3, 197, true), "Of the newest ends: 3 processes died, 197 left as asked.");
    }

    #[test]
    fn a_share_is_never_more_than_all() {
        let lane = |taken| Lanes { name: "sync", slots: 2, taken };
        assert_eq!((lane(0.9).percent(), lane(0.9).of()), ("45 %".into(), "0.9 of 2 slots".into()));
        assert_eq!(lane(2.3).percent(), "100 %");
        assert_eq!([0.0, 0.04, 0.42, 3.12, 18.2].map(number), ["0", "0.04", "0.4", "3.1", "18"]);
    }
}

//! All the ways a schedule can be due, behind one set of questions: next, latest, how many.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::excluded::ExcludedDates;
use super::interval::Interval;
use super::resting::Resting;
use super::tick::Tick;

/// What decides when a schedule is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// One or more cron expressions, less some dates.
    Cron(Calendar),
    /// A steady length of elapsed time.
    Every(Interval),
    /// Once.
    At(Timestamp),
}

/// A rule with its zone, and the time in which it holds.
///
/// Every question is answered without walking through the ticks in between, so a year of downtime with a tick
/// each second is decided as fast as an hour of it.
///
/// ```
/// use workaday_core::schedule::{Calendar, CronExpr, Rule, Timetable};
/// let zone = jiff::tz::TimeZone::get("Europe/Lisbon")?;
/// let seconds = Timetable::new(Rule::Cron(Calendar::from(CronExpr::parse("* * * * * *")?)), zone);
/// let (from, until) = ("2025-06-01T00:00:00Z".parse()?, "2026-06-01T00:00:00Z".parse()?);
/// assert_eq!(seconds.count(from, until), 365 * 86_400);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    pub rule: Rule,
    /// For an interval or a one-off the zone only says how a tick is shown.
    pub zone: TimeZone,
    /// No tick before this instant.
    pub starts_at: Option<Timestamp>,
    /// No tick at this instant or later.
    pub ends_at: Option<Timestamp>,
    /// Dates of the zone on which an interval rests; those of a cron expression lie in its calendar.
    pub excluded: ExcludedDates,
}

impl Timetable {
    pub fn new(rule: Rule, zone: TimeZone) -> Self {
        Self { rule, zone, starts_at: None, ends_at: None, excluded: ExcludedDates::NONE }
    }

    /// The first tick strictly after an instant.
    pub fn next(&self, after: Timestamp) -> Option<Tick> {
        let after = self.not_before_start(after);
        let tick = match &self.rule {
            Rule::Cron(calendar) => calendar.next(after, &self.zone),
            Rule::Every(interval) => self.plain(self.resting(interval).next(after)),
            Rule::At(at) => self.plain((*at > after).then_some(*at)),
        };
        tick.filter(|tick| self.ends_at.is_none_or(|end| tick.due_at < end))
    }

    /// The last tick at or before an instant.
    pub fn latest(&self, at: Timestamp) -> Option<Tick> {
        let at = self.not_after_end(at);
        let tick = match &self.rule {
            Rule::Cron(calendar) => calendar.latest(at, &self.zone),
            Rule::Every(interval) => self.plain(self.resting(interval).latest(at)),
            Rule::At(only) => self.plain((*only <= at).then_some(*only)),
        };
        tick.filter(|tick| self.starts_at.is_none_or(|start| tick.due_at >= start))
    }

    /// How many ticks are after `after` and not after `until`.
    pub fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        let (after, until) = (self.not_before_start(after), self.not_after_end(until));
        match &self.rule {
            _ if until <= after => 0,
            Rule::Cron(calendar) => calendar.count(after, until, &self.zone),
            Rule::Every(interval) => self.resting(interval).count(after, until),
            Rule::At(at) => u64::from(after < *at && *at <= until),
        }
    }

    /// All ticks strictly after an instant, in order.
    pub fn ticks(&self, after: Timestamp) -> impl Iterator<Item = Tick> {
        std::iter::successors(self.next(after), |tick| self.next(tick.due_at))
    }

    /// The oldest ticks after `after` and not after `until`, at most `count_max` of them, in order.
    pub fn first_between(&self, after: Timestamp, until: Timestamp, count_max: usize) -> Vec<Tick> {
        self.ticks(after).take_while(|tick| tick.due_at <= until).take(count_max).collect()
    }

    /// The newest ticks after `after` and not after `until`, at most `count_max` of them, in order: what a catch-up
    /// with a limit runs. Costs `count_max` steps, however long the silence was.
    pub fn last_between(&self, after: Timestamp, until: Timestamp, count_max: usize) -> Vec<Tick> {
        let earlier = |tick: &Tick| self.latest(just_before(tick.due_at)?);
        let backwards = std::iter::successors(self.latest(until), earlier);
        let mut ticks: Vec<Tick> = backwards.take_while(|tick| tick.due_at > after).take(count_max).collect();
        ticks.reverse();
        ticks
    }

    fn resting<'a>(&'a self, interval: &'a Interval) -> Resting<'a> {
        Resting { interval, excluded: &self.excluded, zone: &self.zone }
    }

    fn plain(&self, due_at: Option<Timestamp>) -> Option<Tick> {
        due_at.map(|due_at| Tick::plain(due_at, &self.zone))
    }

    fn not_before_start(&self, after: Timestamp) -> Timestamp {
        self.starts_at.and_then(just_before).map_or(after, |start| after.max(start))
    }

    fn not_after_end(&self, at: Timestamp) -> Timestamp {
        self.ends_at.and_then(just_before).map_or(at, |end| at.min(end))
    }
}

fn just_before(at: Timestamp) -> Option<Timestamp> {
    at.checked_sub(jiff::SignedDuration::from_nanos(1)).ok()
}

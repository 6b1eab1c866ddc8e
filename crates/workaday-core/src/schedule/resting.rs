//! An interval that rests on some dates: its rhythm goes on, and the ticks of those days are left out.

use super::excluded::ExcludedDates;
use super::interval::Interval;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A day is one of the zone: from the first instant that the clock shows it to the first of the day after.
pub(super) struct Resting<'a> {
    pub interval: &'a Interval,
    pub excluded: &'a ExcludedDates,
    pub zone: &'a TimeZone,
}

impl Resting<'_> {
    /// The first tick strictly after an instant. One step a day that is left out.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut at = self.interval.next(after)?;
        while let Some(day) = self.rests_on(at) {
            let end = self.begin(day.tomorrow().ok()?)?;
            at = self.interval.next(just_before(end)?.max(at))?;
        }
        Some(at)
    }

    /// The last tick at or before an instant.
    pub fn latest(&self, at: Timestamp) -> Option<Timestamp> {
        let mut at = self.interval.latest(at)?;
        while let Some(day) = self.rests_on(at) {
            at = self.interval.latest(just_before(self.begin(day)?.min(at))?)?;
        }
        Some(at)
    }

    /// How many ticks are after `after` and not after `until`.
    pub fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        let all = self.interval.count(after, until);
        if self.excluded.is_empty() || all == 0 {
            return all;
        }
        let date = |at: Timestamp| self.zone.to_datetime(at).date();
        let left_out = self.excluded.between(date(after), date(until)).filter_map(|day| {
            let (begin, end) = (just_before(self.begin(day)?)?, just_before(self.begin(day.tomorrow().ok()?)?)?);
            let (from, to) = (begin.max(after), end.min(until));
            (from < to).then(|| self.interval.count(from, to))
        });
        all.saturating_sub(left_out.sum())
    }

    fn rests_on(&self, at: Timestamp) -> Option<Date> {
        if self.excluded.is_empty() {
            return None;
        }
        Some(self.zone.to_datetime(at).date()).filter(|date| self.excluded.contains(*date))
    }

    fn begin(&self, day: Date) -> Option<Timestamp> {
        day.to_zoned(self.zone.clone()).ok().map(|begin| begin.timestamp())
    }
}

fn just_before(at: Timestamp) -> Option<Timestamp> {
    at.checked_sub(SignedDuration::from_nanos(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Rule, Timetable};
    use super::*;

    fn table(every: &str, dates: &str) -> Timetable {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let interval = Interval::parse(every, "2026-03-27T00:00:00+01:00".parse().unwrap()).unwrap();
        Timetable { excluded: ExcludedDates::parse(dates).unwrap(), ..Timetable::new(Rule::Every(interval), zone) }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_interval_rests_on_its_dates_and_keeps_its_rhythm() {
        // The 29th has 23 hours: the clock leaps. The rhythm of six hours does not.
        let table = table("6h", "2026-03-28\n2026-03-29");
        let ticks: Vec<String> = table.ticks(at("2026-03-27T13:00:00+01:00")).take(3).map(|tick| tick.to_string()).collect();
        assert_eq!(ticks, ["2026-03-27T18:00:00+01:00", "2026-03-30T01:00:00+02:00", "2026-03-30T07:00:00+02:00"]);
        let latest = table.latest(at("2026-03-29T20:00:00+02:00")).unwrap();
        assert_eq!(latest.to_string(), "2026-03-27T18:00:00+01:00");
    }

    #[test]
    fn what_is_counted_is_what_is_walked() {
        let table = table("50m", "2026-03-28\n2026-03-30\n2026-04-02");
        let (from, until) = (at("2026-03-27T07:00:00Z"), at("2026-04-03T00:00:00Z"));
        let walked = table.ticks(from).take_while(|tick| tick.due_at <= until).count() as u64;
        assert_eq!(table.count(from, until), walked);
        assert!(walked > 0 && walked < 201, "{walked}");
        for minute in (0..12 * 60).step_by(47) {
            let from = from + SignedDuration::from_mins(minute);
            let walked = table.ticks(from).take_while(|tick| tick.due_at <= until).count() as u64;
            assert_eq!(table.count(from, until), walked, "from {from}");
        }
    }

    #[test]
    fn an_interval_that_only_rests_comes_to_an_end() {
        let days: Vec<String> = (1..=31).map(|day| format!("2026-05-{day:02}")).collect();
        let table = table("1d", &days.join("\n"));
        let next = table.next(at("2026-05-01T00:00:00Z")).unwrap();
        assert_eq!(next.to_string(), "2026-06-01T01:00:00+02:00");
    }
}

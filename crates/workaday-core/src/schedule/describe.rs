//! A schedule in plain English, for people who do not read cron.

mod days;
mod list;
mod times;

use super::civil::{DstPolicy, FoldPolicy, GapPolicy};
use super::cron::CronExpr;
use super::timetable::{Rule, Timetable};

impl CronExpr {
    /// The expression as a phrase that begins a sentence: `Every day at 03:15`, `Weekdays at 09:00`.
    pub fn explain(&self) -> String {
        capitalized(&self.phrase())
    }

    fn phrase(&self) -> String {
        match (times::phrase(self), days::phrase(self)) {
            (times::Phrase::At(times), None) => format!("every day {times}"),
            (times::Phrase::At(times), Some(days)) => format!("{} {times}", days.leading),
            (times::Phrase::Rhythm(rhythm), None) => rhythm,
            (times::Phrase::Rhythm(rhythm), Some(days)) => format!("{rhythm}, {}", days.trailing),
        }
    }
}

impl DstPolicy {
    /// What clock changes do, as a sentence.
    pub fn explain(self, wildcard: bool) -> String {
        let gap = match self.gap(wildcard) {
            GapPolicy::RunAfter => "runs right after the gap",
            GapPolicy::Skip => "is not run",
            GapPolicy::Shift => "runs by the clock as it was before",
        };
        let fold = match self.fold(wildcard) {
            FoldPolicy::First => "runs the first time",
            FoldPolicy::Second => "runs the second time",
            FoldPolicy::Both => "runs both times",
        };
        let time = if wildcard { "repeating" } else { "named" };
        format!("When the clocks change, a {time} time that is skipped {gap} and one that comes twice {fold}.")
    }
}

impl Timetable {
    /// The whole timetable in one or two sentences, with its zone.
    pub fn explain(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("local");
        match &self.rule {
            Rule::Every(interval) => {
                format!("Every {interval}, counted from {}, whatever the clocks do.", interval.anchor())
            }
            Rule::At(at) => format!("Once, on {}, {zone} time.", self.zone.to_datetime(*at).strftime("%-d %B %Y at %H:%M:%S")),
            Rule::Cron(calendar) => {
                let phrases: Vec<String> = calendar.expressions.iter().map(CronExpr::phrase).collect();
                let except = if calendar.excluded.is_empty() { "" } else { ", except on the excluded dates" };
                let mut text = format!("{}, {zone} time{except}.", capitalized(&phrases.join("; and ")));
                for wildcard in [false, true] {
                    if self.zone.following(jiff::Timestamp::UNIX_EPOCH).next().is_some()
                        && calendar.expressions.iter().any(|expr| expr.is_wildcard() == wildcard)
                    {
                        text = format!("{text} {}", calendar.dst.explain(wildcard));
                    }
                }
                text
            }
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

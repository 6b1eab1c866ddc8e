//! Expressions that mean something, but often not what their author had in mind.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::civil::{DstPolicy, FoldPolicy, GapPolicy, Segment};
use super::cron::{CronExpr, Item, Matches};
use super::error::Field;
use super::excluded::ExcludedDates;
use super::ticks::{floor, shown};

/// A known trap that an expression steps into. It runs all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Stable slug, one of [`Warning::CODES`].
    pub code: &'static str,
    pub field: Field,
    /// What it does, as a sentence.
    pub message: String,
    /// What its author may have wanted instead.
    pub hint: Option<String>,
}

impl Warning {
    /// Every code there is.
    pub const CODES: &'static [&'static str] =
        &["cron.either_day_field", "cron.both_day_fields", "cron.step_past_end", "cron.step_uneven", "cron.clock_change"];

    fn new(code: &'static str, field: Field, message: String) -> Self {
        crate::reached::note(code);
        Self { code, field, message, hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What the next change of the clocks does to a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockChange {
    pub changes_at: Timestamp,
    /// What the clock would have shown, and what it shows instead.
    pub from: DateTime,
    pub to: DateTime,
    /// The first civil time of the schedule that is concerned.
    pub nominal: DateTime,
    pub warning: Warning,
}

const STEPPED: [(Field, u32, &str); 4] =
    [(Field::Second, 60, "minute"), (Field::Minute, 60, "hour"), (Field::Hour, 24, "day"), (Field::Month, 12, "year")];

impl CronExpr {
    /// The traps in the expression itself, in any zone.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        warnings.extend(self.day_fields());
        for (field, length, whole) in STEPPED {
            warnings.extend(self.steps(field).find_map(|step| uneven(field, step, length, whole)));
        }
        warnings.extend(self.steps(Field::DayOfMonth).find_map(uneven_days));
        warnings.extend(self.steps(Field::DayOfWeek).find_map(uneven_weekdays));
        warnings
    }

    /// What the clock changes of the coming year do to it: at most one entry a change.
    ///
    /// A rhythm that goes through all hours is not concerned. One that names hours is: `*/30 2 * * *` has no run on
    /// the day that 02:00 to 03:00 is leapt over.
    pub fn clock_changes(&self, after: Timestamp, zone: &TimeZone, dst: DstPolicy) -> Vec<ClockChange> {
        if self.is_wildcard() && self.spec(Field::Hour).is_any() {
            return Vec::new();
        }
        let until = after.checked_add((24 * 366).hours()).unwrap_or(Timestamp::MAX);
        let first = Segment::holding(zone, floor(after));
        let segments = std::iter::successors(first, |segment| segment.next(zone));
        let changes = segments.skip(1).take_while(|segment| segment.from <= floor(until));
        changes.filter_map(|segment| self.clock_change(&segment, dst)).collect()
    }

    fn clock_change(&self, segment: &Segment, dst: DstPolicy) -> Option<ClockChange> {
        let matches = Matches { pattern: self.pattern(), excluded: const { &ExcludedDates::NONE } };
        let (from, to) = (segment.civil_by_old_clock(segment.from), segment.from + segment.offset);
        let civil = matches.at_or_after(from.min(to)).filter(|civil| *civil < from.max(to))?;
        let (nominal, from, to) = (shown(civil)?, shown(from)?, shown(to)?);
        let wildcard = self.is_wildcard();
        let what = if from < to {
            let outcome = match dst.gap(wildcard) {
                GapPolicy::RunAfter => format!("it runs at {}", to.time()),
                GapPolicy::Skip => "it does not run".to_owned(),
                GapPolicy::Shift => "it runs by the clock as it was".to_owned(),
            };
            format!("{} does not exist: {outcome}", nominal.time())
        } else {
            let outcome = match dst.fold(wildcard) {
                FoldPolicy::First => "it runs the first time only",
                FoldPolicy::Second => "it runs the second time only",
                FoldPolicy::Both => "it runs both times",
            };
            format!("{} comes twice: {outcome}", nominal.time())
        };
        let message = format!("on {} the clock goes from {} to {} and {what}", from.date(), from.time(), to.time());
        let warning = Warning::new("cron.clock_change", Field::Hour, message);
        let changes_at = Timestamp::from_second(segment.from).ok()?;
        Some(ClockChange { changes_at, from, to, nominal, warning })
    }

    fn day_fields(&self) -> Option<Warning> {
        let (day, weekday) = (self.spec(Field::DayOfMonth), self.spec(Field::DayOfWeek));
        if day.is_any() || weekday.is_any() {
            return None;
        }
        let both = day.starts_with_star() || weekday.starts_with_star();
        Some(if both {
            let message = format!("a day must match `{}` and `{}` together, because one of them begins with `*`", day.text, weekday.text);
            Warning::new("cron.both_day_fields", Field::DayOfMonth, message)
        } else {
            let message = format!("a day that matches `{}` or `{}` is enough: the two are not combined", day.text, weekday.text);
            Warning::new("cron.either_day_field", Field::DayOfMonth, message)
                .hint("for the first Monday of a month write `*` as day of month and `MON#1` as day of week")
        })
    }

    /// The steps that count through a whole field.
    fn steps(&self, field: Field) -> impl Iterator<Item = u32> {
        self.spec(field).items.iter().filter_map(|item| match item {
            Item::Every { step } if *step > 1 => Some(*step),
            _ => None,
        })
    }
}

fn uneven(field: Field, step: u32, length: u32, whole: &str) -> Option<Warning> {
    if step >= length {
        let message = format!("a step of {step} is past the end of the {whole}: only its first {field} is left");
        return Some(Warning::new("cron.step_past_end", field, message));
    }
    if length.is_multiple_of(step) {
        return None;
    }
    let last = (length - 1) / step * step;
    let message = format!(
        "a step of {step} does not divide the {whole}: it begins anew each {whole}, {} instead of {step} {field}s \
         after the last one",
        length - last,
    );
    Some(Warning::new("cron.step_uneven", field, message).hint("for a steady length use `every`"))
}

fn uneven_days(step: u32) -> Option<Warning> {
    let message = if step > 30 {
        format!("a step of {step} is past the end of the month: only day 1 is left")
    } else {
        format!("every {step} days begins anew on day 1 of each month")
    };
    let code = if step > 30 { "cron.step_past_end" } else { "cron.step_uneven" };
    Some(Warning::new(code, Field::DayOfMonth, message).hint("for a steady length use `every`"))
}

fn uneven_weekdays(step: u32) -> Option<Warning> {
    let message = if step > 6 {
        format!("a step of {step} is past the end of the week: only Sunday is left")
    } else {
        format!("every {step} days begins anew on each Sunday")
    };
    let code = if step > 6 { "cron.step_past_end" } else { "cron.step_uneven" };
    Some(Warning::new(code, Field::DayOfWeek, message).hint("name the weekdays that are meant"))
}

//! Cron expressions: parsed strictly, and their ticks in a zone.

mod days;
mod field;
mod parser;
mod pattern;
mod times;

use std::fmt;
use std::str::FromStr;

pub(crate) use days::{Month, day_of};
pub(crate) use field::{Item, Spec};
pub(crate) use pattern::{Matches, Pattern};

use super::error::{CronError, Field};
use days::DayRule;
use times::Times;

/// When a schedule is due, in cron's words: `15 3 * * MON-FRI`.
///
/// Five fields (minute, hour, day of month, month, day of week) or six with seconds first. A value of this type
/// has at least one tick every 400 years: `0 0 30 2 *` does not parse.
///
/// ```
/// use workaday_core::schedule::CronExpr;
/// let expr: CronExpr = "15 3 * * *".parse()?;
/// let berlin = jiff::tz::TimeZone::get("Europe/Berlin")?;
/// let tick = expr.next("2026-03-28T12:00:00Z".parse()?, &berlin).unwrap();
/// assert_eq!(tick.to_string(), "2026-03-29T03:15:00+02:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronExpr {
    source: String,
    specs: [Spec; 6],
    pattern: Pattern,
}

impl CronExpr {
    /// Reads an expression, or says which field is wrong and what it should be.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let specs = parser::parse(text)?;
        let pattern = Pattern { days: day_rule(&specs), times: times(&specs) };
        let expr = Self { source: text.trim_ascii().to_owned(), specs, pattern };
        if expr.occurs() { Ok(expr) } else { Err(expr.never_occurs()) }
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// True for a steady rhythm (`*/20 * * * *`), false for named times (`30 2 * * *`).
    ///
    /// A rhythm follows real time through a clock change; a named time happens once a day whatever the clock does.
    /// The mark is Debian's: the text of the hour, minute or seconds field begins with `*`.
    pub fn is_wildcard(&self) -> bool {
        let [second, minute, hour, ..] = &self.specs;
        [second, minute, hour].into_iter().any(Spec::starts_with_star)
    }

    /// Whether it names an hour, so that it means nothing without a zone.
    pub fn names_hour(&self) -> bool {
        !self.spec(Field::Hour).is_any() || !self.names_every_day()
    }

    pub(crate) fn names_every_day(&self) -> bool {
        let any = |field| self.spec(field).is_any();
        let days = any(Field::DayOfMonth) && any(Field::DayOfWeek);
        any(Field::Month) && (days || (!self.pattern.days.both && (any(Field::DayOfMonth) || any(Field::DayOfWeek))))
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    pub(crate) fn spec(&self, field: Field) -> &Spec {
        let place = parser::FIELDS.iter().position(|known| *known == field);
        &self.specs[place.expect("only the six fields have a text")]
    }

    /// Looks through one whole cycle of the Gregorian calendar, after which days and weekdays repeat.
    fn occurs(&self) -> bool {
        let start = Month::holding(day_of(jiff::civil::date(2000, 1, 1)));
        let months = std::iter::successors(start, |month| month.next());
        months.take(400 * 12).any(|month| self.pattern.days.days_in(month) != 0)
    }

    fn never_occurs(&self) -> CronError {
        let [_, _, _, day, month, weekday] = &self.specs;
        let alone = DayRule { weekdays: 0x7f, ..self.pattern.days.clone() };
        let day_exists = Self { pattern: Pattern { days: alone, ..self.pattern.clone() }, ..self.clone() }.occurs();
        if day_exists {
            let expected = format!("a day that `{}` and `{}` can both mean", day.text, weekday.text);
            return CronError::new("cron.never_occurs", Field::DayOfMonth, &day.text, expected)
                .hint("a day field that begins with `*` must match together with the other one");
        }
        let expected = format!("a day that exists in month `{}`", month.text);
        CronError::new("cron.never_occurs", Field::DayOfMonth, &day.text, expected).hint("`L` is the last day of any month")
    }
}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for CronExpr {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        Self::parse(text)
    }
}

fn times([second, minute, hour, ..]: &[Spec; 6]) -> Times {
    Times { seconds: second.set(Field::Second), minutes: minute.set(Field::Minute), hours: hour.set(Field::Hour) }
}

fn day_rule([_, _, _, day, month, weekday]: &[Spec; 6]) -> DayRule {
    let mut rule = DayRule {
        months: month.set(Field::Month),
        days: day.set(Field::DayOfMonth),
        weekdays: weekday.set(Field::DayOfWeek),
        both: day.starts_with_star() || weekday.starts_with_star(),
        ..DayRule::default()
    };
    for item in day.items.iter().chain(&weekday.items) {
        match *item {
            Item::LastDay => rule.last_day = true,
            Item::LastWeekday => rule.last_weekday = true,
            Item::NearestWeekday(day) => rule.nearest_weekday |= 1 << day,
            Item::Nth { weekday, n } => rule.nth[n as usize - 1] |= 1 << weekday,
            Item::LastOf(weekday) => rule.last |= 1 << weekday,
            Item::Every { .. } | Item::Value(_) | Item::Range { .. } | Item::From { .. } => {}
        }
    }
    rule
}

//! The days: of the month, of the week, and the months.

use super::list::{joined, ordinal, runs, runs_and_singles};
use crate::schedule::cron::{CronExpr, Item};
use crate::schedule::error::Field;

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// The same days at the head of a sentence and at its end.
pub(super) struct Phrase {
    pub leading: String,
    pub trailing: String,
}

/// Nothing for every day.
pub(super) fn phrase(expr: &CronExpr) -> Option<Phrase> {
    if expr.names_every_day() {
        return None;
    }
    if let Some(date) = single_date(expr) {
        return Some(Phrase { leading: format!("every year on {date}"), trailing: format!("on {date}") });
    }
    let months = months(expr);
    let within = months.as_ref().map_or_else(String::new, |months| format!(" in {months}"));
    let Some(days) = days(expr) else {
        return Some(Phrase { leading: format!("every day{within}"), trailing: within.trim_start().to_owned() });
    };
    let leading = if is_weekdays(expr) { format!("weekdays{within}") } else { format!("on {days}{within}") };
    let trailing = format!("on {}{within}", days.trim_end_matches(','));
    Some(Phrase { leading, trailing })
}

/// `29 February`, when day and month are one each and no weekday is named.
fn single_date(expr: &CronExpr) -> Option<String> {
    let [Item::Value(day)] = expr.spec(Field::DayOfMonth).items[..] else {
        return None;
    };
    let [Item::Value(month)] = expr.spec(Field::Month).items[..] else {
        return None;
    };
    expr.spec(Field::DayOfWeek).is_any().then(|| format!("{day} {}", MONTHS[month as usize - 1]))
}

fn months(expr: &CronExpr) -> Option<String> {
    let month = expr.spec(Field::Month);
    let values = month.values(Field::Month);
    (values.len() < 12).then(|| runs(&values, |month| MONTHS[month as usize - 1].to_owned()))
}

fn days(expr: &CronExpr) -> Option<String> {
    let (day, weekday) = (expr.spec(Field::DayOfMonth), expr.spec(Field::DayOfWeek));
    let both = expr.pattern().days.both;
    match (day.is_any(), weekday.is_any()) {
        (true, true) => None,
        (false, true) if both => Some(month_days(expr)),
        (true, false) if both => Some(weekdays(expr)),
        (false, false) if both => Some(format!("{} that fall on {}", weekdays(expr), month_days(expr))),
        (false, false) => Some(format!("{} and also on {},", month_days(expr), weekdays(expr))),
        // Either field is enough and one of them takes every day.
        _ => None,
    }
}

fn is_weekdays(expr: &CronExpr) -> bool {
    expr.spec(Field::DayOfMonth).is_any() && weekdays(expr) == "weekdays"
}

fn month_days(expr: &CronExpr) -> String {
    let spec = expr.spec(Field::DayOfMonth);
    let mut parts = Vec::new();
    let values = spec.values(Field::DayOfMonth);
    match *spec.items {
        [Item::Every { step }] if step > 1 && values.len() > 2 => {
            parts.push(format!("every {} day from the 1st", ordinal(step)));
        }
        _ if values.is_empty() => {}
        _ => parts.push(format!("the {}", runs(&values, ordinal))),
    }
    for item in &spec.items {
        match item {
            Item::LastDay => parts.push("the last day".to_owned()),
            Item::LastWeekday => parts.push("the last day from Monday to Friday".to_owned()),
            Item::NearestWeekday(day) => parts.push(format!("the day from Monday to Friday nearest the {}", ordinal(*day))),
            _ => {}
        }
    }
    format!("{} of the month", joined(&parts))
}

fn weekdays(expr: &CronExpr) -> String {
    let spec = expr.spec(Field::DayOfWeek);
    let mut parts = Vec::new();
    match spec.set(Field::DayOfWeek) {
        0 => {}
        0b011_1110 => parts.push("weekdays".to_owned()),
        0b100_0001 => parts.push("weekends".to_owned()),
        _ => {
            // The week begins on Monday here, so that a weekend stays together.
            let mut values = spec.values(Field::DayOfWeek);
            values.iter_mut().filter(|value| **value == 0).for_each(|value| *value = 7);
            values.sort_unstable();
            let name = |value: u32| WEEKDAYS[value as usize % 7];
            let alone = |value| format!("{}s", name(value));
            parts.push(runs_and_singles(&values, |value| name(value).to_owned(), alone));
        }
    }
    for item in &spec.items {
        let name = |weekday: u32| WEEKDAYS[weekday as usize];
        match *item {
            Item::Nth { weekday, n } => parts.push(format!("the {} {} of the month", ordinal(n), name(weekday))),
            Item::LastOf(weekday) => parts.push(format!("the last {} of the month", name(weekday))),
            _ => {}
        }
    }
    joined(&parts)
}

//! The time of day: a few named times, or a rhythm with the hours it keeps to.

use super::list::{joined, ordinal, runs};
use crate::schedule::cron::{CronExpr, Item};
use crate::schedule::error::Field;

/// More named times than this are said by hour and minute.
const NAMED_MAX: usize = 6;

pub(super) enum Phrase {
    /// `at 03:15`.
    At(String),
    /// `every 5 minutes from 09:00 to 17:55`.
    Rhythm(String),
}

pub(super) fn phrase(expr: &CronExpr) -> Phrase {
    let seconds = expr.spec(Field::Second).values(Field::Second);
    let named = named_minutes(expr);
    match (named, seconds.as_slice()) {
        (Some(minutes), [second]) => {
            let times: Vec<String> = minutes.iter().map(|(hour, minute)| clock(*hour, *minute, *second)).collect();
            Phrase::At(format!("at {}", joined(&times)))
        }
        (Some(minutes), seconds) => {
            let minutes: Vec<String> = minutes.iter().map(|(hour, minute)| clock(*hour, *minute, 0)).collect();
            Phrase::Rhythm(format!("{} during {}", every_second(expr, seconds), joined(&minutes)))
        }
        (None, [0]) => Phrase::Rhythm(by_minute(expr)),
        (None, [second]) => Phrase::Rhythm(format!("{}, {second} seconds past", by_minute(expr))),
        (None, seconds) => {
            let rhythm = every_second(expr, seconds);
            let any = expr.spec(Field::Minute).is_any() && expr.spec(Field::Hour).is_any();
            Phrase::Rhythm(if any { rhythm } else { format!("{rhythm} of {}", by_minute(expr)) })
        }
    }
}

/// Hour and minute of each time, when they are few and none of them comes of a `*`.
fn named_minutes(expr: &CronExpr) -> Option<Vec<(u32, u32)>> {
    let (hour, minute) = (expr.spec(Field::Hour), expr.spec(Field::Minute));
    if hour.is_any() || minute.is_any() {
        return None;
    }
    let (hours, minutes) = (hour.values(Field::Hour), minute.values(Field::Minute));
    let few = hours.len() * minutes.len() <= NAMED_MAX;
    // A rhythm of hours is said as one; hours without any pattern have to be named, however many they are.
    let rhythm = even_step(&hour.items, 24).is_some();
    let scattered = !rhythm && minutes.len() == 1 && spans(&hours).len() > 1;
    ((few && (hours.len() < 4 || !rhythm)) || scattered).then(|| {
        let times = hours.iter().flat_map(|hour| minutes.iter().map(|minute| (*hour, *minute)));
        times.collect()
    })
}

fn every_second(expr: &CronExpr, seconds: &[u32]) -> String {
    match even_step(&expr.spec(Field::Second).items, 60) {
        Some((1, _)) => "every second".to_owned(),
        Some((step, 0)) => format!("every {step} seconds"),
        Some((step, from)) => format!("every {step} seconds from second {from}"),
        None => format!("at seconds {}", runs(seconds, |second| second.to_string())),
    }
}

fn by_minute(expr: &CronExpr) -> String {
    let minutes = expr.spec(Field::Minute).values(Field::Minute);
    match even_step(&expr.spec(Field::Minute).items, 60) {
        Some((1, _)) => within("every minute", expr, 0, 59),
        Some((step, 0)) => within(&format!("every {step} minutes"), expr, 0, 60 - step),
        Some((step, from)) => within(&format!("every {step} minutes from minute {from}"), expr, from, 60 - step + from),
        None => hourly(expr, &minutes),
    }
}

/// A rhythm of minutes, kept to the hours that are named; `first` and `last` are its minutes in an hour.
fn within(rhythm: &str, expr: &CronExpr, first: u32, last: u32) -> String {
    let hour = expr.spec(Field::Hour);
    let hours = hour.values(Field::Hour);
    if hour.is_any() {
        return rhythm.to_owned();
    }
    if let Some((step, 0)) = even_step(&hour.items, 24) {
        let hours = runs(&hours, |hour| format!("{hour:02}"));
        return format!("{rhythm} in every {} hour ({hours})", ordinal(step));
    }
    let spans = spans(&hours);
    let spans: Vec<String> = spans.iter().map(|(from, to)| format!("from {} to {}", clock(*from, first, 0), clock(*to, last, 0))).collect();
    format!("{rhythm} {}", joined(&spans))
}

/// The same minutes in each of the hours.
fn hourly(expr: &CronExpr, minutes: &[u32]) -> String {
    let hour = expr.spec(Field::Hour);
    let hours = hour.values(Field::Hour);
    let past = match minutes {
        [0] => ", on the hour".to_owned(),
        [first, _, .., last] if last - first + 1 == minutes.len() as u32 => {
            format!(", each minute from :{first:02} to :{last:02}")
        }
        minutes => format!(" at {}", runs(minutes, |minute| format!(":{minute:02}"))),
    };
    match even_step(&hour.items, 24) {
        Some((1, _)) => format!("every hour{past}"),
        Some((step, 0)) => format!("every {step} hours from midnight{past}"),
        _ => match (minutes, spans(&hours).as_slice()) {
            ([minute], [(from, to)]) => {
                format!("every hour from {} to {}", clock(*from, *minute, 0), clock(*to, *minute, 0))
            }
            _ => format!("in the hours {}{past}", runs(&hours, |hour| format!("{hour:02}"))),
        },
    }
}

/// First and last hour of each unbroken span.
fn spans(hours: &[u32]) -> Vec<(u32, u32)> {
    hours.chunk_by(|one, next| one + 1 == *next).map(|span| (span[0], span[span.len() - 1])).collect()
}

/// Step and first value, when a single `*`, `*/n` or `a/n` leaves equal distances, also from the last to the first.
fn even_step(items: &[Item], length: u32) -> Option<(u32, u32)> {
    if items.contains(&Item::Every { step: 1 }) {
        return Some((1, 0));
    }
    match *items {
        [Item::Every { step }] if step < length && length.is_multiple_of(step) => Some((step, 0)),
        [Item::From { from, step }] if from < step && step < length && length.is_multiple_of(step) => Some((step, from)),
        _ => None,
    }
}

fn clock(hour: u32, minute: u32, second: u32) -> String {
    if second == 0 { format!("{hour:02}:{minute:02}") } else { format!("{hour:02}:{minute:02}:{second:02}") }
}

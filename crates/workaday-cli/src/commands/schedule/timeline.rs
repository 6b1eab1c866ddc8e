//! The next 24 hours as text: a line a schedule, a column an hour, and where several meet.

use workaday_core::clock::{Length, Timestamp};
use workaday_core::schedule::{Plan, from_micros};
use workaday_store::ScheduleRow;

const HOURS: i64 = 24;
const NAME_WIDTH: usize = 28;

/// `·` no tick, `1`-`9` so many, `+` more; below, the minutes at which two or more schedules meet.
pub fn lines(plans: &[(ScheduleRow, Plan)], now: Timestamp) -> Vec<String> {
    let first_hour = Timestamp(now.0 - now.0.rem_euclid(Length::hours(1).0));
    let hour = |column: i64| first_hour + Length::hours(column);
    let mut lines = vec![format!("{:NAME_WIDTH$} {}", "the next 24 hours (UTC)", (0..HOURS).map(|h| mark(hour(h))).collect::<String>())];
    for (row, plan) in plans {
        let counts = (0..HOURS).map(|column| digit(count(plan, hour(column).max(row.cursor), hour(column + 1))));
        let name: String = row.name.chars().take(NAME_WIDTH).collect();
        lines.push(format!("{name:NAME_WIDTH$} {}", counts.collect::<String>()));
    }
    lines.extend(meetings(plans, now));
    lines
}

/// `0`, `6`, `12`, `18` where these hours begin.
fn mark(at: Timestamp) -> char {
    match at.0.div_euclid(Length::hours(1).0).rem_euclid(24) {
        0 => '0',
        6 => '6',
        12 => '½',
        18 => '¾',
        _ => ' ',
    }
}

fn count(plan: &Plan, from: Timestamp, to: Timestamp) -> u64 {
    match (from_micros(from.0 - 1), from_micros(to.0 - 1)) {
        (Some(after), Some(until)) => plan.timetable.count(after, until),
        _ => 0,
    }
}

fn digit(count: u64) -> char {
    match count {
        0 => '·',
        1..=9 => char::from(b'0' + count as u8),
        _ => '+',
    }
}

/// Instants at which two or more schedules are due, the first few.
fn meetings(plans: &[(ScheduleRow, Plan)], now: Timestamp) -> Vec<String> {
    // A schedule of every minute meets everything: only those that are due at most hourly are worth a line.
    const SHOWN: usize = 5;
    let (Some(from), Some(until)) = (from_micros(now.0), from_micros((now + Length::hours(HOURS)).0)) else { return vec![] };
    let mut ticks: Vec<(jiff::Timestamp, &str)> = plans
        .iter()
        .flat_map(|(row, plan)| {
            plan.timetable.first_between(from, until, HOURS as usize).into_iter().map(|tick| (tick.due_at, row.name.as_str()))
        })
        .collect();
    ticks.sort();
    let groups = ticks.chunk_by(|one, other| one.0 == other.0).filter(|group| group.len() > 1);
    groups
        .take(SHOWN)
        .map(|group| format!("! {} together: {}", group[0].0, group.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ")))
        .collect()
}

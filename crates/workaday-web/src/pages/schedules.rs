//! All schedules: what runs by itself, when it is due, and whether it did.

use crate::mask;
use crate::page::{Page, PageContext};
use crate::plot::{self, Cell, Span};
use crate::sheet::{Sheet, page, segment};
use crate::words;
use askama::Template;
use serde_json::{Value, json};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::Problem;
use workaday_core::job::State;
use workaday_core::schedule::{Plan, Reason, Rule, ScheduleEntry, ScheduleState, from_micros};
use workaday_engine::document;
use workaday_store::sqlite::read::Reader;
use workaday_store::{ScheduleRow, TickSeen};

/// Ticks of a strip.
const STRIP: usize = 30;
const SHOWN: usize = 60;
const HOURS: usize = 24;

/// A run of the same letter in a strip, and what it means.
pub struct Piece {
    class: &'static str,
    letters: String,
}

struct Line {
    name: String,
    href: String,
    task: String,
    words: String,
    due: String,
    zone: String,
    pieces: Vec<Piece>,
    strip_said: String,
    next_html: String,
    state_html: String,
}

#[derive(Template)]
#[template(path = "schedules.html")]
struct ListView<'a> {
    s: Sheet<'a>,
    verdict: String,
    second: String,
    lines: Vec<Line>,
    left_out: usize,
    day: String,
    hours: Vec<(String, u64, bool)>,
    meetings: Vec<(String, String)>,
}

pub fn schedules(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Schedules", "Schedules");
    let rows = reader.schedules()?;
    let mut lines = vec![];
    for row in rows.iter().take(SHOWN) {
        let ticks = reader.ticks(&row.name, None, STRIP)?;
        lines.push(line(row, &ticks, &s));
    }
    let plans: Vec<(&ScheduleRow, Plan)> = rows
        .iter()
        .filter(|row| row.state == ScheduleState::Active && row.paused_at.is_none())
        .filter_map(|row| Some((row, plan(row, s.c.schedules_zone.as_deref())?.1)))
        .collect();
    let (day, hours, meetings) = day(&plans, &s);
    let broken = rows.iter().filter(|row| row.state == ScheduleState::Broken).count();
    let paused = rows.iter().filter(|row| row.paused_at.is_some()).count();
    let verdict = match (rows.len(), broken) {
        (0, _) => "No schedules yet.".to_owned(),
        (number, 0) => format!("{}, each of them can run.", words::many(number, "schedule")),
        (number, broken) => format!("{broken} of {} cannot run.", words::many(number, "schedule")),
    };
    let next = plans.iter().filter_map(|(row, _)| Some((row.next_at?, &row.name))).min();
    let next = next.map_or_else(
        || "None is due.".to_owned(),
        |(at, name)| format!("Next is {name}, {} ({}).", s.t.moment_text(at), words::ago(context.now, at)),
    );
    let second = if rows.is_empty() {
        String::new()
    } else if paused > 0 {
        format!("{next} {} paused.", words::many(paused, "schedule"))
    } else {
        next
    };
    let json = json!({"verdict": verdict, "schedules": rows.iter().map(|row| to_json(context, row)).collect::<Vec<_>>()});
    let view = ListView { s, verdict, second, left_out: rows.len().saturating_sub(SHOWN), lines, day, hours, meetings };
    page(&view.s, &view, json)
}

pub(super) fn plan(row: &ScheduleRow, zone: Option<&str>) -> Option<(ScheduleEntry, Plan)> {
    let entry: ScheduleEntry = serde_json::from_str(&row.declared).ok()?;
    let plan = entry.plan(row.anchor, zone).ok()?;
    Some((entry, plan))
}

fn line(row: &ScheduleRow, ticks: &[TickSeen], s: &Sheet<'_>) -> Line {
    let read = plan(row, s.c.schedules_zone.as_deref());
    let cells: Vec<Cell> = cells(ticks, s);
    Line {
        name: row.name.clone(),
        href: format!("/schedules/{}", segment(&row.name)),
        task: row.task.clone(),
        words: read.as_ref().map_or_else(String::new, |(_, plan)| phrase(plan)),
        due: read.as_ref().map_or_else(String::new, |(entry, _)| entry.due_shown()),
        zone: read
            .as_ref()
            .filter(|(_, plan)| matches!(plan.timetable.rule, Rule::Cron(_)))
            .map_or_else(String::new, |(_, plan)| plan.zone_name.clone()),
        strip_said: strip_said(&cells),
        pieces: pieces(&cells),
        next_html: next(row, s),
        state_html: standing(row),
    }
}

/// `Every day at 03:15`: the first sentence, without the zone, which stands beside it.
pub(super) fn phrase(plan: &Plan) -> String {
    match &plan.timetable.rule {
        Rule::Cron(calendar) => calendar
            .expressions
            .iter()
            .map(|expr| expr.explain())
            .reduce(|all, next| {
                let mut letters = next.chars();
                let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
                format!("{all}; and {first}{}", letters.as_str())
            })
            .unwrap_or_default(),
        _ => plan.timetable.explain().split(", counted").next().unwrap_or_default().trim_end_matches('.').to_owned(),
    }
}

fn next(row: &ScheduleRow, s: &Sheet<'_>) -> String {
    match row.next_at {
        _ if row.paused_at.is_some() => match row.paused_until {
            Some(until) => format!("<span class=soft>resumes</span> {}", s.t.moment(until)),
            None => "<span class=soft>when it is resumed</span>".to_owned(),
        },
        Some(at) => format!("{} <span class=soft>{}</span>", s.t.moment(at), words::ago(s.t.now, at)),
        None => "–".to_owned(),
    }
}

fn standing(row: &ScheduleRow) -> String {
    match (row.state, row.paused_at) {
        (ScheduleState::Broken, _) => "<span class=\"state discarded\"><i aria-hidden=true>✕</i> cannot run</span>".to_owned(),
        (ScheduleState::Absent, _) => "<span class=\"state cancelled\"><i aria-hidden=true>⊘</i> no longer declared</span>".to_owned(),
        (_, Some(_)) => "<span class=\"state held\"><i aria-hidden=true>‖</i> paused</span>".to_owned(),
        _ => String::new(),
    }
}

/// Oldest first. A range of ticks is one letter.
pub(super) fn cells(ticks: &[TickSeen], s: &Sheet<'_>) -> Vec<Cell> {
    ticks.iter().rev().map(|seen| cell(seen, s)).collect()
}

fn cell(seen: &TickSeen, s: &Sheet<'_>) -> Cell {
    let (letter, class, word) = meaning(seen);
    let many = if seen.tick.count > 1 { format!(", {} ticks", seen.tick.count) } else { String::new() };
    Cell { letter, class, said: format!("{}: {word}{many}", s.t.exact(seen.tick.at)) }
}

pub(super) fn meaning(seen: &TickSeen) -> (char, &'static str, &'static str) {
    match (seen.tick.reason, seen.job_state, seen.tick.late) {
        (Some(Reason::Missed), ..) => ('M', "bad", "missed, nothing was there to run it"),
        (Some(Reason::Superseded), ..) => ('S', "soft", "superseded by a later tick"),
        (Some(Reason::SkippedOverlap), ..) => ('O', "wait", "skipped, the run before it was unfinished"),
        (Some(Reason::Paused), ..) => ('P', "soft", "paused"),
        (Some(Reason::SkippedByHand), ..) => ('H', "soft", "skipped by hand"),
        (None, Some(State::Discarded), _) => ('F', "bad", "failed"),
        (None, Some(State::Cancelled), _) => ('C', "soft", "cancelled"),
        (None, Some(State::Completed), true) => ('L', "wait", "completed, late"),
        (None, Some(State::Completed), false) => ('✓', "good", "completed"),
        (None, Some(State::Running), _) => ('▶', "work", "running"),
        (None, Some(State::Retryable), _) => ('↻', "wait", "retrying"),
        (None, Some(_), _) => ('○', "work", "waiting"),
        (None, None, _) => ('·', "soft", "done, its job is no longer kept"),
    }
}

fn pieces(cells: &[Cell]) -> Vec<Piece> {
    cells
        .chunk_by(|one, other| one.class == other.class)
        .map(|run| Piece { class: run[0].class, letters: run.iter().map(|cell| cell.letter).collect() })
        .collect()
}

/// `28 completed, 1 late, 1 failed`.
pub(super) fn strip_said(cells: &[Cell]) -> String {
    let mut said: Vec<(&str, usize)> = vec![];
    for cell in cells {
        let word = match cell.letter {
            '✓' => "completed",
            'L' => "late",
            'F' => "failed",
            'M' => "missed",
            'O' | 'H' | 'S' => "skipped",
            'P' => "paused",
            'C' => "cancelled",
            '▶' => "running",
            '·' => "done",
            _ => "waiting",
        };
        match said.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => said.push((word, 1)),
        }
    }
    said.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if said.is_empty() {
        "no tick yet".to_owned()
    } else {
        said.iter().map(|(word, count)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
    }
}

type Hours = Vec<(String, u64, bool)>;

/// The next 24 hours of all schedules, and where several meet.
fn day(plans: &[(&ScheduleRow, Plan)], s: &Sheet<'_>) -> (String, Hours, Vec<(String, String)>) {
    let first = Timestamp(s.t.now.0 - s.t.now.0.rem_euclid(Length::hours(1).0));
    let span = Span { from: first, until: first + Length::hours(HOURS as i64) };
    let hour = |number: usize| first + Length::hours(number as i64);
    let bounds = |number: usize| Some((from_micros(hour(number).0.max(s.t.now.0) - 1)?, from_micros(hour(number + 1).0 - 1)?));
    let mut ticks: Vec<(Timestamp, &str)> = vec![];
    for (row, plan) in plans {
        if let (Some(from), Some(until)) = (from_micros(s.t.now.0), from_micros(span.until.0)) {
            // A schedule of every minute meets everything; only rare ones are worth a warning.
            let due = plan.timetable.first_between(from, until, HOURS + 1);
            if due.len() <= HOURS {
                ticks.extend(due.iter().map(|tick| (Timestamp(tick.due_micros()), row.name.as_str())));
            }
        }
    }
    ticks.sort();
    let groups: Vec<&[(Timestamp, &str)]> = ticks.chunk_by(|one, other| one.0 == other.0).filter(|group| group.len() > 1).collect();
    let meets = |number: usize| groups.iter().any(|group| group[0].0 >= hour(number) && group[0].0 < hour(number + 1));
    let counts: Vec<(u64, bool)> = (0..HOURS)
        .map(|number| {
            let count = bounds(number).map_or(0, |(after, until)| plans.iter().map(|(_, plan)| plan.timetable.count(after, until)).sum());
            (count, meets(number))
        })
        .collect();
    let named = counts
        .iter()
        .enumerate()
        .filter(|(_, (count, _))| *count > 0)
        .map(|(number, (count, meets))| (s.t.moment_text(hour(number)), *count, *meets));
    let hours = named.collect();
    let meetings = groups
        .iter()
        .take(5)
        .map(|group| (s.t.moment_text(group[0].0), group.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ")))
        .collect();
    (plot::day(&s.t, span, &counts), hours, meetings)
}

pub(super) fn to_json(context: &PageContext, row: &ScheduleRow) -> Value {
    let mut declared = document::declared(&row.declared);
    mask::value(&mut declared, &context.mask);
    json!({
        "name": row.name, "task": row.task, "state": row.state, "broken_reason": row.broken_reason, "source": row.source,
        "next_at": row.next_at.map(|at| at.to_string()), "paused_at": row.paused_at.map(|at| at.to_string()),
        "paused_until": row.paused_until.map(|at| at.to_string()), "pause_note": row.pause_note, "owner": row.owner,
        "declared": declared,
    })
}

/// Kept beside the strip: the states that letters stand for.
const LEGEND: &[(&str, &str)] = &[
    ("✓", "completed"),
    ("L", "completed, late"),
    ("F", "failed"),
    ("M", "missed"),
    ("O", "skipped: overlap"),
    ("S", "superseded"),
    ("P", "paused"),
    ("H", "skipped by hand"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::schedule::ScheduleEntry;

    #[test]
    fn several_expressions_are_one_sentence() {
        let cron = ["0 8 * * MON", "0 12 * * SAT"].map(str::to_owned).to_vec();
        let entry = ScheduleEntry { cron, tz: Some("UTC".into()), ..ScheduleEntry::default() };
        let plan = entry.plan(Timestamp(0), None).expect("a plan");
        assert_eq!(phrase(&plan), "On Mondays at 08:00; and on Saturdays at 12:00");
    }
}

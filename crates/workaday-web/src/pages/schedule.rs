//! One schedule: its rule, its ticks, what comes next, and what may be done with it.

use super::job::missing;
use super::schedules::{cells, meaning, phrase, plan, strip_said, to_json};
use super::today::retry_said;
use crate::page::{Page, PageContext};
use crate::plot;
use crate::sheet::{Sheet, page, segment};
use crate::{facts, words};
use askama::Template;
use serde_json::{Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::Problem;
use workaday_core::job::State;
use workaday_core::schedule::{Plan, ScheduleEntry, ScheduleState, from_micros};
use workaday_store::sqlite::read::Reader;
use workaday_store::{ScheduleRow, TickSeen};

/// Ticks in the table, and in the strip above it.
const TABLE: usize = 30;

struct Tick {
    at_html: String,
    nominal: String,
    state_html: String,
    job: Option<String>,
    runnable: Option<String>,
}

struct Due {
    at_html: String,
    theirs: String,
    distance: String,
}

#[derive(Template)]
#[template(path = "schedule.html")]
struct OneView<'a> {
    s: Sheet<'a>,
    row: &'a ScheduleRow,
    verdict: String,
    standing: Option<String>,
    phrase: String,
    due: String,
    explained: String,
    zone: String,
    strip: String,
    strip_said: String,
    ticks: Vec<Tick>,
    next: Vec<Due>,
    policies: Vec<(&'static str, String)>,
    entry: Option<TaskEntry>,
    owner: Option<String>,
    retry: &'static str,
    usual: Option<String>,
    args: String,
    path: String,
    older: Option<String>,
    task_href: String,
}

pub fn schedule(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let name = context.params.first().map(String::as_str).unwrap_or_default();
    let Some(row) = reader.schedule(name)? else {
        let what = format!("there is no schedule `{}`", words::cut(name, 80));
        return Err(missing("schedule.unknown", what, "the name of a schedule that the code, workaday.toml or somebody has stated"));
    };
    let s = Sheet::new(context, row.name.clone(), "Schedules");
    let before = context.query.get("before").and_then(|text| text.parse::<i64>().ok()).map(Timestamp);
    let seen = reader.ticks(name, before, TABLE)?;
    let cells = cells(&seen, &s);
    let read = plan(&row, s.c.schedules_zone.as_deref());
    let entry = facts::entry_of(&reader.tasks()?, &row.task);
    let usual = usual(reader, &seen, &s)?;
    let said = strip_said(&cells);
    let older = (seen.len() == TABLE).then(|| seen.last().map(|last| s.here(&[("before", &last.tick.at.0.to_string())]))).flatten();
    let json = json!({
        "schedule": to_json(context, &row),
        "ticks": seen.iter().map(|seen| json!({
            "at": seen.tick.at.to_string(), "until": seen.tick.until.to_string(), "count": seen.tick.count, "reason": seen.tick.reason,
            "job": seen.tick.job, "late": seen.tick.late, "state": seen.job_state,
        })).collect::<Vec<_>>(),
    });
    let view = OneView {
        verdict: verdict(&row, &s),
        standing: row.broken_reason.clone().or_else(|| paused_said(&row, &s)),
        phrase: read.as_ref().map_or_else(String::new, |(_, plan)| phrase(plan)),
        due: read.as_ref().map_or_else(String::new, |(entry, _)| entry.due_shown()),
        explained: read.as_ref().map_or_else(String::new, |(_, plan)| plan.timetable.explain()),
        zone: read.as_ref().map_or_else(String::new, |(_, plan)| plan.zone_name.clone()),
        strip: plot::ticks(&cells, &format!("The last ticks of {}", row.name), &said),
        strip_said: said,
        ticks: seen.iter().map(|seen| tick(seen, &s)).collect(),
        next: read.as_ref().map_or_else(Vec::new, |(_, plan)| upcoming(&row, plan, &s)),
        policies: read.as_ref().map_or_else(Vec::new, |(entry, plan)| policies(entry, plan)),
        args: read
            .as_ref()
            .filter(|(entry, _)| !entry.args.is_empty())
            .map_or_else(String::new, |(entry, _)| super::rows::arguments(&Value::Object(entry.args.clone()).to_string(), &context.mask)),
        owner: row.owner.clone().or_else(|| entry.as_ref().and_then(|entry| entry.owner.clone())),
        retry: entry.as_ref().map_or("no worker has stated this task", retry_said),
        entry,
        usual,
        path: format!("/actions/schedules/{}", segment(&row.name)),
        task_href: format!("/tasks/{}", segment(&row.task)),
        older,
        row: &row,
        s,
    };
    page(&view.s, &view, json)
}

fn verdict(row: &ScheduleRow, s: &Sheet<'_>) -> String {
    match (row.state, row.paused_at, row.next_at) {
        (ScheduleState::Broken, ..) => format!("{} cannot run.", row.name),
        (ScheduleState::Absent, ..) => format!("{} is no longer declared.", row.name),
        (_, Some(_), _) => format!("{} is paused.", row.name),
        (_, None, Some(next)) => {
            format!("{} runs {} ({}).", row.name, s.t.moment_text(next), words::ago(s.t.now, next))
        }
        (_, None, None) => format!("{} has no tick ahead.", row.name),
    }
}

fn paused_said(row: &ScheduleRow, s: &Sheet<'_>) -> Option<String> {
    let since = row.paused_at?;
    let until =
        row.paused_until.map_or_else(|| "until somebody resumes it".to_owned(), |until| format!("until {}", s.t.moment_text(until)));
    let note = row.pause_note.as_deref().map_or_else(String::new, |note| format!(" “{note}”"));
    Some(format!("Paused {}, {until}.{note} Ticks in between are recorded as paused.", words::ago(s.t.now, since)))
}

fn tick(seen: &TickSeen, s: &Sheet<'_>) -> Tick {
    let (letter, class, word) = meaning(seen);
    let many =
        if seen.tick.count > 1 { format!(", {} ticks until {}", seen.tick.count, s.t.moment_text(seen.tick.until)) } else { String::new() };
    let class = match class {
        "good" => "completed",
        "bad" => "discarded",
        "wait" => "retryable",
        "work" => "running",
        _ => "cancelled",
    };
    Tick {
        at_html: s.t.moment(seen.tick.at),
        nominal: seen.tick.nominal.clone(),
        state_html: format!("<span class=\"state {class}\"><i aria-hidden=true>{letter}</i> {word}</span>{many}"),
        job: seen.tick.job.map(|id| id.to_string()),
        runnable: (seen.tick.reason.is_some() && seen.tick.count == 1).then(|| seen.tick.at.to_string()),
    }
}

fn upcoming(row: &ScheduleRow, plan: &Plan, s: &Sheet<'_>) -> Vec<Due> {
    let Some(now) = from_micros(s.t.now.0.max(row.cursor.0)) else { return vec![] };
    plan.timetable
        .ticks(now)
        .take(5)
        .map(|tick| {
            let at = Timestamp(tick.due_micros());
            Due { at_html: s.t.moment(at), theirs: tick.to_string(), distance: words::ago(s.t.now, at) }
        })
        .collect()
}

fn policies(entry: &ScheduleEntry, plan: &Plan) -> Vec<(&'static str, String)> {
    use workaday_core::schedule::{CatchUp, Overlap};
    let policies = &plan.policies;
    let catch_up = match policies.catch_up {
        CatchUp::None => "none: ticks that nobody was there for are missed".to_owned(),
        CatchUp::Latest => "latest: after a silence the newest missed tick runs, late".to_owned(),
        CatchUp::All { limit } => format!("all: after a silence the newest {limit} missed ticks run, one after the other"),
    };
    let overlap = match policies.overlap {
        Overlap::Skip => "skip: a tick is skipped while the run before it is unfinished",
        Overlap::Queue => "queue: a tick waits for the run before it",
        Overlap::CancelRunning => "cancel_running: the run before it is cancelled",
        Overlap::Allow => "allow: runs may overlap",
    };
    let mut said = vec![("catch-up", catch_up), ("overlap", overlap.to_owned())];
    if policies.jitter.0 > 0 {
        said.push(("jitter", format!("starts up to {} after its tick", words::length(policies.jitter))));
    }
    if let Some(late) = policies.late_after {
        said.push(("late after", format!("an alert when it has not started {} after its tick", words::length(late))));
    }
    if let Some(within) = entry.finish_within_us {
        said.push(("finished within", words::length(Length(within))));
    }
    if !entry.exclude.is_empty() {
        said.push(("rests on", entry.exclude.join(", ")));
    }
    said
}

/// `usually takes 4 min to 6 min`, from the runs that are still kept.
fn usual(reader: &Reader, seen: &[TickSeen], s: &Sheet<'_>) -> Result<Option<String>, workaday_store::StoreError> {
    let mut ran = vec![];
    for id in seen.iter().filter(|seen| seen.job_state == Some(State::Completed)).filter_map(|seen| seen.tick.job).take(20) {
        if let Some(detail) = reader.job(id)? {
            ran.extend(reader.attempts(detail.summary.key)?.last().and_then(|row| row.ran_us));
        }
    }
    ran.sort_unstable();
    let (Some(low), Some(high)) = (ran.get(ran.len() / 10), ran.get((ran.len() * 9 / 10).min(ran.len().saturating_sub(1)))) else {
        return Ok(None);
    };
    let (low, high) = (s.t.span(*low), s.t.span(*high));
    Ok(Some(if low == high { format!("usually takes {low}") } else { format!("usually takes {low} to {high}") }))
}

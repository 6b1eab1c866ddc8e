//! The checklist: what is left to do before this may run unwatched.
//!
//! What the store itself can tell is checked here: tasks that nobody owns, that say neither what is expected nor what to
//! do when it goes wrong, schedules that never alarm.

use crate::page::{Page, PageContext};
use crate::sheet::{Sheet, page, segment};
use crate::{facts, words};
use askama::Template;
use serde_json::json;
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Problem;
use workaday_core::schedule::{ScheduleEntry, ScheduleState};
use workaday_ops::doctor::{Check as Seen, State};
use workaday_store::ScheduleRow;
use workaday_store::sqlite::read::Reader;

const NAMES_SHOWN: usize = 6;

struct Check {
    is_ok: bool,
    title: &'static str,
    found: String,
    expected: &'static str,
    fix: &'static str,
    names: Vec<(String, String)>,
    names_left_out: usize,
}

#[derive(Template)]
#[template(path = "checklist.html")]
struct View<'a> {
    s: Sheet<'a>,
    verdict: String,
    open: Vec<Check>,
    done: Vec<Check>,
    doctor: Option<Doctor>,
}

/// What `workaday doctor` found when it last looked.
struct Doctor {
    at: Timestamp,
    ago: String,
    goods: i64,
    /// Red, warned or unknown, the worst first, each with its word.
    rest: Vec<(&'static str, Seen)>,
}

impl Doctor {
    fn newest(reader: &Reader, now: Timestamp) -> Result<Option<Doctor>, Problem> {
        let Some(row) = reader.checks(1)?.into_iter().next() else { return Ok(None) };
        let all: Vec<Seen> = serde_json::from_str(&row.checks).unwrap_or_default();
        let rest = all.into_iter().filter(|check| check.state != State::Ok).map(|check| (word(check.state), check)).collect();
        Ok(Some(Doctor { at: row.at, ago: words::ago(now, row.at), goods: row.goods, rest }))
    }
}

const fn word(state: State) -> &'static str {
    match state {
        State::Red => "✕ red",
        State::Warn => "◷ warned",
        State::Unknown => "? unknown",
        State::Ok => "✓ good",
    }
}

pub fn checklist(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Checklist", "Checklist");
    let entries: Vec<TaskEntry> =
        reader.tasks()?.iter().filter(|row| row.present).filter_map(|row| serde_json::from_str(&row.entry).ok()).collect();
    let schedules = reader.schedules()?;
    let mut checks = vec![served(facts::is_served(reader, context.now)?)];
    if !entries.is_empty() {
        checks.extend(of_tasks(&entries));
    }
    if !schedules.is_empty() {
        checks.extend(of_schedules(&schedules));
    }
    let doctor = Doctor::newest(reader, context.now)?;
    let count = checks.len();
    let (done, open): (Vec<Check>, Vec<Check>) = checks.into_iter().partition(|check| check.is_ok);
    let verdict = match open.len() {
        0 => format!("{count} of {count}. Nothing left to do that the store can tell."),
        1 => format!("{} of {count}. One to do.", done.len()),
        several => format!("{} of {count}. {several} to do.", done.len()),
    };
    let json = json!({
        "verdict": verdict,
        "checks": open.iter().chain(&done).map(|check| json!({
            "title": check.title, "ok": check.is_ok, "found": check.found, "expected": check.expected, "fix": check.fix,
        })).collect::<Vec<_>>(),
        "doctor": doctor.as_ref().map(|doctor| json!({"at": doctor.at.to_string(), "good": doctor.goods, "rest": doctor.rest.iter().map(|(_, check)| check).collect::<Vec<_>>()})),
    });
    let view = View { s, verdict, open, done, doctor };
    page(&view.s, &view, json)
}

fn served(is_served: bool) -> Check {
    Check {
        is_ok: is_served,
        title: "A supervisor serves this store",
        found: if is_served { "one was heard in the last 90 seconds" } else { "none was heard in the last 90 seconds" }.to_owned(),
        expected: "one `workaday up`, started by the system and started again when it ends",
        fix: "workaday up",
        names: vec![],
        names_left_out: 0,
    }
}

fn of_tasks(entries: &[TaskEntry]) -> Vec<Check> {
    let check = |title, expected, fix, is_lacking: fn(&TaskEntry) -> bool| {
        let lacking =
            entries.iter().filter(|entry| is_lacking(entry)).map(|entry| (entry.name.clone(), format!("/tasks/{}", segment(&entry.name))));
        named(title, expected, fix, lacking.collect(), entries.len(), "task")
    };
    vec![
        check("Each task has an owner", "`owner=`: whom to call when it fails", "@app.task(owner=\"payments@shop.example\")", |entry| {
            entry.owner.is_none()
        }),
        check(
            "Each task says what it is expected to do",
            "`expects=`: what is true after it ran",
            "@app.task(expects=\"one row per store in daily_sales\")",
            |entry| entry.expects.is_none(),
        ),
        check(
            "Each task says how to undo it",
            "`rollback=`: the first thing to do when it did harm",
            "@app.task(rollback=\"workaday task pause NAME; …\")",
            |entry| entry.rollback.is_none(),
        ),
        check(
            "Each task says whether it may run twice",
            "`retry_safe=`: a crash may repeat an attempt",
            "@app.task(retry_safe=True)",
            |entry| entry.retry_safe.is_none() && !entry.at_most_once,
        ),
        check("Each task has a timeout", "`timeout=`: a job that hangs holds its slot for ever", "@app.task(timeout=\"5m\")", |entry| {
            entry.timeout_us.is_none()
        }),
    ]
}

fn of_schedules(rows: &[ScheduleRow]) -> Vec<Check> {
    let rows: Vec<&ScheduleRow> = rows.iter().filter(|row| row.state != ScheduleState::Absent).collect();
    let link = |row: &ScheduleRow| (row.name.clone(), format!("/schedules/{}", segment(&row.name)));
    let broken: Vec<_> = rows.iter().filter(|row| row.state == ScheduleState::Broken).map(|row| link(row)).collect();
    let silent = rows.iter().filter(|row| {
        serde_json::from_str::<ScheduleEntry>(&row.declared)
            .is_ok_and(|entry| entry.late_after_us.is_none() && entry.finish_within_us.is_none())
    });
    let silent: Vec<_> = silent.map(|row| link(row)).collect();
    vec![
        named("Each schedule can run", "a declaration that can be read", "workaday schedule list", broken, rows.len(), "schedule"),
        named(
            "Each schedule alarms when it is late",
            "`late_after=`, or `Expect(within=)`: a run that never comes tells nobody",
            "cron(\"15 3 * * *\", tz=\"Europe/Berlin\", late_after=\"20m\")",
            silent,
            rows.len(),
            "schedule",
        ),
    ]
}

fn named(
    title: &'static str,
    expected: &'static str,
    fix: &'static str,
    mut lacking: Vec<(String, String)>,
    of: usize,
    noun: &str,
) -> Check {
    let found = match lacking.len() {
        0 => format!("all of {}", words::many(of, noun)),
        number => format!("{number} of {} without", words::many(of, noun)),
    };
    let is_ok = lacking.is_empty();
    let names_left_out = lacking.len().saturating_sub(NAMES_SHOWN);
    lacking.truncate(NAMES_SHOWN);
    Check { is_ok, title, found, expected, fix, names: lacking, names_left_out }
}

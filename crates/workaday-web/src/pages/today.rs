//! Today: does anything need me? A verdict in one sentence, then the evidence.

use super::errors::{Known, known};
use crate::page::{Page, PageContext};
use crate::plot::{self, Mark, Slice, Span};
use crate::sheet::{Sheet, page, segment};
use crate::{facts, words};
use askama::Template;
use serde_json::{Value, json};
use workaday_core::catalogue::TaskEntry;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::Problem;
use workaday_core::job::{JobId, State};
use workaday_store::sqlite::read::{AlertRow, Counted, Look, QueueLoad, Reader};
use workaday_store::{ScheduleRow, StoreError};

/// Half hours of a day.
const SLICES: usize = 48;
/// More than a half hour can hold: readers of the pages keep their counts, so a slice need not be cut off.
const SLICE_MAX: i64 = 1_000_000_000;
const NEEDS_MAX: usize = 20;
/// For so many alerts the jobs to retry are counted.
const RETRIES_COUNTED: usize = 6;
const COUNT_MAX: i64 = 10_000;

/// One thing that needs a hand.
pub struct Need {
    pub class: &'static str,
    pub symbol: &'static str,
    pub subject: String,
    pub href: Option<String>,
    pub when_html: String,
    pub count: i64,
    pub failed: String,
    pub expected: Option<String>,
    pub got: Option<String>,
    pub retry: Option<String>,
    pub owner: Option<String>,
    pub rollback: Option<String>,
    pub alert: Option<i64>,
    pub pause_task: Option<String>,
    /// The filter, and the sentence of the button.
    pub retry_jobs: Option<(String, String)>,
    pub run_schedule: Option<String>,
    pub command: Option<&'static str>,
    code: String,
}

struct Fact {
    name: &'static str,
    value_html: String,
    note: Option<String>,
}

struct Coming {
    name: String,
    when_html: String,
    task: String,
}

#[derive(Template)]
#[template(path = "today.html")]
struct View<'a> {
    s: Sheet<'a>,
    verdict: String,
    verdict_class: &'static str,
    second: String,
    needs: Vec<Need>,
    needs_left_out: usize,
    strip: String,
    slices: Vec<(String, Slice)>,
    total: i64,
    facts: Vec<Fact>,
    errors: Vec<Known>,
    coming: Vec<Coming>,
    is_new: bool,
}

pub fn today(reader: &Reader, context: &PageContext) -> Result<Page, Problem> {
    let s = Sheet::new(context, "Today", "Today");
    let now = context.now;
    let loads = reader.loads(now, COUNT_MAX)?;
    // By whole minutes, as they are counted once and kept: the last half hour is still going on.
    let minute = Length::minutes(1);
    let until = now + minute - Length(now.0.rem_euclid(minute.0));
    let span = Span { from: until - Length::hours(24), until };
    reader.advance_ended(now)?;
    let slices = slices(reader, span)?;
    let tasks = reader.tasks()?;
    let schedules = reader.schedules()?;
    let errors = known(reader, context, now - Length::hours(24), 60)?;
    let served = facts::is_served(reader, now)?;
    let mut alerts = reader.alerts(false, None, 200)?;
    // What has failed before what is late, and what came last before what has been there for long.
    alerts.sort_by_key(|alert| (class_of(&alert.code) != "bad", std::cmp::Reverse(alert.last_at)));
    let entries: Vec<TaskEntry> = tasks.iter().filter_map(|row| serde_json::from_str(&row.entry).ok()).collect();
    let mut needs = vec![];
    let waiting = loads.iter().fold(Counted::default(), |sum, load| sum + load.available);
    if !served && (waiting.number > 0 || !tasks.is_empty()) {
        needs.push(unserved(waiting));
    }
    let muted = |alert: &AlertRow| {
        alert.code == "job.discarded"
            && errors.iter().any(|known| known.task == alert.subject)
            && errors.iter().filter(|known| known.task == alert.subject).all(|known| known.muted.is_some())
    };
    let teller = &s.t;
    for (number, alert) in alerts.iter().filter(|alert| !muted(alert)).enumerate() {
        if number < NEEDS_MAX {
            needs.push(need(reader, alert, &entries, &schedules, &errors, teller, number < RETRIES_COUNTED)?);
        }
    }
    let open = alerts.iter().filter(|alert| !muted(alert)).count();
    let needs_left_out = open.saturating_sub(NEEDS_MAX);
    let count = needs.len() + needs_left_out;
    let total: i64 = slices.iter().map(|slice| slice.finished).sum();
    let oldest = loads.iter().filter_map(|load| load.oldest_waiting_at).min();
    let is_new = total == 0 && tasks.is_empty() && schedules.is_empty() && !reader.unfinished(1)?.more && reader.unfinished(1)?.number == 0;
    let (verdict, verdict_class) = match (count, is_new, served) {
        (_, true, _) => ("Nothing here yet.".to_owned(), ""),
        (0, _, _) => ("All good.".to_owned(), ""),
        (1, _, _) => ("1 thing needs you.".to_owned(), "bad"),
        (several, ..) => (format!("{several} things need you."), "bad"),
    };
    let second = second(total, slices.iter().map(|slice| slice.discarded).sum(), oldest, now, is_new);
    let marks = marks(reader, span)?;
    let strip = plot::strip(&s.t, span, &slices, &marks, "30 min");
    let length = Length(Length::hours(24).0 / SLICES as i64);
    let named: Vec<(String, Slice)> = slices
        .iter()
        .enumerate()
        .filter(|(_, slice)| slice.finished > 0)
        .map(|(number, slice)| (s.t.moment_text(span.from + Length(length.0 * number as i64)), *slice))
        .collect();
    let facts = facts(reader, &loads, oldest, &s)?;
    let coming = coming(&schedules, &s);
    let json = json!({
        "verdict": verdict, "detail": second,
        "needs": needs.iter().map(Need::to_json).collect::<Vec<_>>(),
        "last_24_h": slices.iter().enumerate().map(|(number, slice)| json!({
            "from": (span.from + Length(length.0 * number as i64)).to_string(), "finished": slice.finished, "discarded": slice.discarded,
        })).collect::<Vec<_>>(),
        "errors": errors.iter().map(Known::to_json).collect::<Vec<_>>(),
        "oldest_waiting_at": oldest.map(|at| at.to_string()), "served": served,
    });
    let errors = errors.into_iter().filter(|known| known.muted.is_none()).take(5).collect();
    let view =
        View { verdict, verdict_class, second, needs, needs_left_out, strip, slices: named, total, facts, errors, coming, is_new, s };
    page(&view.s, &view, json)
}

/// Finished jobs in 48 half hours.
fn slices(reader: &Reader, span: Span) -> Result<Vec<Slice>, StoreError> {
    let length = (span.until - span.from).0 / SLICES as i64;
    let at = |number: usize| span.from + Length(length * number as i64);
    let mut slices = Vec::with_capacity(SLICES);
    for number in 0..SLICES {
        let finished = reader.finished_in(at(number), at(number + 1), SLICE_MAX)?;
        let all = finished.completed.number + finished.cancelled.number + finished.discarded.number;
        slices.push(Slice { finished: all, discarded: finished.discarded.number });
    }
    Ok(slices)
}

/// When releases began, as far as our processes ran them.
pub fn marks(reader: &Reader, span: Span) -> Result<Vec<Mark>, StoreError> {
    let seen = reader.releases_seen(50)?;
    Ok(seen.into_iter().filter(|seen| seen.first_at >= span.from).map(|seen| Mark { at: seen.first_at, name: seen.release }).collect())
}

fn second(total: i64, discarded: i64, oldest: Option<Timestamp>, now: Timestamp, is_new: bool) -> String {
    if is_new {
        return "Write a task, start `workaday dev`, enqueue a job: this page then says how it went.".to_owned();
    }
    let jobs = match total {
        0 => "No job has finished in the last 24 hours".to_owned(),
        total => format!("{} finished in the last 24 hours", words::count_of(Counted { number: total, more: false }, "job")),
    };
    let failed = match discarded {
        0 => String::new(),
        number => format!(", {} of them discarded", words::thousands(number)),
    };
    let oldest = match oldest {
        Some(since) => format!("; the oldest that is ready has waited {}.", words::length(now - since)),
        None => "; nothing is waiting.".to_owned(),
    };
    format!("{jobs}{failed}{oldest}")
}

fn unserved(waiting: Counted) -> Need {
    Need {
        subject: "No supervisor is running".to_owned(),
        failed: if waiting.number == 0 {
            "Nothing starts, and schedules do not tick.".to_owned()
        } else {
            format!("{} waiting, and schedules do not tick.", words::count_of(waiting, "job"))
        },
        expected: Some("one `workaday up` that serves this store".to_owned()),
        retry: Some("safe; what waits is kept, and missed ticks are decided by their catch-up".to_owned()),
        command: Some("workaday up"),
        code: "supervisor.absent".to_owned(),
        ..Need::empty("bad", "✕")
    }
}

impl Need {
    fn empty(class: &'static str, symbol: &'static str) -> Self {
        Self {
            class,
            symbol,
            subject: String::new(),
            href: None,
            when_html: String::new(),
            count: 1,
            failed: String::new(),
            expected: None,
            got: None,
            retry: None,
            owner: None,
            rollback: None,
            alert: None,
            pause_task: None,
            retry_jobs: None,
            run_schedule: None,
            command: None,
            code: String::new(),
        }
    }

    /// Is there anything to press? An empty row of buttons would be a gap.
    fn has_acts(&self) -> bool {
        self.retry_jobs.is_some() || self.run_schedule.is_some() || self.pause_task.is_some() || self.alert.is_some()
    }

    fn to_json(&self) -> Value {
        json!({
            "code": self.code, "subject": self.subject, "failed": self.failed, "expected": self.expected, "got": self.got,
            "retry": self.retry, "owner": self.owner, "rollback": self.rollback, "count": self.count, "alert": self.alert,
        })
    }
}

fn need(
    reader: &Reader,
    alert: &AlertRow,
    entries: &[TaskEntry],
    schedules: &[ScheduleRow],
    errors: &[Known],
    teller: &crate::show::Teller,
    count_retries: bool,
) -> Result<Need, StoreError> {
    let schedule = if alert.code.starts_with("schedule.") { schedules.iter().find(|row| row.name == alert.subject) } else { None };
    let job = alert.subject.parse::<JobId>().ok();
    let task = match (schedule, job) {
        (Some(schedule), _) => Some(schedule.task.clone()),
        (None, Some(id)) => reader.job(id)?.map(|detail| detail.summary.task),
        (None, None) => entries.iter().any(|entry| entry.name == alert.subject).then(|| alert.subject.clone()),
    };
    let entry = task.as_deref().and_then(|task| entries.iter().find(|entry| entry.name == task));
    let is_task = task.as_deref() == Some(alert.subject.as_str());
    let error = errors.iter().find(|known| is_task && known.task == alert.subject);
    let mut need = Need::empty(class_of(&alert.code), symbol_of(&alert.code));
    need.subject = match (&task, job) {
        (Some(task), Some(_)) => task.clone(),
        _ => alert.subject.clone(),
    };
    need.href = match (schedule, job) {
        (Some(schedule), _) => Some(format!("/schedules/{}", segment(&schedule.name))),
        (None, Some(id)) => Some(format!("/jobs/{id}")),
        (None, None) => task.as_deref().map(|task| format!("/tasks/{}", segment(task))),
    };
    need.when_html = teller.ago(alert.last_at);
    need.count = alert.count;
    need.failed = crate::mask::text(&words::first_line(&alert.message, 240));
    need.expected = expected(&alert.code, entry);
    need.got = error.map(|known| known.said.clone());
    // What it got has a line of its own.
    if let Some(short) = need.got.as_ref().and_then(|got| need.failed.strip_suffix(got.as_str())?.strip_suffix(": ")) {
        need.failed = short.to_owned();
    }
    need.retry = entry.map(|entry| retry_said(entry).to_owned());
    need.owner = schedule.and_then(|row| row.owner.clone()).or_else(|| entry.and_then(|entry| entry.owner.clone()));
    need.rollback = entry.and_then(|entry| entry.rollback.clone());
    need.alert = Some(alert.key);
    need.run_schedule = schedule.filter(|_| matches!(alert.code.as_str(), "schedule.missed" | "schedule.late")).map(|row| row.name.clone());
    need.pause_task = entry.filter(|_| is_task).map(|entry| entry.name.clone());
    need.code = alert.code.clone();
    if count_retries && is_task && alert.code == "job.discarded" {
        let look = Look { state: Some(State::Discarded), task: Some(alert.subject.clone()), limit: 500, ..Look::default() };
        let found = reader.look(&look)?;
        if !found.jobs.is_empty() {
            let count = Counted { number: found.jobs.len() as i64, more: found.next.is_some() };
            let filter = format!("state=discarded&task={}", segment(&alert.subject));
            need.retry_jobs = Some((filter, format!("Retry {} of {}", words::count_of(count, "job"), alert.subject)));
        }
    }
    Ok(need)
}

/// May it run twice? In the words of its author.
pub fn retry_said(entry: &TaskEntry) -> &'static str {
    match (entry.at_most_once, entry.retry_safe) {
        (true, _) => "check first; it must not run twice",
        (false, Some(true)) => "safe; its author says that it may run twice",
        (false, Some(false)) => "check first; its author says that it must not run twice",
        (false, None) => "check first; its author has not said whether it may run twice",
    }
}

fn class_of(code: &str) -> &'static str {
    match code {
        "schedule.late" | "schedule.missed" | "schedule.skipping" | "schedule.unfinished" => "wait",
        _ => "bad",
    }
}

fn symbol_of(code: &str) -> &'static str {
    match code {
        code if code.starts_with("schedule.") => "◷",
        "job.quarantined" | "job.unknown_task" | "job.arguments_misfit" | "job.unreadable" => "‖",
        _ => "✕",
    }
}

fn expected(code: &str, entry: Option<&TaskEntry>) -> Option<String> {
    let general = match code {
        "job.discarded" => "its work done within its attempts",
        "job.outcome_unknown" => "an end that is known",
        "job.quarantined" => "a process that survives the job",
        "job.unknown_task" => "a worker whose code has the task",
        "job.arguments_misfit" => "arguments that fit the signature of the task",
        "job.unreadable" => "arguments that can be read as JSON",
        "schedule.missed" => "a run at each of its ticks",
        "schedule.late" => "a start within its `late_after`",
        "schedule.unfinished" => "an end within the time that it promises",
        "schedule.skipping" => "the run before it done by its next tick",
        "worker.import_failed" => "an application that imports",
        code if code.starts_with("schedule.") => "a declaration that can be read",
        _ => return entry.and_then(|entry| entry.expects.clone()),
    };
    let own = entry.and_then(|entry| entry.expects.clone()).filter(|_| matches!(code, "job.discarded" | "schedule.unfinished"));
    Some(own.unwrap_or_else(|| general.to_owned()))
}

fn facts(reader: &Reader, loads: &[QueueLoad], oldest: Option<Timestamp>, s: &Sheet<'_>) -> Result<Vec<Fact>, StoreError> {
    let now = s.t.now;
    let mut waited: Vec<i64> = reader.recent_runs(now - Length::hours(1), now, 400)?.iter().filter_map(|run| run.waited_us).collect();
    waited.sort_unstable();
    let p95 = waited.get((waited.len() * 95 / 100).min(waited.len().saturating_sub(1))).map(|us| s.t.span(*us));
    let sum = |count: fn(&QueueLoad) -> Counted| loads.iter().fold(Counted::default(), |sum, load| sum + count(load));
    let fact = |name, value: String, note: Option<&str>| Fact { name, value_html: value, note: note.map(str::to_owned) };
    let held = sum(|load| load.held);
    let mut facts = vec![
        fact("waited, p95", p95.unwrap_or_else(|| "–".into()), Some("of the last hour")),
        fact("oldest waiting", oldest.map_or_else(|| "none".into(), |at| words::length(now - at)), None),
        fact("running", words::thousands(loads.iter().map(|load| load.running).sum()), None),
        fact("ready", words::counted(sum(|load| load.available)), None),
        fact("retrying", words::counted(sum(|load| load.retryable)), None),
    ];
    if held.number > 0 {
        facts.push(fact("held", words::counted(held), None));
    }
    let backups = reader.backup_status()?;
    if let Some(newest) = &backups.newest {
        let proof = backups.proved.as_ref().and_then(|row| row.proved_at);
        let proof = proof.map_or_else(|| "never proved to restore".to_owned(), |at| format!("proved to restore {}", words::ago(now, at)));
        facts.push(fact("newest backup", words::ago(now, newest.at), Some(&proof)));
    } else if let Some(gone) = &backups.gone {
        facts.push(fact("newest backup", "gone".to_owned(), Some(&format!("made {}", words::ago(now, gone.at)))));
    }
    if let Some(used) = disk_used(reader) {
        facts.push(fact("disk", format!("{used} %"), Some("used, where the store is")));
    }
    Ok(facts)
}

/// Percent of the store's file system that is used.
fn disk_used(reader: &Reader) -> Option<u64> {
    let found = rustix::fs::statvfs(reader.path()).ok()?;
    (found.f_blocks > 0).then(|| 100 - (found.f_bavail.min(found.f_blocks) * 100 / found.f_blocks))
}

fn coming(schedules: &[ScheduleRow], s: &Sheet<'_>) -> Vec<Coming> {
    let mut due: Vec<(Timestamp, &ScheduleRow)> =
        schedules.iter().filter(|row| row.paused_at.is_none()).filter_map(|row| Some((row.next_at?, row))).collect();
    due.sort_by_key(|(at, row)| (*at, row.name.clone()));
    due.into_iter()
        .take(4)
        .map(|(at, row)| Coming {
            name: row.name.clone(),
            when_html: format!("{} <span class=soft>{}</span>", s.t.moment(at), words::ago(s.t.now, at)),
            task: row.task.clone(),
        })
        .collect()
}

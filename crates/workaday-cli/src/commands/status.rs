//! `status`: one screen, the verdict first. With --watch a screen to leave open.

use super::queue;
use crate::args::Status;
use crate::beside::{self, Supervisor};
use crate::context::{Context, length};
use crate::failure::{DONE, Done, Failure};
use crate::render::{Cell, Output, Tone, state};
use crate::{document, text, words};
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use workaday_core::clock::Timestamp;
use workaday_core::job::State;
use workaday_store::ScheduleHealth;
use workaday_store::sqlite::read::{AlertRow, Status as Counts, open_reader};

const ALERTS: usize = 10;

struct View {
    now: Timestamp,
    counts: Counts,
    alerts: Vec<AlertRow>,
    supervisor: Option<Supervisor>,
    workers: usize,
    schedules: ScheduleHealth,
    /// Where the dashboard is, while a supervisor serves it.
    dashboard: Option<String>,
}

pub fn run(args: &Status, context: &mut Context) -> Done {
    let database = context.existing()?;
    if !args.watch {
        let view = look(&database, context.now())?;
        show(&view, &database, context)?;
        return Ok(DONE);
    }
    let pause = length(&args.every, "--every")?.to_std().max(std::time::Duration::from_millis(100));
    loop {
        let view = look(&database, context.now())?;
        if context.out.json {
            context.out.json_line(&whole(&view, &database))?;
        } else {
            // Home and clear to the end: less flicker than clearing first. A pipe gets one screen after the other.
            if context.out.terminal {
                context.out.write("\x1b[H\x1b[J")?;
            }
            show(&view, &database, context)?;
            let footer = format!("\n{} · every {} · Ctrl-C ends", view.now.to_string().get(11..19).unwrap_or_default(), args.every);
            context.out.line(context.out.paint(Tone::Soft, &text::block(&footer)))?;
        }
        context.out.flush()?;
        // Once in `--every`, as asked: states change by the passing of time as well, without a commit.
        std::thread::sleep(pause);
    }
}

fn look(database: &Path, now: Timestamp) -> Result<View, Failure> {
    let reader = open_reader(database)?;
    let counts = reader.status(now)?;
    let alerts = reader.alerts(false, None, ALERTS)?;
    let workers = reader.workers(false, 1_000)?.iter().filter(|worker| worker.kind != "supervisor").count();
    let supervisor = beside::supervisor(database);
    let dashboard = supervisor.is_some().then(|| workaday_web::listen::url(database)).flatten();
    Ok(View { now, counts, alerts, supervisor, workers, schedules: reader.schedule_health(now)?, dashboard })
}

fn whole(view: &View, database: &Path) -> Value {
    let counts = &view.counts;
    json!({
        "now": document::instant(view.now), "database": database, "supervisor": view.supervisor.as_ref().map(|found| json!({"pid": found.pid})),
        "workers": if view.supervisor.is_some() { view.workers } else { 0 },
        "states": counts.by_state.iter().map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect::<serde_json::Map<_, _>>(),
        "dashboard": view.dashboard, "running": counts.running, "held": counts.held, "alerts_open": counts.alerts_open, "discarded_last_day": counts.discarded_last_day,
        "finished_last_minute": counts.finished_last_minute, "finished_per_minute": counts.finished_per_minute,
        "oldest_waiting_at": document::optional(counts.oldest_waiting_at),
        "queues": counts.queues.iter().map(document::queue).collect::<Vec<_>>(),
        "schedules": schedules(view),
        "alerts": view.alerts.iter().map(alert).collect::<Vec<_>>(),
    })
}

fn schedules(view: &View) -> Value {
    let health = &view.schedules;
    json!({
        "on": health.on, "paused": health.paused, "done": health.done, "absent": health.absent, "broken": health.broken,
        "next_at": document::optional(health.next_at), "last_turn_at": document::optional(health.last_turn_at),
        "oldest_due_at": document::optional(health.oldest_due_at), "oldest_due_seconds": health.oldest_due_age(view.now).0 as f64 / 1e6,
    })
}

/// How the schedules stand, in one line; nothing when there are none.
fn schedule_line(view: &View) -> Option<(Tone, String)> {
    /// Younger than this it is about to be decided.
    const PATIENCE_US: i64 = 5_000_000;
    let health = &view.schedules;
    let counts = [(health.on, "on"), (health.paused, "paused"), (health.broken, "broken")];
    let shown: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if shown.is_empty() {
        return None;
    }
    let age = health.oldest_due_age(view.now).0;
    let (tone, rest) = match (age > PATIENCE_US, health.next_at) {
        (true, _) => (Tone::Bad, format!("a tick has been due for {} and nobody decided it", words::micros(age))),
        (false, Some(at)) => (Tone::Soft, format!("next {}", words::ago(view.now, at))),
        (false, None) => (Tone::Soft, "none to come".to_owned()),
    };
    Some((tone, format!("schedules: {}; {rest}", shown.join(", "))))
}

fn alert(alert: &AlertRow) -> Value {
    json!({
        "code": alert.code, "subject": alert.subject, "message": alert.message, "count": alert.count,
        "first_at": document::instant(alert.first_at), "last_at": document::instant(alert.last_at),
    })
}

fn show(view: &View, database: &Path, context: &mut Context) -> Result<(), Failure> {
    if context.out.json {
        return Ok(context.out.json(&whole(view, database))?);
    }
    let out = &mut context.out;
    out.line(verdict(view, out))?;
    for alert in &view.alerts {
        let times = if alert.count > 1 { format!(", {} times", words::thousands(alert.count)) } else { String::new() };
        // Most sentences name whom they are about; twice would be once too often on a narrow screen.
        let subject = if alert.message.contains(&alert.subject) { String::new() } else { format!("{}  ", alert.subject) };
        let line = Cell::new(format!("✕ {subject}{} ({}{times})", alert.message, words::ago(view.now, alert.last_at))).tone(Tone::Bad);
        out.line(out.cell(&line))?;
    }
    out.line("")?;
    states(view, out)?;
    if !view.counts.queues.is_empty() {
        out.line("")?;
        out.table(&queue::table(&view.counts.queues, view.now), "")?;
    }
    out.line("")?;
    if let Some((tone, line)) = schedule_line(view) {
        out.line(out.paint(tone, &text::line(&line)))?;
    }
    let served = match &view.supervisor {
        Some(found) => format!(
            "supervisor pid {}, {}",
            found.pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string()),
            words::count(view.workers, "worker")
        ),
        None => "no supervisor".to_owned(),
    };
    let dashboard = match (&view.dashboard, &view.supervisor) {
        (Some(url), _) => format!(" · dashboard {url} (`workaday open`)"),
        (None, Some(_)) => " · no dashboard".to_owned(),
        (None, None) => String::new(),
    };
    out.line(out.paint(Tone::Soft, &text::line(&format!("{served} · store {}{dashboard}", database.display()))))?;
    Ok(())
}

/// One sentence that answers "does anything need me?".
fn verdict(view: &View, out: &Output) -> String {
    let counts = &view.counts;
    let waiting: i64 = counts.by_state.iter().filter(|(state, _)| *state == State::Available).map(|(_, count)| count).sum();
    let (tone, first) = match (counts.alerts_open, &view.supervisor) {
        (0, Some(_)) => (Tone::Good, "All good.".to_owned()),
        (0, None) if waiting > 0 => {
            let wait = if waiting == 1 { "waits" } else { "wait" };
            (Tone::Bad, format!("No supervisor runs while {} {wait}. `workaday up` starts it.", words::count(waiting as usize, "job")))
        }
        (0, None) => (Tone::Wait, "No supervisor runs. `workaday up` starts it.".to_owned()),
        (1, _) => (Tone::Bad, "1 thing needs you.".to_owned()),
        (several, _) => (Tone::Bad, format!("{several} things need you.")),
    };
    let oldest = counts
        .oldest_waiting_at
        .map(|since| format!(" the oldest has waited {}.", words::micros((view.now - since).0.max(0) / 1_000 * 1_000)));
    let rate = format!(
        " {} running, {} finished in the last minute{}",
        words::thousands(counts.running),
        words::thousands(counts.finished_last_minute),
        oldest.map_or_else(|| ".".to_owned(), |oldest| format!(";{oldest}"))
    );
    format!("{}{rate}", out.paint(tone, &first))
}

fn states(view: &View, out: &mut Output) -> io::Result<()> {
    let shown: Vec<String> = view
        .counts
        .by_state
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(one, count)| format!("{} {}", out.cell(&state(*one, None)), words::thousands(*count)))
        .collect();
    if shown.is_empty() { out.line("No jobs yet. `workaday enqueue TASK` makes one.") } else { out.line(shown.join("   ")) }
}

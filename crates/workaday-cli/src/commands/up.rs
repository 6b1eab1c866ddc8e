//! `up`: hands the settings to the supervisor and runs until it has drained.

use crate::args::Up;
use crate::context::Context;
use crate::failure::{DONE, Done};
use crate::log_writer::LogWriter;
use serde_json::json;
use std::io::IsTerminal;
use std::path::Path;
use workaday_alerts::Live;
use workaday_config::Settings;
use workaday_config::settings::Command;
use workaday_core::catalogue::{TaskEntry, TaskKind};
use workaday_core::clock::{Clock, SystemClock};
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_engine::settings::QueueSettings;
use workaday_supervisor::CommandTask;
use workaday_supervisor::beside::{Part, Work};

pub fn run(args: &Up, context: &mut Context) -> Done {
    let settings = context.settings_with(args.app.as_deref())?;
    // Commands need no Python; an app is missing only when there is nothing else to run.
    if settings.app.is_none() && settings.commands.is_empty() {
        return Err(app_missing("up", settings).into());
    }
    start_logging(context.common.json || std::env::var("WORKADAY_LOG_FORMAT").is_ok_and(|format| format == "json"));
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let sources = context.sources(args.app.as_deref())?;
    let alerts = Live::new(workaday_config::alerts::stated(settings));
    let reloaded = alerts.clone();
    let reload = Box::new(move || {
        let settings = workaday_config::load(&sources).map_err(|error| error.to_string())?;
        let engine = engine_settings(&settings);
        schedules_read(&engine).map_err(|problem| problem.to_string())?;
        if reloaded.replace(workaday_config::alerts::stated(&settings)) {
            tracing::info!("SIGHUP: who is told of alerts was read again and holds from now on");
        }
        Ok((engine, command_tasks(&settings)))
    });
    let options = workaday_supervisor::UpOptions {
        database: settings.database.path().to_path_buf(),
        app: settings.app.clone(),
        commands: command_tasks(settings),
        root: settings.root.clone(),
        python: settings.worker.python.clone(),
        release: release(&settings.root),
        adopt: args.adopt,
        settings: engine_settings(settings),
        reload: Some(reload),
        beside: [courier(alerts.clone()), pings(alerts)].into_iter().chain(window(settings)).collect(),
    };
    workaday_supervisor::up(options)?;
    Ok(DONE)
}

/// Carries alerts to whoever should hear of them.
fn courier(alerts: Live) -> Part {
    let work: Work = Box::new(move |ground| workaday_alerts::courier::run(&ground.database, &alerts, &|length| ground.stop.wait(length)));
    Part { name: "courier", work }
}

/// Carries the signs of life of schedules and commands to their receivers outside.
fn pings(alerts: Live) -> Part {
    let work: Work = Box::new(move |ground| workaday_alerts::pings::run(&ground.database, &alerts, &|length| ground.stop.wait(length)));
    Part { name: "pings", work }
}

/// Read again, a configuration holds whole or not at all: a schedule that means nothing keeps the old one in force.
fn schedules_read(settings: &workaday_engine::Settings) -> Result<(), Problem> {
    let now = SystemClock.now();
    settings.schedules.iter().try_for_each(|entry| entry.plan(now, settings.schedules_tz.as_deref()).map(drop))
}

/// The dashboard, unless it is switched off.
fn window(settings: &Settings) -> Option<Part> {
    let settings = settings.clone();
    settings.web.enabled.then(|| Part {
        name: "the dashboard",
        work: Box::new(move |ground| {
            let options = workaday_web::Options::of(&settings, ground.database.clone(), ground.release.clone());
            let stop = ground.stop.clone();
            workaday_web::run(options, move |at_most| stop.wait(at_most))
        }),
    })
}

pub fn app_missing(command: &str, settings: &Settings) -> Problem {
    Problem::new("usage.app_missing", format!("`{command}` was told no app to import"))
        .expected("MODULE:APP on the command line, or app = \"module:app\" or a [command.NAME] in workaday.toml")
        .got(format!("no `app` in {}", settings.file_shown()))
        .retry(RetryAdvice::SafeAfterFix, "safe with an app; nothing was started")
        .hint("`workaday init` writes a workaday.toml and a first task")
}

/// The engine's own names for what is configured.
pub fn engine_settings(settings: &Settings) -> workaday_engine::Settings {
    let worker = &settings.worker;
    workaday_engine::Settings {
        processes: worker.processes,
        async_processes: worker.async_processes,
        async_slots: worker.async_slots,
        solo_processes: worker.solo,
        commands: worker.commands,
        grace: worker.grace,
        kill_after: worker.kill_after,
        recycle_after_jobs: worker.recycle_after_jobs,
        recycle_above_bytes: worker.recycle_above,
        queues: settings
            .queues
            .iter()
            .map(|(name, queue)| (name.clone(), QueueSettings { slots: queue.slots, paused: queue.paused }))
            .collect(),
        schedules_tz: workaday_config::schedules::zone(settings),
        schedules: workaday_config::schedules::stated(settings),
        retain_completed: settings.retention.completed,
        retain_cancelled: settings.retention.cancelled,
        retain_discarded: settings.retention.discarded,
        retain_logs: settings.retention.logs,
        retain_measures: settings.retention.measures,
        ..workaday_engine::Settings::default()
    }
}

pub fn command_tasks(settings: &Settings) -> Vec<CommandTask> {
    settings.commands.iter().map(|(name, command)| command_task(name, command, &settings.root)).collect()
}

/// A `[command.NAME]` as the task `command.NAME`.
fn command_task(name: &str, command: &Command, root: &Path) -> CommandTask {
    let shown = command.run.join(" ");
    let entry = TaskEntry {
        name: format!("command.{name}"),
        kind: TaskKind::Command,
        queue: command.queue.clone(),
        priority: command.priority,
        retry: command.retry,
        timeout_us: Some(command.timeout.0),
        memory_bytes: command.memory.map(|bytes| bytes.min(i64::MAX as u64) as i64),
        at_most_once: command.at_most_once,
        retry_safe: command.retry_safe,
        owner: command.owner.clone(),
        expects: command.expects.clone(),
        expects_within_us: command.expects_within.map(|within| within.0),
        rollback: command.rollback.clone(),
        doc: Some(format!("runs {shown}")),
        params: json!({
            "type": "object", "properties": {"args": {"type": "array", "items": {"type": "string"}}},
            "required": [], "additionalProperties": false,
        }),
        ping: command.ping.clone(),
        schedules: vec![],
    };
    let cwd = command.cwd.clone().unwrap_or_else(|| root.to_path_buf());
    CommandTask { entry, run: command.run.clone(), cwd, env: command.env.clone(), expects_output: command.expects_output.clone() }
}

/// WORKADAY_RELEASE, else the commit that is checked out, with `+dirty` when files differ from it.
pub fn release(root: &Path) -> Option<String> {
    if let Some(named) = std::env::var("WORKADAY_RELEASE").ok().filter(|release| !release.is_empty()) {
        return Some(named);
    }
    let git = |arguments: &[&str]| {
        let answer =
            std::process::Command::new("git").arg("-C").arg(root).args(arguments).stderr(std::process::Stdio::null()).output().ok()?;
        answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|commit| !commit.is_empty())?;
    let is_dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if is_dirty { format!("{commit}+dirty") } else { commit })
}

/// The log goes to standard error; WORKADAY_LOG sets its level (`info`, `debug`, `workaday_engine=debug`), and
/// WORKADAY_LOG_FORMAT=json makes each line an object, as `--json` does: a unit that is installed takes variables only.
fn start_logging(json: bool) {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env("WORKADAY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = fmt().with_env_filter(filter).with_writer(LogWriter::new(std::io::stderr(), json)).with_target(false);
    // A second start in one process cannot be; if it were, the first log stays.
    let _ = if json { builder.json().try_init() } else { builder.with_ansi(colour).try_init() };
}

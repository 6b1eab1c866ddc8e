//! `up`: hands the settings to the supervisor and runs until it has drained.

use crate::args::Up;
use crate::context::Context;
use crate::failure::{DONE, Done};
use std::io::IsTerminal;
use std::path::Path;
use workaday_config::Settings;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_engine::settings::QueueSettings;

pub fn run(args: &Up, context: &mut Context) -> Done {
    let settings = context.settings_with(args.app.as_deref())?;
    let Some(app) = settings.app.clone() else { return Err(app_missing(settings).into()) };
    start_logging(context.common.json);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    for waiting in without_effect(settings) {
        tracing::warn!("{waiting} is read and checked, but this version does not act on it yet");
    }
    let sources = context.sources(args.app.as_deref())?;
    let reload =
        Box::new(move || workaday_config::load(&sources).map(|settings| engine_settings(&settings)).map_err(|error| error.to_string()));
    let options = workaday_supervisor::UpOptions {
        database: settings.database.path().to_path_buf(),
        app,
        root: settings.root.clone(),
        python: settings.worker.python.clone(),
        release: release(&settings.root),
        adopt: args.adopt,
        settings: engine_settings(settings),
        reload: Some(reload),
    };
    workaday_supervisor::up(options)?;
    Ok(DONE)
}

pub fn app_missing(settings: &Settings) -> Problem {
    Problem::new("usage.app_missing", "`up` was told no app to import")
        .expected("workaday up MODULE:APP, or app = \"module:app\" in workaday.toml")
        .got(format!("no `app` in {}", settings.file_shown()))
        .retry(RetryAdvice::SafeAfterFix, "safe with an app; nothing was started")
        .hint("`workaday init` writes a workaday.toml and a first task")
}

/// What is configured and does nothing yet: silence would be taken for a promise.
fn without_effect(settings: &Settings) -> Vec<String> {
    let named =
        |path: &'static str, shown: &str| settings.names(path).into_iter().map(|name| format!("[{shown}.{name}]")).collect::<Vec<_>>();
    let mut found = [named("command.*", "command"), named("schedules.*", "schedules"), named("alerts.*", "alerts")].concat();
    found.extend(settings.queues.iter().filter(|(_, queue)| queue.rate.is_some()).map(|(name, _)| format!("queues.{name}.rate")));
    found.extend((settings.worker.threads > 1).then(|| "worker.threads above 1".to_owned()));
    found
}

/// The engine's own names for what is configured.
pub fn engine_settings(settings: &Settings) -> workaday_engine::Settings {
    let worker = &settings.worker;
    workaday_engine::Settings {
        processes: worker.processes,
        async_processes: worker.async_processes,
        async_slots: worker.async_slots,
        solo_processes: worker.solo,
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
        ..workaday_engine::Settings::default()
    }
}

/// WORKADAY_RELEASE, else the commit that is checked out, with `+dirty` when files differ from it.
fn release(root: &Path) -> Option<String> {
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

/// The log goes to standard error; WORKADAY_LOG sets its level (`info`, `debug`, `workaday_engine=debug`).
fn start_logging(json: bool) {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env("WORKADAY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start in one process cannot be; if it were, the first log stays.
    let _ = if json { builder.json().try_init() } else { builder.with_ansi(colour).try_init() };
}

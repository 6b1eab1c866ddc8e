//! `catalogue`: what the code in this folder states. Also asked by the deploy gate.

use super::up;
use crate::args::Catalogue;
use crate::context::Context;
use crate::failure::{DONE, Done};
use serde_json::{Value, json};
use std::path::Path;
use workaday_config::Settings;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_ops::scratch::{Kind, Scratch};

pub fn run(args: &Catalogue, context: &mut Context) -> Done {
    let settings = context.settings_with(args.app.as_deref())?;
    if settings.app.is_none() && settings.commands.is_empty() {
        return Err(up::app_missing("catalogue", settings).into());
    }
    let stated = of_folder(settings, &settings.root)?;
    context.out.json(&json!({"catalogue": stated}))?;
    Ok(DONE)
}

/// The entries of the app and of the commands, for the code in `folder`.
pub fn of_folder(settings: &Settings, folder: &Path) -> Result<Vec<Value>, Problem> {
    let mut all: Vec<Value> = up::command_tasks(settings).iter().filter_map(|task| serde_json::to_value(&task.entry).ok()).collect();
    if let Some(app) = &settings.app {
        let scratch = scratch()?;
        all.extend(workaday_supervisor::catalogue::state(app, folder, settings.worker.python.as_deref(), scratch.path())?);
    }
    Ok(all)
}

/// A private folder for what the code says.
pub fn scratch() -> Result<Scratch, Problem> {
    let parent = std::env::temp_dir();
    Scratch::new(&parent, Kind::Code).map_err(|error| {
        Problem::new("cli.no_folder", format!("no scratch folder could be made in `{}`: {error}", parent.display()))
            .expected("a temporary folder that this user may write to: TMPDIR names another")
            .retry(RetryAdvice::SafeAfterFix, "safe after that is mended; nothing was changed")
    })
}

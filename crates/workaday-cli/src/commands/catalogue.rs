//! `catalogue`: what the code in this folder states. Also asked by the deploy gate.

use super::up;
use crate::args::Catalogue;
use crate::context::Context;
use crate::failure::{DONE, Done};
use serde_json::{Value, json};
use std::path::Path;
use workaday_config::Settings;
use workaday_core::explain::{Problem, RetryAdvice};

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
        let scratch = Scratch::new()?;
        all.extend(workaday_supervisor::catalogue::state(app, folder, settings.worker.python.as_deref(), &scratch.0)?);
    }
    Ok(all)
}

/// A private folder that goes with this.
pub struct Scratch(pub std::path::PathBuf);

impl Scratch {
    pub fn new() -> Result<Self, Problem> {
        let path = std::env::temp_dir().join(format!("workaday-{}", uuid::Uuid::now_v7().simple()));
        workaday_ops::files::private_folder(&path).map_err(|error| {
            Problem::new("cli.no_folder", format!("the scratch folder `{}` could not be made: {error}", path.display()))
                .expected("a temporary folder that this user may write to: TMPDIR names another")
                .retry(RetryAdvice::SafeAfterFix, "safe after that is mended; nothing was changed")
        })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! `schedule diff`: what the code and workaday.toml state now, against what the store holds. Changes nothing.

use crate::args::ScheduleDiff;
use crate::context::Context;
use crate::failure::{DONE, Done, FAILED, Failure};
use crate::render::Tone;
use crate::{text, words};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use workaday_config::Settings;
use workaday_core::catalogue::TaskEntry;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_engine::schedule_diff::{Difference, Stated, What, diff};
use workaday_supervisor::interpreter;

pub fn run(args: &ScheduleDiff, context: &mut Context) -> Done {
    let settings = context.settings_with(args.app.as_deref())?;
    let code = settings.app.as_deref().map(|app| catalogue(app, settings)).transpose()?;
    let config = workaday_config::schedules::stated(settings);
    let tz = workaday_config::schedules::zone(settings);
    let mut tasks: BTreeMap<String, Value> = settings.commands.keys().map(|name| (format!("command.{name}"), Value::Null)).collect();
    let app = settings.app.clone();
    let (rows, known) = match context.existing() {
        Ok(_) => {
            let reader = context.reader()?;
            (reader.schedules()?, reader.tasks()?)
        }
        // Before the first `up` everything is new.
        Err(_) => (vec![], vec![]),
    };
    let stated = code.as_ref().map(|code| code.iter().flat_map(|task| task.schedules.clone()).collect::<Vec<_>>());
    match &code {
        Some(code) => tasks.extend(code.iter().map(|task| (task.name.clone(), task.params.clone()))),
        // No code to ask: what the workers said last.
        None => tasks.extend(known.into_iter().filter(|task| task.present).map(|task| (task.name, params(&task.entry)))),
    }
    let found = diff(&rows, &Stated { code: stated.as_deref(), config: &config, tasks: &tasks, tz: tz.as_deref() }, context.now());
    let differs = found.iter().any(|one| one.what != What::Same);
    let code = if differs { FAILED } else { DONE };
    if context.out.json {
        context.out.json(&json!({"app": app, "same": !differs, "schedules": found.iter().map(shown).collect::<Vec<_>>()}))?;
        return Ok(code);
    }
    say(&found, context)?;
    if app.is_none() {
        // "Nothing differs" would be read as an answer about code that nobody has looked at.
        context.out.line("The code was not looked at: workaday.toml names no `app`, and `--app MODULE:APP` was not given.")?;
    }
    Ok(code)
}

fn say(found: &[Difference], context: &mut Context) -> Result<(), Failure> {
    let out = &mut context.out;
    for one in found {
        let (sign, tone, rest) = match one.what {
            What::Same => continue,
            What::Added => ("+", Tone::Good, "is new: it begins with the deploy".to_owned()),
            What::Changed if one.starts_anew => ("~", Tone::Wait, "changes when it is due: it begins anew with the deploy".to_owned()),
            What::Changed => ("~", Tone::Wait, "changes; it goes on from its last tick".to_owned()),
            What::Absent => ("-", Tone::Wait, "is no longer stated: it is kept, and does not tick".to_owned()),
            What::Broken => ("!", Tone::Bad, one.problem.as_ref().map_or_else(String::new, |problem| problem.message.clone())),
        };
        let line = out.paint(tone, &text::line(&format!("{sign} {} ({})", one.name, one.source)));
        out.line(format!("{line}  {}", text::line(&rest)))?;
        for change in &one.changes {
            out.line(text::line(&format!("    {}: {} → {}", change.field, change.from, change.to)))?;
        }
        if let Some(problem) = &one.problem {
            out.line(text::line(&format!("    expected {}", problem.expected)))?;
        }
    }
    let same = found.iter().filter(|one| one.what == What::Same).count();
    out.line(format!("{} differ, {} as the store has them.", words::count(found.len() - same, "schedule"), same))?;
    Ok(())
}

fn shown(one: &Difference) -> Value {
    json!({
        "name": one.name, "source": one.source, "what": one.what.as_str(), "starts_anew": one.starts_anew,
        "changes": one.changes.iter().map(|change| json!({"field": change.field, "from": change.from, "to": change.to})).collect::<Vec<_>>(),
        "problem": one.problem,
    })
}

/// What the code says of its tasks: imported in a process of its own, as a worker would, and no further.
fn catalogue(app: &str, settings: &Settings) -> Result<Vec<TaskEntry>, Failure> {
    let python = interpreter::find(settings.worker.python.as_deref())?;
    let output = Command::new(python)
        .args(["-m", "workaday._child.catalogue", app])
        .current_dir(&settings.root)
        .env("WORKADAY_ROOT", &settings.root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(app, &error.to_string()))?;
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if let Some(error) = said.get("import_error") {
        return Err(failed(app, error["traceback"].as_str().unwrap_or_default().trim_end()).into());
    }
    match serde_json::from_value(said["catalogue"].clone()) {
        Ok(tasks) => Ok(tasks),
        Err(_) => Err(failed(app, &format!("its process ended with {} and said nothing", output.status)).into()),
    }
}

/// The schema in a task's entry as the store keeps it; an entry that does not read takes any.
fn params(entry: &str) -> Value {
    serde_json::from_str::<TaskEntry>(entry).map_or(Value::Null, |entry| entry.params)
}

fn failed(app: &str, why: &str) -> Problem {
    Problem::new("worker.import_failed", format!("the application {app} could not be imported: {why}"))
        .expected("a module that can be imported from the folder of workaday.toml, with an App of that name")
        .retry(RetryAdvice::SafeAfterFix, "safe once the import works; nothing was changed")
}

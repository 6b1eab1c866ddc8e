//! `install`, `uninstall`: systemd services. Nothing is written before the difference was seen.

use super::confirm::confirm;
use crate::args::{Install, Uninstall};
use crate::context::Context;
use crate::failure::{DONE, Done, Failure};
use crate::text;
use serde_json::json;
use std::path::{Path, PathBuf};
use workaday_core::clock::Length;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_ops::doctor::grade;
use workaday_ops::install::{self as ops, Plan, apply, changes, files, installed, stays_at_home, take_away};

/// systemd's figure times ten; above it the unit is not the one that was meant.
const EXPOSURE_MAX: f64 = 2.0;

fn user_config() -> Result<PathBuf, Failure> {
    let given = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given("XDG_CONFIG_HOME")
        .or_else(|| given("HOME").map(|home| home.join(".config")))
        .ok_or_else(|| refused("install.no_home", "neither HOME nor XDG_CONFIG_HOME is set", "a user with a home").into())
}

fn refused(code: &'static str, what: impl Into<String>, expected: &str) -> Problem {
    Problem::new(code, what).expected(expected).retry(RetryAdvice::SafeAfterFix, "safe after that; nothing was written")
}

/// Where the record of an installation lies, without the root.
fn record(is_user: bool) -> Result<PathBuf, Failure> {
    Ok(if is_user { user_config()?.join("workaday/installed.json") } else { "/etc/workaday/installed.json".into() })
}

fn plan(args: &Install, context: &Context) -> Result<Plan, Failure> {
    let settings = context.settings()?;
    let Some(config) = settings.file.clone() else {
        return Err(refused(
            "install.no_config",
            "there is no workaday.toml to run by",
            "a folder with workaday.toml (`workaday init` writes one)",
        )
        .into());
    };
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let program = std::env::current_exe()
        .map_err(|error| refused("install.no_program", format!("this program cannot tell where it is: {error}"), "/proc"))?;
    let folder = whole(&settings.root);
    let database = whole(settings.database.path());
    let mut writes =
        vec![database.parent().map(Path::to_path_buf).unwrap_or_default(), whole(&workaday_config::release::backup(settings).folder)];
    writes.extend(args.writes.iter().map(|path| whole(path)));
    writes.sort();
    writes.dedup();
    let service = args.service.as_deref().map(|command| service(command, &program)).transpose()?;
    Ok(Plan {
        is_user: args.user,
        account: args.account.clone(),
        config: whole(&config),
        folder,
        writes,
        service,
        stop: Length(settings.worker.grace.0 + 2 * settings.worker.kill_after.0),
        user_config: if args.user { user_config()? } else { PathBuf::new() },
        program,
    })
}

/// systemd wants the whole path of a program; it is looked for beside this one first, as in a virtual environment.
fn service(command: &str, program: &Path) -> Result<Vec<String>, Problem> {
    let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let first = words.first().cloned().unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = program.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&path));
    let found = if first.starts_with('/') {
        Some(PathBuf::from(&first))
    } else {
        folders.map(|folder| folder.join(&first)).find(|path| path.is_file())
    };
    match found.filter(|path| path.is_file()) {
        Some(path) => words[0] = path.display().to_string(),
        None => {
            return Err(refused(
                "install.no_program",
                format!("there is no program `{first}`"),
                "--service with a program beside workaday or on the PATH",
            ));
        }
    }
    Ok(words)
}

pub fn install(args: &Install, context: &mut Context) -> Done {
    let plan = plan(args, context)?;
    let root = args.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let wanted = files(&plan)?;
    let changes = changes(&wanted, &root)?;
    let units: Vec<PathBuf> =
        wanted.iter().filter(|file| file.path.extension().is_some_and(|end| end == "service")).map(|file| file.path.clone()).collect();
    if !context.out.json {
        for change in &changes {
            context.out.write(&text::block(&change.diff))?;
        }
        if stays_at_home(&plan) && !plan.is_user {
            context.out.line("The app stands under /home or /root: ProtectHome=read-only, where `yes` would hide it from itself. /opt or /srv is a better place.")?;
        }
        context.out.flush()?;
    }
    if args.dry_run || changes.is_empty() {
        return report(args, &plan, &units, &root, changes.len(), false, context);
    }
    if let Some(code) = confirm(&format!("Write {} files", changes.len()), args.yes)? {
        return Ok(code);
    }
    apply(&changes, &record(args.user)?, &root)?;
    report(args, &plan, &units, &root, changes.len(), true, context)
}

fn report(args: &Install, plan: &Plan, units: &[PathBuf], root: &Path, count: usize, written: bool, context: &mut Context) -> Done {
    let mut checked = vec![];
    for unit in units {
        let path = root.join(unit.strip_prefix("/").unwrap_or(unit));
        if path.is_file() && !args.dry_run {
            let exposure = if args.user { None } else { grade(&path) };
            checked.push((unit.clone(), ops::verify(&path, args.user), exposure));
        }
    }
    let names: Vec<String> = units.iter().filter_map(|unit| unit.file_name().map(|name| name.to_string_lossy().into_owned())).collect();
    let next = next(args, plan, &names);
    if context.out.json {
        let units: Vec<_> = checked
            .iter()
            .map(|(unit, verdict, exposure)| json!({"unit": unit, "verified": verdict.as_ref().map(Result::is_ok), "complaint": verdict.as_ref().and_then(|found| found.as_ref().err()), "exposure": exposure}))
            .collect();
        context.out.json(&json!({"written": written, "changes": count, "dry_run": args.dry_run, "units": units, "next": next, "systemd": ops::systemd_version()}))?;
    } else {
        context.out.line(match (count, written) {
            (0, _) => "Nothing differs: it is installed.".to_owned(),
            (_, true) => format!("Wrote {count} files."),
            (_, false) => format!("Would write {count} files."),
        })?;
        for (unit, verdict, exposure) in &checked {
            let verified = match verdict {
                None => "not verified: there is no systemd-analyze".to_owned(),
                Some(Ok(())) => "verified".to_owned(),
                Some(Err(said)) => format!("systemd-analyze verify says: {said}"),
            };
            let exposure = exposure.map_or_else(String::new, |grade| format!(", exposure {grade:.1} of 10"));
            context.out.line(text::block(&format!("{}: {verified}{exposure}", unit.display())))?;
        }
        context.out.line("Then:")?;
        for line in &next {
            context.out.line(format!("  {}", text::line(line)))?;
        }
        context.out.line("Logs go to the journal, which rotates them: journalctl -u workaday")?;
    }
    let worst =
        checked.iter().find(|(_, verdict, exposure)| matches!(verdict, Some(Err(_))) || exposure.is_some_and(|grade| grade > EXPOSURE_MAX));
    Ok(if worst.is_some() { crate::failure::FAILED } else { DONE })
}

/// What is left to a person with root, or to one whose machine systemd runs.
fn next(args: &Install, plan: &Plan, units: &[String]) -> Vec<String> {
    let units = units.join(" ");
    if args.user {
        return vec![
            "loginctl enable-linger".into(),
            "systemctl --user daemon-reload".into(),
            format!("systemctl --user enable --now {units}"),
        ];
    }
    let folders: Vec<String> = plan.writes.iter().map(|path| path.display().to_string()).collect();
    vec![
        "systemd-sysusers".into(),
        format!("chown -R {} {}", plan.account, folders.join(" ")),
        "systemctl daemon-reload".into(),
        format!("systemctl enable --now {units}"),
    ]
}

pub fn uninstall(args: &Uninstall, context: &mut Context) -> Done {
    let root = args.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let record = record(args.user)?;
    let Some(kept) = installed(&record, &root)? else {
        return Err(refused("install.not_installed", "nothing of workaday is installed there", "a record that `workaday install` wrote")
            .hint("--user and --root as they were given to install")
            .into());
    };
    let restored = kept.files.iter().filter(|file| file.before.is_some()).count();
    if !args.dry_run {
        let what = format!("Take away {} files, {restored} of them put back as they were before", kept.files.len());
        if let Some(code) = confirm(&what, args.yes)? {
            return Ok(code);
        }
    }
    let left = if args.dry_run { vec![] } else { take_away(&kept, &record, &root)? };
    if context.out.json {
        context.out.json(&json!({"dry_run": args.dry_run, "files": kept.files.iter().map(|file| &file.path).collect::<Vec<_>>(), "put_back": restored, "left": left}))?;
        return Ok(DONE);
    }
    for file in &kept.files {
        let verb = match (args.dry_run, left.contains(&file.path), file.before.is_some()) {
            (true, ..) => "Would take away or put back",
            (_, true, _) => "Left, since somebody changed it:",
            (_, _, true) => "Put back",
            _ => "Removed",
        };
        context.out.line(format!("{verb} {}", text::line(&file.path.display().to_string())))?;
    }
    let scope = if args.user { " --user" } else { "" };
    context.out.line(format!("Then: systemctl{scope} disable --now workaday workaday-web; systemctl{scope} daemon-reload"))?;
    Ok(DONE)
}

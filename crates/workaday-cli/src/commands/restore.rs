//! `restore`: proves a backup in a scratch place, or puts one back while no supervisor runs.

use super::backup::{self, shown};
use super::confirm::confirm;
use super::leftovers;
use crate::args::Restore;
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, Failure};
use crate::progress::waited_for;
use crate::words;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use workaday_config::release;
use workaday_core::explain::{Problem, RetryAdvice};
use workaday_ops::backup::{Made, Place};
use workaday_ops::kept::newest;
use workaday_ops::restore::{Change, Unpacked, apply, plan, prove, require, unpack};
use workaday_store::{ByHand, Store};
use workaday_supervisor::lock::{ChildrenLock, take_supervisor_lock};

/// Children of a supervisor that has just died are ended by the next one, not by us.
const CHILDREN_PATIENCE: Duration = Duration::from_secs(1);

pub fn run(args: &Restore, context: &mut Context) -> Done {
    let database = context.database()?;
    let path = chosen(args.path.as_deref(), &database, context)?;
    leftovers::clear(context, &database);
    if args.check {
        return check(&path, &database, context);
    }
    require(&path)?;
    let scratch = folder_of(&database);
    make_folder(&scratch)?;
    let unpacked = waited_for("Unpacking and reading the backup …", context.out.json, || unpack(&path, &scratch))?;
    let change = plan(&unpacked, &database, args.whole_file)?;
    if args.dry_run {
        return say(&path, &change, args.whole_file, None, None, context, true);
    }
    // Before the question: nobody is asked about what cannot be done.
    let _lock = take_supervisor_lock(&database, context.now())?;
    let _children = ChildrenLock::take(&database, CHILDREN_PATIENCE)?;
    if let Some(code) = confirm(&question(&path, &database, &change, args.whole_file), args.yes)? {
        return Ok(code);
    }
    let by = context.by(&args.by);
    let before = keep_before(&database, &change, &by, context)?;
    // Written since we looked: the question was about what is there, not about how many rows.
    let aside = waited_for("Restoring …", context.out.json, || apply(&unpacked, &database, args.whole_file, &change, context.now()))?;
    record(&unpacked, &path, before.as_ref(), &by, context);
    say(&path, &change, args.whole_file, before.as_ref().map(|made| made.path.as_path()), aside.as_deref(), context, false)
}

fn chosen(path: Option<&Path>, database: &Path, context: &Context) -> Result<PathBuf, Failure> {
    if let Some(path) = path {
        return Ok(path.to_path_buf());
    }
    Ok(newest(&release::backup(context.settings()?).folder, database)?)
}

fn check(path: &Path, database: &Path, context: &mut Context) -> Done {
    // Where backups are, there is room of the right size; where the store is, a check must not fill the disk.
    let scratch = std::env::temp_dir();
    let now = context.now();
    let (unpacked, proof) = waited_for("Restoring into a scratch place …", context.out.json, || {
        let unpacked = unpack(path, &scratch)?;
        let proof = prove(&unpacked, now)?;
        Ok::<_, Problem>((unpacked, proof))
    })?;
    let recorded = database.exists() && keep_proof(&unpacked, &proof, context).unwrap_or(false);
    if context.out.json {
        context.out.json(&json!({"path": path, "sha256": unpacked.sha256, "proof": proof, "recorded": recorded}))?;
        return Ok(DONE);
    }
    let rows: i64 = unpacked.content.counts.values().sum();
    context.out.line(format!("{} restores.", shown(path)))?;
    context.out.line(format!(
        "Its sum and pages are right, schema {} opens here, {} rows in {} tables{}, {}.",
        unpacked.content.schema,
        words::thousands(rows),
        unpacked.content.counts.len(),
        if unpacked.manifest.is_some() { " as counted at its making" } else { " (no manifest to compare with)" },
        match proof["claimed"].as_u64() {
            Some(0) | None => "no job in it is ready to run".to_owned(),
            Some(claimed) => format!("a job of each ready queue could be claimed ({claimed})"),
        }
    ))?;
    context.out.line(if recorded {
        "The proof is kept; health and doctor show its age."
    } else {
        "This store knows nothing of that backup, so the proof is not kept."
    })?;
    Ok(DONE)
}

fn keep_proof(unpacked: &Unpacked, proof: &Value, context: &Context) -> Result<bool, Failure> {
    let mut store = context.writer()?;
    let now = context.now();
    transaction(&mut store, |store| store.prove_backup(&unpacked.sha256, &proof.to_string(), now))
}

fn question(path: &Path, database: &Path, change: &Change, whole_file: bool) -> String {
    let what = if whole_file && !change.app_tables.is_empty() {
        format!("everything in {}, with the app's tables {}", shown(database), change.app_tables.join(", "))
    } else {
        format!("the jobs, schedules and history in {}", shown(database))
    };
    format!("Replace {what}, by {}: what was written since is kept in a backup, and nowhere else", shown(path))
}

/// The state before, as a backup; a store that cannot be read is moved aside whole instead.
fn keep_before(database: &Path, change: &Change, by: &ByHand, context: &Context) -> Result<Option<Made>, Failure> {
    if !database.exists() || change.damaged.is_some() {
        return Ok(None);
    }
    // No rotation: it could delete the very backup that is being restored.
    let folder = release::backup(context.settings()?).folder;
    Ok(Some(backup::take(context, database, Place::Folder { folder, keep: None }, by, "before a restore")?.0))
}

/// The restored store knows nothing of today: its record says what was done to it. A failure here undoes nothing.
fn record(unpacked: &Unpacked, path: &Path, before: Option<&Made>, by: &ByHand, context: &Context) {
    let now = context.now();
    let write = || -> Result<(), Failure> {
        let mut store = context.writer()?;
        transaction(&mut store, |store| {
            if let Some(made) = before {
                store.write_backup(&backup::row(made, "before a restore", now, now))?;
            }
            store.note(by, "restore", &path.display().to_string(), Some(&unpacked.sha256), now)
        })
    };
    // An older schema takes no record; `up` migrates it.
    let _ = write();
}

fn say(
    path: &Path,
    change: &Change,
    whole_file: bool,
    before: Option<&Path>,
    aside: Option<&Path>,
    context: &mut Context,
    dry_run: bool,
) -> Done {
    if context.out.json {
        let tables: serde_json::Map<String, Value> =
            change.tables.iter().map(|(name, (now, then))| (name.clone(), json!({"before": now, "after": then}))).collect();
        context.out.json(&json!({
            "path": path, "dry_run": dry_run, "whole_file": whole_file, "tables": tables, "app_tables": change.app_tables,
            "kept_before": before, "damaged": change.damaged, "moved_aside": aside, "claims_paused": !dry_run,
        }))?;
        return Ok(DONE);
    }
    context.out.line(format!("{} {}.", if dry_run { "Would restore" } else { "Restored" }, shown(path)))?;
    for (name, (now, then)) in change.tables.iter().filter(|(_, (now, then))| now != then) {
        let count = |rows: &Option<i64>| rows.map_or_else(|| "none".to_owned(), words::thousands);
        context.out.line(format!("  {name}: {} → {} rows", count(now), count(then)))?;
    }
    if let Some(before) = before {
        context.out.line(format!("The state before is kept in {}.", shown(before)))?;
    }
    if let Some(aside) = aside {
        let what = if change.damaged.is_some() { "The damaged store was" } else { "What was left of a store that is gone was" };
        context.out.line(format!("{what} moved to {}.", shown(aside)))?;
    }
    if !dry_run {
        context.out.line(
            "Nothing is claimed yet: jobs that ran after the backup was made stand as not run. Look first, then `workaday up --adopt`.",
        )?;
    }
    Ok(DONE)
}

fn folder_of(database: &Path) -> PathBuf {
    database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf()
}

fn make_folder(folder: &Path) -> Result<(), Problem> {
    workaday_ops::files::private_folder(folder).map_err(|error| {
        Problem::new("restore.failed", format!("the folder `{}` could not be made: {error}", folder.display()))
            .expected("a folder that this user may write to")
            .retry(RetryAdvice::SafeAfterFix, "safe after the permission is mended; nothing was changed")
    })
}

//! `backup`: a copy of the store while it is in use.

use crate::args::Backup;
use crate::context::{Context, transaction};
use crate::failure::{DONE, Done, Failure};
use crate::progress::Progress;
use crate::render::{Cell, Table, Tone};
use crate::{text, words};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use workaday_config::release::{self, Backup as Settings};
use workaday_core::clock::Timestamp;
use workaday_ops::backup::{Made, Place, Request, compressed, run as make, surplus};
use workaday_ops::command::line;
use workaday_ops::kept::{Kept, in_folder};
use workaday_store::sqlite::backup::Pace;
use workaday_store::sqlite::instance::known_id;
use workaday_store::sqlite::read::BackupRow;
use workaday_store::{ByHand, Store};

const LIST_MAX: usize = 200;

pub fn run(args: &Backup, context: &mut Context) -> Done {
    if args.list {
        return show(context);
    }
    let database = context.existing()?;
    let settings = release::backup(context.settings()?);
    let place = place(args.path.as_deref(), &settings);
    if args.dry_run {
        return say_plan(&place, &database, context);
    }
    let by = context.by(&args.by);
    let made = take(context, &database, place, &by, "by hand")?;
    let earlier = earlier(&made.0, context);
    report(&made.0, made.1.as_deref(), &earlier, args.path.is_some(), context)
}

/// Backups beside this one that the store made before it was restored or copied and adopted: its record names one of them.
/// What they call their store may still run elsewhere, so rotation leaves them alone, and a person has to know.
fn earlier(made: &Made, context: &Context) -> Vec<PathBuf> {
    let Some(folder) = made.path.parent() else { return vec![] };
    let rows = context.reader().ok().and_then(|reader| reader.backups(LIST_MAX).ok()).unwrap_or_default();
    let recorded: BTreeSet<PathBuf> = rows.into_iter().map(|row| PathBuf::from(row.path)).collect();
    let others: Vec<Kept> = in_folder(folder).kept.into_iter().filter(|kept| kept.manifest.instance != made.manifest.instance).collect();
    let is_recorded = |kept: &&Kept| std::path::absolute(&kept.path).is_ok_and(|path| recorded.contains(&path));
    let names: BTreeSet<String> = others.iter().filter(is_recorded).map(|kept| kept.manifest.instance.clone()).collect();
    others.into_iter().filter(|kept| names.contains(&kept.manifest.instance)).map(|kept| kept.path).collect()
}

/// Makes a backup and keeps a record of it. The second value says why the record could not be kept.
pub fn take(context: &Context, database: &Path, place: Place, by: &ByHand, why: &str) -> Result<(Made, Option<String>), Failure> {
    let settings = release::backup(context.settings()?);
    let now = context.now();
    let pace = Pace { pages: settings.pages, pause: settings.pause.to_std() };
    let mut progress = Progress::new("Copying pages:", None, context.out.json);
    let made = make(&Request { database, place, pace, now }, &mut |done, _| progress.at(done))?;
    drop(progress);
    // A backup is good without its record: an older schema, say, is copied before it is migrated.
    let unrecorded = record(context, &made, by, why, now).err().map(|failure| match failure {
        Failure::Problems(problems) => problems.first().map_or_else(String::new, |problem| problem.message.clone()),
        Failure::OutputClosed => String::new(),
    });
    Ok((made, unrecorded))
}

fn record(context: &Context, made: &Made, by: &ByHand, why: &str, began: Timestamp) -> Result<(), Failure> {
    let mut store = context.writer()?;
    let now = context.now();
    let row = row(made, why, began, now);
    transaction(&mut store, |store| {
        store.write_backup(&row)?;
        for path in &made.rotated {
            store.remove_backup(&path.display().to_string(), now)?;
        }
        store.note(by, "backup", &row.path, Some(&row.sha256), now)
    })
}

pub fn row(made: &Made, why: &str, began: Timestamp, now: Timestamp) -> workaday_store::sqlite::NewBackup {
    let manifest = &made.manifest;
    workaday_store::sqlite::NewBackup {
        path: std::path::absolute(&made.path).unwrap_or_else(|_| made.path.clone()).display().to_string(),
        sha256: manifest.sha256.clone(),
        why: why.to_owned(),
        at: began,
        took_us: (now - began).0,
        bytes: manifest.bytes as i64,
        stored_bytes: manifest.stored_bytes as i64,
        schema: manifest.schema,
        counts: json!(manifest.counts).to_string(),
    }
}

fn place(path: Option<&Path>, settings: &Settings) -> Place {
    match path {
        None => Place::Folder { folder: settings.folder.clone(), keep: Some(settings.keep) },
        Some(path) if path.is_dir() || path.to_string_lossy().ends_with('/') => Place::Folder { folder: path.to_path_buf(), keep: None },
        Some(path) => Place::File(path.to_path_buf()),
    }
}

fn say_plan(place: &Place, database: &Path, context: &mut Context) -> Done {
    let of_store = |folder: &Path, keep| surplus(folder, database, keep, None, &known_id(database).unwrap_or_default());
    let (target, gone): (PathBuf, Vec<PathBuf>) = match place {
        Place::Folder { folder, keep } => (folder.clone(), keep.map_or(vec![], |keep| of_store(folder, keep))),
        Place::File(path) => (path.clone(), vec![]),
    };
    if context.out.json {
        context.out.json(&json!({"target": target, "would_delete": gone, "dry_run": true}))?;
        return Ok(DONE);
    }
    context.out.line(format!("Would back up {} to {}.", shown(database), shown(&target)))?;
    for path in &gone {
        context.out.line(format!("Would delete {}.", shown(path)))?;
    }
    Ok(DONE)
}

/// `apart`: it lies where `restore` does not look by itself.
fn report(made: &Made, unrecorded: Option<&str>, earlier: &[PathBuf], apart: bool, context: &mut Context) -> Done {
    let manifest = &made.manifest;
    if context.out.json {
        context.out.json(&json!({
            "path": made.path, "manifest": manifest, "rotated": made.rotated, "recorded": unrecorded.is_none(), "not_recorded": unrecorded,
            "earlier": earlier,
        }))?;
        return Ok(DONE);
    }
    let rows: i64 = manifest.counts.values().sum();
    let packed = match compressed(&made.path) {
        true => format!("{} compressed", size(manifest.stored_bytes)),
        false => "not compressed: its name does not end in .zst".to_owned(),
    };
    context.out.line(shown(&made.path))?;
    context.out.line(format!(
        "{}, {} tables, {} rows; {packed}; integrity_check ok, sha256 {}",
        size(manifest.bytes),
        manifest.counts.len(),
        words::thousands(rows),
        &manifest.sha256[..16]
    ))?;
    for path in &made.rotated {
        context.out.line(format!("Deleted {}.", shown(path)))?;
    }
    if let Some(oldest) = earlier.first() {
        let (are, those) = if earlier.len() == 1 { ("backup is", "it") } else { ("backups are", "them") };
        context.out.line(format!("{} earlier {are} of the store before it was adopted, the oldest {}.", earlier.len(), shown(oldest)))?;
        context.out.line(format!(
            "Rotation leaves {those} alone. When this store is well, and no other runs under its former name, delete {those} with the .json beside."
        ))?;
    }
    if let Some(why) = unrecorded {
        context.out.line(format!("It stands in no record of the store: {}", text::line(why)))?;
    }
    let named = if apart { format!(" {}", line(&[made.path.display().to_string()])) } else { String::new() };
    context.out.line(text::line(&format!("`workaday restore --check{named}` proves that it can be restored.")))?;
    Ok(DONE)
}

fn show(context: &mut Context) -> Done {
    let backups = context.reader()?.backups(LIST_MAX)?;
    if context.out.json {
        let rows: Vec<_> = backups.iter().map(document).collect();
        context.out.json(&json!({"backups": rows}))?;
        return Ok(DONE);
    }
    let now = context.now();
    let mut table = Table::new(&["made", ">size", "why", "proved", "file"]);
    for row in &backups {
        let proved =
            row.proved_at.map_or_else(|| Cell::new("never").tone(Tone::Wait), |at| Cell::new(words::ago(now, at)).tone(Tone::Good));
        let file =
            if row.removed_at.is_some() { Cell::new("deleted by rotation").tone(Tone::Soft) } else { Cell::new(text::line(&row.path)) };
        table.row([
            Cell::new(words::ago(now, row.at)),
            Cell::new(size(row.stored_bytes as u64)),
            Cell::new(text::line(&row.why)),
            proved,
            file,
        ]);
    }
    context.out.table(&table, "No backup is known. `workaday backup` makes one.")?;
    Ok(DONE)
}

fn document(row: &BackupRow) -> serde_json::Value {
    json!({
        "backup": row.backup, "path": row.path, "sha256": row.sha256, "why": row.why, "at": row.at.to_string(), "took_us": row.took_us,
        "bytes": row.bytes, "stored_bytes": row.stored_bytes, "schema": row.schema, "proved_at": row.proved_at.map(|at| at.to_string()),
        "removed_at": row.removed_at.map(|at| at.to_string()),
    })
}

pub fn shown(path: &Path) -> String {
    text::line(&path.display().to_string()).into_owned()
}

/// 4.2 MiB.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

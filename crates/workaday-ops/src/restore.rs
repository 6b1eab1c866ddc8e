//! Back from a backup: proved in a scratch place, or put into the store.
//!
//! A real restore keeps the state before as a backup, and leaves a store that counts as a copy: what was done since the
//! backup would otherwise be done again by itself. Killed midway: the store has the old content or the new, never a mixture.

use crate::backup::{self, Manifest};
use crate::files::{self, Summing};
use crate::scratch::{Kind, Scratch};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_core::job::Lane;
use workaday_store::sqlite::backup::{Content, check_schema, differences, examine};
use workaday_store::sqlite::restore as store;
use workaday_store::sqlite::{OpenOptions, SqliteStore};
use workaday_store::{Durability, Store, StoreError};

const UNTOUCHED: &str = "the store is untouched";

/// A backup unpacked into a private scratch folder, which goes when this goes.
pub struct Unpacked {
    _folder: Scratch,
    pub copy: PathBuf,
    /// `None`: it has no manifest beside it, so its counts cannot be compared with those of its making.
    pub manifest: Option<Manifest>,
    pub content: Content,
    /// SHA-256 of the backup file.
    pub sha256: String,
    pub bytes: u64,
}

/// Refuses a path where no backup is, before anything is made for its sake.
pub fn require(path: &Path) -> Result<(), Problem> {
    if path.is_file() {
        return Ok(());
    }
    Err(Problem::new("restore.missing", format!("there is no backup at `{}`", path.display()))
        .expected("a file that `workaday backup` made")
        .retry(RetryAdvice::SafeAfterFix, format!("safe with its path; {UNTOUCHED}"))
        .hint("`workaday backup --list` shows them"))
}

/// Unpacks a backup into `scratch` (a folder that is there) and looks at all of it: sum, pages, schema, rows.
pub fn unpack(path: &Path, scratch: &Path) -> Result<Unpacked, Problem> {
    require(path)?;
    let manifest = read_manifest(path)?;
    let sha256 = files::sum_of(path).map_err(|error| failed(path, &error))?;
    if let Some(manifest) = manifest.as_ref().filter(|manifest| manifest.sha256 != sha256) {
        return Err(damaged(path, "its sum differs from that of its manifest").expected(manifest.sha256.clone()).got(sha256));
    }
    let folder = Scratch::new(scratch, Kind::Restore).map_err(|error| failed(scratch, &error))?;
    let copy = folder.path().join("store.db");
    let mut unpacked = Unpacked { _folder: folder, copy, manifest, content: Content::default(), sha256, bytes: 0 };
    unpacked.bytes = decompress(path, &unpacked.copy, unpacked.manifest.as_ref())?;
    unpacked.content = examine(&unpacked.copy).map_err(|error| match error {
        StoreError::Corrupt { cause, .. } => damaged(path, &cause),
        StoreError::Refused(_) => damaged(path, "it is no SQLite database"),
        other => other.problem(),
    })?;
    check_schema(&unpacked.content, path).map_err(|error| error.problem())?;
    if let Some(manifest) = unpacked.manifest.as_ref().filter(|manifest| manifest.counts != unpacked.content.counts) {
        let differ = manifest.counts.iter().find(|(name, count)| unpacked.content.counts.get(*name) != Some(count));
        return Err(damaged(path, "it does not hold the rows that were counted when it was made").got(format!("{differ:?}")));
    }
    Ok(unpacked)
}

fn read_manifest(path: &Path) -> Result<Option<Manifest>, Problem> {
    let beside = backup::manifest_path(path);
    match fs::read(&beside) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| damaged(path, &format!("its manifest does not read: {error}"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(&beside, &error)),
    }
}

fn decompress(path: &Path, copy: &Path, manifest: Option<&Manifest>) -> Result<u64, Problem> {
    let mut magic = [0_u8; 4];
    let mut file = File::open(path).map_err(|error| failed(path, &error))?;
    io::Read::read_exact(&mut file, &mut magic).map_err(|_| damaged(path, "it is empty"))?;
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let mut to = Summing::new(files::new_private(copy).map_err(|error| failed(copy, &error))?);
    // Told by its first bytes, not by its name: people rename backups.
    let done = if magic == [0x28, 0xb5, 0x2f, 0xfd] {
        zstd::stream::read::Decoder::new(file).and_then(|mut reader| io::copy(&mut reader, &mut to))
    } else {
        io::copy(&mut io::BufReader::new(file), &mut to)
    };
    if let Err(error) = done {
        return Err(match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::PermissionDenied => failed(copy, &error),
            _ => damaged(path, &error.to_string()),
        });
    }
    let (_, sum, bytes) = to.end();
    match manifest {
        Some(manifest) if manifest.database_sha256 != sum => Err(damaged(path, "its content differs from what was written")),
        _ => Ok(bytes),
    }
}

/// Proves that the backup can be worked with: this program opens it, brings its schema up, and finds jobs to claim in it.
///
/// Works on the scratch copy alone. Returns what it found, as JSON.
pub fn prove(unpacked: &Unpacked, now: Timestamp) -> Result<serde_json::Value, Problem> {
    let explained = |error: StoreError| error.problem();
    let departs = differences(&unpacked.copy).map_err(explained)?;
    if !departs.is_empty() {
        return Err(damaged(&unpacked.copy, "its tables are not as its schema makes them").got(departs.join("; ")));
    }
    let options = OpenOptions { create: false, migrate: true, ..OpenOptions::default() };
    let mut opened = SqliteStore::open(&unpacked.copy, options).map_err(explained)?;
    let peek = opened.peek(now).map_err(explained)?;
    opened.begin(Durability::Full).map_err(explained)?;
    let look = |store: &mut SqliteStore| -> Result<usize, StoreError> {
        let generation = store.next_generation()?;
        let mut claimed = 0;
        for (lane, queue) in &peek.ready {
            if let Some(job) = store.claimable(*lane, queue, now, 1)?.first() {
                claimed += usize::from(store.claim(job.key, generation, None, now)?.is_some());
            }
        }
        Ok(claimed)
    };
    let claimed = look(&mut opened);
    opened.rollback();
    let lanes: Vec<&str> = peek.ready.iter().map(|(lane, _)| Lane::as_str(*lane)).collect();
    Ok(json!({
        "schema": unpacked.content.schema, "opens": true, "ready_lanes": lanes, "claimed": claimed.map_err(explained)?,
        "counts": unpacked.content.counts, "compared_with_manifest": unpacked.manifest.is_some(),
    }))
}

/// What a restore would change: table → rows now, rows then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub tables: BTreeMap<String, (Option<i64>, Option<i64>)>,
    /// Tables of an app that would go back too.
    pub app_tables: Vec<String>,
    /// The store cannot be read: it is moved aside, not written into.
    pub damaged: Option<String>,
}

/// What would happen. `live`: the store, if there is one.
pub fn plan(unpacked: &Unpacked, live: &Path, whole_file: bool) -> Result<Change, Problem> {
    let now = match live.exists().then(|| store::look(live)) {
        None => Content::default(),
        Some(Ok(content)) => content,
        Some(Err(StoreError::Corrupt { cause, .. })) => {
            return Ok(Change {
                damaged: Some(cause),
                tables: changes(&Content::default(), &unpacked.content, |_| true),
                app_tables: vec![],
            });
        }
        Some(Err(error)) => return Err(error.problem()),
    };
    let ours = |name: &str| name.starts_with("workaday_");
    let tables = changes(&now, &unpacked.content, |name| whole_file || ours(name));
    let app_tables = tables.keys().filter(|name| !ours(name)).cloned().collect();
    Ok(Change { tables, app_tables, damaged: None })
}

fn changes(now: &Content, then: &Content, wanted: impl Fn(&str) -> bool) -> BTreeMap<String, (Option<i64>, Option<i64>)> {
    let names = now.counts.keys().chain(then.counts.keys()).filter(|name| wanted(name));
    names.map(|name| (name.clone(), (now.counts.get(name).copied(), then.counts.get(name).copied()))).collect()
}

/// Puts the backup into the store. The caller holds the supervisor lock and has kept the state before.
///
/// Returns where a damaged store, or what was left of one that is gone, was moved to.
pub fn apply(unpacked: &Unpacked, live: &Path, whole_file: bool, change: &Change, now: Timestamp) -> Result<Option<PathBuf>, Problem> {
    let explained = |error: StoreError| error.problem();
    let readable = live.exists() && change.damaged.is_none();
    store::prepare(&unpacked.copy, readable.then_some(live)).map_err(explained)?;
    store::unbind(live).map_err(explained)?;
    if readable {
        let put = if whole_file { store::replace_all(live, &unpacked.copy) } else { store::replace_ours(live, &unpacked.copy) };
        return put.map(|()| None).map_err(explained);
    }
    put_new(&unpacked.copy, live, now).map_err(|error| failed(live, &error))
}

/// What may lie beside a database and belong to it alone.
const BELONGINGS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Puts the copy where the store was, and gives the name under which what was there is kept: what can be read of a damaged
/// file may be wanted.
///
/// A `-wal` or `-journal` whose database is gone would be played into the restored one at the next opening: rows of two
/// stores in one file. So nothing of the old store may stay beside the new one, also when its main file was deleted before.
fn put_new(copy: &Path, live: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    let partial = files::with_end(live, ".restoring");
    let _ = fs::remove_file(&partial);
    let mut to = files::new_private(&partial)?;
    io::copy(&mut File::open(copy)?, &mut to)?;
    to.sync_all()?;
    let aside = files::with_end(live, &format!(".damaged-{}", now.0));
    let mut moved = false;
    // A second name first, where the file system knows them: the store's own name is never without a file, so a kill here
    // does not let the next `up` begin an empty store.
    let linked = fs::hard_link(live, &aside).is_ok();
    moved |= linked || renamed(live, &aside)?;
    for end in BELONGINGS {
        moved |= renamed(&files::with_end(live, end), &files::with_end(&aside, end))?;
    }
    fs::rename(&partial, live)?;
    files::sync_folder(live.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    Ok(moved.then_some(aside))
}

/// `false`: there was nothing to rename.
fn renamed(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn damaged(path: &Path, why: &str) -> Problem {
    Problem::new("restore.damaged", format!("the backup `{}` is damaged: {why}", path.display()))
        .expected("a file as `workaday backup` wrote it")
        .retry(RetryAdvice::SafeAfterFix, format!("safe with another backup; {UNTOUCHED}"))
        .hint("`workaday restore OTHER --check` proves another one")
}

fn failed(path: &Path, error: &io::Error) -> Problem {
    files::failed("restore.failed", "restore.no_room", path, error, UNTOUCHED)
}

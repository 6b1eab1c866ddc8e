//! A copy of the store that can be trusted: of one instant, read through, compressed, on the disk, counted, private.
//!
//! · Purpose: to be restored. · Will not: overwrite, follow links, block writers. · Options: [`Request`].
//! · Killed midway: leaves a `.partial`, or a manifest whose backup never got its name, that a later backup into the folder
//!   deletes; a backup with a name without `.partial` is whole.
//! · Turned off: run no `workaday backup`, and take its `[command.backup]` out.
//!
//! Order: copy → integrity_check and counts → compress → decompress and compare → sync → name → sync of the folder →
//! the manifest beside it is named before the backup itself, so a backup is never without one.

use crate::files::{self, Summing};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, Problem, RetryAdvice};
use workaday_store::sqlite::backup::{Content, Pace, copy_online, examine};
use workaday_store::sqlite::instance::known_id;

const PARTIAL: &str = ".partial";
pub const ENDING: &str = ".db.zst";
/// Above the size of the copy this much has to be free: the store itself goes on writing.
const SPARE_BYTES: u64 = 64 << 20;
/// A manifest without a backup is nobody's work in progress after this.
const ORPHAN_SECONDS: i64 = 3_600;
const NOTHING: &str = "no backup was made; those that are there are untouched";

/// What to make.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub database: &'a Path,
    pub place: Place,
    pub pace: Pace,
    pub now: Timestamp,
}

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A name is made in the folder; with `keep`, older ones of this store beyond that number are deleted.
    Folder {
        folder: PathBuf,
        keep: Option<usize>,
    },
    File(PathBuf),
}

/// What stands beside a backup as `NAME.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of the backup file as it is.
    pub sha256: String,
    /// Of the database inside.
    pub database_sha256: String,
    pub bytes: u64,
    pub stored_bytes: u64,
    pub schema: u32,
    pub instance: String,
    pub at: Timestamp,
    pub workaday: String,
    pub counts: BTreeMap<String, i64>,
    /// The file is an app's own, with its tables.
    pub app_file: bool,
}

/// A backup that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub path: PathBuf,
    pub manifest: Manifest,
    /// Older ones that were deleted.
    pub rotated: Vec<PathBuf>,
}

/// Makes a backup. `look` hears pages done and in all.
pub fn run(request: &Request<'_>, look: &mut dyn FnMut(usize, usize)) -> Result<Made, Problem> {
    let (folder, path) = target(request)?;
    files::private_folder(&folder).map_err(|error| failed(&folder, &error))?;
    let _lock = lock(&folder)?;
    clear_partials(&folder);
    clear_orphans(&folder, request.database, request.now);
    if fs::symlink_metadata(&path).is_ok() {
        return Err(exists(&path));
    }
    check_room(request.database, &folder)?;
    let copy = Scratch::new(files::with_end(&path, &format!(".copy{PARTIAL}")))?;
    let before = copy_online(request.database, &copy.path, request.pace, look).map_err(|error| full_or(error, &path))?;
    let copied = examine(&copy.path).map_err(|error| full_or(error, &path))?;
    compare(&before, &copied, &path)?;
    let packed = Scratch::new(files::with_end(&path, PARTIAL))?;
    let (database_sha256, bytes, sha256, stored_bytes) = pack(&copy.path, &packed.path, compressed(&path))?;
    drop(copy);
    prove_packed(&packed.path, compressed(&path), &database_sha256, &path)?;
    let manifest = Manifest {
        sha256,
        database_sha256,
        bytes,
        stored_bytes,
        schema: before.schema,
        instance: before.instance,
        at: request.now,
        workaday: env!("CARGO_PKG_VERSION").to_owned(),
        counts: before.counts,
        app_file: before.app_file,
    };
    name(packed, &path, &manifest)?;
    let rotated = match &request.place {
        Place::Folder { keep: Some(keep), .. } => rotate(&folder, request.database, *keep, &path, &manifest.instance),
        _ => vec![],
    };
    Ok(Made { path, manifest, rotated })
}

/// The path of the manifest of a backup.
pub fn manifest_path(backup: &Path) -> PathBuf {
    files::with_end(backup, ".json")
}

/// What stands beside a backup.
pub fn read_manifest(backup: &Path) -> io::Result<Manifest> {
    serde_json::from_slice(&fs::read(manifest_path(backup))?).map_err(io::Error::other)
}

/// Is a file of this name compressed?
pub fn compressed(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "zst")
}

/// Files in a folder that are named as backups of this store are, by age. Whose they are says their manifest alone.
fn list(folder: &Path, database: &Path) -> Vec<PathBuf> {
    named(folder, database, ENDING)
}

/// The backups to which files with this ending belong, by age.
fn named(folder: &Path, database: &Path, ending: &str) -> Vec<PathBuf> {
    let stem = format!("{}-", stem(database));
    let backup = |entry: fs::DirEntry| {
        let name = entry.file_name();
        let bare = name.to_str()?.strip_suffix(ending)?;
        let at = bare.strip_prefix(&stem)?;
        let is_ours = at.ends_with('Z') && at.starts_with(|c: char| c.is_ascii_digit());
        is_ours.then(|| folder.join(format!("{bare}{ENDING}")))
    };
    let mut found: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().filter_map(backup).collect();
    found.sort();
    found
}

fn target(request: &Request<'_>) -> Result<(PathBuf, PathBuf), Problem> {
    match &request.place {
        Place::Folder { folder, .. } => {
            // In UTC, to the microsecond: names sort by age, and two never meet.
            let at = jiff::Timestamp::from_microsecond(request.now.0).map(|at| at.strftime("%Y%m%dT%H%M%S.%6fZ").to_string());
            let name = format!("{}-{}{ENDING}", stem(request.database), at.unwrap_or_else(|_| request.now.0.to_string()));
            Ok((folder.clone(), folder.join(name)))
        }
        Place::File(path) if path.file_name().is_some() => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
            Ok((folder, path.clone()))
        }
        Place::File(path) => Err(failed(path, &io::Error::other("the path names no file"))),
    }
}

fn stem(database: &Path) -> String {
    database.file_stem().map_or_else(|| "workaday".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// One backup a folder at a time: only then is it known that a partial file is nobody's.
fn lock(folder: &Path) -> Result<File, Problem> {
    let path = folder.join(".lock");
    let open = || {
        use std::os::unix::fs::OpenOptionsExt;
        fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&path)
    };
    let file = open().map_err(|error| failed(&path, &error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(Problem::new("backup.running", format!("another backup into `{}` is running", folder.display()))
            .expected("one backup at a time in a folder")
            .retry(RetryAdvice::Safe, "safe once that one has ended; nothing was changed")),
    }
}

/// Deletes what a backup that was killed left in a folder. While another one is running, nothing.
pub fn clear(folder: &Path) {
    if folder.is_dir()
        && let Ok(_lock) = lock(folder)
    {
        clear_partials(folder);
    }
}

/// What killed backups have left: a copy, its compressed form, a manifest that was not named yet.
fn clear_partials(folder: &Path) {
    let ours = [format!(".copy{PARTIAL}"), format!("{ENDING}{PARTIAL}"), format!("{ENDING}.json{PARTIAL}")];
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| ours.iter().any(|end| path.to_string_lossy().ends_with(end))) {
        let _ = fs::remove_file(path);
    }
}

/// Deletes manifests of this store that wait for a backup no longer: of one that was killed just before its name.
///
/// Not those that came to the folder a moment ago: somebody may be copying backups into it, the manifest first.
fn clear_orphans(folder: &Path, database: &Path, now: Timestamp) {
    use std::os::unix::fs::MetadataExt;
    let Some(own) = known_id(database) else { return };
    let is_old = |found: fs::Metadata| now.0 / 1_000_000 - found.ctime() > ORPHAN_SECONDS;
    for backup in named(folder, database, &format!("{ENDING}.json")) {
        let manifest = manifest_path(&backup);
        let is_orphan = fs::symlink_metadata(&backup).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let is_ours = || read_manifest(&backup).is_ok_and(|manifest| manifest.instance == own);
        if is_orphan && is_ours() && fs::symlink_metadata(&manifest).is_ok_and(is_old) {
            let _ = fs::remove_file(manifest);
        }
    }
}

fn check_room(database: &Path, folder: &Path) -> Result<(), Problem> {
    let size = fs::metadata(database).map_or(0, |found| found.len())
        + fs::metadata(files::with_end(database, "-wal")).map_or(0, |found| found.len());
    let needed = size + size / 2 + SPARE_BYTES;
    match files::free_bytes(folder) {
        Some(free) if free < needed => {
            Err(Problem::new("backup.no_room", format!("there is no room for a backup in `{}`", folder.display()))
                .expected(format!("{} MiB free: the copy, its compressed form, and room for the store to go on", needed >> 20))
                .got(format!("{} MiB", free >> 20))
                .retry(RetryAdvice::SafeAfterFix, format!("safe after space is freed; {NOTHING}"))
                .hint("`[backup] keep` says how many are kept, `[backup] folder` where"))
        }
        _ => Ok(()),
    }
}

fn compare(before: &Content, copied: &Content, path: &Path) -> Result<(), Problem> {
    if before == copied {
        return Ok(());
    }
    let differ = before.counts.iter().find(|(name, count)| copied.counts.get(*name) != Some(count));
    let got =
        differ.map_or_else(|| "another schema".to_owned(), |(name, count)| format!("{name}: {:?}, not {count}", copied.counts.get(name)));
    Err(Problem::new("backup.differs", format!("the copy for `{}` does not hold what the store held", path.display()))
        .expected("the same rows in each table")
        .got(got)
        .retry(RetryAdvice::Safe, format!("safe now; {NOTHING}"))
        .hint("if it comes again, look at the disk: `dmesg`"))
}

/// Compresses (or copies), and gives sum and size of both.
fn pack(copy: &Path, packed: &Path, compress: bool) -> Result<(String, u64, String, u64), Problem> {
    let work = || -> io::Result<(String, u64, String, u64)> {
        let mut from = Summing::new(File::open(copy)?);
        let mut to = Summing::new(fs::OpenOptions::new().write(true).truncate(true).open(packed)?);
        if compress {
            let mut encoder = zstd::stream::write::Encoder::new(&mut to, 3)?;
            encoder.include_checksum(true)?;
            io::copy(&mut from, &mut encoder)?;
            encoder.finish()?;
        } else {
            io::copy(&mut from, &mut to)?;
        }
        let (file, sha256, stored_bytes) = to.end();
        file.sync_all()?;
        let (_, database_sha256, bytes) = from.end();
        Ok((database_sha256, bytes, sha256, stored_bytes))
    };
    work().map_err(|error| failed(packed, &error))
}

fn prove_packed(packed: &Path, compress: bool, database_sha256: &str, path: &Path) -> Result<(), Problem> {
    let read = || -> io::Result<String> {
        let file = File::open(packed)?;
        let mut sink = Summing::new(io::sink());
        if compress {
            io::copy(&mut zstd::stream::read::Decoder::new(file)?, &mut sink)?;
        } else {
            io::copy(&mut io::BufReader::new(file), &mut sink)?;
        }
        Ok(sink.end().1)
    };
    if read().map_err(|error| failed(packed, &error))? == database_sha256 {
        return Ok(());
    }
    Err(Problem::new("backup.differs", format!("`{}` does not give back what was written into it", path.display()))
        .expected("the same bytes after compression and decompression")
        .retry(RetryAdvice::Safe, format!("safe now; {NOTHING}"))
        .hint("the disk or the memory of this machine is not well"))
}

/// The manifest first: a backup that has its name has all that belongs to it.
fn name(packed: Scratch, path: &Path, manifest: &Manifest) -> Result<(), Problem> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = manifest_path(path);
    let text = serde_json::to_string_pretty(manifest).unwrap_or_default() + "\n";
    let write = || -> io::Result<()> {
        let partial = files::with_end(&beside, PARTIAL);
        let _ = fs::remove_file(&partial);
        let mut file = files::new_private(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &beside)?;
        files::rename_new(&packed.path, path)?;
        files::sync_folder(folder)
    };
    write().map_err(|error| if error.kind() == io::ErrorKind::AlreadyExists { exists(path) } else { failed(path, &error) })
}

/// What a backup into the folder deletes after it: the oldest of this store beyond `keep`, the new one counted.
pub fn surplus(folder: &Path, database: &Path, keep: usize, made: Option<&Path>, instance: &str) -> Vec<PathBuf> {
    let mut others = list(folder, database);
    others.retain(|path| Some(path.as_path()) != made && read_manifest(path).is_ok_and(|manifest| manifest.instance == instance));
    let over = (others.len() + 1).saturating_sub(keep);
    others.truncate(over);
    others
}

/// Deletes the oldest beyond `keep`. Never the one just made: after a clock went back its name sorts before older ones. And
/// never those of another store whose file has the same name: what a manifest does not call ours is left alone.
fn rotate(folder: &Path, database: &Path, keep: usize, made: &Path, instance: &str) -> Vec<PathBuf> {
    let others = surplus(folder, database, keep, Some(made), instance);
    let gone: Vec<PathBuf> = others.into_iter().filter(|path| fs::remove_file(path).is_ok()).collect();
    for path in &gone {
        let _ = fs::remove_file(manifest_path(path));
    }
    gone
}

/// A file that is deleted when it is no longer held.
pub(crate) struct Scratch {
    pub path: PathBuf,
}

impl Scratch {
    fn new(path: PathBuf) -> Result<Self, Problem> {
        let _ = fs::remove_file(&path);
        files::new_private(&path).map_err(|error| failed(&path, &error))?;
        Ok(Self { path })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn exists(path: &Path) -> Problem {
    Problem::new("backup.exists", format!("`{}` is there already", path.display()))
        .expected("a name that is free: a backup never overwrites")
        .retry(RetryAdvice::SafeAfterFix, "safe with another name; nothing was changed")
}

fn full_or(error: workaday_store::StoreError, path: &Path) -> Problem {
    match error {
        workaday_store::StoreError::Full { .. } => failed(path, &io::Error::from(io::ErrorKind::StorageFull)),
        other => other.problem(),
    }
}

fn failed(path: &Path, error: &io::Error) -> Problem {
    files::failed("backup.failed", "backup.no_room", path, error, NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(database: &Path, folder: &Path, now: i64) -> Made {
        let place = Place::Folder { folder: folder.to_path_buf(), keep: Some(1) };
        run(&Request { database, place, pace: Pace::default(), now: Timestamp(now) }, &mut |_, _| {}).expect("a backup")
    }

    fn store(path: &Path) -> PathBuf {
        fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
        workaday_store::sqlite::SqliteStore::open(path, workaday_store::OpenOptions::default()).expect("a store");
        path.to_path_buf()
    }

    #[test]
    fn the_backup_just_made_is_kept_when_the_clock_has_gone_back() {
        let root = tempfile::tempdir().expect("a folder");
        let (database, folder) = (store(&root.path().join("shop.db")), root.path().join("backups"));
        let later = made(&database, &folder, 2_000_000_000_000_000);
        let now = made(&database, &folder, 1_000_000_000_000_000);
        assert_eq!(now.rotated, [later.path], "one is kept");
        assert!(now.path.exists() && manifest_path(&now.path).exists(), "and it is the newest that was made");
    }

    #[test]
    fn backups_of_another_store_with_the_same_name_are_not_rotated() {
        let root = tempfile::tempdir().expect("a folder");
        let (one, other, folder) = (store(&root.path().join("a/shop.db")), store(&root.path().join("b/shop.db")), root.path().join("all"));
        let first = made(&one, &folder, 1_000_000_000_000_000);
        assert!(made(&other, &folder, 1_000_000_001_000_000).rotated.is_empty());
        assert!(first.path.exists());
        assert_eq!(made(&one, &folder, 1_000_000_002_000_000).rotated, [first.path]);
    }

    #[test]
    fn the_next_backup_deletes_every_part_that_a_killed_one_left() {
        let root = tempfile::tempdir().expect("a folder");
        let (database, folder) = (store(&root.path().join("shop.db")), root.path().join("backups"));
        fs::create_dir(&folder).expect("its folder");
        let name = "shop-20260101T000000.000000Z.db.zst";
        for end in [".copy.partial", ".partial", ".json.partial"] {
            fs::write(folder.join(format!("{name}{end}")), "a part").expect("a part");
        }
        fs::write(folder.join("notes.partial"), "not ours").expect("a file of somebody else");
        made(&database, &folder, 1_000_000_000_000_000);
        let left: Vec<_> = fs::read_dir(&folder).expect("readable").flatten().map(|entry| entry.file_name()).collect();
        let parts: Vec<_> = left.iter().filter(|name| name.to_string_lossy().ends_with(PARTIAL)).collect();
        assert_eq!(parts, ["notes.partial"]);
    }

    #[test]
    fn a_manifest_whose_backup_never_got_its_name_goes_after_an_hour() {
        let root = tempfile::tempdir().expect("a folder");
        let (database, folder) = (store(&root.path().join("shop.db")), root.path().join("backups"));
        let other = store(&root.path().join("b/shop.db"));
        let orphan = |database: &Path, second: i64| {
            let made = made(database, &folder, second * 1_000_000);
            fs::remove_file(&made.path).expect("as if it never had its name");
            manifest_path(&made.path)
        };
        // By the clock of the files, which is the machine's.
        let found = fs::metadata(&database).expect("the store");
        let now = std::os::unix::fs::MetadataExt::ctime(&found);
        let (own, others) = (orphan(&database, now), orphan(&other, now + 1));
        let foreign = folder.join("shop-20260101T000000.000000Z.db.zst.json");
        fs::write(&foreign, "{}").expect("no manifest of ours");
        made(&database, &folder, (now + 60) * 1_000_000);
        assert!(own.exists(), "somebody may be copying backups here");
        let whole = made(&database, &folder, (now + 3_700) * 1_000_000);
        assert!(!own.exists() && others.exists() && foreign.exists());
        assert!(whole.path.exists() && manifest_path(&whole.path).exists());
    }

    #[test]
    fn a_copy_with_another_row_count_is_no_backup() {
        let store = Content { schema: 7, counts: BTreeMap::from([("workaday_jobs".to_owned(), 3)]), ..Content::default() };
        let mut copy = store.clone();
        compare(&store, &copy, Path::new("b")).expect("the same");
        copy.counts.insert("workaday_jobs".to_owned(), 2);
        let problem = compare(&store, &copy, Path::new("b")).expect_err("a row is missing");
        assert_eq!((problem.code.as_ref(), problem.got.as_deref()), ("backup.differs", Some("workaday_jobs: Some(2), not 3")));
    }
}

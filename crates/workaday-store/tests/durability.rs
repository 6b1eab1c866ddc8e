//! Kills, full disks, damaged files: what was acknowledged is there, and what cannot be done is said.
//!
//! Tests named `child_…` are the other process of the test that starts them; alone they do nothing.

use rusqlite::Connection;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use uuid::Uuid;
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, Problem};
use workaday_core::job::{JobId, Lane};
use workaday_store::{Durability, Enqueued, NewJob, OpenOptions, SqliteStore, Store, StoreError};

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("the folder").join("workaday.db");
    (folder, path)
}

fn job(number: u128, args: &str) -> NewJob {
    NewJob {
        id: JobId(Uuid::from_u128(number + 1)),
        task: "shop.send".into(),
        queue: "default".into(),
        priority: 0,
        lane: Lane::Sync,
        run_at: Timestamp(0),
        args: args.into(),
        expires_at: None,
        unique: None,
        tags: None,
        rerun_of: None,
        enqueued_release: None,
    }
}

fn enqueue(store: &mut SqliteStore, number: u128, args: &str) -> Result<Enqueued, StoreError> {
    store.begin(Durability::Full)?;
    let done = store.enqueue(&job(number, args), Timestamp(0));
    match done {
        Ok(done) => store.commit().map(|()| done),
        Err(error) => {
            store.rollback();
            Err(error)
        }
    }
}

fn count(path: &Path) -> i64 {
    Connection::open(path).expect("the file").query_row("SELECT count(*) FROM workaday_jobs", [], |row| row.get(0)).expect("a count")
}

fn assert_whole(path: &Path) {
    let answer: String =
        Connection::open(path).expect("the file").query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(answer, "ok");
}

/// Starts this very program as the other process, in the role of one of the `child_…` tests.
fn start(role: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", role, "--ignored", "--nocapture"])
        .env("WORKADAY_TEST_STORE", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the other process")
}

/// The store that a child was given; without one it is not a child.
fn given() -> Option<PathBuf> {
    std::env::var_os("WORKADAY_TEST_STORE").map(PathBuf::from)
}

#[allow(clippy::print_stdout)] // the child's words to its parent
fn say(word: &str) {
    println!("{word}");
    std::io::stdout().flush().expect("the parent listens");
}

// -- kill -9 ---------------------------------------------------------------------------------------------------------

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    for acknowledged_before_the_kill in [1_usize, 3, 7, 20, 45] {
        let (_folder, path) = place();
        let mut child = start("child_that_enqueues_for_ever", &path);
        let lines = BufReader::new(child.stdout.take().expect("its words")).lines().map_while(Result::ok);
        let said = lines.filter(|line| line.contains("stored")).take(acknowledged_before_the_kill).count();
        child.kill().expect("kill -9");
        child.wait().expect("it is dead");
        assert_eq!(said, acknowledged_before_the_kill);
        let mut store = SqliteStore::open(&path, OpenOptions::default()).expect("the store opens");
        assert!(count(&path) >= said as i64, "acknowledged {said}, found {}", count(&path));
        // The enqueuer that comes back repeats its ids: known ones make no second job.
        let before = count(&path);
        for number in 0..said as u128 {
            assert_eq!(enqueue(&mut store, number, "{}").expect("a repeated enqueue"), Enqueued::Known);
        }
        assert_eq!(count(&path), before);
        assert_whole(&path);
    }
}

#[test]
#[ignore = "the other process of a_kill_loses_nothing_that_was_acknowledged"]
fn child_that_enqueues_for_ever() {
    let Some(path) = given() else { return };
    let mut store = SqliteStore::open(path, OpenOptions::default()).expect("a store");
    for number in 0.. {
        enqueue(&mut store, number, "{}").expect("an enqueue");
        say("stored");
    }
}

#[test]
fn a_kill_inside_a_transaction_leaves_none_of_it_and_frees_the_lock() {
    let (_folder, path) = place();
    let mut child = start("child_that_stops_inside_a_transaction", &path);
    let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("inside")));
    child.kill().expect("kill -9");
    child.wait().expect("it is dead");
    let mut store = SqliteStore::open(&path, OpenOptions::default()).expect("the store opens");
    assert_eq!(count(&path), 1, "the committed one, none of the thousand");
    enqueue(&mut store, 5_000, "{}").expect("the lock died with its holder");
    assert_whole(&path);
}

#[test]
#[ignore = "the other process of a_kill_inside_a_transaction_leaves_none_of_it_and_frees_the_lock"]
fn child_that_stops_inside_a_transaction() {
    let Some(path) = given() else { return };
    // A small cache, so that the transaction spills into the WAL before its commit.
    let mut store = SqliteStore::open(path, OpenOptions { cache_kib: 64, ..OpenOptions::default() }).expect("a store");
    enqueue(&mut store, 0, "{}").expect("an enqueue");
    store.begin(Durability::Full).expect("the write lock");
    for number in 1..1_000 {
        store.enqueue(&job(number, &format!("{{\"text\":\"{}\"}}", "x".repeat(500))), Timestamp(0)).expect("an enqueue");
    }
    say("inside");
    let _ = std::io::stdin().read(&mut [0]); // until it is killed
}

// -- a commit that fails ---------------------------------------------------------------------------------------------

#[test]
fn a_commit_that_fails_below_sqlite_is_unknown_and_the_connection_is_replaced() {
    let (_folder, path) = place();
    let mut child = start("child_whose_commit_fails", &path);
    assert!(child.wait().expect("it ends").success());
    assert_whole(&path);
}

#[test]
#[ignore = "the other process of a_commit_that_fails_below_sqlite_is_unknown_and_the_connection_is_replaced"]
fn child_whose_commit_fails() {
    let Some(path) = given() else { return };
    let mut store = SqliteStore::open(&path, OpenOptions::default()).expect("a store");
    enqueue(&mut store, 1, "{}").expect("an enqueue");
    let limit_file_size = |bytes: libc::rlim_t| {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: both calls take plain numbers and a struct that lives across the call; this process runs this test alone.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
        }
    };
    let wal = std::fs::metadata(format!("{}-wal", path.display())).expect("the WAL").len();
    store.begin(Durability::Full).expect("the write lock");
    store.enqueue(&job(2, &format!("{{\"text\":\"{}\"}}", "x".repeat(50_000))), Timestamp(0)).expect("an enqueue");
    limit_file_size(wal as libc::rlim_t); // from here on each write fails with EFBIG, which SQLite knows only as an I/O error
    let problem = store.commit().expect_err("the WAL cannot grow").problem();
    limit_file_size(libc::RLIM_INFINITY);
    assert_eq!(problem.code, "store.outcome_unknown");
    assert!(problem.to_string().contains("safe with the same id"), "{problem}");
    // The same id again settles the matter, on the new connection.
    enqueue(&mut store, 2, "{}").expect("the connection was replaced");
    assert_eq!(enqueue(&mut store, 2, "{}").expect("an enqueue"), Enqueued::Known);
    assert_eq!(count(&path), 2);
}

#[test]
fn a_write_lock_lost_to_other_code_in_the_process_stops_the_commit() {
    let (_folder, path) = place();
    let mut child = start("child_that_loses_its_lock", &path);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(count(&path), 1);
}

/// In a process of its own: what it does would drop the locks of the other tests as well.
#[test]
#[ignore = "the other process of a_write_lock_lost_to_other_code_in_the_process_stops_the_commit"]
fn child_that_loses_its_lock() {
    let Some(path) = given() else { return };
    let mut store = SqliteStore::open(&path, OpenOptions::default()).expect("a store");
    store.begin(Durability::Full).expect("the write lock");
    store.enqueue(&job(1, "{}"), Timestamp(0)).expect("an enqueue");
    // What a second SQLite library, or a backup by copying, does: open, read, close.
    std::fs::read(format!("{}-shm", path.display())).expect("the shared memory");
    let problem = store.commit().expect_err("the lock is gone").problem();
    assert_eq!(problem.code, "store.lock_lost", "{problem}");
    enqueue(&mut store, 2, "{}").expect("it goes on, with a new connection");
}

// -- a full disk -----------------------------------------------------------------------------------------------------

/// A small tmpfs, gone with the value.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder.path())
            .output()
            .map_err(|error| error.to_string())?;
        if mounted.status.success() { Ok(Self { folder }) } else { Err(String::from_utf8_lossy(&mounted.stderr).into_owned()) }
    }
    fn remount(&self, option: &str) -> bool {
        Command::new("mount")
            .args(["-o", &format!("remount,{option}")])
            .arg(self.folder.path())
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[test]
fn a_full_disk_is_said_and_passes() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped a_full_disk_is_said_and_passes: it mounts a tmpfs, which needs root ({})", why.trim()),
    };
    let path = disk.folder.path().join("workaday.db");
    let ballast = disk.folder.path().join("ballast");
    std::fs::write(&ballast, vec![0_u8; 1024 * 1024]).expect("the ballast");
    let mut store = SqliteStore::open(&path, OpenOptions::default()).expect("a store");
    assert!(store.notices().iter().any(|notice| notice.code == "store.not_durable"), "a tmpfs is named");
    let args = format!("{{\"text\":\"{}\"}}", "x".repeat(20_000));
    let mut stored = 0;
    let problem = loop {
        match enqueue(&mut store, stored, &args) {
            Ok(_) => stored += 1,
            Err(error) => break error.problem(),
        }
        assert!(stored < 1_000, "a disk of 2 MiB is full by now");
    };
    assert_eq!(problem.code, "store.full", "{problem}");
    assert!(problem.to_string().contains("nothing was stored"), "{problem}");
    assert_eq!(count(&path), stored as i64, "what was acknowledged is there, and nothing else");
    std::fs::remove_file(ballast).expect("space again");
    enqueue(&mut store, stored, &args).expect("it goes on without a restart");
    assert_eq!(count(&path), stored as i64 + 1);
    assert_whole(&path);
}

#[test]
fn a_read_only_file_system_is_said() {
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped a_read_only_file_system_is_said: it mounts a tmpfs, which needs root ({})", why.trim()),
    };
    let path = disk.folder.path().join("workaday.db");
    drop(SqliteStore::open(&path, OpenOptions::default()).expect("a store"));
    assert!(disk.remount("ro"));
    let problem = SqliteStore::open(&path, OpenOptions::default()).err().expect("read-only").problem();
    assert_eq!(problem.code, "store.read_only");
    let other = SqliteStore::open(disk.folder.path().join("other.db"), OpenOptions::default()).err().expect("read-only").problem();
    assert_eq!(other.code, "store.folder_unwritable");
    assert!(disk.remount("rw"));
    SqliteStore::open(&path, OpenOptions::default()).expect("writable again");
}

// -- damage ----------------------------------------------------------------------------------------------------------

/// Opens, looks, writes. Any answer but a panic or a silent success on a damaged page is fine.
fn use_it(path: &Path) -> Result<(), Box<Problem>> {
    let explain = |error: StoreError| Box::new(error.problem());
    let mut store = SqliteStore::open(path, OpenOptions::default()).map_err(explain)?;
    store.peek(Timestamp(0)).map_err(explain)?;
    store.claimable(Lane::Sync, "default", Timestamp(0), 1_000).map_err(explain)?;
    enqueue(&mut store, 77_777, "{}").map(|_| ()).map_err(explain)
}

#[test]
fn a_damaged_file_is_refused_in_words_that_help() {
    let (_folder, path) = place();
    let mut store = SqliteStore::open(&path, OpenOptions { checkpoint_on_close: true, ..OpenOptions::default() }).expect("a store");
    store.begin(Durability::Full).expect("the write lock");
    for number in 0..500 {
        store.enqueue(&job(number, "{\"a\":1}"), Timestamp(0)).expect("an enqueue");
    }
    store.commit().expect("the commit");
    drop(store);
    let whole = std::fs::read(&path).expect("the bytes");
    assert!(whole.len() > 8 * 4096, "the last close moved the WAL into the file");
    type Damage = fn(&[u8]) -> Vec<u8>;
    let corpus: [(&str, Damage); 7] = [
        ("text", |_| b"dear diary, this is not a database at all\n".repeat(200)),
        ("noise", |whole| whole.iter().enumerate().map(|(at, _)| (at.wrapping_mul(2_654_435_761) >> 7) as u8).collect()),
        ("header alone", |whole| whole[..100].to_vec()),
        ("cut in the middle", |whole| whole[..whole.len() / 2 / 4096 * 4096].to_vec()),
        ("cut inside a page", |whole| whole[..4096 * 2 + 1_000].to_vec()),
        ("header overwritten", |whole| [&[0xff; 64], &whole[64..]].concat()),
        ("every page after the first zeroed", |whole| [&whole[..4096], &vec![0; whole.len() - 4096]].concat()),
    ];
    for (name, damage) in corpus {
        let (_folder, path) = place();
        std::fs::write(&path, damage(&whole)).expect("the damaged file");
        let problem = use_it(&path).expect_err(name);
        assert_eq!(problem.code, "store.corrupt", "{name}: {problem}");
        let said = problem.to_string();
        assert!(said.contains("workaday.db") && said.contains("backup") && said.contains("expected"), "{name}: {said}");
        assert_eq!(said.contains("names the wrong file"), ["text", "noise", "header overwritten"].contains(&name), "{name}: {said}");
    }
}

#[test]
fn an_empty_file_becomes_a_store() {
    let (_folder, path) = place();
    std::fs::write(&path, b"").expect("an empty file");
    use_it(&path).expect("as if it had not been there");
}

#[test]
fn bytes_turned_anywhere_never_panic() {
    let (_folder, path) = place();
    drop(SqliteStore::open(&path, OpenOptions { checkpoint_on_close: true, ..OpenOptions::default() }).expect("a store"));
    let whole = std::fs::read(&path).expect("the bytes");
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let (_folder, path) = place();
        let mut turned = whole.clone();
        turned[at] ^= 0x5a;
        std::fs::write(&path, turned).expect("the damaged file");
        if let Err(problem) = use_it(&path) {
            assert!(problem.code.starts_with("store."), "byte {at}: {problem}");
        }
    }
}

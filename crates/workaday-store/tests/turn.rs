//! The write turn: fair among us, kind to strangers, never in the way when its holder is stuck.

use rusqlite::Connection;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;
use workaday_core::clock::Timestamp;
use workaday_core::explain::Explain;
use workaday_core::job::{JobId, Lane};
use workaday_store::{Durability, NewJob, OpenOptions, SqliteStore, Store};

/// How long writers contend. Long enough that the old way (one winner, the others at 1 commit) cannot pass by luck.
const CONTEST: Duration = Duration::from_secs(2);

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().canonicalize().expect("the folder").join("workaday.db");
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, OpenOptions::default()).expect("a store")
}

/// A turn that is not there costs 250 ms each time; a machine that rests costs them once.
fn has_a_turn_at_once(store: &mut SqliteStore) -> bool {
    (0..5).any(|_| {
        let asked = Instant::now();
        store.begin(Durability::Full).expect("a turn");
        let waited = asked.elapsed();
        store.rollback();
        waited < Duration::from_millis(240)
    })
}

fn job() -> NewJob {
    NewJob {
        id: JobId(Uuid::now_v7()),
        task: "shop.send".into(),
        queue: "default".into(),
        priority: 0,
        lane: Lane::Sync,
        run_at: Timestamp(0),
        args: "{}".into(),
        expires_at: None,
        unique: None,
        tags: None,
        rerun_of: None,
        enqueued_release: None,
    }
}

/// Commits `batch` jobs a transaction, one after the other without a pause, until told to stop. Answers how many commits.
fn write_until(store: &mut SqliteStore, batch: usize, stop: &AtomicBool) -> u64 {
    let mut commits = 0;
    while !stop.load(Ordering::Relaxed) {
        store.begin(Durability::Full).expect("a turn within 5 s");
        for _ in 0..batch {
            store.enqueue(&job(), Timestamp(0)).expect("an enqueue");
        }
        store.commit().expect("the commit");
        commits += 1;
    }
    commits
}

#[test]
fn four_writers_get_fair_turns() {
    let (_folder, path) = place();
    drop(open(&path));
    let stop = Arc::new(AtomicBool::new(false));
    // Each has a descriptor and a connection of its own, as four processes would.
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (path, stop) = (path.clone(), Arc::clone(&stop));
            std::thread::spawn(move || write_until(&mut open(&path), 1, &stop))
        })
        .collect();
    std::thread::sleep(CONTEST); // the contest itself, not a wait for something to be over
    stop.store(true, Ordering::Relaxed);
    let commits: Vec<u64> = writers.into_iter().map(|writer| writer.join().expect("no writer fails")).collect();
    eprintln!("commits of four writers in {CONTEST:?}: {commits:?}");
    let (least, most) = (commits.iter().min().expect("four"), commits.iter().max().expect("four"));
    assert!(*least > 0 && most / least < 4, "SQLite's own waiting gave 1, 6645, 1, 1: {commits:?}");
}

#[test]
fn a_stranger_gets_in_between_back_to_back_batches() {
    let (_folder, path) = place();
    // An app's own file: its tables were there first.
    let stranger = Connection::open(&path).expect("the app's connection");
    stranger.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, at INTEGER)").expect("the app's table");
    assert!(open(&path).is_app_file());
    let stop = Arc::new(AtomicBool::new(false));
    let batches = {
        let (path, stop) = (path.clone(), Arc::clone(&stop));
        std::thread::spawn(move || write_until(&mut open(&path), 200, &stop))
    };
    // Plain BEGIN IMMEDIATE with SQLite's usual busy handler: what an app does that has never heard of us.
    stranger.busy_timeout(Duration::from_secs(5)).expect("the usual handler");
    let mut waits = Vec::new();
    let started = Instant::now();
    while started.elapsed() < CONTEST {
        let asked = Instant::now();
        stranger.execute_batch("BEGIN IMMEDIATE").expect("never `database is locked`");
        waits.push(asked.elapsed());
        stranger.execute_batch("INSERT INTO orders (at) VALUES (1); COMMIT").expect("the app's own write");
        std::thread::sleep(Duration::from_millis(3)); // the app does something else as well
    }
    stop.store(true, Ordering::Relaxed);
    let commits = batches.join().expect("our batches never fail");
    waits.sort();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    eprintln!(
        "a stranger beside {commits} batches of 200: {} writes, waits p50 {:?} p99 {:?} max {:?}",
        waits.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    assert!(commits > 10, "we go on meanwhile");
    assert!(at(0.99) < Duration::from_millis(500), "without the gap he was locked out for 5 s");
}

#[test]
fn a_stuck_holder_of_the_turn_stops_nobody() {
    let (_folder, path) = place();
    let mut store = open(&path);
    let turn = std::fs::File::open(format!("{}-turn", path.display())).expect("the turn file");
    // SAFETY: flock() on a descriptor that `turn` keeps open.
    assert_eq!(unsafe { libc::flock(turn.as_raw_fd(), libc::LOCK_EX) }, 0);
    for _ in 0..2 {
        let asked = Instant::now();
        store.begin(Durability::Full).expect("it goes on without");
        let waited = asked.elapsed();
        store.enqueue(&job(), Timestamp(0)).expect("an enqueue");
        store.commit().expect("the commit");
        assert!((Duration::from_millis(240)..Duration::from_secs(3)).contains(&waited), "after 250 ms, not never: {waited:?}");
    }
    drop(turn);
    assert!(has_a_turn_at_once(&mut store), "the turn is there again");
}

#[test]
fn a_lock_that_is_never_given_up_ends_in_our_own_words() {
    let (_folder, path) = place();
    let mut store =
        SqliteStore::open(&path, OpenOptions { lock_wait: Duration::from_millis(60), ..OpenOptions::default() }).expect("a store");
    let other = Connection::open(&path).expect("somebody else");
    other.execute_batch("BEGIN IMMEDIATE").expect("his lock");
    let problem = store.begin(Durability::Full).expect_err("he never lets go").problem();
    assert_eq!(problem.code, "store.busy");
    let said = problem.to_string();
    assert!(said.contains("certainly nothing was stored") && !said.contains("database is locked"), "{said}");
    other.execute_batch("ROLLBACK").expect("he lets go");
    store.begin(Durability::Full).expect("and we go on");
    store.rollback();
}

#[test]
fn a_store_that_goes_away_gives_its_turn_back() {
    let (_folder, path) = place();
    let mut first = open(&path);
    first.begin(Durability::Full).expect("a turn");
    drop(first);
    let mut second = open(&path);
    assert!(has_a_turn_at_once(&mut second));
}

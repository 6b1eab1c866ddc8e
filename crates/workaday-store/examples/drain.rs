//! The drain floor: how fast one core claims and settles jobs that are there already, with nothing run in between.
//!
//! `cargo run --release -p workaday-store --example drain [jobs] [batch] [folder]`
//!
//! Each transaction settles the last batch and claims the next, FULL, with attempt rows: what the engine does, less Python.
#![allow(clippy::print_stdout, reason = "the figures are its answer")]

use std::time::Instant;
use uuid::Uuid;
use workaday_core::clock::{Clock, SystemClock, Timestamp};
use workaday_core::job::{Counts, Fence, JobId, JobKey, Lane};
use workaday_core::lifecycle::{self, Outcome, Running};
use workaday_core::retry::{Chance, RetryPolicy};
use workaday_store::sqlite::checkpoint::{Checkpoint, Checkpointer};
use workaday_store::{AttemptRecord, Durability, NewJob, OpenOptions, Settlement, SqliteStore, Store, StoreError};

fn main() -> Result<(), StoreError> {
    let mut arguments = std::env::args().skip(1);
    let jobs: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let batch: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(256);
    let folder = arguments.next().map_or_else(|| std::path::PathBuf::from("target/drain"), std::path::PathBuf::from);
    let path = folder.join(format!("drain-{}.db", std::process::id()));
    let cache_kib = std::env::var("CACHE_KIB").ok().and_then(|text| text.parse().ok()).unwrap_or(OpenOptions::default().cache_kib);
    let mut store = SqliteStore::open(&path, OpenOptions { cache_kib, ..OpenOptions::default() })?;
    let checkpointer = Checkpointer::open(&path)?;

    let filling = Instant::now();
    fill(&mut store, jobs)?;
    println!("enqueue {:>9.0} jobs/s (1,000 a transaction)", per_second(jobs, filling));
    checkpointer.run(Checkpoint::Truncate)?;

    println!("peek    {:>9.1} us beside {jobs} ready jobs", look(&mut store)?);

    let draining = Instant::now();
    let spent = cpu_seconds();
    let drained = drain(&mut store, &checkpointer, batch)?;
    let cpu = cpu_seconds() - spent;
    println!(
        "drain   {:>9.0} jobs/s (claim + settle, batch {batch}, FULL, attempt rows; {:.1} us CPU a job)",
        per_second(drained, draining),
        cpu * 1e6 / drained as f64
    );
    assert_eq!(drained, jobs);

    println!("peek    {:>9.1} us when empty", look(&mut store)?);
    drop(store);
    for suffix in ["", "-wal", "-shm", "-turn"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    Ok(())
}

/// Microseconds a look without the write lock.
fn look(store: &mut SqliteStore) -> Result<f64, StoreError> {
    let now = SystemClock.now();
    let started = Instant::now();
    for _ in 0..10_000 {
        store.peek(now)?;
    }
    Ok(started.elapsed().as_secs_f64() * 100.0)
}

fn fill(store: &mut SqliteStore, jobs: usize) -> Result<(), StoreError> {
    let now = SystemClock.now();
    for start in (0..jobs).step_by(1_000) {
        store.begin(Durability::Full)?;
        for number in start..jobs.min(start + 1_000) {
            let job = NewJob {
                id: JobId(Uuid::now_v7()),
                task: "bench.noop".into(),
                queue: "default".into(),
                priority: 0,
                lane: Lane::Sync,
                run_at: now,
                args: format!("{{\"number\":{number}}}"),
                expires_at: None,
                unique: None,
                tags: None,
                rerun_of: None,
                enqueued_release: Some("bench".into()),
            };
            store.enqueue(&job, now)?;
        }
        store.commit()?;
    }
    Ok(())
}

#[inline(never)] // so that a profiler can tell it from the filling
/// Settles the last batch and claims the next in one transaction, until nothing is left.
fn drain(store: &mut SqliteStore, checkpointer: &Checkpointer, batch: usize) -> Result<usize, StoreError> {
    let generation = {
        store.begin(Durability::Full)?;
        let generation = store.next_generation()?;
        store.commit()?;
        generation
    };
    let (mut claimed, mut drained, mut checked) = (Vec::new(), 0, Instant::now());
    loop {
        let now = SystemClock.now();
        store.begin(Durability::Full)?;
        for (key, fence) in claimed.drain(..) {
            settle(store, key, fence, now)?;
            drained += 1;
        }
        for candidate in store.claimable(Lane::Sync, "default", now, batch)? {
            if let Some(fence) = store.claim(candidate.key, generation, Some(1), now)? {
                claimed.push((candidate.key, fence));
            }
        }
        store.commit()?;
        if claimed.is_empty() {
            return Ok(drained);
        }
        if checked.elapsed().as_millis() > 1_000 {
            checkpointer.run(Checkpoint::Passive)?;
            checked = Instant::now();
        }
    }
}

fn settle(store: &mut SqliteStore, key: JobKey, fence: Fence, now: Timestamp) -> Result<(), StoreError> {
    let row = store.running(key, fence)?.expect("it was claimed here and nobody else writes");
    let running = Running {
        counts: Counts { ..row.counts },
        attempts_max: 5,
        retry: RetryPolicy::default(),
        at_most_once: false,
        cancel_requested: false,
    };
    let record = AttemptRecord {
        started_at: Some(now),
        waited_us: Some(1_000),
        ran_us: Some(120),
        cpu_us: Some(100),
        memory_peak_kib: Some(30_000),
        child: Some("sync-1".into()),
        release: Some("bench".into()),
        ..AttemptRecord::default()
    };
    let settled = lifecycle::settle(&running, Outcome::Completed, now, Chance(0.5));
    let settlement = Settlement {
        key,
        fence,
        settled,
        lane: row.lane,
        claimed_at: row.claimed_at,
        attempt: Some(&record),
        result: Some("null"),
        reason: None,
    };
    assert!(store.settle(&settlement, now)?);
    Ok(())
}

fn per_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

/// CPU of this process so far.
fn cpu_seconds() -> f64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: getrusage fills the struct it is given, and zeroed bytes are a valid one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

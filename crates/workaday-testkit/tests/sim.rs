//! The simulator's short version, and the tests of the tests: false histories and planted bugs have to be found.

use std::collections::HashMap;
use std::time::{Duration, Instant};
use workaday_core::job::JobId;
use workaday_testkit::sim::checker::check;
use workaday_testkit::sim::history::{History, What};
use workaday_testkit::sim::{Options, StoreKind, mutants, planted, play};

fn good(seed: u64, store: StoreKind) -> workaday_testkit::sim::Lived {
    let lived = play(seed, &Options { store, ..Options::default() });
    if let Err(broken) = &lived.verdict {
        panic!("seed {seed}: {} broken: {}; replay: workaday-sim --seed {seed} --trace", broken.invariant, broken.how);
    }
    lived
}

/// Twenty seconds of new lives in CI (SEED sets where they begin); the long run is `make sim`.
#[test]
fn every_promise_is_kept_in_lives_full_of_faults() {
    let from = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let began = Instant::now();
    let mut played = 0;
    for seed in from..from + 2_000 {
        good(seed, StoreKind::Model);
        played += 1;
        if began.elapsed() > Duration::from_secs(20) && played >= 50 {
            break;
        }
    }
}

#[test]
fn a_seed_replays_the_same_life() {
    for seed in 100..110 {
        assert!(
            good(seed, StoreKind::Model).history == good(seed, StoreKind::Model).history,
            "seed {seed} was another life the second time"
        );
    }
}

/// Keys as the jobs' ids give them: SQLite's counter also counts rows that were refused.
fn by_id(mut history: History) -> History {
    let short = |id: JobId| (id.0.as_u128() >> 65) as i64;
    let claims = history.entries.iter().filter_map(|entry| match &entry.what {
        What::Claimed(claim) => Some((claim.key, short(claim.id))),
        _ => None,
    });
    let ids: HashMap<i64, i64> = claims.chain(history.last.rows.iter().map(|row| (row.key, short(row.id)))).collect();
    let rename = |key: &mut i64| *key = ids.get(key).copied().unwrap_or(-1);
    for entry in &mut history.entries {
        match &mut entry.what {
            What::Claimed(claim) => rename(&mut claim.key),
            What::Settled(settle) => rename(&mut settle.key),
            What::Stale { key, .. } => rename(key),
            _ => {}
        }
    }
    history.last.rows.iter_mut().for_each(|row| rename(&mut row.key));
    history.last.attempts.iter_mut().for_each(|(key, _)| rename(key));
    history.last.rows.sort_by_key(|row| row.key);
    history.last.attempts.sort_unstable();
    history
}

/// The model answers as SQLite does, or these lives would part. Power cuts aside, which only the model can play.
#[test]
fn the_model_and_sqlite_live_the_same_lives() {
    let mut compared = 0;
    for seed in 200..230 {
        let model = good(seed, StoreKind::Model);
        if model.faults.contains_key("power_cut") {
            continue;
        }
        for store in [StoreKind::Memory, StoreKind::File] {
            let real = by_id(good(seed, store).history);
            let expected = by_id(model.history.clone());
            let parted = real.entries.iter().zip(&expected.entries).position(|(real, model)| real != model);
            if let Some(place) = parted {
                panic!("seed {seed}: {store:?} says {:?}, the model {:?}", real.entries[place], expected.entries[place]);
            }
            assert_eq!(real.last, expected.last, "seed {seed}: the final rows differ on {store:?}");
        }
        compared += 1;
    }
    assert!(compared >= 3, "of 30 lives only {compared} had no power cut");
}

#[test]
fn every_false_history_is_rejected_by_the_right_invariant() {
    assert!(mutants::ALL.len() >= 30);
    let mut histories = Vec::new();
    let mut unfit: Vec<&mutants::Mutant> = mutants::ALL.iter().collect();
    for seed in 300..400 {
        histories.push(good(seed, StoreKind::Model).history);
        unfit.retain(|(name, invariant, mutate)| {
            let mut history = histories.last().expect("just pushed").clone();
            if mutate(&mut history).is_none() {
                return true;
            }
            match check(&history) {
                Err(broken) => assert_eq!(broken.invariant, *invariant, "`{name}` in seed {seed}: {}", broken.how),
                Ok(()) => panic!("`{name}` in seed {seed} was taken for a good history"),
            }
            false
        });
        if unfit.is_empty() {
            return;
        }
    }
    panic!("no life had a place for: {:?}", unfit.iter().map(|(name, ..)| name).collect::<Vec<_>>());
}

#[test]
fn every_planted_bug_is_found() {
    const SEEDS: u64 = 150;
    for (name, bug) in planted::ALL {
        let found = (0..SEEDS).find(|seed| play(*seed, &Options { bug: *bug, ..Options::default() }).verdict.is_err());
        assert!(found.is_some(), "{name}: not found in {SEEDS} lives");
    }
}

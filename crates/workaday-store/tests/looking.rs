//! What the pages ask: groups of errors, counts with a cap, looks that end.

#[path = "conformance/mod.rs"]
#[allow(dead_code, reason = "each test file uses some of these")]
mod suite;

use suite::{NOW, Subject, job, later};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::job::State;
use workaday_core::lifecycle::{self, Outcome, Running};
use workaday_core::retry::{Chance, RetryPolicy};
use workaday_store::sqlite::read::{Look, Reader};
use workaday_store::{AttemptRecord, NewJob, OpenOptions, Settlement, SqliteStore, open_reader};

fn store() -> (Subject, Reader) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("workaday.db");
    let store = SqliteStore::open(&path, OpenOptions::default()).expect("a fresh store");
    let side = rusqlite::Connection::open(&path).expect("a second connection");
    let reader = open_reader(&path).expect("a reader");
    let run_sql = Box::new(move |sql: &str| side.execute(sql, []).expect("the statement of the test"));
    (Subject { store: Box::new(store), run_sql, _kept: Box::new(folder) }, reader)
}

/// Runs job `number` and ends it with this outcome and message.
fn end(subject: &mut Subject, number: u128, outcome: Outcome, message: Option<&str>, at: Timestamp) {
    let (key, fence) = subject.running(number);
    let is_settled = subject.write(|store| {
        let row = store.running(key, fence).expect("the running row").expect("it runs");
        let running =
            Running { counts: row.counts, attempts_max: 1, retry: RetryPolicy::default(), at_most_once: false, cancel_requested: false };
        let error = message.map(|message| serde_json::json!({"type": "SMTPError", "message": message}).to_string());
        let record = AttemptRecord { error, release: Some("r1".into()), ..AttemptRecord::default() };
        let settled = lifecycle::settle(&running, outcome, at, Chance(0.5));
        let settlement = Settlement {
            key,
            fence,
            settled,
            lane: row.lane,
            claimed_at: row.claimed_at,
            attempt: Some(&record),
            result: None,
            reason: None,
        };
        store.settle(&settlement, at)
    });
    assert!(is_settled.expect("a settlement"), "it was running");
}

#[test]
fn failures_of_one_kind_are_one_error_and_a_success_is_none() {
    let (mut subject, reader) = store();
    let failed = Outcome::Failed { retry: false };
    end(&mut subject, 1, failed, Some("order 41 refused"), later(1));
    end(&mut subject, 2, failed, Some("order 42 refused"), later(2));
    end(&mut subject, 3, failed, Some("no route to host"), later(3));
    end(&mut subject, 4, Outcome::Completed, None, later(4));

    let groups = reader.error_groups(NOW).expect("the groups");
    assert_eq!(groups.len(), 2, "{groups:?}");
    let (newest, older) = (&groups[0], &groups[1]);
    assert_eq!((newest.last.ended_at, older.first.ended_at, older.last.ended_at), (later(3), later(1), later(2)));
    assert_eq!(older.first.release.as_deref(), Some("r1"));
    let count = |cap| reader.error_count(&older.fingerprint, NOW, later(60), cap).expect("a count");
    assert_eq!((count(10).number, count(10).more), (2, false));
    assert_eq!((count(1).number, count(1).more), (1, true));
    assert!(reader.error_groups(later(10)).expect("the groups").is_empty(), "none came since");
}

#[test]
fn a_list_is_paged_to_its_end_and_no_job_comes_twice() {
    let (mut subject, reader) = store();
    for number in 1..=7 {
        subject.enqueue(&NewJob { run_at: if number % 2 == 0 { later(60 * number as i64) } else { NOW }, ..job(number) });
    }
    end(&mut subject, 8, Outcome::Completed, None, later(1));
    for state in [None, Some(State::Scheduled), Some(State::Available), Some(State::Completed)] {
        let (mut keys, mut from) = (vec![], None);
        loop {
            let seen = reader.look(&Look { state, from, limit: 2, ..Look::default() }).expect("a look");
            keys.extend(seen.jobs.iter().map(|listed| listed.job.key));
            match seen.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        let expected = match state {
            None => 8,
            Some(State::Scheduled) => 3,
            Some(State::Available) => 4,
            _ => 1,
        };
        let mut once = keys.clone();
        once.sort();
        once.dedup();
        assert_eq!((keys.len(), once.len()), (expected, expected), "{state:?}");
    }
}

#[test]
fn a_count_stops_at_its_cap_and_the_oldest_is_found_beside_others_of_higher_priority() {
    let (mut subject, reader) = store();
    for number in 1..=5 {
        let priority = if number == 1 { -5 } else { 5 };
        subject.enqueue(&NewJob { run_at: later(-(100 - number as i64)), priority, ..job(number) });
    }
    let loads = reader.loads(NOW, 3).expect("the loads");
    assert_eq!((loads[0].available.number, loads[0].available.more), (3, true));
    assert_eq!(loads[0].oldest_waiting_at, Some(later(-99)));
    let finished = reader.finished_in(NOW - Length::days(1), NOW, 3).expect("a count");
    assert_eq!(finished.completed.number, 0);
}

//! What the faces are shown: counts that add up, lists that page, ids by their beginning.

#[path = "conformance/mod.rs"]
#[allow(dead_code, reason = "each test file uses some of these")]
mod suite;

use std::path::PathBuf;
use suite::{NOW, Subject, USUAL, by, id, job, later};
use workaday_core::explain::Explain;
use workaday_core::hold::HoldRule;
use workaday_core::job::{Fence, HeldCode, JobKey, Lane, State};
use workaday_core::lifecycle::Outcome;
use workaday_store::sqlite::read::{JobFilter, Reader};
use workaday_store::{LogLine, NewJob, OpenOptions, SqliteStore, open_reader};

fn store() -> (Subject, Reader) {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("workaday.db");
    let store = SqliteStore::open(&path, OpenOptions::default()).expect("a fresh store");
    let side = rusqlite::Connection::open(&path).expect("a second connection");
    let reader = open_reader(&path).expect("a reader");
    let run_sql = Box::new(move |sql: &str| side.execute(sql, []).expect("the statement of the test"));
    (Subject { store: Box::new(store), run_sql, _kept: Box::new(folder) }, reader)
}

#[test]
fn counts_add_up_and_each_job_is_counted_once() {
    let (mut subject, reader) = store();
    for number in 1..=3 {
        subject.enqueue(&NewJob { run_at: later(-(number as i64)), ..job(number) });
    }
    subject.enqueue(&NewJob { run_at: later(60), queue: "mail".into(), ..job(4) });
    let (key, fence) = subject.running(5);
    subject.settle(key, fence, Outcome::Failed { retry: false }, &USUAL).expect("it was running");
    subject.running(6);
    let held = subject.key_of(3);
    subject.write(|store| store.hold_job(held, HeldCode::Quarantine, None)).expect("a mark");
    subject.write(|store| store.raise_alert("job.discarded", "shop.send", "m", NOW)).expect("an alert");
    subject.enqueue(&NewJob { run_at: later(60), ..job(7) });
    (subject.run_sql)("UPDATE workaday_jobs SET state = 'pending', schedule = 'nightly', tick = 't' WHERE key = 7");
    let hold =
        HoldRule { rule: 0, task: None, queue: Some("mail".into()), where_args: vec![], reason: "r".into(), owner: None, until: None };
    subject.write(|store| store.add_hold(&hold, &by(), NOW)).expect("a rule");

    let status = reader.status(later(1)).expect("the status");
    let by_state: Vec<i64> = status.by_state.iter().map(|(_, count)| *count).collect();
    // pending scheduled available running retryable completed cancelled discarded
    assert_eq!(by_state, [1, 1, 3, 1, 0, 0, 0, 1]);
    assert_eq!((status.running, status.held, status.alerts_open, status.discarded_last_day, status.finished_last_minute), (1, 1, 1, 1, 1));
    assert_eq!(status.oldest_waiting_at, Some(later(-2)), "the held one does not wait for us");
    assert_eq!(status.finished_per_minute, 0.2);
    let queues: Vec<_> = status
        .queues
        .iter()
        .map(|queue| (queue.queue.as_str(), queue.available, queue.scheduled, queue.held, queue.pending, queue.paused))
        .collect();
    assert_eq!(queues, [("default", 2, 0, 1, 1, false), ("mail", 0, 1, 0, 0, true)]);
    assert_eq!(reader.queues(NOW).expect("the queues"), status.queues);
}

#[test]
fn great_backlogs_are_counted_to_the_last_job() {
    let (mut subject, reader) = store();
    let mut add = |count: i64, queue: &str, lane: &str, state: &str| {
        (subject.run_sql)(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO workaday_jobs (id, task, queue, lane, state, run_at, args, created_at, schedule)
             SELECT randomblob(16), 't', '{queue}', '{lane}', '{state}', {} - i, '{{}}', 0, iif('{state}' = 'pending', 's', NULL) FROM n",
            NOW.0
        ));
    };
    let ready = || -> Vec<(String, i64)> {
        reader.queues(NOW).expect("the queues").into_iter().map(|queue| (queue.queue, queue.available)).collect()
    };
    // One that is not walked through to its end.
    add(12_345, "mail", "sync", "available");
    assert_eq!(ready(), [("mail".to_owned(), 12_345)]);
    // Beside it what else is in the table, of which it has no part.
    add(10_000, "mail", "async", "available");
    add(7, "mail", "sync", "scheduled");
    add(5, "slow", "sync", "pending");
    assert_eq!(ready(), [("mail".to_owned(), 22_345), ("slow".to_owned(), 0)]);
    // A second great one, and one that is greater than both.
    add(10_001, "slow", "sync", "available");
    add(130_000, "web", "async", "available");
    assert_eq!(ready(), [("mail".to_owned(), 22_345), ("slow".to_owned(), 10_001), ("web".to_owned(), 130_000)]);
    let queues = reader.queues(NOW).expect("the queues");
    assert_eq!(queues[2].oldest_waiting_at, Some(later(0) + workaday_core::clock::Length(-130_000)));
}

#[test]
fn jobs_are_listed_newest_first_and_in_pages() {
    let (mut subject, reader) = store();
    for number in 1..=6 {
        let tags = (number % 2 == 0).then(|| "[\"even\",\"x\"]".to_owned());
        subject.enqueue(&NewJob { tags, task: format!("shop.t{}", number % 3), ..job(number) });
    }
    let key = subject.key_of(5);
    let fence = subject.claim(key).expect("it was ready");
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");
    let held = subject.key_of(1);
    subject.write(|store| store.hold_job(held, HeldCode::Quarantine, None)).expect("a mark");

    let keys = |filter: &JobFilter| reader.jobs(filter).expect("a list").iter().map(|job| job.key.0).collect::<Vec<_>>();
    let all = JobFilter::default();
    assert_eq!(keys(&all), [6, 5, 4, 3, 2, 1]);
    assert_eq!(keys(&JobFilter { limit: 2, ..all.clone() }), [6, 5]);
    assert_eq!(keys(&JobFilter { limit: 2, before: Some(JobKey(5)), ..all.clone() }), [4, 3]);
    assert_eq!(keys(&JobFilter { state: Some(State::Completed), ..all.clone() }), [5]);
    assert_eq!(keys(&JobFilter { state: Some(State::Available), ..all.clone() }), [6, 4, 3, 2, 1]);
    assert_eq!(keys(&JobFilter { task: Some("shop.t2".into()), ..all.clone() }), [5, 2]);
    assert_eq!(keys(&JobFilter { tag: Some("even".into()), ..all.clone() }), [6, 4, 2]);
    assert_eq!(keys(&JobFilter { queue: Some("mail".into()), ..all.clone() }), [0; 0]);
    assert_eq!(keys(&JobFilter { held: Some(true), ..all.clone() }), [1]);
    assert_eq!(keys(&JobFilter { held: Some(false), ..all.clone() }), [6, 5, 4, 3, 2]);
    assert_eq!(keys(&JobFilter { since: Some(later(1)), ..all.clone() }), [0; 0]);
}

#[test]
fn a_job_is_found_by_its_id_or_a_beginning_that_names_only_one() {
    let (mut subject, reader) = store();
    subject.enqueue(&NewJob { id: "0190aaaa-0000-7000-8000-000000000001".parse().expect("an id"), ..job(1) });
    subject.enqueue(&NewJob { id: "0190aaaa-0000-7000-8000-000000000002".parse().expect("an id"), ..job(2) });
    subject.enqueue(&NewJob { id: "0190bbbb-0000-7000-8000-000000000001".parse().expect("an id"), ..job(3) });
    let key = subject.key_of_id("0190bbbb-0000-7000-8000-000000000001");
    let fence = subject.claim(key).expect("it was ready");
    subject.settle(key, fence, Outcome::Completed, &USUAL).expect("it was running");

    let found = reader.find_job("0190BBBB").expect("only one begins so");
    assert_eq!((found.summary.key, found.summary.state, found.result.as_deref()), (key, State::Completed, Some("1")));
    assert_eq!(reader.find_job("0190aaaa-0000-7000-8000-000000000002").expect("a whole id").summary.key, JobKey(2));
    for (text, code) in [
        ("0190aaaa", "job.id_ambiguous"),
        ("0190cccc", "job.not_found"),
        ("0190aaa", "job.id_invalid"),
        ("zebra-horses", "job.id_invalid"),
        ("", "job.id_invalid"),
    ] {
        assert_eq!(reader.find_job(text).expect_err(text).problem().code, code, "{text}");
    }
    assert!(reader.job(id(9)).expect("a look").is_none());
}

impl Subject {
    fn key_of_id(&mut self, text: &str) -> JobKey {
        let wanted = text.parse().expect("an id");
        self.store
            .claimable(Lane::Sync, "default", NOW, 10)
            .expect("candidates")
            .iter()
            .find(|job| job.id == wanted)
            .expect("it is ready")
            .key
    }
}

#[test]
fn attempts_and_logs_are_read_in_order_and_followed() {
    let (mut subject, reader) = store();
    let (key, fence) = subject.running(1);
    let line = |fence: Fence, seq| LogLine {
        job: key,
        fence,
        seq,
        at: NOW,
        stream: "stdout",
        level: None,
        logger: Some("app".into()),
        text: format!("{}.{seq}", fence.0),
    };
    subject.write(|store| store.append_logs(&[line(fence, 1), line(fence, 2)])).expect("lines");
    subject.settle(key, fence, Outcome::Rescued, &USUAL).expect("it was running");
    let again = subject.claim(key).expect("it is ready again");
    subject.write(|store| store.append_logs(&[line(again, 1)])).expect("lines");
    subject.settle(key, again, Outcome::Completed, &USUAL).expect("it was running");

    let texts = |after, limit| reader.logs(key, after, limit).expect("lines").into_iter().map(|line| line.text).collect::<Vec<_>>();
    assert_eq!(texts(None, 0), ["1.1", "1.2", "2.1"]);
    assert_eq!(texts(Some((fence, 1)), 1), ["1.2"]);
    assert_eq!(texts(Some((fence, 2)), 0), ["2.1"]);
    assert_eq!(texts(Some((again, 1)), 0), Vec::<String>::new());
    let last = |limit| reader.last_logs(key, limit).expect("lines").into_iter().map(|line| line.text).collect::<Vec<_>>();
    assert_eq!(last(2), ["1.2", "2.1"]);
    assert_eq!(last(9), ["1.1", "1.2", "2.1"]);
    let attempts = reader.attempts(key).expect("attempts");
    let ends: Vec<_> = attempts.iter().map(|end| (end.fence.0, end.attempt, end.outcome.as_str())).collect();
    assert_eq!(ends, [(1, 1, "rescued"), (2, 1, "completed")]);
}

#[test]
fn short_tables_are_read_whole_and_a_reader_cannot_write() {
    let (mut subject, reader) = store();
    let entry: workaday_core::catalogue::TaskEntry = serde_json::from_str("{\"name\":\"shop.a\",\"kind\":\"async\"}").expect("an entry");
    subject.write(|store| store.put_catalogue(&[(entry, "{}".into())], &[], Some("r1"), NOW)).expect("a catalogue");
    subject.enqueue(&job(1));
    subject.write(|store| store.cancel(id(1), &by(), NOW)).expect("a cancel");
    subject.write(|store| store.raise_alert("c", "s", "m", NOW)).expect("an alert");
    subject.write(|store| store.close_alert("c", "s", NOW)).expect("its end");
    let worker = workaday_store::WorkerRow { kind: "sync", pid: 1, boot_id: "b".into(), process_started_at: 1, release: None, info: None };
    subject.write(|store| store.open_worker(suite::GENERATION, &worker, NOW)).expect("a worker");

    let task = &reader.tasks().expect("tasks")[0];
    assert_eq!((task.name.as_str(), task.lane, task.present, task.release.as_deref()), ("shop.a", Lane::Async, true, Some("r1")));
    assert_eq!(reader.audit(None, 0).expect("the trail")[0].action, "cancel");
    assert!(reader.audit(Some(1), 0).expect("the trail").is_empty());
    assert!(reader.alerts(false, None, 0).expect("alerts").is_empty());
    assert_eq!(reader.alerts(true, None, 0).expect("alerts").len(), 1);
    assert_eq!(reader.workers(false, 0).expect("workers")[0].kind, "sync");
    assert!(reader.holds(true).expect("holds").is_empty());
}

/// A newer version, or a hand, wrote what this version does not know: the row is named, nothing is guessed.
#[test]
fn what_cannot_be_read_is_said_with_its_code() {
    let (mut subject, reader) = store();
    subject.enqueue(&job(1));
    let entry = (serde_json::from_value(serde_json::json!({"name": "shop.send", "kind": "sync"})).expect("an entry"), "{}".to_owned());
    subject.write(|store| store.put_catalogue(&[entry], &[], None, NOW)).expect("a catalogue");
    (subject.run_sql)("PRAGMA ignore_check_constraints = ON");
    (subject.run_sql)("UPDATE workaday_jobs SET state = 'strange'");
    (subject.run_sql)("UPDATE workaday_tasks SET entry = 'nonsense'");
    let code = |error: workaday_store::StoreError| error.problem().code.into_owned();
    assert_eq!(code(reader.jobs(&JobFilter::default()).expect_err("a strange row")), "store.row_unreadable");
    assert_eq!(code(subject.store.catalogue().expect_err("a strange entry")), "store.catalogue_unreadable");
    let released = subject.write(|store| store.release_hold(Some("shop.send"), None, Some("a=1"), &by(), NOW));
    assert_eq!(code(released.expect_err("no JSON")), "hold.where_invalid");
}

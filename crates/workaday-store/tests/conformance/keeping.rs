//! The catalogue, workers, alerts, terms, and what others did.

use super::{NOW, Subject, job, later};
use serde_json::json;
use workaday_core::catalogue::TaskEntry;
use workaday_core::job::Generation;
use workaday_store::WorkerRow;

fn entry(name: &str) -> (TaskEntry, String) {
    let value = json!({"name": name, "kind": "sync", "queue": "mail", "unknown_field": 1});
    (serde_json::from_value(value.clone()).expect("an entry"), value.to_string())
}

pub fn the_catalogue_is_replaced_and_absent_tasks_are_kept(subject: &mut Subject) {
    let names =
        |subject: &mut Subject| subject.store.catalogue().expect("the catalogue").into_iter().map(|task| task.name).collect::<Vec<_>>();
    subject.write(|store| store.put_catalogue(&[entry("shop.a"), entry("shop.b")], &[], Some("r1"), NOW)).expect("a catalogue");
    assert_eq!(names(subject), ["shop.a", "shop.b"]);
    subject.write(|store| store.put_catalogue(&[entry("shop.b"), entry("shop.c")], &[], Some("r2"), later(1))).expect("a catalogue");
    assert_eq!(names(subject), ["shop.b", "shop.c"]);
    assert_eq!(
        (subject.run_sql)("UPDATE workaday_tasks SET present = present WHERE name = 'shop.a' AND present = 0 AND release = 'r1'"),
        1
    );
    // The store keeps what this version does not know of an entry.
    assert_eq!((subject.run_sql)("UPDATE workaday_tasks SET present = present WHERE entry LIKE '%unknown_field%'"), 3);
    subject.write(|store| store.put_catalogue(&[entry("shop.a")], &[], Some("r3"), later(2))).expect("a catalogue");
    assert_eq!(names(subject), ["shop.a"]);
    // A side that did not speak keeps its tasks, as they were stated.
    subject.write(|store| store.put_catalogue(&[entry("shop.b")], &["shop.a".into()], Some("r4"), later(3))).expect("a catalogue");
    assert_eq!(names(subject), ["shop.a", "shop.b"]);
    assert_eq!((subject.run_sql)("UPDATE workaday_tasks SET present = present WHERE name = 'shop.a' AND release = 'r3'"), 1);
}

pub fn workers_are_opened_touched_and_closed(subject: &mut Subject) {
    let row = |kind| WorkerRow { kind, pid: 4_711, boot_id: "b".into(), process_started_at: 99, release: None, info: None };
    let (old, other) = subject.write(|store| {
        let open = |store: &mut dyn workaday_store::Store, kind| store.open_worker(Generation(1), &row(kind), NOW).expect("a worker");
        (open(store, "supervisor"), open(store, "sync"))
    });
    subject.write(|store| store.touch_workers(Generation(1), later(5))).expect("a heartbeat");
    assert_eq!((subject.run_sql)(&format!("UPDATE workaday_workers SET pid = pid WHERE seen_at = {}", later(5).0)), 2);
    subject.write(|store| store.close_worker(other, "exit 0", later(6))).expect("an end");
    subject.write(|store| store.close_worker(other, "signal 9", later(7))).expect("an end, again");
    assert_eq!((subject.run_sql)("UPDATE workaday_workers SET pid = pid WHERE end_cause = 'exit 0'"), 1, "the first word stands");
    let left = subject.store.leftovers(Generation(2)).expect("the leftovers");
    assert_eq!(left.iter().map(|left| (left.worker, left.pid, left.kind.as_str())).collect::<Vec<_>>(), [(old, 4_711, "supervisor")]);
    assert!(subject.store.leftovers(Generation(1)).expect("the leftovers").is_empty());
}

pub fn an_alert_is_counted_up_while_open(subject: &mut Subject) {
    for (message, at) in [("first", NOW), ("second", later(1))] {
        subject.write(|store| store.raise_alert("job.discarded", "shop.send", message, at)).expect("an alert");
    }
    subject.write(|store| store.raise_alert("job.discarded", "shop.other", "x", NOW)).expect("an alert");
    assert!(
        subject
            .holds("workaday_alerts", &format!("count = 2 AND message = 'second' AND first_at = {} AND last_at = {}", NOW.0, later(1).0))
    );
    subject.write(|store| store.close_alert("job.discarded", "shop.send", later(2))).expect("its end");
    subject.write(|store| store.raise_alert("job.discarded", "shop.send", "again", later(3))).expect("an alert");
    assert!(subject.holds("workaday_alerts", "count = 1 AND message = 'again' AND closed_at IS NULL"), "a new matter after the old one");
}

pub fn generations_only_rise(subject: &mut Subject) {
    let first = subject.write(|store| store.next_generation()).expect("a term");
    let second = subject.write(|store| store.next_generation()).expect("a term");
    assert_eq!((first, second), (Generation(1), Generation(2)));
}

pub fn changed_tells_of_others_not_of_ourselves(subject: &mut Subject) {
    subject.store.changed().expect("the first look");
    assert!(!subject.store.changed().expect("a look"));
    subject.enqueue(&job(1));
    assert!(!subject.store.changed().expect("a look"), "our own commit is no news");
    (subject.run_sql)("UPDATE workaday_jobs SET priority = 1");
    assert!(subject.store.changed().expect("a look"));
    assert!(!subject.store.changed().expect("a look"));
}

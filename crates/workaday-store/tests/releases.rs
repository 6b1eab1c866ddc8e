//! What the operating practices keep: ages of backups, one open release, steps that are taken up again.

use workaday_core::clock::Timestamp;
use workaday_store::sqlite::{NewBackup, NewRelease, OpenOptions, SqliteStore};
use workaday_store::{Durability, Store, open_reader};

fn backup(path: &str, at: i64) -> NewBackup {
    NewBackup {
        path: path.into(),
        sha256: format!("sum of {path}"),
        why: "by hand".into(),
        at: Timestamp(at),
        took_us: 1,
        bytes: 2,
        stored_bytes: 1,
        schema: 7,
        counts: "{}".into(),
    }
}

fn release(reason: &str) -> NewRelease {
    NewRelease { kind: "release", revision: "abc".into(), previous: None, reason: reason.into(), owner: "ops".into(), plan: "{}".into() }
}

#[test]
fn the_age_of_backups_is_that_of_the_newest_file_that_is_there_and_of_the_last_proof() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let mut store = SqliteStore::open(&path, OpenOptions::default()).expect("a store");
    let reader = open_reader(&path).expect("a reader");
    assert_eq!(reader.backup_status().expect("read"), Default::default(), "none was ever made");
    store.begin(Durability::Full).expect("begin");
    let place = |name: &str| folder.path().join(name).display().to_string();
    for (name, at) in [("one", 1), ("two", 2), ("three", 3), ("four", 4)] {
        std::fs::write(place(name), "a backup").expect("a file");
        store.write_backup(&NewBackup { path: place(name), ..backup(name, at) }).expect("written");
    }
    assert!(store.prove_backup("sum of one", "{}", Timestamp(9)).expect("proved"));
    assert!(!store.prove_backup("sum of another", "{}", Timestamp(9)).expect("asked"), "not one of ours");
    store.remove_backup(&place("four"), Timestamp(5)).expect("rotated");
    store.commit().expect("commit");
    let status = reader.backup_status().expect("read");
    assert_eq!((status.newest.map(|row| row.at), status.gone), (Some(Timestamp(3)), None));
    assert_eq!(status.proved.map(|row| (row.path, row.proved_at)), Some((place("one"), Some(Timestamp(9)))));
    std::fs::remove_file(place("three")).expect("by hand");
    let status = reader.backup_status().expect("read");
    assert_eq!(status.newest.map(|row| row.at), Some(Timestamp(2)), "the record alone is no backup");
    assert_eq!(status.gone.map(|row| row.at), Some(Timestamp(3)));
}

#[test]
fn one_release_is_open_at_a_time_and_a_step_that_was_cut_off_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    let mut store = SqliteStore::open(&path, OpenOptions::default()).expect("a store");
    let reader = open_reader(&path).expect("a reader");
    store.begin(Durability::Full).expect("begin");
    let first = store.open_release(&release("one"), Timestamp(1)).expect("opened");
    assert!(store.open_release(&release("two"), Timestamp(2)).is_err(), "the first has not ended");
    store.begin_step(first, 0, "backup", Timestamp(3)).expect("begun");
    store.begin_step(first, 0, "backup", Timestamp(5)).expect("begun again");
    store.end_step(first, 0, "done", "{}", Timestamp(6)).expect("ended");
    store.close_release(first, "done", Some("same"), "# no", Timestamp(7)).expect("closed");
    store.put_note(first, "# note").expect("noted");
    let second = store.open_release(&release("two"), Timestamp(8)).expect("opened");
    store.commit().expect("commit");
    let steps = reader.release_steps(first).expect("read");
    assert_eq!((steps[0].tries, steps[0].began_at, steps[0].state.as_str()), (2, Timestamp(5), "done"));
    assert_eq!(reader.release(first).expect("read").and_then(|row| row.note).as_deref(), Some("# note"));
    assert_eq!(reader.release(second + 1).expect("read"), None);
    let numbers: Vec<i64> = reader.releases(None, 10).expect("read").iter().map(|row| row.release).collect();
    assert_eq!(numbers, [second, first]);
}

//! A store of schema 1, with work in it, becomes one of schema 2: nothing lost, a backup beside it, and the way back.

use rusqlite::Connection;
use std::path::Path;
use workaday_store::migrate::{self, MIGRATIONS, NEWEST};
use workaday_store::{OpenOptions, SqliteStore, Store};

/// A file as workaday 0.1 left it: one job that waits, one that has finished.
fn schema_1(path: &Path) {
    let connection = Connection::open(path).expect("a new file");
    connection.execute_batch("PRAGMA journal_mode = WAL").expect("wal");
    connection.execute_batch(MIGRATIONS[0].up).expect("schema 1");
    connection
        .execute_batch(
            "INSERT INTO workaday_meta VALUES ('schema','1'),('min_reader','1'),('min_writer','1'),('instance_id','golden'),
               ('instance_bound','0'),('generation','3');
             INSERT INTO workaday_jobs (id, task, queue, lane, state, run_at, args, created_at)
               VALUES (x'00000000000070008000000000000001', 'shop.send', 'mail', 'sync', 'available', 5, '{\"order_id\":42}', 5);
             INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, run_at, args, result, attempt, attempt_extra, fence,
               created_at, finished_at)
               VALUES (900, x'00000000000070008000000000000002', 'shop.send', 'mail', 0, 'sync', 'completed', 1, '{}', '7', 1, 0, 1, 1, 2);",
        )
        .expect("rows of schema 1");
}

fn count(path: &Path, table: &str) -> i64 {
    let connection = Connection::open(path).expect("the file");
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a count")
}

#[test]
fn a_store_of_schema_1_migrates_with_a_backup_and_keeps_its_work() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("workaday.db");
    schema_1(&path);
    let mut store = SqliteStore::open(&path, OpenOptions { migrate: true, ..OpenOptions::default() }).expect("it migrates");
    assert!(store.schedules().expect("a new table").is_empty());
    drop(store);
    let backup = folder.path().join("workaday.db.before-0002");
    assert_eq!((count(&path, "workaday_jobs"), count(&path, "workaday_finished")), (1, 1));
    assert_eq!((count(&backup, "workaday_jobs"), count(&backup, "workaday_finished")), (1, 1));
    let connection = Connection::open(&path).expect("the file");
    assert_eq!(migrate::verify(&connection, "golden").expect("it can be compared"), Vec::<String>::new());
    let found = migrate::schema(&connection, "golden").expect("readable").expect("ours");
    assert_eq!((found.number, found.min_reader, found.min_writer), (NEWEST, 1, 1), "programs of schema 1 go on working beside it");
}

#[test]
fn every_migration_goes_up_and_down_and_up_again() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("workaday.db");
    schema_1(&path);
    let mut connection = Connection::open(&path).expect("the file");
    for _ in 0..2 {
        migrate::apply(&mut connection, &path).expect("up");
        assert_eq!(migrate::verify(&connection, "up").expect("compared"), Vec::<String>::new());
        connection
            .execute("UPDATE workaday_jobs SET state = 'pending', schedule = 's', tick = '{}'", [])
            .expect("a job that waits for its schedule");
        migrate::roll_back(&mut connection, &path, 1).expect("down");
        assert_eq!(migrate::verify(&connection, "down").expect("compared"), Vec::<String>::new());
        let state: String = connection.query_row("SELECT state FROM workaday_jobs", [], |row| row.get(0)).expect("the job");
        assert_eq!(state, "available", "it does not wait for what is no longer known");
    }
}

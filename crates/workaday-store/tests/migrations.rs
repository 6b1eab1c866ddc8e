//! Migrations up, down, up; backups; and stores that this program must not touch.

use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use workaday_core::clock::Timestamp;
use workaday_core::explain::{Explain, RetryAdvice};
use workaday_store::migrate::{self, MIGRATIONS, NEWEST};
use workaday_store::sqlite::checkpoint::{Checkpoint, Checkpointer};
use workaday_store::sqlite::instance::Binding;
use workaday_store::{Durability, OpenOptions, SqliteStore, Store, open_reader};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }
    fn database(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder").join("workaday.db")
    }
    fn plain(&self) -> Connection {
        Connection::open(self.database()).expect("a plain connection")
    }
    fn sql(&self, sql: &str) {
        self.plain().execute_batch(sql).expect("the statement of the test");
    }
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
    fn open(&self) -> Result<SqliteStore, workaday_store::StoreError> {
        SqliteStore::open(self.database(), OpenOptions::default())
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("the file").permissions().mode() & 0o777
}

#[test]
fn a_fresh_store_is_private_whole_and_of_the_newest_schema() {
    let place = Place::new();
    let store = place.open().expect("a fresh store");
    assert!(!store.is_app_file());
    for suffix in ["", "-wal", "-shm", "-turn"] {
        let path = PathBuf::from(format!("{}{suffix}", place.database().display()));
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let plain = place.plain();
    assert_eq!(migrate::schema(&plain, "x").expect("a look").map(|schema| schema.number), Some(NEWEST));
    assert_eq!(migrate::verify(&plain, "x").expect("a look"), Vec::<String>::new());
    let owned_by_the_app: (i64, i64) = plain
        .query_row("SELECT user_version, application_id FROM pragma_user_version, pragma_application_id", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("the app's numbers");
    assert_eq!(owned_by_the_app, (0, 0));
}

#[test]
fn every_migration_goes_up_down_and_up_again() {
    let place = Place::new();
    drop(place.open().expect("a fresh store"));
    for target in (0..NEWEST).rev() {
        let mut plain = place.plain();
        let report = migrate::roll_back(&mut plain, &place.database(), target).expect("the way back");
        assert_eq!((report.from, report.to), (NEWEST, target));
        assert!(report.backup.is_some_and(|path| path.exists()), "a backup comes first");
        assert_eq!(migrate::schema(&plain, "x").expect("a look").map_or(0, |schema| schema.number), target);
        assert_eq!(migrate::verify(&plain, "x").expect("a look"), Vec::<String>::new());
        let report = migrate::apply(&mut plain, &place.database()).expect("the way up");
        assert_eq!(report.to, NEWEST);
        assert_eq!(migrate::verify(&plain, "x").expect("a look"), Vec::<String>::new());
    }
    assert_eq!(MIGRATIONS.iter().map(|step| step.number).collect::<Vec<_>>(), (1..=NEWEST).collect::<Vec<_>>(), "numbered without a gap");
}

#[test]
fn the_way_back_touches_only_our_tables() {
    let place = Place::new();
    place.sql(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY); INSERT INTO orders VALUES (1); PRAGMA user_version = 42; PRAGMA application_id = 7",
    );
    drop(place.open().expect("an app's file"));
    migrate::roll_back(&mut place.plain(), &place.database(), 0).expect("the way back");
    let left: Vec<String> = {
        let plain = place.plain();
        let mut statement = plain.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'").expect("a look");
        statement.query_map([], |row| row.get(0)).expect("a look").collect::<Result<_, _>>().expect("names")
    };
    assert_eq!(left, ["orders"]);
    let kept: (i64, i64, i64) = place
        .plain()
        .query_row(
            "SELECT user_version, application_id, (SELECT count(*) FROM orders) FROM pragma_user_version, pragma_application_id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .expect("the app's own");
    assert_eq!(kept, (42, 7, 1));
}

#[test]
fn a_backup_is_private_whole_and_never_overwritten() {
    let place = Place::new();
    drop(place.open().expect("a fresh store"));
    let first = migrate::back_up(&place.database(), 2).expect("a backup");
    let second = migrate::back_up(&place.database(), 2).expect("another");
    assert!(first.ends_with("workaday.db.before-0002") && second.ends_with("workaday.db.before-0002-2"), "{first:?} {second:?}");
    for copy in [&first, &second] {
        assert_eq!(mode(copy), 0o600);
        let plain = Connection::open(copy).expect("the copy opens");
        assert_eq!(plain.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).expect("a check"), "ok");
        assert_eq!(migrate::verify(&plain, "x").expect("a look"), Vec::<String>::new());
    }
    assert!(!place.files().iter().any(|name| name.contains(".partial")), "{:?}", place.files());
}

#[test]
fn a_newer_schema_is_refused_unless_it_says_that_we_may() {
    let place = Place::new();
    drop(place.open().expect("a fresh store"));
    place.sql(&format!("UPDATE workaday_meta SET value = '{}' WHERE name IN ('schema', 'min_writer')", NEWEST + 1));
    let refused = place.open().err().expect("too new to write").problem();
    assert_eq!((refused.code.as_ref(), refused.retry), ("store.newer_schema", RetryAdvice::SafeAfterFix));
    assert!(refused.message.contains("workaday.db") && !refused.expected.is_empty() && refused.hint.is_some());
    // The newer program says that older ones may still read.
    open_reader(place.database()).expect("a reader").status(Timestamp(0)).expect("the status");
    place.sql(&format!("UPDATE workaday_meta SET value = '{}' WHERE name = 'min_reader'", NEWEST + 1));
    assert_eq!(open_reader(place.database()).err().expect("too new to read").problem().code, "store.newer_schema");
    place.sql(&format!("UPDATE workaday_meta SET value = '{NEWEST}' WHERE name IN ('min_reader', 'min_writer')"));
    place.open().expect("newer, but it says that we may write");
    assert_eq!(
        migrate::apply(&mut place.plain(), &place.database()).expect_err("never down by itself").problem().code,
        "store.newer_schema"
    );
}

#[test]
fn an_older_schema_is_refused_until_it_is_migrated() {
    let place = Place::new();
    drop(place.open().expect("a fresh store"));
    // As if this program knew one migration more than the file.
    place.sql("UPDATE workaday_meta SET value = '0' WHERE name = 'schema'");
    assert_eq!(place.open().err().expect("too old").problem().code, "store.older_schema");
    assert_eq!(open_reader(place.database()).err().expect("too old").problem().code, "store.older_schema");
}

#[test]
fn an_apps_file_is_known_and_its_changed_journal_mode_is_said() {
    let place = Place::new();
    place.sql("CREATE TABLE orders (id INTEGER PRIMARY KEY)");
    std::fs::set_permissions(place.database(), std::fs::Permissions::from_mode(0o644)).expect("the app's own mode");
    let store = place.open().expect("an app's file");
    assert!(store.is_app_file());
    let codes: Vec<_> = store.notices().iter().map(|notice| notice.code.to_string()).collect();
    assert!(codes.contains(&"store.journal_mode_changed".to_owned()), "{codes:?}");
    assert_eq!(mode(&place.database()), 0o644, "never chmod'ed");
    drop(store);
    let again = place.open().expect("the second time");
    assert!(!again.notices().iter().any(|notice| notice.code == "store.journal_mode_changed"), "said once");
}

#[test]
fn our_own_file_is_switched_to_wal_without_a_word() {
    let place = Place::new();
    drop(place.open().expect("a fresh store"));
    place.sql("PRAGMA journal_mode = DELETE");
    let store = place.open().expect("our own file");
    assert!(!store.notices().iter().any(|notice| notice.code == "store.journal_mode_changed"));
    assert_eq!(place.plain().query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).expect("a look"), "wal");
}

#[test]
fn what_is_no_store_is_refused_in_the_stores_words() {
    let place = Place::new();
    let missing =
        SqliteStore::open(place.database(), OpenOptions { create: false, ..OpenOptions::default() }).err().expect("nothing there");
    assert_eq!(missing.problem().code, "store.missing");
    assert_eq!(open_reader(place.database()).err().expect("nothing there").problem().code, "store.missing");

    std::fs::create_dir(place.database()).expect("a folder in its place");
    assert_eq!(place.open().err().expect("a folder").problem().code, "store.not_a_file");
    // Who only reads is not told of a disk that is broken.
    assert_eq!(open_reader(place.database()).err().expect("a folder").problem().code, "store.not_a_file");
    std::fs::remove_dir(place.database()).expect("away with it");

    std::os::unix::fs::symlink("/dev/null", place.database()).expect("a link in its place");
    assert_eq!(place.open().err().expect("a link").problem().code, "store.not_a_file");
    std::fs::remove_file(place.database()).expect("away with it");

    place.sql("CREATE TABLE orders (id INTEGER)");
    assert_eq!(open_reader(place.database()).err().expect("no tables of ours").problem().code, "store.tables_missing");

    let nowhere = SqliteStore::open("/proc/nowhere/workaday.db", OpenOptions::default()).err().expect("no folder can be made there");
    let problem = nowhere.problem();
    assert_eq!(problem.code, "store.folder_unwritable");
    assert!(problem.message.contains("/proc/nowhere") && problem.hint.is_some());

    for deep in ["workaday.db", "jobs/deep/workaday.db"] {
        let in_the_way = place.database().with_file_name("data");
        std::fs::write(&in_the_way, "").expect("a file where the folder should be");
        let problem = SqliteStore::open(in_the_way.join(deep), OpenOptions::default()).err().expect("no folder there").problem();
        assert_eq!(problem.code, "store.folder_unwritable");
        assert!(problem.hint.clone().is_some_and(|hint| hint.contains("data` is a file: move it away")), "{problem}");
    }
}

#[test]
fn two_programs_that_make_the_tables_together_both_succeed() {
    let place = Place::new();
    let path = place.database();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn({
                let path = path.clone();
                move || SqliteStore::open(path, OpenOptions::default()).map(|_| ())
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic").expect("a store");
    }
    assert_eq!(migrate::verify(&place.plain(), "x").expect("a look"), Vec::<String>::new());
}

// -- the instance ----------------------------------------------------------------------------------------------------

fn bound(place: &Place) -> SqliteStore {
    let mut store = place.open().expect("a fresh store");
    assert_eq!(store.check_binding().expect("a look"), Binding::Unbound);
    store.begin(Durability::Full).expect("the write lock");
    store.bind_instance().expect("the binding");
    store.commit().expect("the commit");
    assert_eq!(store.check_binding().expect("a look"), Binding::Bound);
    store
}

#[test]
fn a_copied_file_is_found_out() {
    let place = Place::new();
    drop(bound(&place));
    // The file alone is copied, so what is in the WAL must be in it: only the supervisor's last close does that by itself.
    Checkpointer::open(place.database()).and_then(|checkpointer| checkpointer.run(Checkpoint::Truncate)).expect("a checkpoint");
    let copy = place.folder.path().join("copy.db");
    std::fs::copy(place.database(), &copy).expect("a copy");
    let store = SqliteStore::open(&copy, OpenOptions::default()).expect("the copy opens");
    assert!(matches!(store.check_binding().expect("a look"), Binding::Copy { .. }));
}

#[test]
fn a_copied_folder_is_found_out_and_can_be_adopted() {
    let place = Place::new();
    let original = bound(&place).instance_id().expect("an id");
    let elsewhere = Place::new();
    for name in place.files() {
        std::fs::copy(place.folder.path().join(&name), elsewhere.folder.path().join(&name)).expect("a copy");
    }
    let mut store = elsewhere.open().expect("the copy opens");
    assert!(matches!(store.check_binding().expect("a look"), Binding::Copy { .. }));
    assert_eq!(store.instance_id().expect("an id"), original);
    store.begin(Durability::Full).expect("the write lock");
    let adopted = store.adopt_instance().expect("the adoption");
    store.commit().expect("the commit");
    assert_ne!(adopted, original);
    assert_eq!(store.check_binding().expect("a look"), Binding::Bound);
    assert_eq!(place.open().expect("the original").check_binding().expect("a look"), Binding::Bound, "the original is not disturbed");
    assert_eq!(mode(&elsewhere.folder.path().join("workaday.db-instance")), 0o600);
}

#[test]
fn an_adoption_that_was_rolled_back_leaves_a_copy() {
    let place = Place::new();
    let mut store = bound(&place);
    store.begin(Durability::Full).expect("the write lock");
    store.adopt_instance().expect("the adoption");
    store.rollback();
    assert!(matches!(store.check_binding().expect("a look"), Binding::Copy { .. }), "paused until somebody adopts it again");
}

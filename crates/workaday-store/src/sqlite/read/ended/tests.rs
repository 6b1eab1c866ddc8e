//! Kept counts say what counting anew says, whatever happens to history; and they do not walk through it.

use super::*;
use crate::sqlite::{OpenOptions, SqliteStore};
use crate::store::{ByHand, Durability, PruneBefore, Store};
use crate::{Act, open_reader};
use std::path::PathBuf;
use std::sync::Arc;
use workaday_core::job::JobId;

const NOW: Timestamp = Timestamp(1_800_000_000_123_456);

/// History of one store, a reader that keeps its counts, and one that counts anew.
struct History {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: SqliteStore,
    keeping: Reader,
    anew: Reader,
    jobs: u128,
    chance: u64,
}

impl History {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("workaday.db");
        let store = SqliteStore::open(&path, OpenOptions::default()).expect("a fresh store");
        let keeping = open_reader(&path).expect("a reader").keeping(Arc::default());
        let anew = open_reader(&path).expect("a reader");
        Self { _folder: folder, path, store, keeping, anew, jobs: 0, chance: 7 }
    }

    /// The same every time: below `below`.
    fn any(&mut self, below: i64) -> i64 {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) as i64 % below
    }

    fn id(number: u128) -> JobId {
        JobId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number))
    }

    /// Jobs that ended at these instants.
    fn end(&mut self, ended: &[(State, i64)]) {
        let side = rusqlite::Connection::open(&self.path).expect("a second connection");
        side.execute_batch("PRAGMA synchronous = OFF; BEGIN").expect("a transaction");
        for (state, at) in ended {
            self.jobs += 1;
            let insert =
                "INSERT INTO workaday_finished (key, id, task, queue, priority, lane, state, run_at, args, attempt, attempt_extra, fence,
                created_at, finished_at) VALUES (?, ?, 't', 'q', 0, 'sync', ?, 0, '{}', 1, 0, 1, 0, ?)";
            side.execute(insert, params![self.jobs as i64, Self::id(self.jobs).0.as_bytes(), state.as_str(), at]).expect("a row");
        }
        side.execute_batch("COMMIT").expect("the commit");
    }

    fn write<T>(&mut self, act: impl FnOnce(&mut SqliteStore) -> Result<T>) -> T {
        self.store.begin(Durability::Lazy).expect("the write lock");
        let done = act(&mut self.store).expect("the act");
        self.store.commit().expect("the commit");
        done
    }

    fn compare(&mut self, now: Timestamp, when: &str) {
        assert_eq!(self.keeping.status(now).expect("a status"), self.anew.status(now).expect("a status"), "{when}");
        for _ in 0..10 {
            let back = [SECOND, MINUTE, HOUR, 24 * HOUR, 200 * HOUR][self.any(5) as usize];
            let since = now - Length(self.any(back));
            let until = since + Length(self.any(back));
            let of = |reader: &Reader| reader.finished_in(since, until, i64::MAX - 1).expect("counts");
            assert_eq!(of(&self.keeping), of(&self.anew), "{when}: from {since} to {until}");
        }
    }
}

#[test]
fn kept_counts_say_what_counting_anew_says() {
    let mut history = History::new();
    history.compare(NOW, "nothing yet");
    let week: Vec<(State, i64)> = (0..400).map(|number| (FINAL[number % 3], NOW.0 - history.any(170 * HOUR))).collect();
    history.end(&week);
    // An ancient row costs one look, not one for each hour since.
    history.end(&[(State::Completed, 3), (State::Discarded, NOW.0 + HOUR)]);
    let by = ByHand { who: "ada".into(), why: None };
    let mut now = NOW;
    for turn in 0..150 {
        let what = history.any(8);
        // Seconds mostly, sometimes hours, once in a while days without a look.
        now = now + Length([SECOND, 20 * SECOND, 2 * MINUTE, 3 * HOUR, 30 * HOUR][[0, 0, 0, 1, 1, 2, 3, 4][history.any(8) as usize]]);
        let number = 1 + history.any(history.jobs as i64) as u128;
        match what {
            0 => {
                let days = 1 + history.any(6);
                let before = now - Length::days(days);
                history.write(|store| {
                    store.prune(&PruneBefore { completed: before, cancelled: before - Length::hours(5), discarded: before }, 100)
                });
            }
            1 => drop(history.write(|store| store.retry(History::id(number), 1, &by, now))),
            2 => drop(history.write(|store| store.delete(History::id(number), &by, now))),
            _ => {
                let several: Vec<_> =
                    (0..history.any(9)).map(|_| (FINAL[history.any(3) as usize], now.0 - history.any(5 * SECOND))).collect();
                history.end(&several);
            }
        }
        history.compare(now, &format!("turn {turn}, after {what}"));
    }
    assert!(history.jobs > 600);
    history.end(&[(State::Completed, NOW.0 - HOUR)]);
    history.compare(NOW, "the clock was set back");
}

#[test]
fn what_other_hands_took_out_is_found_when_all_is_counted_anew() {
    let mut history = History::new();
    history.end(&[(State::Completed, NOW.0 - HOUR), (State::Completed, NOW.0 - 2 * HOUR), (State::Completed, NOW.0 - 3 * HOUR)]);
    let completed = |history: &History| history.keeping.finished_in(Timestamp(0), NOW, 100).expect("counts").completed.number;
    history.keeping.advance_ended(NOW).expect("counted");
    let side = rusqlite::Connection::open(&history.path).expect("a second connection");
    side.execute("DELETE FROM workaday_finished WHERE key = 2", []).expect("a row less");
    history.keeping.advance_ended(NOW).expect("counted");
    assert_eq!(completed(&history), 3, "nobody told");
    let ended = Arc::clone(history.keeping.ended.as_ref().expect("it keeps them"));
    ended.recount(&history.anew, NOW).expect("counted");
    assert_eq!(completed(&history), 2);
    assert!(matches!(history.write(|store| store.delete(History::id(1), &ByHand { who: "ada".into(), why: None }, NOW)), Act::Done));
    history.compare(NOW, "after an act");
}

/// A plan can name the index and still step over every row of it, so the steps are counted.
#[test]
fn a_status_does_not_walk_through_history() {
    let mut history = History::new();
    let ended: Vec<(State, i64)> = (0..20_000).map(|number| (FINAL[number % 3], NOW.0 - MINUTE - history.any(100 * HOUR))).collect();
    history.end(&ended);
    let steps = |reader: &Reader, now: Timestamp| {
        let before = reader.link.steps();
        reader.status(now).expect("a status");
        reader.link.steps() - before
    };
    assert!(steps(&history.anew, NOW) > 20_000, "counted anew, each row is a step");
    assert!(steps(&history.keeping, NOW) > 20_000, "and so it is at first");
    let again = steps(&history.keeping, NOW + Length::seconds(1));
    assert!(again < 2_000, "{again} steps");
    history.end(&[(State::Completed, NOW.0 + SECOND); 100]);
    let more = steps(&history.keeping, NOW + Length::seconds(2));
    assert!(more < 3_000, "{more} steps with 100 more");
    let kept = history.keeping.ended.as_ref().expect("it keeps them").book();
    let pieces: usize =
        kept.as_ref().expect("a book").columns.iter().map(|column| column.hours.len() + column.minutes.len() + column.seconds.len()).sum();
    assert!(pieces < 3 * (600 + 26 * 60 + 100), "{pieces} pieces are kept");
}

#[test]
fn a_look_that_was_overtaken_counts_nothing_anew() {
    let mut history = History::new();
    history.end(&vec![(State::Completed, NOW.0 - HOUR); 5_000]);
    let steps = |reader: &Reader, now: Timestamp| {
        let before = reader.link.steps();
        reader.status(now).expect("a status");
        reader.link.steps() - before
    };
    assert!(steps(&history.keeping, NOW) > 5_000);
    let again = steps(&history.keeping, NOW + Length(-SECOND));
    assert!(again < 2_000, "{again} steps");
    let anew = steps(&history.keeping, NOW + Length(-SECOND - 1));
    assert!(anew > 5_000, "a clock that was set back: {anew} steps");
}

#[test]
fn where_very_many_jobs_end_not_every_look_counts_them_again() {
    let mut history = History::new();
    let completed = |history: &History, now: Timestamp| {
        history.keeping.advance_ended(now).expect("counted");
        history.keeping.finished_in(Timestamp(0), now + Length::days(1), i64::MAX - 1).expect("counts").completed.number
    };
    history.end(&vec![(State::Completed, NOW.0 - SECOND); 9_999]);
    assert_eq!(completed(&history, NOW), 9_999);
    history.end(&[(State::Completed, NOW.0); 2]);
    assert_eq!(completed(&history, NOW), 10_001, "so few are always counted");
    history.end(&[(State::Completed, NOW.0)]);
    let (soon, then) = (NOW + Length::millis(200), NOW + Length::millis(201));
    let before = history.keeping.link.steps();
    assert_eq!(completed(&history, soon), 10_001, "10,001 rows are 200.02 ms");
    let steps = history.keeping.link.steps() - before;
    assert!(steps < 1_000, "{steps} steps");
    assert_eq!(completed(&history, then), 10_002);
    // What a person does shows at once.
    let by = ByHand { who: "ada".into(), why: None };
    history.write(|store| store.delete(History::id(1), &by, then));
    assert_eq!(completed(&history, then), 10_001);
    let later = then + Length::seconds(7);
    assert_eq!(completed(&history, later), 10_001);
    history.end(&[(State::Completed, later.0)]);
    assert_eq!(completed(&history, later), 10_002, "the crowd is over");
}

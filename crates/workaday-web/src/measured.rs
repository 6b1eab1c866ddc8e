//! What was measured since this program began, as counters for a scrape.
//!
//! The figures come from several processes (the engine, web processes) and meet in the store, by the minute. A counter must
//! never go back, though minutes are pruned: so minutes that nobody adds to any more are counted once and kept here, and only
//! the last ones are read again by each scrape. After a restart they begin anew, as counters do.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::measure::{Figures, MINUTE_US, Metric, SeriesKind, minute_of};
use workaday_store::sqlite::read::MeasureFilter;
use workaday_store::{Reader, StoreError};

/// Figures that come later than this after their minute are in the pages, and not in the counters.
const STILL_COMING: Length = Length::minutes(5);
/// After so long without a scrape nobody follows the counters: they begin anew, and the scrape reads no day of minutes.
const FOLLOWED_WITHIN: Length = Length::hours(1);

/// Kind and name of a series, whatever its release.
pub type Name = (SeriesKind, String);

/// One series, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Attempts that ended, responses, connections.
    pub count: u64,
    pub errors: u64,
    pub unexpected: u64,
    /// Responses of 400 to 499.
    pub refused: u64,
    pub run_us: u64,
    pub db_calls: u64,
    pub db_us: u64,
    pub http_calls: u64,
    pub cache_hits: u64,
    pub cache_misses: u64,
}

impl Sum {
    fn add(&mut self, figures: &Figures) {
        self.count += figures.count;
        self.errors += figures.errors;
        self.unexpected += figures.unexpected;
        self.refused += figures.refused;
        self.run_us += figures.of(Metric::Run).sum();
        self.db_calls += figures.of(Metric::DbCalls).sum();
        self.db_us += figures.of(Metric::DbTime).sum();
        self.http_calls += figures.of(Metric::HttpCalls).sum();
        self.cache_hits += figures.cache_hits;
        self.cache_misses += figures.cache_misses;
    }
}

pub struct Measured(Mutex<Sums>);

struct Sums {
    /// The first minute that is not in `closed`.
    from: Timestamp,
    closed: BTreeMap<Name, Sum>,
}

impl Sums {
    fn beginning(at: Timestamp) -> Self {
        Self { from: minute(at), closed: BTreeMap::new() }
    }
}

impl Measured {
    pub fn since(now: Timestamp) -> Self {
        Self(Mutex::new(Sums::beginning(now)))
    }

    /// Every series that was measured since the beginning, queues left out: their attempts are those of their tasks.
    pub fn sums(&self, reader: &Reader, now: Timestamp) -> Result<BTreeMap<Name, Sum>, StoreError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back closes nothing again.
        let closing = minute(now - STILL_COMING).max(kept.from);
        if closing - kept.from > FOLLOWED_WITHIN {
            *kept = Sums::beginning(closing);
        }
        let mut closed = std::mem::take(&mut kept.closed);
        let read = if closing > kept.from { add(&mut closed, reader, kept.from, Some(closing)) } else { Ok(()) };
        if let Err(error) = read {
            *kept = Sums::beginning(closing); // half counted is counted wrongly
            return Err(error);
        }
        kept.from = closing;
        let mut sums = closed.clone();
        kept.closed = closed;
        add(&mut sums, reader, kept.from, None)?;
        Ok(sums)
    }
}

fn add(sums: &mut BTreeMap<Name, Sum>, reader: &Reader, from: Timestamp, to: Option<Timestamp>) -> Result<(), StoreError> {
    let filter = MeasureFilter { from: Some(from), to, ..MeasureFilter::default() };
    reader.each_measure(&filter, |row| {
        if row.series.kind != SeriesKind::Queue {
            sums.entry((row.series.kind, row.series.name)).or_default().add(&row.figures);
        }
    })
}

fn minute(at: Timestamp) -> Timestamp {
    Timestamp(minute_of(at) * MINUTE_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use workaday_core::measure::Series;
    use workaday_store::{Durability, OpenOptions, SqliteStore, Store, open_reader};

    const START: Timestamp = Timestamp(1_800_000_000_000_000);
    const SEND: &str = "shop.send";

    struct Scene {
        store: SqliteStore,
        reader: Reader,
        measured: Measured,
        _folder: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let database = folder.path().join("shop.db");
            let store = SqliteStore::open(&database, OpenOptions::default()).expect("a store");
            let reader = open_reader(&database).expect("a reader");
            Self { store, reader, measured: Measured::since(START), _folder: folder }
        }

        fn write(&mut self, act: impl FnOnce(&mut SqliteStore)) {
            self.store.begin(Durability::Full).expect("a transaction");
            act(&mut self.store);
            self.store.commit().expect("its commit");
        }

        fn ran(&mut self, at: Timestamp, kind: SeriesKind, release: &str, count: u64) {
            let series = Series { kind, name: SEND.into(), release: release.into() };
            let figures = Figures { count, errors: 1, ..Figures::default() };
            self.write(|store| store.add_measure(minute_of(at), &series, &figures).expect("figures"));
        }

        fn seen(&self, now: Timestamp) -> Option<(u64, u64)> {
            let sums = self.measured.sums(&self.reader, now).expect("sums");
            assert!(sums.keys().all(|(kind, _)| *kind == SeriesKind::Task), "{sums:?}");
            sums.get(&(SeriesKind::Task, SEND.to_owned())).map(|sum| (sum.count, sum.errors))
        }
    }

    #[test]
    fn releases_add_up_and_what_was_before_the_start_does_not_count() {
        let mut scene = Scene::new();
        scene.ran(START - Length::minutes(1), SeriesKind::Task, "r1", 100);
        assert_eq!(scene.seen(START), None);
        scene.ran(START, SeriesKind::Task, "r1", 3);
        scene.ran(START, SeriesKind::Task, "r2", 4);
        scene.ran(START, SeriesKind::Queue, "r2", 7);
        assert_eq!(scene.seen(START), Some((7, 2)));
    }

    #[test]
    fn a_counter_never_goes_back_when_its_minutes_are_pruned() {
        let mut scene = Scene::new();
        scene.ran(START, SeriesKind::Task, "r1", 3);
        let mut now = START;
        for _ in 0..40 {
            now = now + Length::minutes(2);
            assert_eq!(scene.seen(now), Some((3, 1)));
        }
        scene.write(|store| assert_eq!(store.prune_measures(now, 10).expect("pruned"), 1));
        scene.ran(now, SeriesKind::Task, "r1", 5);
        assert_eq!(scene.seen(now), Some((8, 2)));
        // A clock that is set back counts nothing twice.
        assert_eq!(scene.seen(now - Length::minutes(30)), Some((8, 2)));
        assert_eq!(scene.seen(now + Length::minutes(10)), Some((8, 2)));
    }

    #[test]
    fn what_comes_late_counts_while_its_minute_is_still_open() {
        let mut scene = Scene::new();
        scene.ran(START, SeriesKind::Task, "r1", 3);
        let later = START + Length::minutes(4);
        assert_eq!(scene.seen(later), Some((3, 1)));
        scene.ran(START, SeriesKind::Task, "r1", 2);
        assert_eq!(scene.seen(later), Some((5, 2)));
        assert_eq!(scene.seen(START + Length::minutes(9)), Some((5, 2)));
    }

    #[test]
    fn whom_nobody_followed_for_long_begins_anew() {
        let mut scene = Scene::new();
        scene.ran(START, SeriesKind::Task, "r1", 3);
        let later = START + Length::hours(30);
        scene.ran(later, SeriesKind::Task, "r1", 2);
        assert_eq!(scene.seen(later), Some((2, 1)));
    }
}

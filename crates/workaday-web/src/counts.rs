//! How many jobs there are, counted for all who ask: at most once a second, and anew after each act of a person.
//!
//! Two things are kept. The whole status: scrapes of several servers share it, for a second, and for longer where counting
//! is long ([`age_max`]). And what has ended ([`Ended`]), by hour, minute and second: history is not walked through again.

use crate::window::Window;
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use workaday_core::clock::{Length, Timestamp};
use workaday_core::explain::{Explain, Problem};
use workaday_store::Reader;
use workaday_store::sqlite::read::{Ended, Status};

const AGE_MAX: Length = Length::seconds(1);
const AGE_LONGEST: Length = Length::minutes(1);
/// Counting takes a two-hundredth of one core at most: a twentieth of a second for a backlog of two million, each ten seconds.
const SHARE: u32 = 200;

/// So old may a status be that is shown, when counting it took so much of a core. Ready jobs are counted by the pages of an
/// index, and whoever scrapes each second must not take from those jobs what they need themselves.
fn age_max(took: Duration) -> Length {
    let earned = Length(i64::try_from((took * SHARE).as_micros()).unwrap_or(i64::MAX));
    earned.clamp(AGE_MAX, AGE_LONGEST)
}

/// Of this thread: waiting for a busy machine is not work.
fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

#[derive(Default)]
pub struct Counts {
    ended: Arc<Ended>,
    status: Mutex<Option<Kept>>,
    /// Acts so far. A status that was read before the last one is not shown, also when the reading took longer than the act.
    acts: AtomicU64,
}

struct Kept {
    at: Timestamp,
    acts: u64,
    took: Duration,
    status: Arc<Status>,
}

impl Counts {
    /// What all readers share.
    pub fn ended(&self) -> Arc<Ended> {
        Arc::clone(&self.ended)
    }

    /// Jobs by state and queue, as they stood at most [`age_max`] before `now`.
    pub fn status(&self, reader: &Reader, now: Timestamp) -> Result<Arc<Status>, Problem> {
        // Held while it counts: who asks meanwhile takes the same answer and counts nothing.
        let mut kept = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let acts = self.acts.load(Ordering::Acquire);
        if let Some(known) = &*kept
            && known.acts == acts
            && (Length(0)..=age_max(known.took)).contains(&(now - known.at))
        {
            return Ok(Arc::clone(&known.status));
        }
        let began = processor_time();
        let status = Arc::new(reader.status(now).map_err(|error| error.problem())?);
        *kept = Some(Kept { at: now, acts, took: processor_time().saturating_sub(began), status: Arc::clone(&status) });
        Ok(status)
    }

    /// Somebody has done something: what is known may not be so any more.
    pub fn forget(&self) {
        self.acts.fetch_add(1, Ordering::AcqRel);
    }
}

/// Counts all that has ended, before anybody asks: of a million jobs that takes a tenth of a second. Asked again now and then,
/// it also finds what was taken out of the store by other hands. A failure is no harm: whoever asks counts then.
pub fn recount(window: &Window) {
    let counted = window.reader().and_then(|reader| window.counts.ended.recount(&reader, window.now()));
    if let Err(error) = counted {
        tracing::debug!(%error, "finished jobs could not be counted in advance");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use workaday_core::job::{JobId, Lane, State};
    use workaday_store::sqlite::{OpenOptions, SqliteStore};
    use workaday_store::{ByHand, NewJob, Store};

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn window() -> (tempfile::TempDir, Window) {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("shop.db");
        drop(SqliteStore::open(&database, OpenOptions::default()).expect("a store"));
        let sources = workaday_config::Sources { folder: folder.path().to_path_buf(), cores: 1, ..workaday_config::Sources::default() };
        let settings = workaday_config::load(&sources).expect("the defaults");
        let window = Window::new(Options::of(&settings, database, None), 1);
        (folder, window)
    }

    fn job(number: u128) -> NewJob {
        NewJob {
            id: JobId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)),
            task: "shop.send".into(),
            queue: "default".into(),
            priority: 0,
            lane: Lane::Sync,
            run_at: NOW,
            args: "{}".into(),
            expires_at: None,
            unique: None,
            tags: None,
            rerun_of: None,
            enqueued_release: None,
        }
    }

    /// Somebody else: the application, or the supervisor.
    fn elsewhere(window: &Window, number: u128) {
        let mut store = SqliteStore::open(&window.options.database, OpenOptions::default()).expect("a store");
        store.begin(workaday_store::Durability::Full).expect("the write lock");
        store.enqueue(&job(number), NOW).expect("an enqueue");
        store.commit().expect("the commit");
    }

    fn ready(window: &Window, now: Timestamp) -> i64 {
        let status = window.reading(|reader| window.counts.status(reader, now)).expect("a reader").expect("the status");
        status.queues.iter().map(|queue| queue.available).sum()
    }

    #[test]
    fn a_count_is_at_most_a_second_old() {
        let (_folder, window) = window();
        elsewhere(&window, 1);
        assert_eq!(ready(&window, NOW), 1);
        elsewhere(&window, 2);
        assert_eq!(ready(&window, NOW + Length::millis(999)), 1, "within the second nothing is counted again");
        assert_eq!(ready(&window, NOW + Length::millis(1_001)), 2);
        elsewhere(&window, 3);
        assert_eq!(ready(&window, NOW), 3, "a clock that was set back does not keep old counts");
    }

    #[test]
    fn what_takes_long_to_count_is_counted_less_often() {
        assert_eq!(age_max(Duration::from_millis(1)), Length::seconds(1));
        assert_eq!(age_max(Duration::from_millis(100)), Length::seconds(20));
        assert_eq!(age_max(Duration::from_secs(10)), Length::minutes(1), "and yet it is counted");
        let (_folder, window) = window();
        elsewhere(&window, 1);
        assert_eq!(ready(&window, NOW), 1);
        window.counts.status.lock().expect("the status").as_mut().expect("it was counted").took = Duration::from_millis(25);
        elsewhere(&window, 2);
        assert_eq!(ready(&window, NOW + Length::seconds(5)), 1);
        assert_eq!(ready(&window, NOW + Length::millis(5_001)), 2);
    }

    #[test]
    fn who_has_done_something_sees_it_at_once() {
        let (_folder, window) = window();
        elsewhere(&window, 1);
        assert_eq!(ready(&window, NOW), 1);
        let by = ByHand { who: "ada".into(), why: None };
        window.writing(|store| store.cancel(job(1).id, &by, NOW)).expect("the act");
        let status = window.reading(|reader| window.counts.status(reader, NOW)).expect("a reader").expect("the status");
        let of = |state: State| status.by_state.iter().find(|(known, _)| *known == state).map(|(_, count)| *count);
        assert_eq!((of(State::Available), of(State::Cancelled)), (Some(0), Some(1)));
        // And what it has undone again.
        window.writing(|store| store.retry(job(1).id, 3, &by, NOW)).expect("the act");
        assert_eq!(ready(&window, NOW), 1);
    }
}

//! Figures by minute: what counts, what does not, how much there may be, and that they reach the store.

use serde_json::json;
use workaday_core::clock::Length;
use workaday_core::measure::{Evidence, Figures, Metric, Series, SeriesKind, minute_of};
use workaday_engine::event::{Ended, Spent};
use workaday_engine::measurer::{MINUTES_BACK, Measurer, NAMES_MAX};
use workaday_engine::{Event, Settings};
use workaday_store::open_reader;
use workaday_store::sqlite::read::{MeasureFilter, MinuteRow};
use workaday_testkit::{TaskBuilder, World};

fn world() -> World {
    World::new(vec![TaskBuilder::sync("shop.pack").entry()])
}

fn rows(world: &World, kind: SeriesKind) -> Vec<MinuteRow> {
    let reader = open_reader(world.folder.path().join("workaday.db")).expect("a reader");
    reader.measures(&MeasureFilter { kind: Some(kind), ..MeasureFilter::default() }).expect("rows")
}

/// Runs the job that was sent, with what its child counted.
fn finish(world: &mut World, evidence: &serde_json::Value, spent: Spent, ended: Ended) {
    let (child, job) = world.sent.pop_front().expect("a job was sent");
    if let Some(evidence) = Evidence::read(&evidence.to_string()) {
        world.engine.handle(Event::Evidence { child, seq: job.seq, evidence: Box::new(evidence) }, world.now);
    }
    world.engine.handle(Event::Outcome { child, seq: job.seq, ended, spent }, world.now);
    world.run();
}

fn completed() -> Ended {
    Ended::Completed { result: Some("null".into()), mark: None }
}

fn later(world: &mut World) {
    world.advance(Length::seconds(6));
    world.run();
}

#[test]
fn attempts_become_figures_of_their_task_and_their_queue() {
    let mut world = world();
    for calls in [0, 12] {
        world.enqueue("shop.pack");
        world.run();
        let evidence = json!({"db_calls": calls, "db_us": 900, "cache_hits": 3, "cache_misses": 1, "statements": {"SELECT ?": calls}});
        let spent = Spent { ran_us: 2_000, cpu_us: 700, memory_peak_kib: 30_000, ..Spent::default() };
        finish(&mut world, &evidence, spent, completed());
    }
    world.enqueue("shop.pack");
    world.run();
    world.fail();
    later(&mut world);
    let of_task = rows(&world, SeriesKind::Task);
    assert_eq!(of_task.len(), 1);
    let figures = &of_task[0].figures;
    assert_eq!(of_task[0].series, Series { kind: SeriesKind::Task, name: "shop.pack".into(), release: of_task[0].series.release.clone() });
    assert_eq!((figures.count, figures.errors, figures.cache_hits, figures.cache_misses), (3, 1, 6, 2));
    assert_eq!((figures.of(Metric::Run).count(), figures.of(Metric::Cpu).sum()), (3, 1_400));
    assert_eq!(figures.of(Metric::DbCalls).buckets().collect::<Vec<_>>(), [(0, 2), (12, 1)], "none is a figure, too");
    assert_eq!(figures.of(Metric::Memory).max(), 30_000);
    assert_eq!(figures.statements["SELECT ?"].calls_max, 12);
    let of_queue = rows(&world, SeriesKind::Queue);
    assert_eq!((of_queue[0].series.name.as_str(), &of_queue[0].figures), ("default", figures));
}

#[test]
fn what_was_given_back_postponed_or_called_off_says_nothing_about_the_task() {
    let mut world = world();
    for ended in [Ended::Snoozed { until: world.now.wall + Length::hours(9) }, Ended::Cancelled { error: None }, Ended::GivenBack] {
        world.enqueue("shop.pack");
        world.run();
        world.answer(ended);
    }
    later(&mut world);
    assert_eq!(rows(&world, SeriesKind::Task), []);
}

#[test]
fn an_idle_engine_writes_no_figures() {
    let mut world = world();
    world.enqueue("shop.pack");
    world.run();
    world.complete();
    later(&mut world);
    let before = rows(&world, SeriesKind::Task);
    assert_eq!(before[0].figures.count, 1);
    assert!(world.engine.measurer.is_empty() && world.engine.measurer.due_at().is_none(), "nothing left to write");
    later(&mut world);
    assert_eq!(rows(&world, SeriesKind::Task), before);
}

#[test]
fn a_result_that_is_not_expected_is_recorded_counted_and_alerted() {
    let mut world = World::new(vec![TaskBuilder::sync("shop.pack").with("expects", json!("a parcel")).entry()]);
    for _ in 0..2 {
        let id = world.enqueue("shop.pack");
        world.run();
        finish(&mut world, &json!({"unexpected": "the result is None"}), Spent::default(), completed());
        assert_eq!((world.state(id).as_str(), world.reason(id).as_deref()), ("completed", Some("unexpected")));
        let why: Option<String> =
            world.look("SELECT unexpected FROM workaday_attempts WHERE job = (SELECT key FROM workaday_finished WHERE id = ?1)", id);
        assert_eq!(why.as_deref(), Some("the result is None"));
    }
    later(&mut world);
    assert_eq!(world.alerts("job.unexpected"), 1, "one alert a task, counted up");
    assert_eq!(rows(&world, SeriesKind::Task)[0].figures.unexpected, 2);
}

#[test]
fn a_run_that_is_done_too_late_is_not_expected_either() {
    let mut world = World::new(vec![TaskBuilder::sync("shop.pack").with("expects_within_us", json!(60_000_000)).entry()]);
    let in_time = world.enqueue("shop.pack");
    world.run();
    world.complete();
    assert_eq!(world.reason(in_time), None);
    let late = world.enqueue("shop.pack");
    world.run();
    world.advance(Length::seconds(61));
    world.complete();
    assert_eq!(world.reason(late).as_deref(), Some("unexpected"));
}

#[test]
fn an_unexpected_result_that_is_to_be_tried_again_is_a_failed_attempt() {
    let mut world = world();
    let id = world.enqueue("shop.pack");
    world.run();
    finish(
        &mut world,
        &json!({"unexpected": "the result has 0 rows"}),
        Spent::default(),
        Ended::Failed { error: "{}".into(), retry: true },
    );
    assert_eq!((world.state(id).as_str(), world.outcomes(id).as_str()), ("retryable", "failed"));
    assert_eq!(world.alerts("job.unexpected"), 1);
}

#[test]
fn names_beyond_the_bound_of_a_minute_are_put_together() {
    let world = world();
    let mut measurer = Measurer::default();
    let route = |number: usize| Series { kind: SeriesKind::Route, name: format!("GET /{number}"), release: "r1".into() };
    let minute = minute_of(world.now.wall);
    for number in 0..NAMES_MAX + 50 {
        assert!(measurer.add(minute, route(number), &Figures { count: 1, ..Figures::default() }, world.now));
    }
    let mut store = workaday_store::SqliteStore::open(world.folder.path().join("other.db"), Default::default()).expect("a store");
    use workaday_store::Store;
    store.begin(workaday_store::Durability::Lazy).expect("the write lock");
    assert_eq!(measurer.run_once(&mut store).expect("written"), NAMES_MAX + 1);
    store.commit().expect("the commit");
    let reader = open_reader(world.folder.path().join("other.db")).expect("a reader");
    let other = MeasureFilter { name: Some("(other)".into()), ..MeasureFilter::default() };
    assert_eq!(reader.measures(&other).expect("rows")[0].figures.count, 50);
}

#[test]
fn a_minute_that_is_far_away_is_refused() {
    let world = world();
    let mut measurer = Measurer::default();
    let series = Series { kind: SeriesKind::Route, name: "GET /".into(), release: "r1".into() };
    let now = minute_of(world.now.wall);
    for (minute, taken) in [(now - MINUTES_BACK, true), (now - MINUTES_BACK - 1, false), (now + 1, true), (now + 2, false)] {
        assert_eq!(measurer.add(minute, series.clone(), &Figures::default(), world.now), taken, "{}", minute - now);
    }
}

#[test]
fn a_drain_leaves_no_figure_behind() {
    let mut world = world();
    world.enqueue("shop.pack");
    world.run();
    world.engine.stop(world.now);
    world.complete();
    let children: Vec<_> = world.engine.crew.children.keys().copied().collect();
    children.into_iter().for_each(|child| world.die(child, None));
    world.run();
    assert!(world.engine.is_done(), "without waiting for the clock");
    assert_eq!(rows(&world, SeriesKind::Task)[0].figures.count, 1);
}

#[test]
fn figures_past_their_retention_are_pruned() {
    let mut world = World::with(
        vec![TaskBuilder::sync("shop.pack").entry()],
        Settings { processes: 1, retain_measures: Length::hours(1), ..Settings::default() },
    );
    world.enqueue("shop.pack");
    world.run();
    world.complete();
    later(&mut world);
    assert_eq!(rows(&world, SeriesKind::Task).len(), 1);
    world.advance(Length::hours(2));
    world.run();
    assert_eq!(rows(&world, SeriesKind::Task), []);
}

#[test]
fn lines_past_their_retention_are_pruned_and_their_job_is_kept() {
    let mut world = World::with(
        vec![TaskBuilder::sync("shop.pack").entry()],
        Settings { processes: 1, retain_logs: Length::hours(1), ..Settings::default() },
    );
    let line = workaday_store::LogLine {
        job: workaday_core::job::JobKey(1),
        fence: workaday_core::job::Fence(1),
        seq: 1,
        at: world.now.wall,
        stream: "stderr",
        level: None,
        logger: None,
        text: "x".into(),
    };
    world.engine.store().begin(workaday_store::Durability::Full).expect("begin");
    world.engine.store().append_logs(&[line]).expect("a line");
    world.engine.store().commit().expect("commit");
    let left = |world: &mut World| {
        world.engine.store().begin(workaday_store::Durability::Full).expect("begin");
        let (all, _) =
            world.engine.store().prune_logs(workaday_core::clock::Timestamp(i64::MAX), Default::default(), 10).expect("counting");
        world.engine.store().rollback();
        all
    };
    later(&mut world);
    assert_eq!(left(&mut world), 1);
    world.advance(Length::hours(2));
    world.run();
    assert_eq!(left(&mut world), 0);
}

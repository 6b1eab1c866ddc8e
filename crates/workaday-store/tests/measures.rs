//! Measures: many flushes of a minute make one row, series are known without reading minutes, retention bounds both.

#[path = "conformance/mod.rs"]
#[allow(dead_code, reason = "each test file uses some of these")]
mod suite;

use suite::{NOW, Subject, later};
use workaday_core::clock::{Length, Timestamp};
use workaday_core::measure::{Figures, MINUTE_US, Metric, Series, SeriesKind, minute_of};
use workaday_store::sqlite::read::{MeasureFilter, Reader};
use workaday_store::{OpenOptions, SqliteStore, open_reader};

fn store() -> (Subject, Reader) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("workaday.db");
    let store = SqliteStore::open(&path, OpenOptions::default()).expect("a fresh store");
    let side = rusqlite::Connection::open(&path).expect("a second connection");
    let reader = open_reader(&path).expect("a reader");
    let run_sql = Box::new(move |sql: &str| side.execute(sql, []).expect("the statement of the test"));
    (Subject { store: Box::new(store), run_sql, _kept: Box::new(folder) }, reader)
}

fn series(kind: SeriesKind, name: &str, release: &str) -> Series {
    Series { kind, name: name.into(), release: release.into() }
}

fn figures(runs: &[u64]) -> Figures {
    let mut figures = Figures { count: runs.len() as u64, ..Figures::default() };
    runs.iter().for_each(|run| figures.record(Metric::Run, *run));
    figures
}

fn add(subject: &mut Subject, at: Timestamp, series: &Series, figures: &Figures) {
    subject.write(|store| store.add_measure(minute_of(at), series, figures)).expect("figures");
}

#[test]
fn flushes_of_one_minute_add_up_in_one_row() {
    let (mut subject, reader) = store();
    let send = series(SeriesKind::Task, "shop.send", "r1");
    add(&mut subject, NOW, &send, &figures(&[100, 200]));
    let mut more = Figures { errors: 1, unexpected: 1, refused: 2, cache_hits: 3, cache_misses: 4, ..figures(&[900_000]) };
    more.record(Metric::DbCalls, 12);
    more.suspect("SELECT ?", 12);
    add(&mut subject, NOW + Length::seconds(3), &send, &more);
    let rows = reader.measures(&MeasureFilter::default()).expect("rows");
    assert_eq!(rows.len(), 1);
    let mut whole = figures(&[100, 200]);
    whole.merge(&more);
    assert_eq!(rows[0].figures, whole, "every column comes back");
    assert_eq!((rows[0].minute.0 % MINUTE_US, &rows[0].series), (0, &send));
}

#[test]
fn minutes_are_found_by_kind_name_release_and_span() {
    let (mut subject, reader) = store();
    let all = [
        (0, series(SeriesKind::Task, "shop.send", "r1")),
        (60, series(SeriesKind::Task, "shop.send", "r2")),
        (120, series(SeriesKind::Task, "shop.report", "r2")),
        (120, series(SeriesKind::Route, "GET /orders/{id}", "r2")),
        (180, series(SeriesKind::Route, "GET /orders/{id}", "r2")),
    ];
    for (after, series) in &all {
        add(&mut subject, later(*after), series, &figures(&[5]));
    }
    let count = |filter: MeasureFilter| reader.measures(&filter).expect("rows").len();
    let none = MeasureFilter::default;
    assert_eq!(count(none()), 5);
    assert_eq!(count(MeasureFilter { kind: Some(SeriesKind::Task), ..none() }), 3);
    assert_eq!(count(MeasureFilter { kind: Some(SeriesKind::Task), name: Some("shop.send".into()), ..none() }), 2);
    assert_eq!(count(MeasureFilter { name: Some("shop.send".into()), release: Some("r2".into()), ..none() }), 1);
    assert_eq!(count(MeasureFilter { release: Some("r2".into()), ..none() }), 4);
    assert_eq!(count(MeasureFilter { from: Some(later(60)), to: Some(later(180)), ..none() }), 3, "`to` is left out");
    assert_eq!(count(MeasureFilter { from: Some(later(61)), ..none() }), 3, "a minute that had begun before is left out");
    let sums = reader.measured(&MeasureFilter { kind: Some(SeriesKind::Route), ..none() }).expect("sums");
    assert_eq!(sums.values().map(|figures| figures.count).collect::<Vec<_>>(), [2]);
    let names = reader.measured_names(Some(SeriesKind::Task)).expect("names");
    assert_eq!(names.into_iter().map(|(_, name)| name).collect::<Vec<_>>(), ["shop.report", "shop.send"]);
    assert_eq!(reader.measured_releases().expect("releases"), [("r1".into(), NOW, NOW), ("r2".into(), later(60), later(180))]);
}

#[test]
fn retention_ends_minutes_and_series_in_steps() {
    let (mut subject, reader) = store();
    let (old, new) = (series(SeriesKind::Task, "gone", "r1"), series(SeriesKind::Task, "here", "r1"));
    for minute in 0..5 {
        add(&mut subject, later(minute * 60), &old, &figures(&[5]));
    }
    add(&mut subject, later(3_600), &new, &figures(&[5]));
    let mut prune = || subject.write(|store| store.prune_measures(later(3_600), 3)).expect("a step");
    assert_eq!([prune(), prune(), prune()], [3, 2, 0]);
    assert_eq!(reader.series(None, None, None).expect("series").into_iter().map(|row| row.series).collect::<Vec<_>>(), [new]);
}

#[test]
fn a_damaged_row_keeps_no_new_figures_out() {
    let (mut subject, reader) = store();
    let send = series(SeriesKind::Task, "shop.send", "r1");
    add(&mut subject, NOW, &send, &figures(&[100]));
    (subject.run_sql)("UPDATE workaday_measures SET run_us = x'ff00'");
    assert!(reader.measures(&MeasureFilter::default()).is_err(), "a reader does not take damage for a figure");
    add(&mut subject, NOW, &send, &figures(&[300]));
    assert_eq!(reader.measures(&MeasureFilter::default()).expect("rows")[0].figures, figures(&[300]));
}
